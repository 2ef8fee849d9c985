/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Statistics: a snapshot of counters that other threads keep changing; they never wait for it.
 *
 * A gauge goes up in the counters of one worker and down in those of another, so a sum taken
 * meanwhile may be negative.  If the thread that takes it is preempted, its parts are from
 * different times.  So if pages changed meanwhile, the sample is taken again, up to PASSES times,
 * and the one during which the fewest pages changed is used.
 *
 * Even that sample has the halves of calls that are running, about a page for each.  So each value
 * is limited to what the others allow, and the identities of rzs_store.h hold.
 */
#include "sealed.h"
#include "store.h"

#define PASSES 8u

/* The share of a pool that lies idle between objects, at most. */
#define UNMERGE_IDLE_SHARE 32u

/* The counters and the memory held, read once. */
struct sample {
	uint64_t c[RZS_C_NR];
	uint64_t limit;			     /* bytes */
	uint64_t taken, ready, peak, tables; /* blocks */
	uint64_t changes;		     /* pages that changed while it was taken */
};

/* Add to sum[] all workers' counters from number first on. */
static void add_up(const struct rzs_store *store, unsigned first, uint64_t sum[RZS_C_NR])
{
	unsigned i, c;

	for (i = 0; i < store->nr_workers; i++)
		for (c = first; c < RZS_C_NR; c++)
			sum[c] += rzs_load(&store->workers[i]->counters.v[c]);
}

void rzs_store_sum(struct rzs_store *store, uint64_t sum[RZS_C_NR])
{
	memset(sum, 0, RZS_C_NR * sizeof(sum[0]));
	add_up(store, 0, sum);
}

/* The number of changes of pages so far. */
static uint64_t changes(const uint64_t *c)
{
	return c[RZS_C_writes] + c[RZS_C_discards] + c[RZS_C_moved_objects];
}

static void sample_once(struct rzs_store *store, struct sample *out)
{
	uint64_t after[RZS_C_NR], limit = rzs_load(&store->limit_bytes);

	rzs_store_sum(store, out->c);
	/*
	 * Tables are taken blocks and only grow: all that are counted here are in taken.  So are
	 * the workers' spare blocks and the buffers of spilling, which count as tables.
	 */
	out->tables = rzs_load(&store->pool.chunks_held) + rzs_load(&store->slots.chunks_held) +
		      rzs_load(&store->shares.chunks_held) + rzs_load(&store->age_chunks_held) +
		      store->nr_workers +
		      (store->pool.spill ? rzs_load(&store->pool.spill->held) : 0);
	rzs_blocks_count(store->blocks, &out->taken, &out->ready, &out->peak);
	out->limit = rzs_load(&store->limit_bytes);
	if (rzs_limit_allows(limit, out->limit))
		out->limit = limit;
	memset(after, 0, sizeof(after));
	add_up(store, RZS_C_writes, after);
	out->changes = changes(after) - changes(out->c);
}

static void sample_best(struct rzs_store *store, struct sample *out)
{
	struct sample again;
	unsigned i;

	sample_once(store, out);
	for (i = 1; i < PASSES && out->changes; i++) {
		sample_once(store, &again);
		if (again.changes < out->changes)
			*out = again;
	}
}

/* n limited to least .. most; n may be negative, modulo 2^64. */
static uint64_t within(uint64_t n, uint64_t least, uint64_t most)
{
	if ((int64_t)n < (int64_t)least)
		return least;
	return n < most ? n : most;
}

/* The least that a compressed page has of a block: its entry, and two bytes. */
#define MIN_OBJECT_BYTES (sizeof(struct rzs_entry) + 2)

/* Memory, from a sample.  fixed: bytes. */
static void stats_memory(const struct sample *l, uint64_t fixed, struct rzs_stats *out)
{
	uint64_t tables = within(l->tables, 0, l->taken);

	out->limit_bytes = l->limit;
	out->block_bytes = (l->taken - tables) * RZS_BLOCK_SIZE;
	out->table_bytes = tables * RZS_BLOCK_SIZE;
	out->fixed_bytes = fixed;
	out->reserve_bytes = l->ready * RZS_BLOCK_SIZE;
	out->mem_bytes = (l->taken + l->ready) * RZS_BLOCK_SIZE + fixed;
	out->mem_peak_bytes = l->peak * RZS_BLOCK_SIZE + fixed;
}

/* a - b, or 0 if that is less. */
static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* Pages beside those that objects are counted for: they use an object of another page's. */
static uint64_t without_object(const struct rzs_stats *s)
{
	return s->pages_sharing + s->unit_pages - s->units;
}

/*
 * Numbers of pages, within what the blocks have space for and the device has pages for.  Of the
 * pages, some need no object of their own, of either kind, and those that are spilled none here.
 */
static void stats_pages(const uint64_t *c, struct rzs_stats *out)
{
	uint64_t bytes = out->block_bytes, left = out->nr_pages, most, elsewhere;

	out->pages_sharing = within(c[RZS_C_pages_sharing], 0, left);
	out->unit_pages = within(c[RZS_C_unit_pages], 0, left - out->pages_sharing);
	out->units = within(c[RZS_C_units], 0, out->unit_pages);
	out->pages_spilled = within(c[RZS_C_pages_spilled], 0, left);
	elsewhere = without_object(out) + out->pages_spilled;
	most = bytes / RZS_PAGE_SIZE + elsewhere;
	out->pages_raw = within(c[RZS_C_pages_raw], 0, most < left ? most : left);
	left -= out->pages_raw;
	bytes -= less(out->pages_raw, elsewhere) * RZS_PAGE_SIZE;
	most = bytes / MIN_OBJECT_BYTES + elsewhere;
	out->pages_compressed = within(c[RZS_C_pages_compressed], 0, most < left ? most : left);
	left -= out->pages_compressed;
	out->pages_same = within(c[RZS_C_pages_same], 0, left);
	out->pages_zero = within(c[RZS_C_pages_zero], 0, out->pages_same);
	out->pages_good = within(c[RZS_C_pages_good], 0, out->pages_compressed);
	out->unit_pages = within(out->unit_pages, 0, out->pages_compressed);
	out->units = within(out->units, 0, out->unit_pages);
	out->unit_dead_pages = within(c[RZS_C_unit_dead_pages], 0, out->units * (RZS_UNIT_MAX - 1));
	out->pages_recompressed =
		within(c[RZS_C_pages_recompressed], 0, out->pages_compressed - out->unit_pages);
	out->pages_stored = out->pages_same + out->pages_compressed + out->pages_raw;
	out->orig_bytes = out->pages_stored * RZS_PAGE_SIZE;
}

/*
 * What merging has done: KSM's identity holds, and each shared object has a user.  known: all pages
 * with an object are candidates; else there are none, as when KSM has never run or has unmerged.
 */
static void stats_merging(const uint64_t *c, bool known, struct rzs_stats *out)
{
	uint64_t left = known ? out->pages_compressed + out->pages_raw - out->unit_pages : 0;

	out->pages_sharing = within(out->pages_sharing, 0, left);
	left -= out->pages_sharing;
	out->pages_shared = within(c[RZS_C_pages_shared], 0, left);
	left -= out->pages_shared;
	out->pages_unshared = within(c[RZS_C_pages_unshared], 0, left);
	out->pages_volatile = left - out->pages_unshared;
	out->merge_saved_bytes = within(c[RZS_C_merge_saved_bytes], out->pages_sharing,
					out->pages_sharing * RZS_PAGE_SIZE);
}

/* The bytes of blocks that pages use. */
static void stats_objects(const uint64_t *c, struct rzs_stats *out)
{
	uint64_t least_dir = less(out->pages_compressed, without_object(out) + out->pages_spilled) *
			     sizeof(struct rzs_entry);
	uint64_t least = less(out->pages_raw, without_object(out)) * RZS_PAGE_SIZE +
			 less(out->pages_compressed, without_object(out));

	out->pages_spilled = within(out->pages_spilled, 0, out->pages_compressed + out->pages_raw);
	out->spilled_bytes = within(c[RZS_C_spilled_bytes], out->pages_spilled,
				    out->pages_spilled * RZS_PAGE_SIZE);
	least = within(less(least, out->spilled_bytes), 0, out->block_bytes - least_dir);
	out->object_bytes = within(c[RZS_C_object_bytes], least, out->block_bytes - least_dir);
	out->object_meta_bytes =
		within(c[RZS_C_object_meta_bytes], least_dir, out->block_bytes - out->object_bytes);
	out->slack_bytes = out->block_bytes - out->object_bytes - out->object_meta_bytes;
}

/* What only goes up. */
static void stats_counts(const uint64_t *c, struct rzs_stats *out)
{
#define COUNT_SUM(name) out->name = c[RZS_C_##name];
#define COUNT_BOUNDED(name)
#define COUNT_DERIVED(name)
#define RZS_STAT(name, kind, source, depends, help) COUNT_##source(name)
#include "rzs_stats.def"
#undef COUNT_SUM
#undef COUNT_BOUNDED
#undef COUNT_DERIVED
	out->failed_reads = within(c[RZS_C_failed_reads], 0, out->reads);
	out->failed_writes = within(c[RZS_C_failed_writes], 0, out->writes);
	out->refused_limit = within(c[RZS_C_refused_limit], 0, out->failed_writes);
	out->refused_reserve =
		within(c[RZS_C_refused_reserve], 0, out->failed_writes - out->refused_limit);
}

/* What the last pass over all pages has found. */
static void stats_idle(const struct rzs_store *store, struct rzs_stats *out)
{
	out->idle_0_bytes = rzs_load(&store->age_bytes[0]);
	out->idle_1_bytes = rzs_load(&store->age_bytes[1]);
	out->idle_2_bytes = rzs_load(&store->age_bytes[2]);
	out->idle_4_bytes = rzs_load(&store->age_bytes[3]);
	out->idle_8_bytes = rzs_load(&store->age_bytes[4]);
	out->idle_16_bytes = rzs_load(&store->age_bytes[5]);
	out->idle_32_bytes = rzs_load(&store->age_bytes[6]);
	out->idle_64_bytes = rzs_load(&store->age_bytes[7]);
	out->idle_passes = rzs_load(&store->idle_passes);
}

void rzs_store_stats(struct rzs_store *store, struct rzs_stats *out)
{
	struct sample l;

	sample_best(store, &l);
	memset(out, 0, sizeof(*out));
	out->version = RZS_STATS_VERSION;
	out->size = sizeof(*out);
	out->nr_pages = store->slots.nr;
	stats_memory(&l, rzs_load(&store->fixed_bytes), out);
	out->merge_bytes = rzs_load(&store->merge_fixed_bytes) +
			   rzs_load(&store->shares.chunks_held) * RZS_BLOCK_SIZE;
	stats_pages(l.c, out);
	stats_merging(l.c, rzs_load(&store->merge_known), out);
	stats_objects(l.c, out);
	stats_counts(l.c, out);
	stats_idle(store, out);
	if (store->pool.spill)
		out->spill_places = rzs_load(&store->pool.spill->places_used);
	out->recompress_bytes = rzs_load(&store->recompress_bytes);
}

uint64_t rzs_store_unmerge_bytes(const struct rzs_stats *stats)
{
	return stats->merge_saved_bytes + stats->pages_sharing * sizeof(struct rzs_entry);
}

bool rzs_store_unmerge_fits(const struct rzs_stats *stats, uint64_t ram_available,
			    struct rzs_unmerge_room *out)
{
	uint64_t below = UINT64_MAX;

	out->needed = rzs_store_unmerge_bytes(stats);
	out->needed += out->needed / UNMERGE_IDLE_SHARE;
	if (stats->limit_bytes)
		below = less(stats->limit_bytes, stats->mem_bytes);
	out->limited = out->needed > below;
	out->available = out->limited || below < ram_available ? below : ram_available;
	return out->needed <= out->available;
}

void rzs_store_idle(struct rzs_store *store, uint64_t *out_idle_bytes, uint64_t *out_block_bytes)
{
	uint64_t idle = 0;
	unsigned i;

	for (i = 0; i < store->pool.nr_shards; i++) {
		const struct rzs_shard *s = &store->pool.shards[i];

		idle += rzs_load(&s->avail_bytes) + rzs_load(&s->avail_pages) * RZS_PAGE_SIZE;
	}
	*out_block_bytes = rzs_load(&store->pool.blocks_held) * RZS_BLOCK_SIZE;
	*out_idle_bytes = idle < *out_block_bytes ? idle : *out_block_bytes;
}
