# SPDX-License-Identifier: GPL-2.0-or-later
# rzs-swapoff.

RZS_SWAPOFF_CPPFLAGS = $(RZS_SWAP_CPPFLAGS) -I$(srcdir)/tools/swapoff -I$(srcdir)/port/user

# All of it but main(), for the unit tests too.
noinst_LTLIBRARIES += librzsf.la
librzsf_la_SOURCES = \
	tools/swapoff/rzsf.h \
	tools/swapoff/rzsf_off.c \
	tools/swapoff/rzsf_off.h \
	tools/swapoff/rzsf_progress.c \
	tools/swapoff/rzsf_progress.h \
	tools/swapoff/rzsf_targets.c \
	tools/swapoff/rzsf_targets.h
librzsf_la_CPPFLAGS = $(RZS_SWAPOFF_CPPFLAGS)
librzsf_la_LIBADD = librzsswap.la

sbin_PROGRAMS += tools/swapoff/rzs-swapoff
tools_swapoff_rzs_swapoff_SOURCES = tools/swapoff/rzs-swapoff.c
tools_swapoff_rzs_swapoff_CPPFLAGS = $(RZS_SWAPOFF_CPPFLAGS)
tools_swapoff_rzs_swapoff_LDADD = librzsf.la

EXTRA_DIST += tools/swapoff/rzs-swapoff.pod
RZS_PODS += tools/swapoff/rzs-swapoff.pod
dist_man8_MANS += tools/swapoff/rzs-swapoff.8
MAINTAINERCLEANFILES += tools/swapoff/rzs-swapoff.8

tools/swapoff/rzs-swapoff.8: tools/swapoff/rzs-swapoff.pod
	$(AM_V_GEN)$(MKDIR_P) tools/swapoff && $(POD2MAN) --section=8 --center=ramzswap --utf8 \
		--release='ramzswap $(VERSION)' $(srcdir)/tools/swapoff/rzs-swapoff.pod $@.tmp && \
		mv $@.tmp $@
