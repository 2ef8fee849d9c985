# SPDX-License-Identifier: GPL-2.0-or-later
# rzs-autoswap.

RZS_AUTOSWAP_CPPFLAGS = $(RZS_SWAP_CPPFLAGS) -I$(srcdir)/tools/autoswap -I$(srcdir)/conf -I$(srcdir)/port/user \
	-DRZSA_CONF_FILE='"$(sysconfdir)/rzs/rzs-autoswap.conf"'

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

# Without libinih there is no configuration, and no program, as with rzsd.
if HAVE_INIH
noinst_LTLIBRARIES += librzsasettings.la
sbin_PROGRAMS += tools/autoswap/rzs-autoswap
dist_man5_MANS += tools/autoswap/rzs-autoswap.conf.5
dist_man8_MANS += tools/autoswap/rzs-autoswap.8
dist_doc_DATA += tools/autoswap/rzs-autoswap.conf.example
endif
librzsasettings_la_SOURCES = \
	tools/autoswap/rzsa_actors.c \
	tools/autoswap/rzsa_actors.h \
	tools/autoswap/rzsa_board.c \
	tools/autoswap/rzsa_board.h \
	tools/autoswap/rzsa_collect.c \
	tools/autoswap/rzsa_collect.h \
	tools/autoswap/rzsa_daemon.c \
	tools/autoswap/rzsa_daemon.h \
	tools/autoswap/rzsa_daemon_private.h \
	tools/autoswap/rzsa_daemon_tell.c \
	tools/autoswap/rzsa_files.c \
	tools/autoswap/rzsa_files.h \
	tools/autoswap/rzsa_files_dir.c \
	tools/autoswap/rzsa_files_io.c \
	tools/autoswap/rzsa_files_private.h \
	tools/autoswap/rzsa_helper.c \
	tools/autoswap/rzsa_helper.h \
	tools/autoswap/rzsa_inside.c \
	tools/autoswap/rzsa_inside.h \
	tools/autoswap/rzsa_keys.def \
	tools/autoswap/rzsa_live.h \
	tools/autoswap/rzsa_log.c \
	tools/autoswap/rzsa_log.h \
	tools/autoswap/rzsa_record.c \
	tools/autoswap/rzsa_server.c \
	tools/autoswap/rzsa_server.h \
	tools/autoswap/rzsa_settings.c \
	tools/autoswap/rzsa_settings.h \
	tools/autoswap/rzsa_settings_read.c \
	tools/autoswap/rzsa_status.c \
	tools/autoswap/rzsa_watch.c
librzsasettings_la_CPPFLAGS = $(RZS_AUTOSWAP_CPPFLAGS)
librzsasettings_la_LIBADD = librzsa.la librzsswap.la librzsconf.la librzsvalue.la librzsservice.la librzsport.la
tools_autoswap_rzs_autoswap_SOURCES = tools/autoswap/rzs-autoswap.c
tools_autoswap_rzs_autoswap_CPPFLAGS = $(RZS_AUTOSWAP_CPPFLAGS)
tools_autoswap_rzs_autoswap_LDADD = librzsasettings.la

EXTRA_DIST += tools/autoswap/rzs-autoswap.conf.pod tools/autoswap/rzs-autoswap.pod
RZS_PODS += tools/autoswap/rzs-autoswap.conf.pod tools/autoswap/rzs-autoswap.pod
MAINTAINERCLEANFILES += tools/autoswap/rzs-autoswap.8 tools/autoswap/rzs-autoswap.conf.5

tools/autoswap/rzs-autoswap.8: tools/autoswap/rzs-autoswap.pod
	$(AM_V_GEN)$(MKDIR_P) tools/autoswap && $(POD2MAN) --section=8 --center=ramzswap --utf8 \
		--release='ramzswap $(VERSION)' $(srcdir)/tools/autoswap/rzs-autoswap.pod $@.tmp && \
		mv $@.tmp $@

tools/autoswap/rzs-autoswap.conf.5: tools/autoswap/rzs-autoswap.conf.pod
	$(AM_V_GEN)$(MKDIR_P) tools/autoswap && $(POD2MAN) --section=5 --center=ramzswap --utf8 \
		--name=RZS-AUTOSWAP.CONF --release='ramzswap $(VERSION)' \
		$(srcdir)/tools/autoswap/rzs-autoswap.conf.pod $@.tmp && mv $@.tmp $@
