/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Compressors.  A codec is an immutable table; its mutable state is a context in memory that the
 * caller owns (one per worker, never shared between threads); a call keeps nothing.  Encoder and
 * decoder are separate entries, so that either may be replaced.  The codec_*.c files are the only
 * ones that name a library, and they do so through the world's "rzs_port_codec.h".
 */
#ifndef RZS_CODEC_H
#define RZS_CODEC_H

#include "rzs_store.h"

/*
 * Room for the worst case of any codec on one page: LZO1X-1 writes up to 4096 + 4096/16 + 64 + 3
 * bytes.
 */
#define RZS_CODEC_OUT_SIZE (2 * RZS_PAGE_SIZE)

struct rzs_codec {
	const char *name;
	int level_min, level_max, level_default; /* all 0: the codec has no levels */

	/* Bytes of context memory for this level; 0 on failure. */
	size_t (*ctx_size)(int level);
	/* Make a context in mem (64-byte aligned, zeroed).  0 or -EINVAL.  Nothing to undo. */
	int (*ctx_init)(void *mem, size_t size, int level);
	/*
	 * Overwrite what calls have left of pages in a context, and make it anew.  NULL: they leave
	 * nothing of them.  (Tables of places in a page are nothing of it.)
	 */
	void (*ctx_wipe)(void *mem, size_t size, int level);
	/*
	 * src: one page.  dst: RZS_CODEC_OUT_SIZE bytes.  Returns the compressed size (> 0), or
	 * -ENOSPC when the codec gave up on an incompressible page, or -EIO when the library
	 * failed.
	 */
	int (*compress)(void *ctx, const void *src, void *dst);
	/*
	 * src: exactly size bytes as compress made them. dst: one page. 0 or -EIO; never writes
	 * beyond dst.
	 */
	int (*decompress)(void *ctx, const void *src, size_t size, void *dst);
};

/* The codec called name (NULL: the default), or NULL. */
const struct rzs_codec *rzs_codec_lookup(const char *name);

extern const struct rzs_codec rzs_codec_lzo;
extern const struct rzs_codec rzs_codec_lz4;
extern const struct rzs_codec rzs_codec_zstd;

#endif
