/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The index of objects, and finding equal ones by it; see merge_find.h. */
#include "merge_find.h"
#include "hash.h"

/* A set of the index: as many entries as a cache line has. */
#define SET_ENTRIES 8u
#define SET_BYTES   (SET_ENTRIES * (unsigned)sizeof(uint64_t))
/* An index has so large a share of the limit and of the machine's memory at most. */
#define INDEX_SHARE	  100u
#define INDEX_LEAST_BYTES 4096u

/*
 * An entry; 0: it is free.
 *   bits 0-30   of the key, whose upper half chooses the set
 *   bit  31     it names a share
 *   bits 32-63  the number of the page or share, plus 1
 */
#define ENTRY_KEY_MASK 0x7fffffffull
#define ENTRY_SHARE    (1ull << 31)

/* ---- the index ---- */

static uint64_t *index_set(const struct rzs_store *store, uint64_t key)
{
	uint64_t sets = store->index_bytes / SET_BYTES;

	return store->index + ((key >> 32) * sets >> 32) * SET_ENTRIES;
}

static bool entry_matches(uint64_t entry, uint64_t key)
{
	return entry && !((entry ^ key) & ENTRY_KEY_MASK);
}

static uint64_t entry_number(uint64_t entry)
{
	return (entry >> 32) - 1;
}

/*
 * A page that shares an object may be overwritten, and the object is there still, so it is the
 * share that is remembered.
 */
static uint64_t entry_of(uint64_t key, rzs_slot_t slot, uint64_t word)
{
	if (rzs_word_kind(word) == RZS_KIND_MERGED)
		return (rzs_word_share(word) + 1) << 32 | ENTRY_SHARE | (key & ENTRY_KEY_MASK);
	return (slot + 1) << 32 | (key & ENTRY_KEY_MASK);
}

/* Put an entry into a set: in place of *at, else of a free one or of any other. */
static void index_insert(uint64_t *set, uint64_t *at, uint64_t entry)
{
	uint64_t seen;
	unsigned i;

	for (i = 0; i < SET_ENTRIES && !at; i++) {
		seen = rzs_load_relaxed(&set[i]);
		if (!seen || seen == entry)
			at = &set[i];
	}
	if (!at)
		at = &set[(entry >> 32) % SET_ENTRIES];
	rzs_set(at, entry);
}

uint64_t rzs_merge_index_bytes(const struct rzs_stats *stats, uint64_t ram_bytes)
{
	uint64_t bytes = stats->nr_pages * sizeof(uint64_t);

	if (stats->limit_bytes && bytes > stats->limit_bytes / INDEX_SHARE)
		bytes = stats->limit_bytes / INDEX_SHARE;
	if (ram_bytes && bytes > ram_bytes / INDEX_SHARE)
		bytes = ram_bytes / INDEX_SHARE;
	return bytes < INDEX_LEAST_BYTES ? INDEX_LEAST_BYTES : bytes;
}

int rzs_store_merge_open(struct rzs_store *store, uint64_t index_bytes)
{
	int err;

	index_bytes -= index_bytes % SET_BYTES;
	if (store->index || !index_bytes)
		return -EINVAL;
	err = rzs_store_set_fixed(store, store->fixed_bytes + index_bytes);
	if (err)
		return err;
	store->index = rzs_port_alloc(index_bytes);
	if (!store->index) {
		(void)rzs_store_set_fixed(store, store->fixed_bytes - index_bytes);
		return -ENOMEM;
	}
	store->index_bytes = index_bytes;
	rzs_set(&store->merge_known, 1);
	rzs_set(&store->merge_fixed_bytes, index_bytes);
	return 0;
}

int rzs_store_merge_writes(struct rzs_store *store, uint32_t max_sharing)
{
	if (max_sharing && (!store->index || max_sharing < RZS_MERGE_SHARING_MIN ||
			    max_sharing > RZS_MERGE_SHARING_MAX))
		return -EINVAL;
	store->writes_look = store->writes_look || max_sharing;
	rzs_set(&store->write_sharing, max_sharing);
	return 0;
}

/* Wait until no write that may look into the index is running: each has a worker. */
static void wait_for_writes(struct rzs_store *store, const struct rzs_worker *mine)
{
	unsigned i;

	for (i = 0; i < store->nr_workers; i++) {
		if (store->workers[i] == mine)
			continue;
		rzs_mutex_lock(&store->workers[i]->mutex);
		rzs_mutex_unlock(&store->workers[i]->mutex);
	}
}

void rzs_store_merge_close(struct rzs_store *store, const struct rzs_worker *mine)
{
	if (!store->index)
		return;
	rzs_set(&store->write_sharing, 0);
	if (store->writes_look)
		wait_for_writes(store, mine);
	store->writes_look = false;
	rzs_port_free(store->index, store->index_bytes);
	store->index = NULL;
	rzs_set(&store->merge_fixed_bytes, 0);
	/* A smaller sum always fits the limit. */
	(void)rzs_store_set_fixed(store, store->fixed_bytes - store->index_bytes);
	store->index_bytes = 0;
}

/* ---- finding ---- */

uint32_t rzs_merge_sum(const void *data, uint32_t size)
{
	return (uint32_t)rzs_hash64(data, size, 0);
}

uint64_t rzs_merge_key(uint32_t size, uint32_t sum)
{
	/* Of a raw object's checksum its word has only these bits. */
	if (size == RZS_PAGE_SIZE)
		sum &= RZS_SUM24_MASK;
	return rzs_wy_mix(RZS_WY_S0 ^ size, RZS_WY_S1 ^ sum);
}

bool rzs_merge_known(const struct rzs_store *store, uint64_t key)
{
	const uint64_t *set = index_set(store, key);
	unsigned i;

	for (i = 0; i < SET_ENTRIES; i++)
		if (entry_matches(rzs_load_relaxed(&set[i]), key))
			return true;
	return false;
}

void rzs_merge_remember(struct rzs_store *store, uint64_t key, rzs_slot_t slot, uint64_t word)
{
	uint64_t entry = entry_of(key, slot, word), *set = index_set(store, key), seen;
	unsigned i;

	/* What is there under the key is a page that has changed, or this one before it shared. */
	for (i = 0; i < SET_ENTRIES; i++) {
		seen = rzs_load_relaxed(&set[i]);
		if (seen == entry)
			return;
		if (entry_matches(seen, key) && !(seen & ENTRY_SHARE))
			break;
	}
	index_insert(set, i < SET_ENTRIES ? &set[i] : NULL, entry);
}

static void count_user(struct rzs_worker *w, uint32_t size)
{
	rzs_count(&w->counters, RZS_C_pages_sharing, 1);
	rzs_count(&w->counters, RZS_C_merge_saved_bytes, size);
}

/* Whether a share, of which the caller is a user, has the wanted object. */
static bool share_has(struct rzs_store *store, struct rzs_worker *w,
		      const struct rzs_merge_wanted *wanted, uint64_t merged)
{
	uint64_t named = merged, object; /* in place of a page that names the share */
	struct rzs_object o;
	bool equal;

	/* Equal sizes are equal kinds, too: no compressed object is as large as a page. */
	if (rzs_word_size(merged) != wanted->size ||
	    rzs_store_object_begin(store, w, wanted->slot, merged, &named, &o, &object))
		return false;
	equal = (object & RZS_SLOT_CODEC2) == wanted->codec2 &&
		memcmp(o.data, wanted->data, o.size) == 0;
	rzs_pool_read_end(&store->pool, object);
	return equal;
}

/*
 * Become a user of a share, if it has the wanted object.  Returns its word for a page, or 0; then
 * *out_full: it has enough users.  By now the number may be that of another share, which is as good
 * if it has the object.
 */
static uint64_t find_share(struct rzs_store *store, struct rzs_worker *w,
			   const struct rzs_merge_wanted *wanted, uint64_t id, bool *out_full)
{
	struct rzs_share *s = rzs_shares_at(&store->shares, id);
	uint64_t users = s ? rzs_load(&s->users) : 0, merged;

	*out_full = users && !(users & (RZS_SHARE_UNUSED | RZS_SHARE_UNIT));
	if (!*out_full || !rzs_share_get(s, wanted->sharing))
		return 0;
	*out_full = false;
	merged = rzs_word_merged(id, rzs_word_size(rzs_load(&s->word)));
	count_user(w, rzs_word_size(merged));
	if (share_has(store, w, wanted, merged))
		return merged;
	rzs_store_unshare(store, w, merged);
	return 0;
}

/*
 * Make the object of a page a share, if it is the wanted one, with the caller as its second user.
 * Returns the page's new word, or 0.
 */
static uint64_t promote(struct rzs_store *store, struct rzs_worker *w,
			const struct rzs_merge_wanted *wanted, rzs_slot_t slot, uint64_t *p,
			uint64_t word)
{
	uint64_t id, merged = 0, seen = word;
	struct rzs_share *s;
	struct rzs_object o;

	/* It names nothing before the object is its own, and until then nobody else uses it. */
	if (rzs_share_new(&store->shares, 0, RZS_SHARE_NEW | 2, &id))
		return 0;
	s = rzs_shares_at(&store->shares, id);
	if (rzs_pool_read_begin(&store->pool, w, slot, word, p, &o)) {
		rzs_share_free(&store->shares, id);
		return 0;
	}
	if (memcmp(o.data, wanted->data, o.size) == 0) {
		rzs_pool_set_owner(&store->pool, word, RZS_OWNER_SHARE | id);
		rzs_set(&s->word, rzs_word_to_share(word));
		merged = rzs_word_merged(id, o.size);
		if (!rzs_cas(p, &seen, merged | (word & RZS_SLOT_IDLE))) {
			rzs_pool_set_owner(&store->pool, word, slot);
			rzs_set(&s->word, 0);
			merged = 0;
		}
	}
	rzs_pool_read_end(&store->pool, word);
	if (!merged) {
		rzs_share_free(&store->shares, id);
		return 0;
	}
	rzs_count(&w->counters, RZS_C_pages_shared, 1);
	count_user(w, o.size);
	rzs_store_count_word(w, merged, 1);
	rzs_store_count_word(w, word, (uint64_t)-1);
	rzs_share_ready(s);
	return merged;
}

/* As rzs_merge_find(), of the page that the index names. */
static uint64_t find_page(struct rzs_store *store, struct rzs_worker *w,
			  const struct rzs_merge_wanted *wanted, uint64_t other)
{
	uint64_t *p = other < store->slots.nr ? rzs_slots_lookup(&store->slots, other) : NULL;
	uint64_t word = p ? rzs_load(p) : 0;
	bool full;

	if (other == wanted->slot || word & RZS_SLOT_LOCK || rzs_word_size(word) != wanted->size)
		return 0;
	if (rzs_word_is_object(word) && (word & RZS_SLOT_CODEC2) == wanted->codec2)
		return promote(store, w, wanted, other, p, word);
	if (rzs_word_kind(word) == RZS_KIND_MERGED)
		return find_share(store, w, wanted, rzs_word_share(word), &full);
	return 0;
}

uint64_t rzs_merge_find(struct rzs_store *store, struct rzs_worker *w,
			const struct rzs_merge_wanted *wanted)
{
	uint64_t *set = index_set(store, wanted->key), *at = NULL, entry, merged;
	unsigned i;
	bool full;

	for (i = 0; i < SET_ENTRIES; i++) {
		entry = rzs_load_relaxed(&set[i]);
		if (!entry_matches(entry, wanted->key))
			continue;
		full = false;
		if (entry & ENTRY_SHARE)
			merged = find_share(store, w, wanted, entry_number(entry), &full);
		else
			merged = find_page(store, w, wanted, entry_number(entry));
		if (merged && !(entry & ENTRY_SHARE))
			rzs_set(&set[i], entry_of(wanted->key, 0, merged));
		if (merged)
			return merged;
		if (!full)
			at = &set[i];
	}
	index_insert(set, at, entry_of(wanted->key, wanted->slot, 0));
	return 0;
}

uint64_t rzs_store_find_written(struct rzs_store *store, struct rzs_worker *w,
				const struct rzs_object *o, uint64_t sharing)
{
	struct rzs_merge_wanted wanted = {o->owner, o->data, o->size, 0, (uint32_t)sharing, 0};
	uint32_t sum = store->checksum ? o->sum : rzs_merge_sum(o->data, o->size);

	wanted.key = rzs_merge_key(o->size, sum);
	return rzs_merge_find(store, w, &wanted);
}
