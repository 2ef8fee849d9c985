# SPDX-License-Identifier: GPL-2.0-or-later
# What people write into configuration files and on command lines: values, and the files themselves; and how a service
# stands to whoever started it.

RZS_CONF_CPPFLAGS = $(RZS_PROTO_CPPFLAGS) -I$(srcdir)/conf -I$(srcdir)/port/user

noinst_LTLIBRARIES += librzsvalue.la
librzsvalue_la_SOURCES = \
	conf/value.c \
	conf/value.h
librzsvalue_la_CPPFLAGS = $(RZS_CONF_CPPFLAGS)
librzsvalue_la_CFLAGS = $(AM_CFLAGS) -fvisibility=hidden

noinst_LTLIBRARIES += librzsservice.la
librzsservice_la_SOURCES = \
	conf/daemon.c \
	conf/daemon.h \
	conf/notify.c \
	conf/notify.h \
	conf/pid_file.c \
	conf/pid_file.h
librzsservice_la_CPPFLAGS = $(RZS_CONF_CPPFLAGS)
librzsservice_la_CFLAGS = $(AM_CFLAGS) -fvisibility=hidden

if HAVE_INIH
noinst_LTLIBRARIES += librzsconf.la
endif
librzsconf_la_SOURCES = \
	conf/conf_read.c \
	conf/conf_read.h
librzsconf_la_CPPFLAGS = $(RZS_CONF_CPPFLAGS) $(INIH_CFLAGS)
librzsconf_la_CFLAGS = $(AM_CFLAGS) -fvisibility=hidden
librzsconf_la_LIBADD = $(INIH_LIBS)
