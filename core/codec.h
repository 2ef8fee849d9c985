/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Codecs.  A codec is a constant table of functions.  Its mutable state is a context in memory that
 * the caller owns: one for each worker, used by one thread at a time.  Compression and
 * decompression are separate entries, so that either can be replaced.  Only codec*.c use libraries,
 * through the environment's "rzs_port_codec.h".
 *
 * No function of a codec sleeps or allocates.
 */
#ifndef RZS_CODEC_H
#define RZS_CODEC_H

#include "slot.h"

/*
 * The output buffer of a compression.  It is large enough for the worst case of any codec: liblzo2
 * writes up to 4096 + 4096/16 + 64 + 3 bytes, our encoder RZS_LZO_OUT_SIZE.
 */
#define RZS_CODEC_OUT_SIZE (2 * RZS_PAGE_SIZE)

/*
 * A page that compresses to more than this is stored raw, so a codec may give up there.  Saving
 * less than 1/16 is not worth decompressing it at each read.  docs/POOL has the measurement.
 */
#define RZS_CODEC_WORTH (RZS_PAGE_SIZE - RZS_PAGE_SIZE / 16)

struct rzs_codec {
	const char *name;
	int level_min, level_max, level_default; /* all 0: the codec has no levels */

	/* Bytes of a context for this level; 0: the codec does not have the level. */
	size_t (*ctx_size)(int level);
	/* Make a context in mem (64-byte aligned, zeroed).  0 or -EINVAL.  It needs no cleanup. */
	int (*ctx_init)(void *mem, size_t size, int level);
	/*
	 * Overwrite the bytes of pages that calls have left in a context, and make the context
	 * again.  NULL: calls leave none.  (A table of positions in a page has no bytes of it.)
	 */
	void (*ctx_wipe)(void *mem, size_t size, int level);
	/*
	 * src: one page.  dst: RZS_CODEC_OUT_SIZE bytes.  Returns the compressed size (> 0),
	 * -ENOSPC (the page is incompressible) or -EIO (the library failed).
	 */
	int (*compress)(void *ctx, const void *src, void *dst);
	/*
	 * Compress nr pages, 1 .. RZS_PREPARE_MAX, in less time than one by one.  dst[i]:
	 * RZS_PAGE_SIZE bytes.  out_size[i]: the size, or an error of compress(); -ENOSPC also if
	 * the result does not fit dst[i].  It need not be what compress() makes of the page.  NULL:
	 * the codec has no such form.
	 */
	void (*compress_pages)(void *ctx, unsigned nr, const void *const *src, void *const *dst,
			       int *out_size);
	/*
	 * A context for decompress() alone; NULL: it needs none.  Bytes of it, and make it in mem,
	 * as ctx_size() and ctx_init(), for any level.
	 */
	size_t (*decoder_size)(void);
	int (*decoder_init)(void *mem, size_t size);
	/*
	 * src: size bytes, as compress wrote them.  dst: one page.  0, or -EIO for any other input;
	 * never reads or writes outside src and dst.
	 */
	int (*decompress)(void *ctx, const void *src, size_t size, void *dst);
	/*
	 * Units: nr pages, 1 .. RZS_UNIT_MAX, as one.  All four NULL: the codec has no such form.
	 * A context of unit_ctx_size() bytes is for compress() and compress_unit(), and makes of a
	 * page what one of ctx_size() makes of it.
	 */
	size_t (*unit_ctx_size)(int level);
	int (*unit_ctx_init)(void *mem, size_t size, int level);
	/* Returns the size, at most cap, -ENOSPC or -EIO. */
	int (*compress_unit)(void *ctx, unsigned nr, const void *src, void *dst, size_t cap);
	/* With any context that decompress() takes; otherwise as that. */
	int (*decompress_unit)(void *ctx, const void *src, size_t size, unsigned nr, void *dst);
};

/* The codec called name (NULL: the default), or NULL.  Any thread; never sleeps. */
const struct rzs_codec *rzs_codec_lookup(const char *name);

extern const struct rzs_codec rzs_codec_lzo;
extern const struct rzs_codec rzs_codec_lz4;
extern const struct rzs_codec rzs_codec_zstd;

#endif
