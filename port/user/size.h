/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sizes as people write them, and how much memory there is.  Allocates nothing; any thread.
 */
#ifndef RZS_SIZE_H
#define RZS_SIZE_H

#include <stdint.h>

/*
 * "4096", "512M", "512MiB", "512MB", "25%": a whole number, then nothing or B, or K M G T P E
 * (powers of 1024, either case) with iB or B after it if one likes, or a per cent sign: a share of
 * whole, which is 0 where shares make no sense.  0, -EINVAL (not a size) or -ERANGE (does not fit);
 * *out_why says what is wrong (constant string, NULL on success).
 */
int rzs_size_parse(const char *text, uint64_t whole, uint64_t *out, const char **out_why);

/* The power of two that the suffix at *text stands for, 0: none; *text is moved past it. */
unsigned rzs_size_suffix(const char **text);

/*
 * Bytes of RAM this process may count on: the machine's, or the memory.max of its control group
 * (version 2) and of the groups above it when that is lower.  Never fails: without an answer from
 * the system it is 0.
 */
uint64_t rzs_size_ram(void);

/* Bytes of RAM of the machine, whatever this process may use of it. */
uint64_t rzs_size_machine_ram(void);

/*
 * The lowest memory.max from the group named in self (such as /proc/self/cgroup) up to the root of
 * the hierarchy mounted at mount (such as /sys/fs/cgroup); UINT64_MAX when there is none.
 */
uint64_t rzs_size_cgroup_limit(const char *self, const char *mount);

#endif
