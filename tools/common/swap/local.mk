# SPDX-License-Identifier: GPL-2.0-or-later
# Swap areas.  librzsareas.la needs no library and hardly any memory; librzsswap.la is that, fstab and signatures.

RZS_SWAP_CPPFLAGS = $(RZS_CLIENT_CPPFLAGS) -I$(srcdir)/tools/common/swap

noinst_LTLIBRARIES += librzsareas.la
librzsareas_la_SOURCES = \
	tools/common/swap/rzst_area.c \
	tools/common/swap/rzst_area.h \
	tools/common/swap/rzst_area_text.c \
	tools/common/swap/rzst_area_text.h \
	tools/common/swap/rzst_swapon.c \
	tools/common/swap/rzst_swapon.h
librzsareas_la_CPPFLAGS = $(RZS_SWAP_CPPFLAGS)
librzsareas_la_LIBADD = librzsclient.la
