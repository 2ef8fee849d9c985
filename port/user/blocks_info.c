/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of open sources, their sums, and what holds for all of them; see blocks.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "blocks_private.h"

static pthread_mutex_t blocks_open_lock = PTHREAD_MUTEX_INITIALIZER;
static struct rzs_blocks *blocks_open;

void rzs_blocks_list_add(struct rzs_blocks *b)
{
	pthread_mutex_lock(&blocks_open_lock);
	b->next = blocks_open;
	blocks_open = b;
	pthread_mutex_unlock(&blocks_open_lock);
}

void rzs_blocks_list_remove(struct rzs_blocks *b)
{
	struct rzs_blocks **at = &blocks_open;

	pthread_mutex_lock(&blocks_open_lock);
	while (*at != b)
		at = &(*at)->next;
	*at = b->next;
	pthread_mutex_unlock(&blocks_open_lock);
}

void rzs_blocks_hold_all(bool still)
{
	pthread_mutex_lock(&blocks_open_lock);
	for (struct rzs_blocks *b = blocks_open; b; b = b->next) {
		pthread_mutex_lock(&b->system);
		b->still = still;
		pthread_mutex_unlock(&b->system);
		if (!still)
			rzs_blocks_kick(b);
	}
	pthread_mutex_unlock(&blocks_open_lock);
}

void rzs_blocks_info(struct rzs_blocks_info *out)
{
	uint64_t now = rzs_blocks_now();

	memset(out, 0, sizeof(*out));
	pthread_mutex_lock(&blocks_open_lock);
	for (struct rzs_blocks *b = blocks_open; b; b = b->next) {
		rzs_lock(&b->lock);
		out->taken += b->taken;
		out->ready += b->held - b->taken;
		out->least += b->least;
		out->reserve += b->reserve;
		out->max += b->max;
		out->refilled += b->refilled;
		out->returned += b->returned;
		out->failures += b->failures;
		out->shortages += b->shortages;
		out->unasked += b->unasked;
		out->refused += b->refused;
		out->bad_gives += b->bad_gives;
		out->locked += b->lock_err == 0;
		out->sources++;
		out->checks_headroom += b->checks_headroom;
		if (b->waits_since && b->waits_since < now && now - b->waits_since > out->waits_ns)
			out->waits_ns = now - b->waits_since;
		if (b->lock_err)
			out->lock_err = b->lock_err;
		rzs_unlock(&b->lock);
	}
	pthread_mutex_unlock(&blocks_open_lock);
}
