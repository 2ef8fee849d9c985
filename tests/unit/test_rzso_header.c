/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rzs-swapon's changes of swap headers: what is found, and what is written where. */
#include "t.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "rzs_store.h"
#include "rzso_header.h"

#define AREA_SIZE (1u << 20)

static uint8_t bytes[RZST_HEADER_MOST], was[RZST_HEADER_MOST];

static const uint8_t uuid[RZS_SWAP_UUID_SIZE] = {1, 2,	3,  4,	5,  6,	7,  8,
						 9, 10, 11, 12, 13, 14, 15, 16};

/* As mkswap(8) writes it for pages of that size, behind a boot loader and before other data. */
static void make(uint32_t page_size)
{
	uint8_t page[RZS_PAGE_SIZE];

	memset(bytes, 0xdb, sizeof(bytes));
	T_EQ(rzs_swap_header(page, AREA_SIZE / page_size, "a label of 16 by", uuid), 0);
	memset(bytes + 1024, 0, page_size - 1024);
	memcpy(bytes + 1024, page + 1024, sizeof(page) - 1024 - 10);
	memcpy(bytes + page_size - 10, "SWAPSPACE2", 10);
	memcpy(was, bytes, sizeof(was));
}

static void finds(uint32_t page_size, bool suspended)
{
	struct rzst_header h;

	memset(&h, 0x55, sizeof(h));
	rzst_header_find(bytes, sizeof(bytes), &h);
	T_EQ(h.page_size, page_size);
	T_EQ(h.suspended, suspended);
}

T_TEST(headers_are_found)
{
	static const struct {
		const char *bytes;
		size_t size;
	} suspended[] = {
		{"S1SUSPEND", 9},
		{"S2SUSPEND ", 10},
		{"ULSUSPEND", 9},
		{"LINHIB0001", 10},
		{"\xed\xc3\x02\xe9\x98\x56\xe5\x0c", 8},
	};

	memset(bytes, 0, sizeof(bytes));
	finds(0, false);
	for (uint32_t page = 4096; page <= RZST_HEADER_MOST; page *= 2) {
		struct rzst_header h;

		make(page);
		finds(page, false);
		for (size_t i = 0; i < sizeof(suspended) / sizeof(suspended[0]); i++) {
			memset(bytes + page - 10, 0, 10);
			memcpy(bytes + page - 10, suspended[i].bytes, suspended[i].size);
			finds(page, true);
		}
		memcpy(bytes + page - 10, "S3SUSPEND", 9);
		finds(0, false);
		/* It is not there as a whole. */
		make(page);
		rzst_header_find(bytes, page - 1, &h);
		T_EQ(h.page_size, 0);
	}
}

T_TEST(a_header_is_made_for_another_page_size)
{
	for (uint32_t from = 4096; from <= RZST_HEADER_MOST; from *= 2)
		for (uint32_t to = 4096; to <= RZST_HEADER_MOST; to *= 2) {
			uint32_t info[3];

			make(from);
			T_EQ(rzst_header_make(bytes, to, AREA_SIZE), 0);
			T_MEM_EQ(bytes, was, 1024);
			memcpy(info, bytes + 1024, sizeof(info));
			T_EQ(info[0], 1);
			T_EQ(info[1], AREA_SIZE / to - 1);
			T_EQ(info[2], 0);
			T_MEM_EQ(bytes + 1036, uuid, sizeof(uuid));
			T_MEM_EQ(bytes + 1052, "a label of 16 by", 16);
			for (uint32_t i = 1068; i < to - 10; i++)
				if (bytes[i])
					T_FAIL("%u to %u: byte %u is %u", from, to, i, bytes[i]);
			T_MEM_EQ(bytes + to - 10, "SWAPSPACE2", 10);
			T_MEM_EQ(bytes + to, was + to, sizeof(was) - to);
			if (to <= from)
				finds(to, false);
		}
}

T_TEST(an_area_that_is_too_small_or_large_gets_none)
{
	make(65536);
	T_EQ(rzst_header_make(bytes, 4096, 9 * 4096 + 4095), -EINVAL);
	T_EQ(rzst_header_make(bytes, 65536, 10 * 65536 - 1), -EINVAL);
	T_EQ(rzst_header_make(bytes, 4096, UINT64_C(4096) << 32), -EINVAL);
	T_MEM_EQ(bytes, was, sizeof(was));
	T_EQ(rzst_header_make(bytes, 65536, 10 * 65536), 0);
}

/* ---- files ---- */

static char path[] = "/tmp/rzs-test.XXXXXX";

static void put_file(void)
{
	int fd = mkstemp(path);

	T_OK(fd >= 0);
	T_EQ(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
	T_EQ(ftruncate(fd, AREA_SIZE), 0);
	close(fd);
}

/* Into bytes. */
static void get_file(void)
{
	int fd = open(path, O_RDONLY);
	struct stat st;

	T_OK(fd >= 0);
	T_EQ(fstat(fd, &st), 0);
	T_EQ(st.st_size, AREA_SIZE);
	T_EQ(read(fd, bytes, sizeof(bytes)), sizeof(bytes));
	close(fd);
	unlink(path);
}

T_TEST(a_suspended_area_becomes_swap_and_nothing_else_changes)
{
	make(4096);
	memcpy(bytes + 4086, "S2SUSPEND\0", 10);
	put_file();
	T_EQ(rzso_header_reinitialise("/", 4096), -EISDIR);
	T_EQ(rzso_header_reinitialise("/dev/null", 4096), -ENOTBLK);
	T_EQ(rzso_header_unsuspend("/tmp/rzs-test.none"), -ENOENT);
	T_EQ(rzso_header_unsuspend(path), 0);
	T_EQ(rzso_header_unsuspend(path), -EINVAL);
	get_file();
	T_MEM_EQ(bytes, was, sizeof(was));
}

T_TEST(a_header_is_replaced_on_the_device)
{
	static const uint8_t nothing[10];
	struct rzst_header h;

	make(65536);
	put_file();
	T_EQ(rzso_header_reinitialise(path, 4096), 0);
	T_EQ(rzso_header_read(path, &h), 0);
	T_EQ(h.page_size, 4096);
	get_file();
	T_EQ(rzst_header_make(was, 4096, AREA_SIZE), 0);
	/* The old signature is gone, or another program would find two. */
	T_MEM_EQ(bytes + 65526, nothing, 10);
	T_MEM_EQ(bytes, was, 65526);
}
