# SPDX-License-Identifier: GPL-2.0-or-later
# rzscontrol.

RZS_TOOLS_CPPFLAGS = $(RZS_SWAP_CPPFLAGS) -I$(srcdir)/tools/rzscontrol -I$(srcdir)/port/user -DRZS_SBINDIR='"$(sbindir)"' \
	-DRZS_SYSCONFDIR='"$(sysconfdir)"' -DRZS_PKGLIBEXECDIR='"$(pkglibexecdir)"'

# All of it but main(), for the unit tests too.
noinst_LTLIBRARIES += librzsc.la
librzsc_la_SOURCES = \
	kmod-fallback/ramzswap_stats.h \
	tools/rzscontrol/rzsc.h \
	tools/rzscontrol/rzsc_attach.c \
	tools/rzscontrol/rzsc_change.c \
	tools/rzscontrol/rzsc_device.c \
	tools/rzscontrol/rzsc_find.c \
	tools/rzscontrol/rzsc_find.h \
	tools/rzscontrol/rzsc_listens.c \
	tools/rzscontrol/rzsc_listens.h \
	tools/rzscontrol/rzsc_merge.c \
	tools/rzscontrol/rzsc_metrics.c \
	tools/rzscontrol/rzsc_metrics.h \
	tools/rzscontrol/rzsc_nbd.c \
	tools/rzscontrol/rzsc_nbd.h \
	tools/rzscontrol/rzsc_openmetrics.c \
	tools/rzscontrol/rzsc_report.c \
	tools/rzscontrol/rzsc_report.h \
	tools/rzscontrol/rzsc_report_server.c \
	tools/rzscontrol/rzsc_sample.c \
	tools/rzscontrol/rzsc_sample.h \
	tools/rzscontrol/rzsc_setup.c \
	tools/rzscontrol/rzsc_setup.h \
	tools/rzscontrol/rzsc_setup_look.c \
	tools/rzscontrol/rzsc_setup_plan.c \
	tools/rzscontrol/rzsc_show.c \
	tools/rzscontrol/rzsc_show.h \
	tools/rzscontrol/rzsc_spill.c \
	tools/rzscontrol/rzsc_stats.c \
	tools/rzscontrol/rzsc_stats.h \
	tools/rzscontrol/rzsc_swap.c \
	tools/rzscontrol/rzsc_swap.h \
	tools/rzscontrol/rzsc_upgrade.c \
	tools/rzscontrol/rzsc_watch.c
librzsc_la_CPPFLAGS = $(RZS_TOOLS_CPPFLAGS)
librzsc_la_LIBADD = librzsareas.la

sbin_PROGRAMS += tools/rzscontrol/rzscontrol
tools_rzscontrol_rzscontrol_SOURCES = tools/rzscontrol/rzscontrol.c
tools_rzscontrol_rzscontrol_CPPFLAGS = $(RZS_TOOLS_CPPFLAGS)
tools_rzscontrol_rzscontrol_LDADD = librzsc.la

EXTRA_DIST += tools/rzscontrol/rzscontrol.pod
RZS_PODS += tools/rzscontrol/rzscontrol.pod
dist_man8_MANS += tools/rzscontrol/rzscontrol.8
MAINTAINERCLEANFILES += tools/rzscontrol/rzscontrol.8

tools/rzscontrol/rzscontrol.8: tools/rzscontrol/rzscontrol.pod
	$(AM_V_GEN)$(MKDIR_P) tools/rzscontrol && $(POD2MAN) --section=8 --center=ramzswap --utf8 \
		--release='ramzswap $(VERSION)' $(srcdir)/tools/rzscontrol/rzscontrol.pod $@.tmp && \
		mv $@.tmp $@
