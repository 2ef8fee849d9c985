/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The swap header, which is the first page of a swap area: union swap_header of the kernel's
 * include/linux/swap.h, version 1, as mkswap(8) writes it.  The first 1024 bytes are reserved for a
 * boot loader.  Then come version, last_page and nr_badpages (in this machine's byte order), uuid
 * and label.  The last 10 bytes of the page are the magic.
 */
#include "rzs_store.h"

#define HEADER_AT 1024
#define MAGIC	  "SWAPSPACE2"
#define MAGIC_LEN 10

struct swap_info {
	uint32_t version;
	uint32_t last_page;
	uint32_t nr_badpages;
	uint8_t uuid[RZS_SWAP_UUID_SIZE];
	char label[RZS_SWAP_LABEL_MAX];
};

int rzs_swap_header(void *page, uint64_t nr_pages, const char *label, const uint8_t *uuid)
{
	struct swap_info info;
	size_t len = 0;

	memset(page, 0, RZS_PAGE_SIZE);
	while (label && label[len])
		if (++len > RZS_SWAP_LABEL_MAX)
			return -EINVAL;
	if (nr_pages < RZS_SWAP_MIN_PAGES || nr_pages > 0xffffffffull)
		return -EINVAL;
	memset(&info, 0, sizeof(info));
	info.version = 1;
	info.last_page = (uint32_t)(nr_pages - 1);
	if (uuid)
		memcpy(info.uuid, uuid, sizeof(info.uuid));
	if (label)
		memcpy(info.label, label, len);
	memcpy((uint8_t *)page + HEADER_AT, &info, sizeof(info));
	memcpy((uint8_t *)page + RZS_PAGE_SIZE - MAGIC_LEN, MAGIC, MAGIC_LEN);
	return 0;
}

bool rzs_swap_header_uuid(const void *page, uint8_t uuid[RZS_SWAP_UUID_SIZE])
{
	struct swap_info info;

	memset(uuid, 0, RZS_SWAP_UUID_SIZE);
	if (memcmp((const uint8_t *)page + RZS_PAGE_SIZE - MAGIC_LEN, MAGIC, MAGIC_LEN) != 0)
		return false;
	memcpy(&info, (const uint8_t *)page + HEADER_AT, sizeof(info));
	memcpy(uuid, info.uuid, sizeof(info.uuid));
	return true;
}
