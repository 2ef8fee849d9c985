/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stand-in for swapoff(2), which answers as a test sets it.  All processes of a test share the
 * answers and the calls.  For one program, with --wrap=swapoff; it defines turn_off().
 */
#ifndef SWAPOFF_RIG_H
#define SWAPOFF_RIG_H

#include "t.h"

#define CALLS 32u

enum answer {
	ANSWER_OFF,
	ANSWER_KILL,	  /* by SIGKILL */
	ANSWER_WAIT,	  /* until a signal, which ends it */
	ANSWER_WAIT_MORE, /* the first two come too early */
	ANSWER_HOLD,	  /* until held is false, then it is off */
	ANSWER_LATE,	  /* the same, but another has turned it off */
	ANSWER_ERRNO,	  /* and more: this errno */
};

#define ERRNO(e) (ANSWER_ERRNO + (e))

static struct kernel {
	char name[256];	    /* of the area */
	int answers[CALLS]; /* the last one holds for all later calls */
	unsigned nr_answers, calls;
	bool held, at_call;
} * kernel;

/* What /proc/swaps says is the test's: the area is off. */
static void turn_off(void);

int __wrap_swapoff(const char *path);

static void while_held(void)
{
	while (__atomic_load_n(&kernel->held, __ATOMIC_SEQ_CST))
		t_pause();
}

static int kernel_fails(int error)
{
	errno = error;
	return -1;
}

int __wrap_swapoff(const char *path)
{
	unsigned call = __atomic_fetch_add(&kernel->calls, 1, __ATOMIC_SEQ_CST);
	int what = kernel->answers[call < kernel->nr_answers ? call : kernel->nr_answers - 1];

	if (strcmp(path, kernel->name) != 0)
		abort();
	__atomic_store_n(&kernel->at_call, true, __ATOMIC_SEQ_CST);
	switch (what) {
	case ANSWER_KILL:
		raise(SIGKILL);
		return -1;
	case ANSWER_WAIT_MORE:
		pause();
		pause();
		/* fallthrough */
	case ANSWER_WAIT:
		pause();
		return kernel_fails(EINTR);
	case ANSWER_LATE:
		while_held();
		turn_off();
		return kernel_fails(EINVAL);
	case ANSWER_HOLD:
		while_held();
		/* fallthrough */
	case ANSWER_OFF:
		turn_off();
		return 0;
	default:
		return kernel_fails(what - ANSWER_ERRNO);
	}
}

/* The area, and the answers to the calls in their order, a negative number at the end. */
static void make_kernel(const char *name, int first, va_list answers)
{
	kernel = mmap(NULL, sizeof(*kernel), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	T_OK(kernel != MAP_FAILED);
	snprintf(kernel->name, sizeof(kernel->name), "%s", name);
	for (int a = first; a >= 0 && kernel->nr_answers < CALLS; a = va_arg(answers, int))
		kernel->answers[kernel->nr_answers++] = a;
	kernel->held = true;
}

#endif
