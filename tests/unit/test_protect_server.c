/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a server may not start, and how its threads are scheduled: the main one and upkeep's. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "t.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "protect_server.h"
#include "upkeep.h"

#ifndef PR_GET_IO_FLUSHER
#define PR_GET_IO_FLUSHER 58
#endif

#define PAGES 4096u

static void no_error(const char *text)
{
	T_FAIL("%s", text);
}

static long page_size; /* 0: the system's own */

long __real_sysconf(int name);
long __wrap_sysconf(int name);
long __wrap_sysconf(int name)
{
	return name == _SC_PAGESIZE && page_size ? page_size : __real_sysconf(name);
}

static unsigned complaints;

static void complain(const char *text)
{
	complaints++;
	T_STR_EQ(text, "this system's pages have 65536 bytes; pages of more than 32768 are not "
		       "supported");
}

/* Red when a server starts where giving a block's memory back takes its neighbour's as well. */
T_TEST(pages_larger_than_a_block_are_refused_at_the_start)
{
	const struct rzs_protect_server_options options = {
		.mode = RZS_PROTECT_OFF, .realtime = RZS_REALTIME_NEVER, .error = complain};
	const struct rzs_config cfg = {.nr_pages = PAGES, .nr_workers = 1};
	struct rzs_store *store = (struct rzs_store *)&store;

	page_size = 65536;
	T_EQ(rzs_protect_server_early(&options), -ENOTSUP);
	T_EQ(complaints, 1);
	T_EQ(rzs_store_create(&cfg, &store), -ENOTSUP);
	T_EQ(store, NULL);
	page_size = 16384;
	T_EQ(rzs_protect_server_early(&options), 0);
	T_EQ(complaints, 1);
}

/* Real-time threads wanted; the test ends where they are not to be had. */
static void want_realtime(void)
{
	const struct rzs_protect_server_options options = {
		.mode = RZS_PROTECT_AUTO, .realtime = RZS_REALTIME_ALWAYS, .error = no_error};

	/* Whoever started the tests may have given them another priority. */
	if (setpriority(PRIO_PROCESS, 0, 0) < 0)
		T_SKIP("this user may not set the priority to 0");
	T_EQ(rzs_protect_server_early(&options), 0);
	if (getpriority(PRIO_PROCESS, 0) != -20)
		T_SKIP("this user may not be in haste");
}

/* By the child of a fork, as a daemon is one: 0, or the line that is not so. */
static int become_daemon(void)
{
	if (getpriority(PRIO_PROCESS, 0) != 0 || rzs_protect_server_late())
		return __LINE__;
	return getpriority(PRIO_PROCESS, 0) == -20 ? 0 : __LINE__;
}

/* Red when the daemon's main thread stays without its haste, or the parent keeps it. */
T_TEST(haste_is_the_daemons_and_not_its_parents)
{
	int status = 0;
	pid_t child;

	want_realtime();
	child = fork();
	if (child == 0)
		_exit(become_daemon() % 256);
	T_EQ(waitpid(child, &status, 0), child);
	T_OK(WIFEXITED(status));
	T_EQ(WEXITSTATUS(status), 0);
	T_EQ(getpriority(PRIO_PROCESS, 0), 0);
}

/* Red when a successor's main thread is in haste, or never waits for I/O, while it takes memory. */
T_TEST(a_main_thread_is_ordinary_until_it_is_protected)
{
	const struct rzs_protect_server_options options = {.mode = RZS_PROTECT_AUTO,
							   .realtime = RZS_REALTIME_ALWAYS,
							   .main_later = true,
							   .error = no_error};

	if (setpriority(PRIO_PROCESS, 0, 0) < 0)
		T_SKIP("this user may not set the priority to 0");
	T_EQ(rzs_protect_server_early(&options), 0);
	T_EQ(rzs_protect_server_late(), 0);
	T_EQ(rzs_protect_server_front(), NULL);
	T_EQ(getpriority(PRIO_PROCESS, 0), 0);
	T_NE(prctl(PR_GET_IO_FLUSHER, 0, 0, 0, 0), 1);
	T_EQ(rzs_protect_server_main(), 0);
	T_NE(rzs_protect_server_front(), NULL);
	if (getpriority(PRIO_PROCESS, 0) != -20)
		T_SKIP("this user may not be in haste");
	T_NE(prctl(PR_GET_IO_FLUSHER, 0, 0, 0, 0), 0); /* -1: not for this user */
	rzs_protect_server_end();
}

static int compacts_at = -1, ticks_at = -1; /* the upkeep thread's priority then; 0: ordinary */
static unsigned compactions;

static int priority_now(void)
{
	struct sched_param param;

	T_EQ(sched_getparam(0, &param), 0);
	return param.sched_priority;
}

int __real_rzs_store_compact(struct rzs_store *store, struct rzs_worker *worker,
			     uint64_t max_objects, uint64_t *out_blocks, bool *out_more);
int __wrap_rzs_store_compact(struct rzs_store *store, struct rzs_worker *worker,
			     uint64_t max_objects, uint64_t *out_blocks, bool *out_more);
int __wrap_rzs_store_compact(struct rzs_store *store, struct rzs_worker *worker,
			     uint64_t max_objects, uint64_t *out_blocks, bool *out_more)
{
	__atomic_store_n(&compacts_at, priority_now(), __ATOMIC_RELAXED);
	__atomic_fetch_add(&compactions, 1, __ATOMIC_RELEASE);
	return __real_rzs_store_compact(store, worker, max_objects, out_blocks, out_more);
}

static void tick(void)
{
	__atomic_store_n(&ticks_at, priority_now(), __ATOMIC_RELEASE);
}

static struct rzs_store *store_with_holes(void)
{
	const struct rzs_config cfg = {
		.nr_pages = PAGES, .nr_workers = 2, .reserve_bytes = PAGES * 4096ull};
	uint8_t page[RZS_PAGE_SIZE] = {0};
	struct rzs_worker *worker;
	struct rzs_store *store;
	uint64_t seed = 1;

	T_EQ(rzs_store_create(&cfg, &store), 0);
	worker = rzs_worker_get(store, 0);
	for (rzs_slot_t slot = 0; slot < PAGES; slot++) {
		for (unsigned i = 0; i < RZS_PAGE_SIZE / 2; i++)
			page[i] = (uint8_t)t_rand(&seed);
		T_EQ(rzs_store_write(store, worker, slot, page), 0);
	}
	for (rzs_slot_t slot = 0; slot < PAGES; slot++)
		if (slot % 4)
			T_EQ(rzs_store_discard(store, worker, slot, 1), 0);
	rzs_worker_put(store, worker);
	return store;
}

/* Red when an I/O thread can wait for a lock of one that anybody may keep from the processor. */
T_TEST(upkeep_compacts_at_the_priority_of_those_who_wait_for_it)
{
	struct rzs_store *store;

	want_realtime();
	T_EQ(rzs_protect_server_late(), 0);
	T_EQ(rzs_upkeep_start(1, tick), 0);
	T_WAIT(__atomic_load_n(&ticks_at, __ATOMIC_ACQUIRE) >= 0, 20);
	T_EQ(__atomic_load_n(&ticks_at, __ATOMIC_ACQUIRE), 0);
	store = store_with_holes();
	T_EQ(rzs_upkeep_add("", store), 0);
	rzs_upkeep_wake();
	T_WAIT(__atomic_load_n(&compactions, __ATOMIC_ACQUIRE) > 0, 20);
	T_EQ(__atomic_load_n(&compacts_at, __ATOMIC_RELAXED), 2);
	__atomic_store_n(&ticks_at, -1, __ATOMIC_RELEASE);
	T_WAIT(__atomic_load_n(&ticks_at, __ATOMIC_ACQUIRE) >= 0, 20);
	T_EQ(__atomic_load_n(&ticks_at, __ATOMIC_ACQUIRE), 0);
	rzs_upkeep_stop();
	rzs_upkeep_remove(store);
	rzs_store_destroy(store);
	rzs_protect_server_end();
}

/* Without swap nobody is in haste, and upkeep is not either. */
T_TEST(upkeep_is_ordinary_where_nobody_is_quick)
{
	const struct rzs_protect_server_options options = {
		.mode = RZS_PROTECT_AUTO, .realtime = RZS_REALTIME_NEVER, .error = no_error};
	struct rzs_store *store;

	T_EQ(rzs_protect_server_early(&options), 0);
	T_EQ(rzs_protect_server_late(), 0);
	T_EQ(rzs_upkeep_start(1, NULL), 0);
	store = store_with_holes();
	T_EQ(rzs_upkeep_add("", store), 0);
	rzs_upkeep_wake();
	T_WAIT(__atomic_load_n(&compactions, __ATOMIC_ACQUIRE) > 0, 20);
	T_EQ(__atomic_load_n(&compacts_at, __ATOMIC_RELAXED), 0);
	rzs_upkeep_stop();
	rzs_upkeep_remove(store);
	rzs_store_destroy(store);
	rzs_protect_server_end();
}
