/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What test_blocks.c and test_blocks_system.c share: looking at a source and at this process. */
#ifndef RZS_TEST_BLOCKS_RIG_H
#define RZS_TEST_BLOCKS_RIG_H

#include "t.h"

#include "blocks.h"
#include "sanitized.h"

#include <sys/mman.h>

#define PAGE ((unsigned)sysconf(_SC_PAGESIZE))
#define MANY 4096u /* blocks: 128 MiB */

static uint32_t held[MANY];

static inline uint64_t taken(struct rzs_blocks *b)
{
	uint64_t t, r, p;

	rzs_blocks_count(b, &t, &r, &p);
	return t;
}

static inline uint64_t ready(struct rzs_blocks *b)
{
	uint64_t t, r, p;

	rzs_blocks_count(b, &t, &r, &p);
	return r;
}

static inline uint64_t peak(struct rzs_blocks *b)
{
	uint64_t t, r, p;

	rzs_blocks_count(b, &t, &r, &p);
	return p;
}

static inline struct rzs_blocks_info info(void)
{
	struct rzs_blocks_info i;

	rzs_blocks_info(&i);
	return i;
}

static inline struct rzs_blocks *source(uint64_t max, uint64_t reserve)
{
	struct rzs_blocks *b;

	T_EQ(rzs_blocks_open(&b, max, reserve, 0, NULL, 0), 0);
	T_NE(b, NULL);
	return b;
}

/* Take nr blocks, waiting for the refill thread where it lags behind. */
static inline void take(struct rzs_blocks *b, uint32_t *to, unsigned nr)
{
	bool limit;

	for (unsigned i = 0; i < nr; i++)
		T_WAIT((to[i] = rzs_blocks_take(b, &limit)) != 0, 10);
}

static inline void give(struct rzs_blocks *b, const uint32_t *from, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		rzs_blocks_give(b, from[i]);
}

/* A number from /proc/self/status, such as "VmLck:" in kB. */
static inline uint64_t status(const char *key)
{
	unsigned long long n = 0;
	char line[256];
	FILE *f = fopen("/proc/self/status", "r");

	T_NE(f, NULL);
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, key, strlen(key)) == 0)
			n = strtoull(line + strlen(key), NULL, 10);
	fclose(f);
	return n;
}

static inline unsigned mappings(void)
{
	char line[1024];
	unsigned n = 0;
	FILE *f = fopen("/proc/self/maps", "r");

	T_NE(f, NULL);
	while (fgets(line, sizeof(line), f))
		n++;
	fclose(f);
	return n;
}

static inline unsigned resident_pages(const struct rzs_blocks *b, uint32_t block)
{
	unsigned char vec[RZS_BLOCK_SIZE / 4096];
	unsigned n = 0;

	T_EQ(mincore(rzs_blocks_at(b, block), RZS_BLOCK_SIZE, vec), 0);
	for (unsigned i = 0; i < RZS_BLOCK_SIZE / PAGE; i++)
		n += vec[i] & 1;
	return n;
}

static inline bool all_locked(void)
{
	struct rzs_blocks_info i = info();

	return i.sources == i.locked;
}

#endif
