/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Creating and destroying a store, its workers, its limit. */
#include "adopt.h"
#include "idle.h"
#include "sealed.h"

/* A small store has fewer shards, since each may have a partly filled block of each type. */
#define PAGES_PER_SHARD (64u * 1024 * 1024 / RZS_PAGE_SIZE)
/*
 * Blocks that a store needs beside its fixed memory and its workers' spare blocks: chunks of slots
 * and of descriptors, and some blocks of each type.
 */
#define MIN_BLOCKS 8u
/*
 * The default reserve is a quarter of the store, but at most RESERVE_OF_SMALL blocks (8 MiB).  If
 * the quarter is RESERVE_OF_LARGE blocks or more (a store of 64 MiB), it is the environment's
 * default.  At most 5 MiB of it were used in measurements while the system had no memory to give.
 */
#define RESERVE_OF_SMALL 256u
#define RESERVE_OF_LARGE 512u

/* Bytes of the blocks that a store needs beside its fixed memory. */
static uint64_t store_min_bytes(unsigned nr_workers)
{
	return (uint64_t)(MIN_BLOCKS + nr_workers) * RZS_BLOCK_SIZE;
}

/* Blocks of objects that there can be at a time. */
static uint64_t store_max_blocks(const struct rzs_config *cfg)
{
	/* At worst every block has one page.  The limit does not count: it may change later. */
	uint64_t max = cfg->nr_pages + 2 * RZS_MAX_SHARDS;

	return max < RZS_BLOCK_ID_MAX ? max : RZS_BLOCK_ID_MAX;
}

static unsigned store_nr_shards(const struct rzs_config *cfg)
{
	uint64_t n = cfg->nr_pages / PAGES_PER_SHARD;

	if (n > cfg->nr_workers)
		n = cfg->nr_workers;
	if (n > RZS_MAX_SHARDS)
		n = RZS_MAX_SHARDS;
	return n ? (unsigned)n : 1;
}

static struct rzs_image_form store_form(const struct rzs_config *cfg, const struct rzs_codec *codec)
{
	struct rzs_image_form form = {cfg->nr_pages, store_max_blocks(cfg), codec->name,
				      !cfg->no_checksum, cfg->backed};

	return form;
}

/*
 * Check a configuration.  *out_fixed: bytes of the memory that does not grow.  -EINVAL; *out_fixed
 * is 0 then.
 */
static int config_check(const struct rzs_config *cfg, const struct rzs_codec **out_codec,
			uint64_t *out_fixed)
{
	const struct rzs_codec *codec = rzs_codec_lookup(cfg->codec);
	int level = cfg->level;
	struct rzs_image_form form;
	size_t worker;

	*out_codec = codec;
	*out_fixed = 0;
	if (!codec || cfg->nr_pages == 0 || cfg->nr_pages > RZS_MAX_PAGES || cfg->nr_workers == 0 ||
	    cfg->nr_workers > RZS_MAX_WORKERS)
		return -EINVAL;
	if (level && (level < codec->level_min || level > codec->level_max))
		return -EINVAL;
	worker = rzs_worker_bytes(codec, level ? level : codec->level_default);
	if (!worker)
		return -EINVAL;
	form = store_form(cfg, codec);
	*out_fixed = sizeof(struct rzs_store) + rzs_image_root_bytes(&form) +
		     cfg->nr_workers * (sizeof(struct rzs_worker *) + worker);
	return 0;
}

int rzs_store_min_limit(const struct rzs_config *cfg, uint64_t *out_bytes)
{
	const struct rzs_codec *codec;
	int err = config_check(cfg, &codec, out_bytes);

	if (!err)
		*out_bytes += store_min_bytes(cfg->nr_workers);
	return err;
}

/* Blocks that the limit allows; 0 is no limit.  limit_bytes is at least fixed_bytes otherwise. */
static uint64_t store_limit_blocks(uint64_t limit_bytes, uint64_t fixed_bytes)
{
	if (!limit_bytes)
		return UINT64_MAX / RZS_BLOCK_SIZE;
	return (limit_bytes - fixed_bytes) / RZS_BLOCK_SIZE;
}

/*
 * The size of the reserve in blocks.  It is reserve_bytes if the caller has set that.  Else it
 * depends on the store's size or limit, whichever is less: a quarter of it for a small store, and
 * for a large one the environment's default, which looks at the machine as well.
 */
static uint64_t store_reserve(uint64_t nr_pages, uint64_t reserve_bytes, uint64_t limit_bytes)
{
	uint64_t most = nr_pages << RZS_PAGE_SHIFT, nr;

	if (limit_bytes && limit_bytes < most)
		most = limit_bytes;
	if (reserve_bytes) {
		nr = (reserve_bytes + RZS_BLOCK_SIZE - 1) / RZS_BLOCK_SIZE;
	} else {
		nr = most / RZS_BLOCK_SIZE / 4;
		if (nr >= RESERVE_OF_LARGE)
			return RZS_RESERVE_DEFAULT;
		if (nr > RESERVE_OF_SMALL)
			nr = RESERVE_OF_SMALL;
	}
	return nr > MIN_BLOCKS ? nr : MIN_BLOCKS;
}

static int store_init_workers(struct rzs_store *store, const struct rzs_config *cfg)
{
	int level = cfg->level ? cfg->level : store->codec->level_default, err;
	unsigned i;

	store->workers = rzs_port_alloc(cfg->nr_workers * sizeof(*store->workers));
	if (!store->workers)
		return -ENOMEM;
	store->nr_workers = cfg->nr_workers;
	for (i = 0; i < cfg->nr_workers; i++) {
		err = rzs_worker_create(store, store->codec, level, i, &store->workers[i]);
		if (err)
			return err;
	}
	return 0;
}

/* Give a worker its spare block. */
static void worker_set_spare(struct rzs_store *store, struct rzs_worker *w, uint32_t spare)
{
	w->spare = spare;
	if (store->pool.wipe)
		memset(rzs_blocks_at(store->blocks, spare), 0, RZS_BLOCK_SIZE);
}

/* The tables, by the header of the image. */
static void store_init_tables(struct rzs_store *store, const struct rzs_config *cfg)
{
	struct rzs_image *im = store->image;

	rzs_slots_init(&store->slots, im->nr_pages, rzs_image_table(im, im->slots_at),
		       store->blocks);
	rzs_pool_init(&store->pool, im->max_blocks, store_nr_shards(cfg), cfg->wipe,
		      rzs_image_table(im, im->pool_at), store->blocks);
	rzs_shares_init(&store->shares, im->nr_pages, rzs_image_table(im, im->shares_at),
			store->blocks);
}

/* On failure rzs_store_destroy() frees what there is.  spare: space for a number per worker. */
static int store_init(struct rzs_store *store, const struct rzs_config *cfg, uint32_t *spare)
{
	struct rzs_image_form form = store_form(cfg, store->codec);
	unsigned i;
	int err;

	err = rzs_blocks_open(&store->blocks,
			      store_limit_blocks(cfg->limit_bytes, store->fixed_bytes),
			      store_reserve(cfg->nr_pages, cfg->reserve_bytes, cfg->limit_bytes),
			      rzs_image_root_bytes(&form), spare, cfg->nr_workers);
	if (err)
		return err;
	store->image = rzs_blocks_root(store->blocks);
	rzs_image_make(store->image, &form);
	store_init_tables(store, cfg);
	err = store_init_workers(store, cfg);
	for (i = 0; !err && i < cfg->nr_workers; i++)
		worker_set_spare(store, store->workers[i], spare[i]);
	return err;
}

/* A store with nothing in it but what the configuration says; errors of rzs_store_create(). */
static int store_new(const struct rzs_config *cfg, struct rzs_store **out)
{
	const struct rzs_codec *codec;
	struct rzs_store *store;
	uint64_t fixed;
	int err;

	*out = NULL;
	err = config_check(cfg, &codec, &fixed);
	if (err)
		return err;
	if (cfg->limit_bytes && cfg->limit_bytes < fixed + store_min_bytes(cfg->nr_workers))
		return -ENOSPC;
	store = rzs_port_alloc(sizeof(*store));
	if (!store)
		return -ENOMEM;
	store->limit_bytes = cfg->limit_bytes;
	store->fixed_bytes = fixed;
	store->reserve_bytes = cfg->reserve_bytes;
	store->codec = codec;
	store->checksum = !cfg->no_checksum;
	store->backed = cfg->backed;
	*out = store;
	return 0;
}

int rzs_store_create(const struct rzs_config *cfg, struct rzs_store **out)
{
	struct rzs_store *store;
	uint32_t *spare;
	int err;

	*out = NULL;
	err = store_new(cfg, &store);
	if (err)
		return err;
	spare = rzs_port_alloc(cfg->nr_workers * sizeof(*spare));
	err = spare ? store_init(store, cfg, spare) : -ENOMEM;
	rzs_port_free(spare, cfg->nr_workers * sizeof(*spare));
	if (err) {
		rzs_store_destroy(store);
		return err;
	}
	*out = store;
	return 0;
}

#if RZS_HAVE_ADOPT
/* After the blocks of the image are claimed.  -ENOSPC: the limit; -ENOMEM: the reserve is empty. */
static int store_take_spares(struct rzs_store *store)
{
	uint32_t spare;
	unsigned i;
	bool limit;

	for (i = 0; i < store->nr_workers; i++) {
		spare = rzs_blocks_take(store->blocks, &limit);
		if (!spare)
			return limit ? -ENOSPC : -ENOMEM;
		worker_set_spare(store, store->workers[i], spare);
	}
	return 0;
}

/* All that adoption needs memory for. */
static int store_adopt_begin(struct rzs_store *store, const struct rzs_config *cfg,
			     struct rzs_adopted *found)
{
	struct rzs_image_form form = store_form(cfg, store->codec);
	int err;

	store->image = rzs_blocks_root(store->blocks);
	found->what = rzs_image_refuse(store->image, &form);
	if (found->what)
		return -EINVAL;
	store_init_tables(store, cfg);
	err = store_init_workers(store, cfg);
	if (!err)
		err = rzs_recompress_adopt(store);
	if (err == -EINVAL)
		found->what = "image: its second codec is none that is built in";
	return err;
}

int rzs_store_adopt_begin(const struct rzs_config *cfg, struct rzs_blocks *blocks,
			  struct rzs_adopted *found, struct rzs_store **out)
{
	struct rzs_store *store;
	int err;

	*out = NULL;
	memset(found, 0, sizeof(*found));
	err = store_new(cfg, &store);
	if (err)
		return err;
	store->blocks = blocks;
	err = store_adopt_begin(store, cfg, found);
	if (err)
		rzs_store_adopt_cancel(store);
	else
		*out = store;
	return err;
}

static int store_adopt_end(struct rzs_store *store, bool check_data, struct rzs_adopted *found)
{
	int err;

	found->what = rzs_adopt_blocks(store, found);
	if (found->what)
		return -EIO;
	err = rzs_store_set_limit(store, store->limit_bytes);
	if (!err)
		err = store_take_spares(store);
	if (!err)
		rzs_adopt_pages(store, store->workers[0], check_data, found);
	return err;
}

int rzs_store_adopt_end(struct rzs_store *store, bool check_data, struct rzs_adopted *found)
{
	unsigned i;
	int err;

	memset(found, 0, sizeof(*found));
	err = store_adopt_end(store, check_data, found);
	for (i = 0; store->pool.wipe && i < store->nr_workers; i++)
		rzs_worker_wipe(store->workers[i]);
	if (err)
		rzs_store_adopt_cancel(store);
	return err;
}

void rzs_store_adopt_cancel(struct rzs_store *store)
{
	if (!store)
		return;
	store->blocks = NULL;
	store->pool.wipe = false; /* the image is not this store's to overwrite */
	rzs_store_destroy(store);
}

int rzs_store_adopt(const struct rzs_config *cfg, struct rzs_blocks *blocks, bool check_data,
		    struct rzs_adopted *found, struct rzs_store **out)
{
	struct rzs_store *store;
	int err = rzs_store_adopt_begin(cfg, blocks, found, &store);

	*out = NULL;
	if (!err)
		err = rzs_store_adopt_end(store, check_data, found);
	if (!err)
		*out = store;
	return err;
}

const char *rzs_store_refuses(const struct rzs_config *cfg, struct rzs_blocks *blocks)
{
	const struct rzs_codec *codec = rzs_codec_lookup(cfg->codec);
	struct rzs_image_form form;

	if (!codec)
		return "image: its codec is not built in";
	form = store_form(cfg, codec);
	return rzs_image_refuse(rzs_blocks_root(blocks), &form);
}
#endif

void rzs_store_destroy(struct rzs_store *store)
{
	bool wipe;
	unsigned i;

	if (!store)
		return;
	wipe = store->pool.wipe;
	for (i = 0; i < store->nr_workers; i++)
		rzs_worker_destroy(store->workers[i], wipe);
	rzs_port_free(store->workers, store->nr_workers * sizeof(*store->workers));
	if (wipe) {
		rzs_pool_wipe(&store->pool);
		rzs_slots_wipe(&store->slots);
		rzs_shares_wipe(&store->shares);
	}
	rzs_port_free(store->index, store->index_bytes);
	rzs_idle_fini(store, wipe);
	rzs_recompress_fini(store, wipe);
	rzs_spill_fini(&store->pool, wipe);
	rzs_blocks_close(store->blocks);
	rzs_port_free(store, sizeof(*store));
}

struct rzs_worker *rzs_worker_tryget(struct rzs_store *store, unsigned hint)
{
	unsigned own = hint % store->nr_workers, i;

	for (i = 0; i < store->nr_workers; i++) {
		struct rzs_worker *w = store->workers[(own + i) % store->nr_workers];

		if (rzs_mutex_trylock(&w->mutex))
			return w;
	}
	return NULL;
}

struct rzs_worker *rzs_worker_get(struct rzs_store *store, unsigned hint)
{
	struct rzs_worker *w = rzs_worker_tryget(store, hint);

	return w ? w : rzs_worker_get_own(store, hint);
}

struct rzs_worker *rzs_worker_get_own(struct rzs_store *store, unsigned index)
{
	struct rzs_worker *w = store->workers[index % store->nr_workers];

	rzs_mutex_lock(&w->mutex);
	return w;
}

void rzs_worker_put(struct rzs_store *store, struct rzs_worker *worker)
{
	(void)store;
	rzs_mutex_unlock(&worker->mutex);
}

uint64_t rzs_store_pages(const struct rzs_store *store)
{
	return store->slots.nr;
}

/* Let the source have what these two leave for blocks, and its reserve. */
static int store_set_blocks(struct rzs_store *store, uint64_t limit, uint64_t fixed)
{
	uint64_t reserve = store_reserve(store->slots.nr, store->reserve_bytes, limit);

	if (reserve != RZS_RESERVE_DEFAULT)
		reserve += store->reserve_more;
	return rzs_blocks_set_max(store->blocks, store_limit_blocks(limit, fixed), reserve);
}

int rzs_store_set_fixed(struct rzs_store *store, uint64_t fixed)
{
	uint64_t limit = rzs_load(&store->limit_bytes), before = store->fixed_bytes;
	int err;

	if (limit && limit < fixed + store_min_bytes(store->nr_workers))
		return -ENOSPC;
	/* Statistics must never show more memory than the limit, so less is shown first. */
	if (fixed < before)
		rzs_set(&store->fixed_bytes, fixed);
	err = store_set_blocks(store, limit, fixed);
	rzs_set(&store->fixed_bytes, err ? before : fixed);
	return err;
}

int rzs_store_set_limit(struct rzs_store *store, uint64_t limit_bytes)
{
	uint64_t before = rzs_load(&store->limit_bytes);
	int err;

	if (limit_bytes && limit_bytes < store->fixed_bytes + store_min_bytes(store->nr_workers))
		return -ENOSPC;
	/* Statistics must never show more memory than the limit, so a higher one is shown first. */
	if (rzs_limit_allows(limit_bytes, before))
		rzs_set(&store->limit_bytes, limit_bytes);
	err = store_set_blocks(store, limit_bytes, store->fixed_bytes);
	rzs_set(&store->limit_bytes, err ? before : limit_bytes);
	return err;
}
