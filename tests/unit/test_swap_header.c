/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The swap header against the format as the kernel reads it, and against mkswap's own where there
 * is one.
 *
 * Layout (union swap_header, version 1): 1024 bytes left to boot loaders, then three 32-bit
 * words: version, last_page, nr_badpages; then 16 bytes of uuid and 16 of volume name;
 * "SWAPSPACE2" ends the page.
 */
#include "rzs_store.h"
#include "t.h"

#include <fcntl.h>
#include <sys/stat.h>

#define PAGE	  RZS_PAGE_SIZE
#define MAGIC	  "SWAPSPACE2"
#define MAGIC_AT  (PAGE - 10)
#define UUID_TEXT "01234567-89ab-4cde-8f01-23456789abcd"

static const uint8_t uuid[RZS_SWAP_UUID_SIZE] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0x4c, 0xde,
						 0x8f, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd};

static uint32_t word_at(const uint8_t *page, unsigned at)
{
	uint32_t word;

	memcpy(&word, page + at, sizeof(word));
	return word;
}

T_TEST(every_field_is_where_the_kernel_looks_for_it)
{
	uint8_t page[PAGE], want[PAGE] = {0};
	uint32_t version = 1, last = 99999;

	memset(page, 0xee, PAGE);
	T_EQ(rzs_swap_header(page, 100000, "swap-of-ram", uuid), 0);
	memcpy(want + 1024, &version, 4);
	memcpy(want + 1028, &last, 4);
	memcpy(want + 1036, uuid, 16);
	memcpy(want + 1052, "swap-of-ram", 11);
	memcpy(want + MAGIC_AT, MAGIC, 10);
	T_MEM_EQ(page, want, PAGE);
}

T_TEST(label_and_uuid_may_be_missing)
{
	uint8_t page[PAGE], zeros[32] = {0};

	memset(page, 0xee, PAGE);
	T_EQ(rzs_swap_header(page, 10, NULL, NULL), 0);
	T_MEM_EQ(page + 1036, zeros, 32);
	T_EQ(word_at(page, 1028), 9);
	T_EQ(rzs_swap_header(page, 10, "", uuid), 0);
	T_MEM_EQ(page + 1036, uuid, 16);
	T_MEM_EQ(page + 1052, zeros, 16);
}

T_TEST(the_uuid_is_found_again)
{
	uint8_t page[PAGE], got[RZS_SWAP_UUID_SIZE], zeros[RZS_SWAP_UUID_SIZE] = {0};

	T_EQ(rzs_swap_header(page, 10, "label", uuid), 0);
	T_OK(rzs_swap_header_uuid(page, got));
	T_MEM_EQ(got, uuid, sizeof(got));
	page[PAGE - 1]++;
	T_OK(!rzs_swap_header_uuid(page, got));
	T_MEM_EQ(got, zeros, sizeof(got));
	page[PAGE - 1]--;
	page[MAGIC_AT]++;
	T_OK(!rzs_swap_header_uuid(page, got));
}

T_TEST(a_label_may_fill_its_field_and_no_more)
{
	uint8_t page[PAGE], zeros[PAGE] = {0};

	T_EQ(rzs_swap_header(page, 10, "0123456789abcdef", NULL), 0);
	T_MEM_EQ(page + 1052, "0123456789abcdef", 16);
	T_EQ(page[1068], 0);
	memset(page, 0xee, PAGE);
	T_EQ(rzs_swap_header(page, 10, "0123456789abcdefg", NULL), -EINVAL);
	T_MEM_EQ(page, zeros, PAGE);
}

T_TEST(sizes_that_swap_cannot_have_are_refused)
{
	static const uint64_t sizes[] = {0, 1, 9, 1ull << 32, (1ull << 32) + 10, UINT64_MAX};
	uint8_t page[PAGE], zeros[PAGE] = {0};
	unsigned i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		memset(page, 0xee, PAGE);
		T_EQ(rzs_swap_header(page, sizes[i], NULL, NULL), -EINVAL);
		T_MEM_EQ(page, zeros, PAGE);
	}
	T_EQ(rzs_swap_header(page, RZS_SWAP_MIN_PAGES, NULL, NULL), 0);
	T_EQ(rzs_swap_header(page, UINT32_MAX, NULL, NULL), 0);
	T_EQ(word_at(page, 1028), UINT32_MAX - 1);
}

/* What mkswap makes of a file of so many pages, in page. */
static void run_mkswap(const char *mkswap, uint64_t nr_pages, uint8_t *page)
{
	char path[] = "/tmp/test_swap_header.XXXXXX", cmd[256];
	int fd = mkstemp(path), status;

	T_GE(fd, 0);
	T_EQ(ftruncate(fd, (off_t)(nr_pages * PAGE)), 0);
	snprintf(cmd, sizeof(cmd), "%s -p 4096 -L swap-of-ram -U %s %s >/dev/null 2>&1", mkswap,
		 UUID_TEXT, path);
	status = system(cmd);
	if (status == 0)
		T_EQ(pread(fd, page, PAGE, 0), PAGE);
	close(fd);
	unlink(path);
	if (status)
		T_SKIP("mkswap failed with status %d", status);
}

T_TEST(it_is_what_mkswap_writes)
{
	static const uint64_t sizes[] = {10, 11, 5120, 131072};
	const char *mkswap = access("/sbin/mkswap", X_OK) ? "/usr/sbin/mkswap" : "/sbin/mkswap";
	uint8_t page[PAGE], want[PAGE];
	unsigned i;

	if (access(mkswap, X_OK))
		T_SKIP("no mkswap here");
	if (sysconf(_SC_PAGESIZE) != PAGE)
		T_SKIP("this machine's pages are not of 4 KiB");
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		run_mkswap(mkswap, sizes[i], want);
		T_EQ(rzs_swap_header(page, sizes[i], "swap-of-ram", uuid), 0);
		T_MEM_EQ(page, want, PAGE);
	}
}
