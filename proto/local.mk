# SPDX-License-Identifier: GPL-2.0-or-later
# What goes over sockets, and sizes as people write them, as pure functions.

RZS_PROTO_CPPFLAGS = $(RZS_CPPFLAGS) -I$(srcdir)/proto

RZS_PROTO_SOURCES = \
	proto/ctl.c \
	proto/ctl.h \
	proto/nbd.h \
	proto/nbd_handshake.c \
	proto/nbd_options.c \
	proto/nbd_options.h \
	proto/nbd_reply.c \
	proto/nbd_request.c \
	proto/nbd_wire.h \
	proto/size.c \
	proto/size.h \
	proto/size_expr.c \
	proto/size_expr.h \
	proto/text.h \
	proto/uuid.h

noinst_LTLIBRARIES += librzsproto.la
librzsproto_la_SOURCES = $(RZS_PROTO_SOURCES)
librzsproto_la_CPPFLAGS = $(RZS_PROTO_CPPFLAGS)
librzsproto_la_CFLAGS = $(AM_CFLAGS) -fvisibility=hidden
