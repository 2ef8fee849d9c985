/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two decoders side by side; see lzo_diff.h. */
#include "lzo_diff.h"

#include <lzo/lzo1x.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lzo_decode.h"

/* MemorySanitizer does not see what a library writes that was not built with it: report it. */
#ifdef __has_feature
#if __has_feature(memory_sanitizer)
#include <sanitizer/msan_interface.h>
#define written_by_library __msan_unpoison
#endif
#endif
#ifndef written_by_library
#define written_by_library(p, n) ((void)(p), (void)(n))
#endif

#define FENCE 65536u /* no page is larger */

static uint8_t *room_src, *room_own, *room_library; /* LZO_DIFF_MAX bytes between fences */
static uint8_t *last_own;

uint8_t *lzo_diff_fenced(size_t size)
{
	size_t whole = (size + FENCE - 1) / FENCE * FENCE;
	uint8_t *p = mmap(NULL, whole + 2 * FENCE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || mprotect(p, FENCE, PROT_NONE) ||
	    mprotect(p + FENCE + whole, FENCE, PROT_NONE))
		abort();
	return p + FENCE;
}

static uint8_t *placed(uint8_t *room, size_t size, int at_end)
{
	return at_end ? room + LZO_DIFF_MAX - size : room;
}

const uint8_t *lzo_diff_output(void)
{
	return last_own;
}

const char *lzo_diff(const uint8_t *src, size_t n, size_t cap, int at_end, int *out_good)
{
	uint8_t *in, *library;
	lzo_uint library_len = cap;
	size_t own_len = 1;
	int good, own;

	if (!room_src) {
		room_src = lzo_diff_fenced(LZO_DIFF_MAX);
		room_own = lzo_diff_fenced(LZO_DIFF_MAX);
		room_library = lzo_diff_fenced(LZO_DIFF_MAX);
	}
	if (n > LZO_DIFF_MAX || cap > LZO_DIFF_MAX)
		abort();
	in = placed(room_src, n, at_end);
	library = placed(room_library, cap, at_end);
	last_own = placed(room_own, cap, at_end);
	memcpy(in, src, n);
	good = lzo1x_decompress_safe(in, n, library, &library_len, NULL) == LZO_E_OK;
	own = rzs_lzo1x_decode(in, n, last_own, cap, &own_len);
	if (out_good)
		*out_good = good;
	if (memcmp(in, src, n) != 0)
		return "a decoder changed its source";
	if (own != 0 && own != -EIO)
		return "an error other than -EIO";
	if (own != 0 && own_len != 0)
		return "a length with an error";
	if (good && own != 0)
		return "ours refuses what the library accepts";
	if (!good && own == 0)
		return "ours accepts what the library refuses";
	if (good && own_len != library_len)
		return "another length";
	if (good && memcmp(last_own, library, own_len) != 0)
		return "other bytes";
	return NULL;
}

size_t lzo_diff_compress(int level, const uint8_t *src, size_t n, uint8_t *dst)
{
	static lzo_align_t
		work[(LZO1X_999_MEM_COMPRESS + sizeof(lzo_align_t) - 1) / sizeof(lzo_align_t)];
	lzo_uint len = 0;
	int err = level == 1 ? lzo1x_1_compress(src, n, dst, &len, work)
			     : lzo1x_999_compress(src, n, dst, &len, work);

	if (err != LZO_E_OK)
		abort();
	written_by_library(dst, len);
	return len;
}
