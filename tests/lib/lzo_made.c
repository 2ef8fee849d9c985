/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random LZO1X streams; see lzo_made.h. */
#include "lzo_made.h"

#include <stdlib.h>
#include <string.h>

static size_t below(struct pages_rng *rng, size_t n)
{
	return (size_t)pages_below(rng, n);
}

static void put(struct lzo_made *m, size_t byte)
{
	if (m->in_len == m->in_cap)
		abort();
	m->in[m->in_len++] = (uint8_t)byte;
}

/* n literals; few values, so that what refers to them looks like other places. */
static void literals(struct lzo_made *m, struct pages_rng *rng, size_t n)
{
	while (n--) {
		uint8_t byte = (uint8_t)(pages_next(rng) & (n & 1 ? 3 : 255));

		put(m, byte);
		if (m->out_len == m->out_cap)
			abort();
		m->out[m->out_len++] = byte;
	}
}

static void extension(struct lzo_made *m, size_t n)
{
	for (; n > 255; n -= 255)
		put(m, 0);
	put(m, n);
}

static void first_run(struct lzo_made *m, struct pages_rng *rng, size_t left)
{
	size_t n = 1 + below(rng, left < 238 ? left : 238);

	put(m, 17 + n);
	literals(m, rng, n);
	m->state = n < 4 ? (unsigned)n : 4;
}

static void run(struct lzo_made *m, struct pages_rng *rng, size_t left)
{
	size_t n = 4 + below(rng, below(rng, 4) ? 30 : 700);

	if (n > left)
		n = left;
	if (n < 19) {
		put(m, n - 3);
	} else {
		put(m, 0);
		extension(m, n - 18);
	}
	literals(m, rng, n);
	m->state = 4;
}

static void copy(struct lzo_made *m, struct pages_rng *rng, size_t len, size_t distance,
		 size_t tail)
{
	for (; len; len--, m->out_len++)
		m->out[m->out_len] = m->out[m->out_len - distance];
	literals(m, rng, tail);
	m->state = (unsigned)tail;
}

/* One of 1 to n, near ones and the farthest more often than the rest. */
static size_t some_distance(struct pages_rng *rng, size_t n)
{
	switch (below(rng, 4)) {
	case 0:
		return n;
	case 1:
		return 1 + below(rng, n < 16 ? n : 16);
	default:
		return 1 + below(rng, n);
	}
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* M1: two bytes near, or three farther when it follows a run. */
static bool m1(struct lzo_made *m, struct pages_rng *rng, size_t left, size_t tail)
{
	size_t base = m->state == 4 ? 2048 : 0, len = m->state == 4 ? 3 : 2, d;

	if (m->state == 0 || m->out_len <= base || left < len + tail)
		return false;
	d = some_distance(rng, least(m->out_len - base, 1024));
	put(m, ((d - 1) & 3) << 2 | tail);
	put(m, (d - 1) >> 2);
	copy(m, rng, len, d + base, tail);
	return true;
}

static bool m2(struct lzo_made *m, struct pages_rng *rng, size_t left, size_t tail)
{
	size_t len = 3 + below(rng, 6), d;

	if (m->out_len == 0 || left < len + tail)
		return false;
	d = some_distance(rng, least(m->out_len, 2048));
	put(m, (len - 1) << 5 | ((d - 1) & 7) << 2 | tail);
	put(m, (d - 1) >> 3);
	copy(m, rng, len, d, tail);
	return true;
}

/* M3 and M4: the first byte's high bits, the longest length without an extension. */
static void far(struct lzo_made *m, size_t high, size_t longest, size_t len, size_t d, size_t tail)
{
	if (len <= longest) {
		put(m, high | (len - 2));
	} else {
		put(m, high);
		extension(m, len - longest);
	}
	put(m, (d & 63) << 2 | tail);
	put(m, d >> 6);
}

static size_t some_length(struct pages_rng *rng, size_t longest)
{
	switch (below(rng, 6)) {
	case 0:
		return 2 + longest + below(rng, 1200);
	case 1:
		return longest + below(rng, 3); /* on both sides of the edge */
	default:
		return 3 + below(rng, longest - 2);
	}
}

static bool m3(struct lzo_made *m, struct pages_rng *rng, size_t left, size_t tail)
{
	size_t len = some_length(rng, 33), d;

	if (m->out_len == 0 || left < len + tail)
		return false;
	d = some_distance(rng, least(m->out_len, 16384));
	far(m, 32, 33, len, d - 1, tail);
	copy(m, rng, len, d, tail);
	return true;
}

/* 49151 is the distance that LZO-RLE gave another meaning. */
static bool m4(struct lzo_made *m, struct pages_rng *rng, size_t left, size_t tail)
{
	size_t len = some_length(rng, 9), d;

	if (m->out_len <= 16384 || left < len + tail)
		return false;
	d = some_distance(rng, least(m->out_len - 16384, 49150 - 16384));
	far(m, 16 | (d >> 14 & 1) << 3, 9, len, d & 0x3fff, tail);
	copy(m, rng, len, d + 16384, tail);
	return true;
}

static bool zeros(struct lzo_made *m, struct pages_rng *rng, size_t left, size_t tail)
{
	size_t len = 4 + below(rng, 2048);

	if (m->out_len == 0 || left < len + tail) /* as a first byte it would be a run */
		return false;
	put(m, 0x18 | ((len - 4) & 7));
	put(m, 0xfc | tail);
	put(m, 0xff);
	put(m, (len - 4) >> 3);
	memset(m->out + m->out_len, 0, len);
	m->out_len += len;
	literals(m, rng, tail);
	m->state = (unsigned)tail;
	return true;
}

static bool instruction(struct lzo_made *m, struct pages_rng *rng, size_t left, bool rle)
{
	size_t tail = below(rng, 2) ? 0 : below(rng, 4);

	switch (below(rng, 8)) {
	case 0:
		return m1(m, rng, left, tail);
	case 1:
		if (m->state || left < 4)
			return false;
		run(m, rng, left);
		return true;
	case 2:
		return m3(m, rng, left, tail);
	case 3:
		return m4(m, rng, left, tail);
	case 4:
		return rle && zeros(m, rng, left, tail);
	default:
		return m2(m, rng, left, tail);
	}
}

void lzo_make(struct lzo_made *m, struct pages_rng *rng, size_t want, bool rle)
{
	m->in_len = m->out_len = 0;
	m->state = 0;
	if (rle) {
		put(m, 17);
		put(m, 1);
	}
	if (want && below(rng, 4))
		first_run(m, rng, want);
	for (unsigned tries = 0; m->out_len < want && tries < 64;)
		tries = instruction(m, rng, want - m->out_len, rle) ? 0 : tries + 1;
	put(m, 17);
	put(m, 0);
	put(m, 0);
}
