/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine made of files, below RZS_SYSROOT, with swapon() and swapoff() of its own, which --wrap=
 * puts in place of the system's.  For one program.
 */
#ifndef AREAS_RIG_H
#define AREAS_RIG_H

#include "t_scratch.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/swap.h>

#define HEADING "Filename\tType\tSize\tUsed\tPriority\n"
#define A_IS_ON HEADING "/dev/a partition 1000 400 5\n"

static struct {
	int error;	/* of both calls; 0: none */
	int fail_times; /* of swapoff: as often as this; -1: always */
	int flags;
	bool hang; /* swapoff waits for a signal */
	bool ends; /* swapoff takes it out of /proc/swaps */
	unsigned calls;
} * fake;

static void begin(const char *swaps)
{
	fake = mmap(NULL, sizeof(*fake), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	T_OK(fake != MAP_FAILED);
	T_EQ(setenv("RZS_SYSROOT", t_scratch(), 1), 0);
	t_scratch_put("/proc/swaps", swaps);
	t_scratch_put("/proc/sys/kernel/random/boot_id", "boot-1\n");
	t_scratch_put("/run/x", ""); /* the directory /run */
}

int __wrap_swapon(const char *path, int flags);
int __wrap_swapoff(const char *path);

int __wrap_swapon(const char *path, int flags)
{
	(void)path;
	fake->flags = flags;
	errno = fake->error;
	return fake->error ? -1 : 0;
}

int __wrap_swapoff(const char *path)
{
	(void)path;
	__atomic_add_fetch(&fake->calls, 1, __ATOMIC_SEQ_CST);
	if (fake->hang)
		pause();
	errno = fake->error;
	if (fake->fail_times)
		fake->fail_times -= fake->fail_times > 0;
	else
		errno = 0;
	if (errno)
		return -1;
	if (fake->ends)
		t_scratch_put("/proc/swaps", HEADING);
	return 0;
}

#endif
