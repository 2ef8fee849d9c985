/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sources of blocks: opened, attached to what another process has left, and closed.  blocks.h and
 * port/CONTRACT describe the functions; blocks.c explains locks and invariants.
 *
 * A source that is attached has no limits and an empty list until it is settled, so that its thread
 * has nothing to do.  The thread is there before, as at that moment a new one might not be had.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "blocks_private.h"
#include "ram.h"

#include <pthread.h>

#define OPEN_UNITS_LEAST 512u	    /* addresses for so many blocks, if there are as many */
#define OPEN_UNITS_MUST	 8u	    /* fewer are of no use, unless the limit is lower */
#define OPEN_UNITS_MOST	 (1u << 29) /* 16 TiB: more than slots can name */

_Static_assert(RZS_ARENA_UNIT == RZS_BLOCK_SIZE, "a unit of the range is a block");

static struct rzs_thread *(*blocks_hook)(void *arg);
static void *blocks_hook_arg;
static const char *blocks_zoneinfo;
static struct rzs_blocks_share *blocks_share;

void rzs_blocks_set_thread_hook(struct rzs_thread *(*fn)(void *arg), void *arg)
{
	blocks_hook = fn;
	blocks_hook_arg = arg;
}

void rzs_blocks_set_headroom(const char *path)
{
	blocks_zoneinfo = path;
}

void rzs_blocks_share_next(struct rzs_blocks_share *share)
{
	blocks_share = share;
	if (share)
		*share = (struct rzs_blocks_share){.id = -1};
}

static uint64_t open_min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* A source without an arena and without a thread.  NULL: no memory. */
static struct rzs_blocks *open_new(void)
{
	struct rzs_blocks *b = rzs_port_alloc(sizeof(*b));

	if (!b)
		return NULL;
	pthread_mutex_init(&b->system, NULL);
	rzs_lock_init(&b->lock);
	b->hook = blocks_hook;
	b->hook_arg = blocks_hook_arg;
	return b;
}

static void open_free(struct rzs_blocks *b)
{
	rzs_arena_release(&b->arena);
	if (b->checks_headroom)
		rzs_headroom_close(&b->headroom);
	pthread_mutex_destroy(&b->system);
	rzs_port_free(b, sizeof(*b));
}

/* Reserve addresses for all that the machine could hold, so that the limit can be raised later. */
static int open_arena(struct rzs_blocks *b, uint64_t max, uint64_t root_bytes,
		      struct rzs_blocks_share *share)
{
	uint64_t units = rzs_ram_machine() / RZS_BLOCK_SIZE * 2, least;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (units < OPEN_UNITS_LEAST)
		units = OPEN_UNITS_LEAST;
	units = open_min(units, OPEN_UNITS_MOST);
	least = open_min(max, OPEN_UNITS_MUST);
	if (!share)
		return rzs_arena_reserve(&b->arena, page, (size_t)root_bytes, units, least);
	return rzs_arena_share(&b->arena, page, (size_t)root_bytes, units, least, &share->why);
}

/* The last step: from now on others see the source, and its thread runs. */
static int open_start(struct rzs_blocks *b)
{
	int err;

	b->checks_headroom =
		blocks_zoneinfo && rzs_headroom_open(&b->headroom, blocks_zoneinfo) == 0;
	err = rzs_blocks_start(b);
	if (!err)
		rzs_blocks_list_add(b);
	return err;
}

static void open_set_arena(struct rzs_blocks *b)
{
	b->head.base = b->arena.base;
	b->last = b->arena.units;
}

static int open_fill(struct rzs_blocks *b, uint64_t max, uint64_t reserve, uint32_t *taken,
		     unsigned nr_taken)
{
	int err;

	open_set_arena(b);
	max = open_min(max, b->arena.units);
	err = rzs_blocks_fill(b, max, rzs_blocks_reserve(max, reserve), taken, nr_taken);
	b->refilled = 0;
	b->least = b->ready;
	return err;
}

int rzs_blocks_open(struct rzs_blocks **out, uint64_t max_blocks, uint64_t reserve_blocks,
		    uint64_t root_bytes, uint32_t *taken, unsigned nr_taken)
{
	struct rzs_blocks_share *share = blocks_share;
	struct rzs_blocks *b;
	int err;

	*out = NULL;
	blocks_share = NULL;
	if (max_blocks == 0)
		return -EINVAL;
	b = open_new();
	if (!b)
		return -ENOMEM;
	err = open_arena(b, max_blocks, root_bytes, share);
	if (!err)
		err = open_fill(b, max_blocks, reserve_blocks, taken, nr_taken);
	if (!err)
		err = open_start(b);
	if (share) {
		share->err = err;
		share->id = err ? -1 : b->arena.segment.id;
	}
	if (err) {
		open_free(b);
		return err == -ENOTSUP ? err : -ENOMEM;
	}
	*out = b;
	return 0;
}

void *rzs_blocks_root(const struct rzs_blocks *b)
{
	return b->arena.root;
}

void rzs_blocks_close(struct rzs_blocks *b)
{
	if (!b)
		return;
	rzs_blocks_list_remove(b);
	rzs_blocks_stop(b);
	open_free(b);
}

/* ---- what another process has left */

int rzs_blocks_attach(int id, struct rzs_blocks **out, const char **out_why)
{
	struct rzs_blocks *b = open_new();
	int err;

	*out = NULL;
	*out_why = NULL;
	if (!b)
		return -ENOMEM;
	err = rzs_arena_attach(&b->arena, (size_t)sysconf(_SC_PAGESIZE), id, out_why);
	if (!err) {
		open_set_arena(b);
		rzs_blocks_set_marks(b, b->arena.units, 0);
		err = open_start(b);
	}
	if (err) {
		open_free(b);
		return err;
	}
	*out = b;
	return 0;
}

int rzs_blocks_map(struct rzs_blocks *b, uint64_t *out_blocks)
{
	return rzs_arena_map(&b->arena, out_blocks);
}

int rzs_blocks_find(struct rzs_blocks *b)
{
	int err = b->found ? 0 : rzs_arena_find(&b->arena);

	if (!err)
		b->found = true;
	return err;
}

static void attach_count(struct rzs_blocks *b)
{
	b->held++;
	if (b->peak < b->held)
		b->peak = b->held;
}

bool rzs_blocks_claim(struct rzs_blocks *b, uint32_t block)
{
	if (rzs_blocks_find(b) || !rzs_arena_claim(&b->arena, block))
		return false;
	rzs_lock(&b->lock);
	b->taken++;
	attach_count(b);
	rzs_unlock(&b->lock);
	return true;
}

/*
 * The free blocks that have memory become ready ones: without them a machine that is short of
 * memory could not be served at once.  rzs_blocks_set_max() says how many of them remain.
 */
void rzs_blocks_settle(struct rzs_blocks *b)
{
	uint64_t block = 0;

	pthread_mutex_lock(&b->system);
	if (rzs_blocks_find(b) == 0)
		block = rzs_arena_claim_next(&b->arena, 0);
	for (; block; block = rzs_arena_claim_next(&b->arena, block)) {
		memset(rzs_blocks_at(b, (uint32_t)block), 0, RZS_BLOCK_SIZE);
		rzs_lock(&b->lock);
		rzs_blocks_push(b, (uint32_t)block);
		attach_count(b);
		rzs_unlock(&b->lock);
	}
	rzs_lock(&b->lock);
	b->least = b->ready;
	rzs_blocks_set_marks(b, b->last, b->ready ? b->ready : 1);
	rzs_unlock(&b->lock);
	pthread_mutex_unlock(&b->system);
	rzs_blocks_kick(b);
}
