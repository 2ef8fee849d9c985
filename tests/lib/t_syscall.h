/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stand-in for syscall(2), for a kernel that lacks one.  For one program, with --wrap=syscall.
 *
 * Threading: t_missing_syscall is set while there is one thread.
 */
#ifndef T_SYSCALL_H
#define T_SYSCALL_H

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/syscall.h>

static long t_missing_syscall = -1; /* its number; -1: none */

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

/* How many arguments are given for it: more must not be looked at. */
static unsigned t_nr_arguments(long number)
{
	switch (number) {
	case SYS_close:
		return 1;
	case SYS_capget:
	case SYS_pidfd_open:
		return 2;
	case SYS_close_range:
	case SYS_openat:
	case SYS_read:
		return 3;
	case SYS_pidfd_send_signal:
		return 4;
	default:
		abort();
	}
}

long __wrap_syscall(long number, ...)
{
	unsigned nr = t_nr_arguments(number);
	long v[4] = {0};
	va_list ap;

	va_start(ap, number);
	for (unsigned i = 0; i < nr; i++)
		v[i] = va_arg(ap, long);
	va_end(ap);
	if (number != t_missing_syscall)
		return __real_syscall(number, v[0], v[1], v[2], v[3]);
	errno = ENOSYS;
	return -1;
}

#endif
