/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Check the invariants of the whole store, while no other call is running:
 *   if a slot or share names an object, the object's directory entry has it as its owner, with the
 *     same size;
 *   each directory entry is named by its owner, so there are as many entries as such owners;
 *   a share has as many users as there are slots that name it;
 *   each slot in a unit has a place of its own in it, and they agree on its size and its pages;
 *   each block is consistent (packed.h), and in the lists for its available bytes and gaps;
 *   the statistics are the sums of what is there.
 */
#include "sealed.h"
#include "walk.h"

struct verification {
	struct rzs_store *store;
	struct rzs_worker *w;
	bool check_data;
	struct rzs_tally tally;
	uint64_t linked; /* blocks that say that they are in a list */
	uint64_t places; /* on disk, of sealed blocks */
};

/* These functions return what is broken (a constant string), or NULL. */

/* A slot that names an object of a sealed block. */
static const char *verify_sealed(struct verification *v, uint64_t *p, rzs_slot_t slot,
				 uint64_t word)
{
	struct rzs_store *store = v->store;
	int err = 0;

	if (!rzs_pool_block(&store->pool, rzs_word_block(word))->mem)
		rzs_tally_spilled(&v->tally, word);
	if (v->check_data)
		err = rzs_store_read_word(store, v->w, slot, word, p, v->w->page);
	return !err || err == -EINPROGRESS
		       ? NULL
		       : "slot: sealed object fails its checksum or the decoder";
}

static const char *verify_object(struct verification *v, uint64_t *p, rzs_slot_t slot,
				 uint64_t word)
{
	struct rzs_store *store = v->store;
	struct rzs_object o;
	uint32_t id = rzs_word_block(word);
	uint64_t object;
	int err;

	if (rzs_word_is_object(word) && (!id || id >= store->pool.next_id))
		return "slot: names a block that does not exist";
	err = rzs_store_object_begin(store, v->w, slot, word, p, &o, &object);
	if (err == -EINPROGRESS)
		return verify_sealed(v, p, slot, word);
	if (err)
		return "slot: names an object that is not there";
	rzs_pool_read_end(&store->pool, object);
	if (o.size != rzs_word_size(word))
		return "slot: names an object of another size";
	if (v->check_data && rzs_store_read_word(store, v->w, slot, word, p, v->w->page))
		return "slot: object fails its checksum or the decoder";
	return NULL;
}

/* A slot that shares an object: it is counted in the share, for verify_shares(). */
static const char *verify_merged(struct rzs_store *store, uint64_t word)
{
	struct rzs_share *s = rzs_shares_at(&store->shares, rzs_word_share(word));
	uint64_t place;

	if (!s || s->users & RZS_SHARE_UNUSED)
		return "slot: names a share that is not in use";
	if (!rzs_word_fits_share(word, s->word))
		return "slot: does not fit its share";
	if (!rzs_word_is_member(word)) {
		s->users += RZS_SHARE_SEEN;
		return NULL;
	}
	place = RZS_SHARE_SEEN << rzs_word_place(word);
	if (s->users & place)
		return "slot: has the place of another one in its unit";
	s->users |= place;
	return NULL;
}

/* Of the users of a share, how many slots verify_merged() has seen. */
static uint64_t verify_seen(const struct rzs_share *s)
{
	uint64_t seen = (s->users & ~RZS_SHARE_UNIT) / RZS_SHARE_SEEN, places = 0;

	if (!(s->users & RZS_SHARE_UNIT))
		return seen;
	for (; seen; seen >>= 1)
		places += seen & 1;
	return places;
}

/* After the slots.  What they have left in the shares is removed, whatever is found. */
static const char *verify_shares(struct rzs_store *store, struct rzs_tally *t)
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
		seen = verify_seen(s);
		s->users &= RZS_SHARE_USERS_MASK | RZS_SHARE_UNIT;
		if (seen != (s->users & RZS_SHARE_USERS_MASK))
			what = "share: number of users";
		if (((s->users & RZS_SHARE_UNIT) != 0) != rzs_word_is_unit(s->word))
			what = "share: is a unit and is none";
		rzs_tally_share(t, s->word);
	}
	return what;
}

/* Of rzs_walk_slots(). */
static const char *verify_slot(void *arg, rzs_slot_t slot, uint64_t *p)
{
	struct verification *v = arg;
	uint64_t word = rzs_load(p);
	const char *what = NULL;

	if (word & (RZS_SLOT_LOCK | RZS_SLOT_WAITERS))
		return "slot: locked while nothing runs";
	rzs_tally_word(&v->tally, word);
	switch (rzs_word_kind(word)) {
	case RZS_KIND_EMPTY:
		return word ? "slot: an empty word with other bits set" : NULL;
	case RZS_KIND_SAME:
	case RZS_KIND_SAME32:
	case RZS_KIND_LOST:
		return NULL;
	case RZS_KIND_PACKED:
	case RZS_KIND_RAW:
		break;
	case RZS_KIND_MERGED:
		what = verify_merged(v->store, word);
		break;
	default:
		return "slot: unknown kind";
	}
	return what ? what : verify_object(v, p, slot, word);
}

/* A sealed block: see sealed.h. */
static const char *verify_sealed_block(struct verification *v, struct rzs_block *b)
{
	struct rzs_spill *s = v->store->pool.spill;
	uint32_t i;

	if (!s || b->busy != RZS_BUSY_NOW || b->avail_list != RZS_NO_LIST)
		return "sealed block: in a list";
	if (b->transfer > s->nr)
		return "sealed block: transfer out of range";
	if (b->mem ? b->transfer - 1 >= s->nr_out : b->transfer && b->transfer <= s->nr_out)
		return "sealed block: its transfer goes the other way";
	if (!b->transfer && rzs_sealed_empty(b))
		return "sealed block: empty but not freed";
	if (b->place >= s->nr_places || !(s->places[b->place / 64] >> b->place % 64 & 1))
		return "sealed block: its place is not in use";
	for (i = 0; b->type & RZS_BLOCK_PACKED && i < RZS_SEALED_OBJECTS; i++)
		if (i >= b->packed.ndir && b->live[i / 32] >> i % 32 & 1)
			return "sealed block: an object past its directory";
	v->places++;
	rzs_tally_block(&v->tally, &v->store->pool, b);
	return NULL;
}

static const char *verify_block(struct verification *v, struct rzs_block *b)
{
	const char *what = NULL;

	if (b->type == RZS_BLOCK_UNUSED)
		return b->mem || !b->busy ? "block: unused but not cleared" : NULL;
	if (b->type & RZS_BLOCK_SEALED)
		return verify_sealed_block(v, b);
	if (b->busy)
		return "block: busy while nothing runs";
	if (b->shard >= v->store->pool.nr_shards)
		return "block: shard out of range";
	v->linked += b->avail_list != RZS_NO_LIST;
	if (b->type == RZS_BLOCK_PACKED) {
		if (rzs_packed_check(&b->packed, rzs_block_mem(&v->store->pool, b), &v->w->scratch,
				     &what))
			return what;
		if (b->packed.nlive == 0)
			return "block: empty but not freed";
		if (b->avail_list != RZS_NO_LIST &&
		    b->linked_avail != rzs_packed_avail(&b->packed))
			return "block: in the list of another size";
	}
	rzs_tally_block(&v->tally, &v->store->pool, b);
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

/* The gauges that a walk counts, and what to say of each. */
static const struct {
	enum rzs_counter which;
	const char *what;
} verify_gauges[] = {
	{RZS_C_object_bytes, "sums: bytes of objects"},
	{RZS_C_object_meta_bytes, "sums: bytes of directories"},
	{RZS_C_pages_same, "sums: pages by kind"},
	{RZS_C_pages_zero, "sums: pages by kind"},
	{RZS_C_pages_raw, "sums: pages by kind"},
	{RZS_C_pages_compressed, "sums: pages by kind"},
	{RZS_C_pages_good, "sums: pages by kind"},
	{RZS_C_pages_recompressed, "sums: pages by kind"},
	{RZS_C_pages_spilled, "sums: pages on disk"},
	{RZS_C_spilled_bytes, "sums: pages on disk"},
	{RZS_C_pages_shared, "sums: merged pages"},
	{RZS_C_pages_sharing, "sums: merged pages"},
	{RZS_C_pages_unshared, "sums: merged pages"},
	{RZS_C_merge_saved_bytes, "sums: bytes that merging saves"},
	{RZS_C_units, "sums: units"},
	{RZS_C_unit_pages, "sums: pages in units"},
	{RZS_C_unit_dead_pages, "sums: dead pages in units"},
};

/* The counters themselves: a snapshot would correct impossible values. */
static const char *verify_counters(struct rzs_store *store, const struct rzs_tally *t)
{
	uint64_t sum[RZS_C_NR], gauges[RZS_C_NR];
	unsigned i;

	rzs_store_sum(store, sum);
	rzs_tally_gauges(t, gauges);
	if (t->entry_bytes != t->object_bytes)
		return "sums: bytes of objects";
	for (i = 0; i < sizeof(verify_gauges) / sizeof(verify_gauges[0]); i++)
		if (sum[verify_gauges[i].which] != gauges[verify_gauges[i].which])
			return verify_gauges[i].what;
	return NULL;
}

static const char *verify_sums(struct rzs_store *store, const struct rzs_tally *t)
{
	uint64_t taken, ready, peak;
	struct rzs_stats st;

	rzs_store_stats(store, &st);
	rzs_blocks_count(store->blocks, &taken, &ready, &peak);
	if (t->entries != t->compressed + t->raw - t->merged + t->shares - t->unit_pages + t->units)
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
	struct verification v = {.store = store, .w = w, .check_data = check_data};
	uint64_t id, linked = 0;
	const char *what;
	unsigned i;

	*out_what = NULL;
	if (w->store != store)
		return -EINVAL;
	*out_what = rzs_walk_slots(store, verify_slot, &v);
	what = verify_shares(store, &v.tally);
	*out_what = *out_what ? *out_what : what;
	for (id = 1; id < store->pool.next_id && !*out_what; id++)
		*out_what = verify_block(&v, rzs_pool_block(&store->pool, (uint32_t)id));
	for (i = 0; i < store->pool.nr_shards && !*out_what; i++)
		*out_what = verify_shard(store, i, &linked);
	if (!*out_what && linked != v.linked)
		*out_what = "list: a block is missing from its list";
	if (!*out_what && store->pool.spill && v.places != store->pool.spill->places_used)
		*out_what = "sums: places on disk";
	if (!*out_what)
		*out_what = verify_sums(store, &v.tally);
	if (store->pool.wipe)
		rzs_worker_wipe(w);
	return *out_what ? -EIO : 0;
}
