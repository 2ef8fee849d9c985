/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Upkeep that merges: in the background, beside threads that write and read, while another thread
 * changes the knobs and the limit; and an end in the middle of it.  And that compacts when it is
 * asked to.
 */
#include "t.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "pages.h"
#include "protect_server.h"
#include "sanitized.h"
#include "upkeep.h"

#define PAGES	(SANITIZED ? 256u : 4096u) /* tools make pages_make() slow */
#define WRITERS 2u
#define KINDS	16u

static int unmerge_result; /* what rzs_store_unmerge() is to return; 0: its own result */

int __real_rzs_store_unmerge(struct rzs_store *store, struct rzs_worker *w, uint64_t nr,
			     bool *out_done);
int __wrap_rzs_store_unmerge(struct rzs_store *store, struct rzs_worker *w, uint64_t nr,
			     bool *out_done);

int __wrap_rzs_store_unmerge(struct rzs_store *store, struct rzs_worker *w, uint64_t nr,
			     bool *out_done)
{
	*out_done = false;
	if (unmerge_result)
		return unmerge_result;
	return __real_rzs_store_unmerge(store, w, nr, out_done);
}

/* How often upkeep has rested. */
static atomic_uint rests;

int __real_clock_nanosleep(clockid_t clock, int flags, const struct timespec *t,
			   struct timespec *left);
int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *t,
			   struct timespec *left);

int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *t,
			   struct timespec *left)
{
	atomic_fetch_add(&rests, 1);
	return __real_clock_nanosleep(clock, flags, t, left);
}

static void no_error(const char *text)
{
	T_FAIL("%s", text);
}

static void start_upkeep(void)
{
	const struct rzs_protect_server_options options = {
		.mode = RZS_PROTECT_OFF, .realtime = RZS_REALTIME_NEVER, .error = no_error};

	T_EQ(rzs_protect_server_early(&options), 0);
	T_EQ(rzs_protect_server_late(), 0);
	T_EQ(rzs_upkeep_start(WRITERS, NULL), 0);
}

static struct rzs_store *make_store(void)
{
	const struct rzs_config config = {
		.nr_pages = PAGES, .nr_workers = WRITERS + 1, .reserve_bytes = 16 << 20};
	struct rzs_store *store;

	T_EQ(rzs_store_create(&config, &store), 0);
	return store;
}

static void write_kind(struct rzs_store *store, struct rzs_worker *w, rzs_slot_t slot,
		       unsigned kind)
{
	uint8_t page[RZS_PAGE_SIZE];
	int err;

	pages_make(page, kind % 4 ? PAGES_TEXT : PAGES_RANDOM, kind);
	do
		err = rzs_store_write(store, w, slot, page);
	while (err == -ENOMEM); /* the refill thread comes */
	T_EQ(err, 0);
}

static void check_kind(struct rzs_store *store, struct rzs_worker *w, rzs_slot_t slot,
		       unsigned kind)
{
	uint8_t page[RZS_PAGE_SIZE], want[RZS_PAGE_SIZE];

	pages_make(want, kind % 4 ? PAGES_TEXT : PAGES_RANDOM, kind);
	T_EQ(rzs_store_read(store, w, slot, page), 0);
	T_MEM_EQ(page, want, sizeof(want));
}

static void fill(struct rzs_store *store)
{
	struct rzs_worker *w = rzs_worker_get(store, 0);

	for (rzs_slot_t slot = 0; slot < PAGES; slot++)
		write_kind(store, w, slot, slot % KINDS);
	rzs_worker_put(store, w);
}

static void verify(struct rzs_store *store)
{
	struct rzs_worker *w = rzs_worker_get(store, 0);
	const char *what;

	if (rzs_store_verify(store, w, true, &what))
		T_FAIL("%s", what);
	rzs_worker_put(store, w);
}

static uint64_t sharing(struct rzs_store *store)
{
	struct rzs_stats s;

	rzs_store_stats(store, &s);
	return s.pages_sharing;
}

static uint64_t scans(struct rzs_store *store)
{
	struct rzs_stats s;

	rzs_store_stats(store, &s);
	return s.full_scans;
}

/* All of it, again and again. */
static struct rzs_merge_knobs fast(int run)
{
	struct rzs_merge_knobs k;

	rzs_merge_knobs_init(&k);
	k.run = run;
	k.sleep_millisecs = 0;
	return k;
}

static void set(struct rzs_store *store, const struct rzs_merge_knobs *knobs)
{
	char why[RZS_WHY_MAX];

	if (rzs_upkeep_merge(store, knobs, why))
		T_FAIL("%s", why);
}

static int run_of(struct rzs_store *store)
{
	struct rzs_merge_knobs k;

	rzs_upkeep_merge_knobs(store, &k);
	return k.run;
}

/* Red when nothing merges, or what is off goes on; or one store's knobs are another's. */
static uint64_t idle_in(struct rzs_store *store)
{
	uint64_t idle, blocks;

	rzs_store_idle(store, &idle, &blocks);
	return idle;
}

/* Fewer gaps than it would do anything about by itself. */
T_TEST(compaction_that_is_asked_for)
{
	struct rzs_store *store = make_store();
	struct rzs_worker *w = rzs_worker_get(store, 0);
	uint64_t idle;

	for (rzs_slot_t slot = 0; slot < 192; slot++)
		write_kind(store, w, slot, 4 * (unsigned)slot);
	for (rzs_slot_t slot = 0; slot < 192; slot += 2)
		T_EQ(rzs_store_discard(store, w, slot, 1), 0);
	rzs_worker_put(store, w);
	T_EQ(rzs_upkeep_compact(store), -ENOENT);
	start_upkeep();
	T_EQ(rzs_upkeep_add(NULL, store), 0);
	rzs_upkeep_wake();
	idle = idle_in(store);
	T_GT(idle, 200 << 10);
	T_LT(idle, 1 << 20);
	T_EQ(rzs_upkeep_compact(store), 0);
	T_WAIT(idle_in(store) < idle / 2, 60);
	rzs_upkeep_remove(store);
	rzs_upkeep_stop();
	verify(store); /* not while the thread may be at it */
	rzs_store_destroy(store);
}

T_TEST(there_and_back)
{
	struct rzs_store *store = make_store(), *other = make_store();
	struct rzs_merge_knobs k = fast(RZS_MERGE_RUN);

	start_upkeep();
	T_EQ(rzs_upkeep_add("other", other), 0);
	T_EQ(rzs_upkeep_add("store", store), 0);
	fill(store);
	fill(other);
	set(store, &k);
	T_WAIT(sharing(store) == PAGES - KINDS, 60);
	k.run = RZS_MERGE_STOP;
	set(store, &k);
	T_EQ(sharing(store), PAGES - KINDS);
	T_EQ(scans(other), 0);
	k.run = RZS_MERGE_UNDO;
	set(store, &k);
	T_WAIT(sharing(store) == 0, 60);
	T_EQ(run_of(store), RZS_MERGE_UNDO);
	T_EQ(run_of(other), RZS_MERGE_STOP);
	rzs_upkeep_stop();
	rzs_upkeep_remove(store);
	rzs_upkeep_remove(other);
	verify(store);
	rzs_store_destroy(store);
	rzs_store_destroy(other);
}

/*
 * Red when a scan that is always due leaves the processor to nobody else: the thread comes before
 * all others, so it has to rest after every few steps.
 */
T_TEST(a_scan_without_pauses_rests)
{
	struct rzs_store *store = make_store();
	struct rzs_merge_knobs k = fast(RZS_MERGE_RUN);

	k.pages_to_scan = INT32_MAX;
	start_upkeep();
	T_EQ(rzs_upkeep_add(NULL, store), 0);
	fill(store);
	set(store, &k);
	T_WAIT(scans(store) > 8, 60);
	k.run = RZS_MERGE_STOP;
	set(store, &k);
	T_GE(atomic_load(&rests), 8 * PAGES / 64 - 1);
	rzs_upkeep_stop();
	rzs_upkeep_remove(store);
	rzs_store_destroy(store);
}

static struct rzs_store *shared;
static atomic_bool enough;

/* Writes and reads each WRITERS-th page, and knows what is there. */
static void *writer(void *arg)
{
	static uint8_t kinds[WRITERS][PAGES];
	unsigned me = *(const unsigned *)arg;
	uint64_t rng = me + 1;
	struct rzs_worker *w = rzs_worker_get_own(shared, me);

	for (rzs_slot_t slot = me; slot < PAGES; slot += WRITERS)
		kinds[me][slot] = slot % KINDS;
	while (!atomic_load(&enough)) {
		rzs_slot_t slot = t_rand(&rng) % (PAGES / WRITERS) * WRITERS + me;

		check_kind(shared, w, slot, kinds[me][slot]);
		kinds[me][slot] = t_rand(&rng) % KINDS;
		write_kind(shared, w, slot, kinds[me][slot]);
	}
	for (rzs_slot_t slot = me; slot < PAGES; slot += WRITERS)
		check_kind(shared, w, slot, kinds[me][slot]);
	rzs_worker_put(shared, w);
	return NULL;
}

static void change_something(uint64_t *rng)
{
	struct rzs_merge_knobs k;
	char why[RZS_WHY_MAX];
	int err;

	rzs_upkeep_merge_knobs(shared, &k);
	k.run = t_rand(rng) % 3;
	k.pages_to_scan = t_rand(rng) % 1000;
	k.sleep_millisecs = t_rand(rng) % 2;
	k.smart_scan = t_rand(rng) % 2;
	if (t_rand(rng) % 8 == 0)
		k.max_page_sharing = 2 + t_rand(rng) % 500;
	err = rzs_upkeep_merge(shared, &k, why);
	if (err && err != -EBUSY)
		T_FAIL("%d: %s", err, why);
	rzs_upkeep_pause(shared);
	T_EQ(rzs_store_set_limit(shared, t_rand(rng) % 2 ? 0 : 100u << 20), 0);
	rzs_upkeep_resume(shared);
}

/* Red when a page reads as another one, or, under ThreadSanitizer, when knobs are not guarded. */
T_TEST_TIMEOUT(knobs_are_changed_beside_reads_and_writes, 120)
{
	static const unsigned number[WRITERS] = {0, 1};
	pthread_t threads[WRITERS];
	uint64_t rng = t_seed();
	struct rzs_merge_knobs k;

	shared = make_store();
	start_upkeep();
	T_EQ(rzs_upkeep_add("shared", shared), 0);
	fill(shared);
	for (unsigned i = 0; i < WRITERS; i++)
		T_EQ(pthread_create(&threads[i], NULL, writer, (void *)(uintptr_t)&number[i]), 0);
	for (unsigned i = 0; i < (SANITIZED ? 100 : 400); i++) {
		change_something(&rng);
		sched_yield();
	}
	rzs_upkeep_merge_knobs(shared, &k);
	k.run = RZS_MERGE_RUN;
	k.pages_to_scan = PAGES;
	k.sleep_millisecs = 0;
	set(shared, &k);
	T_WAIT(sharing(shared) > 0, 60);
	atomic_store(&enough, true);
	for (unsigned i = 0; i < WRITERS; i++)
		T_EQ(pthread_join(threads[i], NULL), 0);
	rzs_upkeep_stop();
	rzs_upkeep_remove(shared);
	verify(shared);
	rzs_store_destroy(shared);
}

/* Red (a sanitizer's, a crash or a hang) when a store is used after it has been taken away. */
T_TEST(an_end_in_the_middle)
{
	struct rzs_merge_knobs k = fast(RZS_MERGE_RUN);

	k.pages_to_scan = INT32_MAX;
	start_upkeep();
	for (unsigned round = 0; round < 5; round++) {
		struct rzs_store *store = make_store();

		fill(store);
		T_EQ(rzs_upkeep_add("short-lived", store), 0);
		set(store, &k);
		T_WAIT(scans(store) > 1, 60);
		if (round == 4)
			rzs_upkeep_stop();
		rzs_upkeep_remove(store);
		rzs_store_destroy(store);
	}
}

static int log_pipe[2];

/* What was said so far, added to what is in text. */
static bool has_said(char *text, size_t size, const char *what)
{
	size_t len = strlen(text);
	ssize_t n = read(log_pipe[0], text + len, size - len - 1);

	if (n > 0)
		text[len + (size_t)n] = '\0';
	return strstr(text, what) != NULL;
}

/* Red when undoing stops without a word, or run does not become 0. */
T_TEST(undoing_that_stops_is_reported)
{
	struct rzs_merge_knobs k = fast(RZS_MERGE_RUN);
	struct rzs_store *store = make_store();
	char text[4096] = "", want[256];

	T_EQ(pipe2(log_pipe, O_NONBLOCK), 0);
	T_GE(dup2(log_pipe[1], 2), 0);
	start_upkeep();
	T_EQ(rzs_upkeep_add("swap7", store), 0);
	fill(store);
	set(store, &k);
	T_WAIT(sharing(store) == PAGES - KINDS, 60);
	unmerge_result = -ENOSPC;
	k.run = RZS_MERGE_UNDO;
	set(store, &k);
	snprintf(want, sizeof(want),
		 "rzs: warning: swap7: merge-run=2: %u pages still share objects, as memlimit is "
		 "reached; merge-run is 0 now\n",
		 PAGES - KINDS);
	T_WAIT(has_said(text, sizeof(text), want), 20);
	T_EQ(run_of(store), RZS_MERGE_STOP);
	rzs_upkeep_stop();
	rzs_upkeep_remove(store);
	rzs_store_destroy(store);
}
