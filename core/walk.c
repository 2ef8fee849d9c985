/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A walk over a store; see walk.h. */
#include "walk.h"
#include "sealed.h"

void rzs_tally_word(struct rzs_tally *t, uint64_t word)
{
	if (rzs_word_is_same(word)) {
		t->same++;
		t->zero += rzs_word_is_zero_page(word);
		return;
	}
	if (rzs_word_is_object(word)) {
		t->object_bytes += rzs_word_size(word);
		t->unshared += (word & RZS_SLOT_SCANNED) != 0;
		t->recompressed += (word & RZS_SLOT_CODEC2) != 0;
	} else if (rzs_word_is_member(word)) {
		t->unit_pages++;
	} else if (rzs_word_kind(word) == RZS_KIND_MERGED) {
		t->merged++;
		t->merged_bytes += rzs_word_size(word);
	} else {
		return;
	}
	t->raw += rzs_word_size(word) == RZS_PAGE_SIZE;
	t->compressed += rzs_word_size(word) < RZS_PAGE_SIZE;
	t->good += rzs_word_own_size(word) <= RZS_PAGE_SIZE / 2;
}

void rzs_tally_spilled(struct rzs_tally *t, uint64_t word)
{
	t->spilled++;
	t->spilled_bytes += rzs_word_size(word);
	t->object_bytes -= rzs_word_size(word);
}

void rzs_tally_share(struct rzs_tally *t, uint64_t word)
{
	t->object_bytes += rzs_word_size(word);
	if (rzs_word_is_unit(word)) {
		t->units++;
		t->unit_places += rzs_word_unit_pages(word);
		return;
	}
	t->shares++;
	t->share_bytes += rzs_word_size(word);
}

/* Of one on disk it is not known here how large its objects are. */
static void tally_sealed(struct rzs_tally *t, const struct rzs_pool *p, const struct rzs_block *b)
{
	struct rzs_object o;
	uint32_t i;

	t->entries += rzs_sealed_nr_live(b);
	if (!b->mem)
		return;
	t->blocks++;
	if (b->type & RZS_BLOCK_PACKED)
		t->dir_bytes += b->packed.ndir * sizeof(struct rzs_entry);
	for (i = 0; i < rzs_sealed_nr(b); i++)
		if (rzs_sealed_live(b, i) && !rzs_sealed_object(b, rzs_block_mem(p, b), i, &o))
			t->entry_bytes += o.size;
}

void rzs_tally_block(struct rzs_tally *t, const struct rzs_pool *p, const struct rzs_block *b)
{
	uint32_t i;

	if (b->type & RZS_BLOCK_SEALED) {
		tally_sealed(t, p, b);
		return;
	}
	t->blocks++;
	for (i = 0; b->type == RZS_BLOCK_PAGES && i < RZS_PAGES_PER_BLOCK; i++)
		if (b->page_slot[i] != RZS_SLOT_NONE) {
			t->entries++;
			t->entry_bytes += RZS_PAGE_SIZE;
		}
	if (b->type != RZS_BLOCK_PACKED)
		return;
	t->entries += b->packed.nlive;
	t->dir_bytes += b->packed.ndir * sizeof(struct rzs_entry);
	for (i = 0; i < b->packed.ndir; i++) {
		const struct rzs_entry *e = rzs_packed_entry(rzs_block_mem(p, b), i);

		if (e->slot != RZS_SLOT_NONE)
			t->entry_bytes += rzs_entry_size(e);
	}
}

void rzs_tally_gauges(const struct rzs_tally *t, uint64_t gauges[RZS_C_NR])
{
	memset(gauges, 0, RZS_C_NR * sizeof(gauges[0]));
	gauges[RZS_C_object_bytes] = t->object_bytes;
	gauges[RZS_C_object_meta_bytes] = t->dir_bytes;
	gauges[RZS_C_pages_spilled] = t->spilled;
	gauges[RZS_C_spilled_bytes] = t->spilled_bytes;
	gauges[RZS_C_pages_same] = t->same;
	gauges[RZS_C_pages_zero] = t->zero;
	gauges[RZS_C_pages_raw] = t->raw;
	gauges[RZS_C_pages_compressed] = t->compressed;
	gauges[RZS_C_pages_good] = t->good;
	gauges[RZS_C_pages_recompressed] = t->recompressed;
	gauges[RZS_C_pages_shared] = t->shares;
	gauges[RZS_C_pages_sharing] = t->merged - t->shares;
	gauges[RZS_C_pages_unshared] = t->unshared;
	gauges[RZS_C_units] = t->units;
	gauges[RZS_C_unit_pages] = t->unit_pages;
	gauges[RZS_C_unit_dead_pages] = t->unit_places - t->unit_pages;
	/* Of each shared object one page's bytes are not saved, and these are in object_bytes. */
	gauges[RZS_C_merge_saved_bytes] = t->merged_bytes - t->share_bytes;
}

const char *rzs_walk_slots(struct rzs_store *store, rzs_walk_fn fn, void *arg)
{
	const char *what = NULL;
	rzs_slot_t slot = 0;
	uint64_t *p;

	while (slot < store->slots.nr && !what) {
		p = rzs_slots_lookup(&store->slots, slot);
		if (!p) {
			slot += RZS_SLOTS_PER_CHUNK - slot % RZS_SLOTS_PER_CHUNK;
			continue;
		}
		what = fn(arg, slot, p);
		slot++;
	}
	return what;
}
