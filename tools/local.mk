# SPDX-License-Identifier: GPL-2.0-or-later
# rzscontrol, and the other programs to come.

RZS_TOOLS_CPPFLAGS = $(RZS_PROTO_CPPFLAGS) -I$(srcdir)/tools -I$(srcdir)/kmod-fallback -I$(srcdir)/port/user \
	-DRZS_SBINDIR='"$(sbindir)"'

# All of it but main(), for the unit tests too.
noinst_LTLIBRARIES += librzsc.la
librzsc_la_SOURCES = \
	kmod-fallback/ramzswap_figures.h \
	kmod-fallback/ramzswap_ioctl.h \
	tools/rzsc.h \
	tools/rzsc_attach.c \
	tools/rzsc_backend.c \
	tools/rzsc_backend.h \
	tools/rzsc_change.c \
	tools/rzsc_device.c \
	tools/rzsc_find.c \
	tools/rzsc_find.h \
	tools/rzsc_json.c \
	tools/rzsc_json.h \
	tools/rzsc_kernel.c \
	tools/rzsc_kernel.h \
	tools/rzsc_kernel_node.c \
	tools/rzsc_kernel_node.h \
	tools/rzsc_listens.c \
	tools/rzsc_listens.h \
	tools/rzsc_metrics.c \
	tools/rzsc_metrics.h \
	tools/rzsc_nbd.c \
	tools/rzsc_nbd.h \
	tools/rzsc_openmetrics.c \
	tools/rzsc_sample.c \
	tools/rzsc_sample.h \
	tools/rzsc_show.c \
	tools/rzsc_show.h \
	tools/rzsc_socket.c \
	tools/rzsc_stats.c \
	tools/rzsc_stats.h \
	tools/rzsc_swap.c \
	tools/rzsc_swap.h \
	tools/rzsc_util.c \
	tools/rzsc_watch.c \
	tools/rzsc_wire.c \
	tools/rzsc_wire.h
librzsc_la_CPPFLAGS = $(RZS_TOOLS_CPPFLAGS)
librzsc_la_LIBADD = librzsproto.la

sbin_PROGRAMS += tools/rzscontrol
tools_rzscontrol_SOURCES = tools/rzscontrol.c
tools_rzscontrol_CPPFLAGS = $(RZS_TOOLS_CPPFLAGS)
tools_rzscontrol_LDADD = librzsc.la

EXTRA_DIST += tools/rzscontrol.pod tools/completions/rzscontrol
RZS_PODS += tools/rzscontrol.pod
dist_man8_MANS += tools/rzscontrol.8
MAINTAINERCLEANFILES += tools/rzscontrol.8

tools/rzscontrol.8: tools/rzscontrol.pod
	$(AM_V_GEN)$(MKDIR_P) tools && $(POD2MAN) --section=8 --center=ramzswap --utf8 \
		--release='ramzswap $(VERSION)' $(srcdir)/tools/rzscontrol.pod $@.tmp && \
		mv $@.tmp $@

if BASH_COMPLETION
bashcompletiondir = $(BASHCOMPLETIONDIR)
bashcompletion_DATA = tools/completions/rzsbench tools/completions/rzscontrol
endif
