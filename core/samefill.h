/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Same-filled pages: one 64-bit word, repeated.  They are detected before any codec runs, and the
 * slot word itself contains the word.
 */
#ifndef RZS_SAMEFILL_H
#define RZS_SAMEFILL_H

#include "rzs_store.h"

/*
 * Whether the page (any alignment) repeats one word.  *out_value is its first word, in this
 * machine's byte order.  Pure.
 */
static inline bool rzs_page_is_same(const void *page, uint64_t *out_value)
{
	const uint8_t *p = page;
	uint64_t first, last;
	size_t i;

	memcpy(&first, p, 8);
	memcpy(&last, p + RZS_PAGE_SIZE - 8, 8);
	*out_value = first;
	/* Most other pages differ here.  The last word differs more often than the second. */
	if (first != last)
		return false;
	for (i = 0; i < RZS_PAGE_SIZE; i += 32) {
		uint64_t v[4];

		memcpy(v, p + i, 32);
		if ((v[0] ^ first) | (v[1] ^ first) | (v[2] ^ first) | (v[3] ^ first))
			return false;
	}
	return true;
}

/* Fill the page (any alignment) with the word. */
static inline void rzs_page_fill(void *page, uint64_t value)
{
	uint8_t *p = page;
	size_t i;

	if ((value & 0xff) * 0x0101010101010101ull == value) {
		memset(page, (int)(value & 0xff), RZS_PAGE_SIZE);
		return;
	}
	for (i = 0; i < RZS_PAGE_SIZE; i += 8)
		memcpy(p + i, &value, 8);
}

#endif
