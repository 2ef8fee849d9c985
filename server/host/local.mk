# SPDX-License-Identifier: GPL-2.0-or-later
# What every process around a store needs, rzsd and nbdkit with the plugin alike.

RZS_HOST_CPPFLAGS = $(RZS_USER_CPPFLAGS) -I$(srcdir)/proto -I$(srcdir)/conf -I$(srcdir)/server/spill -I$(srcdir)/server/host

noinst_LTLIBRARIES += librzshost.la
librzshost_la_SOURCES = \
	server/host/device_complete.c \
	server/host/device_keys.def \
	server/host/device_live.c \
	server/host/device_live.h \
	server/host/device_params.c \
	server/host/device_params.h \
	server/host/device_params_private.h \
	server/host/extent.h \
	server/host/hold.c \
	server/host/hold.h \
	server/host/latency.c \
	server/host/latency.h \
	server/host/listen_unix.c \
	server/host/listen_unix.h \
	server/host/merger.c \
	server/host/merger.h \
	server/host/process_params.c \
	server/host/process_params.h \
	server/host/protect_server.c \
	server/host/protect_server.h \
	server/host/recompressor.c \
	server/host/recompressor.h \
	server/host/recompressor_keys.c \
	server/host/recompressor_keys.h \
	server/host/say.c \
	server/host/say.h \
	server/host/spiller.c \
	server/host/spiller.h \
	server/host/spiller_collect.c \
	server/host/spiller_plan.c \
	server/host/spiller_plan.h \
	server/host/spiller_private.h \
	server/host/spiller_read.c \
	server/host/spiller_room.c \
	server/host/spilling.c \
	server/host/spilling.h \
	server/host/stat_table.c \
	server/host/stat_table.h \
	server/host/target.h \
	server/host/unlikely.h \
	server/host/takeovers.c \
	server/host/takeovers.h \
	server/host/upkeep.c \
	server/host/upkeep.h \
	server/host/upkeep_say.c \
	server/host/upkeep_say.h
librzshost_la_CPPFLAGS = $(RZS_HOST_CPPFLAGS)
librzshost_la_CFLAGS = $(AM_CFLAGS) -fvisibility=hidden
librzshost_la_LIBADD = librzsspill.la

# The control socket.
noinst_LTLIBRARIES += librzscontrol.la
librzscontrol_la_SOURCES = \
	server/host/control.c \
	server/host/control.h \
	server/host/ctl_commands.c \
	server/host/ctl_commands.h \
	server/host/ctl_out.c \
	server/host/ctl_out.h \
	server/host/loop.c \
	server/host/loop.h
librzscontrol_la_CPPFLAGS = $(RZS_HOST_CPPFLAGS)
librzscontrol_la_CFLAGS = $(AM_CFLAGS) -fvisibility=hidden
