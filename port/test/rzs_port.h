/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The test environment: locks and atomics of the user environment, memory that can fail on request
 * and is counted and guarded, and yield points between threads.  Tests control it with port_test.h.
 */
#ifndef RZS_PORT_TEST_RZS_PORT_H
#define RZS_PORT_TEST_RZS_PORT_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

void rzs_test_yield(void);
#define RZS_SYNC_YIELD() rzs_test_yield()
#include "../user/rzs_port_sync.h"
#include "../user/rzs_port_wide.h"

#define RZS_BLOCK_SIZE	    32768u
#define RZS_RESERVE_DEFAULT UINT64_MAX
#define RZS_HAVE_ADOPT	    1

void *rzs_port_alloc(size_t n);
void rzs_port_free(void *p, size_t n);
void rzs_port_wipe(void *p, size_t n);

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

bool rzs_blocks_claim(struct rzs_blocks *b, uint32_t block);
void rzs_blocks_settle(struct rzs_blocks *b);

#include "../port_check.h"

#endif
