/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Threads that merge, unmerge, compact, write and read at the same time. */
#include <pthread.h>
#include <stdatomic.h>

#include "merge_rig.h"
#include "port_test.h"
#include "sanitized.h"

enum { SLOTS = 96, WRITERS = 2, CONTENTS = 6 };

static struct {
	struct rzs_store *store;
	uint8_t page[CONTENTS][PAGE];
	bool writes_merge;
	atomic_bool stop;
	atomic_uint merged, unmerged;
} shared;

/* Each writer has its own slots, so it knows what is there; half of the changes are of a few. */
static void *writer(void *arg)
{
	uintptr_t me = (uintptr_t)arg;
	struct rzs_worker *w = rzs_worker_get_own(shared.store, (unsigned)me);
	int now[SLOTS];
	uint64_t rng = t_seed() + me;
	uint8_t page[PAGE];

	for (unsigned i = 0; i < SLOTS; i++)
		now[i] = -1;
	for (unsigned n = (unsigned)((instrumented() ? 1500 : 20000) / t_scale()); n; n--) {
		uint64_t r = t_rand(&rng), slot = (r >> 8) % (r & 1 ? SLOTS : 8);

		slot -= slot % WRITERS;
		slot += me;
		if (r >> 60 == 0) {
			T_EQ(rzs_store_discard(shared.store, w, slot, 1), 0);
			now[slot] = -1;
		} else if (r >> 60 == 1 && now[slot] >= 0) {
			/* Part of the page is written as it is: under the slot's lock. */
			T_EQ(rzs_store_pwrite(shared.store, w, shared.page[now[slot]] + 100, 50,
					      slot * PAGE + 100),
			     0);
		} else if (r >> 62) {
			now[slot] = (int)((r >> 32) % CONTENTS);
			T_EQ(rzs_store_write(shared.store, w, slot, shared.page[now[slot]]), 0);
		}
		T_EQ(rzs_store_read(shared.store, w, slot, page), 0);
		if (now[slot] >= 0)
			T_MEM_EQ(page, shared.page[now[slot]], PAGE);
		if (n % 8 == 0) { /* who closes merging waits for that */
			rzs_worker_put(shared.store, w);
			w = rzs_worker_get_own(shared.store, (unsigned)me);
		}
	}
	rzs_worker_put(shared.store, w);
	return NULL;
}

/* Now and then writes begin to merge, or cease to, or there is a new index. */
static void switch_writes(struct rzs_worker *w, uint64_t round)
{
	if (round % 8 == 0) {
		rzs_store_merge_close(shared.store, w);
		T_EQ(rzs_store_merge_open(shared.store, INDEX), 0);
	}
	T_EQ(rzs_store_merge_writes(shared.store, round % 4 ? 4 : 0), 0);
}

static void *merger(void *arg)
{
	struct rzs_worker *w = rzs_worker_get_own(shared.store, WRITERS);
	struct rzs_merge_params params = {4, false};
	uint64_t merged, passes, round = 0;
	bool done;

	(void)arg;
	while (!atomic_load(&shared.stop)) {
		if (shared.writes_merge)
			switch_writes(w, round);
		T_EQ(rzs_store_merge(shared.store, w, &params, SLOTS, &merged, &passes), 0);
		atomic_fetch_add(&shared.merged, (unsigned)merged);
		if (++round % 16 == 0) {
			T_EQ(rzs_store_unmerge(shared.store, w, SLOTS, &done), 0);
			atomic_fetch_add(&shared.unmerged, 1);
		}
	}
	rzs_worker_put(shared.store, w);
	return NULL;
}

static void *compactor(void *arg)
{
	struct rzs_worker *w = rzs_worker_get_own(shared.store, WRITERS + 1);
	uint64_t blocks;
	bool more;

	(void)arg;
	while (!atomic_load(&shared.stop)) {
		T_EQ(rzs_store_compact(shared.store, w, 100, &blocks, &more), 0);
		rzs_worker_put(shared.store, w);
		w = rzs_worker_get_own(shared.store, WRITERS + 1);
	}
	rzs_worker_put(shared.store, w);
	return NULL;
}

static void run_threads(bool writes_merge)
{
	struct rzs_config cfg = {.nr_pages = SLOTS, .nr_workers = WRITERS + 2};
	pthread_t thread[WRITERS + 2];
	struct rzs_worker *w;
	const char *what;

	T_EQ(rzs_store_create(&cfg, &shared.store), 0);
	T_EQ(rzs_store_merge_open(shared.store, INDEX), 0);
	shared.writes_merge = writes_merge;
	for (unsigned i = 0; i < CONTENTS; i++)
		content(shared.page[i], i, i % 3 == 2);
	for (uintptr_t i = 0; i < WRITERS; i++)
		T_EQ(pthread_create(&thread[i], NULL, writer, (void *)i), 0);
	T_EQ(pthread_create(&thread[WRITERS], NULL, merger, NULL), 0);
	T_EQ(pthread_create(&thread[WRITERS + 1], NULL, compactor, NULL), 0);
	for (unsigned i = 0; i < WRITERS; i++)
		T_EQ(pthread_join(thread[i], NULL), 0);
	atomic_store(&shared.stop, true);
	for (unsigned i = WRITERS; i < WRITERS + 2; i++)
		T_EQ(pthread_join(thread[i], NULL), 0);
	t_note("%u pages merged, %u rounds back", shared.merged, shared.unmerged);
	T_GT(shared.merged, 0);
	w = rzs_worker_get(shared.store, 0);
	if (rzs_store_verify(shared.store, w, true, &what))
		T_FAIL("%s", what);
	rzs_worker_put(shared.store, w);
	rzs_store_destroy(shared.store);
}

T_TEST_TIMEOUT(threads, 300)
{
	run_threads(false);
}

/* Two threads that merge by writing, one that merges by scanning, and one that compacts. */
T_TEST_TIMEOUT(threads_whose_writes_merge, 300)
{
	run_threads(true);
}
