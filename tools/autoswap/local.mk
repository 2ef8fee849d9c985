# SPDX-License-Identifier: GPL-2.0-or-later
# rzs-autoswap.

RZS_AUTOSWAP_CPPFLAGS = $(RZS_SWAP_CPPFLAGS) -I$(srcdir)/tools/autoswap -I$(srcdir)/port/user

# All of it but main(), for the unit tests too.
noinst_LTLIBRARIES += librzsa.la
librzsa_la_SOURCES = \
	tools/autoswap/rzsa.c \
	tools/autoswap/rzsa.h \
	tools/autoswap/rzsa_grow.c \
	tools/autoswap/rzsa_guard.c \
	tools/autoswap/rzsa_guard.h \
	tools/autoswap/rzsa_ladder.h \
	tools/autoswap/rzsa_release.c \
	tools/autoswap/rzsa_state.c \
	tools/autoswap/rzsa_state.h \
	tools/autoswap/rzsa_view.c \
	tools/autoswap/rzsa_view.h \
	tools/autoswap/rzsa_worth.c \
	tools/autoswap/rzsa_worth.h
librzsa_la_CPPFLAGS = $(RZS_AUTOSWAP_CPPFLAGS)
librzsa_la_LIBADD = librzsareas.la
