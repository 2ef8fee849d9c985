/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Adopting what is damaged: nothing of it is taken for a page, and all else is kept. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "adopt_rig.h"

static void *block_at(const struct image *im, uint32_t block)
{
	return im->copy.base + im->copy.root_bytes + (size_t)(block - 1) * RZS_BLOCK_SIZE;
}

static struct rzs_image *header(const struct image *im)
{
	return (struct rzs_image *)(void *)im->copy.base;
}

static uint32_t *table(const struct image *im, uint64_t at)
{
	return rzs_image_table(header(im), at);
}

static uint64_t *word(const struct image *im, unsigned slot)
{
	return (uint64_t *)block_at(im, *table(im, header(im)->slots_at)) + slot;
}

static struct rzs_block *descriptor(const struct image *im, unsigned id)
{
	return (struct rzs_block *)block_at(im, *table(im, header(im)->pool_at)) + id;
}

/* The entry of the object of slot 0, which is compressed. */
static struct rzs_entry *entry(const struct image *im)
{
	return rzs_packed_entry(block_at(im, descriptor(im, rzs_word_block(*word(im, 0)))->mem),
				rzs_word_index(*word(im, 0)));
}

static void sum_again(const struct image *im)
{
	header(im)->sum = rzs_hash64(header(im), offsetof(struct rzs_image, sum), 0);
}

/* Each does the damage of this number, which the table below names. */
static void damage(const struct image *im, unsigned nr)
{
	struct rzs_image *h = header(im);
	struct rzs_block *b = descriptor(im, rzs_word_block(*word(im, 0)));
	struct rzs_entry *e = entry(im);

	switch (nr) {
	case 0: h->magic ^= 1; break;
	case 1: h->version++; break;
	case 2: h->nr_pages++; break;
	case 3: h->nr_pages++; sum_again(im); break;
	case 4: h->codec[0] ^= 1; sum_again(im); break;
	case 5: h->flags ^= 1; sum_again(im); break;
	case 6: h->descriptor_bytes++; sum_again(im); break;
	case 7: *table(im, h->slots_at) = 9999; break;
	case 8: *table(im, h->pool_at) = *table(im, h->slots_at); break;
	case 9: table(im, h->shares_at)[0] = 0xffffffff; break;
	case 10: b->type = 77; break;
	case 11: b->mem = 9999; break;
	case 12: b->mem = *table(im, h->slots_at); break;
	case 13: memset(&b->packed, 0xa5, sizeof(b->packed)); break;
	case 14: memset(&b->lock, 0xff, sizeof(b->lock)); break;
	case 15: b->shard = 200; b->busy = 9; b->next = b->prev = 77777; break;
	case 16: e->slot++; break;
	case 17: e->place ^= 1u << 14; break;
	case 18: e->place |= 0x3fff; break;
	case 19: e->sum ^= 0x100; break;
	case 20: ((uint8_t *)block_at(im, b->mem))[rzs_entry_offset(e)] ^= 4; break;
	case 21: *word(im, 0) = RZS_KIND_UNUSED | 12345 << 8; break;
	case 22: *word(im, 0) |= RZS_BLOCK_ID_MAX << 8; break;
	case 23: *word(im, 0) = rzs_word_merged(3, 1000); break;
	case 24: *word(im, 0) |= RZS_SLOT_LOCK | RZS_SLOT_WAITERS; break;
	case 25: *word(im, 0) = 0x1000; break;
	}
}

static const struct {
	int err;
	uint64_t lost; /* ALL: those of a block */
	const char *what;
} expected[] = {
#define ALL UINT64_MAX
	{-EINVAL, 0, "image: not one of a store on this machine"},
	{-EINVAL, 0, "image: another version of the format"},
	{-EINVAL, 0, "image: its header is damaged"},
	{-EINVAL, 0, "image: another size of the device"},
	{-EINVAL, 0, "image: another codec"},
	{-EINVAL, 0, "image: with checksums or a backing device, or without"},
	{-EINVAL, 0, "image: another layout"},
	{-EIO, 0, "image: its table of slots is damaged"},
	{-EIO, 0, "image: its table of descriptors is damaged"},
	{-EIO, 0, "image: its table of shares is damaged"},
	{0, ALL, NULL}, /* descriptors: what is in doubt */
	{0, ALL, NULL},
	{0, ALL, NULL},
	{0, 0, NULL}, /* and what is made anew */
	{0, 0, NULL},
	{0, 0, NULL},
	{0, 1, NULL}, /* directories and bytes */
	{0, 1, NULL},
	{0, 1, NULL},
	{0, 1, NULL},
	{0, 1, NULL},
	{0, 1, NULL}, /* words */
	{0, 1, NULL},
	{0, 1, NULL},
	{0, 0, NULL},
	{0, 1, NULL},
};

static void expect_damaged(struct image *im, unsigned nr)
{
	struct rzs_adopted found;
	struct rzs_store *store;
	int err;

	memcpy(im->copy.base, im->arena.base, ARENA);
	damage(im, nr);
	store = adopt(im, &found, &err);
	if (err != expected[nr].err)
		T_FAIL("damage %u: error %d, %s", nr, err, found.what ? found.what : "");
	T_OK(!found.what == !expected[nr].what);
	if (found.what)
		T_STR_EQ(found.what, expected[nr].what);
	if (err)
		return;
	expect_verified(store);
	if (expected[nr].lost == ALL ? found.pages_lost < 2 || found.pages_lost == NR
				     : found.pages_lost != expected[nr].lost)
		T_FAIL("damage %u: %llu pages lost", nr, (unsigned long long)found.pages_lost);
	T_EQ(expect_pages(im, store), found.pages_lost);
	T_EQ(found.pages + found.pages_lost, NR);
	rzs_store_destroy(store);
}

/* Red when damage is not noticed, costs other pages than its own, or gives wrong bytes. */
T_TEST(damaged_images)
{
	struct image im;

	image_open(&im, 2);
	im.may_lose = true;
	for (unsigned i = 0; i < NR; i++) {
		pages_make(im.model[i], PAGES_TEXT, i + 1);
		memcpy(im.next[i], im.model[i], PAGE);
		T_EQ(rzs_store_write(im.store, im.worker, i, im.model[i]), 0);
	}
	for (unsigned nr = 0; nr < sizeof(expected) / sizeof(expected[0]); nr++)
		expect_damaged(&im, nr);
	image_close(&im);
}

/* Red when a lost page cannot be had again, or reads as zeros. */
T_TEST(a_lost_page_is_an_error_until_it_is_written)
{
	struct rzs_adopted found;
	struct rzs_worker *w;
	struct rzs_store *store;
	uint8_t page[PAGE];
	struct image im;
	int err;

	image_open(&im, 2);
	T_EQ(put(&im, 0, 4), 0);
	T_EQ(put(&im, 1, 4), 0);
	memcpy(im.copy.base, im.arena.base, ARENA);
	*word(&im, 0) = *word(&im, 1) = RZS_KIND_LOST;
	store = adopt(&im, &found, &err);
	T_EQ(err, 0);
	w = rzs_worker_get_own(store, 0);
	T_EQ(rzs_store_read(store, w, 0, page), -EIO);
	T_EQ(rzs_store_pwrite(store, w, "x", 1, 100), -EIO);
	T_EQ(rzs_store_write(store, w, 0, im.model[0]), 0);
	T_EQ(rzs_store_read(store, w, 0, page), 0);
	T_MEM_EQ(page, im.model[0], PAGE);
	T_EQ(rzs_store_discard(store, w, 1, 1), 0);
	T_EQ(rzs_store_read(store, w, 1, page), 0);
	rzs_worker_put(store, w);
	expect_verified(store);
	rzs_store_destroy(store);
	image_close(&im);
}
