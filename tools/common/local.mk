# SPDX-License-Identifier: GPL-2.0-or-later
# The ground floor of the tools; and client/: how one asks a server, or the kernel module.

RZS_CLIENT_CPPFLAGS = $(RZS_PROTO_CPPFLAGS) -I$(srcdir)/tools/common -I$(srcdir)/tools/common/client -I$(srcdir)/kmod-fallback -I$(srcdir)/core

noinst_LTLIBRARIES += librzstool.la librzsclient.la
librzstool_la_SOURCES = \
	tools/common/rzst.h \
	tools/common/rzst_files.c \
	tools/common/rzst_files.h \
	tools/common/rzst_json.c \
	tools/common/rzst_json.h \
	tools/common/rzst_lines.c \
	tools/common/rzst_lines.h \
	tools/common/rzst_run.c \
	tools/common/rzst_run.h \
	tools/common/rzst_swaps.c \
	tools/common/rzst_swaps.h \
	tools/common/rzst_util.c
librzstool_la_CPPFLAGS = $(RZS_PROTO_CPPFLAGS) -I$(srcdir)/tools/common

librzsclient_la_SOURCES = \
	core/rzs_stats.def \
	kmod-fallback/ramzswap_ioctl.h \
	tools/common/client/rzst_backend.c \
	tools/common/client/rzst_backend.h \
	tools/common/client/rzst_kernel.c \
	tools/common/client/rzst_kernel.h \
	tools/common/client/rzst_kernel_file.c \
	tools/common/client/rzst_kernel_file.h \
	tools/common/client/rzst_kernel_idle.c \
	tools/common/client/rzst_kernel_idle.h \
	tools/common/client/rzst_kernel_merge.c \
	tools/common/client/rzst_kernel_merge.h \
	tools/common/client/rzst_kernel_node.c \
	tools/common/client/rzst_kernel_node.h \
	tools/common/client/rzst_kernel_stats.c \
	tools/common/client/rzst_kernel_stats.h \
	tools/common/client/rzst_socket.c \
	tools/common/client/rzst_wire.c \
	tools/common/client/rzst_wire.h
librzsclient_la_CPPFLAGS = $(RZS_CLIENT_CPPFLAGS)
librzsclient_la_LIBADD = librzstool.la librzsproto.la

include tools/common/swap/local.mk
