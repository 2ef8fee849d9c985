/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Check the invariants of the whole store, while no other call is running:
 *   if a slot names an object, the object's directory entry names the slot, with the same size;
 *   each directory entry is named by its slot, so there are as many entries as such slots;
 *   each block is consistent (packed.h), and in the lists for its available bytes and gaps;
 *   the statistics are the sums of what is there.
 */
#include "pool_internal.h"
#include "store.h"

/* What the walk has counted. */
struct tally {
	uint64_t same, zero, compressed, raw, good, object_bytes; /* from slots */
	uint64_t entries, entry_bytes, dir_bytes, blocks;	  /* from blocks */
	uint64_t linked; /* blocks that say that they are in a list */
};

/* These functions return what is broken (a constant string), or NULL. */

static const char *verify_object(struct rzs_store *store, struct rzs_worker *w, uint64_t *p,
				 rzs_slot_t slot, uint64_t word, bool check_data)
{
	struct rzs_object o;
	uint32_t id = rzs_word_block(word);
	int err;

	if (!id || id >= store->pool.next_id)
		return "slot: names a block that does not exist";
	err = rzs_pool_read_begin(&store->pool, w, slot, word, p, &o);
	if (err)
		return "slot: names an object that is not there";
	rzs_pool_read_end(&store->pool, word);
	if (check_data && rzs_store_read_word(store, w, slot, word, p, w->page))
		return "slot: object fails its checksum or the decoder";
	return NULL;
}

static const char *verify_slot(struct rzs_store *store, struct rzs_worker *w, uint64_t *p,
			       rzs_slot_t slot, bool check_data, struct tally *t)
{
	uint64_t word = rzs_load(p);

	if (word & (RZS_SLOT_LOCK | RZS_SLOT_WAITERS))
		return "slot: locked while nothing runs";
	switch (rzs_word_kind(word)) {
	case RZS_KIND_EMPTY:
		return word ? "slot: an empty word with other bits set" : NULL;
	case RZS_KIND_SAME:
	case RZS_KIND_SAME32:
		t->same++;
		t->zero += rzs_word_is_zero_page(word);
		return NULL;
	case RZS_KIND_PACKED:
		t->compressed++;
		t->good += rzs_word_size(word) <= RZS_PAGE_SIZE / 2;
		break;
	case RZS_KIND_RAW:
		t->raw++;
		break;
	default:
		return "slot: unknown kind";
	}
	t->object_bytes += rzs_word_size(word);
	return verify_object(store, w, p, slot, word, check_data);
}

static const char *verify_slots(struct rzs_store *store, struct rzs_worker *w, bool check_data,
				struct tally *t)
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
		what = verify_slot(store, w, p, slot, check_data, t);
		slot++;
	}
	return what;
}

static const char *verify_block(struct rzs_store *store, struct rzs_worker *w, struct rzs_block *b,
				struct tally *t)
{
	const char *what = NULL;
	uint32_t i;

	if (b->type == RZS_BLOCK_UNUSED)
		return b->mem || !b->busy ? "block: unused but not cleared" : NULL;
	t->blocks++;
	if (b->busy)
		return "block: busy while nothing runs";
	if (b->shard >= store->pool.nr_shards)
		return "block: shard out of range";
	t->linked += b->avail_list != RZS_NO_LIST;
	if (b->type == RZS_BLOCK_PAGES) {
		for (i = 0; i < RZS_PAGES_PER_BLOCK; i++)
			if (b->page_slot[i] != RZS_SLOT_NONE) {
				t->entries++;
				t->entry_bytes += RZS_PAGE_SIZE;
			}
		return NULL;
	}
	if (rzs_packed_check(&b->packed, b->mem, &w->scratch, &what))
		return what;
	if (b->packed.nlive == 0)
		return "block: empty but not freed";
	t->entries += b->packed.nlive;
	t->dir_bytes += b->packed.ndir * sizeof(struct rzs_entry);
	for (i = 0; i < b->packed.ndir; i++) {
		struct rzs_entry *e = rzs_packed_entry(b->mem, i);

		if (e->slot != RZS_SLOT_NONE)
			t->entry_bytes += rzs_entry_size(e);
	}
	if (b->avail_list != RZS_NO_LIST && b->linked_avail != rzs_packed_avail(&b->packed))
		return "block: in the list of another size";
	return NULL;
}

/*
 * Walk a list of a shard and check the links in both directions.  Adds the number of its blocks to
 * *linked, and their available bytes or pages to *avail.
 */
static const char *verify_list(struct rzs_store *store, uint32_t head, unsigned shard,
			       unsigned list, uint64_t *linked, uint64_t *avail)
{
	uint32_t id = head, prev = 0;
	struct rzs_block *b;

	for (; id; prev = id, id = b->next) {
		if (id >= store->pool.next_id)
			return "list: block out of range";
		b = rzs_pool_block(&store->pool, id);
		if (b->prev != prev || b->shard != shard || b->avail_list != list)
			return "list: a block in it belongs elsewhere";
		++*linked;
		if (b->type == RZS_BLOCK_PACKED)
			*avail += b->linked_avail;
		else
			*avail += RZS_PAGES_PER_BLOCK - list;
	}
	return NULL;
}

static const char *verify_shard(struct rzs_store *store, unsigned shard, uint64_t *linked)
{
	struct rzs_shard *s = &store->pool.shards[shard];
	const char *what = NULL;
	uint64_t bytes = 0, pages = 0;
	unsigned i;

	for (i = 0; i < RZS_AVAIL_LISTS && !what; i++) {
		if ((s->avail[i] != 0) != (s->avail_map[i / 64] >> i % 64 & 1))
			what = "list: bitmap of available bytes";
		else
			what = verify_list(store, s->avail[i], shard, i, linked, &bytes);
	}
	for (i = 0; i < RZS_GAP_LISTS && !what; i++)
		if ((s->gap[i] != 0) != (s->gap_map >> i & 1))
			what = "list: bitmap of gaps";
	for (i = 0; i < RZS_PAGES_PER_BLOCK && !what; i++)
		what = verify_list(store, s->pages[i], shard, i, linked, &pages);
	if (!what && (bytes != s->avail_bytes || pages != s->avail_pages))
		what = "list: sum of available bytes or pages";
	return what;
}

/* The counters themselves: a snapshot would correct impossible values. */
static const char *verify_counters(struct rzs_store *store, const struct tally *t)
{
	uint64_t sum[RZS_C_NR];

	rzs_store_sum(store, sum);
	if (t->entry_bytes != t->object_bytes || sum[RZS_C_object_bytes] != t->object_bytes)
		return "sums: bytes of objects";
	if (sum[RZS_C_object_meta_bytes] != t->dir_bytes)
		return "sums: bytes of directories";
	if (sum[RZS_C_pages_same] != t->same || sum[RZS_C_pages_zero] != t->zero ||
	    sum[RZS_C_pages_raw] != t->raw || sum[RZS_C_pages_compressed] != t->compressed ||
	    sum[RZS_C_pages_good] != t->good)
		return "sums: pages by kind";
	return NULL;
}

static const char *verify_sums(struct rzs_store *store, const struct tally *t)
{
	uint64_t taken, ready, peak;
	struct rzs_stats st;

	rzs_store_stats(store, &st);
	rzs_blocks_count(store->blocks, &taken, &ready, &peak);
	if (t->entries != t->compressed + t->raw)
		return "sums: as many objects as slots that name one";
	if (store->pool.blocks_held != t->blocks || st.block_bytes != t->blocks * RZS_BLOCK_SIZE)
		return "sums: blocks";
	if (st.block_bytes + st.table_bytes != taken * RZS_BLOCK_SIZE)
		return "sums: blocks taken from the environment";
	if (st.limit_bytes && st.mem_bytes > st.limit_bytes)
		return "sums: more memory held than the limit allows";
	return verify_counters(store, t);
}

int rzs_store_verify(struct rzs_store *store, struct rzs_worker *w, bool check_data,
		     const char **out_what)
{
	struct tally t;
	uint64_t id, linked = 0;
	unsigned i;

	memset(&t, 0, sizeof(t));
	*out_what = NULL;
	if (w->store != store)
		return -EINVAL;
	*out_what = verify_slots(store, w, check_data, &t);
	for (id = 1; id < store->pool.next_id && !*out_what; id++)
		*out_what = verify_block(store, w, rzs_pool_block(&store->pool, (uint32_t)id), &t);
	for (i = 0; i < store->pool.nr_shards && !*out_what; i++)
		*out_what = verify_shard(store, i, &linked);
	if (!*out_what && linked != t.linked)
		*out_what = "list: a block is missing from its list";
	if (!*out_what)
		*out_what = verify_sums(store, &t);
	if (store->pool.wipe)
		rzs_worker_wipe(w);
	return *out_what ? -EIO : 0;
}
