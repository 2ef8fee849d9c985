/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recompression of idle pages with a second codec: its contexts, and the walk over the slots that
 * finds pages to try.  recompress_group.c tries them.
 *
 * Concurrency: as idle.h.  Calls go one way: this file calls recompress_group.c and idle.c.
 */
#include "recompress.h"

/* Pages of a unit are within so many slots for each page that it may have. */
#define WINDOW 2u

/* ---- contexts ---- */

void rzs_recompress_fini(struct rzs_store *store, bool wipe)
{
	if (wipe && store->encoder2)
		rzs_port_wipe(store->encoder2, store->encoder2_bytes);
	rzs_port_free(store->encoder2, store->encoder2_bytes);
	store->encoder2 = NULL;
	store->group = NULL;
}

static bool makes_units(const struct rzs_codec *codec)
{
	return codec->compress_unit != NULL;
}

/* Give all workers the codec to decompress with.  After an error none has it. */
static int open_workers(struct rzs_store *store, const struct rzs_codec *codec, bool units)
{
	unsigned i;
	int err = 0;

	for (i = 0; i < store->nr_workers && !err; i++)
		err = rzs_worker_second(store->workers[i], codec, units);
	while (err && i-- > 0)
		rzs_worker_no_second(store->workers[i], store->pool.wipe);
	return err;
}

/* bytes, rounded up to whole cache lines. */
static size_t whole_lines(size_t bytes)
{
	return (bytes + 63) & ~(size_t)63;
}

/* Bytes of the encoder's context; 0: there is no such level. */
static size_t encoder_ctx(const struct rzs_codec *codec, int level, bool units)
{
	return whole_lines(units ? codec->unit_ctx_size(level) : codec->ctx_size(level));
}

static int encoder_init(const struct rzs_codec *codec, void *mem, int level, bool units)
{
	size_t bytes = encoder_ctx(codec, level, units);

	return units ? codec->unit_ctx_init(mem, bytes, level) : codec->ctx_init(mem, bytes, level);
}

/* Pages that a group may have. */
static size_t group_rows(bool units)
{
	return units ? RZS_UNIT_MAX : 1;
}

static size_t encoder_bytes(const struct rzs_codec *codec, int level, bool units)
{
	return encoder_ctx(codec, level, units) + whole_lines(sizeof(struct rzs_group_pages)) +
	       (3 * group_rows(units) + (units ? 1 : 0)) * RZS_PAGE_SIZE;
}

/* The memory at mem is that for a group. */
static struct rzs_group_pages *group_init(void *mem, bool units)
{
	struct rzs_group_pages *g = mem;
	size_t rows = group_rows(units);

	g->page = (uint8_t(*)[RZS_PAGE_SIZE])((uint8_t *)mem + whole_lines(sizeof(*g)));
	g->bytes = g->page + rows;
	g->alone = g->bytes + rows;
	g->unit = units ? g->alone[rows] : NULL;
	return g;
}

/* Make the encoder for this level, and the rest unless it is there. */
static int open_contexts(struct rzs_store *store, const struct rzs_codec *codec, int level,
			 bool units)
{
	size_t bytes = encoder_bytes(codec, level, units);
	uint8_t *encoder = rzs_port_alloc(bytes);
	int err = encoder ? encoder_init(codec, encoder, level, units) : -ENOMEM;

	if (!err && !store->codec2)
		err = open_workers(store, codec, units);
	if (err) {
		rzs_port_free(encoder, bytes);
		return err;
	}
	rzs_recompress_fini(store, store->pool.wipe);
	store->encoder2 = encoder;
	store->encoder2_bytes = bytes;
	store->group = group_init(encoder + encoder_ctx(codec, level, units), units);
	store->codec2 = codec;
	store->level2 = level;
	/* Before a page needs it. */
	rzs_set(&store->image->codec2, rzs_image_codec2(codec->name));
	return 0;
}

/* Bytes of all workers' contexts to decompress with. */
static uint64_t decoders_bytes(const struct rzs_store *store, const struct rzs_codec *codec,
			       bool units)
{
	return store->nr_workers * rzs_worker_second_bytes(store->codec, codec, units);
}

#if RZS_HAVE_ADOPT
int rzs_recompress_adopt(struct rzs_store *store)
{
	const struct rzs_codec *codec = NULL;
	const char *name;
	unsigned i;
	int err;

	if (!store->image->codec2)
		return 0;
	for (i = 0; !codec && (name = rzs_codec_name(i)); i++)
		if (rzs_image_codec2(name) == store->image->codec2)
			codec = rzs_codec_lookup(name);
	if (!codec)
		return -EINVAL;
	err = open_workers(store, codec, makes_units(codec));
	if (err)
		return err;
	store->codec2 = codec;
	store->recompress_bytes = decoders_bytes(store, codec, makes_units(codec));
	store->fixed_bytes += store->recompress_bytes;
	return 0;
}
#endif

int rzs_store_recompress_open(struct rzs_store *store, const char *name, int level)
{
	const struct rzs_codec *codec = rzs_codec_lookup(name);
	uint64_t before = store->recompress_bytes, bytes;
	bool units;
	int err;

	if (!store->ages || !codec || (store->codec2 && store->codec2 != codec))
		return -EINVAL;
	units = makes_units(codec);
	level = level ? level : codec->level_default;
	if (level < codec->level_min || level > codec->level_max ||
	    !encoder_ctx(codec, level, units))
		return -EINVAL;
	if (store->encoder2 && store->level2 == level)
		return 0;
	bytes = encoder_bytes(codec, level, units) + decoders_bytes(store, codec, units);
	/* A smaller sum always fits the limit, so the way back does. */
	err = rzs_store_set_fixed(store, store->fixed_bytes - before + bytes);
	if (err)
		return err;
	err = open_contexts(store, codec, level, units);
	if (err)
		(void)rzs_store_set_fixed(store, store->fixed_bytes - bytes + before);
	else
		rzs_set(&store->recompress_bytes, bytes);
	return err;
}

/* ---- pages ---- */

/* Whether so few pages of a unit are left that what the others have left behind is worth a try. */
static bool is_half_empty(struct rzs_store *store, uint64_t word)
{
	const struct rzs_share *s = rzs_shares_at(&store->shares, rzs_word_share(word));

	return s && rzs_share_users(s) * 2 <= rzs_word_member_pages(word);
}

bool rzs_recompress_wants(const struct rzs_recompression *r, uint64_t word, uint8_t age)
{
	if ((word & (RZS_SLOT_IDLE | RZS_SLOT_LOCK)) != RZS_SLOT_IDLE || age & RZS_AGE_TRIED ||
	    age < r->params->min_age)
		return false;
	if (rzs_word_is_object(word))
		return rzs_word_size(word) >= r->params->min_size &&
		       (!(word & RZS_SLOT_CODEC2) || r->unit > 1);
	return !r->params->min_size && rzs_word_is_member(word) && is_half_empty(r->store, word);
}

/* What merging has not looked at might be equal to another page, which saves more. */
static bool may_join(const struct rzs_recompression *r, uint64_t word)
{
	return !r->store->index || word & RZS_SLOT_SCANNED || rzs_word_is_member(word);
}

uint64_t rzs_recompress_next(const struct rzs_recompression *r, const struct rzs_walk *run,
			     uint64_t i, uint64_t after)
{
	uint64_t end = r->unit > 1 ? i + WINDOW * r->unit : 0, word;

	if (end > run->nr)
		end = run->nr;
	if (!may_join(r, rzs_load(run->words + i)))
		return run->nr;
	while (++after < end) {
		word = rzs_load(run->words + after);
		if (rzs_recompress_wants(r, word, run->ages[after]) && may_join(r, word))
			return after;
	}
	return run->nr;
}

/* A page that the second codec has made already is tried only together with others. */
static bool is_worth_a_try(const struct rzs_recompression *r, const struct rzs_walk *run,
			   uint64_t i)
{
	uint64_t word = rzs_load(run->words + i);

	if (!rzs_recompress_wants(r, word, run->ages[i]))
		return false;
	return !rzs_word_is_object(word) || !(word & RZS_SLOT_CODEC2) ||
	       rzs_recompress_next(r, run, i, i) < run->nr;
}

/* One run of slots.  Returns how many were looked at. */
static uint64_t recompress_run(struct rzs_recompression *r, const struct rzs_walk *run,
			       unsigned *tries)
{
	uint64_t i;

	for (i = 0; i < run->nr && *tries; i++) {
		if (!is_worth_a_try(r, run, i))
			continue;
		--*tries;
		rzs_recompress_group(r, run, i);
	}
	return i;
}

/* Overwrite what pages have left in the encoder and in the group's memory. */
static void wipe_encoder(struct rzs_recompression *r)
{
	struct rzs_store *store = r->store;
	struct rzs_group_pages *g = store->group;
	size_t bytes = r->used * (size_t)RZS_PAGE_SIZE;
	bool units = g->unit != NULL;

	if (!r->used)
		return;
	rzs_port_wipe(g->page, bytes);
	rzs_port_wipe(g->bytes, bytes);
	rzs_port_wipe(g->alone, bytes);
	if (units)
		rzs_port_wipe(g->unit, RZS_PAGE_SIZE);
	if (!store->codec2->ctx_wipe)
		return;
	rzs_port_wipe(store->encoder2, encoder_ctx(store->codec2, store->level2, units));
	/* A context that could be made once can be made again. */
	(void)encoder_init(store->codec2, store->encoder2, store->level2, units);
}

static unsigned unit_pages(const struct rzs_store *store, unsigned wanted)
{
	if (!store->group->unit || wanted < 1)
		return 1;
	return wanted < RZS_UNIT_MAX ? wanted : RZS_UNIT_MAX;
}

int rzs_store_recompress(struct rzs_store *store, struct rzs_worker *w,
			 const struct rzs_recompress_params *params, uint64_t nr, unsigned tries,
			 bool *out_done)
{
	struct rzs_recompression r = {store, w, params, 1, 0};
	struct rzs_walk run;
	uint64_t at, cost;

	*out_done = false;
	if (w->store != store || !store->encoder2)
		return -EINVAL;
	r.unit = unit_pages(store, params->unit);
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
		wipe_encoder(&r);
	}
	return 0;
}

void rzs_store_recompress_spent(struct rzs_worker *w, uint64_t ns)
{
	rzs_count(&w->counters, RZS_C_recompress_ns, ns);
}
