/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Headroom: what is made of /proc/zoneinfo, and that a source of blocks takes none without
 * headroom.  The numbers are pages; a system's own file is only looked at for being understood.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "t.h"

#include "blocks.h"
#include "headroom.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>

static char file[64];

static void write_file(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Written at once, and never longer than a piece where a source is reading meanwhile. */
static void write_file(const char *fmt, ...)
{
	char temporary[] = "/tmp/test_headroom.XXXXXX";
	int fd = file[0] ? open(file, O_WRONLY | O_CLOEXEC) : mkstemp(temporary);
	char text[16384];
	va_list ap;
	int n;

	T_GE(fd, 0);
	if (!file[0])
		strcpy(file, temporary);
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	T_OK(n > 0 && n < (int)sizeof(text));
	T_EQ(pwrite(fd, text, (size_t)n, 0), n);
	T_EQ(ftruncate(fd, n), 0);
	close(fd);
}

static uint64_t pages_for(bool hungry, bool boost_binds)
{
	struct rzs_headroom r;
	uint64_t bytes;

	T_EQ(rzs_headroom_open(&r, file), 0);
	r.boost_binds = boost_binds;
	bytes = rzs_headroom_bytes(&r, hungry);
	rzs_headroom_close(&r);
	return bytes / (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t pages(void)
{
	uint64_t n = pages_for(false, false);

	unlink(file);
	file[0] = '\0';
	return n;
}

#define ZONE                                                                                    \
	"Node 0, zone    DMA32\n  pages free     %u\n        boost    0\n        min      %u\n" \
	"        low      900\n        high     999\n        protection: (%s)\n"                \
	"      nr_free_pages 77777\n  pagesets\n    cpu: 0\n              count:    12\n"       \
	"              high_min: 999999\n"

#define TWO_ZONES                                                                                  \
	"Node 0, zone      DMA\n  pages free     %u\n        boost    0\n        min      %u\n"    \
	"        protection: (0, 191)\n" ZONE

static bool is_short(void)
{
	struct rzs_headroom r;
	bool answer;

	T_EQ(rzs_headroom_open(&r, file), 0);
	answer = rzs_headroom_short(&r);
	T_EQ(rzs_headroom_short(&r), answer);
	rzs_headroom_close(&r);
	unlink(file);
	file[0] = '\0';
	return answer;
}

T_TEST(less_than_half_of_the_minimum_is_short)
{
	write_file(ZONE, 400u, 800u, "0");
	T_EQ(is_short(), false);
	write_file(ZONE, 399u, 800u, "0");
	T_EQ(is_short(), true);
	/* All zones together, though the larger has enough. */
	write_file(TWO_ZONES, 0u, 700u, 450u, 800u, "0");
	T_EQ(is_short(), true);
	/* What a small zone has does not help where the kernel does not count it. */
	write_file(TWO_ZONES, 3000u, 148u, 399u, 800u, "0");
	T_EQ(is_short(), true);
	write_file(TWO_ZONES, 3000u, 148u, 400u, 800u, "0");
	T_EQ(is_short(), false);
	/* A small zone alone does no harm. */
	write_file(TWO_ZONES, 0u, 148u, 900u, 800u, "0");
	T_EQ(is_short(), false);
}

T_TEST(what_cannot_be_read_is_not_short)
{
	struct rzs_headroom r = RZS_HEADROOM_CLOSED;

	T_EQ(rzs_headroom_short(&r), false);
}

/* Seven eighths of the minimum stay. */
T_TEST(a_zone_gives_what_is_above_its_minimum)
{
	write_file(ZONE, 2000u, 800u, "0, 0, 0");
	T_EQ(pages(), 1300);
}

T_TEST(what_is_kept_for_others_is_not_headroom)
{
	write_file(ZONE, 2000u, 800u, "0, 400, 1000, 1000");
	T_EQ(pages(), 300);
}

/* A zone without headroom takes none away from the others. */
T_TEST(zones_add_up)
{
	write_file(ZONE ZONE ZONE, 100u, 800u, "0", 2000u, 800u, "0, 5", 10000u, 80u, "0");
	T_EQ(pages(), 0 + 1295 + 9930);
}

/* The minimum has the boost in it. */
T_TEST(the_boost_is_headroom_for_the_hungry_where_the_kernel_lets_them)
{
	write_file("  pages free 1100\n  boost 800\n  min 1600\n  protection: (0)\n"
		   "  pages free 1000\n  boost 0\n  min 800\n  protection: (0)\n");
	T_EQ(pages_for(false, false), 300);
	T_EQ(pages_for(true, true), 300);
	T_EQ(pages_for(true, false), 400 + 300);
	unlink(file);
}

T_TEST(kernels_are_told_apart)
{
	T_OK(rzs_headroom_boost_binds("6.1.0-56-amd64"));
	T_OK(rzs_headroom_boost_binds("5.18"));
	T_OK(!rzs_headroom_boost_binds("6.3.0"));
	T_OK(!rzs_headroom_boost_binds("6.12.117+deb12-amd64"));
	T_OK(!rzs_headroom_boost_binds("7.1"));
	T_OK(rzs_headroom_boost_binds("unheard of"));
}

T_TEST(no_headroom_is_known_as_such)
{
	write_file(ZONE, 700u, 800u, "0");
	T_EQ(pages(), 0);
}

/* The file is read in pieces: every place where one may end is met. */
T_TEST(pieces_make_no_difference)
{
	for (int pad = 3700; pad < 4200; pad += 3) {
		write_file("%*s\n" ZONE, pad, "", 2000u, 800u, "0, 0, 0");
		T_EQ(pages(), 1300);
	}
}

T_TEST(a_line_of_any_length_is_passed_over)
{
	write_file("%*s\n" ZONE, 10000, "x", 2000u, 800u, "0, 0, 0");
	T_EQ(pages(), 1300);
}

T_TEST(what_cannot_be_understood_is_an_error)
{
	struct rzs_headroom r;

	T_EQ(rzs_headroom_open(&r, "/nonexistent/zoneinfo"), -ENOENT);
	T_EQ(rzs_headroom_bytes(&r, false), UINT64_MAX);
	write_file("Node 0, zone DMA\n  pages free 17\n");
	T_EQ(rzs_headroom_open(&r, file), -EIO);
	T_EQ(rzs_headroom_bytes(&r, false), UINT64_MAX);
	unlink(file);
}

/* In a process that was started without a standard input. */
T_TEST(descriptor_0_is_one_like_others)
{
	struct rzs_headroom r = RZS_HEADROOM_CLOSED;

	rzs_headroom_close(&r); /* has none, and must not close this: */
	T_GE(fcntl(0, F_GETFD), 0);
	write_file(ZONE, 2000u, 800u, "0");
	close(0);
	T_EQ(rzs_headroom_open(&r, file), 0);
	T_EQ(r.fd, 0);
	T_NE(rzs_headroom_bytes(&r, false), UINT64_MAX);
	T_NE(rzs_headroom_bytes(&r, false), UINT64_MAX);
	rzs_headroom_close(&r);
	T_EQ(fcntl(0, F_GETFD), -1);
	T_EQ(r.fd, -1);
	unlink(file);
}

T_TEST(this_systems_own_file_is_understood)
{
	struct rzs_headroom r;
	uint64_t bytes;

	if (rzs_headroom_open(&r, RZS_HEADROOM_FILE) == -ENOENT)
		T_SKIP("no " RZS_HEADROOM_FILE);
	bytes = rzs_headroom_bytes(&r, false);
	T_GT(bytes, 0);
	T_LT(bytes, (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE));
	rzs_headroom_close(&r);
}

static struct rzs_blocks_info info(void)
{
	struct rzs_blocks_info i;

	rzs_blocks_info(&i);
	return i;
}

/* A source with this reserve, while the zone has so many free pages and a minimum of 800. */
static struct rzs_blocks *open_source(unsigned pages_free, uint64_t reserve)
{
	struct rzs_blocks *b;

	write_file(ZONE, pages_free, 800u, "0");
	rzs_blocks_set_headroom(file);
	T_EQ(rzs_blocks_open(&b, 1000, reserve, 0, NULL, 0), 0);
	rzs_blocks_set_headroom(NULL);
	return b;
}

/* No headroom, no refill, but a look now and then; headroom, and the reserve is full again. */
T_TEST(a_source_waits_for_headroom)
{
	struct rzs_blocks *b;
	bool limit;

	b = open_source(700, 16);
	T_EQ(info().checks_headroom, 1);
	T_EQ(info().ready, 16); /* what there is at the start comes before there is any pressure */
	for (int i = 0; i < 13; i++)
		T_NE(rzs_blocks_take(b, &limit), 0);
	T_EQ(info().refused, 0);
	T_WAIT(info().shortages > 300, 60); /* far longer than with fewer blocks */
	T_EQ(info().refilled, 0);
	T_EQ(info().failures, 0);
	T_EQ(info().unasked, 0);
	T_WAIT(info().waits_ns > 100000000, 10);
	T_NE(rzs_blocks_take(b, &limit), 0);
	T_EQ(info().least, 2);
	write_file(ZONE, 70000u, 800u, "0");
	T_WAIT(info().refilled == 14, 10);
	T_EQ(info().ready, 16);
	T_WAIT(info().waits_ns == 0, 10);
	rzs_blocks_close(b);
	unlink(file);
}

/*
 * Without a block, a machine that swaps frees nothing, so that headroom may never come: red when
 * the source waits for it all the same, or for each block anew.
 */
T_TEST(an_empty_source_does_not_wait_for_ever)
{
	struct rzs_blocks *b;
	uint64_t shortages;
	bool limit;

	b = open_source(700, 16);
	for (int i = 0; i < 16; i++)
		T_NE(rzs_blocks_take(b, &limit), 0);
	T_WAIT(rzs_blocks_take(b, &limit) != 0, 20);
	T_EQ(limit, false);
	shortages = info().shortages;
	T_GT(shortages, 0);
	for (int i = 0; i < 20; i++)
		T_WAIT(rzs_blocks_take(b, &limit) != 0, 20);
	T_GE(info().unasked, 21);
	/* Not after the same wait each: one look in a millisecond, some 200 for each of them. */
	T_LT(info().shortages - shortages, 20 * 50);
	rzs_blocks_close(b);
	unlink(file);
}

/* With the last blocks: red when it waits until there is none, and writes are refused by then. */
T_TEST(a_source_does_not_wait_until_it_is_empty)
{
	struct rzs_blocks *b;
	bool limit;

	b = open_source(700, 16);
	for (int i = 0; i < 14; i++)
		T_NE(rzs_blocks_take(b, &limit), 0);
	T_WAIT(info().ready == 3, 20);
	T_EQ(info().least, 2);
	T_EQ(info().refused, 0);
	T_EQ(info().unasked, 1);
	T_GT(info().shortages, 0);
	rzs_blocks_close(b);
	unlink(file);
}

/*
 * At each look there is either headroom for a block or none, and blocks are taken as they come,
 * until there are no more.  Returns whether one came without headroom.
 */
static bool take_drop_by_drop(void)
{
	unsigned page = (unsigned)sysconf(_SC_PAGESIZE);
	const unsigned none = 700, some = none + (128u * 1024 + 2 * RZS_BLOCK_SIZE) / page;
	struct rzs_blocks *b = open_source(none, 16);
	bool limit = false, unasked;

	for (unsigned i = 0; !limit && info().unasked == 0; i++) {
		write_file(ZONE, i % 8 ? none : some, 800u, "0");
		(void)rzs_blocks_take(b, &limit);
	}
	t_note("%llu blocks came", (unsigned long long)info().refilled);
	unasked = info().unasked;
	rzs_blocks_close(b);
	unlink(file);
	file[0] = '\0';
	return unasked;
}

/*
 * Red when each block begins the wait anew.  On a busy machine this process may be away from the
 * processor while there is headroom, and the reserve fills up: so it is tried again.
 */
T_TEST(a_bit_of_headroom_does_not_end_a_shortage)
{
	unsigned tries = 0;

	while (!take_drop_by_drop() && tries < 16)
		tries++;
	T_LT(tries, 16);
}

/* Takes no more at once than half of what there is. */
T_TEST(a_source_leaves_some_of_the_headroom)
{
	unsigned page = (unsigned)sysconf(_SC_PAGESIZE);
	struct rzs_blocks *b;
	bool limit;

	b = open_source(700u + (128u * 1024 + 2 * 3 * RZS_BLOCK_SIZE) / page, 4);
	for (int i = 0; i < 4; i++)
		T_NE(rzs_blocks_take(b, &limit), 0);
	T_WAIT(info().refilled == 4, 10);
	T_EQ(info().shortages, 0);
	rzs_blocks_close(b);
	unlink(file);
}
