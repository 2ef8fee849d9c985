# SPDX-License-Identifier: GPL-2.0-or-later
# rzsd.

RZS_SERVER_CPPFLAGS = $(RZS_HOST_CPPFLAGS) -I$(srcdir)/proto -I$(srcdir)/server \
	-DRZS_CONFIG_FILE='"$(sysconfdir)/rzs/rzsd.conf"'

# The data path, and what it does to a device: a benchmark has another answer to the latter.
noinst_LTLIBRARIES += librzsio.la librzsdispatch.la
librzsio_la_SOURCES = \
	server/conn.c \
	server/conn.h \
	server/conn_hold.c \
	server/conn_private.h \
	server/conn_read.c \
	server/conn_serve.c \
	server/dispatch.h \
	server/io_loop.c \
	server/io_loop.h \
	server/request.c \
	server/request.h

if HAVE_INIH
noinst_LTLIBRARIES += librzsconfig.la
endif
librzsconfig_la_SOURCES = \
	server/config.c \
	server/config.h \
	server/config_complete.c \
	server/config_listen.c \
	server/config_private.h \
	server/config_read.c \
	server/server_keys.def
librzsconfig_la_CPPFLAGS = $(RZS_SERVER_CPPFLAGS)
librzsconfig_la_CFLAGS = $(AM_CFLAGS) -fvisibility=hidden
librzsconfig_la_LIBADD = librzsconf.la

EXTRA_DIST += server/rzsd.conf.pod
RZS_PODS += server/rzsd.conf.pod
MAINTAINERCLEANFILES += server/rzsd.conf.5

if HAVE_INIH
dist_man5_MANS += server/rzsd.conf.5
dist_doc_DATA += server/rzsd.conf.example
endif

server/rzsd.conf.5: server/rzsd.conf.pod
	$(AM_V_GEN)$(MKDIR_P) server && $(POD2MAN) --section=5 --center=ramzswap --utf8 \
		--name=RZSD.CONF --release='ramzswap $(VERSION)' $(srcdir)/server/rzsd.conf.pod \
		$@.tmp && mv $@.tmp $@
librzsio_la_CPPFLAGS = $(RZS_SERVER_CPPFLAGS)
librzsio_la_CFLAGS = $(AM_CFLAGS) -fvisibility=hidden

librzsdispatch_la_SOURCES = server/dispatch.c
librzsdispatch_la_CPPFLAGS = $(RZS_SERVER_CPPFLAGS)
librzsdispatch_la_CFLAGS = $(AM_CFLAGS) -fvisibility=hidden

if SERVER
# All the rest but main().
noinst_LTLIBRARIES += librzsfront.la
librzsfront_la_SOURCES = \
	server/devices.c \
	server/devices.h \
	server/devices_hand.c \
	server/devices_private.h \
	server/front.c \
	server/front.h \
	server/front_private.h \
	server/hand.c \
	server/hand.h \
	server/handshake.c \
	server/keeper.c \
	server/keeper.h \
	server/keeper_packet.c \
	server/keeper_private.h \
	server/kept.c \
	server/kept.h \
	server/listen.c \
	server/listen.h \
	server/options.c \
	server/options.h \
	server/pass_fd.c \
	server/pass_fd.h \
	server/predecessor.c \
	server/predecessor.h \
	server/shutdown.c \
	server/shutdown.h \
	server/signals.c \
	server/signals.h \
	server/successor.c \
	server/successor.h
librzsfront_la_CPPFLAGS = $(RZS_SERVER_CPPFLAGS)
librzsfront_la_CFLAGS = $(AM_CFLAGS) -fvisibility=hidden
librzsfront_la_LIBADD = librzsservice.la

sbin_PROGRAMS += server/rzsd
server_rzsd_SOURCES = server/rzsd.c
server_rzsd_CPPFLAGS = $(RZS_SERVER_CPPFLAGS)
server_rzsd_LDADD = librzsfront.la librzsio.la librzsdispatch.la librzsconfig.la \
	librzscontrol.la librzshost.la librzsproto.la librzscore.la librzsport.la $(RZS_LIBS)

dist_man8_MANS += server/rzsd.8
endif

EXTRA_DIST += server/rzsd.pod
RZS_PODS += server/rzsd.pod
MAINTAINERCLEANFILES += server/rzsd.8

server/rzsd.8: server/rzsd.pod
	$(AM_V_GEN)$(MKDIR_P) server && $(POD2MAN) --section=8 --center=ramzswap --utf8 \
		--release='ramzswap $(VERSION)' $(srcdir)/server/rzsd.pod $@.tmp && mv $@.tmp $@
