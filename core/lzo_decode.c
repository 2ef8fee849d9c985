/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * LZO1X decoder; docs/LZO has the format, byte by byte, and why this is fast.
 *
 * Two loops decode the same instructions.  lzo_run_fast() decodes the common ones, as long as both
 * buffers have a margin.  It copies whole words, so it reads and writes a little more than it must,
 * and it has no branch where a branch could not be predicted.  It stops before a rare instruction,
 * and before one that is too near to the end of a buffer.  Then lzo_step() decodes one instruction
 * of any kind, byte for byte.
 *
 * Invariants, at the start of every instruction: in <= in_end and out_start <= out <= out_end.
 * Nothing past in_end is read; nothing past out_end is read or written.  The bytes from out to
 * out_end are unspecified.
 */
#include "le.h"
#include "lzo_decode.h"

/* Make the compiler compute v here, without a branch, rather than where v is used. */
#define LZO_READY(v) __asm__("" : "+r"(v))

/* The literals before an instruction, as far as they change its meaning. */
#define LZO_AFTER_MATCH 0u /* none; 1 to 3: so many belong to the match before */
#define LZO_AFTER_RUN	4u /* four or more */

#define LZO_RUN_BASE	18u /* literals of an extended run, without its extension */
#define LZO_M3_MASK	31u
#define LZO_M4_MASK	7u
#define LZO_M4_DISTANCE 16384u
#define LZO_ZEROS_MIN	4u
#define LZO_LEN_MAX	((size_t)-1 - 2 * 255)
#define LZO_IN_TOKEN	8u  /* fast: the most input that a match and its literals read, bytes */
#define LZO_IN_RUN	32u /* the same, with a short run of literals before it */
#define LZO_OUT_SLACK	24u /* fast: the most bytes written past a match or a run of literals */
#define LZO_IN_PREFETCH 1024u
#define LZO_CACHE_LINE	64u

struct lzo_stream {
	const uint8_t *in, *in_end;
	uint8_t *out, *out_end;
	const uint8_t *out_start;
	size_t state; /* literals that belong to the last match (0 to 3), or LZO_AFTER_RUN */
	bool rle;
};

/* The state after an instruction. */
enum lzo_result { LZO_CONTINUE, LZO_END, LZO_BAD };

/*
 * How to read an M2 (first byte 64 or more) or M3 (32 to 63) from the 32-bit word at its first
 * byte: distance = ((word * scale) >> 10 & mask) + base.  It is a product, since a shift by a
 * variable takes three times as long on many processors.  len is 0 if the length is extended, and
 * for all other instructions.
 */
struct lzo_token {
	uint16_t mask;
	uint16_t base, len, scale;
};

/* clang-format off */
#define LZO_M2(t)   {0x7f8, ((t) >> 2 & 7) + 1, ((t) >> 5) + 1, 32}
#define LZO_M3(t)   {0x3fff, 1, (t) == 32 ? 0 : (t) - 30, 1}
#define LZO_NONE(t) {0x3fff, 1, 0, 1}
/* clang-format on */
#define LZO_X4(m, t)  m(t), m((t) + 1), m((t) + 2), m((t) + 3)
#define LZO_X16(m, t) LZO_X4(m, t), LZO_X4(m, (t) + 4), LZO_X4(m, (t) + 8), LZO_X4(m, (t) + 12)
#define LZO_X32(m, t) LZO_X16(m, t), LZO_X16(m, (t) + 16)

static const struct lzo_token lzo_tokens[256] = {
	LZO_X32(LZO_NONE, 0), LZO_X32(LZO_M3, 32),  LZO_X32(LZO_M2, 64),  LZO_X32(LZO_M2, 96),
	LZO_X32(LZO_M2, 128), LZO_X32(LZO_M2, 160), LZO_X32(LZO_M2, 192), LZO_X32(LZO_M2, 224),
};

/*
 * A match at a distance below 8 repeats a pattern.  The low distance bytes of a word, times this,
 * fill a word with the pattern.  That word is stored repeatedly, lzo_stride bytes apart.
 */
static const uint64_t lzo_repeat[8] = {
	0,
	0x0101010101010101,
	0x0001000100010001,
	0x0001000001000001,
	0x0000000100000001,
	0x0000010000000001,
	0x0001000000000001,
	0x0100000000000001,
};
static const uint8_t lzo_stride[8] = {0, 8, 8, 6, 8, 5, 6, 7};

/* The builtin, since memcpy() is a function call in some environments. */
#define LZO_COPY(to, from, n) __builtin_memcpy((to), (from), (n))

/* The pattern of distance bytes at from, as a word.  Reads 8 bytes at from. */
static inline uint64_t lzo_repeated(const uint8_t *from, size_t distance)
{
	return (rzs_get_le64(from) & ~(uint64_t)0 >> (64 - 8 * distance)) * lzo_repeat[distance];
}

static inline size_t lzo_in_left(const struct lzo_stream *s)
{
	return (size_t)(s->in_end - s->in);
}

static inline size_t lzo_out_left(const struct lzo_stream *s)
{
	return (size_t)(s->out_end - s->out);
}

/*
 * Any instruction, with all checks
 */

/* Copy exactly len bytes.  Source and destination may overlap, which repeats bytes. */
static void lzo_copy_match(uint8_t *out, size_t distance, size_t len)
{
	const uint8_t *from = out - distance;

	if (distance >= 8) {
		for (; len >= 8; len -= 8, out += 8, from += 8)
			LZO_COPY(out, from, 8);
	} else if (len >= 8) {
		uint64_t word = lzo_repeated(from, distance);
		size_t stride = lzo_stride[distance];

		for (; len >= 8; len -= stride, out += stride)
			rzs_put_le64(out, word);
		from = out - distance;
	}
	while (len--)
		*out++ = *from++;
}

/*
 * Add an extension to a length: 255 for each byte of 0, and the first other byte.  false: the input
 * ends, or the sum could overflow (size_t of 32 bits).  A length that is too long for the output is
 * not an error yet, since the length of the stream's end has no meaning.
 */
static bool lzo_extension(struct lzo_stream *s, size_t *len)
{
	while (s->in < s->in_end && *len < LZO_LEN_MAX) {
		unsigned byte = *s->in++;

		if (byte) {
			*len += byte;
			return true;
		}
		*len += 255;
	}
	return false;
}

/* Copy len literals. */
static enum lzo_result lzo_literals(struct lzo_stream *s, size_t len)
{
	if (len > lzo_in_left(s) || len > lzo_out_left(s))
		return LZO_BAD;
	memcpy(s->out, s->in, len);
	s->in += len;
	s->out += len;
	return LZO_CONTINUE;
}

/* A match of len bytes, or len zeros if distance is 0, and the literals that belong to it. */
static enum lzo_result lzo_match(struct lzo_stream *s, size_t len, size_t distance)
{
	if (distance > (size_t)(s->out - s->out_start) || len > lzo_out_left(s))
		return LZO_BAD;
	if (distance)
		lzo_copy_match(s->out, distance, len);
	else
		memset(s->out, 0, len);
	s->out += len;
	return lzo_literals(s, s->state);
}

/* M1 (first byte t below 16) and M2 (64 or more): one more byte. */
static enum lzo_result lzo_near_match(struct lzo_stream *s, unsigned t)
{
	size_t len, distance;

	if (s->in == s->in_end)
		return LZO_BAD;
	if (t >= 64) {
		len = (t >> 5) + 1;
		distance = (size_t)(*s->in << 3 | (t >> 2 & 7)) + 1;
	} else if (s->state == LZO_AFTER_RUN) {
		len = 3;
		distance = (size_t)(*s->in << 2 | t >> 2) + 2049;
	} else {
		len = 2;
		distance = (size_t)(*s->in << 2 | t >> 2) + 1;
	}
	s->in++;
	s->state = t & 3;
	return lzo_match(s, len, distance);
}

/* Whether the M4 whose first byte is t is LZO-RLE's run of zeros. */
static bool lzo_is_zeros(const struct lzo_stream *s, unsigned t)
{
	return s->rle && (t & 0xf8) == 0x18 && lzo_in_left(s) >= 3 && s->in[0] >= 0xfc &&
	       s->in[1] == 0xff;
}

static enum lzo_result lzo_zeros(struct lzo_stream *s, unsigned t)
{
	size_t len = (size_t)((t & LZO_M4_MASK) | s->in[2] << 3) + LZO_ZEROS_MIN;

	s->state = s->in[0] & 3;
	s->in += 3;
	return lzo_match(s, len, 0);
}

/* M3 (32 to 63) and M4 (16 to 31): an extension, two bytes.  One M4 is the end of the stream. */
static enum lzo_result lzo_far_match(struct lzo_stream *s, unsigned t)
{
	unsigned mask = t >= 32 ? LZO_M3_MASK : LZO_M4_MASK, word;
	size_t len = (t & mask) + 2, distance;

	if (len == 2) {
		len += mask;
		if (!lzo_extension(s, &len))
			return LZO_BAD;
	}
	if (lzo_in_left(s) < 2)
		return LZO_BAD;
	word = s->in[0] | (unsigned)s->in[1] << 8;
	s->in += 2;
	s->state = word & 3;
	distance = word >> 2;
	if (t >= 32)
		return lzo_match(s, len, distance + 1);
	distance += (size_t)(t & 8) << 11;
	if (distance == 0)
		return s->in == s->in_end ? LZO_END : LZO_BAD;
	return lzo_match(s, len, distance + LZO_M4_DISTANCE);
}

/* Decode one instruction of any kind. */
static enum lzo_result lzo_step(struct lzo_stream *s)
{
	unsigned t;
	size_t len;

	if (s->in == s->in_end)
		return LZO_BAD;
	t = *s->in++;
	if (t < 16 && s->state == LZO_AFTER_MATCH) {
		len = t + 3;
		if (t == 0) {
			len = LZO_RUN_BASE;
			if (!lzo_extension(s, &len))
				return LZO_BAD;
		}
		s->state = LZO_AFTER_RUN;
		return lzo_literals(s, len);
	}
	if (t >= 64 || t < 16)
		return lzo_near_match(s, t);
	return lzo_is_zeros(s, t) ? lzo_zeros(s, t) : lzo_far_match(s, t);
}

/*
 * The common instructions, away from the ends of the buffers
 */

/* Add the extension at p to a length.  Returns its last byte, or NULL if that is not before end. */
static inline const uint8_t *lzo_fast_extension(const uint8_t *p, const uint8_t *end, size_t *len)
{
	for (; p < end; p++) {
		if (likely(*p)) {
			*len += *p;
			return p;
		}
		*len += 255;
	}
	return NULL;
}

/* The run of literals at s->in.  false if it is too near to an end; *s is unchanged then. */
static inline bool lzo_fast_literals(struct lzo_stream *s)
{
	const uint8_t *from = s->in + 1;
	size_t len = *s->in + 3u, i;

	if (unlikely(lzo_in_left(s) < LZO_IN_RUN || lzo_out_left(s) < LZO_OUT_SLACK))
		return false;
	if (likely(len > 3)) {
		LZO_COPY(s->out, from, 16);
		LZO_COPY(s->out + 16, from + 16, 4);
	} else {
		len = LZO_RUN_BASE;
		from = lzo_fast_extension(from, s->in_end, &len);
		if (!from)
			return false;
		from++;
		if (len > (size_t)(s->in_end - from) || len > lzo_out_left(s) ||
		    (size_t)(s->in_end - from) - len < LZO_IN_RUN ||
		    lzo_out_left(s) - len < LZO_OUT_SLACK)
			return false;
		for (i = 0; i < len; i += 16)
			LZO_COPY(s->out + i, from + i, 16);
	}
	s->in = from + len;
	s->out += len;
	return true;
}

/* Copy len bytes, and fewer than LZO_OUT_SLACK more. */
static inline void lzo_fast_copy_long(uint8_t *out, size_t distance, size_t len)
{
	const uint8_t *from = out - distance;
	uint8_t *end = out + len;

	if (likely(distance >= 8)) {
		do {
			LZO_COPY(out, from, 8);
			LZO_COPY(out + 8, from + 8, 8);
			out += 16;
			from += 16;
		} while (out < end);
	} else {
		uint64_t word = lzo_repeated(from, distance);
		size_t stride = lzo_stride[distance];

		do {
			rzs_put_le64(out, word);
			out += stride;
		} while (out < end);
	}
}

/* The same for a len of at most 33, which is rarely above 24. */
static inline void lzo_fast_copy(uint8_t *out, size_t distance, size_t len)
{
	const uint8_t *from = out - distance;

	if (unlikely(distance < 8)) {
		lzo_fast_copy_long(out, distance, len);
		return;
	}
	LZO_COPY(out, from, 8);
	LZO_COPY(out + 8, from + 8, 8);
	LZO_COPY(out + 16, from + 16, 8);
	if (len > 24) {
		LZO_COPY(out + 24, from + 24, 8);
		LZO_COPY(out + 32, from + 32, 8);
	}
}

/* After a match of len bytes: copy the literals that belong to it, which are at in, as a word. */
static inline void lzo_fast_tail(struct lzo_stream *s, const uint8_t *in, size_t len)
{
	s->out += len;
	LZO_COPY(s->out, in, 4);
	s->out += s->state;
	s->in = in + s->state;
}

/* The extended M3 at s->in.  false if it is too near to an end; *s is unchanged then. */
static inline bool lzo_fast_long_match(struct lzo_stream *s)
{
	size_t len = LZO_M3_MASK + 2, distance;
	const uint8_t *in = lzo_fast_extension(s->in + 1, s->in_end - LZO_IN_TOKEN, &len);
	uint32_t word;

	if (!in)
		return false;
	word = rzs_get_le32(in);
	distance = (word >> 10 & 0x3fff) + 1;
	if (lzo_out_left(s) < len + LZO_OUT_SLACK || distance > (size_t)(s->out - s->out_start))
		return false;
	lzo_fast_copy_long(s->out, distance, len);
	s->state = word >> 8 & 3;
	lzo_fast_tail(s, in + 3, len);
	return true;
}

/* Decode instructions until one is rare, too near to an end, or has a wrong distance. */
static void lzo_run_fast(struct lzo_stream *stream)
{
	struct lzo_stream s = *stream; /* in registers */
	const uint8_t *const in_limit = s.in_end - LZO_IN_TOKEN;
	const uintptr_t out_limit = (uintptr_t)s.out_end - LZO_OUT_SLACK;

	if (lzo_in_left(&s) < LZO_IN_TOKEN || lzo_out_left(&s) < LZO_OUT_SLACK)
		return;
	while (s.in <= in_limit) {
		const struct lzo_token *token;
		size_t distance, len, at, is_far;
		uint32_t word, far;
		const uint8_t *in;
		unsigned t = *s.in;

		if (t < 16) {
			if (unlikely(s.state) || !lzo_fast_literals(&s))
				break;
			s.state = LZO_AFTER_RUN;
			t = *s.in;
			if (unlikely(t < 16))
				break;
		}
		token = &lzo_tokens[t];
		len = token->len;
		if (unlikely(len == 0)) {
			if (t != 32 || !lzo_fast_long_match(&s))
				break;
			continue;
		}
		in = s.in;
		word = rzs_get_le32(in);
		distance = ((word * token->scale) >> 10 & token->mask) + token->base;
		at = (size_t)(s.out - s.out_start);
		if (unlikely((uintptr_t)s.out + len > out_limit || distance > at))
			break;
		/* The next instruction depends on this, and a branch could not be predicted. */
		far = word >> 8;
		LZO_READY(far);
		is_far = t < 64;
		LZO_READY(is_far);
		s.state = (t < 64 ? far : word) & 3;
		in += 2 + is_far;
		lzo_fast_copy(s.out, distance, len);
		lzo_fast_tail(&s, in, len);
	}
	*stream = s;
}

static int lzo_decode(struct lzo_stream *s, size_t *out_n)
{
	enum lzo_result result = LZO_CONTINUE;

	*out_n = 0;
	/* The page is not in the cache, and the processor prefetches only after some lines. */
	for (size_t i = LZO_CACHE_LINE; i <= LZO_IN_PREFETCH && i < lzo_in_left(s);
	     i += LZO_CACHE_LINE)
		__builtin_prefetch(s->in + i);
	/* If the first byte is above 17, it is a run of literals of any length. */
	if (s->in_end > s->in && *s->in > 17) {
		unsigned len = *s->in++ - 17u;

		result = lzo_literals(s, len);
		s->state = len < LZO_AFTER_RUN ? len : LZO_AFTER_RUN;
	}
	while (result == LZO_CONTINUE) {
		lzo_run_fast(s);
		result = lzo_step(s);
	}
	if (result == LZO_BAD)
		return -EIO;
	*out_n = (size_t)(s->out - s->out_start);
	return 0;
}

static inline struct lzo_stream lzo_stream_of(const void *src, size_t n, void *dst, size_t cap)
{
	return (struct lzo_stream){
		.in = src,
		.in_end = (const uint8_t *)src + n,
		.out = dst,
		.out_end = (uint8_t *)dst + cap,
		.out_start = dst,
	};
}

int rzs_lzo1x_decode(const void *src, size_t n, void *dst, size_t cap, size_t *out_n)
{
	struct lzo_stream s = lzo_stream_of(src, n, dst, cap);

	return lzo_decode(&s, out_n);
}

int rzs_lzo1x_rle_decode(const void *src, size_t n, void *dst, size_t cap, size_t *out_n)
{
	struct lzo_stream s = lzo_stream_of(src, n, dst, cap);

	/* A plain stream that begins with 17 is the empty one, of three bytes. */
	if (n >= 5 && s.in[0] == 17) {
		s.rle = s.in[1] != 0;
		s.in += 2;
	}
	return lzo_decode(&s, out_n);
}
