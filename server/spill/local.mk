# SPDX-License-Identifier: GPL-2.0-or-later
# Pages on a disk: the engine that reads and writes there, and what it may be.

RZS_SPILL_CPPFLAGS = $(RZS_USER_CPPFLAGS) -I$(srcdir)/proto -I$(srcdir)/conf -I$(srcdir)/server/spill

noinst_LTLIBRARIES += librzsspill.la
librzsspill_la_SOURCES = \
	server/spill/spill_budget.c \
	server/spill/spill_budget.h \
	server/spill/spill_facts.c \
	server/spill/spill_facts.h \
	server/spill/spill_io.c \
	server/spill/spill_io.h \
	server/spill/spill_io_private.h \
	server/spill/spill_keys.c \
	server/spill/spill_keys.h \
	server/spill/spill_target.c \
	server/spill/spill_target.h \
	server/spill/spill_thread.c
librzsspill_la_CPPFLAGS = $(RZS_SPILL_CPPFLAGS)
librzsspill_la_CFLAGS = $(AM_CFLAGS) -fvisibility=hidden
librzsspill_la_LIBADD = librzsvalue.la
