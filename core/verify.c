/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Check the invariants of the whole store, while no other call is running:
 *   if a slot or share names an object, the object's directory entry has it as its owner, with the
 *     same size;
 *   each directory entry is named by its owner, so there are as many entries as such owners;
 *   a share has as many users as there are slots that name it;
 *   each block is consistent (packed.h), and in the lists for its available bytes and gaps;
 *   the statistics are the sums of what is there.
 */
#include "pool_internal.h"
#include "store.h"

/* What the walk has counted. */
struct tally {
	uint64_t same, zero, compressed, raw, good, unshared; /* from slots */
	uint64_t recompressed;				      /* the same */
	uint64_t merged, merged_bytes;			      /* from slots that share an object */
	uint64_t shares, share_bytes;			      /* in use, and of their objects */
	uint64_t object_bytes;				      /* from slots and shares */
	uint64_t entries, entry_bytes, dir_bytes, blocks;     /* from blocks */
	uint64_t linked; /* blocks that say that they are in a list */
};

/* These functions return what is broken (a constant string), or NULL. */

static const char *verify_object(struct rzs_store *store, struct rzs_worker *w, uint64_t *p,
				 rzs_slot_t slot, uint64_t word, bool check_data)
{
	struct rzs_object o;
	uint32_t id = rzs_word_block(word);
	uint64_t object;

	if (rzs_word_is_object(word) && (!id || id >= store->pool.next_id))
		return "slot: names a block that does not exist";
	if (rzs_store_object_begin(store, w, slot, word, p, &o, &object))
		return "slot: names an object that is not there";
	rzs_pool_read_end(&store->pool, object);
	if (o.size != rzs_word_size(word))
		return "slot: names an object of another size";
	if (check_data && rzs_store_read_word(store, w, slot, word, p, w->page))
		return "slot: object fails its checksum or the decoder";
	return NULL;
}

/* A slot that shares an object: it is counted in the share, for verify_shares(). */
static const char *verify_merged(struct rzs_store *store, uint64_t word, struct tally *t)
{
	struct rzs_share *s = rzs_shares_at(&store->shares, rzs_word_share(word));

	if (!s || s->users & RZS_SHARE_UNUSED)
		return "slot: names a share that is not in use";
	s->users += RZS_SHARE_SEEN;
	t->merged++;
	t->merged_bytes += rzs_word_size(word);
	return NULL;
}

/* After the slots.  What they have left in the shares is removed, whatever is found. */
static const char *verify_shares(struct rzs_store *store, struct tally *t)
{
	const char *what = NULL;
	uint64_t id, seen;

	for (id = 0; id < store->shares.next; id++) {
		struct rzs_share *s = rzs_shares_at(&store->shares, id);

		if (s->users & RZS_SHARE_UNUSED) {
			if (s->word)
				what = "share: unused, but names an object";
			continue;
		}
		seen = s->users / RZS_SHARE_SEEN;
		s->users &= RZS_SHARE_USERS_MASK;
		if (seen != s->users)
			what = "share: number of users";
		t->shares++;
		t->object_bytes += rzs_word_size(s->word);
		t->share_bytes += rzs_word_size(s->word);
	}
	return what;
}

static const char *verify_slot(struct rzs_store *store, struct rzs_worker *w, uint64_t *p,
			       rzs_slot_t slot, bool check_data, struct tally *t)
{
	uint64_t word = rzs_load(p);
	const char *what = NULL;

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
	case RZS_KIND_RAW:
		t->object_bytes += rzs_word_size(word);
		t->unshared += (word & RZS_SLOT_SCANNED) != 0;
		t->recompressed += (word & RZS_SLOT_CODEC2) != 0;
		break;
	case RZS_KIND_MERGED:
		what = verify_merged(store, word, t);
		break;
	default:
		return "slot: unknown kind";
	}
	if (what)
		return what;
	t->raw += rzs_word_size(word) == RZS_PAGE_SIZE;
	t->compressed += rzs_word_size(word) < RZS_PAGE_SIZE;
	t->good += rzs_word_size(word) <= RZS_PAGE_SIZE / 2;
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
	uint8_t *mem;
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
	mem = rzs_block_mem(&store->pool, b);
	if (rzs_packed_check(&b->packed, mem, &w->scratch, &what))
		return what;
	if (b->packed.nlive == 0)
		return "block: empty but not freed";
	t->entries += b->packed.nlive;
	t->dir_bytes += b->packed.ndir * sizeof(struct rzs_entry);
	for (i = 0; i < b->packed.ndir; i++) {
		struct rzs_entry *e = rzs_packed_entry(mem, i);

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
	    sum[RZS_C_pages_good] != t->good ||
	    sum[RZS_C_pages_recompressed] != t->recompressed)
		return "sums: pages by kind";
	if (sum[RZS_C_pages_shared] != t->shares ||
	    sum[RZS_C_pages_sharing] != t->merged - t->shares ||
	    sum[RZS_C_pages_unshared] != t->unshared)
		return "sums: merged pages";
	/* Of each shared object one page's bytes are not saved, and these are in object_bytes. */
	if (sum[RZS_C_merge_saved_bytes] != t->merged_bytes - t->share_bytes)
		return "sums: bytes that merging saves";
	return NULL;
}

static const char *verify_sums(struct rzs_store *store, const struct tally *t)
{
	uint64_t taken, ready, peak;
	struct rzs_stats st;

	rzs_store_stats(store, &st);
	rzs_blocks_count(store->blocks, &taken, &ready, &peak);
	if (t->entries != t->compressed + t->raw - t->merged + t->shares)
		return "sums: as many objects as slots and shares that name one";
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
	const char *what;
	unsigned i;

	memset(&t, 0, sizeof(t));
	*out_what = NULL;
	if (w->store != store)
		return -EINVAL;
	*out_what = verify_slots(store, w, check_data, &t);
	what = verify_shares(store, &t);
	*out_what = *out_what ? *out_what : what;
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
