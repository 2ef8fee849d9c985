/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Room: what is made of /proc/zoneinfo, and that a source of blocks takes none without room.  The
 * numbers are pages; a system's own file is only looked at for being understood.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "t.h"

#include "blocks.h"
#include "room.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>

static char file[64];

static void write_file(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Written at once, and never longer than a piece where a source is reading meanwhile. */
static void write_file(const char *fmt, ...)
{
	char temporary[] = "/tmp/test_room.XXXXXX";
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

static uint64_t pages(void)
{
	struct rzs_room r;
	uint64_t bytes;

	T_EQ(rzs_room_open(&r, file), 0);
	bytes = rzs_room_bytes(&r);
	rzs_room_close(&r);
	unlink(file);
	file[0] = '\0';
	return bytes / (uint64_t)sysconf(_SC_PAGESIZE);
}

#define ZONE                                                                                    \
	"Node 0, zone    DMA32\n  pages free     %u\n        boost    0\n        min      %u\n" \
	"        low      900\n        high     999\n        protection: (%s)\n"                \
	"      nr_free_pages 77777\n  pagesets\n    cpu: 0\n              count:    12\n"       \
	"              high_min: 999999\n"

/* Seven eighths of the minimum stay. */
T_TEST(a_zone_gives_what_is_above_its_minimum)
{
	write_file(ZONE, 2000u, 800u, "0, 0, 0");
	T_EQ(pages(), 1300);
}

T_TEST(what_is_kept_for_others_is_not_room)
{
	write_file(ZONE, 2000u, 800u, "0, 400, 1000, 1000");
	T_EQ(pages(), 300);
}

/* A zone without room takes none away from the others. */
T_TEST(zones_add_up)
{
	write_file(ZONE ZONE ZONE, 100u, 800u, "0", 2000u, 800u, "0, 5", 10000u, 80u, "0");
	T_EQ(pages(), 0 + 1295 + 9930);
}

T_TEST(no_room_is_known_as_such)
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
	struct rzs_room r;

	T_EQ(rzs_room_open(&r, "/nonexistent/zoneinfo"), -ENOENT);
	T_EQ(rzs_room_bytes(&r), UINT64_MAX);
	write_file("Node 0, zone DMA\n  pages free 17\n");
	T_EQ(rzs_room_open(&r, file), -EIO);
	T_EQ(rzs_room_bytes(&r), UINT64_MAX);
	unlink(file);
}

T_TEST(this_systems_own_file_is_understood)
{
	struct rzs_room r;
	uint64_t bytes;

	if (rzs_room_open(&r, RZS_ROOM_FILE) == -ENOENT)
		T_SKIP("no " RZS_ROOM_FILE);
	bytes = rzs_room_bytes(&r);
	T_GT(bytes, 0);
	T_LT(bytes, (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE));
	rzs_room_close(&r);
}

static struct rzs_blocks_info info(void)
{
	struct rzs_blocks_info i;

	rzs_blocks_info(&i);
	return i;
}

/* No room, no refill, but a look now and then; room, and the reserve is full again. */
T_TEST(a_source_waits_for_room)
{
	struct rzs_blocks *b;
	bool limit;

	write_file(ZONE, 700u, 800u, "0");
	rzs_blocks_set_room(file);
	T_EQ(rzs_blocks_open(&b, 1000, 16), 0);
	rzs_blocks_set_room(NULL);
	T_EQ(info().roomy, 1);
	T_EQ(info().ready, 16); /* what there is at the start comes before there is any pressure */
	for (int i = 0; i < 16; i++)
		T_NE(rzs_blocks_take(b, &limit), NULL);
	T_EQ(info().refused, 0);
	T_WAIT(info().shortages > 3, 10);
	T_EQ(info().refilled, 0);
	T_EQ(info().failures, 0);
	T_EQ(rzs_blocks_take(b, &limit), NULL);
	T_EQ(limit, false);
	T_EQ(info().least, 0);
	write_file(ZONE, 70000u, 800u, "0");
	T_WAIT(info().refilled == 16, 10);
	T_EQ(info().ready, 16);
	rzs_blocks_close(b);
	unlink(file);
}

/* Takes no more at once than half of what there is. */
T_TEST(a_source_leaves_some_of_the_room)
{
	unsigned page = (unsigned)sysconf(_SC_PAGESIZE);
	struct rzs_blocks *b;
	bool limit;

	write_file(ZONE, 700u + (128u * 1024 + 2 * 3 * RZS_BLOCK_SIZE) / page, 800u, "0");
	rzs_blocks_set_room(file);
	T_EQ(rzs_blocks_open(&b, 1000, 4), 0);
	rzs_blocks_set_room(NULL);
	for (int i = 0; i < 4; i++)
		T_NE(rzs_blocks_take(b, &limit), NULL);
	T_WAIT(info().refilled == 4, 10);
	T_EQ(info().shortages, 0);
	rzs_blocks_close(b);
	unlink(file);
}
