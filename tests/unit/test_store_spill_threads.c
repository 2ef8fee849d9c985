/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pages elsewhere, with many threads: some write, drop and read pages, and read what is elsewhere
 * from a made disk; others write blocks to it, sometimes in vain; one gathers, collects and
 * compacts.  A page says which one it is, and who writes it knows what it is now.
 *
 * Threads meet in the store only, so ThreadSanitizer sees what the store fails to order: the places
 * of the disk, too, are kept apart by nothing else.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "store_spill_rig.h"

#define NR_SLOTS   96u
#define NR_USERS   3u
#define NR_WRITERS 2u
#define NR_THREADS (NR_USERS + NR_WRITERS + 1)

struct thread {
	struct spill_rig *rig;
	unsigned index;
	void (*body)(struct thread *t);
	struct pages_rng rng;
	struct rzs_worker *w;
	pthread_t id;
	uint64_t served; /* reads of pages elsewhere */
};

static _Atomic uint64_t versions[NR_SLOTS]; /* of writes that have ended; odd: dropped */
static _Atomic unsigned users;
static uint64_t rounds;

static void make_page(uint8_t *page, uint64_t slot, uint64_t version)
{
	static const enum pages_kind kinds[] = {PAGES_TEXT, PAGES_RANDOM, PAGES_EDGE};
	uint64_t who[2] = {slot, version};

	pages_make(page, kinds[version / 2 % 3], pages_hash(slot, version));
	memcpy(page, who, sizeof(who));
}

/* Whether a page is one of this slot's; of its owner, the last one.  least: the version. */
static void check_page(const uint8_t *page, uint64_t slot, uint64_t least, bool mine)
{
	uint8_t want[PAGE] = {0};
	uint64_t version;

	memcpy(&version, page + 8, 8);
	if (version) {
		make_page(want, slot, version);
		T_GE(version, least);
	}
	T_MEM_EQ(page, want, PAGE);
	if (mine)
		T_EQ(version, least % 2 ? 0 : least);
}

/* The page is elsewhere: have its block read, or wait for whoever reads it. */
static void bring(struct thread *t, uint64_t slot, uint8_t *page, int *err)
{
	struct rzs_store *store = t->rig->store;
	struct rzs_spill_ticket ticket;

	if (rzs_spill_want(store, t->w, slot, &ticket)) {
		sched_yield(); /* all buffers are held; or it is in memory now */
		return;
	}
	if (ticket.start) {
		rig_do(t->rig, &ticket, false);
		rzs_spill_loaded(store, t->w, ticket.number, 0);
	} else {
		sched_yield();
	}
	*err = rzs_store_read(store, t->w, slot, page);
	t->served += !*err;
	rzs_spill_put(store, t->w, ticket.number);
}

static void check_slot(struct thread *t, uint64_t slot)
{
	uint64_t least = atomic_load_explicit(&versions[slot], memory_order_relaxed);
	uint8_t page[PAGE];
	int err;

	err = rzs_store_read(t->rig->store, t->w, slot, page);
	while (err == -EINPROGRESS) {
		bring(t, slot, page, &err);
		if (err == -EINPROGRESS)
			err = rzs_store_read(t->rig->store, t->w, slot, page);
	}
	T_EQ(err, 0);
	check_page(page, slot, least, slot % NR_USERS == t->index);
}

/* Each slot has one user who changes it. */
static void change_slot(struct thread *t, uint64_t slot, bool drop)
{
	uint64_t version = atomic_load_explicit(&versions[slot], memory_order_relaxed);
	uint8_t page[PAGE];

	version = (version | 1) + (drop && version % 2 == 0 ? 0 : 1);
	if (version % 2) {
		T_EQ(rzs_store_discard(t->rig->store, t->w, slot, 1), 0);
	} else {
		make_page(page, slot, version);
		T_EQ(rzs_store_write(t->rig->store, t->w, slot, page), 0);
	}
	atomic_store_explicit(&versions[slot], version, memory_order_relaxed);
}

static void use(struct thread *t)
{
	for (uint64_t i = 0; i < rounds; i++) {
		uint64_t x = pages_next(&t->rng), slot = (x >> 8) % NR_SLOTS;

		if (x % 8 < 5)
			check_slot(t, slot);
		else
			change_slot(t, slot - slot % NR_USERS + t->index, x % 8 == 7);
	}
	atomic_fetch_sub_explicit(&users, 1, memory_order_relaxed);
}

static bool others_run(void)
{
	return atomic_load_explicit(&users, memory_order_relaxed) > 0;
}

static void write_blocks(struct thread *t)
{
	struct rzs_spill_ticket ticket;

	while (others_run()) {
		if (rzs_spill_next(t->rig->store, t->w, &ticket)) {
			sched_yield();
			continue;
		}
		rig_do(t->rig, &ticket, true);
		rzs_spill_done(t->rig->store, t->w, ticket.number,
			       pages_below(&t->rng, 16) ? 0 : -EIO);
	}
}

static void collect(struct thread *t, uint64_t x)
{
	struct rzs_store *store = t->rig->store;
	struct rzs_spill_ticket ticket;
	bool done;
	int err;

	if (rzs_spill_collect(store, t->w, x % 101, 8, &ticket, &done))
		return;
	if (ticket.start) {
		rig_do(t->rig, &ticket, false);
		rzs_spill_loaded(store, t->w, ticket.number, 0);
	}
	err = x >> 63 ? rzs_spill_rewrite(store, t->w, ticket.number)
		      : rzs_spill_restore(store, t->w, ticket.number);
	if (err && err != -EAGAIN && err != -ENOSPC)
		T_EQ(ticket.start ? 0 : -EIO, err); /* another one has not read it yet */
	rzs_spill_put(store, t->w, ticket.number);
}

static void gather(struct thread *t)
{
	struct rzs_store *store = t->rig->store;
	struct rzs_stats s;
	uint64_t blocks;
	bool done;

	while (others_run()) {
		uint64_t x = pages_next(&t->rng);
		struct rzs_spill_policy policy = {
			.min_age = x >> 8 & 1, .raw = x >> 9 & 1, .flush = x >> 10 & 1};
		int err;

		T_EQ(rzs_store_idle_pass(store, NR_SLOTS, &done), 0);
		err = rzs_spill_gather(store, t->w, &policy, NR_SLOTS, &done);
		if (err != -EAGAIN)
			T_EQ(err, 0);
		collect(t, x);
		T_EQ(rzs_store_compact(store, t->w, 20, &blocks, &done), 0);
		rzs_store_stats(store, &s);
	}
}

static void *thread_main(void *arg)
{
	struct thread *t = arg;

	t->w = rzs_worker_get(t->rig->store, t->index);
	t->body(t);
	rzs_worker_put(t->rig->store, t->w);
	return NULL;
}

/* What the threads have left under way. */
static void settle(struct spill_rig *r, struct thread *last)
{
	(void)rig_write_all(r, 0);
	rig_verify(r);
	last->w = r->w;
	last->index = NR_USERS; /* of no slot */
	for (uint64_t slot = 0; slot < NR_SLOTS; slot++)
		check_slot(last, slot);
}

T_TEST_TIMEOUT(users_and_a_disk, 300)
{
	struct rzs_config cfg = {.nr_pages = NR_SLOTS, .nr_workers = NR_THREADS};
	struct thread threads[NR_THREADS];
	uint64_t seed = t_seed(), served = 0;
	struct spill_rig r;
	unsigned i;

	rig_open_cfg(&r, &cfg);
	rzs_worker_put(r.store, r.w);
	rzs_test_set_yield(200, seed);
	rounds = (uint64_t)(800 / t_scale()) + 1;
	users = NR_USERS;
	for (i = 0; i < NR_THREADS; i++) {
		threads[i] = (struct thread){.rig = &r, .index = i, .rng = {pages_hash(seed, i)}};
		threads[i].body = i < NR_USERS		      ? use
				  : i < NR_USERS + NR_WRITERS ? write_blocks
							      : gather;
	}
	for (i = 0; i < NR_THREADS; i++)
		T_EQ(pthread_create(&threads[i].id, NULL, thread_main, &threads[i]), 0);
	for (i = 0; i < NR_THREADS; i++) {
		T_EQ(pthread_join(threads[i].id, NULL), 0);
		served += threads[i].served;
	}
	rzs_test_set_yield(0, 0);
	r.w = rzs_worker_get(r.store, 0);
	settle(&r, &threads[0]);
	t_note("%llu blocks written, %llu read; %llu pages served",
	       (unsigned long long)rig_stats(&r).spill_writes,
	       (unsigned long long)rig_stats(&r).spill_reads, (unsigned long long)served);
	rig_close(&r);
}
