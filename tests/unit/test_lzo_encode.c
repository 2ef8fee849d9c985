/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The LZO1X encoder: what it writes, every way it has, comes back through liblzo2's decoder and
 * through ours; it gives up at each limit just as it should.  All buffers lie between pages that
 * cannot be touched, at one fence or at the other.
 *
 * Environment: RZS_OPS is the number of pages of each test of many (default: what fits in a second
 * or two).  T_SEED or --seed the seed.  RZS_PAGES is a file of real pages (default: this program,
 * whose code and tables are real).  RZS_KERNEL_LZO is a library of bench/kernel-lzo: its
 * decoder must make the pages, too.  To check many, each of which is encoded in four ways:
 *	RZS_OPS=20000000 T_TIMEOUT_SCALE=10000 RZS_PAGES=corpus/cc1.pages RZS_KERNEL_LZO=k.so \
 *		./test_lzo_encode --run real_pages
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "t.h"

#include "lzo_diff.h"
#include "lzo_enc.h"
#include "lzo_encode.h"
#include "pages.h"

static uint64_t inputs(uint64_t otherwise)
{
	const char *ops = getenv("RZS_OPS");

	return ops ? strtoull(ops, NULL, 0) : otherwise;
}

static void good(const uint8_t (*pages)[PAGES_SIZE], unsigned n, int at_end, uint64_t seed)
{
	const char *wrong = lzo_enc_check(pages, n, at_end);

	if (wrong)
		T_FAIL("%u pages, at_end %d, seed %llu: %s", n, at_end, (unsigned long long)seed,
		       wrong);
}

static void one(const uint8_t *page)
{
	good((const void *)page, 1, 0, 0);
	good((const void *)page, 1, 1, 0);
}

T_TEST(pages_of_each_kind)
{
	uint8_t page[PAGES_SIZE];
	uint64_t seed = t_seed();

	for (unsigned i = 0; i < 40 * PAGES_NR; i++) {
		pages_make(page, (enum pages_kind)(i % PAGES_NR), t_rand(&seed));
		one(page);
	}
}

/* A wide compare is chosen where there is one; then the other tests compare it with words. */
T_TEST(words_are_always_usable)
{
	T_EQ(rzs_lzo_compare_usable(RZS_LZO_WORDS), true);
	t_note("wide: %s", rzs_lzo_compare_usable(RZS_LZO_WIDE) ? "yes" : "no");
}

/* One match of each length, from anywhere to anywhere, in random bytes. */
T_TEST(matches_of_each_length_anywhere)
{
	uint8_t page[PAGES_SIZE];
	struct pages_rng rng = {t_seed()};

	for (unsigned len = 1; len < 700; len++) {
		unsigned from = (unsigned)pages_below(&rng, 1400);
		unsigned at = 1500 + (unsigned)pages_below(&rng, PAGES_SIZE - 1500);

		for (unsigned i = 0; i < PAGES_SIZE; i++)
			page[i] = (uint8_t)pages_next(&rng);
		for (unsigned i = 0; i < len && at + i < PAGES_SIZE; i++)
			page[at + i] = page[from + i];
		one(page);
	}
}

/* Runs of one byte up to each place, and from each place on: the ends of halves and of the page. */
T_TEST(a_run_may_begin_and_end_anywhere)
{
	uint8_t page[PAGES_SIZE];
	struct pages_rng rng = {t_seed()};

	for (unsigned at = 0; at <= PAGES_SIZE; at += at > 60 && at < 1980 ? 37 : 1) {
		if (at > 2120 && at < 4030)
			at += 40;
		for (unsigned i = 0; i < PAGES_SIZE; i++)
			page[i] = i < at ? 'r' : (uint8_t)pages_next(&rng);
		good((const void *)page, 1, at & 1, at);
		for (unsigned i = 0; i < PAGES_SIZE; i++)
			page[i] = i < at ? (uint8_t)pages_next(&rng) : 'r';
		good((const void *)page, 1, at & 1, at);
	}
}

/* At each limit: -ENOSPC if and only if the stream is longer. */
T_TEST_TIMEOUT(it_gives_up_at_each_limit, 120)
{
	uint8_t page[PAGES_SIZE];
	uint64_t seed = t_seed();

	for (unsigned i = 0; i < 12; i++) {
		if (i < 4)
			lzo_enc_make(page, t_rand(&seed));
		else
			pages_make(page, (enum pages_kind)(PAGES_TEXT + i % 7), t_rand(&seed));
		for (uint32_t limit = 0; limit < PAGES_SIZE + 300; limit += i ? 5 + i : 1) {
			const char *wrong = lzo_enc_limit(page, limit, limit & 1);

			if (wrong)
				T_FAIL("page %u, limit %u: %s", i, limit, wrong);
		}
	}
}

/* The buffer's comment promises how long a stream can be. */
T_TEST(no_stream_is_longer_than_promised)
{
	uint8_t page[PAGES_SIZE];
	size_t longest = 0;
	struct pages_rng rng = {t_seed()};

	/* Runs of 19 with a match of 4 behind each, from further back than an M2 reaches. */
	for (unsigned round = 0; round < 200; round++) {
		for (unsigned i = 0; i < PAGES_SIZE; i++)
			page[i] = (uint8_t)pages_next(&rng);
		for (unsigned at = 2100 + 19; at + 4 < PAGES_SIZE; at += 23)
			memcpy(page + at, page + pages_below(&rng, at - 2060), 4);
		one(page);
		longest = longest > lzo_enc_alone() ? longest : lzo_enc_alone();
		longest = longest > lzo_enc_batch() ? longest : lzo_enc_batch();
	}
	T_LE(longest, RZS_LZO_PAGE + RZS_LZO_PAGE / 23 + 21);
	t_note("the longest: %zu", longest);
}

T_TEST(batches_of_each_size)
{
	static uint8_t pages[LZO_ENC_MAX][PAGES_SIZE];
	uint64_t seed = t_seed();

	for (unsigned round = 0; round < 20; round++)
		for (unsigned n = 0; n <= LZO_ENC_MAX; n++) {
			for (unsigned i = 0; i < n; i++)
				pages_make_any(pages[i], t_rand(&seed));
			good((const void *)pages, n, round & 1, seed);
		}
}

/* A page's stream does not depend on what the encoder did before, nor on its neighbours. */
T_TEST(a_batch_gives_each_page_its_own_stream)
{
	static uint8_t pages[LZO_ENC_MAX][PAGES_SIZE];
	uint64_t seed = t_seed();
	size_t sum = 0;

	for (unsigned i = 0; i < LZO_ENC_MAX; i++)
		pages_make(pages[i], i % 3 ? PAGES_TEXT : PAGES_POINTERS, t_rand(&seed));
	for (unsigned i = 0; i < LZO_ENC_MAX; i += 2) {
		good((const void *)pages[i], 2, 0, seed);
		sum += lzo_enc_batch();
	}
	good((const void *)pages, LZO_ENC_MAX, 0, seed);
	T_EQ(lzo_enc_batch(), sum);
}

/* Text becomes at most 3 % larger than liblzo2 makes it. */
T_TEST(text_is_compressed)
{
	static uint8_t pages[LZO_ENC_MAX][PAGES_SIZE], out[2 * PAGES_SIZE];
	uint64_t seed = t_seed();
	size_t library = 0;

	for (unsigned i = 0; i < LZO_ENC_MAX; i++) {
		pages_make(pages[i], PAGES_TEXT, t_rand(&seed));
		library += lzo_diff_compress(1, pages[i], PAGES_SIZE, out);
	}
	good((const void *)pages, LZO_ENC_MAX, 0, seed);
	t_note("liblzo2 %zu, alone %zu, batch %zu", library, lzo_enc_alone(), lzo_enc_batch());
	T_LE(lzo_enc_alone() * 100, library * 103);
	T_LE(lzo_enc_batch() * 100, library * 103);
}

static void with_kernel(void)
{
	const char *path = getenv("RZS_KERNEL_LZO");

	if (path && lzo_enc_with_kernel(path))
		T_FAIL("RZS_KERNEL_LZO=%s: no library of bench/kernel-lzo", path);
}

static void many(void (*make)(uint8_t *, uint64_t), uint64_t n)
{
	static uint8_t pages[LZO_ENC_MAX][PAGES_SIZE];
	uint64_t seed = t_seed(), done = 0;

	with_kernel();
	while (done < n) {
		uint64_t r = t_rand(&seed);
		unsigned count = 1 + (unsigned)(r % 5);

		for (unsigned i = 0; i < count; i++)
			make(pages[i], t_rand(&seed));
		good((const void *)pages, count, (r >> 8) & 1, seed);
		done += count;
	}
	t_note("%llu pages", (unsigned long long)done);
}

T_TEST_TIMEOUT(made_pages, 60)
{
	many(lzo_enc_make, inputs(20000));
}

static void any(uint8_t *page, uint64_t seed)
{
	pages_make_any(page, seed);
}

T_TEST_TIMEOUT(any_pages, 60)
{
	many(any, inputs(10000));
}

static void random_page(uint8_t *page, uint64_t seed)
{
	pages_make(page, PAGES_RANDOM, seed);
}

T_TEST_TIMEOUT(random_pages, 60)
{
	many(random_page, inputs(2000));
}

/* A page of a file of them, which is mapped for good. */
static void real(uint8_t *page, uint64_t seed)
{
	static const uint8_t *map;
	static uint64_t nr;
	struct pages_rng rng = {seed};

	if (!map) {
		const char *path = getenv("RZS_PAGES");
		int fd = open(path ? path : "/proc/self/exe", O_RDONLY | O_CLOEXEC);
		struct stat st;

		T_OK(fd >= 0 && fstat(fd, &st) == 0);
		nr = (uint64_t)st.st_size / PAGES_SIZE;
		T_GT(nr, 0u);
		map = mmap(NULL, nr * PAGES_SIZE, PROT_READ, MAP_PRIVATE, fd, 0);
		T_OK(map != MAP_FAILED);
		close(fd);
	}
	memcpy(page, map + pages_below(&rng, nr) * PAGES_SIZE, PAGES_SIZE);
}

T_TEST_TIMEOUT(real_pages, 60)
{
	many(real, inputs(5000));
}

/* A page like those of programs, or one of them, with bytes changed or some of it moved. */
static void mutated(uint8_t *page, uint64_t seed)
{
	struct pages_rng rng = {seed};

	if (seed & 1)
		real(page, pages_next(&rng));
	else
		pages_make_any(page, pages_below(&rng, 64));
	for (uint64_t n = pages_below(&rng, 12); n; n--) {
		size_t at = (size_t)pages_below(&rng, PAGES_SIZE);
		size_t from = (size_t)pages_below(&rng, PAGES_SIZE);
		size_t most = PAGES_SIZE - (at > from ? at : from);

		if (n & 1)
			page[at] ^= (uint8_t)pages_next(&rng);
		else
			memmove(page + at, page + from, (size_t)pages_below(&rng, most + 1));
	}
}

T_TEST_TIMEOUT(mutated_pages, 60)
{
	many(mutated, inputs(10000));
}
