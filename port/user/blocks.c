/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A source of blocks for the store, which keeps a reserve of blocks ready ahead of demand.
 *
 * The data path takes blocks from a list of ready ones, whose pages are all in RAM, and gives them
 * back to that list.  This costs one short lock, and no system call except to wake up the refill
 * thread.  That thread keeps the length of the list near the size of the reserve.  It starts when
 * the list is shorter than three quarters of the reserve or longer than one and a half, and goes on
 * until the list is as long as the reserve; so a load that swings a little does not make it work.
 *
 * There are two locks.  `system` (a mutex) is held while the memory of the arena changes, by the
 * refill thread or rzs_blocks_set_max(), never by the data path.  `lock` is taken inside it, for a
 * few instructions, and guards the counts and the list.  The list links ready blocks through their
 * first bytes, which are in RAM.  Blocks without memory are not touched.
 *
 * Invariants, under lock: taken + ready <= held <= max.  (After a limit was lowered, held <= max
 * again when rzs_blocks_set_max() has returned.)  held - taken - ready blocks are on their way into
 * the list or out of it; under both locks there are none.
 *
 * A source belongs to the process that opened it.  Its thread and its memory do not survive a fork.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "blocks_private.h"
#include "ram.h"
#include "stack.h"

#include <pthread.h>

#define BLOCKS_STEP   8u  /* populated by one call: 256 KiB */
#define BLOCKS_BUDGET 32u /* populated between two readings of the headroom: 1 MiB */
/*
 * The default reserve is RAM / 32, at most 16 MiB.  Below 336 MiB of RAM it is RAM / 16 less 10.5
 * MiB, at least 2 MiB, as rzs-nbd-swap keeps queues short on such machines: they never used more
 * than 1.1 MiB of it.  It is at most max / 4, and at least 256 KiB.
 */
#define BLOCKS_RESERVE_SHARE 32u
#define BLOCKS_RESERVE_LESS  336u
#define BLOCKS_RESERVE_SMALL 64u
#define BLOCKS_RESERVE_MOST  512u
#define BLOCKS_RESERVE_LEAST 8u
#define BLOCKS_HUNGRY_SHARE  4u		/* below reserve / this the boost no longer counts */
#define BLOCKS_LAST_SHARE    8u		/* reserve / this are the last blocks, see BLOCKS_STARVED */
#define BLOCKS_SLACK	     8u		/* added to the high mark, for tiny reserves */
#define BLOCKS_ROOM_LEFT     (128u * 1024) /* bytes of headroom left for page tables and races */
/* ns until the next reading of the headroom: while few blocks are ready, and otherwise. */
#define BLOCKS_PAUSE_FEW     1000000l
#define BLOCKS_PAUSE	     8000000l
#define BLOCKS_BACKOFF_FIRST 4000000l	/* ns of pause after a failure, doubled up to ... */
#define BLOCKS_BACKOFF_LAST  256000000l /* ... this */
#define BLOCKS_STACK_TOUCH   (32u * 1024)
#define BLOCKS_STARVED	     100000000ull /* ns with the last blocks or none */

/* Bits of rzs_blocks.work. */
#define BLOCKS_WORK 1u
#define BLOCKS_STOP 2u

/* Marks */

static uint64_t blocks_min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t rzs_blocks_default_reserve(uint64_t max, uint64_t ram)
{
	uint64_t share = ram / RZS_BLOCK_SIZE / BLOCKS_RESERVE_SHARE, n = BLOCKS_RESERVE_SMALL;

	if (2 * share > BLOCKS_RESERVE_LESS + n)
		n = blocks_min(share, 2 * share - BLOCKS_RESERVE_LESS);
	n = blocks_min(blocks_min(n, BLOCKS_RESERVE_MOST), max / 4);
	return n > BLOCKS_RESERVE_LEAST ? n : BLOCKS_RESERVE_LEAST;
}

void rzs_blocks_set_marks(struct rzs_blocks *b, uint64_t max, uint64_t reserve)
{
	b->max = max;
	b->reserve = blocks_min(reserve, max);
	b->low = b->reserve - b->reserve / 4;
	b->high = b->reserve + b->reserve / 2 + BLOCKS_SLACK;
}

/* The reserve for this max: as asked for, or the default. */
uint64_t rzs_blocks_reserve(uint64_t max, uint64_t asked)
{
	if (asked == RZS_RESERVE_DEFAULT)
		return rzs_blocks_default_reserve(max, rzs_ram_usable());
	return asked ? asked : 1;
}

/* Under lock: whether the thread has something to do. */
static bool blocks_wants_thread(const struct rzs_blocks *b)
{
	return (b->ready < b->low && b->held < b->max) || b->ready > b->high || b->held > b->max;
}

/*
 * Wake up the thread; not under lock.  If the bit is set already there is nothing to do, so a busy
 * thread costs the data path nothing: it clears the bit before it reads the counts, and so will see
 * what the caller changed.
 */
void rzs_blocks_kick(struct rzs_blocks *b)
{
	if (__atomic_load_n(&b->work, __ATOMIC_RELAXED) & BLOCKS_WORK)
		return;
	if (!(__atomic_fetch_or(&b->work, BLOCKS_WORK, __ATOMIC_ACQ_REL) & BLOCKS_WORK))
		rzs_sync_futex_wake(&b->work, 1);
}

/* The data path */

static struct block_link *blocks_link_of(const struct rzs_blocks *b, uint32_t block)
{
	return rzs_blocks_at(b, block);
}

/* Under lock. */
void rzs_blocks_push(struct rzs_blocks *b, uint32_t block)
{
	blocks_link_of(b, block)->next = b->list;
	b->list = block;
	b->ready++;
}

/* Under lock; there is one. */
static uint32_t blocks_pop(struct rzs_blocks *b)
{
	uint32_t block = b->list;

	b->list = blocks_link_of(b, block)->next;
	b->ready--;
	return block;
}

uint32_t rzs_blocks_take(struct rzs_blocks *b, bool *out_limit)
{
	uint32_t block = 0;
	bool kick;

	rzs_lock(&b->lock);
	*out_limit = b->taken >= b->max;
	if (!*out_limit && b->list) {
		block = blocks_pop(b);
		b->taken++;
	} else if (!*out_limit) {
		b->refused++;
	}
	b->least = blocks_min(b->least, b->ready);
	kick = blocks_wants_thread(b);
	rzs_unlock(&b->lock);
	if (kick)
		rzs_blocks_kick(b);
	return block;
}

void rzs_blocks_give(struct rzs_blocks *b, uint32_t block)
{
	bool kick;

	rzs_lock(&b->lock);
	if (block == 0 || block > b->last || b->taken == 0) {
		b->bad_gives++;
	} else {
		rzs_blocks_push(b, block);
		b->taken--;
	}
	kick = blocks_wants_thread(b);
	rzs_unlock(&b->lock);
	if (kick)
		rzs_blocks_kick(b);
}

void rzs_blocks_count(struct rzs_blocks *b, uint64_t *out_taken, uint64_t *out_ready,
		      uint64_t *out_peak)
{
	rzs_lock(&b->lock);
	*out_taken = b->taken;
	*out_ready = b->held - b->taken;
	*out_peak = b->peak;
	rzs_unlock(&b->lock);
}

/* Getting memory and giving it back: under system */

/*
 * Whether the reserve has been down to its last blocks for BLOCKS_STARVED.  A bit of headroom now
 * and then does not end that: it may be less than what is used.
 */
static bool blocks_starved(struct rzs_blocks *b, uint64_t ready)
{
	uint64_t now = rzs_blocks_now();

	if (ready > b->reserve / BLOCKS_LAST_SHARE)
		b->starved_since = 0;
	else if (b->starved_since == 0)
		b->starved_since = now;
	return b->starved_since && now - b->starved_since > BLOCKS_STARVED;
}

/*
 * How many blocks the headroom allows now, of want.  Only half of the headroom is used before it is
 * read again, because others use it as well.
 */
static uint64_t blocks_within_headroom(struct rzs_blocks *b, uint64_t want, uint64_t ready)
{
	uint64_t bytes;

	if (!b->checks_headroom)
		return want;
	if (b->budget == 0) {
		bytes = rzs_headroom_bytes(&b->headroom, ready < b->reserve / BLOCKS_HUNGRY_SHARE);
		bytes = bytes > BLOCKS_ROOM_LEFT ? bytes - BLOCKS_ROOM_LEFT : 0;
		b->budget = blocks_min(bytes / 2 / RZS_BLOCK_SIZE, BLOCKS_BUDGET);
	}
	want = blocks_min(want, b->budget);
	b->budget -= want;
	return want;
}

/*
 * Each page counts as progress.  Under pressure one page may take long, and a thread that has lost
 * its priority meanwhile must have it again before it asks for the next page (watchdog.h).
 */
static void blocks_on_page(void *arg)
{
	const struct rzs_blocks *b = arg;

	rzs_threads_progress(b->entry, false);
}

/* How many blocks the reserve lacks.  Notes since when.  *out_ready: how many are ready. */
static uint64_t blocks_wanted(struct rzs_blocks *b, uint64_t *out_ready)
{
	uint64_t want = 0, now = rzs_blocks_now();

	rzs_lock(&b->lock);
	*out_ready = b->ready;
	if (b->ready < b->reserve && b->held < b->max)
		want = blocks_min(b->reserve - b->ready, b->max - b->held);
	if (want == 0)
		b->waits_since = 0;
	else if (b->waits_since == 0)
		b->waits_since = now;
	rzs_unlock(&b->lock);
	return want;
}

/*
 * Count the blocks that are to be populated now, at most want: 0 if there is no headroom.
 *
 * A machine that swaps frees memory by writing to us, and without a block we refuse every write, so
 * headroom may never come.  So once the reserve is starved, one block is taken at each look all the
 * same.  The last ones serve the writes that this thread's own reclaim makes meanwhile.
 */
static uint64_t blocks_claim(struct rzs_blocks *b, uint64_t want, uint64_t ready)
{
	uint64_t nr = blocks_within_headroom(b, blocks_min(want, BLOCKS_STEP), ready);
	uint64_t unasked = blocks_starved(b, ready) && nr == 0;

	nr += unasked;
	rzs_lock(&b->lock);
	b->shortages += nr == 0;
	b->unasked += unasked;
	b->held += nr;
	if (b->peak < b->held)
		b->peak = b->held;
	rzs_unlock(&b->lock);
	return nr;
}

/* Link nr adjacent blocks into a list, and return its last one. */
static struct block_link *blocks_link(const struct rzs_blocks *b, uint32_t first, uint64_t nr)
{
	for (; nr > 1; nr--, first++)
		blocks_link_of(b, first)->next = first + 1;
	return blocks_link_of(b, first);
}

/*
 * Add up to BLOCKS_STEP blocks to the reserve.  *out_done: it is full, or max is reached, or none
 * may be added.  0; -ENOMEM: the system has no memory; -EAGAIN: there is no headroom now.
 */
static int blocks_fill_step(struct rzs_blocks *b, bool *out_done)
{
	uint64_t ready, nr, want = b->still ? 0 : blocks_wanted(b, &ready);
	struct block_link *last = NULL;
	uint64_t first;
	int err;

	*out_done = want == 0;
	if (want == 0)
		return 0;
	want = blocks_claim(b, want, ready);
	if (want == 0)
		return -EAGAIN;
	err = rzs_arena_commit(&b->arena, want, blocks_on_page, b, &first, &nr);
	if (nr)
		last = blocks_link(b, (uint32_t)first, nr);

	rzs_lock(&b->lock);
	if (last) {
		b->waits_since = 0;
		last->next = b->list;
		b->list = (uint32_t)first;
	}
	b->held -= want - nr;
	b->ready += nr;
	b->refilled += nr;
	b->failures += err != 0;
	b->lock_err = b->arena.lock_err;
	rzs_unlock(&b->lock);
	return err;
}

/* Give one ready block back to the system.  *out_done: none is to be, or may be, given back. */
static int blocks_trim_step(struct rzs_blocks *b, bool *out_done)
{
	uint32_t block = 0;
	int err;

	rzs_lock(&b->lock);
	if (!b->still && b->list && (b->ready > b->reserve || b->held > b->max))
		block = blocks_pop(b);
	rzs_unlock(&b->lock);
	*out_done = !block;
	if (!block)
		return 0;

	err = rzs_arena_uncommit(&b->arena, block);

	rzs_lock(&b->lock);
	if (err) {
		rzs_blocks_push(b, block);
		b->failures++;
	} else {
		b->held--;
		b->returned++;
	}
	b->lock_err = b->arena.lock_err;
	rzs_unlock(&b->lock);
	return err;
}

/* Repeat a step until it is done.  Takes system for each, so a new limit does not wait for long. */
static int blocks_repeat(struct rzs_blocks *b, int (*step)(struct rzs_blocks *, bool *))
{
	bool done = false;
	int err = 0;

	while (!err && !done && !(__atomic_load_n(&b->work, __ATOMIC_RELAXED) & BLOCKS_STOP)) {
		pthread_mutex_lock(&b->system);
		err = step(b, &done);
		pthread_mutex_unlock(&b->system);
		rzs_threads_progress(b->entry, false);
	}
	return err;
}

/* The thread */

static int blocks_work(struct rzs_blocks *b)
{
	bool trim;
	int err;

	b->budget = 0; /* the headroom may have changed since the last time */
	err = blocks_repeat(b, blocks_fill_step);

	rzs_lock(&b->lock);
	trim = b->ready > b->high || b->held > b->max;
	rzs_unlock(&b->lock);
	if (trim) {
		int trim_err = blocks_repeat(b, blocks_trim_step);

		err = err ? err : trim_err;
	}
	return err;
}

/* How long to wait after an error, in ns.  last: the previous pause. */
static long blocks_pause(struct rzs_blocks *b, int err, long last)
{
	bool few;

	if (err != -EAGAIN)
		return last < BLOCKS_BACKOFF_FIRST ? BLOCKS_BACKOFF_FIRST
						   : last < BLOCKS_BACKOFF_LAST ? last * 2 : last;
	rzs_lock(&b->lock);
	few = b->ready < b->reserve / 2;
	rzs_unlock(&b->lock);
	return few ? BLOCKS_PAUSE_FEW : BLOCKS_PAUSE;
}

static void *blocks_thread(void *arg)
{
	struct rzs_blocks *b = arg;
	struct timespec pause = {0, 0};
	uint32_t work;
	int err;

	rzs_stack_touch(BLOCKS_STACK_TOUCH);
	if (b->hook)
		b->entry = b->hook(b->hook_arg);
	for (;;) {
		work = __atomic_fetch_and(&b->work, ~BLOCKS_WORK, __ATOMIC_ACQ_REL);
		if (work & BLOCKS_STOP)
			return NULL;
		err = blocks_work(b);
		if (err == 0) {
			pause.tv_nsec = 0;
			rzs_sync_futex_wait(&b->work, 0, NULL);
			continue;
		}
		/* With the bit set, nobody wakes this thread during the pause. */
		pause.tv_nsec = blocks_pause(b, err, pause.tv_nsec);
		work = __atomic_or_fetch(&b->work, BLOCKS_WORK, __ATOMIC_ACQ_REL);
		if (!(work & BLOCKS_STOP))
			rzs_sync_futex_wait(&b->work, BLOCKS_WORK, &pause);
	}
}

/* Life */

/* Fill the reserve, and take nr blocks beside it. */
int rzs_blocks_fill(struct rzs_blocks *b, uint64_t max, uint64_t reserve, uint32_t *taken,
		    unsigned nr)
{
	bool limit;
	int err;

	rzs_blocks_set_marks(b, max, reserve + nr);
	err = blocks_repeat(b, blocks_fill_step);
	while (!err && nr--) {
		taken[nr] = rzs_blocks_take(b, &limit);
		err = taken[nr] ? 0 : -ENOMEM;
	}
	rzs_blocks_set_marks(b, max, reserve);
	return err;
}

int rzs_blocks_start(struct rzs_blocks *b)
{
	return rzs_threads_start(&b->thread, "rzs-refill", blocks_thread, b);
}

void rzs_blocks_stop(struct rzs_blocks *b)
{
	__atomic_fetch_or(&b->work, BLOCKS_STOP, __ATOMIC_ACQ_REL);
	rzs_sync_futex_wake(&b->work, 1);
	pthread_join(b->thread, NULL);
}

int rzs_blocks_set_max(struct rzs_blocks *b, uint64_t max_blocks, uint64_t reserve_blocks)
{
	bool done = false;
	uint64_t reserve;
	int err = 0;

	pthread_mutex_lock(&b->system);
	max_blocks = blocks_min(max_blocks, b->arena.units);
	reserve = rzs_blocks_reserve(max_blocks, reserve_blocks);
	rzs_lock(&b->lock);
	if (b->taken > max_blocks)
		err = -ENOSPC;
	else
		rzs_blocks_set_marks(b, max_blocks, reserve);
	rzs_unlock(&b->lock);
	/* If the system does not take memory back now, the thread tries again. */
	while (!err && !done && blocks_trim_step(b, &done) == 0)
		;
	pthread_mutex_unlock(&b->system);
	if (!err)
		rzs_blocks_kick(b);
	return err;
}
