/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Adoption: going on with the image of a process that was killed at any moment.
 *
 * A slot's word is the truth.  Each change of a page is one store of its word, so the word names
 * the page as it was before or after.  Everything else is checked against the words or made anew:
 * locks, lists, gauges, a directory's length and sums, the users of a share.  What is found half
 * done:
 *   - An entry that no word names is one on its way in or out: it is freed.
 *   - An object stored in the place of another one (rzs_pool_rewrite()) has its new size, while the
 *     word is locked and has the old one: the word gets the entry's size.
 *   - An object on its way to become a share has the share as its owner, while no slot names that
 *     share: the slot whose word names the object owns it.
 *   - A unit counts pages that do not name it yet, or no longer: those that do are counted.
 *   - A block whose number is in no descriptor is free, the workers' spare blocks included.
 *
 * An object that is not what its word says, or fails its checksum, is dropped, and its page gets
 * the word LOST.  That is so for a raw page stored in its own place when the process ended, and for
 * damaged memory.  It is so for pages on disk, too: what has the bytes is not the image (spill.h).
 *
 * No thread uses the image meanwhile.  Being killed in here is like being killed elsewhere.
 */
#include "adopt.h"
#include "hash.h"
#include "walk.h"

#if RZS_HAVE_ADOPT

struct adoption {
	struct rzs_store *store;
	struct rzs_worker *w;
	bool check_data;
	struct rzs_adopted *found;
	struct rzs_tally tally;
};

/* ---- blocks */

/* Claim the chunks of a table of nr.  *out: how many it has.  false: one is not a block. */
static bool claim_table(struct rzs_blocks *blocks, const uint32_t *chunks, uint64_t nr,
			uint64_t *out)
{
	uint64_t i;

	*out = 0;
	for (i = 0; i < nr; i++) {
		if (!chunks[i])
			continue;
		if (!rzs_blocks_claim(blocks, chunks[i]))
			return false;
		++*out;
	}
	return true;
}

/* The same of a table that grows at its end. */
static bool claim_dense_table(struct rzs_blocks *blocks, const uint32_t *chunks, uint64_t nr,
			      uint64_t *out)
{
	return claim_table(blocks, chunks, nr, out) && (!*out || chunks[*out - 1]);
}

/* A descriptor as of a block that somebody works on, with its memory claimed if it has any. */
static void adopt_descriptor(struct rzs_pool *p, uint64_t id, struct rzs_adopted *found)
{
	struct rzs_block *b = rzs_pool_block(p, (uint32_t)id);
	bool used;

	/* A sealed block in memory has all its objects; one on disk has nothing that is proved. */
	if (b->mem && b->type & RZS_BLOCK_SEALED)
		b->type &= (uint8_t)~RZS_BLOCK_SEALED;
	used = b->type == RZS_BLOCK_PACKED || b->type == RZS_BLOCK_PAGES;
	used = used && b->mem; /* else a block that was being made or freed */
	if (used && (id == 0 || id > p->max_id || !rzs_blocks_claim(p->blocks, b->mem))) {
		found->blocks_dropped++;
		used = false;
	}
	found->blocks_busy += used && b->busy == RZS_BUSY_NOW;
	rzs_lock_init(&b->lock);
	if (!used) {
		b->type = RZS_BLOCK_UNUSED;
		b->mem = 0;
	}
	if (b->type == RZS_BLOCK_PACKED)
		rzs_packed_init(&b->packed); /* slots' words will say how long the directory is */
	if (b->shard >= p->nr_shards)
		b->shard = (uint8_t)(id % p->nr_shards);
	b->busy = RZS_BUSY_NOW;
	b->avail_list = RZS_NO_LIST;
	b->next = b->prev = 0;
}

const char *rzs_adopt_blocks(struct rzs_store *store, struct rzs_adopted *found)
{
	struct rzs_blocks *blocks = store->blocks;
	struct rzs_pool *p = &store->pool;
	struct rzs_shares *s = &store->shares;
	uint64_t id;

	if (!claim_table(blocks, store->slots.chunks, store->slots.nr_chunks,
			 &store->slots.chunks_held))
		return "image: its table of slots is damaged";
	if (!claim_dense_table(blocks, p->chunks, p->nr_chunks, &p->chunks_held))
		return "image: its table of descriptors is damaged";
	if (!claim_dense_table(blocks, s->chunks, s->nr_chunks, &s->chunks_held))
		return "image: its table of shares is damaged";
	for (id = 0; id < p->chunks_held * RZS_BLOCKS_PER_CHUNK; id++)
		adopt_descriptor(p, id, found);
	if (id > p->max_id + 1)
		id = p->max_id + 1;
	p->next_id = id ? id : 1;
	s->next = s->chunks_held * RZS_SHARES_PER_CHUNK;
	rzs_blocks_settle(blocks);
	return NULL;
}

/* ---- objects */

/*
 * Whether the bytes of the object that word names are what was stored.  Without checksums only the
 * codec can say it.
 */
static bool adopt_bytes(struct adoption *a, uint64_t word, const void *data, uint32_t size,
			uint32_t sum)
{
	bool raw = rzs_word_kind(word) == RZS_KIND_RAW, second = !raw && word & RZS_SLOT_CODEC2;
	struct rzs_worker *w = a->w;

	if (second && (!w->codec2 || (rzs_word_is_unit(word) && !w->unit)))
		return false;
	if (!a->check_data)
		return true;
	if (a->store->checksum)
		return !(((uint32_t)rzs_hash64(data, size, 0) ^ sum) &
			 (raw ? RZS_SUM24_MASK : 0xffffffffu));
	if (second && rzs_word_is_unit(word)) {
		w->unit_pages = rzs_word_unit_pages(word);
		return !w->codec2->decompress_unit(w->codec2_ctx, data, size, w->unit_pages,
						   w->unit);
	}
	if (second)
		return !w->codec2->decompress(w->codec2_ctx, data, size, w->page);
	return raw || !w->codec->decompress(w->codec_ctx, data, size, w->page);
}

/*
 * Whether an object whose owner is `of` is owner's.  It is if a slot's word names it, and it was to
 * become a share, which no slot names.
 */
static bool adopt_owner(struct adoption *a, rzs_owner_t of, rzs_owner_t owner)
{
	struct rzs_share *s;

	if (of == owner)
		return true;
	if (!(of & RZS_OWNER_SHARE) || owner & RZS_OWNER_SHARE)
		return false;
	s = rzs_shares_at(&a->store->shares, of & ~RZS_OWNER_SHARE);
	return s && !s->users;
}

/* These two return the word for the object that word names, or 0: it is not owner's. */

static uint64_t adopt_raw(struct adoption *a, struct rzs_block *b, rzs_owner_t owner, uint64_t word)
{
	const uint8_t *mem = rzs_block_mem(&a->store->pool, b);
	uint32_t i = rzs_word_index(word);

	if (b->page_slot[i] == RZS_SLOT_NONE || !adopt_owner(a, rzs_block_owner(b, i), owner) ||
	    !adopt_bytes(a, word, mem + i * RZS_PAGE_SIZE, RZS_PAGE_SIZE, rzs_word_sum24(word)))
		return 0;
	rzs_block_set_owner(b, i, owner);
	return word & ~RZS_SLOT_SCANNED;
}

static uint64_t adopt_packed(struct adoption *a, struct rzs_block *b, rzs_owner_t owner,
			     uint64_t word, bool locked)
{
	uint32_t index = rzs_word_index(word), named = rzs_word_size(word), size, offset;
	uint8_t *mem = rzs_block_mem(&a->store->pool, b);
	struct rzs_entry *e;
	uint64_t what = word;

	if (index >= RZS_PACKED_MAX_DIR)
		return 0;
	if (!(owner & RZS_OWNER_SHARE))
		what &= ~RZS_SLOT_SINCE_MASK; /* in a share's word these bits are a unit's */
	e = rzs_packed_entry(mem, index);
	size = rzs_entry_size(e);
	offset = rzs_entry_offset(e);
	if (e->slot == RZS_SLOT_NONE || !size || size > RZS_PACKED_MAX_OBJECT ||
	    offset + size > RZS_BLOCK_SIZE - (index + 1) * (uint32_t)sizeof(*e))
		return 0;
	if (size != named && !(locked && size < named))
		return 0;
	if (!adopt_owner(a, rzs_entry_owner(e), owner) ||
	    !adopt_bytes(a, what, mem + offset, size, e->sum))
		return 0;
	rzs_entry_set_owner(e, owner);
	if (b->packed.ndir <= index)
		b->packed.ndir = (uint16_t)(index + 1);
	return (word & ~RZS_SLOT_SCANNED) - ((uint64_t)(named - size) << 48);
}

/*
 * The word for what an object's word names, if that is owner's; else 0.  locked: the word was.
 * Nobody knows of the scan of merging any more, so it is not marked as scanned.
 */
static uint64_t adopt_object(struct adoption *a, rzs_owner_t owner, uint64_t word, bool locked)
{
	struct rzs_pool *p = &a->store->pool;
	uint32_t id = rzs_word_block(word);
	struct rzs_block *b;

	if (!id || id >= p->next_id)
		return 0;
	b = rzs_pool_block(p, id);
	if (b->type == RZS_BLOCK_PAGES && rzs_word_kind(word) == RZS_KIND_RAW)
		return adopt_raw(a, b, owner, word);
	if (b->type == RZS_BLOCK_PACKED && rzs_word_kind(word) == RZS_KIND_PACKED)
		return adopt_packed(a, b, owner, word, locked);
	return 0;
}

/* ---- shares */

static bool share_fits(const struct rzs_share *s, uint64_t merged)
{
	return s && rzs_word_fits_share(merged, s->word);
}

/* Count the users of shares; of rzs_walk_slots(). */
static const char *adopt_users(void *arg, rzs_slot_t slot, uint64_t *p)
{
	struct adoption *a = arg;
	struct rzs_share *s;
	uint64_t place;

	(void)slot;
	if (rzs_word_kind(*p) != RZS_KIND_MERGED)
		return NULL;
	s = rzs_shares_at(&a->store->shares, rzs_word_share(*p));
	place = rzs_word_is_member(*p) ? RZS_SHARE_SEEN << rzs_word_place(*p) : 0;
	if (!share_fits(s, *p))
		return NULL;
	if (s->users & place)
		rzs_set(p, RZS_KIND_LOST); /* damaged: another slot has its place in the unit */
	else
		s->users = (s->users | place) + 1;
	return NULL;
}

/* Before the slots: a share has as many users as slots name it, and names an object of its own. */
static void adopt_shares(struct adoption *a)
{
	struct rzs_shares *t = &a->store->shares;
	uint64_t id;

	for (id = 0; id < t->next; id++)
		rzs_shares_at(t, id)->users = 0;
	if (t->next)
		(void)rzs_walk_slots(a->store, adopt_users, a);
	for (id = 0; id < t->next; id++) {
		struct rzs_share *s = rzs_shares_at(t, id);

		s->users &= RZS_SHARE_USERS_MASK;
		if (s->users && rzs_word_is_object(s->word))
			s->word = adopt_object(a, RZS_OWNER_SHARE | id, s->word, false);
		else
			s->word = 0;
		if (rzs_word_is_unit(s->word))
			s->users |= RZS_SHARE_UNIT;
	}
}

/* After the blocks. */
static void adopt_unused_shares(struct adoption *a)
{
	struct rzs_shares *t = &a->store->shares;
	uint64_t id;

	for (id = t->next; id-- > 0;) { /* the lowest number is used first then */
		struct rzs_share *s = rzs_shares_at(t, id);

		if (s->word)
			rzs_tally_share(&a->tally, s->word);
		else
			rzs_share_free(t, id);
	}
}

/* ---- slots */

/* Of rzs_walk_slots(). */
static const char *adopt_slot(void *arg, rzs_slot_t slot, uint64_t *p)
{
	struct adoption *a = arg;
	uint64_t word = *p & ~(RZS_SLOT_LOCK | RZS_SLOT_WAITERS);
	bool locked = (*p & RZS_SLOT_LOCK) != 0, good;

	a->found->pages_locked += locked;
	good = !word || rzs_word_is_same(word) || rzs_word_kind(word) == RZS_KIND_MERGED;
	if (rzs_word_is_object(word)) {
		word = adopt_object(a, slot, word, locked);
		good = word != 0;
	}
	rzs_set(p, good ? word : RZS_KIND_LOST);
	return NULL;
}

/* After the blocks, which may have dropped what pages or shares name.  Of rzs_walk_slots(). */
static const char *adopt_count(void *arg, rzs_slot_t slot, uint64_t *p)
{
	struct adoption *a = arg;

	(void)slot;
	if (rzs_word_kind(*p) == RZS_KIND_MERGED &&
	    !share_fits(rzs_shares_at(&a->store->shares, rzs_word_share(*p)), *p))
		rzs_set(p, RZS_KIND_LOST);
	rzs_tally_word(&a->tally, *p);
	if (rzs_word_kind(*p) == RZS_KIND_LOST)
		a->found->pages_lost++;
	else if (*p)
		a->found->pages++;
	return NULL;
}

/* ---- directories */

/* Where the word is that names owner's object; NULL: there is no such owner. */
static uint64_t *adopt_word_of(struct adoption *a, rzs_owner_t owner)
{
	struct rzs_share *s;

	if (!(owner & RZS_OWNER_SHARE))
		return owner < a->store->slots.nr ? rzs_slots_lookup(&a->store->slots, owner)
						  : NULL;
	s = rzs_shares_at(&a->store->shares, owner & ~RZS_OWNER_SHARE);
	return s ? &s->word : NULL;
}

/* Whether owner's word names the object of word. */
static bool adopt_is_named(struct adoption *a, rzs_owner_t owner, uint64_t word)
{
	const uint64_t *p = adopt_word_of(a, owner);

	return p && rzs_word_is_object(*p) && rzs_word_same_object(*p, word);
}

static void adopt_pages_block(struct adoption *a, uint32_t id, struct rzs_block *b)
{
	uint8_t *mem = rzs_block_mem(&a->store->pool, b);
	uint32_t i;

	for (i = 0; i < RZS_PAGES_PER_BLOCK; i++) {
		if (b->page_slot[i] != RZS_SLOT_NONE) {
			if (adopt_is_named(a, rzs_block_owner(b, i), rzs_word_raw(id, i, 0)))
				continue;
			a->found->objects_dropped++;
		}
		rzs_block_set_owner(b, i, RZS_SLOT_NONE);
		if (a->store->pool.wipe)
			rzs_port_wipe(mem + i * RZS_PAGE_SIZE, RZS_PAGE_SIZE);
	}
}

/* Drop an object that a word names, but that cannot be kept. */
static void adopt_drop(struct adoption *a, struct rzs_entry *e)
{
	rzs_owner_t owner = rzs_entry_owner(e);

	/* Of a share, all users' words follow (adopt_count). */
	rzs_set(adopt_word_of(a, owner), owner & RZS_OWNER_SHARE ? 0 : RZS_KIND_LOST);
	e->slot = RZS_SLOT_NONE;
	a->found->objects_dropped++;
}

static void adopt_packed_block(struct adoption *a, uint32_t id, struct rzs_block *b)
{
	uint8_t *mem = rzs_block_mem(&a->store->pool, b);
	bool wipe = a->store->pool.wipe;
	struct rzs_entry *e;
	uint32_t i;
	int bad;

	for (i = 0; i < b->packed.ndir; i++) {
		e = rzs_packed_entry(mem, i);
		if (e->slot == RZS_SLOT_NONE ||
		    adopt_is_named(a, rzs_entry_owner(e),
				   rzs_word_packed(id, i, rzs_entry_size(e))))
			continue;
		e->slot = RZS_SLOT_NONE;
		a->found->objects_dropped++;
	}
	while ((bad = rzs_packed_mend(&b->packed, mem, &a->w->scratch, wipe)) >= 0)
		adopt_drop(a, rzs_packed_entry(mem, (uint32_t)bad));
}

/* Keep the objects that are named, and put blocks and ids where they belong. */
static void adopt_block(struct adoption *a, uint32_t id)
{
	struct rzs_pool *p = &a->store->pool;
	struct rzs_block *b = rzs_pool_block(p, id);

	if (b->type == RZS_BLOCK_UNUSED) {
		rzs_pool_free_id(p, id, b);
		return;
	}
	if (b->type == RZS_BLOCK_PAGES)
		adopt_pages_block(a, id, b);
	else
		adopt_packed_block(a, id, b);
	p->blocks_held++;
	rzs_lock(&b->lock);
	if (rzs_block_putback(p, id, b))
		return; /* nothing was left of it */
	rzs_tally_block(&a->tally, p, b);
	a->found->blocks++;
}

void rzs_adopt_pages(struct rzs_store *store, struct rzs_worker *w, bool check_data,
		     struct rzs_adopted *found)
{
	struct adoption a = {.store = store, .w = w, .check_data = check_data, .found = found};
	uint64_t id;

	adopt_shares(&a);
	(void)rzs_walk_slots(store, adopt_slot, &a);
	for (id = store->pool.next_id; id-- > 1;) /* the lowest id is used first then */
		adopt_block(&a, (uint32_t)id);
	(void)rzs_walk_slots(store, adopt_count, &a);
	adopt_unused_shares(&a);
	rzs_tally_gauges(&a.tally, w->counters.v);
	store->merge_known = a.tally.shares != 0;
	rzs_set(&store->image->generation, store->image->generation + 1);
	found->generation = store->image->generation;
}

#endif
