/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The upkeep thread.  It does what threads that serve I/O must not do:
 *
 *   - compaction, when much memory lies idle in gaps between objects, when a write was refused, or
 *     when it is asked for; in steps so short that nobody waits long;
 *   - merging equal pages where that is wanted (merger.h), after compaction, in such steps too;
 *   - looking for idle pages, and recompressing them, where that is wanted (recompressor.h);
 *   - moving pages to disk, where there is one (spiller.h);
 *   - messages about refused writes and corrupt pages (upkeep_say.h);
 *   - making threads real-time ones while the machine has swap on (protect_server.c).
 *
 * Threading: `lock` guards `stores` and its entries.  The thread holds it for one step at a time,
 * and continues with the next higher id; ids only ever grow.  I/O threads and signal handlers only
 * use `wake`, `poked` and `nudged`, through atomics and a write() to an eventfd.
 *
 * While an entry is paused, the thread leaves its merger, recompressor and spiller alone.  So
 * whoever paused it may use them without the lock, and wait for memory.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "protect_server.h"
#include "ram.h"
#include "say.h"
#include "upkeep.h"
#include "upkeep_say.h"

#define TICK_MS 1000u

/*
 * Objects that one step looks at; then other threads can have the worker and the locks.  256 moves
 * take well under a millisecond.
 */
#define STEP_OBJECTS 256

/* Compaction starts when more than 1/IDLE_SHARE of the blocks is idle, and IDLE_LEAST bytes. */
#define IDLE_SHARE 32
#define IDLE_LEAST (1u << 20)

/* The longest rest: a step that takes longer has lost its processor. */
#define REST_NS_MAX 10000000u

struct entry {
	struct entry *next; /* has a higher id */
	uint64_t id;
	const char *name; /* NULL: the only one */
	struct rzs_store *store;
	uint64_t refused_before;
	bool asleep; /* the store is not ready to be looked at */
	bool compacting, compaction_asked;
	struct rzs_merger merger;
	struct rzs_recompressor recompressor;
	struct rzs_spiller *spiller; /* NULL: all pages are in memory */
	unsigned spill_after;	     /* s */
	bool paused;
	struct rzs_upkeep_said said;
};

static int wake = -1; /* an eventfd */
static atomic_bool poked, nudged, stopping;
static pthread_t thread;
static bool running;
static struct rzs_thread *own_entry; /* the thread's */
static unsigned own_worker;
static void (*on_tick)(void);
static uint64_t step_wait; /* the thread's: ms until the next step that is not compaction */

/* The thread's: what a target's trouble is.  It is said without the lock, as that may take long. */
static char trouble[RZS_WHY_MAX];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct entry *stores;
static uint64_t last_id;
static bool held; /* under lock: the stores are left alone */

/* Look at a store: write messages, and decide whether to compact it. */
static bool check_store(struct entry *e)
{
	uint64_t idle, blocks;
	struct rzs_stats s;

	rzs_store_stats(e->store, &s);
	rzs_store_idle(e->store, &idle, &blocks);
	e->compacting = e->compaction_asked || (e->spiller && rzs_spiller_is_wanted(e->spiller)) ||
			s.refused_limit != e->refused_before ||
			(idle > IDLE_LEAST && idle > blocks / IDLE_SHARE);
	e->compaction_asked = false;
	e->refused_before = s.refused_limit;
	rzs_upkeep_say(&e->said, e->name, &s, e->spiller);
	return e->compacting;
}

static bool compact_step(struct entry *e)
{
	struct rzs_worker *worker;
	uint64_t blocks;
	bool raised;

	if (!e->compacting)
		return false;
	/* This worker alone: an I/O thread may wait for another one. */
	worker = rzs_worker_get_own(e->store, own_worker);
	raised = rzs_threads_raise(own_entry); /* I/O threads may wait for the locks */
	if (rzs_store_compact(e->store, worker, STEP_OBJECTS, &blocks, &e->compacting) < 0)
		e->compacting = false;
	if (raised)
		rzs_threads_lower(own_entry);
	rzs_worker_put(e->store, worker);
	return e->compacting;
}

/* Undoing has ended without having done all. */
static void tell_undone(const struct entry *e, int err)
{
	const char *name = e->name ? e->name : "", *colon = e->name ? ": " : "";
	struct rzs_stats s;

	rzs_store_stats(e->store, &s);
	rzs_say_at(RZS_SAY_WARNING, "%s%smerge-run=2: %llu pages still share objects, as %s", name,
		   colon, (unsigned long long)s.pages_sharing,
		   err == -EIO	    ? "these are damaged; reads of such pages fail with EIO"
		   : err == -ENOSPC ? "memlimit is reached; merge-run is 0 now"
				    : "the reserve stays empty; merge-run is 0 now");
}

/* A step is due in wait ms.  Returns whether that is at once. */
static bool wait_for_step(uint64_t wait)
{
	if (wait < step_wait)
		step_wait = wait;
	return wait == 0;
}

/* Returns whether the next step is due at once. */
static bool merge_step(struct entry *e)
{
	struct rzs_worker *worker;
	bool raised;
	uint64_t wait;
	int err;

	if (e->paused || rzs_merger_wait(&e->merger, rzs_clock_ms()) > 0)
		goto out;
	worker = rzs_worker_get_own(e->store, own_worker);
	raised = rzs_threads_raise(own_entry);
	err = rzs_merger_step(&e->merger, worker, rzs_clock_ms());
	if (raised)
		rzs_threads_lower(own_entry);
	rzs_worker_put(e->store, worker);
	if (err < 0)
		tell_undone(e, err);
out:
	wait = e->paused ? UINT64_MAX : rzs_merger_wait(&e->merger, rzs_clock_ms());
	return wait_for_step(wait);
}

static uint64_t own_cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Returns whether the next step is due at once. */
static bool recompress_step(struct entry *e)
{
	struct rzs_recompressor *r = &e->recompressor;
	struct rzs_worker *worker;
	bool raised;

	if (!e->paused && rzs_recompressor_wait(r, rzs_clock_ms()) == 0) {
		worker = rzs_worker_get_own(e->store, own_worker);
		raised = rzs_threads_raise(own_entry);
		rzs_recompressor_step(r, worker, rzs_clock_ms(), own_cpu_ns);
		if (raised)
			rzs_threads_lower(own_entry);
		rzs_worker_put(e->store, worker);
	}
	return wait_for_step(e->paused ? UINT64_MAX : rzs_recompressor_wait(r, rzs_clock_ms()));
}

/* Returns whether the next step is due at once. */
static bool spill_step(struct entry *e)
{
	struct rzs_spiller *s = e->spiller;
	struct rzs_worker *worker;
	char line[RZS_WHY_MAX];
	bool raised;

	if (!s || e->paused)
		return false;
	if (rzs_spiller_wait(s, rzs_clock_ms()) == 0) {
		const struct rzs_spiller_knobs knobs = {
			.after = e->spill_after,
			.step = rzs_recompressor_pause(&e->recompressor),
			.raw = true,
		};

		worker = rzs_worker_get_own(e->store, own_worker);
		raised = rzs_threads_raise(own_entry);
		rzs_spiller_tune(s, &knobs);
		rzs_spiller_step(s, worker, rzs_clock_ms());
		if (!trouble[0] && rzs_spiller_trouble(s, line))
			snprintf(trouble, sizeof(trouble), "%s%sspill: %.180s",
				 e->name ? e->name : "", e->name ? ": " : "", line);
		if (raised)
			rzs_threads_lower(own_entry);
		rzs_worker_put(e->store, worker);
	}
	return wait_for_step(rzs_spiller_wait(s, rzs_clock_ms()));
}

/* All, and not one after the others have had all of their turns. */
static bool idle_step(struct entry *e)
{
	bool merges = merge_step(e), spills = spill_step(e);

	return recompress_step(e) || merges || spills;
}

/* The first entry with an id above this one; under lock. */
static struct entry *entry_after(uint64_t id)
{
	struct entry *e = stores;

	while (e && e->id <= id)
		e = e->next;
	return e;
}

/* Call fn for each store, and give up the lock after each.  Whether any needs more of it. */
static bool for_each_store(bool (*fn)(struct entry *e))
{
	bool more = false;
	uint64_t id = 0;
	struct entry *e;

	do {
		pthread_mutex_lock(&lock);
		e = entry_after(id);
		if (e) {
			id = e->id;
			more |= !e->asleep && !held && fn(e);
		}
		pthread_mutex_unlock(&lock);
	} while (e && !atomic_load(&stopping));
	return more;
}

static void say_trouble(void)
{
	if (trouble[0])
		rzs_say_at(RZS_SAY_WARNING, "%s", trouble);
	trouble[0] = '\0';
}

/*
 * Wait for rzs_upkeep_wake(), rzs_upkeep_wake_spilling() or a change of swap, ms at most.  Returns
 * whether all stores are to be looked at.
 */
static bool upkeep_wait(int swaps, uint64_t ms)
{
	struct pollfd fds[] = {
		{.fd = wake, .events = POLLIN},
		{.fd = swaps, .events = POLLPRI}, /* poll() skips negative ones */
	};
	uint64_t pokes;

	if (poll(fds, sizeof(fds) / sizeof(fds[0]), (int)ms) <= 0)
		return false;
	if (fds[0].revents)
		(void)!read(wake, &pokes, sizeof(pokes)); /* `poked` and `nudged` say the same */
	atomic_store(&nudged, false);
	if (fds[1].revents)
		rzs_protect_server_follow_swap();
	return fds[1].revents || atomic_load(&poked);
}

/* What there is to do at a tick or when woken. */
static void look_at_all(void)
{
	bool more;

	atomic_store(&poked, false);
	rzs_protect_server_tick();
	more = for_each_store(check_store);
	while (more && !atomic_load(&stopping)) {
		more = for_each_store(compact_step);
		sched_yield();
	}
	if (on_tick)
		on_tick();
}

/*
 * Merging may have a step due at once for as long as its knobs say, and this thread comes before
 * all others: it has nice -20, and the priority of I/O threads during a step.  So it rests for as
 * long as the steps since `began` took, and others have half of the processor at least.
 */
static void rest(uint64_t began)
{
	uint64_t ns = rzs_clock_ns() - began;
	struct timespec ts = {.tv_nsec = (long)(ns < REST_NS_MAX ? ns : REST_NS_MAX)};

	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
}

static void *upkeep_main(void *unused)
{
	uint64_t tick = rzs_clock_ms() + TICK_MS; /* when the next one is */
	int swaps;

	(void)unused;
	own_entry = rzs_protect_server_thread(RZS_THREAD_HELPER);
	swaps = rzs_protect_server_swap_fd();
	if (swaps >= 0)
		rzs_protect_server_follow_swap(); /* it may have changed since the start */
	step_wait = UINT64_MAX;
	while (!atomic_load(&stopping)) {
		uint64_t now = rzs_clock_ms(), wait = tick > now ? tick - now : 0, began;

		if (upkeep_wait(swaps, step_wait < wait ? step_wait : wait) ||
		    rzs_clock_ms() >= tick) {
			look_at_all();
			tick = rzs_clock_ms() + TICK_MS;
		}
		step_wait = UINT64_MAX;
		began = rzs_clock_ns();
		if (for_each_store(idle_step))
			rest(began);
		say_trouble();
	}
	return NULL;
}

static void wake_for(atomic_bool *what)
{
	static const uint64_t one = 1;
	int saved = errno;

	if (!atomic_exchange(what, true))
		(void)!write(wake, &one, sizeof(one)); /* EAGAIN: it is awake already */
	errno = saved;
}

void rzs_upkeep_wake(void)
{
	wake_for(&poked);
}

void rzs_upkeep_wake_spilling(void *arg)
{
	(void)arg;
	wake_for(&nudged);
}

int rzs_upkeep_start(unsigned worker, void (*tick)(void))
{
	int err;

	own_worker = worker;
	on_tick = tick;
	wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (wake < 0)
		return -errno;
	err = rzs_threads_start(&thread, "rzs-upkeep", upkeep_main, NULL);
	if (err == 0)
		running = true;
	return err;
}

void rzs_upkeep_stop(void)
{
	if (!running)
		return;
	atomic_store(&stopping, true);
	rzs_upkeep_wake();
	pthread_join(thread, NULL);
	running = false;
}

void rzs_upkeep_hold(bool hold)
{
	pthread_mutex_lock(&lock);
	held = hold;
	pthread_mutex_unlock(&lock);
	if (!hold && running)
		rzs_upkeep_wake();
}

int rzs_upkeep_prepare(const char *name, struct rzs_store *store)
{
	struct entry *e = calloc(1, sizeof(*e)), **at;

	if (!e)
		return -ENOMEM;
	e->asleep = true;
	e->name = name;
	e->store = store;
	e->merger.store = store;
	rzs_merge_knobs_init(&e->merger.knobs);
	e->recompressor.store = store;
	rzs_recompress_knobs_init(&e->recompressor.knobs);
	pthread_mutex_lock(&lock);
	e->id = ++last_id;
	for (at = &stores; *at; at = &(*at)->next)
		;
	*at = e;
	pthread_mutex_unlock(&lock);
	return 0;
}

int rzs_upkeep_add(const char *name, struct rzs_store *store)
{
	int err = rzs_upkeep_prepare(name, store);

	if (err == 0)
		rzs_upkeep_begin(store);
	return err;
}

void rzs_upkeep_remove(struct rzs_store *store)
{
	struct entry *gone = NULL;

	pthread_mutex_lock(&lock);
	for (struct entry **at = &stores; *at; at = &(*at)->next) {
		if ((*at)->store == store) {
			gone = *at;
			*at = gone->next;
			break;
		}
	}
	pthread_mutex_unlock(&lock);
	free(gone);
}

/* ---- what others ask for; entries are added and removed by the calling thread alone ---- */

static struct entry *entry_of(const struct rzs_store *store)
{
	struct entry *e = stores;

	while (e && e->store != store)
		e = e->next;
	return e;
}

void rzs_upkeep_begin(struct rzs_store *store)
{
	struct entry *e;

	pthread_mutex_lock(&lock);
	e = entry_of(store);
	if (e)
		e->asleep = false;
	pthread_mutex_unlock(&lock);
}

int rzs_upkeep_compact(struct rzs_store *store)
{
	struct entry *e;

	pthread_mutex_lock(&lock);
	e = entry_of(store);
	if (e)
		e->compaction_asked = true;
	pthread_mutex_unlock(&lock);
	if (!e)
		return -ENOENT;
	if (running)
		rzs_upkeep_wake();
	return 0;
}

static struct entry *set_paused(struct rzs_store *store, bool paused)
{
	struct entry *e;

	pthread_mutex_lock(&lock);
	e = entry_of(store);
	if (e)
		e->paused = paused;
	pthread_mutex_unlock(&lock);
	return e;
}

void rzs_upkeep_pause(struct rzs_store *store)
{
	(void)set_paused(store, true);
}

void rzs_upkeep_resume(struct rzs_store *store)
{
	if (set_paused(store, false) && running)
		rzs_upkeep_wake(); /* it may sleep for longer than it should now */
}

int rzs_upkeep_merge(struct rzs_store *store, const struct rzs_merge_knobs *knobs,
		     char why[RZS_WHY_MAX])
{
	struct entry *e = set_paused(store, true);
	int err;

	if (!e)
		return rzs_value_fail(why, -ENOENT, "no upkeep");
	err = rzs_merger_set(&e->merger, knobs, rzs_ram_available(), why);
	rzs_upkeep_resume(store);
	return err;
}

void rzs_upkeep_merge_knobs(struct rzs_store *store, struct rzs_merge_knobs *out)
{
	struct entry *e;

	pthread_mutex_lock(&lock);
	e = entry_of(store);
	if (e)
		*out = e->merger.knobs;
	pthread_mutex_unlock(&lock);
}

int rzs_upkeep_recompress(struct rzs_store *store, const struct rzs_recompress_knobs *knobs,
			  char why[RZS_WHY_MAX])
{
	struct entry *e = set_paused(store, true);
	int err;

	if (!e)
		return rzs_value_fail(why, -ENOENT, "no upkeep");
	err = rzs_recompressor_set(&e->recompressor, knobs, why);
	rzs_upkeep_resume(store);
	return err;
}

int rzs_upkeep_idle(struct rzs_store *store, char why[RZS_WHY_MAX])
{
	struct entry *e = set_paused(store, true);
	int err;

	if (!e)
		return rzs_value_fail(why, -ENOENT, "no upkeep");
	err = rzs_recompressor_mark(&e->recompressor, why);
	rzs_upkeep_resume(store);
	return err;
}

void rzs_upkeep_spill(struct rzs_store *store, struct rzs_spiller *spiller,
		      const struct rzs_spill_knobs *knobs)
{
	struct entry *e;

	pthread_mutex_lock(&lock);
	e = entry_of(store);
	if (e)
		e->spiller = spiller;
	pthread_mutex_unlock(&lock);
	rzs_upkeep_spill_knobs(store, knobs);
}

void rzs_upkeep_spill_knobs(struct rzs_store *store, const struct rzs_spill_knobs *knobs)
{
	struct entry *e = set_paused(store, true);

	if (e && e->spiller) {
		e->spill_after = (unsigned)knobs->after;
		rzs_recompressor_spill(&e->recompressor, e->spill_after);
		rzs_spiller_set_limits(e->spiller, knobs->rate, knobs->daily);
	}
	rzs_upkeep_resume(store);
}
