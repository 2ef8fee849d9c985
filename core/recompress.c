/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recompression of idle pages with a second codec.
 *
 * A page is read as a reader does it, and compressed without any lock.  Its new object is put into
 * the pool like any other.  Then, under the lock of the old object's block, the old bytes are
 * compared with those that were read: a word may come back with other contents after two writes,
 * and must not be taken for the one that was seen.  If they are equal, a compare-and-swap replaces
 * the word.  Whoever reads, writes, drops or moves the page meanwhile has changed the word, a
 * reader by its mark, and the new object is freed again.
 *
 * Concurrency: as idle.h.  Calls go one way: this file calls store.c and idle.c.
 */
#include "hash.h"
#include "idle.h"
#include "sealed.h"

/* What is saved less than this share of an object is not worth the slower reads. */
#define WORTH_SHARE 16u

struct recompression {
	struct rzs_store *store;
	struct rzs_worker *w;
	const struct rzs_recompress_params *params;
};

/* ---- contexts ---- */

void rzs_recompress_fini(struct rzs_store *store, bool wipe)
{
	if (wipe && store->encoder2)
		rzs_port_wipe(store->encoder2, store->encoder2_bytes);
	rzs_port_free(store->encoder2, store->encoder2_bytes);
	store->encoder2 = NULL;
}

/* Give all workers the codec to decompress with.  After an error none has it. */
static int open_workers(struct rzs_store *store, const struct rzs_codec *codec)
{
	unsigned i;
	int err = 0;

	for (i = 0; i < store->nr_workers && !err; i++)
		err = rzs_worker_second(store->workers[i], codec);
	while (err && i-- > 0)
		rzs_worker_no_second(store->workers[i], store->pool.wipe);
	return err;
}

/* Make the encoder for this level, and the rest unless it is there. */
static int open_contexts(struct rzs_store *store, const struct rzs_codec *codec, int level)
{
	size_t bytes = codec->ctx_size(level);
	void *encoder = rzs_port_alloc(bytes);
	int err = encoder ? codec->ctx_init(encoder, bytes, level) : -ENOMEM;

	if (!err && !store->codec2)
		err = open_workers(store, codec);
	if (err) {
		rzs_port_free(encoder, bytes);
		return err;
	}
	rzs_recompress_fini(store, store->pool.wipe);
	store->encoder2 = encoder;
	store->encoder2_bytes = bytes;
	store->codec2 = codec;
	store->level2 = level;
	return 0;
}

int rzs_store_recompress_open(struct rzs_store *store, const char *name, int level)
{
	const struct rzs_codec *codec = rzs_codec_lookup(name);
	uint64_t before = store->recompress_bytes, bytes;
	int err;

	if (!store->ages || !codec || (store->codec2 && store->codec2 != codec))
		return -EINVAL;
	level = level ? level : codec->level_default;
	if (level < codec->level_min || level > codec->level_max || !codec->ctx_size(level))
		return -EINVAL;
	if (store->codec2 && store->level2 == level)
		return 0;
	bytes = codec->ctx_size(level) +
		store->nr_workers * rzs_worker_second_bytes(store->codec, codec);
	/* A smaller sum always fits the limit, so the way back does. */
	err = rzs_store_set_fixed(store, store->fixed_bytes - before + bytes);
	if (err)
		return err;
	err = open_contexts(store, codec, level);
	if (err)
		(void)rzs_store_set_fixed(store, store->fixed_bytes - bytes + before);
	else
		rzs_set(&store->recompress_bytes, bytes);
	return err;
}

/* ---- pages ---- */

static bool is_candidate(uint64_t word, uint8_t age, unsigned min_age)
{
	return rzs_word_is_object(word) &&
	       (word & (RZS_SLOT_IDLE | RZS_SLOT_LOCK | RZS_SLOT_CODEC2)) == RZS_SLOT_IDLE &&
	       !(age & RZS_AGE_TRIED) && age >= min_age;
}

/* A raw word has no bit for the second codec: what it makes is a compressed one. */
static uint64_t word_of(uint64_t packed)
{
	return packed | RZS_SLOT_CODEC2 | RZS_SLOT_IDLE;
}

/* Whether a new block would leave enough to others. */
static bool has_spare(const struct recompression *r)
{
	struct rzs_store *store = r->store;
	uint64_t limit = rzs_load(&store->limit_bytes), taken, ready, peak;
	uint64_t spare = r->params->spare_bytes;

	rzs_blocks_count(store->blocks, &taken, &ready, &peak);
	if (ready < spare / RZS_BLOCK_SIZE)
		return false;
	return !limit || limit - store->fixed_bytes >= (taken + 1) * RZS_BLOCK_SIZE + spare;
}

static int put(struct recompression *r, const struct rzs_object *o, uint64_t *out_word)
{
	if (has_spare(r))
		return rzs_pool_put(&r->store->pool, r->w, o, false, out_word);
	return rzs_pool_put_within(&r->store->pool, r->w, o, false, out_word);
}

/* Replace the page's word by new, if its object has these bytes still. */
static bool publish(struct recompression *r, rzs_slot_t slot, uint64_t *p, uint64_t word,
		    const void *bytes, uint64_t new)
{
	struct rzs_store *store = r->store;
	struct rzs_object o;
	uint64_t seen = word;
	bool done;

	if (rzs_pool_read_begin(&store->pool, r->w, slot, word, p, &o)) {
		rzs_pool_free(&store->pool, r->w, slot, new);
		return false;
	}
	done = memcmp(o.data, bytes, o.size) == 0 && rzs_cas(p, &seen, new);
	rzs_pool_read_end(&store->pool, word);
	if (done)
		rzs_store_retire(store, r->w, slot, rzs_word_stable(word), rzs_word_stable(new));
	else
		rzs_pool_free(&store->pool, r->w, slot, new);
	return done;
}

/*
 * Try the page in w->page, whose object is the one at bytes.  Returns whether that is in vain until
 * the page was used.
 */
static bool try_page(struct recompression *r, rzs_slot_t slot, uint64_t *p, uint64_t word,
		     const void *bytes)
{
	struct rzs_store *store = r->store;
	uint32_t size = rzs_word_size(word);
	struct rzs_object o = {.owner = slot, .data = r->w->out};
	int n = store->codec2->compress(store->encoder2, r->w->page, r->w->out);
	uint64_t new;

	if (n <= 0 || (uint32_t)n > size - size / WORTH_SHARE || (uint32_t)n == size) {
		rzs_count(&r->w->counters, RZS_C_recompress_refused, 1);
		return true;
	}
	o.size = (uint32_t)n;
	if (store->checksum)
		o.sum = (uint32_t)rzs_hash64(o.data, o.size, 0);
	/* Without space for it now the page keeps its chance: others that shrink make some. */
	if (put(r, &o, &new) || !publish(r, slot, p, word, bytes, word_of(new)))
		return false;
	rzs_count(&r->w->counters, RZS_C_recompress_kept, 1);
	rzs_count(&r->w->counters, RZS_C_recompress_saved_bytes, size - o.size);
	return false;
}

/* As try_page(); a damaged page is not worth another try either. */
static bool recompress_page(struct recompression *r, rzs_slot_t slot, uint64_t *p, uint64_t word)
{
	bool raw = rzs_word_kind(word) == RZS_KIND_RAW;
	int err = -EAGAIN;

	if (!rzs_sealed_is(&r->store->pool, word))
		err = rzs_store_read_word(r->store, r->w, slot, word, p, r->w->page);
	if (err == -EAGAIN || err == -EINPROGRESS)
		return false;
	rzs_count(&r->w->counters, RZS_C_recompress_tried, 1);
	if (err)
		return true; /* damaged, and counted; it stays, for a reader to find out */
	return try_page(r, slot, p, word, raw ? r->w->page : r->w->in);
}

/* One run of slots.  Returns how many were looked at. */
static uint64_t recompress_run(struct recompression *r, const struct rzs_walk *run, unsigned *tries)
{
	uint64_t i, word;

	for (i = 0; i < run->nr && *tries; i++) {
		word = rzs_load(run->words + i);
		if (!is_candidate(word, run->ages[i], r->params->min_age))
			continue;
		--*tries;
		if (recompress_page(r, run->slot + i, run->words + i, word))
			run->ages[i] |= RZS_AGE_TRIED;
	}
	return i;
}

int rzs_store_recompress(struct rzs_store *store, struct rzs_worker *w,
			 const struct rzs_recompress_params *params, uint64_t nr, unsigned tries,
			 bool *out_done)
{
	struct recompression r = {store, w, params};
	struct rzs_walk run;
	uint64_t at, cost;

	*out_done = false;
	if (w->store != store || !store->codec2)
		return -EINVAL;
	for (; nr && tries && !*out_done; nr -= cost) {
		*out_done = rzs_idle_walk(store, &store->recompress_at, nr, false, &run);
		cost = run.ages ? run.nr : 1;
		if (!run.ages)
			continue;
		at = recompress_run(&r, &run, &tries);
		if (at == run.nr)
			continue;
		store->recompress_at = run.slot + at;
		*out_done = false;
	}
	if (store->pool.wipe) {
		rzs_worker_wipe(w);
		if (store->codec2->ctx_wipe)
			store->codec2->ctx_wipe(store->encoder2, store->encoder2_bytes,
						store->level2);
	}
	return 0;
}

void rzs_store_recompress_spent(struct rzs_worker *w, uint64_t ns)
{
	rzs_count(&w->counters, RZS_C_recompress_ns, ns);
}
