/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The steps that protect a process that serves swap; see protect_steps.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "protect_steps.h"
#include "ram.h"
#include "stack.h"
#include "text_file.h"

#include <errno.h>
#include <linux/capability.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57
#endif

#define PROTECT_STACK_TOUCH    (64u * 1024)	  /* of it, what a thread's calls may reach */
#define PROTECT_MMAP_THRESHOLD (32 * 1024 * 1024) /* the most glibc accepts */
#define PROTECT_TRIM_THRESHOLD (1 << 30)
#define PROTECT_TOP_PAD_MOST   (1u << 20)
#define PROTECT_TOP_PAD_LEAST  (128u << 10)
#define PROTECT_TOP_PAD_SHARE  512u /* of RAM */

static const struct rzs_protect_step protect_steps[RZS_PROTECT_STEPS] = {
	[RZS_PROTECT_MEMLOCK_LIMIT] =
		{
			.name = "memlock-limit",
			.risk = "memory may reach the limit on locking and be swapped out with the"
				" pages stored in it",
		},
	[RZS_PROTECT_CORE_LIMIT] =
		{
			.name = "core-limit",
			.risk = "a crash may write memory of other programs to a core file",
		},
	[RZS_PROTECT_REALTIME_LIMIT] =
		{
			.name = "realtime-limit",
			.risk = "threads may not become real-time ones after the process gives up "
				"root",
		},
	[RZS_PROTECT_OOM_SCORE] =
		{
			.name = "oom-score",
			.risk = "the OOM killer may choose this process, and everything stored is "
				"lost",
		},
	[RZS_PROTECT_MALLOC] =
		{
			.name = "malloc",
			.risk = "heaps of threads cost address space, and freed memory may cause "
				"page faults again",
		},
	[RZS_PROTECT_STACKS] =
		{
			.name = "stacks",
			.risk = "each thread locks a stack of the default size, often 8 MiB",
		},
	[RZS_PROTECT_LOCK] =
		{
			.name = "lock",
			.risk = "the process may be swapped out, to itself: the machine then hangs",
		},
	[RZS_PROTECT_DUMPABLE] =
		{
			.name = "undumpable",
			.risk = "processes of the same user may read memory of other programs",
		},
	[RZS_PROTECT_IO_FLUSHER] =
		{
			.name = "io-flusher",
			.risk = "when memory is short a thread may wait for its own device: the "
				"machine then hangs",
		},
	[RZS_PROTECT_REALTIME] =
		{
			.name = "realtime",
			.risk = "when memory is short replies may find none, or no processor: "
				"swapping may stall",
		},
	[RZS_PROTECT_HEADROOM] =
		{
			.name = "headroom",
			.risk = "memory is taken ahead of time without knowing whether there is "
				"any, and a thread may spin for it",
		},
	[RZS_PROTECT_WATCHDOG] =
		{
			.name = "watchdog",
			.risk = "nothing helps a thread that is stuck in the kernel, searching for"
				" memory",
		},
	[RZS_PROTECT_BALLAST] =
		{
			.name = "ballast",
			.risk = "there is no memory to give back when a reply finds none",
		},
};

int rzs_protect_mode_parse(const char *text, enum rzs_protect_mode *out)
{
	static const char *const names[] = {
		[RZS_PROTECT_AUTO] = "auto",
		[RZS_PROTECT_REQUIRE] = "require",
		[RZS_PROTECT_OFF] = "off",
	};

	*out = RZS_PROTECT_AUTO;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0) {
			*out = (enum rzs_protect_mode)i;
			return 0;
		}
	}
	return -EINVAL;
}

void rzs_protect_init(struct rzs_protect *p, enum rzs_protect_mode mode, bool realtime)
{
	p->mode = mode;
	p->without = 0;
	p->realtime = realtime;
	p->realtime_now = realtime;
	pthread_mutex_init(&p->realtime_lock, NULL);
	memcpy(p->step, protect_steps, sizeof(protect_steps));
}

bool rzs_protect_wants(const struct rzs_protect *p, enum rzs_protect_step_id id)
{
	return p->mode != RZS_PROTECT_OFF && !(p->without >> id & 1);
}

/*
 * Keep the outcome of a step: err is 0 or a positive errno.  If several threads take the step, one
 * refusal makes it refused.
 */
static void protect_note(struct rzs_protect *p, enum rzs_protect_step_id id, int err, int *first)
{
	struct rzs_protect_step *s = &p->step[id];
	int seen = RZS_PROTECT_NOT_DONE;

	if (err) {
		__atomic_store_n(&s->err, err, __ATOMIC_RELAXED);
		__atomic_store_n(&s->state, RZS_PROTECT_REFUSED, __ATOMIC_RELEASE);
		if (*first == 0)
			*first = err;
	} else {
		__atomic_compare_exchange_n(&s->state, &seen, RZS_PROTECT_OK, false,
					    __ATOMIC_RELEASE, __ATOMIC_RELAXED);
	}
}

void rzs_protect_set(struct rzs_protect *p, enum rzs_protect_step_id id, int err)
{
	int unused = 0;

	protect_note(p, id, -err, &unused);
}

/* Take a step, unless it is to be left out. */
static void protect_do(struct rzs_protect *p, enum rzs_protect_step_id id, int (*action)(void),
		       int *first)
{
	if (rzs_protect_wants(p, id))
		protect_note(p, id, action(), first);
}

static int protect_result(const struct rzs_protect *p, int first)
{
	return p->mode == RZS_PROTECT_REQUIRE ? -first : 0;
}

static bool protect_has_cap(unsigned cap)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	memset(data, 0, sizeof(data));
	if (syscall(SYS_capget, &head, data))
		return false;
	return data[cap / 32].effective >> (cap % 32) & 1;
}

/* Early */

/*
 * Raise a limit to value.  If that is refused, but capability cap exempts the process from the
 * limit, that is enough for now.  If the process loses cap later, the step that needs the limit
 * fails and reports that.
 */
static int protect_raise(int resource, rlim_t value, unsigned cap)
{
	struct rlimit want = {value, value}, now;
	int err;

	if (getrlimit(resource, &now))
		return errno;
	if (now.rlim_cur >= value)
		return 0;
	if (now.rlim_max >= value)
		want.rlim_max = now.rlim_max;
	err = setrlimit(resource, &want) ? errno : 0;
	return err && protect_has_cap(cap) ? 0 : err;
}

static int protect_no_core(void)
{
	const struct rlimit none = {0, 0};

	return setrlimit(RLIMIT_CORE, &none) ? errno : 0;
}

static int protect_oom_score(void)
{
	return -rzs_text_file_write("/proc/self/oom_score_adj", "-1000\n");
}

/* One heap for all threads, which keeps its memory and grows in large steps, all of it locked. */
static int protect_malloc(void)
{
#ifdef __GLIBC__
	uint64_t pad = rzs_ram_usable() / PROTECT_TOP_PAD_SHARE;
	int ok = mallopt(M_ARENA_MAX, 1);

	pad = pad < PROTECT_TOP_PAD_MOST ? pad : PROTECT_TOP_PAD_MOST;
	pad = pad > PROTECT_TOP_PAD_LEAST ? pad : PROTECT_TOP_PAD_LEAST;

	ok &= mallopt(M_TRIM_THRESHOLD, PROTECT_TRIM_THRESHOLD);
	ok &= mallopt(M_MMAP_THRESHOLD, PROTECT_MMAP_THRESHOLD);
	ok &= mallopt(M_TOP_PAD, (int)pad);
	return ok ? 0 : EINVAL;
#else
	return ENOSYS;
#endif
}

static int protect_stacks(void)
{
	pthread_attr_t attr;
	int err = pthread_getattr_default_np(&attr);

	if (err)
		return err;
	err = pthread_attr_setstacksize(&attr, RZS_STACK);
	if (!err)
		err = pthread_setattr_default_np(&attr);
	pthread_attr_destroy(&attr);
	return err;
}

/* These have no arguments, so that protect_do() can call them.  Each returns 0 or an errno. */

static int protect_memlock_limit(void)
{
	return protect_raise(RLIMIT_MEMLOCK, RLIM_INFINITY, CAP_IPC_LOCK);
}

static int protect_realtime_limit(void)
{
	return protect_raise(RLIMIT_RTPRIO, RZS_THREAD_PRIORITY_MAX, CAP_SYS_NICE);
}

static int protect_undumpable(void)
{
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) ? errno : 0;
}

static int protect_io_flusher(void)
{
	return prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0) ? errno : 0;
}

int rzs_protect_early(struct rzs_protect *p)
{
	int first = 0;

	protect_do(p, RZS_PROTECT_MEMLOCK_LIMIT, protect_memlock_limit, &first);
	protect_do(p, RZS_PROTECT_CORE_LIMIT, protect_no_core, &first);
	if (p->realtime)
		protect_do(p, RZS_PROTECT_REALTIME_LIMIT, protect_realtime_limit, &first);
	protect_do(p, RZS_PROTECT_OOM_SCORE, protect_oom_score, &first);
	protect_do(p, RZS_PROTECT_MALLOC, protect_malloc, &first);
	protect_do(p, RZS_PROTECT_STACKS, protect_stacks, &first);
	return protect_result(p, first);
}

/* Process */

/*
 * What is mapped now is locked page by page as it is touched, because some programs have large
 * arrays that they never use.  Later mappings are populated at once, so that their first use causes
 * no page fault.  With a limit on locked memory some later mapping would fail, such as a thread's
 * stack; so nothing is locked then.
 */
static int protect_lock(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit))
		return errno;
	if (limit.rlim_cur != RLIM_INFINITY && !protect_has_cap(CAP_IPC_LOCK))
		return EPERM;
	if (mlockall(MCL_CURRENT | MCL_ONFAULT) || mlockall(MCL_FUTURE))
		return errno;
	return 0;
}

int rzs_protect_process(struct rzs_protect *p)
{
	int first = 0;

	protect_do(p, RZS_PROTECT_LOCK, protect_lock, &first);
	/* After a change of user, which would reset it. */
	protect_do(p, RZS_PROTECT_DUMPABLE, protect_undumpable, &first);
	return protect_result(p, first);
}

/* Thread */

/*
 * Give the calling thread its priority.  Becoming a real-time thread is tried even if it is not
 * wanted now, to know in time whether it is allowed.  t: the thread's entry, or NULL.  0 or errno.
 */
static int protect_realtime(struct rzs_protect *p, enum rzs_thread_role role, struct rzs_thread *t)
{
	int err;

	pthread_mutex_lock(&p->realtime_lock);
	err = rzs_threads_schedule_self(RZS_THREAD_IO, true);
	if (!err)
		err = t ? rzs_threads_schedule(t, p->realtime_now)
			: rzs_threads_schedule_self(role, p->realtime_now);
	pthread_mutex_unlock(&p->realtime_lock);
	return -err;
}

int rzs_protect_set_realtime(struct rzs_protect *p, bool on)
{
	int first = 0;

	if (!p->realtime || !rzs_protect_wants(p, RZS_PROTECT_REALTIME))
		return 0;
	pthread_mutex_lock(&p->realtime_lock);
	p->realtime_now = on;
	for (unsigned i = 0; i < RZS_THREADS_MAX; i++) {
		struct rzs_thread *t = rzs_threads_at(i);
		int err = t ? rzs_threads_schedule(t, on) : 0;

		if (err && err != -ESRCH && !first)
			first = err;
	}
	pthread_mutex_unlock(&p->realtime_lock);
	return first;
}

int rzs_protect_thread(struct rzs_protect *p, enum rzs_thread_role role,
		       struct rzs_thread **out_thread)
{
	int first = 0;

	*out_thread = NULL;
	if (p->mode == RZS_PROTECT_OFF)
		return 0;
	rzs_stack_touch(PROTECT_STACK_TOUCH);
	*out_thread = rzs_threads_enter(role);
	protect_do(p, RZS_PROTECT_IO_FLUSHER, protect_io_flusher, &first);
	if (p->realtime && rzs_protect_wants(p, RZS_PROTECT_REALTIME))
		protect_note(p, RZS_PROTECT_REALTIME, protect_realtime(p, role, *out_thread),
			     &first);
	return protect_result(p, first);
}

struct rzs_thread *rzs_protect_refill_hook(void *p)
{
	struct rzs_thread *thread;

	(void)rzs_protect_thread(p, RZS_THREAD_REFILL, &thread); /* p has the outcome */
	return thread;
}

void rzs_protect_watchdog_hook(void *p)
{
	struct rzs_thread *thread;

	(void)rzs_protect_thread(p, RZS_THREAD_WATCHDOG, &thread);
}

/* Report */

enum rzs_protect_state rzs_protect_state(const struct rzs_protect *p, enum rzs_protect_step_id id)
{
	return (enum rzs_protect_state)__atomic_load_n(&p->step[id].state, __ATOMIC_ACQUIRE);
}

unsigned rzs_protect_refused(const struct rzs_protect *p)
{
	unsigned n = 0;

	for (int i = 0; i < RZS_PROTECT_STEPS; i++)
		n += rzs_protect_state(p, (enum rzs_protect_step_id)i) == RZS_PROTECT_REFUSED;
	return n;
}

/* Instead of strerror(), which may allocate.  These errors occur. */
static const char *protect_error(int err)
{
	switch (err) {
	case EPERM:
		return "not permitted";
	case EACCES:
		return "permission denied";
	case ENOMEM:
		return "out of memory";
	case EAGAIN:
		return "limit reached";
	case EINVAL:
	case ENOSYS:
		return "not supported here";
	case ENOENT:
		return "no such file";
	default:
		return "error";
	}
}

void rzs_protect_report(const struct rzs_protect *p, bool all,
			void (*line)(void *arg, const char *text), void *arg)
{
	char text[RZS_PROTECT_LINE_MAX];

	for (int i = 0; i < RZS_PROTECT_STEPS; i++) {
		const struct rzs_protect_step *s = &p->step[i];
		enum rzs_protect_state state = rzs_protect_state(p, (enum rzs_protect_step_id)i);
		int err = __atomic_load_n(&s->err, __ATOMIC_RELAXED);

		switch (state) {
		case RZS_PROTECT_REFUSED:
			snprintf(text, sizeof(text), "%s: refused (%s, errno %d): %s", s->name,
				 protect_error(err), err, s->risk);
			break;
		case RZS_PROTECT_OK:
			snprintf(text, sizeof(text), "%s: ok", s->name);
			break;
		default:
			snprintf(text, sizeof(text), "%s: off: %s", s->name, s->risk);
			break;
		}
		if (all || state == RZS_PROTECT_REFUSED)
			line(arg, text);
	}
}
