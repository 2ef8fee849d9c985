/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * More users of workers than there are workers.  A server has one worker for each thread that
 * serves I/O and one more, which two share that do not: these may wait for each other, but nobody
 * who serves may ever wait for them.
 */
#include "store.h"
#include "t.h"

#include <pthread.h>
#include <stdatomic.h>

#define SERVING 3u
#define SHARED	SERVING /* the worker's number */

struct user {
	struct rzs_store *store;
	pthread_t thread;
	atomic_bool has, let_go;
	struct rzs_worker *got;
};

static struct rzs_store *make_store(void)
{
	const struct rzs_config cfg = {.nr_pages = 100, .nr_workers = SERVING + 1};
	struct rzs_store *store;

	T_EQ(rzs_store_create(&cfg, &store), 0);
	return store;
}

static void *share(void *arg)
{
	struct user *u = arg;

	u->got = rzs_worker_get_own(u->store, SHARED);
	atomic_store(&u->has, true);
	while (!atomic_load(&u->let_go))
		t_pause();
	rzs_worker_put(u->store, u->got);
	return NULL;
}

static void start(struct user *u, struct rzs_store *store)
{
	*u = (struct user){.store = store};
	T_EQ(pthread_create(&u->thread, NULL, share, u), 0);
}

/* Somebody sleeps until the worker is put back. */
static bool is_waited_for(struct rzs_store *store, unsigned index)
{
	return __atomic_load_n(&store->workers[index]->mutex.word, __ATOMIC_RELAXED) == 2;
}

/* Red when the second of those who share takes a worker of those who serve. */
T_TEST(who_serves_never_waits_for_those_who_share_a_worker)
{
	struct rzs_store *store = make_store();
	struct rzs_worker *w[SERVING];
	struct user first, second;
	unsigned i, round;

	start(&first, store);
	T_WAIT(atomic_load(&first.has), 20);
	start(&second, store);
	T_WAIT(is_waited_for(store, SHARED) || atomic_load(&second.has), 20);
	T_OK(!atomic_load(&second.has));
	/* All who serve are at it; one after the other puts its worker back and has it again. */
	for (i = 0; i < SERVING; i++)
		T_EQ(w[i] = rzs_worker_tryget(store, i), store->workers[i]);
	for (round = 0; round < 100; round++) {
		i = round % SERVING;
		rzs_worker_put(store, w[i]);
		T_EQ(w[i] = rzs_worker_tryget(store, i), store->workers[i]);
	}
	T_OK(!atomic_load(&second.has));
	atomic_store(&first.let_go, true);
	T_WAIT(atomic_load(&second.has), 20); /* and it need not wait for those who serve */
	atomic_store(&second.let_go, true);
	T_EQ(pthread_join(first.thread, NULL), 0);
	T_EQ(pthread_join(second.thread, NULL), 0);
	T_EQ(first.got, store->workers[SHARED]);
	T_EQ(second.got, store->workers[SHARED]);
	for (i = 0; i < SERVING; i++)
		rzs_worker_put(store, w[i]);
	rzs_store_destroy(store);
}

/* Red when a thread waits although there is a worker. */
T_TEST(who_serves_takes_any_worker_that_is_free)
{
	struct rzs_store *store = make_store();
	struct rzs_worker *w[SERVING + 1];
	unsigned i, j;

	for (i = 0; i <= SERVING; i++) {
		w[i] = rzs_worker_get(store, 1);
		T_NE(w[i], NULL);
		for (j = 0; j < i; j++)
			T_NE(w[i], w[j]);
	}
	T_EQ(rzs_worker_tryget(store, 1), NULL);
	for (i = 0; i <= SERVING; i++)
		rzs_worker_put(store, w[i]);
	rzs_store_destroy(store);
}
