/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shared memory that outlives a process and stays in RAM: a System V segment, locked as such
 * (SHM_LOCK).  No process needs to lock its pages, or to be there at all.
 *
 * A segment has an id, and is destroyed when no process is attached any more, however they ended.
 * So a process that is to keep it for others stays attached; it need not touch it.  Any process of
 * the same user (or with CAP_IPC_OWNER) can attach by the id, and at its own address.
 *
 * A segment is much larger than the memory that is used: pages come with their first use and go by
 * rzs_segment_punch().  Core files do not have them, and a child process does not inherit them.
 *
 * Threading: any thread that may wait for memory, so never one that serves I/O.  While a segment is
 * created or attached, a process that locks its later mappings as a whole (MCL_FUTURE) does without
 * populating them: what other threads map at that moment is locked as it is touched.
 */
#ifndef RZS_SEGMENT_H
#define RZS_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>

/* A multiple of all sizes of pages that a segment is made for. */
#define RZS_SEGMENT_GRAIN 65536u

struct rzs_segment {
	int id;	    /* -1: none */
	char *base; /* NULL: not attached */
	size_t len;
};

/*
 * Create a segment of len bytes, or fewer if that is refused, but at least `least`; both are
 * multiples of RZS_SEGMENT_GRAIN.  It reads as zeros.  It is attached, and marked for removal.
 * 0, or a negative errno and *out_why (a constant string), and s is as detached:
 * -EPERM   this process may not lock it (CAP_IPC_LOCK, RLIMIT_MEMLOCK)
 * -ENOSPC  there are too many segments, or too much memory in them (kernel.shmmni, kernel.shmall)
 * -ENOMEM  kernel.shmmax, vm.overcommit_memory=2, or no addresses
 * -ENOSYS  a kernel without System V segments
 */
int rzs_segment_create(struct rzs_segment *s, size_t len, size_t least, const char **out_why);

/*
 * Attach to a segment.  Nothing of it is touched.  0, or a negative errno and *out_why, and s is as
 * detached:
 * -EINVAL, -EIDRM  there is no such segment, or no more
 * -EACCES  it is another user's
 * -EPERM   its memory is not locked
 * -ENOMEM  no addresses
 */
int rzs_segment_attach(struct rzs_segment *s, int id, const char **out_why);

/* Detach; after the last process has, the segment is gone.  s may be detached already. */
void rzs_segment_detach(struct rzs_segment *s);

/*
 * Give len bytes at p back to the system: whole pages of a segment.  They read as zeros, in all
 * processes.  0 or a negative errno.
 */
int rzs_segment_punch(void *p, size_t len);

/*
 * Which of nr pages at p are in memory: *out has a byte for each, whose lowest bit says it.  Needs
 * no page tables and makes none.  page: bytes of a page.  0 or a negative errno.
 */
int rzs_segment_resident(void *p, size_t nr, size_t page, unsigned char *out);

/*
 * Make page tables for len bytes at p, all of which are in memory, so that using them causes no
 * page fault.  A page that is not there any more is made.  page: bytes of a page.  0 or -ENOMEM.
 */
int rzs_segment_map(void *p, size_t len, size_t page);

#endif
