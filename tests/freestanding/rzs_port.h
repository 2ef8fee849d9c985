/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The smallest environment for the core: no libc, no OS, one thread, static memory.  It proves that
 * the core needs nothing beyond port/CONTRACT.
 *
 * Threading: none.  Where threads would deadlock (a lock taken twice, a wait without a wake-up),
 * the program ends with an error.
 */
#ifndef RZS_PORT_H
#define RZS_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EIO    5
#define EAGAIN 11
#define ENOMEM 12
#define EINVAL 22
#define E2BIG  7
#define ENOSPC 28
#define ENODATA 61
#define EINPROGRESS 115
#define ENOENT	    2

#define RZS_BLOCK_SIZE	    32768
#define RZS_RESERVE_DEFAULT UINT64_MAX
#define RZS_HAVE_ADOPT	    0 /* nobody goes on with its blocks */
#define RZS_HAVE_WIDE	    0

/* Which way a branch goes as a rule. */
#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
int strcmp(const char *a, const char *b);

void *rzs_port_alloc(size_t n);
void rzs_port_free(void *p, size_t n);

static inline void rzs_port_wipe(void *p, size_t n)
{
	memset(p, 0, n);
	__asm__ __volatile__("" : : "r"(p) : "memory"); /* so the compiler keeps the memset */
}

struct rzs_blocks;
int rzs_blocks_open(struct rzs_blocks **out, uint64_t max_blocks, uint64_t reserve_blocks,
		    uint64_t root_bytes, uint32_t *taken, unsigned nr_taken);
void *rzs_blocks_root(const struct rzs_blocks *b);
void rzs_blocks_close(struct rzs_blocks *b);
uint32_t rzs_blocks_take(struct rzs_blocks *b, bool *out_limit);
void *rzs_blocks_at(const struct rzs_blocks *b, uint32_t block);
void rzs_blocks_give(struct rzs_blocks *b, uint32_t block);
void rzs_blocks_count(struct rzs_blocks *b, uint64_t *out_taken, uint64_t *out_ready,
		      uint64_t *out_peak);
int rzs_blocks_set_max(struct rzs_blocks *b, uint64_t max_blocks, uint64_t reserve_blocks);

/* Print why and end the program with status 1. */
_Noreturn void free_die(const char *why);

typedef struct {
	uint8_t held;
} rzs_lock_t;

static inline void rzs_lock_init(rzs_lock_t *l)
{
	l->held = 0;
}

static inline bool rzs_trylock(rzs_lock_t *l)
{
	if (l->held)
		return false;
	l->held = 1;
	return true;
}

static inline void rzs_lock(rzs_lock_t *l)
{
	if (!rzs_trylock(l))
		free_die("a lock is taken twice");
}

static inline void rzs_unlock(rzs_lock_t *l)
{
	if (!l->held)
		free_die("a lock is released that is not held");
	l->held = 0;
}

typedef rzs_lock_t rzs_mutex_t;

static inline void rzs_mutex_init(rzs_mutex_t *m)
{
	rzs_lock_init(m);
}

static inline bool rzs_mutex_trylock(rzs_mutex_t *m)
{
	return rzs_trylock(m);
}

static inline void rzs_mutex_lock(rzs_mutex_t *m)
{
	rzs_lock(m);
}

static inline void rzs_mutex_unlock(rzs_mutex_t *m)
{
	rzs_unlock(m);
}

static inline uint64_t rzs_load(const uint64_t *p)
{
	return *(const volatile uint64_t *)p;
}

static inline uint64_t rzs_load_relaxed(const uint64_t *p)
{
	return *(const volatile uint64_t *)p;
}

static inline void rzs_set(uint64_t *p, uint64_t v)
{
	*(volatile uint64_t *)p = v;
}

static inline bool rzs_cas(uint64_t *p, uint64_t *seen, uint64_t v)
{
	if (*p != *seen) {
		*seen = *p;
		return false;
	}
	*p = v;
	return true;
}

static inline void rzs_add(uint64_t *p, uint64_t v)
{
	*p += v;
}

static inline uint32_t rzs_load32(const uint32_t *p)
{
	return *(const volatile uint32_t *)p;
}

static inline void rzs_set32(uint32_t *p, uint32_t v)
{
	*(volatile uint32_t *)p = v;
}

static inline bool rzs_cas32(uint32_t *p, uint32_t *seen, uint32_t v)
{
	if (*p != *seen) {
		*seen = *p;
		return false;
	}
	*p = v;
	return true;
}

static inline void rzs_wait(uint64_t *p, uint64_t seen)
{
	if ((uint32_t)*p == (uint32_t)seen)
		free_die("a wait without a wake-up");
}

static inline void rzs_wake(uint64_t *p)
{
	(void)p;
}

#include "../../port/port_check.h"

#endif
