/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The anonymous pages of a process: which a swap device might get, and their bytes.  One thread.
 *
 * The process is not stopped: a page may go between finding and reading it (it is left out), and
 * one that is written meanwhile may be torn.
 */
#ifndef RZSB_PROCESS_H
#define RZSB_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Samples take whole runs of this many pages in address order, so that larger units and clusters of
 * swap can be made of them. */
#define RZSB_RUN 16u

struct rzsb_addresses {
	uint64_t *v;
	size_t nr, room;
};

/*
 * Append the addresses of all anonymous pages that are in RAM; the kernel's page of zeros, mapped
 * wherever memory was only read, is none, and a page that is swapped out already cannot be had.
 * 0, -ESRCH no such process, -EACCES or -EPERM not allowed (CAP_SYS_PTRACE), -ENOMEM.
 */
int rzsb_process_find(struct rzsb_addresses *a, pid_t pid);

/* 0 or -ENOMEM. */
int rzsb_addresses_add(struct rzsb_addresses *a, uint64_t address);

/* Keep whole runs, evenly spaced, until no more than `most` pages are left; 0: keep all. */
void rzsb_addresses_thin(struct rzsb_addresses *a, size_t most);

/*
 * Call take() for each page of a file (of /proc/PID/mem, too) that can be read, until it returns
 * false.  *out_lost: pages that could not.  0, or a negative errno when none could be read; -ESRCH
 * when the process has gone.
 */
int rzsb_read_pages(const struct rzsb_addresses *a, int fd,
		    bool (*take)(void *user, const uint8_t *page), void *user, size_t *out_lost);

/* Its command's name, "?" when there is none to be had. */
void rzsb_process_name(pid_t pid, char *out, size_t size);

#endif
