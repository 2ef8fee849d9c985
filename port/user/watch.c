/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The watch thread and the ballast; see watch.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "watch.h"
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

#define WATCH_BALLAST_LEAST (1u << 20)
#define WATCH_BALLAST_MOST  (8u << 20)

#define WATCH_BUSY_NS 20000000l	 /* between looks while somebody gets on, */
#define WATCH_IDLE_NS 200000000l /* and while nobody does anything */

/*
 * Processor time of a thread that has not got on, after which it counts as stuck.  Receiving a
 * large request takes a while as well; being wrong costs little.
 */
#define WATCH_STUCK_NS 30000000u

/* So often in a row, while nobody does anything, the system has to be short. */
#define WATCH_SHORT_LOOKS 5u

/* Bits of watch.state. */
#define WATCH_ACTIVE 1u
#define WATCH_STOP   2u

/* What the watch thread knows of a thread.  Its own, all of it. */
struct watched {
	pid_t tid;
	uint32_t turns;
	bool demoted;
	uint64_t since; /* ns of processor time, when it last got on */
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
	struct rzs_headroom headroom; /* of rzs_watch_tick() */
	struct rzs_headroom low;      /* of the watch thread, as is: */
	unsigned short_looks;

	uint64_t stuck, released, demoted;
	struct watched watched[RZS_THREADS_MAX];
} watch = {.headroom = RZS_HEADROOM_CLOSED, .low = RZS_HEADROOM_CLOSED};

uint64_t rzs_watch_default_ballast(uint64_t ram)
{
	uint64_t n = ram / 256;

	n = n < WATCH_BALLAST_MOST ? n : WATCH_BALLAST_MOST;
	return n > WATCH_BALLAST_LEAST ? n : WATCH_BALLAST_LEAST;
}

/* Ballast */

static int watch_fill(void)
{
	if (mlock2(watch.ballast, watch.ballast_size, MLOCK_ONFAULT))
		return -errno;
	return rzs_memory_fill(watch.ballast, watch.ballast_size);
}

int rzs_watch_take_ballast(uint64_t bytes)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	void *p;
	int err;

	watch.ballast_size = (size_t)((bytes + page - 1) / page * page);
	p = mmap(NULL, watch.ballast_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		 0);
	if (p == MAP_FAILED)
		return -ENOMEM;
	watch.ballast = p;
	(void)madvise(p, watch.ballast_size, MADV_NOHUGEPAGE);
	(void)madvise(p, watch.ballast_size, MADV_DONTFORK);
	(void)madvise(p, watch.ballast_size, MADV_DONTDUMP);
	err = watch_fill();
	if (err) {
		munmap(p, watch.ballast_size);
		watch.ballast = NULL;
		return err;
	}
	__atomic_store_n(&watch.held, 1, __ATOMIC_RELEASE);
	return 0;
}

/* By the watch thread.  Whether there was something to give. */
static bool watch_release(void)
{
	int unlocked = 1; /* locked again when it is taken again */

	if (!__atomic_load_n(&watch.held, __ATOMIC_ACQUIRE))
		return false;
	if (rzs_memory_drop(watch.ballast, watch.ballast_size, &unlocked))
		return false;
	__atomic_store_n(&watch.held, 0, __ATOMIC_RELEASE);
	__atomic_fetch_add(&watch.released, 1, __ATOMIC_RELAXED);
	return true;
}

void rzs_watch_tick(void)
{
	if (!watch.ballast || __atomic_load_n(&watch.held, __ATOMIC_ACQUIRE))
		return;
	/* With as much again to spare: the marks at which the system is short are close above. */
	if (rzs_headroom_bytes(&watch.headroom, false) / 2 < watch.ballast_size)
		return;
	if (watch_fill() == 0)
		__atomic_store_n(&watch.held, 1, __ATOMIC_RELEASE);
}

/* The thread */

/* The refill thread can wait, so it gets the ballast only when that alone has not helped. */
static void watch_help(struct watched *w, struct rzs_thread *t)
{
	int role = __atomic_load_n(&t->role, __ATOMIC_RELAXED);

	__atomic_fetch_add(&watch.stuck, 1, __ATOMIC_RELAXED);
	if ((w->demoted || role == RZS_THREAD_IO) && watch_release())
		return;
	if (!w->demoted && rzs_threads_demote(t) == 0) {
		w->demoted = true;
		__atomic_fetch_add(&watch.demoted, 1, __ATOMIC_RELAXED);
	}
}

/* Whether the thread has got on since the last look. */
static bool watch_look(struct watched *w, struct rzs_thread *t)
{
	pid_t tid = __atomic_load_n(&t->tid, __ATOMIC_ACQUIRE);
	uint32_t turns = __atomic_load_n(&t->turns, __ATOMIC_RELAXED);
	uint64_t now;

	if (rzs_threads_time(t, &now))
		return false;
	if (w->tid != tid)
		memset(w, 0, sizeof(*w));
	if (w->tid != tid || turns != w->turns || turns % 2) {
		bool moved = turns != w->turns;

		w->tid = tid;
		w->turns = turns;
		w->since = now;
		if (w->demoted && rzs_threads_restore(t) == 0)
			w->demoted = false;
		return moved;
	}
	if (now - w->since > WATCH_STUCK_NS) {
		watch_help(w, t);
		w->since = now;
		return true;
	}
	return false;
}

static bool watch_look_at_all(void)
{
	bool busy = false;

	for (unsigned i = 0; i < RZS_THREADS_MAX; i++) {
		struct rzs_thread *t = rzs_threads_at(i);
		int role = t ? __atomic_load_n(&t->role, __ATOMIC_RELAXED) : RZS_THREAD_WATCH;

		if (role == RZS_THREAD_IO || role == RZS_THREAD_REFILL)
			busy |= watch_look(&watch.watched[i], t);
	}
	return busy;
}

/*
 * The system may be stuck without us: an ordinary thread waits until half of the minimum is free,
 * while kswapd sleeps because one small zone has enough.  Whoever frees a little ends that.
 */
static void watch_look_at_system(bool busy)
{
	if (busy || !rzs_headroom_short(&watch.low))
		watch.short_looks = 0;
	else if (++watch.short_looks >= WATCH_SHORT_LOOKS && watch_release())
		watch.short_looks = 0;
}

static void *watch_main(void *unused)
{
	struct timespec pause = {0, WATCH_IDLE_NS};
	uint32_t state;
	bool busy;

	(void)unused;
	if (watch.hook)
		watch.hook(watch.hook_arg);
	while (!((state = __atomic_load_n(&watch.state, __ATOMIC_ACQUIRE)) & WATCH_STOP)) {
		if (!(state & WATCH_ACTIVE)) {
			rzs_sync_futex_wait(&watch.state, state, NULL);
			continue;
		}
		busy = watch_look_at_all();
		watch_look_at_system(busy);
		pause.tv_nsec = busy ? WATCH_BUSY_NS : WATCH_IDLE_NS;
		rzs_sync_futex_wait(&watch.state, state, &pause);
	}
	return NULL;
}

static void watch_set(uint32_t bit, bool on)
{
	if (on)
		__atomic_fetch_or(&watch.state, bit, __ATOMIC_ACQ_REL);
	else
		__atomic_fetch_and(&watch.state, ~bit, __ATOMIC_ACQ_REL);
	rzs_sync_futex_wake(&watch.state, 1);
}

void rzs_watch_set_active(bool on)
{
	watch_set(WATCH_ACTIVE, on);
}

int rzs_watch_start(void (*hook)(void *arg), void *arg)
{
	int err;

	watch.hook = hook;
	watch.hook_arg = arg;
	(void)rzs_headroom_open(&watch.headroom, RZS_HEADROOM_FILE);
	(void)rzs_headroom_open(&watch.low, RZS_HEADROOM_FILE);
	err = rzs_threads_start(&watch.thread, "rzs-watch", watch_main, NULL);
	if (err)
		return err;
	watch.running = true;
	return 0;
}

void rzs_watch_stop(void)
{
	if (watch.running) {
		watch_set(WATCH_STOP, true);
		pthread_join(watch.thread, NULL);
	}
	if (watch.ballast)
		munmap(watch.ballast, watch.ballast_size);
	rzs_headroom_close(&watch.headroom);
	rzs_headroom_close(&watch.low);
	memset(&watch, 0, sizeof(watch));
	watch.headroom.fd = watch.low.fd = -1;
}

void rzs_watch_info(struct rzs_watch_info *out)
{
	out->running = watch.running;
	out->ballast_bytes =
		__atomic_load_n(&watch.held, __ATOMIC_ACQUIRE) ? watch.ballast_size : 0;
	out->stuck = __atomic_load_n(&watch.stuck, __ATOMIC_RELAXED);
	out->released = __atomic_load_n(&watch.released, __ATOMIC_RELAXED);
	out->demoted = __atomic_load_n(&watch.demoted, __ATOMIC_RELAXED);
}
