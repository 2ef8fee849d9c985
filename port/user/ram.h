/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How much RAM there is.  Threading: any thread that may read files; allocates nothing. */
#ifndef RZS_RAM_H
#define RZS_RAM_H

#include <stdint.h>

/*
 * Bytes of RAM that this process may use: the machine's RAM, or the lowest memory.max (version 2)
 * of its control group and of the groups above it if that is less.  0: not known.
 */
uint64_t rzs_ram_usable(void);

/* Bytes of the machine's RAM.  0: not known. */
uint64_t rzs_ram_machine(void);

/*
 * Bytes that the machine can give without swapping, as the kernel estimates (MemAvailable).
 * UINT64_MAX: not known.
 */
uint64_t rzs_ram_available(void);

/*
 * The lowest memory.max, in bytes, from the group that the file self names (/proc/self/cgroup) up
 * to the root of the hierarchy mounted at mount (/sys/fs/cgroup).  UINT64_MAX: no limit.
 */
uint64_t rzs_ram_cgroup_limit(const char *self, const char *mount);

#endif
