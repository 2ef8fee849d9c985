/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzst_header.h. */
#include "rzst_header.h"

#include <errno.h>
#include <string.h>

#include "rzs_store.h"

#define BOOT_BYTES   1024u /* of a boot loader */
#define LAST_PAGE_AT 1028u
#define UUID_AT	     1036u
#define LABEL_AT     1052u

#define MAGIC	   "SWAPSPACE2"
#define MAGIC_SIZE 10u

static bool is_suspended(const uint8_t *magic)
{
	static const struct {
		const char *bytes;
		size_t size;
	} signatures[] = {
		{"S1SUSPEND", 9},
		{"S2SUSPEND", 9},
		{"ULSUSPEND", 9},
		{"LINHIB0001", 10},
		{"\xed\xc3\x02\xe9\x98\x56\xe5\x0c", 8}, /* of TuxOnIce */
	};

	for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++)
		if (memcmp(magic, signatures[i].bytes, signatures[i].size) == 0)
			return true;
	return false;
}

void rzst_header_find(const uint8_t *bytes, size_t size, struct rzst_header *out)
{
	uint32_t last_page;

	memset(out, 0, sizeof(*out));
	for (uint32_t page = 4096; page <= RZST_HEADER_MOST && page <= size; page *= 2) {
		const uint8_t *magic = bytes + page - MAGIC_SIZE;

		out->suspended = is_suspended(magic);
		if (!out->suspended && memcmp(magic, MAGIC, MAGIC_SIZE) != 0)
			continue;
		out->page_size = page;
		memcpy(&last_page, bytes + LAST_PAGE_AT, sizeof(last_page));
		out->nr_pages = (uint64_t)last_page + 1;
		memcpy(out->label, bytes + LABEL_AT, RZS_SWAP_LABEL_MAX);
		return;
	}
}

int rzst_header_make(uint8_t *bytes, uint32_t page_size, uint64_t area_size)
{
	char label[RZST_HEADER_LABEL] = "";
	uint8_t page[RZS_PAGE_SIZE];

	memcpy(label, bytes + LABEL_AT, RZS_SWAP_LABEL_MAX);
	if (rzs_swap_header(page, area_size / page_size, label, bytes + UUID_AT) < 0)
		return -EINVAL;
	memset(bytes + BOOT_BYTES, 0, page_size - BOOT_BYTES);
	memcpy(bytes + BOOT_BYTES, page + BOOT_BYTES, RZS_PAGE_SIZE - BOOT_BYTES - MAGIC_SIZE);
	memcpy(bytes + page_size - MAGIC_SIZE, MAGIC, MAGIC_SIZE);
	return 0;
}

int rzst_header_make_new(uint8_t *bytes, uint32_t page_size, uint64_t area_size, const char *label,
			 const uint8_t uuid[16])
{
	size_t len = strlen(label);

	if (len > RZS_SWAP_LABEL_MAX)
		return -EINVAL;
	memset(bytes, 0, page_size);
	memcpy(bytes + LABEL_AT, label, len);
	memcpy(bytes + UUID_AT, uuid, RZS_SWAP_UUID_SIZE);
	return rzst_header_make(bytes, page_size, area_size);
}
