/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The compressed RAM store: the only header of it that its callers (nbdkit plugin, server, kernel
 * module, benchmarks) include.
 *
 * A store is an array of pages of RZS_PAGE_SIZE bytes.  A page that was never written reads as
 * zeros and costs nothing.  Most calls take a worker: the codec context and buffers that one call
 * at a time uses.  A thread gets a worker with rzs_worker_get() and puts it back, or keeps it for
 * its life.
 *
 * Contract, for every function unless it says otherwise:
 *   Context:     any thread; not an interrupt.
 *   Concurrency: any number of threads at once, on the same page or on different ones.
 *   Sleeps:      only while another thread copies at most one block, or changes part of the same
 *                page.
 *   Allocates:   never asks the system for memory; blocks come from the environment's reserve.
 *   Returns:     0 or a negative errno; out-parameters are set on every path.
 *
 * Errors of data calls:
 *   -EINVAL   the range is not within the store, or the worker is another store's
 *   -ENOSPC   a write: the limit is reached; the page is unchanged
 *   -ENOMEM   a write: the reserve is empty at the moment; the page is unchanged
 *   -EIO      the stored bytes fail their checksum or cannot be decompressed; never wrong data
 * and in a backed store (rzs_config.backed) only:
 *   -E2BIG    a write: the page is incompressible; the page is unchanged
 *   -ENODATA  a read, or a write to part of a page: the store does not have the page
 * and of a store whose pages can be elsewhere (spill.h) only:
 *   -EINPROGRESS  a read, or a write to part of a page: the page is elsewhere; it is unchanged
 */
#ifndef RZS_STORE_H
#define RZS_STORE_H

#include "rzs_port.h"

#define RZS_PAGE_SHIFT 12
#define RZS_PAGE_SIZE  4096u
#define RZS_MAX_PAGES  0xffffff00ull /* just below 16 TiB: slot numbers have 32 bits */

#if defined(__GNUC__)
#define RZS_MUST_CHECK __attribute__((warn_unused_result))
#else
#define RZS_MUST_CHECK
#endif

typedef uint64_t rzs_slot_t; /* number of a page, 0 .. nr_pages - 1 */

struct rzs_store;
struct rzs_worker;

struct rzs_config {
	uint64_t nr_pages;	/* size in pages, 1 .. RZS_MAX_PAGES */
	uint64_t limit_bytes;	/* bound on all memory held, 0: none */
	uint64_t reserve_bytes; /* kept ready ahead of demand, 0: by size and environment */
	const char *codec;	/* a name of rzs_codec_name(); NULL: "lzo" */
	int level;		/* on the codec's own scale; 0: its default */
	unsigned nr_workers;	/* calls that may run at once, 1 .. RZS_MAX_WORKERS */
	bool no_checksum;	/* do not compute or verify checksums */
	/*
	 * Overwrite pages in memory: the object of a page when the page is dropped or replaced, a
	 * worker's buffers at the end of each call, and everything when the store is destroyed.
	 */
	bool wipe;
	/*
	 * The caller keeps elsewhere the pages that the store does not have.  So a write of an
	 * incompressible page is refused (-E2BIG), and a page that is not stored does not read as
	 * zeros (-ENODATA).  Page 0 has no place elsewhere, since a swap header may be there: the
	 * store keeps it like any other store.
	 */
	bool backed;
};

#define RZS_MAX_WORKERS 256u

/*
 * The lowest limit_bytes for a store of this configuration: its tables, its workers and a few
 * blocks.  Pure.  -EINVAL as rzs_store_create(); *out_bytes is 0 then.
 */
int RZS_MUST_CHECK rzs_store_min_limit(const struct rzs_config *cfg, uint64_t *out_bytes);

/*
 * Create a store.  Sleeps, allocates.  *out is NULL on failure.
 * -EINVAL  nr_pages, nr_workers or level is out of range, or there is no such codec
 * -ENOSPC  limit_bytes is below rzs_store_min_limit()
 * -ENOMEM  the environment has no memory
 * and other errors of rzs_blocks_open() (port/CONTRACT)
 */
int RZS_MUST_CHECK rzs_store_create(const struct rzs_config *cfg, struct rzs_store **out);

/* What rzs_store_adopt() has found. */
struct rzs_adopted {
	const char *what;	  /* why the image is refused (a constant string); else NULL */
	uint64_t generation;	  /* how often the image was adopted, this time included */
	uint64_t pages;		  /* stored, as far as was checked */
	uint64_t pages_lost;	  /* -EIO until they are written or discarded */
	uint64_t pages_locked;	  /* being changed in place when the process ended */
	uint64_t blocks;	  /* with objects, recovered */
	uint64_t blocks_busy;	  /* of those found, with a thread at work in them */
	uint64_t blocks_dropped;  /* whose descriptor was damaged */
	uint64_t objects_dropped; /* that no page names, or that are damaged */
};

#if RZS_HAVE_ADOPT
/*
 * Go on with the image that another process has left in blocks, wherever it was killed: create a
 * store with the pages that are there.  A page is as its last write or discard has left it; one
 * that was being changed may be as before or after.  A page that cannot be proved right is lost: it
 * reads as -EIO until it is written or discarded.  cfg: as of the store that made the image; what
 * may differ is the limit, the reserve, the level, the workers, wipe.
 *
 * blocks: a source that was opened on the image, with nothing claimed.  It is the store's after
 * success, and still the caller's, who closes it, after an error.  check_data: prove checksums now
 * rather than when pages are read.  *found is set in any case.
 *
 * Sleeps, allocates.  No other call is running on the image.  *out is NULL on failure.
 * -EINVAL  as rzs_store_create(); or found->what: the image is not one for this configuration
 * -EIO     found->what: the image is damaged where nothing can be proved any more
 * -ENOSPC  the limit is below what the image has; -ENOMEM  no memory.  The image is there still.
 */
int RZS_MUST_CHECK rzs_store_adopt(const struct rzs_config *cfg, struct rzs_blocks *blocks,
				   bool check_data, struct rzs_adopted *found,
				   struct rzs_store **out);

/*
 * rzs_store_adopt() in two halves.  The first allocates all that is needed, and another process may
 * still be using the image.  It must not open recompression any more.  The second allocates
 * nothing, so it ends although the system has no memory to give; rzs_blocks_claim() and
 * rzs_blocks_settle() of the port decide about their own.
 *
 * Between the two nothing may be done with the store but rzs_store_adopt_end(), or
 * rzs_store_adopt_cancel(), which frees it; the blocks stay the caller's then (NULL is fine).
 * After an error of the second half the store is freed like that.  Errors as of rzs_store_adopt():
 * -EINVAL and -ENOMEM of the first, -EIO, -ENOSPC and -ENOMEM (the reserve is empty) of the second.
 */
int RZS_MUST_CHECK rzs_store_adopt_begin(const struct rzs_config *cfg, struct rzs_blocks *blocks,
					 struct rzs_adopted *found, struct rzs_store **out);
int RZS_MUST_CHECK rzs_store_adopt_end(struct rzs_store *store, bool check_data,
				       struct rzs_adopted *found);
void rzs_store_adopt_cancel(struct rzs_store *store);

/*
 * Whether rzs_store_adopt() would refuse the image for this configuration, by its header alone:
 * NULL, or why (a constant string).  Reads the image and changes nothing; another process may be
 * using it.
 */
const char *rzs_store_refuses(const struct rzs_config *cfg, struct rzs_blocks *blocks);
#endif

/* Free everything; NULL is fine.  The caller makes sure that no other call is running.  Sleeps. */
void rzs_store_destroy(struct rzs_store *store);

/*
 * Get worker number hint % nr_workers, or the next one that is free.  If all are in use, sleeps
 * until that number is free.  Threads with different hints do not share a worker, as long as there
 * is one for each.  Never fails.
 */
struct rzs_worker *rzs_worker_get(struct rzs_store *store, unsigned hint);

/*
 * Get worker number index % nr_workers and no other; sleeps while it is in use.  This is for
 * threads of low priority that share one worker, so that other threads never wait for them.  Never
 * fails.
 */
struct rzs_worker *rzs_worker_get_own(struct rzs_store *store, unsigned index);

/* Put a worker back.  Never sleeps or fails. */
void rzs_worker_put(struct rzs_store *store, struct rzs_worker *worker);

/* The size of the store in pages.  Never sleeps or fails. */
uint64_t rzs_store_pages(const struct rzs_store *store);

/*
 * Write or read one page.  page: RZS_PAGE_SIZE bytes, any alignment.  A write replaces the page
 * completely or changes nothing.  A read returns the last completed write; after a failed read the
 * contents of page are unspecified.
 */
int RZS_MUST_CHECK rzs_store_write(struct rzs_store *store, struct rzs_worker *worker,
				   rzs_slot_t slot, const void *page);
int RZS_MUST_CHECK rzs_store_read(struct rzs_store *store, struct rzs_worker *worker,
				  rzs_slot_t slot, void *page);

/* The most pages that a worker prepares at a time. */
#define RZS_PREPARE_MAX 16u

/*
 * Compress nr pages ahead of their writes, which takes less time than one by one.  Nothing of the
 * store changes.  The result stays with the worker, until it is put back or prepares others; it is
 * for as long as the bytes of the pages stay the same.  Returns how many pages, the first ones, are
 * prepared: 0 .. RZS_PREPARE_MAX; 0 if that would gain nothing.  Never sleeps.
 */
unsigned rzs_store_prepare(struct rzs_store *store, struct rzs_worker *worker,
			   const void *const *pages, unsigned nr);

/*
 * Write page number i of those that rzs_store_prepare() has prepared, like rzs_store_write().
 * -EINVAL as there; i is not checked.
 */
int RZS_MUST_CHECK rzs_store_write_prepared(struct rzs_store *store, struct rzs_worker *worker,
					    rzs_slot_t slot, unsigned i);

/*
 * Prefetch into the processor's cache what a read or discard of the page will need.  There are
 * three steps, since each needs what the one before has fetched:
 *   step 0  the slot's word
 *   step 1  the descriptor of the block that the word names
 *   step 2  the object's entry in that block's directory
 * So a caller that knows its next requests calls step 0 for the third next, step 1 for the second
 * next and step 2 for the next one.  A step that comes too early is useless, but harmless.  Any
 * slot, even beyond the store.  Never sleeps, never fails, changes nothing.
 */
void rzs_store_prefetch(struct rzs_store *store, rzs_slot_t slot, unsigned step);

/*
 * Drop nr pages: they read as zeros afterwards and cost nothing.  The time depends on the chunks of
 * the slot table that exist (4096 pages each) rather than on nr.  -EINVAL only.
 */
int RZS_MUST_CHECK rzs_store_discard(struct rzs_store *store, struct rzs_worker *worker,
				     rzs_slot_t slot, uint64_t nr);

/*
 * Discard one page in a context that must not sleep.  It gets a worker itself; hint is that of
 * rzs_worker_get().  It takes locks of the pool and waits for nothing else.
 * -EINVAL  there is no such page
 * -EAGAIN  all workers are in use, or another thread has locked the slot; nothing has changed
 */
int RZS_MUST_CHECK rzs_store_try_discard(struct rzs_store *store, unsigned hint, rzs_slot_t slot);

/*
 * Drop one page because the caller keeps it elsewhere from now on.  It is like rzs_store_discard(),
 * but is not counted as a discard.  -EINVAL only.
 */
int RZS_MUST_CHECK rzs_store_forget(struct rzs_store *store, struct rzs_worker *worker,
				    rzs_slot_t slot);

/*
 * Read or write len bytes at offset, both in bytes; len may be 0.  Part of a page is read, changed
 * and written under its slot's lock, so two writes to different bytes of one page both persist.  If
 * a page fails, the pages before it are done, and it and those after it are unchanged.  After a
 * failed rzs_store_pread() the contents of buf are unspecified.
 */
int RZS_MUST_CHECK rzs_store_pread(struct rzs_store *store, struct rzs_worker *worker, void *buf,
				   uint64_t len, uint64_t offset);
int RZS_MUST_CHECK rzs_store_pwrite(struct rzs_store *store, struct rzs_worker *worker,
				    const void *buf, uint64_t len, uint64_t offset);
/* Write zeros: whole pages are dropped, parts of pages are written.  Otherwise as above. */
int RZS_MUST_CHECK rzs_store_pzero(struct rzs_store *store, struct rzs_worker *worker, uint64_t len,
				   uint64_t offset);
/*
 * Discard: whole pages are dropped.  Parts of pages are left as they are, since a discard is there
 * to save memory.  -EINVAL only.
 */
int RZS_MUST_CHECK rzs_store_ptrim(struct rzs_store *store, struct rzs_worker *worker, uint64_t len,
				   uint64_t offset);

/* What the pages of a run are. */
enum rzs_map_kind {
	RZS_MAP_HOLE, /* not stored; reads as zeros */
	RZS_MAP_ZERO, /* stored, all zeros */
	RZS_MAP_DATA, /* stored, anything else */
};

/*
 * Find the run of pages of one kind that begins with page slot: *out_kind, and *out_run pages, 1 ..
 * nr.  A run may end early: the next one has the same kind then.  Concurrent writes may make the
 * result out of date at once.  -EINVAL: nr is 0 or too large; *out_run is 0 then.
 */
int RZS_MUST_CHECK rzs_store_map(struct rzs_store *store, rzs_slot_t slot, uint64_t nr,
				 enum rzs_map_kind *out_kind, uint64_t *out_run);

/*
 * Move objects out of the emptiest blocks and return these blocks to the environment, until nothing
 * more can be gained or max_objects objects were looked at.  *out_blocks: blocks returned.
 * *out_more: whether another call would return more.  Runs concurrently with reads and writes: it
 * holds no lock for longer than one copy or defragmentation of a block.  -EINVAL: the worker is
 * another store's.
 */
int RZS_MUST_CHECK rzs_store_compact(struct rzs_store *store, struct rzs_worker *worker,
				     uint64_t max_objects, uint64_t *out_blocks, bool *out_more);

/*
 * Merging: pages whose compressed bytes are equal are stored once.  A scan looks at pages one after
 * the other, in the background, and proposes by an index of bounded size which two might be equal;
 * they are compared byte by byte.  A codec that compresses several pages at a time may make other
 * bytes of a page than one by one, so a page may be stored twice: once for each.
 * Names and meanings of the statistics are those of KSM:
 *   pages_shared + pages_sharing + pages_unshared + pages_volatile = candidates
 * All pages with an object, but for those in units, are candidates (pages_compressed + pages_raw -
 * unit_pages) from the time that merging is opened.  There are none before that, and after
 * rzs_store_unmerge() is done while it is closed.
 *
 * One thread at a time makes these calls for a store.  They run concurrently with all others, and
 * hold no lock for longer than a comparison; but while merging is opened or closed, nobody sets the
 * store's limit.
 */

/* The fewest and the most pages that may share an object, and KSM's default. */
#define RZS_MERGE_SHARING_MIN	  2u
#define RZS_MERGE_SHARING_MAX	  0x7fffffffu
#define RZS_MERGE_SHARING_DEFAULT 256u

#define RZS_MERGE_INDEX_MIN 64u /* bytes */

struct rzs_stats;

/*
 * The size of an index for a store with these statistics, in bytes: an entry for each page, but no
 * more than a hundredth of the limit and of ram_bytes, the machine's memory (0: not known), and no
 * less than is worth having.  Pure.
 */
uint64_t rzs_merge_index_bytes(const struct rzs_stats *stats, uint64_t ram_bytes);

/*
 * Make the index, of index_bytes or a little less.  Sleeps, allocates.
 * -EINVAL  index_bytes is less than RZS_MERGE_INDEX_MIN, or the index is there already
 * -ENOSPC  the limit does not allow it
 * -ENOMEM  the environment has no memory
 */
int RZS_MUST_CHECK rzs_store_merge_open(struct rzs_store *store, uint64_t index_bytes);
/*
 * Drop the index, and let writes merge no longer.  What is merged stays merged.  Sleeps: if writes
 * have merged, it waits for each worker to be put back once.  mine: one that the caller has, or
 * NULL.
 */
void rzs_store_merge_close(struct rzs_store *store, const struct rzs_worker *mine);

/*
 * Let writes merge as well: they look an equal object up before they store one.  So nothing is
 * stored twice for a while, and each write costs a little more.  max_sharing as in struct
 * rzs_merge_params; 0: no longer, as at first.
 * -EINVAL: merging is not open, or max_sharing is out of range
 */
int RZS_MUST_CHECK rzs_store_merge_writes(struct rzs_store *store, uint32_t max_sharing);

struct rzs_merge_params {
	uint32_t max_sharing; /* RZS_MERGE_SHARING_MIN .. RZS_MERGE_SHARING_MAX */
	bool smart;	      /* pages that were unique before are looked at each eighth time */
};

/*
 * Scan nr pages, from where the last call has ended; after the last page comes the first one.
 * *out_merged: pages that share an object since.  *out_passes: how many scans of all pages this has
 * ended.  -EINVAL: the worker is another store's, merging is not open, or max_sharing is out of
 * range.
 */
int RZS_MUST_CHECK rzs_store_merge(struct rzs_store *store, struct rzs_worker *worker,
				   const struct rzs_merge_params *params, uint64_t nr,
				   uint64_t *out_merged, uint64_t *out_passes);

/*
 * Give pages that share an object one of their own each, for nr pages from where the last call has
 * ended.  *out_done: nothing is shared any more, and no page counts as scanned.  All of it takes
 * rzs_store_unmerge_bytes(), or a little more.
 * -EINVAL          the worker is another store's
 * -ENOSPC, -ENOMEM as the data calls; what is merged still stays merged, and another call goes on
 * -EIO             damaged objects were passed over in this round; they stay shared
 */
int RZS_MUST_CHECK rzs_store_unmerge(struct rzs_store *store, struct rzs_worker *worker,
				     uint64_t nr, bool *out_done);

/*
 * Idle pages: which were neither read nor written for how long.  A pass over all pages is a step of
 * time; the caller makes one as often as it wants a step to be.  A page's age is the number of
 * steps for which it has been idle, and pages that take no memory have none.  Ages take a byte a
 * page, in chunks of 32 KiB that are made for the parts of the device that are in use, and stay.
 *
 * One thread at a time makes these calls for a store.  They run concurrently with all others, hold
 * no lock, and never wait.
 */

/* Ages in the statistics: 0, 1, 2-3, 4-7, and so on; and the oldest that there is. */
#define RZS_AGE_CLASSES 8u
#define RZS_AGE_MAX	127u

/*
 * Let pages have ages.  A second call does nothing.  Sleeps, allocates; nobody sets the store's
 * limit meanwhile.  -ENOSPC: the limit does not allow the table; -ENOMEM: no memory for it.
 */
int RZS_MUST_CHECK rzs_store_idle_open(struct rzs_store *store);
/*
 * Go on with a pass, over nr pages.  *out_done: it has ended, and the next call begins another.
 * Where the reserve has no block for the ages of pages, these stay at 0.  -EINVAL: not open.
 */
int RZS_MUST_CHECK rzs_store_idle_pass(struct rzs_store *store, uint64_t nr, bool *out_done);
/* Give nr pages the age RZS_AGE_MAX, from where the last call has ended; else as a pass. */
int RZS_MUST_CHECK rzs_store_idle_mark(struct rzs_store *store, uint64_t nr, bool *out_done);
/* The same for those pages only whose age is min_age or more; 0: all.  Both share the place. */
int RZS_MUST_CHECK rzs_store_idle_mark_old(struct rzs_store *store, unsigned min_age, uint64_t nr,
					   bool *out_done);
/* The age of a page.  -EINVAL: not open, or no such page; *out_steps is 0 then. */
int RZS_MUST_CHECK rzs_store_idle_age(struct rzs_store *store, rzs_slot_t slot,
				      unsigned *out_steps);

/*
 * Recompression: pages that were idle for long are compressed again with a second codec, which
 * takes more time and makes less of them.  A page that is read stays as it is, and one that is
 * written is compressed with the first codec, as ever.  Pages that share an object are left alone.
 *
 * Neighbouring slots often have neighbouring pages of a program, which are alike.  So several of
 * them may get one object together, a unit, if that saves a sixteenth against the second codec
 * alone.  A read of such a page decompresses the whole unit, which stays with the worker for a read
 * of the next one.  A unit of which half the pages were overwritten or dropped is taken apart, or
 * made anew with others, when the rest is idle.
 *
 * The same thread makes these calls as those of idle pages; contract as there, but that a page is
 * copied under its block's lock.
 */
#define RZS_UNIT_MAX 8u /* the most pages in a unit */

struct rzs_recompress_params {
	unsigned min_age; /* of a page, in steps */
	/*
	 * A new block is taken only if so many bytes stay in the reserve and below the limit.
	 * Otherwise a page needs space in a block that there is, as it has when others have shrunk.
	 */
	uint64_t spare_bytes;
	/*
	 * Of a page's object: smaller ones are left alone.  RZS_PAGE_SIZE: raw pages only.  Unless
	 * it is 0, what is left of a unit is left alone, too.
	 */
	unsigned min_size;
	/*
	 * Pages in a unit, at most; RZS_UNIT_MAX and more is the same.  0, 1: none are made, nor
	 * by a codec that takes single pages only.
	 */
	unsigned unit;
};

/*
 * Make the contexts of the second codec: one to compress, and one for each worker to decompress.
 * They stay until the store is destroyed.  A second call may change the level.  Sleeps, allocates;
 * the caller has no worker; nobody sets the store's limit meanwhile.
 * -EINVAL  no such codec or level (0: the default), the second codec was another one before, or
 *          idle pages are not open
 * -ENOSPC  the limit does not allow it
 * -ENOMEM  the environment has no memory
 */
int RZS_MUST_CHECK rzs_store_recompress_open(struct rzs_store *store, const char *codec, int level);
/*
 * Look at nr pages, from where the last call has ended, and try the second codec on `tries` pages
 * or units at most.  What saves less than a sixteenth of the object is not kept, and the page is
 * not tried again before it was used; a page for whose smaller object there is no space now is.
 * *out_done: all pages were looked at, and the next call begins with the first one.  -EINVAL: the
 * worker is another store's, or recompression is not open.
 */
int RZS_MUST_CHECK rzs_store_recompress(struct rzs_store *store, struct rzs_worker *worker,
					const struct rzs_recompress_params *params, uint64_t nr,
					unsigned tries, bool *out_done);
/* Add to the statistic recompress_ns.  Whoever has the worker. */
void rzs_store_recompress_spent(struct rzs_worker *worker, uint64_t ns);

/*
 * When idle pages are due, as all who drive a store decide it.  Pure.
 *
 * recompressing: pages are recompressed once they have been idle for `after` seconds.  idle_step:
 * the seconds between passes that are asked for, 0: as recompression needs them.
 */

/* Seconds between passes, so many that ages reach `after`; 0: none are needed. */
unsigned rzs_idle_step_seconds(bool recompressing, unsigned after, unsigned idle_step);
/* The age of pages that are due, with passes so many seconds apart, which is not 0. */
unsigned rzs_recompress_min_age(unsigned after, unsigned step_seconds);
/* Whether the limit is near: whatever a pass has found idle is due then. */
bool rzs_recompress_is_urgent(const struct rzs_stats *stats);

/*
 * Change the limit (0: none), and the reserve to what a store created with this limit would have.
 * Sleeps.  One call at a time.
 * -ENOSPC  more memory is held now, or it is below rzs_store_min_limit(); nothing has changed
 */
int RZS_MUST_CHECK rzs_store_set_limit(struct rzs_store *store, uint64_t limit_bytes);

#define RZS_STATS_VERSION 1u

/*
 * A snapshot of the statistics, the same for a process and for the kernel module.  rzs_stats.def
 * lists them and says what they mean.  A name that ends in _bytes is in bytes; all others are
 * counts.  In each snapshot (tests check this):
 *   pages_stored = pages_same + pages_compressed + pages_raw
 *   pages_shared + pages_sharing + pages_unshared + pages_volatile = pages_compressed + pages_raw -
 *     unit_pages, or 0 as above
 *   units <= unit_pages;  unit_pages + pages_recompressed <= pages_compressed
 *   orig_bytes   = pages_stored * RZS_PAGE_SIZE
 *   mem_bytes    = block_bytes + table_bytes + fixed_bytes + reserve_bytes
 *   block_bytes  = object_bytes + object_meta_bytes + slack_bytes
 *   mem_bytes <= mem_peak_bytes, and <= limit_bytes if there is one
 *   pages_stored <= nr_pages;  pages_zero <= pages_same;  pages_good <= pages_compressed
 *   failed_reads <= reads;  refused_limit + refused_reserve <= failed_writes <= writes
 * While no call is running, all numbers are exact.
 */
struct rzs_stats {
	uint32_t version; /* RZS_STATS_VERSION */
	uint32_t size;	  /* sizeof(struct rzs_stats) */
#define RZS_STAT(name, kind, source, depends, help) uint64_t name;
#include "rzs_stats.def"
};

/*
 * Take a snapshot.  While other calls are running it may be some calls out of date, and may or may
 * not include what they have done so far.  It reads every counter of every worker, up to 8 times
 * while other calls are running.  Never fails.
 */
void rzs_store_stats(struct rzs_store *store, struct rzs_stats *out);

/* The bytes that objects take, with their entries, which rzs_store_unmerge() would make.  Pure. */
uint64_t rzs_store_unmerge_bytes(const struct rzs_stats *stats);

/* What is known before rzs_store_unmerge() begins, in bytes. */
struct rzs_unmerge_room {
	uint64_t needed;    /* rzs_store_unmerge_bytes(), and what lies idle between objects */
	uint64_t available; /* of the limit or of the machine, whichever forbids it; else of both */
	bool limited;	    /* the limit is what forbids it */
};

/*
 * Whether all of rzs_store_unmerge() has room: within the limit, and within ram_available bytes of
 * the machine (UINT64_MAX: not known).  The reserve does not count as room, since writes need it.
 * Pure.
 */
bool rzs_store_unmerge_fits(const struct rzs_stats *stats, uint64_t ram_available,
			    struct rzs_unmerge_room *out);

/*
 * Two numbers for a caller that asks often, such as a kernel's shrinker at each reclaim: the unused
 * bytes of blocks, which rzs_store_compact() could make use of, and the bytes of all blocks of
 * objects.  It reads two words for each 64 MiB of the store, 17 at most, and takes no lock.
 * *out_idle_bytes <= *out_block_bytes.  A block that another thread works on does not count in the
 * former.  Never sleeps or fails.
 */
void rzs_store_idle(struct rzs_store *store, uint64_t *out_idle_bytes, uint64_t *out_block_bytes);

/*
 * Check every invariant of the store, by a walk over slots, blocks and objects; with check_data
 * also every checksum.  The caller makes sure that no other call is running.
 * -EINVAL  the worker is another store's
 * -EIO     an invariant is broken: *out_what says which one (a constant string, else NULL)
 */
int RZS_MUST_CHECK rzs_store_verify(struct rzs_store *store, struct rzs_worker *worker,
				    bool check_data, const char **out_what);

/* The name of codec number i, NULL past the last.  Number 0 is the default.  Never sleeps. */
const char *rzs_codec_name(unsigned i);

/* Sizes in a swap header, in bytes unless the name says pages. */
#define RZS_SWAP_LABEL_MAX 16u
#define RZS_SWAP_UUID_SIZE 16u
#define RZS_SWAP_MIN_PAGES 10u /* mkswap requires them */

/*
 * Fill page (RZS_PAGE_SIZE bytes) with a Linux swap header (version 1, "SWAPSPACE2") for nr_pages
 * pages, as mkswap(8) writes it on a machine with 4 KiB pages and this byte order.  label: a string
 * of at most RZS_SWAP_LABEL_MAX bytes, or NULL.  uuid: RZS_SWAP_UUID_SIZE bytes; NULL: all zeros.
 * Pure.  -EINVAL: nr_pages is below RZS_SWAP_MIN_PAGES or above 2^32 - 1, or label is too long;
 * page is all zeros then.
 */
int RZS_MUST_CHECK rzs_swap_header(void *page, uint64_t nr_pages, const char *label,
				   const uint8_t *uuid);

/* Whether page has the magic of a swap header, and its UUID; all zeros if it has none.  Pure. */
bool rzs_swap_header_uuid(const void *page, uint8_t uuid[RZS_SWAP_UUID_SIZE]);

#include "spill.h"

#endif
