/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arenas of the test environment: memory that processes share; see port_test.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "port_test_private.h"

#include <stdlib.h>
#include <sys/mman.h>

static struct rzs_test_arena *test_next_arena;

static void test_arena_map(struct rzs_test_arena *a)
{
	a->base = mmap(NULL, a->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, a->fd, 0);
	if (a->base == MAP_FAILED)
		abort();
}

void rzs_test_arena_open(struct rzs_test_arena *a, size_t bytes)
{
	a->bytes = bytes;
	a->root_bytes = 0;
	a->fd = memfd_create("arena", MFD_CLOEXEC);
	if (a->fd < 0 || ftruncate(a->fd, (off_t)bytes))
		abort();
	test_arena_map(a);
}

void rzs_test_arena_map(struct rzs_test_arena *a, const struct rzs_test_arena *same)
{
	*a = *same;
	a->fd = dup(same->fd);
	if (a->fd < 0)
		abort();
	test_arena_map(a);
}

void rzs_test_arena_close(struct rzs_test_arena *a)
{
	munmap(a->base, a->bytes);
	close(a->fd);
}

void rzs_test_use_arena(struct rzs_test_arena *a)
{
	test_next_arena = a;
}

struct rzs_test_arena *rzs_tport_take_arena(size_t root_bytes)
{
	struct rzs_test_arena *a = test_next_arena;

	test_next_arena = NULL;
	if (!a)
		return NULL;
	a->root_bytes = (root_bytes + RZS_BLOCK_SIZE - 1) / RZS_BLOCK_SIZE * RZS_BLOCK_SIZE;
	if (a->root_bytes > a->bytes)
		abort();
	memset(a->base, 0, a->root_bytes);
	return a;
}
