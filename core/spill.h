/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pages that are elsewhere, on disk as a rule.  Callers include rzs_store.h, which includes this.
 *
 * Idle or incompressible objects are gathered in blocks of their own, and such a block is written
 * as it is to one of nr_places places of RZS_BLOCK_SIZE.  docs/SPILL says why.  The store does no
 * I/O.  It hands out tickets, and the caller says how each has ended, in any order and from any
 * thread.  Overwriting or discarding a page that is elsewhere takes no I/O.
 *
 * The life of a ticket out:
 *
 *     rzs_spill_gather(store, w, &policy, nr, &done);     fills blocks, from time to time
 *     while (!rzs_spill_next(store, w, &t))
 *             write the RZS_BLOCK_SIZE bytes at t.bytes to place t.place;
 *     rzs_spill_done(store, w, t.number, result);         when a write has ended
 *
 * Until then all its pages are read from memory.  After a failure they stay there.
 *
 * The life of a ticket in, of a reader:
 *
 *     rzs_store_read(store, w, slot, page)                -EINPROGRESS: the page is elsewhere
 *     rzs_spill_want(store, w, slot, &t);                 0: the caller holds the ticket
 *     if (t.start)                                        else another caller reads it already
 *             read the RZS_BLOCK_SIZE bytes of place t.place to t.bytes;
 *     rzs_spill_loaded(store, w, t.number, result);       by the one that had t.start
 *     rzs_store_read(store, w, slot, page)                0, or -EIO for this page
 *     rzs_spill_put(store, w, t.number);                  by each holder, after its read
 *
 * The bytes that came serve all pages of the block, and stay until the buffer is needed for another
 * block.  The page stays elsewhere.  A partial write is as a read: -EINPROGRESS, and then again.
 *
 * The life of a ticket in, to make places free: rzs_spill_collect() in place of rzs_spill_want();
 * after rzs_spill_loaded() rzs_spill_rewrite() or rzs_spill_restore(), then rzs_spill_put().
 *
 * Contract as in rzs_store.h; also: rzs_spill_gather(), rzs_spill_collect(), rzs_spill_rewrite()
 * and rzs_spill_restore() are called by one thread at a time, the one that makes the calls of idle
 * pages, which holds its tickets in until they have been rewritten or restored.  Nothing on disk
 * is needed or trusted by another process: after an adoption pages that were elsewhere are lost.
 */
#ifndef RZS_SPILL_H
#define RZS_SPILL_H

struct rzs_spill_params {
	uint32_t nr_places;  /* of RZS_BLOCK_SIZE bytes, 1 .. RZS_SPILL_MAX_PLACES */
	unsigned nr_writes;  /* blocks on their way out, the two being filled included; 3 or more */
	unsigned nr_buffers; /* for blocks that are read; 1 or more */
	/*
	 * Writes that fail with -ENOSPC wait for memory: they are not counted until the caller
	 * gives one up, and calls rzs_spill_count_refused().
	 */
	bool waits;
};

#define RZS_SPILL_MAX_PLACES	0xffffff00u
#define RZS_SPILL_MAX_TRANSFERS 4096u /* writes and buffers */

/*
 * Let pages be elsewhere.  Sleeps, allocates: a bit for each place, and RZS_BLOCK_SIZE for each
 * write and buffer.  Nobody sets the store's limit meanwhile.
 * -EINVAL  a number is out of range, or it is open already
 * -ENOSPC  the limit does not allow it
 * -ENOMEM  the environment has no memory; or the reserve has too few blocks, and is refilled to
 *          have them: the same call succeeds then, after which the reserve is as it was
 */
int RZS_MUST_CHECK rzs_spill_open(struct rzs_store *store, const struct rzs_spill_params *params);

/* A write of one page is refused, which the store has answered with -ENOSPC. */
void rzs_spill_count_refused(struct rzs_worker *w);

/* What is to go. */
struct rzs_spill_policy {
	unsigned min_age; /* pages that have been idle for so many steps */
	bool raw;	  /* and incompressible ones of any age */
	bool flush;	  /* write blocks that are not full as well */
};

/*
 * Move the objects of nr pages, from where the last call has ended, to blocks that are to be
 * written.  Pages that share an object are left alone.  *out_done: all pages were looked at, and
 * the next call begins with the first one.
 * -EINVAL          it or idle pages are not open, or the worker is another store's
 * -EAGAIN          all nr_writes blocks are on their way: call it again when one is done
 * -ENOSPC          there are no places
 * -ENOSPC, -ENOMEM as the data calls: no memory for a block's descriptor, or in place of a block
 *                  whose write has failed
 */
int RZS_MUST_CHECK rzs_spill_gather(struct rzs_store *store, struct rzs_worker *w,
				    const struct rzs_spill_policy *policy, uint64_t nr,
				    bool *out_done);

struct rzs_spill_ticket {
	unsigned number;
	bool start; /* the caller has to do the I/O */
	uint32_t place;
	void *bytes; /* RZS_BLOCK_SIZE; for as long as the ticket lives */
};

/* The next block to write.  -ENOENT: there is none now; -EINVAL as above. */
int RZS_MUST_CHECK rzs_spill_next(struct rzs_store *store, struct rzs_worker *w,
				  struct rzs_spill_ticket *out);
/* The write has ended: 0, or any error.  Then the pages stay in memory, and the place is free. */
void rzs_spill_done(struct rzs_store *store, struct rzs_worker *w, unsigned number, int result);

/*
 * Ask for the block of a page that could not be read (-EINPROGRESS).
 * -ENOENT  it can be read, or written, at once
 * -EAGAIN  all buffers are held: ask again when one was put
 * -EINVAL  there is no such page, it is not open, or the worker is another store's
 */
int RZS_MUST_CHECK rzs_spill_want(struct rzs_store *store, struct rzs_worker *w, rzs_slot_t slot,
				  struct rzs_spill_ticket *out);
/*
 * The read has ended: 0, or any error.  Bytes that are not those that were written make reads fail
 * with -EIO: of the pages whose bytes are wrong, or of all pages of the block if its directory is.
 */
void rzs_spill_loaded(struct rzs_store *store, struct rzs_worker *w, unsigned number, int result);
/* The caller does not need the ticket any more. */
void rzs_spill_put(struct rzs_store *store, struct rzs_worker *w, unsigned number);

/*
 * Find a block elsewhere of whose objects at most `percent` of a hundred are left (100: any), among
 * nr blocks from where the last call has ended.  *out as of rzs_spill_want().
 * -ENOENT  none of these; *out_done: all blocks were looked at
 * -EAGAIN  all buffers are held
 * -EINVAL  as above
 */
int RZS_MUST_CHECK rzs_spill_collect(struct rzs_store *store, struct rzs_worker *w,
				     unsigned percent, uint64_t nr, struct rzs_spill_ticket *out,
				     bool *out_done);
/*
 * Move what is left in the block to others that are to be written.  Errors of rzs_spill_gather();
 * -EIO: the bytes did not come.  What could not be moved stays where it is.
 */
int RZS_MUST_CHECK rzs_spill_rewrite(struct rzs_store *store, struct rzs_worker *w,
				     unsigned number);
/* Take the block back to memory.  -ENOSPC, -ENOMEM as the data calls; -EIO: as above. */
int RZS_MUST_CHECK rzs_spill_restore(struct rzs_store *store, struct rzs_worker *w,
				     unsigned number);

#endif
