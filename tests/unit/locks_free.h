/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a thread that is within a call of the store would wait for itself, if it made another. */
#ifndef LOCKS_FREE_H
#define LOCKS_FREE_H

#include "pool_internal.h"
#include "port_test.h"
#include "store.h"

static inline bool is_free(rzs_lock_t *l)
{
	if (!rzs_trylock(l))
		return false;
	rzs_unlock(l);
	return true;
}

static inline bool all_free(struct rzs_store *store)
{
	struct rzs_pool *p = &store->pool;

	for (unsigned i = 0; i < p->nr_shards; i++)
		if (!is_free(&p->shards[i].lock))
			return false;
	for (uint32_t id = 1; id < p->next_id; id++)
		if (!is_free(&rzs_pool_block(p, id)->lock))
			return false;
	return is_free(&p->id_lock) && is_free(&store->shares.lock) &&
	       rzs_test_source_is_free(store->blocks);
}

#endif
