/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much memory there is.  Allocates nothing; any thread.
 */
#ifndef RZS_RAM_H
#define RZS_RAM_H

#include <stdint.h>

/*
 * Bytes of RAM this process may count on: the machine's, or the memory.max of its control group
 * (version 2) and of the groups above it when that is lower.  Never fails: without an answer from
 * the system it is 0.
 */
uint64_t rzs_ram_usable(void);

/* Bytes of RAM of the machine, whatever this process may use of it. */
uint64_t rzs_ram_machine(void);

/*
 * The lowest memory.max from the group named in self (such as /proc/self/cgroup) up to the root of
 * the hierarchy mounted at mount (such as /sys/fs/cgroup); UINT64_MAX when there is none.
 */
uint64_t rzs_ram_cgroup_limit(const char *self, const char *mount);

#endif
