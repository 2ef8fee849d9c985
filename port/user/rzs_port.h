/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The port to user space: what the core may ask of a Linux process.  port/CONTRACT describes each
 * name.  Blocks are in blocks.c, locks and atomics in rzs_port_sync.h, wide
 * compares in rzs_port_wide.h.
 */
#ifndef RZS_PORT_USER_H
#define RZS_PORT_USER_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rzs_port_sync.h"
#include "rzs_port_wide.h"

#define RZS_PORT_ALIGN	    64u
#define RZS_BLOCK_SIZE	    32768u
#define RZS_RESERVE_DEFAULT UINT64_MAX
#define RZS_HAVE_ADOPT	    1 /* of blocks in shared memory: rzs_blocks_attach() */

/* memset() touches every page now, so that no write on the data path does. */
static inline void *rzs_port_alloc(size_t n)
{
	size_t size = (n + RZS_PORT_ALIGN - 1) & ~(size_t)(RZS_PORT_ALIGN - 1);
	void *p;

	if (size < n)
		return NULL;
	if (size == 0)
		size = RZS_PORT_ALIGN;
	p = aligned_alloc(RZS_PORT_ALIGN, size);
	if (p)
		memset(p, 0, size);
	return p;
}

static inline void rzs_port_free(void *p, size_t n)
{
	(void)n;
	free(p);
}

static inline void rzs_port_wipe(void *p, size_t n)
{
	memset(p, 0, n);
	__asm__ __volatile__("" : : "r"(p) : "memory"); /* for the compiler, somebody reads it */
}

struct rzs_blocks;

/* The head of struct rzs_blocks.  It has a cache line of its own, because every call reads it. */
struct rzs_blocks_head {
	char *base; /* constant: where block 0 would be */
} __attribute__((aligned(64)));

int rzs_blocks_open(struct rzs_blocks **out, uint64_t max_blocks, uint64_t reserve_blocks,
		    uint64_t root_bytes, uint32_t *taken, unsigned nr_taken);
void *rzs_blocks_root(const struct rzs_blocks *b);
void rzs_blocks_close(struct rzs_blocks *b);
uint32_t rzs_blocks_take(struct rzs_blocks *b, bool *out_limit);
void rzs_blocks_give(struct rzs_blocks *b, uint32_t block);
void rzs_blocks_count(struct rzs_blocks *b, uint64_t *out_taken, uint64_t *out_ready,
		      uint64_t *out_peak);
int rzs_blocks_set_max(struct rzs_blocks *b, uint64_t max_blocks, uint64_t reserve_blocks);

bool rzs_blocks_claim(struct rzs_blocks *b, uint32_t block);
void rzs_blocks_settle(struct rzs_blocks *b);

static inline void *rzs_blocks_at(const struct rzs_blocks *b, uint32_t block)
{
	const struct rzs_blocks_head *head = (const struct rzs_blocks_head *)(const void *)b;

	return head->base + (size_t)block * RZS_BLOCK_SIZE;
}

#include "../port_check.h"

#endif
