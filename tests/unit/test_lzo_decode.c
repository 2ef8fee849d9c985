/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The LZO1X decoder: every instruction by hand and in random streams, ends in all the wrong places,
 * and beside liblzo2's decoder on whatever comes.  All buffers lie between pages that cannot be
 * touched, at one fence or at the other.
 *
 * Environment: RZS_OPS is the number of inputs of each test of many (default: what fits in a second
 * or two; for 30,000,000 set T_TIMEOUT_SCALE=100 too).  T_SEED or --seed the seed.
 */
#include "t.h"

#include "lzo_decode.h"
#include "lzo_diff.h"
#include "lzo_made.h"
#include "pages.h"

#define OUT_MAX 60000u
#define IN_MAX	(LZO_DIFF_MAX)

static uint8_t *out_room, *in_room; /* LZO_DIFF_MAX bytes each, between fences */

static uint64_t inputs(uint64_t otherwise)
{
	const char *ops = getenv("RZS_OPS");

	if (ops)
		alarm(0);
	return ops ? strtoull(ops, NULL, 0) : otherwise;
}

/* One stream at both fences, decoded into cap bytes; the last verdict and length. */
static int decode(const uint8_t *in, size_t n, size_t cap, bool rle, const uint8_t **out,
		  size_t *len)
{
	int err[2];

	if (!in_room) {
		in_room = lzo_diff_fenced(LZO_DIFF_MAX);
		out_room = lzo_diff_fenced(LZO_DIFF_MAX);
	}
	for (unsigned at_end = 0; at_end < 2; at_end++) {
		uint8_t *src = at_end ? in_room + LZO_DIFF_MAX - n : in_room;
		uint8_t *dst = at_end ? out_room + LZO_DIFF_MAX - cap : out_room;

		memcpy(src, in, n);
		*len = 1;
		err[at_end] = rle ? rzs_lzo1x_rle_decode(src, n, dst, cap, len)
				  : rzs_lzo1x_decode(src, n, dst, cap, len);
		if (err[at_end])
			T_EQ(*len, 0);
		*out = dst;
	}
	T_EQ(err[0], err[1]);
	return err[1];
}

#define GOOD(text, rle, ...)                                                                \
	do {                                                                                \
		static const uint8_t stream[] = {__VA_ARGS__};                              \
		const uint8_t *got;                                                         \
		size_t len;                                                                 \
		T_EQ(decode(stream, sizeof(stream), sizeof(text) - 1, rle, &got, &len), 0); \
		T_EQ(len, sizeof(text) - 1);                                                \
		T_MEM_EQ(got, text, len);                                                   \
	} while (0)

#define BAD(cap, rle, ...)                                                        \
	do {                                                                      \
		static const uint8_t stream[] = {__VA_ARGS__};                    \
		const uint8_t *got;                                               \
		size_t len;                                                       \
		T_EQ(decode(stream, sizeof(stream), cap, rle, &got, &len), -EIO); \
	} while (0)

#define END 17, 0, 0

T_TEST(an_empty_stream_is_its_end)
{
	GOOD("", false, END);
	GOOD("", true, END);
}

T_TEST(a_first_byte_above_17_is_a_run)
{
	GOOD("a", false, 18, 'a', END);
	GOOD("abcde", false, 22, 'a', 'b', 'c', 'd', 'e', END);
}

T_TEST(a_run_of_4_to_18_and_an_extended_one)
{
	GOOD("abcd", false, 1, 'a', 'b', 'c', 'd', END);
	GOOD("abcdefghijklmnopqrs", false, 0, 1, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j',
	     'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', END);
}

T_TEST(m1_is_two_bytes_after_a_short_run_and_three_after_a_long)
{
	/* Distance 2: (2 - 1) & 3 in bits 2 and 3. */
	GOOD("abab", false, 19, 'a', 'b', 1 << 2, 0, END);
	GOOD("ababc", false, 19, 'a', 'b', 1 << 2 | 1, 0, 'c', END);
	/* After a run it reaches back at least 2049 bytes. */
	BAD(7, false, 1, 'a', 'b', 'c', 'd', 0, 0, END);
}

T_TEST(m2_is_3_to_8_bytes)
{
	GOOD("abcdabc", false, 1, 'a', 'b', 'c', 'd', 2 << 5 | 3 << 2, 0, END);
	GOOD("aaaaaaaaa", false, 18, 'a', 7 << 5, 0, END);
}

T_TEST(m3_is_any_length)
{
	GOOD("abcdabc", false, 1, 'a', 'b', 'c', 'd', 32 | 1, 3 << 2, 0, END);
	GOOD("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaax", false, 18, 'a', 32, 1, 1, 0, 'x', END);
}

T_TEST(a_run_of_zeros_is_of_rle_alone)
{
	GOOD("a\0\0\0\0", true, 17, 1, 18, 'a', 0x18, 0xfc, 0xff, 0, END);
	GOOD("a\0\0\0\0\0\0\0\0\0\0\0\0\0xyz", true, 17, 1, 18, 'a', 0x19, 0xff, 0xff, 1, 'x', 'y',
	     'z', END);
	BAD(4, true, 17, 1, 18, 'a', 0x18, 0xfc, 0xff, 0, END);
	BAD(64, true, 17, 0, 18, 'a', 0x18, 0xfc, 0xff, 0, END); /* version 0 has none */
	BAD(64, false, 17, 1, 18, 'a', 0x18, 0xfc, 0xff, 0, END);
	BAD(64, false, 18, 'a', 0x18, 0xfc, 0xff, 0, END);
}

T_TEST(a_match_before_the_first_byte_is_refused)
{
	BAD(64, false, 2 << 5, 0, END);
	BAD(64, false, 18, 'a', 2 << 5 | 1 << 2, 0, END);
	BAD(64, false, 18, 'a', 33, 1 << 2, 0, END);
	BAD(64, false, 18, 'a', 18, 4, 0, END);
}

T_TEST(the_end_may_carry_any_length)
{
	GOOD("a", false, 18, 'a', 18, 0, 0);
	GOOD("a", false, 18, 'a', 16, 0, 0, 9, 0, 0);
}

T_TEST(a_length_beyond_all_room_is_refused)
{
	static uint8_t stream[LZO_DIFF_MAX];
	const uint8_t *got;
	size_t len;

	stream[0] = 18;
	stream[2] = 32;
	T_EQ(decode(stream, sizeof(stream), 4096, false, &got, &len), -EIO);
	memset(stream, 0, sizeof(stream));
	T_EQ(decode(stream, sizeof(stream), 4096, false, &got, &len), -EIO);
}

struct stream {
	struct lzo_made made;
	uint8_t in[2 * OUT_MAX + 64], out[OUT_MAX];
};

static struct stream *new_stream(void)
{
	struct stream *s = malloc(sizeof(*s));

	T_NE(s, NULL);
	s->made = (struct lzo_made){
		.in = s->in, .out = s->out, .in_cap = sizeof(s->in), .out_cap = sizeof(s->out)};
	return s;
}

static size_t some_size(struct pages_rng *rng)
{
	static const size_t most[] = {8, 40, 300, 4096, 4096, OUT_MAX};

	return (size_t)pages_below(rng, most[pages_below(rng, sizeof(most) / sizeof(most[0]))] + 1);
}

static void check_made(const struct lzo_made *m, struct pages_rng *rng, bool rle)
{
	size_t more = (size_t)pages_below(rng, 40), len, cut;
	const uint8_t *got;

	T_EQ(decode(m->in, m->in_len, m->out_len, rle, &got, &len), 0);
	T_EQ(len, m->out_len);
	T_MEM_EQ(got, m->out, len);
	T_EQ(decode(m->in, m->in_len, m->out_len + more, rle, &got, &len), 0);
	T_EQ(len, m->out_len);
	T_MEM_EQ(got, m->out, len);
	if (m->out_len)
		T_EQ(decode(m->in, m->in_len, (size_t)pages_below(rng, m->out_len), rle, &got,
			    &len),
		     -EIO);
	cut = (size_t)pages_below(rng, m->in_len);
	/* Less of a stream is never one, but that LZO-RLE's version bytes may be cut into. */
	if (!rle || cut > 4)
		T_EQ(decode(m->in, cut, m->out_len, rle, &got, &len), -EIO);
}

static void made_streams(bool rle)
{
	struct stream *s = new_stream();
	struct pages_rng rng = {t_seed()};
	uint64_t n = inputs(4000);

	while (n--) {
		lzo_make(&s->made, &rng, some_size(&rng), rle);
		if (s->made.in_len >= LZO_DIFF_MAX)
			continue;
		check_made(&s->made, &rng, rle);
		/* A byte behind the end is refused. */
		if (n % 16 == 0) {
			const uint8_t *got;
			size_t len;

			s->in[s->made.in_len] = (uint8_t)pages_next(&rng);
			T_EQ(decode(s->in, s->made.in_len + 1, s->made.out_len, rle, &got, &len),
			     -EIO);
		}
	}
	free(s);
}

T_TEST(made_streams_give_their_bytes)
{
	made_streams(false);
}

T_TEST(made_streams_of_rle_give_their_bytes)
{
	made_streams(true);
}

/* Every place to end and every place too small, of streams of all sizes. */
T_TEST(cut_anywhere_is_refused)
{
	struct stream *s = new_stream();
	struct pages_rng rng = {t_seed()};
	const uint8_t *got;
	size_t len;

	for (unsigned i = 0; i < 40; i++) {
		lzo_make(&s->made, &rng, (size_t)pages_below(&rng, 400), false);
		for (size_t n = 0; n < s->made.in_len; n++)
			T_EQ(decode(s->in, n, s->made.out_len, false, &got, &len), -EIO);
		for (size_t cap = 0; cap < s->made.out_len; cap++)
			T_EQ(decode(s->in, s->made.in_len, cap, false, &got, &len), -EIO);
		for (size_t more = 0; more < 64; more++)
			T_EQ(decode(s->in, s->made.in_len, s->made.out_len + more, false, &got,
				    &len),
			     0);
	}
	free(s);
}

/*
 * Beside the library
 */

struct tally {
	uint64_t good, bad;
};

static void agree(const uint8_t *in, size_t n, size_t cap, unsigned at_end, struct tally *tally)
{
	int good = 0;
	const char *differs = lzo_diff(in, n, cap, (int)at_end, &good);

	if (differs) {
		fprintf(stderr, "# %zu bytes into %zu:", n, cap);
		for (size_t i = 0; i < n && i < 512; i++)
			fprintf(stderr, " %02x", in[i]);
		fputc('\n', stderr);
		T_FAIL("%s", differs);
	}
	*(good ? &tally->good : &tally->bad) += 1;
}

/* Room for the output, mostly just enough, else a little less or more. */
static size_t some_room(struct pages_rng *rng, size_t len)
{
	size_t off = (size_t)pages_below(rng, 40);

	switch (pages_below(rng, 4)) {
	case 0:
		return len + off;
	case 1:
		return len > off ? len - off : 0;
	default:
		return len;
	}
}

/* Change, swap, drop or double a few bytes. */
static size_t mutate(uint8_t *in, size_t n, struct pages_rng *rng)
{
	for (uint64_t times = 1 + pages_below(rng, 4); times && n > 1; times--) {
		size_t at = (size_t)pages_below(rng, n);

		switch (pages_below(rng, 6)) {
		case 0:
			in[at] = (uint8_t)pages_next(rng);
			break;
		case 1:
			in[at] ^= (uint8_t)(1u << pages_below(rng, 8));
			break;
		case 2:
			in[at] = 0;
			break;
		case 3:
			in[at] = in[pages_below(rng, n)];
			break;
		case 4:
			memmove(in + at, in + at + 1, n - at - 1);
			n--;
			break;
		default:
			n = at + 1;
			break;
		}
	}
	return n;
}

static void agree_on_variants(uint8_t *in, size_t n, size_t len, struct pages_rng *rng,
			      struct tally *tally)
{
	static uint8_t changed[LZO_DIFF_MAX];

	agree(in, n, len, (unsigned)rng->state & 1, tally);
	for (unsigned i = 0; i < 15; i++) {
		size_t m = n;

		memcpy(changed, in, n);
		if (i % 4)
			m = mutate(changed, n, rng);
		agree(changed, m, some_room(rng, len), i & 1, tally);
	}
}

/* What its compressors write, of pages and parts of pages, and that with bytes changed. */
static void compressed(int level, uint64_t n)
{
	uint8_t page[PAGES_SIZE], *in = malloc(2 * PAGES_SIZE);
	struct pages_rng rng = {t_seed() + (uint64_t)level};
	struct tally tally = {0, 0};

	T_NE(in, NULL);
	for (; tally.good + tally.bad < n;) {
		size_t len = pages_below(&rng, 2) ? PAGES_SIZE
						  : (size_t)pages_below(&rng, PAGES_SIZE + 1);
		size_t packed;

		pages_make_any(page, pages_next(&rng));
		packed = lzo_diff_compress(level, page, len, in);
		agree_on_variants(in, packed, len, &rng, &tally);
		T_EQ(lzo_diff(in, packed, len, 1, NULL), NULL);
		T_MEM_EQ(lzo_diff_output(), page, len);
	}
	t_note("%llu good and %llu bad streams", (unsigned long long)tally.good,
	       (unsigned long long)tally.bad);
	T_GT(tally.good, n / 100);
	T_GT(tally.bad, n / 100);
	free(in);
}

T_TEST(agrees_on_what_level_1_writes)
{
	compressed(1, inputs(40000));
}

T_TEST(agrees_on_what_level_999_writes)
{
	compressed(9, inputs(4000));
}

T_TEST(agrees_on_made_streams)
{
	struct stream *s = new_stream();
	struct pages_rng rng = {t_seed()};
	struct tally tally = {0, 0};
	uint64_t n = inputs(40000);

	while (tally.good + tally.bad < n) {
		lzo_make(&s->made, &rng, some_size(&rng), false);
		if (s->made.in_len <= LZO_DIFF_MAX)
			agree_on_variants(s->in, s->made.in_len, s->made.out_len, &rng, &tally);
	}
	T_GT(tally.good, n / 100);
	T_GT(tally.bad, n / 100);
	free(s);
}

/* Bytes at random, most of them small, so that instructions of each kind begin. */
T_TEST(agrees_on_noise)
{
	struct pages_rng rng = {t_seed()};
	struct tally tally = {0, 0};
	uint64_t n = inputs(200000);
	uint8_t in[96];

	while (n--) {
		size_t len = (size_t)pages_below(&rng, sizeof(in) + 1);
		uint64_t kind = pages_next(&rng);

		for (size_t i = 0; i < len; i++)
			in[i] = (uint8_t)pages_below(&rng, kind & 1 ? 256 : 36);
		if (len >= 3 && kind & 2) {
			in[len - 3] = 17;
			in[len - 2] = in[len - 1] = 0;
		}
		agree(in, len, (size_t)pages_below(&rng, 300), (unsigned)(kind >> 2) & 1, &tally);
	}
	t_note("%llu good and %llu bad streams", (unsigned long long)tally.good,
	       (unsigned long long)tally.bad);
	T_GT(tally.good, 0);
}
