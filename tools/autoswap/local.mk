# SPDX-License-Identifier: GPL-2.0-or-later
# rzs-autoswap.

RZS_AUTOSWAP_CPPFLAGS = $(RZS_SWAP_CPPFLAGS) -I$(srcdir)/tools/autoswap -I$(srcdir)/port/user

# All of it but main(), for the unit tests too.
noinst_LTLIBRARIES += librzsa.la
librzsa_la_SOURCES = \
	tools/autoswap/rzsa.c \
	tools/autoswap/rzsa.h \
	tools/autoswap/rzsa_grow.c \
	tools/autoswap/rzsa_guard.c \
	tools/autoswap/rzsa_guard.h \
	tools/autoswap/rzsa_ladder.h \
	tools/autoswap/rzsa_overlay.c \
	tools/autoswap/rzsa_overlay.h \
	tools/autoswap/rzsa_release.c \
	tools/autoswap/rzsa_simulate.c \
	tools/autoswap/rzsa_simulate.h \
	tools/autoswap/rzsa_state.c \
	tools/autoswap/rzsa_state.h \
	tools/autoswap/rzsa_trace.c \
	tools/autoswap/rzsa_trace.h \
	tools/autoswap/rzsa_view.c \
	tools/autoswap/rzsa_view.h \
	tools/autoswap/rzsa_worth.c \
	tools/autoswap/rzsa_worth.h
librzsa_la_CPPFLAGS = $(RZS_AUTOSWAP_CPPFLAGS)
librzsa_la_LIBADD = librzsareas.la

sbin_PROGRAMS += tools/autoswap/rzs-autoswap
tools_autoswap_rzs_autoswap_SOURCES = tools/autoswap/rzs-autoswap.c
tools_autoswap_rzs_autoswap_CPPFLAGS = $(RZS_AUTOSWAP_CPPFLAGS)
tools_autoswap_rzs_autoswap_LDADD = librzsa.la

EXTRA_DIST += tools/autoswap/rzs-autoswap.pod
RZS_PODS += tools/autoswap/rzs-autoswap.pod
dist_man8_MANS += tools/autoswap/rzs-autoswap.8
MAINTAINERCLEANFILES += tools/autoswap/rzs-autoswap.8

tools/autoswap/rzs-autoswap.8: tools/autoswap/rzs-autoswap.pod
	$(AM_V_GEN)$(MKDIR_P) tools/autoswap && $(POD2MAN) --section=8 --center=ramzswap --utf8 \
		--release='ramzswap $(VERSION)' $(srcdir)/tools/autoswap/rzs-autoswap.pod $@.tmp && \
		mv $@.tmp $@
