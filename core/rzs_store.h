/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The compressed RAM store: the only header that glue code (nbdkit plugin, server, kernel module,
 * benchmarks) includes.
 *
 * A store is an array of pages of RZS_PAGE_SIZE bytes.  Pages never written read as zeros and cost
 * nothing.  Every call takes a worker: the codec contexts and scratch memory for one call at a
 * time. A thread gets one with rzs_worker_get() and puts it back, or keeps one for its life.
 *
 * Contract, for every function unless it says otherwise:
 *   Context:     any thread; not from an interrupt.
 *   Concurrency: any number of threads at once, on the same or on different pages.
 *   Sleeps:      no, but for short waits on another thread's copy of at most one block.
 *   Allocates:   never asks the system for memory; blocks come from the world's reserve.
 *   Returns:     0 or a negative errno; out-parameters are set on every path.
 *
 * Errors that any data call may give:
 *   -EINVAL  range beyond the store, or a worker of another store
 *   -ENOSPC  the limit is reached (what was stored before is still there, unchanged)
 *   -ENOMEM  the reserve is momentarily empty (the same holds)
 *   -EIO     stored bytes fail their checksum or cannot be decoded: never wrong data
 * and those of a backed store (rzs_config.backed):
 *   -E2BIG   a write: the page is incompressible; what was stored before is still there
 *   -ENODATA a read, or a write to part of a page: the page is not here
 */
#ifndef RZS_STORE_H
#define RZS_STORE_H

#include "rzs_port.h"

#define RZS_PAGE_SHIFT 12
#define RZS_PAGE_SIZE  4096u
#define RZS_MAX_PAGES  0xffffff00ull /* slot numbers fit in 32 bits: just under 16 TiB */

#if defined(__GNUC__)
#define RZS_MUST_CHECK __attribute__((warn_unused_result))
#else
#define RZS_MUST_CHECK
#endif

typedef uint64_t rzs_slot_t; /* page index, 0 .. nr_pages - 1 */

struct rzs_store;
struct rzs_worker;

struct rzs_config {
	uint64_t nr_pages;    /* size in pages, 1 .. RZS_MAX_PAGES */
	uint64_t limit_bytes; /* bound on all memory held, 0 = none */
	uint64_t reserve_bytes; /* kept ready ahead of demand, 0 = by size and world */
	const char *codec;   /* name as in rzs_codec_name(); NULL = "lzo" */
	int level;	     /* codec's own scale; 0 = its default */
	unsigned nr_workers; /* calls that may run at once, 1 .. RZS_MAX_WORKERS */
	bool no_checksum;    /* do not compute or verify checksums */
	/*
	 * Overwrite what a page leaves in memory: when it is dropped or replaced, what went through
	 * a worker at the end of the call, and all that is left when the store is destroyed.
	 */
	bool wipe;
	/*
	 * The caller has a place of its own for what is not here: incompressible pages are refused
	 * (-E2BIG) and empty ones told apart from zeros (-ENODATA).  Page 0, where a swap header
	 * is, has no such place: it is kept here as in any store.
	 */
	bool backed;
};

#define RZS_MAX_WORKERS 256u

/*
 * Least limit_bytes for a store of cfg's shape: its tables, workers and a few blocks.
 * -EINVAL as rzs_store_create() would.
 */
int RZS_MUST_CHECK rzs_store_min_limit(const struct rzs_config *cfg, uint64_t *out_bytes);

/*
 * Create a store.  Sleeps, allocates.  *out is NULL on failure.
 * -EINVAL  nr_pages, nr_workers or level out of range, or unknown codec
 * -ENOSPC  limit_bytes below rzs_store_min_limit()
 * -ENOMEM  the world has no memory
 */
int RZS_MUST_CHECK rzs_store_create(const struct rzs_config *cfg, struct rzs_store **out);

/* Free everything.  NULL is fine.  The caller sees to it that no other call is running.  Sleeps. */
void rzs_store_destroy(struct rzs_store *store);

/*
 * The worker numbered hint % nr_workers, or the next free one; waits for the former only when all
 * are in use.  Threads that pass different hints do not meet as long as there is a worker for each.
 * Never fails.
 */
struct rzs_worker *rzs_worker_get(struct rzs_store *store, unsigned hint);

/*
 * The worker numbered index % nr_workers and no other, waited for while it is in use: for threads
 * that share one and that no other may ever wait for.  Never fails.
 */
struct rzs_worker *rzs_worker_get_own(struct rzs_store *store, unsigned index);
void rzs_worker_put(struct rzs_store *store, struct rzs_worker *worker);

uint64_t rzs_store_pages(const struct rzs_store *store);

/*
 * Whole pages.  A write replaces the page completely or changes nothing; a read gives the last
 * completed write.  page: RZS_PAGE_SIZE bytes, any alignment.  After a failed read the contents of
 * page are unspecified.
 */
int RZS_MUST_CHECK rzs_store_write(struct rzs_store *store, struct rzs_worker *worker,
				   rzs_slot_t slot, const void *page);
int RZS_MUST_CHECK rzs_store_read(struct rzs_store *store, struct rzs_worker *worker,
				  rzs_slot_t slot, void *page);

/*
 * A page will be read or dropped soon: have the processor fetch what that takes.  step 0 is for the
 * slot's word; 1 and 2 for what each before has found, and do no good before that has come.
 * Any slot, also one that is not there; any thread; never waits, fails or changes anything.
 */
void rzs_store_prefetch(struct rzs_store *store, rzs_slot_t slot, unsigned step);

/* Drop nr pages: they read as zeros and cost nothing.  Time goes by what is stored, not by nr. */
int RZS_MUST_CHECK rzs_store_discard(struct rzs_store *store, struct rzs_worker *worker,
				     rzs_slot_t slot, uint64_t nr);

/*
 * Discard one page in a context that may not sleep, and with a worker of its own choice: hint is as
 * that of rzs_worker_get().  Takes spinlocks, waits for nothing else.
 * -EAGAIN  all workers are in use, or somebody works on the page; nothing is changed
 */
int RZS_MUST_CHECK rzs_store_try_discard(struct rzs_store *store, unsigned hint, rzs_slot_t slot);

/*
 * Drop one page that is kept elsewhere from now on: as a discard of it, but not counted as one.
 */
int RZS_MUST_CHECK rzs_store_forget(struct rzs_store *store, struct rzs_worker *worker,
				    rzs_slot_t slot);

/*
 * Byte ranges of any offset and length, len may be 0.  A partial page is read, changed and written
 * under its slot's lock, so that two writes to different bytes of one page both last.  On failure
 * the pages before the failing one are done, the failing one and those after it are unchanged
 * (rzs_store_pread: buf is unspecified).
 */
int RZS_MUST_CHECK rzs_store_pread(struct rzs_store *store, struct rzs_worker *worker, void *buf,
				   uint64_t len, uint64_t offset);
int RZS_MUST_CHECK rzs_store_pwrite(struct rzs_store *store, struct rzs_worker *worker,
				    const void *buf, uint64_t len, uint64_t offset);
/* Write zeros: whole pages are dropped, partial ones rewritten. */
int RZS_MUST_CHECK rzs_store_pzero(struct rzs_store *store, struct rzs_worker *worker, uint64_t len,
				   uint64_t offset);
/*
 * A discard: whole pages are dropped, partial ones left as they are (a discard exists to save
 * memory).
 */
int RZS_MUST_CHECK rzs_store_ptrim(struct rzs_store *store, struct rzs_worker *worker, uint64_t len,
				   uint64_t offset);

/* What a run of pages is made of. */
enum rzs_map_kind {
	RZS_MAP_HOLE, /* nothing stored, reads as zeros */
	RZS_MAP_ZERO, /* stored as a page of zeros */
	RZS_MAP_DATA,
};

/*
 * The kind of page slot, and in *out_run for how many pages it goes on: 1 .. nr.  A run may end
 * early (the next call goes on with the same kind).  Concurrent writes may change it at once.
 */
int RZS_MUST_CHECK rzs_store_map(struct rzs_store *store, rzs_slot_t slot, uint64_t nr,
				 enum rzs_map_kind *out_kind, uint64_t *out_run);

/*
 * Move objects out of the emptiest blocks and give these back to the world, until no gain is in
 * sight or max_objects were looked at.  *out_blocks: blocks given back; *out_more: whether another
 * call would gain. Runs beside reads and writes: it holds no lock for longer than one object's
 * copy.
 */
int RZS_MUST_CHECK rzs_store_compact(struct rzs_store *store, struct rzs_worker *worker,
				     uint64_t max_objects, uint64_t *out_blocks, bool *out_more);

/*
 * Change the limit (0 = none), and with it the reserve, as if the store had been made so.  -ENOSPC:
 * below what is held now, nothing is changed.
 */
int RZS_MUST_CHECK rzs_store_set_limit(struct rzs_store *store, uint64_t limit_bytes);

#define RZS_STATS_VERSION 1u

/*
 * One snapshot, the same numbers in every form.  rzs_stats.def lists them, each a uint64_t, with
 * what it means.  Bytes end in _bytes, everything else counts.
 * These hold in each (tests check them):
 *   pages_stored = pages_same + pages_compressed + pages_raw
 *   orig_bytes   = pages_stored * RZS_PAGE_SIZE
 *   mem_bytes    = block_bytes + table_bytes + fixed_bytes + reserve_bytes
 *   block_bytes  = object_bytes + object_meta_bytes + slack_bytes
 *   mem_bytes <= mem_peak_bytes, and <= limit_bytes if there is one
 *   pages_stored <= nr_pages;  pages_zero <= pages_same;  pages_good <= pages_compressed
 *   failed_reads <= reads;  refused_limit + refused_reserve <= failed_writes <= writes
 * While no call is running all numbers are exact as well.
 */
struct rzs_stats {
	uint32_t version; /* RZS_STATS_VERSION */
	uint32_t size;	  /* sizeof(struct rzs_stats) */
#define RZS_STAT(name, kind, source, depends, help) uint64_t name;
#include "rzs_stats.def"
};

/*
 * Take a snapshot.  May be called at any time: while others are at work it may be some calls out of
 * date, and what calls under way have done halfway may be in it or not.  Costs a look at each
 * counter of each worker, a few times over when others are at work.
 */
void rzs_store_stats(struct rzs_store *store, struct rzs_stats *out);

/*
 * Two numbers that cost next to nothing, for who asks often (a kernel's shrinker, at each reclaim):
 * bytes of blocks that lie idle and that rzs_store_compact() could put to use, and the bytes of all
 * blocks of objects.  Two words are read for each 64 MiB of the store, at most 17, and no lock is
 * taken.  *out_idle_bytes <= *out_block_bytes.  What somebody works on at the moment is not in the
 * first.
 */
void rzs_store_idle(struct rzs_store *store, uint64_t *out_idle_bytes, uint64_t *out_block_bytes);

/*
 * Walk slots, blocks and objects and check every invariant of the store, and every checksum when
 * check_data.  The caller sees to it that no other call is running.  -EIO: broken, *out_what says
 * what (a constant string, NULL when all is well).
 */
int RZS_MUST_CHECK rzs_store_verify(struct rzs_store *store, struct rzs_worker *worker,
				    bool check_data, const char **out_what);

/* Codecs compiled in: name of the i-th, NULL past the last.  The first is the default. */
const char *rzs_codec_name(unsigned i);

/* Bytes of a swap header's page. */
#define RZS_SWAP_LABEL_MAX 16u
#define RZS_SWAP_UUID_SIZE 16u
#define RZS_SWAP_MIN_PAGES 10u /* what mkswap asks for */

/*
 * Fill page (RZS_PAGE_SIZE bytes) with a Linux swap header (version 1, "SWAPSPACE2") for nr_pages
 * pages, as mkswap(8) writes it on a machine with 4 KiB pages and this byte order.  label: at most
 * RZS_SWAP_LABEL_MAX bytes, may be NULL; uuid: 16 bytes, may be NULL (all zero).
 * -EINVAL: nr_pages < RZS_SWAP_MIN_PAGES or over 2^32 - 1, or label too long; page is then all
 * zeros.
 */
int RZS_MUST_CHECK rzs_swap_header(void *page, uint64_t nr_pages, const char *label,
				   const uint8_t *uuid);

/* Whether page is a swap header, whoever wrote it; and its UUID, all zero when it is none. */
bool rzs_swap_header_uuid(const void *page, uint8_t uuid[RZS_SWAP_UUID_SIZE]);

#endif
