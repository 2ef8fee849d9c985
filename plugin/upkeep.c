/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plugin's one thread of its own.  It does what must not be done by a thread that serves I/O:
 *
 *   - compaction, in steps short enough that nobody waits, when enough memory lies between objects,
 *     or when a write was refused;
 *   - messages about refused writes, corrupt pages and a shutdown that waits for clients, each kind
 *     at most once a minute (formatting and syslog allocate memory, and a full store refuses by the
 *     million);
 *   - the statistics, on SIGUSR1;
 *   - real-time priority for the threads that serve I/O while the machine has swap on (lockdown.c).
 *
 * Threading: everything static here but `wake`, `poked` and `want_stats` belongs to the thread.
 * Those three are touched by I/O threads and signal handlers, through atomics and a write() to an
 * eventfd only.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "drain.h"
#include "lockdown.h"
#include "upkeep.h"

#define TICK_MS	       1000
#define REPEAT_SECONDS 60

/*
 * Objects looked at in one step, between which others have their turn at the worker and the locks;
 * 256 moves take well under a millisecond.
 */
#define STEP_OBJECTS 256

/* Compaction starts when slack is over 1/SLACK_SHARE of the blocks, and worth it at all. */
#define SLACK_SHARE 32
#define SLACK_LEAST (1u << 20)

static int wake = -1; /* an eventfd */
static atomic_bool poked, want_stats, stopping;
static pthread_t thread;
static bool running;

static struct rzs_store *store;
static unsigned worker_hint;

/* A daemon's standard error is /dev/null. */
static bool stderr_is_null(void)
{
	struct stat st;

	return fstat(2, &st) < 0 || (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
}

void rzs_say(const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (stderr_is_null())
		syslog(LOG_DAEMON | LOG_NOTICE, "rzs: %s", line);
	else
		fprintf(stderr, "rzs: %s\n", line);
}

#define STAT(name)                                      \
	{                                               \
#name, offsetof(struct rzs_stats, name) \
	}
static const struct {
	const char *name;
	size_t offset;
} stat_lines[] = {
	STAT(nr_pages),
	STAT(limit_bytes),
	STAT(pages_stored),
	STAT(pages_same),
	STAT(pages_zero),
	STAT(pages_compressed),
	STAT(pages_raw),
	STAT(pages_good),
	STAT(orig_bytes),
	STAT(object_bytes),
	STAT(mem_bytes),
	STAT(mem_peak_bytes),
	STAT(block_bytes),
	STAT(object_meta_bytes),
	STAT(slack_bytes),
	STAT(table_bytes),
	STAT(fixed_bytes),
	STAT(reserve_bytes),
	STAT(reads),
	STAT(writes),
	STAT(discards),
	STAT(failed_reads),
	STAT(failed_writes),
	STAT(refused_limit),
	STAT(refused_reserve),
	STAT(corrupt),
	STAT(impossible),
	STAT(slides),
	STAT(slide_bytes),
	STAT(moved_objects),
	STAT(compacted_blocks),
};

void rzs_say_stats(struct rzs_store *of)
{
	struct rzs_stats stats;

	rzs_store_stats(of, &stats);
	rzs_lockdown_say();
	rzs_say("stats_version=%u", stats.version);
	for (size_t i = 0; i < sizeof(stat_lines) / sizeof(stat_lines[0]); i++) {
		const uint64_t *v = (const void *)((const char *)&stats + stat_lines[i].offset);

		rzs_say("%s=%llu", stat_lines[i].name, (unsigned long long)*v);
	}
}

/* One kind of trouble: how much of it was there when it was last spoken of, and when that was. */
struct complaint {
	uint64_t told;
	time_t when;
};

/* Whether to speak of a trouble that has now happened count times. */
static bool worth_telling(struct complaint *c, uint64_t count)
{
	struct timespec now;

	if (count == c->told)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (c->told && now.tv_sec - c->when < REPEAT_SECONDS)
		return false;
	c->told = count;
	c->when = now.tv_sec;
	return true;
}

static void tell(const struct rzs_stats *s)
{
	static struct complaint limit, reserve, corrupt, impossible;

	if (worth_telling(&limit, s->refused_limit))
		rzs_say("memlimit of %llu bytes reached: %llu writes refused so far with ENOSPC; "
			"what was stored is unchanged; trim unused pages or restart with a larger "
			"memlimit",
			(unsigned long long)s->limit_bytes, (unsigned long long)s->refused_limit);
	if (worth_telling(&reserve, s->refused_reserve))
		rzs_say("the reserve of ready memory ran empty %llu times so far; writes waited "
			"for it or were refused with ENOMEM; a larger reserve= helps",
			(unsigned long long)s->refused_reserve);
	if (worth_telling(&corrupt, s->corrupt))
		rzs_say("%llu reads so far met a page whose stored bytes are damaged and were "
			"answered with EIO; suspect this machine's memory",
			(unsigned long long)s->corrupt);
	if (worth_telling(&impossible, s->impossible))
		rzs_say("%llu broken invariants so far, each answered with an error; please report "
			"this",
			(unsigned long long)s->impossible);
}

/* Clients that leave within a tick are not worth a word: the command of nbdkit --run is one. */
static void tell_of_drain(void)
{
	static unsigned ticks;
	unsigned clients;

	if (rzs_drain_asked(&clients) && clients && ++ticks == 2)
		rzs_say("asked to stop: serving until the last client has left (%u connections "
			"open)",
			clients);
}

static void compact(const struct rzs_stats *s, bool refused)
{
	bool more = refused ||
		    (s->slack_bytes > SLACK_LEAST && s->slack_bytes > s->block_bytes / SLACK_SHARE);

	while (more && !atomic_load(&stopping)) {
		struct rzs_worker *worker = rzs_worker_get(store, worker_hint);
		uint64_t blocks;
		int err = rzs_store_compact(store, worker, STEP_OBJECTS, &blocks, &more);

		rzs_worker_put(store, worker);
		if (err < 0)
			break;
		sched_yield();
	}
}

/* Until somebody pokes, swap comes or goes, or a tick is over. */
static void upkeep_wait(int swaps)
{
	struct pollfd fds[] = {
		{.fd = wake, .events = POLLIN},
		{.fd = swaps, .events = POLLPRI}, /* poll() skips negative ones */
	};
	uint64_t pokes;

	if (poll(fds, sizeof(fds) / sizeof(fds[0]), TICK_MS) <= 0)
		return;
	if (fds[0].revents)
		(void)!read(wake, &pokes, sizeof(pokes)); /* what it is about is in the flags */
	if (fds[1].revents)
		rzs_lockdown_follow_swap();
}

static void *upkeep_main(void *unused)
{
	uint64_t refused_before = 0;
	int swaps;

	(void)unused;
	(void)rzs_lockdown_thread(RZS_THREAD_HELPER);
	swaps = rzs_lockdown_watch();
	if (swaps >= 0)
		rzs_lockdown_follow_swap(); /* it may have changed since the start */
	while (!atomic_load(&stopping)) {
		struct rzs_stats stats;

		upkeep_wait(swaps);
		atomic_store(&poked, false);
		rzs_lockdown_tick();

		rzs_store_stats(store, &stats);
		compact(&stats, stats.refused_limit != refused_before);
		refused_before = stats.refused_limit;
		tell(&stats);
		tell_of_drain();
		if (atomic_exchange(&want_stats, false))
			rzs_say_stats(store);
	}
	return NULL;
}

void rzs_upkeep_wake(void)
{
	static const uint64_t one = 1;
	int saved = errno;

	if (!atomic_exchange(&poked, true))
		(void)!write(wake, &one, sizeof(one)); /* a full counter has woken it already */
	errno = saved;
}

static void on_usr1(int sig)
{
	(void)sig;
	atomic_store(&want_stats, true);
	rzs_upkeep_wake();
}

int rzs_upkeep_start(struct rzs_store *of, unsigned hint)
{
	struct sigaction sa = {.sa_handler = on_usr1, .sa_flags = SA_RESTART};
	sigset_t all, before;
	int err;

	store = of;
	worker_hint = hint;
	wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (wake < 0)
		return -errno;
	/* Signals are for nbdkit's threads: one that waits for them must be the one to get them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&thread, NULL, upkeep_main, NULL);
	if (!err)
		pthread_setname_np(thread, "rzs-upkeep");
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err)
		return -err;
	running = true;
	if (sigaction(SIGUSR1, &sa, NULL) < 0)
		return -errno;
	return 0;
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
