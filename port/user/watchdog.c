/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The watchdog thread and the ballast; see watchdog.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "watchdog.h"
#include "memory.h"
#include "headroom.h"
#include "threads.h"

#include "rzs_port.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define WATCHDOG_BALLAST_LEAST (512u << 10)
#define WATCHDOG_BALLAST_MOST  (8u << 20)

#define WATCHDOG_BUSY_NS 20000000l  /* between looks while a thread makes progress, */
#define WATCHDOG_IDLE_NS 200000000l /* and while none does */

/*
 * A thread is stuck after so much processor time without progress.  Receiving a large request takes
 * a while as well; a wrong guess costs little.
 */
#define WATCHDOG_STUCK_NS 30000000u

/* The ballast is released after so many looks in a row at an idle process and a short system. */
#define WATCHDOG_SHORT_LOOKS 5u

/* Bits of watchdog.state. */
#define WATCHDOG_ACTIVE 1u
#define WATCHDOG_STOP	2u

/* What the watchdog knows of a thread.  Only the watchdog uses it. */
struct thread_view {
	pid_t tid;
	uint32_t progress;
	bool demoted;
	uint64_t since; /* its processor time at its last progress, ns */
};

static struct {
	pthread_t thread;
	bool running;
	uint32_t state; /* futex */
	void (*hook)(void *arg);
	void *hook_arg;

	char *ballast;
	size_t ballast_size;
	uint32_t held;		      /* whether the ballast is in memory */
	struct rzs_headroom headroom; /* for rzs_watchdog_tick() */
	struct rzs_headroom low;      /* for the watchdog thread, as is short_looks */
	unsigned short_looks;

	uint64_t stuck, released, demoted;
	struct thread_view seen[RZS_THREADS_MAX];
} watchdog = {.headroom = RZS_HEADROOM_CLOSED, .low = RZS_HEADROOM_CLOSED};

uint64_t rzs_watchdog_default_ballast(uint64_t ram)
{
	uint64_t n = ram / 256;

	n = n < WATCHDOG_BALLAST_MOST ? n : WATCHDOG_BALLAST_MOST;
	return n > WATCHDOG_BALLAST_LEAST ? n : WATCHDOG_BALLAST_LEAST;
}

/* Ballast */

static int watchdog_fill(void)
{
	if (mlock2(watchdog.ballast, watchdog.ballast_size, MLOCK_ONFAULT))
		return -errno;
	return rzs_memory_fill(watchdog.ballast, watchdog.ballast_size);
}

int rzs_watchdog_take_ballast(uint64_t bytes)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	void *p;
	int err;

	watchdog.ballast_size = (size_t)((bytes + page - 1) / page * page);
	p = mmap(NULL, watchdog.ballast_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		 -1, 0);
	if (p == MAP_FAILED)
		return -ENOMEM;
	watchdog.ballast = p;
	(void)madvise(p, watchdog.ballast_size, MADV_NOHUGEPAGE);
	(void)madvise(p, watchdog.ballast_size, MADV_DONTFORK);
	(void)madvise(p, watchdog.ballast_size, MADV_DONTDUMP);
	err = watchdog_fill();
	if (err) {
		munmap(p, watchdog.ballast_size);
		watchdog.ballast = NULL;
		return err;
	}
	__atomic_store_n(&watchdog.held, 1, __ATOMIC_RELEASE);
	return 0;
}

/* Release the ballast; by the watchdog thread.  Whether there was one. */
static bool watchdog_release(void)
{
	int unlocked = 1; /* errno: do not lock now; watchdog_fill() does */

	if (!__atomic_load_n(&watchdog.held, __ATOMIC_ACQUIRE))
		return false;
	if (rzs_memory_drop(watchdog.ballast, watchdog.ballast_size, &unlocked))
		return false;
	__atomic_store_n(&watchdog.held, 0, __ATOMIC_RELEASE);
	__atomic_fetch_add(&watchdog.released, 1, __ATOMIC_RELAXED);
	return true;
}

void rzs_watchdog_tick(void)
{
	if (!watchdog.ballast || __atomic_load_n(&watchdog.held, __ATOMIC_ACQUIRE))
		return;
	/* Leave as much again: the system is short soon below that. */
	if (rzs_headroom_bytes(&watchdog.headroom, false) / 2 < watchdog.ballast_size)
		return;
	if (watchdog_fill() == 0)
		__atomic_store_n(&watchdog.held, 1, __ATOMIC_RELEASE);
}

/* The thread */

/* The refill thread can wait, so it is demoted first; an I/O thread gets the ballast first. */
static void watchdog_help(struct thread_view *w, struct rzs_thread *t)
{
	int role = __atomic_load_n(&t->role, __ATOMIC_RELAXED);

	__atomic_fetch_add(&watchdog.stuck, 1, __ATOMIC_RELAXED);
	if ((w->demoted || role == RZS_THREAD_IO) && watchdog_release())
		return;
	if (!w->demoted && rzs_threads_demote(t) == 0) {
		w->demoted = true;
		__atomic_fetch_add(&watchdog.demoted, 1, __ATOMIC_RELAXED);
	}
}

/* Look at a thread, and help it if it is stuck.  Whether it made progress, or was helped. */
static bool watchdog_look(struct thread_view *w, struct rzs_thread *t)
{
	pid_t tid = __atomic_load_n(&t->tid, __ATOMIC_ACQUIRE);
	uint32_t progress = __atomic_load_n(&t->progress, __ATOMIC_RELAXED);
	uint64_t now;

	if (rzs_threads_time(t, &now))
		return false;
	if (w->tid != tid)
		memset(w, 0, sizeof(*w));
	if (w->tid != tid || progress != w->progress || progress % 2) {
		bool moved = progress != w->progress;

		w->tid = tid;
		w->progress = progress;
		w->since = now;
		if (w->demoted && rzs_threads_restore(t) == 0)
			w->demoted = false;
		return moved;
	}
	if (now - w->since > WATCHDOG_STUCK_NS) {
		watchdog_help(w, t);
		w->since = now;
		return true;
	}
	return false;
}

static bool watchdog_look_at_all(void)
{
	bool busy = false;

	for (unsigned i = 0; i < RZS_THREADS_MAX; i++) {
		struct rzs_thread *t = rzs_threads_at(i);
		int role = t ? __atomic_load_n(&t->role, __ATOMIC_RELAXED) : RZS_THREAD_WATCHDOG;

		if (role == RZS_THREAD_IO || role == RZS_THREAD_REFILL)
			busy |= watchdog_look(&watchdog.seen[i], t);
	}
	return busy;
}

/*
 * The system may be stuck without us: an ordinary thread waits until half of the minimum is free,
 * and kswapd sleeps because one small zone has enough.  A little free memory ends that.
 */
static void watchdog_look_at_system(bool busy)
{
	if (busy || !rzs_headroom_short(&watchdog.low))
		watchdog.short_looks = 0;
	else if (++watchdog.short_looks >= WATCHDOG_SHORT_LOOKS && watchdog_release())
		watchdog.short_looks = 0;
}

static void *watchdog_main(void *unused)
{
	struct timespec pause = {0, WATCHDOG_IDLE_NS};
	uint32_t state;
	bool busy;

	(void)unused;
	if (watchdog.hook)
		watchdog.hook(watchdog.hook_arg);
	while (!((state = __atomic_load_n(&watchdog.state, __ATOMIC_ACQUIRE)) & WATCHDOG_STOP)) {
		if (!(state & WATCHDOG_ACTIVE)) {
			rzs_sync_futex_wait(&watchdog.state, state, NULL);
			continue;
		}
		busy = watchdog_look_at_all();
		watchdog_look_at_system(busy);
		pause.tv_nsec = busy ? WATCHDOG_BUSY_NS : WATCHDOG_IDLE_NS;
		rzs_sync_futex_wait(&watchdog.state, state, &pause);
	}
	return NULL;
}

static void watchdog_set(uint32_t bit, bool on)
{
	if (on)
		__atomic_fetch_or(&watchdog.state, bit, __ATOMIC_ACQ_REL);
	else
		__atomic_fetch_and(&watchdog.state, ~bit, __ATOMIC_ACQ_REL);
	rzs_sync_futex_wake(&watchdog.state, 1);
}

void rzs_watchdog_set_active(bool on)
{
	watchdog_set(WATCHDOG_ACTIVE, on);
}

int rzs_watchdog_start(void (*hook)(void *arg), void *arg)
{
	int err;

	watchdog.hook = hook;
	watchdog.hook_arg = arg;
	(void)rzs_headroom_open(&watchdog.headroom, RZS_HEADROOM_FILE);
	(void)rzs_headroom_open(&watchdog.low, RZS_HEADROOM_FILE);
	err = rzs_threads_start(&watchdog.thread, "rzs-watchdog", watchdog_main, NULL);
	if (err)
		return err;
	watchdog.running = true;
	return 0;
}

void rzs_watchdog_stop(void)
{
	if (watchdog.running) {
		watchdog_set(WATCHDOG_STOP, true);
		pthread_join(watchdog.thread, NULL);
	}
	if (watchdog.ballast)
		munmap(watchdog.ballast, watchdog.ballast_size);
	rzs_headroom_close(&watchdog.headroom);
	rzs_headroom_close(&watchdog.low);
	memset(&watchdog, 0, sizeof(watchdog));
	watchdog.headroom.fd = watchdog.low.fd = -1;
}

void rzs_watchdog_info(struct rzs_watchdog_info *out)
{
	out->running = watchdog.running;
	out->ballast_bytes =
		__atomic_load_n(&watchdog.held, __ATOMIC_ACQUIRE) ? watchdog.ballast_size : 0;
	out->stuck = __atomic_load_n(&watchdog.stuck, __ATOMIC_RELAXED);
	out->released = __atomic_load_n(&watchdog.released, __ATOMIC_RELAXED);
	out->demoted = __atomic_load_n(&watchdog.demoted, __ATOMIC_RELAXED);
}
