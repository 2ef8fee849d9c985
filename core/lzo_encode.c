/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * LZO1X encoder for pages; docs/LZO has the format, byte by byte, and why this is fast.
 *
 * A lane is a stream that is being written: of a page, or of half a page.  The loops in
 * lzo_encode_loops.h take steps of one or of two lanes.  A step looks up the words at four
 * positions, takes the first match among them, and writes it, all without a branch but for a long
 * match.  Long runs of literals, and the end of a lane, are left to lze_catch_up().
 *
 * Invariants: a lane reads its page alone, below its end.  Its table holds positions below the next
 * one that is looked up.  What is written is at most as long as what it stands for, but for one
 * byte at a run of 19 literals or more: one byte in 23 (RZS_LZO_OUT_SIZE).
 */
#include "le.h"
#include "lzo_encode.h"

/* Make the compiler compute v here, and without a branch. */
#define LZE_NOW(v) __asm__("" : "+r"(v))

#define LZE_ALWAYS   inline __attribute__((always_inline))
#define LZE_STEP     4u			       /* positions that a step looks up */
#define LZE_NOTHING  ((size_t)LZE_STEP << 16)  /* what a step finds: see lze_probe() */
#define LZE_PATIENCE 16u		       /* so many pending literals: lze_search() */
#define LZE_SKIP     5u			       /* it skips 1/32 of them */
#define LZE_LITERALS 16u		       /* bytes that a step copies as literals */
#define LZE_PROBE    8u			       /* bytes that lze_search() needs before the end */
#define LZE_SEED     3u			       /* one position in so many is known beforehand */
#define LZE_LONG     27u  /* a loop may not have compared all of a match of so many bytes */
#define LZE_COMPARED 24u  /* but has compared these */
#define LZE_READS    32u  /* bytes that a loop's compare reads */

#define LZE_M2_LEN	8u    /* the longest match of an M2 */
#define LZE_M2_DISTANCE 2048u /* its largest distance */
#define LZE_M3_LEN	33u   /* the longest match of an M3 without extension */
#define LZE_FIRST_RUN	238u  /* the longest run in the first byte of a stream */
#define LZE_SHORT_RUN	18u   /* the longest run without extension */
#define LZE_END_BYTES	3u

/* Where the second half of a page is encoded to: behind the longest stream. */
#define LZE_OUT_B (RZS_LZO_OUT_SIZE - RZS_LZO_PAGE / 2 - RZS_LZO_PAGE / 32)

struct lze_lane {
	const uint8_t *page;
	uint16_t *table;
	uint8_t *op;	/* where the next instruction goes */
	size_t at;	/* position in the page */
	size_t pending; /* literals before it that are not written yet */
	size_t limit;	/* the last position where a step may begin */
	size_t end;	/* of the lane's part of the page */
	uint8_t *out;	/* the stream */
	size_t room;	/* a stream longer than this is given up; RZS_LZO_SPARE bytes follow */
	size_t lead;	/* open: literals before the first match */
	bool open;	/* the stream begins with its first match: another lane writes those */
};

/* c ? a : b by a conditional move. */
static LZE_ALWAYS size_t lze_pick(bool c, size_t a, size_t b)
{
	LZE_NOW(a);
	LZE_NOW(b);
	return c ? a : b;
}

static LZE_ALWAYS size_t lze_hash(const uint8_t *p)
{
	return rzs_get_le32(p) * 0x9e3779b1u >> (32 - RZS_LZO_TABLE_BITS);
}

/*
 * Look up the four words that begin at the positions at to at + 3, and insert them.  Returns
 * k << 16 | the place of an earlier one that is equal to the k-th; k is the lowest there is.
 * LZE_NOTHING: there is none.  Reads 7 bytes.
 */
static LZE_ALWAYS size_t lze_probe(const uint8_t *page, uint16_t *table, size_t at)
{
	const uint8_t *p = page + at;
	size_t h0 = lze_hash(p), h1 = lze_hash(p + 1), h2 = lze_hash(p + 2), h3 = lze_hash(p + 3);
	size_t c0 = table[h0], c1 = table[h1], c2 = table[h2], c3 = table[h3];
	size_t v = LZE_NOTHING;

	v = lze_pick(rzs_get_le32(page + c3) == rzs_get_le32(p + 3), c3 + (3u << 16), v);
	v = lze_pick(rzs_get_le32(page + c2) == rzs_get_le32(p + 2), c2 + (2u << 16), v);
	v = lze_pick(rzs_get_le32(page + c1) == rzs_get_le32(p + 1), c1 + (1u << 16), v);
	v = lze_pick(rzs_get_le32(page + c0) == rzs_get_le32(p), c0, v);
	/* Without this gcc keeps the four addresses instead, for which there are no registers. */
	__asm__("" : "+r"(h0), "+r"(h1), "+r"(h2), "+r"(h3));
	/* Of equal words the first one stays. */
	table[h3] = (uint16_t)(at + 3);
	table[h2] = (uint16_t)(at + 2);
	table[h1] = (uint16_t)(at + 1);
	table[h0] = (uint16_t)at;
	return v;
}

/*
 * Write what a step has found: fewer than LZE_LITERALS literals, and a match of at most LZE_M3_LEN
 * bytes.  If it has found nothing, the same instructions write what nobody reads.
 */
static LZE_ALWAYS void lze_emit(const uint8_t *page, size_t *at, size_t *pending, uint8_t **op,
				size_t found, size_t len)
{
	size_t k = found >> 16, pos = *at + k, n = *pending + k;
	size_t d = pos + ~(found & 0xffff); /* the distance - 1 */
	size_t run = (n + 12) >> 4;	      /* 1: literals have a byte of their own */
	size_t m2, m3, hit;
	ptrdiff_t near;
	uint8_t *p = *op;

	p[-2] |= (uint8_t)(n & (run - 1));
	p[0] = (uint8_t)(n - 3);
	__builtin_memcpy(p + run, page + (*at - *pending), 8);
	__builtin_memcpy(p + run + 8, page + (*at - *pending) + 8, LZE_LITERALS - 8);
	p += n + run;
	near = (ptrdiff_t)((len - (LZE_M2_LEN + 1)) & (d - LZE_M2_DISTANCE)); /* < 0: an M2 */
	m2 = ((d << 5) & 0xff00) + ((d << 2) & 0x1c) + (len << 5) - 32;
	m3 = (d << 10) + len + 30;
	rzs_put_le32(p, (uint32_t)lze_pick(near < 0, m2, m3));
	hit = (size_t)((ptrdiff_t)(found - LZE_NOTHING) >> 31);
	LZE_NOW(hit);
	*op += (n + run + 3 + (size_t)(near >> 31)) & hit;
	*at = pos + (len & hit);
	*pending = n & ~hit;
}

/* Whether v is 0, as a mask. */
static LZE_ALWAYS uint64_t lze_mask_if_0(uint64_t v)
{
	uint64_t mask = (uint64_t)0 - (v == 0);

	LZE_NOW(mask);
	return mask;
}

/* Bytes 4 to 27.  The last one counts as different, so that one instruction finds the first. */
static LZE_ALWAYS size_t lze_match_words(const uint8_t *a, const uint8_t *b)
{
	uint64_t differ = rzs_get_le64(a + 4) ^ rzs_get_le64(b + 4), first, second;

	first = lze_mask_if_0(differ);
	differ |= (rzs_get_le64(a + 12) ^ rzs_get_le64(b + 12)) & first;
	second = lze_mask_if_0(differ);
	differ |= (rzs_get_le64(a + 20) ^ rzs_get_le64(b + 20)) & second;
	differ |= (uint64_t)1 << 63;
	return 4 + (size_t)(first & 8) + (size_t)(second & 8) +
	       (size_t)__builtin_ctzll(differ) / 8;
}

/* Write the extension of a length: what is left of it. */
static uint8_t *lze_put_length(uint8_t *op, size_t rest)
{
	for (; rest > 255; rest -= 255)
		*op++ = 0;
	*op++ = (uint8_t)rest;
	return op;
}

/* Write a match; d: its distance - 1. */
static uint8_t *lze_put_match(uint8_t *op, size_t d, size_t len)
{
	if (len <= LZE_M2_LEN && d < LZE_M2_DISTANCE) {
		*op++ = (uint8_t)((len - 1) << 5 | (d & 7) << 2);
		*op++ = (uint8_t)(d >> 3);
		return op;
	}
	if (len <= LZE_M3_LEN) {
		*op++ = (uint8_t)(32 + len - 2);
	} else {
		*op++ = 32;
		op = lze_put_length(op, len - LZE_M3_LEN);
	}
	*op++ = (uint8_t)(d << 2);
	*op++ = (uint8_t)(d >> 6);
	return op;
}

/* How many bytes from pos on, and below end, are those from old on. */
static size_t lze_match_len(const uint8_t *page, size_t end, size_t pos, size_t old, size_t n)
{
	const uint8_t *a = page + pos, *b = page + old;
	size_t most = end - pos;

	for (; n + 8 <= most; n += 8) {
		uint64_t differ = rzs_get_le64(a + n) ^ rzs_get_le64(b + n);

		if (differ)
			return n + (size_t)__builtin_ctzll(differ) / 8;
	}
	while (n < most && a[n] == b[n])
		n++;
	return n;
}

/* Whether a step's match may be longer than len, of which at most max were compared. */
static LZE_ALWAYS bool lze_is_long(size_t found, size_t len, size_t max)
{
	if (likely(len < max))
		return false;
	LZE_NOW(found); /* or the compiler asks first whether there is a match, which is a guess */
	return found < LZE_NOTHING;
}

/* Of a lane, after a match. */
struct lze_place {
	uint8_t *op;
	size_t at;
};

#define LZE_NAME(x)   x##_words
#define LZE_MATCH     lze_match_words
#define LZE_MATCH_MAX LZE_LONG
#define LZE_TARGET
#include "lzo_encode_loops.h"
#undef LZE_NAME
#undef LZE_MATCH
#undef LZE_MATCH_MAX
#undef LZE_TARGET

#if RZS_HAVE_WIDE
#define LZE_NAME(x)   x##_wide
#define LZE_MATCH     rzs_wide_match
#define LZE_MATCH_MAX 32u
#define LZE_TARGET    RZS_WIDE_TARGET
#include "lzo_encode_loops.h"
#undef LZE_NAME
#undef LZE_MATCH
#undef LZE_MATCH_MAX
#undef LZE_TARGET
#endif

static void lze_run_one(const struct rzs_lzo_encoder *e, struct lze_lane *l)
{
#if RZS_HAVE_WIDE
	if (e->compare == RZS_LZO_WIDE) {
		lze_run_one_wide(l);
		return;
	}
#endif
	(void)e;
	lze_run_one_words(l);
}

static void lze_run_two(const struct rzs_lzo_encoder *e, struct lze_lane *a, struct lze_lane *b)
{
#if RZS_HAVE_WIDE
	if (e->compare == RZS_LZO_WIDE) {
		lze_run_two_wide(a, b);
		return;
	}
#endif
	(void)e;
	lze_run_two_words(a, b);
}

/*
 * What the loops leave over
 */

/* Write n literals.  first: nothing comes before them in the stream.  readable: bytes at from. */
static uint8_t *lze_put_literals(uint8_t *op, bool first, const uint8_t *from, size_t n,
				 size_t readable)
{
	size_t i;

	if (n == 0)
		return op;
	if (first && n <= LZE_FIRST_RUN) {
		*op++ = (uint8_t)(17 + n);
	} else if (n <= 3) {
		op[-2] |= (uint8_t)n;
	} else if (n <= LZE_SHORT_RUN) {
		*op++ = (uint8_t)(n - 3);
	} else {
		*op++ = 0;
		op = lze_put_length(op, n - LZE_SHORT_RUN);
	}
	if (n > 64 || readable < n + 15) {
		memcpy(op, from, n);
		return op + n;
	}
	for (i = 0; i < n; i += 16)
		__builtin_memcpy(op + i, from + i, 16);
	return op + n;
}

/* The stream is longer than its room, and lze_end() will say so. */
static void lze_give_up(struct lze_lane *l)
{
	l->op = l->out + l->room + 1;
	l->at = l->end;
	l->pending = 0;
}

/* Write the pending literals up to pos and the match there.  They may be the stream's first. */
static void lze_put(struct lze_lane *l, size_t pos, size_t old, size_t len)
{
	size_t from = l->at - l->pending, n = pos - from;
	bool first = l->op == l->out;

	if ((size_t)(l->op - l->out) + n > l->room) {
		lze_give_up(l);
		return;
	}
	if (first && l->open)
		l->lead = n;
	else
		l->op = lze_put_literals(l->op, first, l->page + from, n, RZS_LZO_PAGE - from);
	l->op = lze_put_match(l->op, pos - old - 1, len);
	l->at = pos + len;
	l->pending = 0;
}

/*
 * Go on until a match is found, faster and faster; it grows backwards over what was passed over.
 * No match: all up to the lane's end is pending.
 */
static void lze_search(struct lze_lane *l)
{
	const uint8_t *page = l->page;
	size_t pos = l->at, from = l->at - l->pending, found, old, len;

	for (;; pos += LZE_STEP + ((pos - from) >> LZE_SKIP)) {
		if (pos + LZE_PROBE > l->end) {
			l->at = l->end;
			l->pending = l->end - from;
			return;
		}
		found = lze_probe(page, l->table, pos);
		if (found < LZE_NOTHING)
			break;
	}
	pos += found >> 16;
	old = found & 0xffff;
	len = lze_match_len(page, l->end, pos, old, 0);
	for (; pos > from && old > 0 && page[pos - 1] == page[old - 1]; len++) {
		pos--;
		old--;
	}
	lze_put(l, pos, old, len);
}

static bool lze_done(const struct lze_lane *l)
{
	return l->at == l->end;
}

/*
 * Bring a lane to where a step can begin, or to its end.
 *
 * A step does not write more bytes than it goes on, so its position tells how far the loops may go
 * in the room that is left.  The last step, and what it writes in excess, is less than
 * RZS_LZO_SPARE.
 */
static void lze_catch_up(struct lze_lane *l)
{
	size_t limit = l->end - (LZE_STEP + LZE_READS), used;

	for (;;) {
		used = (size_t)(l->op - l->out);
		if (used > l->room)
			lze_give_up(l);
		if (lze_done(l))
			return;
		l->limit = l->at - l->pending + l->room - used;
		if (l->limit > limit)
			l->limit = limit;
		if (l->pending < LZE_PATIENCE && l->at <= l->limit)
			return;
		lze_search(l);
	}
}

/* Begin with the bytes from begin to end.  Whatever the table holds may be a match for them. */
static struct lze_lane lze_begin(const uint8_t *page, size_t begin, size_t end, uint16_t *table,
				 uint8_t *out, size_t room)
{
	struct lze_lane l = {
		.page = page,
		.table = table,
		.op = out,
		.out = out,
		.at = begin,
		.end = end,
		.room = room,
	};

	return l;
}

/* Begin with a page: its first byte is a literal, and known to the table, which is all zeros. */
static struct lze_lane lze_begin_page(const uint8_t *page, size_t end, uint16_t *table,
				      uint8_t *out, size_t room)
{
	struct lze_lane l = lze_begin(page, 1, end, table, out, room);

	l.pending = 1;
	memset(table, 0, RZS_LZO_TABLE * sizeof(*table));
	lze_search(&l);
	lze_catch_up(&l);
	return l;
}

static void lze_finish_lane(const struct rzs_lzo_encoder *e, struct lze_lane *l)
{
	while (!lze_done(l)) {
		lze_run_one(e, l);
		lze_catch_up(l);
	}
}

/* Run both until one is done. */
static void lze_run(const struct rzs_lzo_encoder *e, struct lze_lane *a, struct lze_lane *b)
{
	while (!lze_done(a) && !lze_done(b)) {
		lze_run_two(e, a, b);
		lze_catch_up(a);
		lze_catch_up(b);
	}
}

/*
 * Write the last n literals of a page behind the op - out bytes of its stream, and the end.
 * Returns the size, or -ENOSPC if that is above limit.
 */
static int lze_end(uint8_t *op, uint8_t *out, const uint8_t *page, size_t n, uint32_t limit)
{
	/* So the literals of a page that nothing is found in are not even copied. */
	if ((size_t)(op - out) + n > limit)
		return -ENOSPC;
	op = lze_put_literals(op, op == out, page + RZS_LZO_PAGE - n, n, n);
	op[0] = 17;
	op[1] = 0;
	op[2] = 0;
	op += LZE_END_BYTES;
	return (size_t)(op - out) > limit ? -ENOSPC : (int)(op - out);
}

/* The same for a lane that is a whole page. */
static int lze_end_page(const struct lze_lane *l)
{
	return lze_end(l->op, l->out, l->page, l->pending, (uint32_t)l->room);
}

bool rzs_lzo_compare_usable(enum rzs_lzo_compare compare)
{
#if RZS_HAVE_WIDE
	if (compare == RZS_LZO_WIDE)
		return rzs_wide_usable();
#endif
	return compare == RZS_LZO_WORDS;
}

void rzs_lzo_encoder_init(struct rzs_lzo_encoder *e, enum rzs_lzo_compare compare)
{
	e->compare = compare;
}

/* The second half of a page begins with what is known of the first: of one position in
 * LZE_SEED. */
static void lze_seed(const uint8_t *page, uint16_t *table)
{
	memset(table, 0, RZS_LZO_TABLE * sizeof(*table));
	for (size_t i = 0; i < RZS_LZO_PAGE / 2; i += LZE_SEED)
		table[lze_hash(page + i)] = (uint16_t)i;
}

int rzs_lzo1x_encode(struct rzs_lzo_encoder *e, const void *src, void *out, uint32_t limit)
{
	const size_t half = RZS_LZO_PAGE / 2;
	uint8_t *out_b = (uint8_t *)out + LZE_OUT_B, *op;
	const uint8_t *page = src;
	struct lze_lane a, b;
	size_t n;

	a = lze_begin_page(page, half, e->tables[0], out, limit);
	lze_seed(page, e->tables[1]);
	b = lze_begin(page, half, RZS_LZO_PAGE, e->tables[1], out_b, limit);
	b.open = true;
	lze_search(&b);
	lze_catch_up(&b);
	lze_run(e, &a, &b);
	lze_finish_lane(e, &a);
	lze_finish_lane(e, &b);
	n = (size_t)(b.op - out_b);
	if (n == 0)
		return lze_end(a.op, out, page, a.pending + b.pending, limit);
	if ((size_t)(a.op - a.out) + n > limit)
		return -ENOSPC;
	op = lze_put_literals(a.op, a.op == a.out, page + half - a.pending, a.pending + b.lead,
			      half + a.pending);
	memmove(op, out_b, n);
	return lze_end(op + n, out, page, b.pending, limit);
}

/* A page of a batch, and its lane. */
struct lze_job {
	struct lze_lane lane;
	unsigned i;
};

void rzs_lzo1x_encode_many(struct rzs_lzo_encoder *e, unsigned n, const void *const src[],
			   void *const out[], uint32_t limit, int sizes[])
{
	struct lze_job job[2];
	unsigned next = 0, k;

	for (; next < 2 && next < n; next++) {
		job[next].i = next;
		job[next].lane = lze_begin_page(src[next], RZS_LZO_PAGE, e->tables[next], out[next],
						limit);
	}
	for (k = 0; n > 1; next++) {
		lze_run(e, &job[0].lane, &job[1].lane);
		k = lze_done(&job[0].lane) ? 0 : 1;
		sizes[job[k].i] = lze_end_page(&job[k].lane);
		k = !k;
		if (next == n)
			break;
		job[!k].i = next;
		job[!k].lane = lze_begin_page(src[next], RZS_LZO_PAGE, e->tables[!k], out[next],
					      limit);
	}
	if (n) {
		lze_finish_lane(e, &job[k].lane);
		sizes[job[k].i] = lze_end_page(&job[k].lane);
	}
}
