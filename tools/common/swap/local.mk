# SPDX-License-Identifier: GPL-2.0-or-later
# Swap areas.  librzsareas.la needs no library and hardly any memory, and of the core only the swap header, which needs
# nothing else.  librzsswap.la is that, fstab and signatures.

RZS_SWAP_CPPFLAGS = $(RZS_CLIENT_CPPFLAGS) -I$(srcdir)/tools/common/swap

# port/user comes first: kmod-fallback has an rzs_port.h of its own.
noinst_LTLIBRARIES += librzsareas.la
librzsareas_la_SOURCES = \
	core/swap_header.c \
	tools/common/swap/rzst_area.c \
	tools/common/swap/rzst_area.h \
	tools/common/swap/rzst_area_io.c \
	tools/common/swap/rzst_area_text.c \
	tools/common/swap/rzst_area_text.h \
	tools/common/swap/rzst_fit.c \
	tools/common/swap/rzst_fit.h \
	tools/common/swap/rzst_fit_other.c \
	tools/common/swap/rzst_fit_other.h \
	tools/common/swap/rzst_header.c \
	tools/common/swap/rzst_header.h \
	tools/common/swap/rzst_nbd.c \
	tools/common/swap/rzst_nbd.h \
	tools/common/swap/rzst_ours.c \
	tools/common/swap/rzst_ours.h \
	tools/common/swap/rzst_swapoff_job.c \
	tools/common/swap/rzst_swapoff_job.h \
	tools/common/swap/rzst_swapoff_keep.c \
	tools/common/swap/rzst_swapoff_keep.h \
	tools/common/swap/rzst_swapon.c \
	tools/common/swap/rzst_swapon.h
librzsareas_la_CPPFLAGS = -I$(srcdir)/port/user $(RZS_SWAP_CPPFLAGS)
librzsareas_la_LIBADD = librzsclient.la

noinst_LTLIBRARIES += librzsswap.la
librzsswap_la_SOURCES = \
	tools/common/swap/rzst_fstab.c \
	tools/common/swap/rzst_fstab.h \
	tools/common/swap/rzst_refuses.c \
	tools/common/swap/rzst_signature.c \
	tools/common/swap/rzst_signature.h
librzsswap_la_CPPFLAGS = $(RZS_SWAP_CPPFLAGS) $(MOUNT_CFLAGS) $(BLKID_CFLAGS)
librzsswap_la_LIBADD = librzsareas.la $(MOUNT_LIBS) $(BLKID_LIBS)
