# SPDX-License-Identifier: GPL-2.0-or-later
# rzsbench.  What bench/'s own programs share with it is in librzsbench.la.

RZS_BENCH_CPPFLAGS = $(RZS_USER_CPPFLAGS) -I$(srcdir)/tools/common -I$(srcdir)/tools/rzsbench

noinst_LTLIBRARIES += librzsbench.la
librzsbench_la_SOURCES = \
	tools/rzsbench/rzsb.h \
	tools/rzsbench/rzsb_advice.c \
	tools/rzsbench/rzsb_advice.h \
	tools/rzsbench/rzsb_args.c \
	tools/rzsbench/rzsb_args.h \
	tools/rzsbench/rzsb_cmd.h \
	tools/rzsbench/rzsb_corpus.c \
	tools/rzsbench/rzsb_files.c \
	tools/rzsbench/rzsb_files.h \
	tools/rzsbench/rzsb_idle.c \
	tools/rzsbench/rzsb_idle.h \
	tools/rzsbench/rzsb_json.c \
	tools/rzsbench/rzsb_measure.c \
	tools/rzsbench/rzsb_measure.h \
	tools/rzsbench/rzsb_method.c \
	tools/rzsbench/rzsb_method.h \
	tools/rzsbench/rzsb_models.c \
	tools/rzsbench/rzsb_models.h \
	tools/rzsbench/rzsb_process.c \
	tools/rzsbench/rzsb_process.h \
	tools/rzsbench/rzsb_sample.c \
	tools/rzsbench/rzsb_sample.h \
	tools/rzsbench/rzsb_source.c \
	tools/rzsbench/rzsb_source.h \
	tools/rzsbench/rzsb_store.c \
	tools/rzsbench/rzsb_store.h \
	tools/rzsbench/rzsb_util.c \
	tools/rzsbench/rzsb_zram.c \
	tools/rzsbench/rzsb_zram.h
librzsbench_la_CPPFLAGS = $(RZS_BENCH_CPPFLAGS)
librzsbench_la_LIBADD = librzstool.la $(LZO_LIBS) $(LZ4_LIBS) $(ZSTD_LIBS) -lm

bin_PROGRAMS += tools/rzsbench/rzsbench
tools_rzsbench_rzsbench_SOURCES = \
	tools/rzsbench/rzsb_capture.c \
	tools/rzsbench/rzsb_pages.c \
	tools/rzsbench/rzsb_pages.h \
	tools/rzsbench/rzsb_pages_show.c \
	tools/rzsbench/rzsb_plot.c \
	tools/rzsbench/rzsb_plot.h \
	tools/rzsbench/rzsb_report.c \
	tools/rzsbench/rzsb_report.h \
	tools/rzsbench/rzsb_report_plots.c \
	tools/rzsbench/rzsb_spawn.c \
	tools/rzsbench/rzsb_spawn.h \
	tools/rzsbench/rzsb_swap.c \
	tools/rzsbench/rzsbench.c
tools_rzsbench_rzsbench_CPPFLAGS = $(RZS_BENCH_CPPFLAGS) $(LIBNBD_CFLAGS)
tools_rzsbench_rzsbench_LDADD = librzsbench.la librzscore.la librzsport.la $(RZS_LIBS)
if HAVE_LIBNBD
tools_rzsbench_rzsbench_SOURCES += \
	tools/rzsbench/rzsb_device.c \
	tools/rzsbench/rzsb_device.h \
	tools/rzsbench/rzsb_block.c \
	tools/rzsbench/rzsb_device_cases.c \
	tools/rzsbench/rzsb_device_copy.c \
	tools/rzsbench/rzsb_device_feed.c \
	tools/rzsbench/rzsb_device_feed.h \
	tools/rzsbench/rzsb_device_swap.c \
	tools/rzsbench/rzsb_nbd.c \
	tools/rzsbench/rzsb_nbd.h \
	tools/rzsbench/rzsb_peers.c \
	tools/rzsbench/rzsb_peers.h \
	tools/rzsbench/rzsb_target.c \
	tools/rzsbench/rzsb_target.h
tools_rzsbench_rzsbench_LDADD += $(LIBNBD_LIBS)
else
tools_rzsbench_rzsbench_SOURCES += tools/rzsbench/rzsb_no_device.c
endif

EXTRA_DIST += tools/rzsbench/rzsbench.pod
RZS_PODS += tools/rzsbench/rzsbench.pod
dist_man1_MANS += tools/rzsbench/rzsbench.1
MAINTAINERCLEANFILES += tools/rzsbench/rzsbench.1

tools/rzsbench/rzsbench.1: tools/rzsbench/rzsbench.pod
	$(AM_V_GEN)$(MKDIR_P) tools/rzsbench && $(POD2MAN) --section=1 --center=ramzswap --utf8 \
		--release='ramzswap $(VERSION)' $(srcdir)/tools/rzsbench/rzsbench.pod $@.tmp && \
		mv $@.tmp $@
