# SPDX-License-Identifier: GPL-2.0-or-later
# The store.  RZS_CORE_SOURCES is all of it, for every environment.

RZS_CORE_SOURCES = \
	core/adopt.c \
	core/adopt.h \
	core/codec.c \
	core/codec.h \
	core/codec_lz4.c \
	core/codec_lzo.c \
	core/codec_zstd.c \
	core/counters.h \
	core/hash.h \
	core/idle.c \
	core/idle.h \
	core/image.c \
	core/image.h \
	core/le.h \
	core/lzo_decode.c \
	core/lzo_decode.h \
	core/lzo_encode.c \
	core/lzo_encode.h \
	core/lzo_encode_loops.h \
	core/merge.c \
	core/merge_find.c \
	core/merge_find.h \
	core/packed.c \
	core/packed.h \
	core/pool.c \
	core/pool.h \
	core/pool_block.c \
	core/pool_compact.c \
	core/pool_internal.h \
	core/pool_lists.c \
	core/range.c \
	core/recompress.c \
	core/recompress.h \
	core/recompress_group.c \
	core/rzs_stats.def \
	core/rzs_store.h \
	core/samefill.h \
	core/sealed.c \
	core/sealed.h \
	core/share.c \
	core/share.h \
	core/slot.c \
	core/slot.h \
	core/spill.h \
	core/spill_gather.c \
	core/spill_in.c \
	core/spill_out.c \
	core/stats.c \
	core/store.c \
	core/store.h \
	core/store_admin.c \
	core/store_read.c \
	core/swap_header.c \
	core/unit.c \
	core/unit.h \
	core/verify.c \
	core/walk.c \
	core/walk.h \
	core/worker.c \
	core/worker.h

noinst_LTLIBRARIES += librzscore.la
librzscore_la_SOURCES = $(RZS_CORE_SOURCES)
librzscore_la_CPPFLAGS = $(RZS_USER_CPPFLAGS)
librzscore_la_CFLAGS = $(AM_CFLAGS) -fvisibility=hidden
