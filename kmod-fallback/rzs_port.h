/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the core may use of Linux.  port/CONTRACT defines it, and says what may sleep or fail.
 * ramzswap_blocks.c has the functions for blocks.
 *
 * A lock is a spinlock: the core does not sleep while it holds one.  A mutex is a mutex: the core
 * compresses and sleeps while it holds one.  Nothing here may be used in interrupts.  rzs_lock_init
 * and rzs_mutex_init are macros so that each place that initialises a lock has its own lockdep
 * class.
 */
#ifndef RZS_PORT_KERNEL_H
#define RZS_PORT_KERNEL_H

#include <linux/atomic.h>
#include <linux/errno.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/wait_bit.h>
#include <asm/page.h>

#if PAGE_SHIFT != 12
#error "ramzswap stores pages of 4 KiB and needs a kernel with pages of that size"
#endif

#ifndef UINT64_MAX
#define UINT64_MAX ((uint64_t)~0ull)
#endif

#define RZS_BLOCK_SIZE	    32768u
#define RZS_RESERVE_DEFAULT UINT64_MAX
#define RZS_HAVE_ADOPT	    0 /* nobody goes on with its blocks */
#define RZS_HAVE_WIDE	    0 /* the kernel's code does without vector registers */

void *rzs_port_alloc(size_t n);
void rzs_port_free(void *p, size_t n);

static inline void rzs_port_wipe(void *p, size_t n)
{
	memzero_explicit(p, n);
}

struct rzs_blocks;

#define RZS_BLOCKS_PER_LEAF (PAGE_SIZE / sizeof(void *))

/*
 * The head of struct rzs_blocks: where each block is, by its number.  A leaf is allocated before
 * the first of its numbers is used, and stays.
 */
struct rzs_blocks_head {
	void ***leaves;
};

static inline void *rzs_blocks_at(const struct rzs_blocks *b, uint32_t block)
{
	const struct rzs_blocks_head *head = (const struct rzs_blocks_head *)b;

	return READ_ONCE(head->leaves[block / RZS_BLOCKS_PER_LEAF][block % RZS_BLOCKS_PER_LEAF]);
}

int rzs_blocks_open(struct rzs_blocks **out, uint64_t max_blocks, uint64_t reserve_blocks,
		    uint64_t root_bytes, uint32_t *taken, unsigned nr_taken);
void *rzs_blocks_root(const struct rzs_blocks *b);
void rzs_blocks_close(struct rzs_blocks *b);
uint32_t rzs_blocks_take(struct rzs_blocks *b, bool *out_limit);
void rzs_blocks_give(struct rzs_blocks *b, uint32_t block);
void rzs_blocks_count(struct rzs_blocks *b, uint64_t *out_taken, uint64_t *out_ready,
		      uint64_t *out_peak);
int rzs_blocks_set_max(struct rzs_blocks *b, uint64_t max_blocks, uint64_t reserve_blocks);

/* Locks */

typedef spinlock_t rzs_lock_t;

#define rzs_lock_init(l) spin_lock_init(l)

static inline void rzs_lock(rzs_lock_t *l)
{
	spin_lock(l);
}

static inline bool rzs_trylock(rzs_lock_t *l)
{
	return spin_trylock(l);
}

static inline void rzs_unlock(rzs_lock_t *l)
{
	spin_unlock(l);
}

typedef struct mutex rzs_mutex_t;

#define rzs_mutex_init(m) mutex_init(m)

static inline void rzs_mutex_lock(rzs_mutex_t *m)
{
	mutex_lock(m);
}

static inline bool rzs_mutex_trylock(rzs_mutex_t *m)
{
	return mutex_trylock(m);
}

static inline void rzs_mutex_unlock(rzs_mutex_t *m)
{
	mutex_unlock(m);
}

/* Atomics: the kernel has 64-bit ones on 32-bit machines too. */

static inline uint64_t rzs_load(const uint64_t *p)
{
	return (uint64_t)atomic64_read_acquire((const atomic64_t *)p);
}

static inline uint64_t rzs_load_relaxed(const uint64_t *p)
{
	return (uint64_t)atomic64_read((const atomic64_t *)p);
}

static inline void rzs_set(uint64_t *p, uint64_t v)
{
	atomic64_set_release((atomic64_t *)p, (s64)v);
}

static inline bool rzs_cas(uint64_t *p, uint64_t *seen, uint64_t v)
{
	s64 old = (s64)*seen;
	bool done = atomic64_try_cmpxchg((atomic64_t *)p, &old, (s64)v);

	*seen = (uint64_t)old;
	return done;
}

static inline void rzs_add(uint64_t *p, uint64_t v)
{
	atomic64_add((s64)v, (atomic64_t *)p);
}

static inline uint32_t rzs_load32(const uint32_t *p)
{
	return smp_load_acquire(p); /* pairs with rzs_set32() and rzs_cas32() */
}

static inline void rzs_set32(uint32_t *p, uint32_t v)
{
	smp_store_release(p, v); /* pairs with rzs_load32() */
}

static inline bool rzs_cas32(uint32_t *p, uint32_t *seen, uint32_t v)
{
	uint32_t old = cmpxchg(p, *seen, v);
	bool done = old == *seen;

	*seen = old;
	return done;
}

/* Wait for a word to change */

static inline void rzs_wait(uint64_t *p, uint64_t seen)
{
	wait_var_event(p, (uint32_t)rzs_load(p) != (uint32_t)seen);
}

static inline void rzs_wake(uint64_t *p)
{
	/* The word was changed by rzs_cas(); wake_up_var() tests for waiters after that. */
	smp_mb();
	wake_up_var(p);
}

#include "../port/port_check.h"

#endif
