/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recompression of a few idle pages that are neighbours: each alone, or all as a unit (unit.h).
 *
 * A page is read as a reader does it, and compressed without any lock.  Its new object is put into
 * the pool like any other.  Then, under the lock of the old object's block, the old bytes are
 * compared with those that were read: a word may come back with other contents after two writes,
 * and must not be taken for the one that was seen.  If they are equal, a compare-and-swap replaces
 * the word.  Whoever reads, writes, drops or moves the page meanwhile has changed the word, a
 * reader by its mark, and then it stays as it is.
 *
 * Of a page in a unit there are no bytes to compare, and no need: its word does not come back, as
 * nobody else makes units meanwhile.
 *
 * A new unit is complete before a page names it, with a user for each of its pages.  So the pages'
 * words change one at a time, and a page whose word has changed meanwhile leaves the unit.  At any
 * moment each page names its old object or the unit, and adoption counts those that name it.
 *
 * A unit must save a sixteenth of what its pages take otherwise, each by the codec that is best.
 * If it does not, they are recompressed alone, and not tried again before they were used.
 *
 * Calls go one way: this file calls store.c, unit.c and recompress.c's choice of pages.
 */
#include "hash.h"
#include "recompress.h"
#include "sealed.h"

struct member {
	rzs_slot_t slot;
	uint64_t *p;
	uint8_t *age;
	uint64_t word;	/* as it was read */
	uint32_t size;	/* what the page takes of an object */
	uint32_t least; /* the same, recompressed alone if that is worth it */
	bool fresh;	/* it is: the object is in alone[] */
};

struct group {
	struct rzs_recompression *r;
	unsigned nr;
	struct member member[RZS_UNIT_MAX];
};

static bool is_worth(uint32_t size, uint32_t before)
{
	return size < before && size <= before - before / RZS_RECOMPRESS_WORTH_SHARE;
}

/* ---- memory */

/* Whether a new block would leave enough to others. */
static bool has_spare(const struct rzs_recompression *r)
{
	struct rzs_store *store = r->store;
	uint64_t limit = rzs_load(&store->limit_bytes), taken, ready, peak;
	uint64_t spare = r->params->spare_bytes;

	rzs_blocks_count(store->blocks, &taken, &ready, &peak);
	if (ready < spare / RZS_BLOCK_SIZE)
		return false;
	return !limit || limit - store->fixed_bytes >= (taken + 1) * RZS_BLOCK_SIZE + spare;
}

/* Put size bytes at data into the pool.  False: there is no space for them now. */
static bool put(struct rzs_recompression *r, rzs_owner_t owner, const void *data, uint32_t size,
		uint64_t *out_word)
{
	struct rzs_object o = {.owner = owner, .data = data, .size = size};

	if (r->store->checksum)
		o.sum = (uint32_t)rzs_hash64(data, size, 0);
	if (has_spare(r))
		return !rzs_pool_put(&r->store->pool, r->w, &o, false, out_word);
	return !rzs_pool_put_within(&r->store->pool, r->w, &o, false, out_word);
}

/* ---- reading */

/*
 * What the page takes of an object.  Of a unit it is a part of what is freed when all pages that
 * are left of it leave.
 */
static uint32_t taken_size(const struct group *g, uint64_t word)
{
	const struct rzs_share *s;
	uint32_t users;

	if (!rzs_word_is_member(word))
		return rzs_word_size(word);
	s = rzs_shares_at(&g->r->store->shares, rzs_word_share(word));
	users = s ? rzs_share_users(s) : 0;
	return rzs_word_size(word) / (users ? users : 1);
}

/* Recompress the page of member number n alone. */
static void try_alone(struct group *g, unsigned n)
{
	struct rzs_store *store = g->r->store;
	struct member *m = &g->member[n];
	int size;

	m->least = m->size;
	if (rzs_word_kind(m->word) == RZS_KIND_PACKED && m->word & RZS_SLOT_CODEC2)
		return; /* it is already */
	size = store->codec2->compress(store->encoder2, store->group->page[n], g->r->w->out);
	if (size <= 0 || !is_worth((uint32_t)size, m->size))
		return;
	m->least = (uint32_t)size;
	m->fresh = true;
	memcpy(store->group->alone[n], g->r->w->out, m->least);
}

/*
 * Read page i of the run, to be the next member.  It is none if it changes meanwhile, or is
 * damaged: that is counted, and the page stays, for a reader to find out.
 */
static void load(struct group *g, const struct rzs_walk *run, uint64_t i)
{
	struct rzs_recompression *r = g->r;
	struct member *m = &g->member[g->nr];
	uint8_t *page = r->store->group->page[g->nr];
	int err;

	*m = (struct member){.slot = run->slot + i, .p = run->words + i, .age = run->ages + i};
	m->word = rzs_load(m->p);
	if (!rzs_recompress_wants(r, m->word, *m->age) ||
	    (rzs_word_is_object(m->word) && rzs_sealed_is(&r->store->pool, m->word)))
		return;
	if (r->used <= g->nr)
		r->used = g->nr + 1;
	m->size = taken_size(g, m->word);
	err = rzs_store_read_word(r->store, r->w, m->slot, m->word, m->p, page);
	if (err == -EAGAIN || err == -EINPROGRESS)
		return;
	rzs_count(&r->w->counters, RZS_C_recompress_tried, 1);
	if (err) {
		*m->age |= RZS_AGE_TRIED;
		return;
	}
	if (rzs_word_kind(m->word) == RZS_KIND_PACKED)
		memcpy(r->store->group->bytes[g->nr], r->w->in, m->size);
	try_alone(g, g->nr);
	g->nr++;
}

/* ---- replacing */

/* Replace the word of member n by new, if its page has not changed. */
static bool replace(struct group *g, unsigned n, uint64_t new)
{
	struct rzs_store *store = g->r->store;
	struct member *m = &g->member[n];
	struct rzs_object o;
	uint64_t seen = m->word;
	const void *bytes;
	bool done;

	if (rzs_word_is_member(m->word)) {
		done = rzs_cas(m->p, &seen, new);
	} else {
		if (rzs_pool_read_begin(&store->pool, g->r->w, m->slot, m->word, m->p, &o))
			return false;
		bytes = rzs_word_kind(m->word) == RZS_KIND_RAW ? store->group->page[n]
							       : store->group->bytes[n];
		done = memcmp(o.data, bytes, o.size) == 0 && rzs_cas(m->p, &seen, new);
		rzs_pool_read_end(&store->pool, m->word);
	}
	if (!done)
		return false;
	rzs_store_retire(store, g->r->w, m->slot, rzs_word_stable(m->word), rzs_word_stable(new));
	rzs_count(&g->r->w->counters, RZS_C_recompress_kept, 1);
	return true;
}

/* A raw word has no bit for the second codec: what it makes is a compressed one. */
static void replace_alone(struct group *g, unsigned n)
{
	struct rzs_recompression *r = g->r;
	struct member *m = &g->member[n];
	uint64_t new;

	if (!put(r, m->slot, r->store->group->alone[n], m->least, &new))
		return; /* others that shrink make some space, and the page keeps its chance */
	if (replace(g, n, new | RZS_SLOT_CODEC2 | RZS_SLOT_IDLE))
		rzs_count(&r->w->counters, RZS_C_recompress_saved_bytes, m->size - m->least);
	else
		rzs_pool_free(&r->store->pool, r->w, m->slot, new);
}

/* ---- a unit */

/* Let all members use the new unit of this share, with an object of size bytes. */
static void join(struct group *g, uint64_t share, uint32_t size)
{
	struct rzs_recompression *r = g->r;
	uint64_t before = 0, new;
	unsigned i;

	for (i = 0; i < g->nr; i++) {
		new = rzs_word_member(share, i, g->nr, size);
		if (replace(g, i, new | RZS_SLOT_IDLE))
			before += g->member[i].size;
		else
			rzs_unit_leave(r->store, r->w, new);
	}
	if (before > size)
		rzs_count(&r->w->counters, RZS_C_recompress_saved_bytes, before - size);
}

/* Make a unit of the size bytes at unit[].  False: there is no space for it. */
static bool make_unit(struct group *g, uint32_t size)
{
	struct rzs_recompression *r = g->r;
	struct rzs_shares *t = &r->store->shares;
	uint64_t share, packed;

	if ((!rzs_shares_have_unused(t) && !has_spare(r)) ||
	    rzs_share_new(t, 0, RZS_SHARE_UNIT | g->nr, &share))
		return false;
	if (!put(r, RZS_OWNER_SHARE | share, r->store->group->unit, size, &packed)) {
		rzs_share_free(t, share);
		return false;
	}
	rzs_set(&rzs_shares_at(t, share)->word, rzs_word_unit(packed, g->nr));
	rzs_count(&r->w->counters, RZS_C_units, 1);
	join(g, share, size);
	return true;
}

/*
 * Compress the members together, without the last ones, which may be tried with others, if that is
 * too much.  Returns the size; 0: it is not worth it.
 */
static uint32_t compress_unit(struct group *g)
{
	struct rzs_store *store = g->r->store;
	uint32_t least = 0;
	int size = -ENOSPC;
	unsigned i;

	for (; g->nr > 1; g->nr--) {
		size = store->codec2->compress_unit(store->encoder2, g->nr, store->group->page,
						    store->group->unit, RZS_UNIT_OBJECT_MAX);
		if (size != -ENOSPC)
			break;
	}
	if (g->nr < 2)
		return 0;
	for (i = 0; i < g->nr; i++)
		least += g->member[i].least;
	if (size > 0 && is_worth((uint32_t)size, least))
		return (uint32_t)size;
	rzs_count(&g->r->w->counters, RZS_C_units_refused, 1);
	return 0;
}

/* ---- a group */

/* Bytes that the page may be worth in a unit: what the second codec makes of others. */
static uint32_t estimate(uint64_t word)
{
	uint32_t size = rzs_word_own_size(word);

	return word & RZS_SLOT_CODEC2 ? size : size / 4 * 3;
}

/*
 * Read page i and its neighbours, as many as a unit may have.  Returns whether there are
 * neighbours, even if they do not fit.
 */
static bool collect(struct group *g, const struct rzs_walk *run, uint64_t i)
{
	/* Together they take less than alone, about a sixth. */
	uint32_t most = RZS_UNIT_OBJECT_MAX + RZS_UNIT_OBJECT_MAX / 6, sum;
	bool neighbours = false;
	uint64_t j = i;
	unsigned n;

	load(g, run, i);
	if (!g->nr)
		return false;
	sum = g->member[0].least;
	while (g->nr < g->r->unit && (j = rzs_recompress_next(g->r, run, i, j)) < run->nr) {
		neighbours = true;
		if (sum + estimate(rzs_load(run->words + j)) > most)
			break;
		n = g->nr;
		load(g, run, j);
		sum += g->nr > n ? g->member[n].least : 0;
	}
	return neighbours;
}

/* Recompress the members alone.  final: do not try them again before they were used. */
static void settle(struct group *g, bool final)
{
	struct member *m;
	unsigned i;

	for (i = 0; i < g->nr; i++) {
		m = &g->member[i];
		if (m->fresh)
			replace_alone(g, i);
		else
			rzs_count(&g->r->w->counters, RZS_C_recompress_refused, 1);
		if (final || !m->fresh)
			*m->age |= RZS_AGE_TRIED;
	}
}

void rzs_recompress_group(struct rzs_recompression *r, const struct rzs_walk *run, uint64_t i)
{
	struct group g = {.r = r};
	bool neighbours = collect(&g, run, i);
	uint32_t size = compress_unit(&g);

	if (!size)
		settle(&g, neighbours);
	else if (!make_unit(&g, size))
		settle(&g, false);
}
