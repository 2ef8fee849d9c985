/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads and writes of a spill target, in units of 32 KiB, which nobody has to wait for.
 *
 * A request is taken with rzs_spill_io_get() and has a buffer.  The caller fills in place, ticket
 * and, for a write, the data, and submits it.  A thread of the engine does the I/O and calls
 * done().  Then the request, and what was read, are the caller's until rzs_spill_io_put().
 *
 *	free -> get -> held -> submit -> queued -> active -> done() -> held -> put -> free
 *	                 '------------------------ put --------------------------------^
 *
 * Order.  Reads go before writes, and at least half of the threads take no writes, so a read does
 * not wait for a disk that is slow to write.  Writes of neighbouring places that are queued go to
 * the disk in one call.  Two requests for one place are not outstanding at the same time, unless
 * both read: the second one is refused.
 *
 * Errors.  A read that fails is that request's error, and nothing else happens.  A write that fails
 * is tried again, alone; after RZS_SPILL_TRIES it makes the target bad.  A bad target takes no more
 * writes, and those in the queue fail.  It stays so: whoever wants to go on opens the target anew.
 *
 * Memory.  Everything is allocated, populated and locked in rzs_spill_io_start().  It is left out
 * of core files and is not there after a fork.
 *
 * Threading: get, submit, put and the numbers: any thread.  They hold a lock for a few list
 * operations, never wait for a disk, and allocate nothing.  A helper thread raises itself
 * (rzs_threads_raise()) before it calls them, as the engine's threads have the priority of I/O
 * threads.  start and stop sleep; one thread, which is not one of the engine's.
 */
#ifndef RZS_SPILL_IO_H
#define RZS_SPILL_IO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "value.h"

struct rzs_spill_io;
struct rzs_thread;

#define RZS_SPILL_UNIT	      32768u /* bytes of a place */
#define RZS_SPILL_TRIES	      3u     /* of a write */
#define RZS_SPILL_BATCH	      16u    /* writes in one call, at most */
#define RZS_SPILL_THREADS_MAX 16u
#define RZS_SPILL_DEPTH_MAX   1024u /* requests of one kind */

enum rzs_spill_op {
	RZS_SPILL_READ,
	RZS_SPILL_WRITE,
	RZS_SPILL_OPS,
};

/*
 * The calls of a target, as preadv(2) and pwritev(2) with the position in bytes.  They return the
 * number of bytes, 0 at the end of the target, or a negative errno; they may do less than they are
 * asked to.  Called by several threads at once.
 */
struct rzs_spill_disk {
	ssize_t (*read)(void *arg, const struct iovec *iov, int nr, uint64_t at);
	ssize_t (*write)(void *arg, const struct iovec *iov, int nr, uint64_t at);
	void *arg;
};

struct rzs_spill_request {
	/* The caller's, while it holds the request. */
	uint64_t place; /* 1 to places - 1: at place * RZS_SPILL_UNIT bytes */
	void *ticket;
	/* Set by the engine. */
	void *data; /* RZS_SPILL_UNIT bytes, at an address that is a multiple of 4096 */
	enum rzs_spill_op op;
	int err; /* in done(): 0, -EIO; writes also -ENOSPC, -ECANCELED: the engine was stopped */

	/* The engine's own. */
	struct rzs_spill_io *io;
	struct rzs_spill_request *next;
	int state;
};

struct rzs_spill_config {
	struct rzs_spill_disk disk;
	const char *name;	  /* of the target, for messages; valid until the engine is freed */
	uint64_t places;	  /* of the target; place 0 is never read or written */
	unsigned threads;	  /* 2 to RZS_SPILL_THREADS_MAX */
	unsigned reads;		  /* requests of each kind that may be taken at a time, */
	unsigned writes;	  /* 1 to RZS_SPILL_DEPTH_MAX */
	uint64_t rate;		  /* bytes that may be written in a second; 0: no limit */
	uint64_t daily;		  /* and in a day */
	uint64_t (*now_ms)(void); /* a clock that does not go back (rzs_clock_ms) */

	/*
	 * A request is over: rq->err is set.  In a thread of the engine, which this must not keep;
	 * it may get, submit and put.
	 */
	void (*done)(void *arg, struct rzs_spill_request *rq);
	/* Called once in each thread, to protect it.  NULL: not; returns its entry, or NULL. */
	struct rzs_thread *(*enter)(void *arg);
	void *arg;
};

/*
 * Start an engine.  0, and the engine in *out; a negative errno, and NULL: -EINVAL (config),
 * -ENOMEM, -EAGAIN (no thread).  Refused memory locks are no error; see rzs_spill_stats.
 */
int rzs_spill_io_start(const struct rzs_spill_config *config, struct rzs_spill_io **out);

/*
 * Take a request.  0; or, with NULL in *out: -EAGAIN: as many as there are have been taken; for a
 * write also -EDQUOT: the rate or the day's bytes are used up (rzs_spill_io_wait_ms()); -EIO: the
 * target is bad; -ESHUTDOWN: the engine is being stopped.
 */
int rzs_spill_io_get(struct rzs_spill_io *io, enum rzs_spill_op op, struct rzs_spill_request **out);

/*
 * Submit a request.  0: done() will be called, perhaps before this returns; or, with the request
 * still held: -EINVAL: there is no such place; -EBUSY: another request for that place is
 * outstanding, and one of them writes; -EIO, -ESHUTDOWN: as above.
 */
int rzs_spill_io_submit(struct rzs_spill_request *rq);

/* Return a request that is held.  A write that was not submitted has used up no budget. */
void rzs_spill_io_put(struct rzs_spill_request *rq);

/* New limits, in bytes; 0: none.  All that a second and a day allow may be written at once. */
void rzs_spill_io_set_limits(struct rzs_spill_io *io, uint64_t rate, uint64_t daily);

/* How many ms it takes until the limits allow a write; 0: they do now. */
uint64_t rzs_spill_io_wait_ms(struct rzs_spill_io *io);

/*
 * Whether the target has become bad since this was called last: true once, with a sentence about it
 * in line, for the log.  For a thread that may wait for memory.
 */
bool rzs_spill_io_trouble(struct rzs_spill_io *io, char line[RZS_WHY_MAX]);

struct rzs_spill_stats {
	uint64_t units[RZS_SPILL_OPS];	/* read or written: done without error */
	uint64_t failed[RZS_SPILL_OPS]; /* done with one */
	uint64_t calls[RZS_SPILL_OPS];	/* of the disk */
	uint64_t retries;		/* writes that were tried again */
	uint32_t taken[RZS_SPILL_OPS];	/* requests, now */
	int bad;			/* 0, or the negative errno that made the target bad */
	int lock_err;			/* errno of the memory lock that was refused; 0: locked */
};

void rzs_spill_io_stats(struct rzs_spill_io *io, struct rzs_spill_stats *out);

/*
 * Stop: requests that are queued fail with -ECANCELED, those of the disk are waited for, and the
 * threads end.  Requests that are held stay so.
 */
void rzs_spill_io_stop(struct rzs_spill_io *io);

/* After rzs_spill_io_stop(), when no request is held.  NULL is allowed. */
void rzs_spill_io_free(struct rzs_spill_io *io);

#endif
