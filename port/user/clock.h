/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one clock of our servers: it does not go back, and stands still while the machine sleeps.
 *
 * Any thread; no system call, the clock is read in user space.
 */
#ifndef RZS_CLOCK_H
#define RZS_CLOCK_H

#include <stdint.h>
#include <time.h>

/* CLOCK_MONOTONIC in nanoseconds. */
static inline uint64_t rzs_clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* CLOCK_MONOTONIC in milliseconds. */
static inline uint64_t rzs_clock_ms(void)
{
	return rzs_clock_ns() / 1000000u;
}

#endif
