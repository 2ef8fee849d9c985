/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Protects a server; see protect_server.h.
 *
 * At the start the process has the rights of the user who started it (root, perhaps), and that user
 * sees its standard error.  So all steps are taken there, and refusals reported.  Memory locks do
 * not survive the fork of a daemon, so that step is taken again after it.
 *
 * The parent of such a fork may go on: with nbdkit --run it runs the user's command.  The command
 * must not be exempt from the OOM killer, nor be kept from waiting for I/O, nor have a higher
 * priority.  So the parent of a fork before rzs_protect_server_late() undoes these three.  The
 * child loses its priority in the fork, so it is raised again.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "blocks.h"
#include "protect_server.h"
#include "headroom.h"
#include "say.h"
#include "ram.h"
#include "swaps.h"
#include "text_file.h"
#include "watchdog.h"

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57
#endif

#define OOM_SCORE "/proc/self/oom_score_adj"

/*
 * Heap that is populated at the start.  nbdkit gives each thread a buffer at its first request, and
 * enlarges it at the first larger one, on the data path.  The kernel's requests have up to 128 KiB
 * before Linux 6.16, and up to 4 MiB since then, unless max_sectors_kb says otherwise.
 */
#define HEAP_PREFILL_MOST  (5u << 20)
#define HEAP_PREFILL_LEAST (1u << 20)
#define HEAP_PREFILL_SHARE 64u /* of RAM */

static struct rzs_protect protect;
static struct rzs_thread *front; /* the entry of the thread that calls rzs_protect_server_late() */
static struct rzs_protect_server_options options;
static int swaps = -1; /* watched by the upkeep thread */
static atomic_bool swap_is_on;
static unsigned refusals_reported;
static bool no_more_forks;
static char oom_score_before[16];
static int nice_before;

static void report_refusal(void *unused, const char *text)
{
	char line[RZS_PROTECT_LINE_MAX + 32];

	(void)unused;
	if (protect.mode == RZS_PROTECT_REQUIRE) {
		snprintf(line, sizeof(line), "protect=require: %s", text);
		options.error(line);
	} else {
		rzs_say_at(RZS_SAY_WARNING, "protect=auto: %s", text);
	}
}

/* Report new refusals.  0; -EPERM: one of them is a required step. */
static int report_refusals(void)
{
	unsigned refused = rzs_protect_refused(&protect);

	if (refused > refusals_reported)
		rzs_protect_report(&protect, false, report_refusal, NULL);
	refusals_reported = refused;
	if (refused && protect.mode == RZS_PROTECT_REQUIRE) {
		options.error("protect=require: run it as root, with CAP_IPC_LOCK, "
			      "CAP_SYS_RESOURCE and CAP_SYS_NICE, or use protect=auto and accept "
			      "these risks");
		return -EPERM;
	}
	return 0;
}

static void save_for_parent(void)
{
	(void)rzs_text_file_read(OOM_SCORE, oom_score_before, sizeof(oom_score_before));
	nice_before = getpriority(PRIO_PROCESS, 0);
}

static void parent_after_fork(void)
{
	if (no_more_forks || protect.mode == RZS_PROTECT_OFF)
		return;
	prctl(PR_SET_IO_FLUSHER, 0, 0, 0, 0);
	(void)setpriority(PRIO_PROCESS, 0, nice_before);
	/* If this is refused, setting the score was refused too. */
	if (oom_score_before[0])
		(void)rzs_text_file_write(OOM_SCORE, oom_score_before);
}

/* A store gets and returns memory in blocks, so a block has to consist of whole pages. */
static int check_page_size(void)
{
	char line[128];
	long page = sysconf(_SC_PAGESIZE);

	if (page <= (long)RZS_BLOCK_SIZE)
		return 0;
	snprintf(line, sizeof(line),
		 "this system's pages have %ld bytes; pages of more than %u are not supported",
		 page, RZS_BLOCK_SIZE);
	options.error(line);
	return -ENOTSUP;
}

int rzs_protect_server_early(const struct rzs_protect_server_options *o)
{
	struct rzs_thread *unused;
	int fd;

	options = *o;
	if (check_page_size() < 0)
		return -ENOTSUP;
	fd = rzs_swaps_open();
	rzs_protect_init(&protect, options.mode, options.realtime != RZS_REALTIME_NEVER);
	protect.without = options.without;
	swap_is_on = rzs_swaps_any(fd);
	if (fd >= 0)
		close(fd);
	if (options.realtime == RZS_REALTIME_SWAP)
		(void)rzs_protect_set_realtime(&protect, swap_is_on);
	save_for_parent();
	pthread_atfork(NULL, parent_after_fork, NULL);
	/* report_refusals() reads the outcomes. */
	(void)rzs_protect_early(&protect);
	if (!options.main_later)
		(void)rzs_protect_thread(&protect, RZS_THREAD_HELPER, &unused);
	(void)rzs_protect_process(&protect);
	return report_refusals();
}

static void start_watchdog(uint64_t ballast)
{
	int err;

	if (!rzs_protect_wants(&protect, RZS_PROTECT_WATCHDOG))
		return;
	if (!rzs_protect_wants(&protect, RZS_PROTECT_BALLAST))
		ballast = 0;
	err = rzs_watchdog_start(rzs_protect_watchdog_hook, &protect);
	rzs_protect_set(&protect, RZS_PROTECT_WATCHDOG, err);
	if (ballast)
		rzs_protect_set(&protect, RZS_PROTECT_BALLAST, rzs_watchdog_take_ballast(ballast));
}

static void fill_heap(void)
{
	uint64_t size = rzs_ram_usable() / HEAP_PREFILL_SHARE;
	void *prefill;

	size = size < HEAP_PREFILL_MOST ? size : HEAP_PREFILL_MOST;
	size = size > HEAP_PREFILL_LEAST ? size : HEAP_PREFILL_LEAST;
	prefill = malloc((size_t)size);
	/* malloc() keeps what is freed.  The compiler would remove a memset(). */
	if (prefill)
		explicit_bzero(prefill, (size_t)size);
	free(prefill);
}

/* Let refill threads look at the headroom, if it can be read. */
static void start_headroom(void)
{
	static struct rzs_headroom probe; /* too large for a stack */
	int err;

	if (!rzs_protect_wants(&protect, RZS_PROTECT_HEADROOM))
		return;
	err = rzs_headroom_open(&probe, RZS_HEADROOM_FILE);
	rzs_headroom_close(&probe);
	rzs_blocks_set_headroom(RZS_HEADROOM_FILE);
	rzs_protect_set(&protect, RZS_PROTECT_HEADROOM, err);
}

int rzs_protect_server_late(void)
{
	no_more_forks = true;
	/* A log file that has reached its limit must not end the process. */
	(void)signal(SIGXFSZ, SIG_IGN);
	rzs_say_open();
	(void)rzs_protect_process(&protect);
	if (!options.main_later)
		(void)rzs_protect_thread(&protect, RZS_THREAD_HELPER, &front);
	rzs_blocks_set_thread_hook(rzs_protect_refill_hook, &protect);
	start_headroom();
	start_watchdog(options.ballast);
	if (options.fill_heap && protect.mode != RZS_PROTECT_OFF)
		fill_heap();
	return report_refusals();
}

int rzs_protect_server_main(void)
{
	(void)rzs_protect_thread(&protect, RZS_THREAD_HELPER, &front);
	return report_refusals();
}

static bool is_whole(void)
{
	return protect.mode != RZS_PROTECT_OFF && rzs_protect_refused(&protect) == 0 &&
	       rzs_protect_state(&protect, RZS_PROTECT_LOCK) == RZS_PROTECT_OK &&
	       rzs_protect_state(&protect, RZS_PROTECT_REALTIME) == RZS_PROTECT_OK;
}

bool rzs_protect_server_may_replace(void)
{
	int fd;
	bool any;

	if (is_whole())
		return true;
	fd = rzs_swaps_open();
	any = rzs_swaps_any(fd);
	if (fd >= 0)
		close(fd);
	return !any;
}

void rzs_protect_server_end(void)
{
	rzs_watchdog_stop();
}

struct rzs_thread *rzs_protect_server_thread(enum rzs_thread_role role)
{
	struct rzs_thread *thread;

	(void)rzs_protect_thread(&protect, role, &thread);
	return thread;
}

struct rzs_thread *rzs_protect_server_front(void)
{
	return front;
}

bool rzs_protect_server_swap_is_on(void)
{
	return atomic_load_explicit(&swap_is_on, memory_order_relaxed);
}

void rzs_protect_server_tick(void)
{
	rzs_watchdog_tick();
}

int rzs_protect_server_swap_fd(void)
{
	swaps = rzs_swaps_open();
	return swaps;
}

void rzs_protect_server_follow_swap(void)
{
	bool on = rzs_swaps_any(swaps);
	int err;

	rzs_watchdog_set_active(on);
	if (on == swap_is_on)
		return;
	swap_is_on = on;
	if (options.realtime != RZS_REALTIME_SWAP)
		return;
	err = rzs_protect_set_realtime(&protect, on);
	if (err < 0 && on)
		rzs_say_at(RZS_SAY_WARNING,
			   "swap is on, but threads may not become real-time ones: %s",
			   strerror(-err));
}

unsigned rzs_protect_server_refused(void)
{
	return rzs_protect_refused(&protect);
}

void rzs_protect_server_each(void (*fn)(void *arg, const char *name, const char *state), void *arg)
{
	static const char *const states[] = {
		[RZS_PROTECT_NOT_DONE] = "off",
		[RZS_PROTECT_OK] = "ok",
		[RZS_PROTECT_REFUSED] = "refused",
	};

	for (int i = 0; i < RZS_PROTECT_STEPS; i++)
		fn(arg, protect.step[i].name,
		   states[rzs_protect_state(&protect, (enum rzs_protect_step_id)i)]);
}
