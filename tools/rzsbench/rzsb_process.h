/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The anonymous pages of a process, which are those that a swap device might get.
 *
 * The process is not stopped.  A page that is gone by the time it is read is left out, and one that
 * is written meanwhile may be half old, half new.  Threading: one thread.
 */
#ifndef RZSB_PROCESS_H
#define RZSB_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Samples consist of runs of this many pages in address order, so that larger units and clusters
 * of swap can be made of them. */
#define RZSB_RUN 16u

struct rzsb_addresses {
	uint64_t *v; /* the caller frees it */
	size_t nr, room;
};

/* 0 or -ENOMEM. */
int rzsb_addresses_add(struct rzsb_addresses *a, uint64_t address);

/*
 * Append the addresses of all anonymous pages that are in RAM.  The kernel's page of zeros, which
 * stands wherever memory was only read, does not count.  Pages that are swapped out cannot be read.
 * 0, -ESRCH: no such process, -EACCES or -EPERM: not permitted (CAP_SYS_PTRACE), -ENOMEM.
 */
int rzsb_process_find(struct rzsb_addresses *a, pid_t pid);

/* Keep whole runs, evenly spaced, at most `most` pages; 0: keep all. */
void rzsb_addresses_thin(struct rzsb_addresses *a, size_t most);

/*
 * Call take() for each page of a file (also /proc/PID/mem) that can be read, until it returns
 * false.  *out_lost: how many cannot be read.  0, or a negative errno when none can; -ESRCH if the
 * process is gone.
 */
int rzsb_read_pages(const struct rzsb_addresses *a, int fd,
		    bool (*take)(void *user, const uint8_t *page), void *user, size_t *out_lost);

/* The name of its command, fit for a file name; "?" if it cannot be read. */
void rzsb_process_name(pid_t pid, char *out, size_t size);

#endif
