/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared memory that outlives a process and stays in RAM; see segment.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "segment.h"

#include <errno.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

#define SEGMENT_MODE	0600
#define SEGMENT_RETRIES 100u /* of a call that a signal interrupted */

static int segment_fail(int err, const char **out_why, const char *why)
{
	*out_why = why;
	return -err;
}

/* ---- attaching */

/*
 * Whether this process populates its new mappings: MCL_FUTURE without MCL_ONFAULT.  The kernel does
 * not say so, but a new page that nobody has touched does.
 */
static bool segment_would_be_populated(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned char in_memory = 0;
	void *p = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return true; /* then the lock is set anew for nothing, or refused */
	(void)mincore(p, page, &in_memory);
	munmap(p, page);
	return in_memory & 1;
}

static int segment_shmat(int id, char **out)
{
	void *p = shmat(id, NULL, 0);

	*out = NULL;
	if (p == (void *)-1)
		return errno == EAGAIN ? -ENOMEM
				       : -errno; /* RLIMIT_MEMLOCK does not allow so much */
	*out = p;
	return 0;
}

/* shmat() that populates nothing, whatever this process locks. */
static int segment_map_at(int id, char **out)
{
	bool populates = segment_would_be_populated();
	int err;

	*out = NULL;
	if (populates && mlockall(MCL_FUTURE | MCL_ONFAULT))
		return -errno;
	err = segment_shmat(id, out);
	if (populates && mlockall(MCL_FUTURE) && !err) {
		err = -errno;
		(void)shmdt(*out);
	}
	return err;
}

/* The mapping of s->id.  s->len is known. */
static int segment_open(struct rzs_segment *s)
{
	char *p;
	int err = segment_map_at(s->id, &p);

	if (err)
		return err;
	s->base = p;
	/* The segment is locked; pages of a locked mapping could not be given back. */
	(void)munlock(p, s->len);
	(void)madvise(p, s->len, MADV_DONTDUMP);
	(void)madvise(p, s->len,
		      MADV_NOHUGEPAGE);		 /* a huge page could not be given back in parts */
	(void)madvise(p, s->len, MADV_DONTFORK); /* a child would keep the segment alive */
	return 0;
}

static void segment_clear(struct rzs_segment *s)
{
	s->id = -1;
	s->base = NULL;
	s->len = 0;
}

int rzs_segment_attach(struct rzs_segment *s, int id, const char **out_why)
{
	struct shmid_ds ds;
	int err;

	*out_why = NULL;
	segment_clear(s);
	if (shmctl(id, IPC_STAT, &ds))
		return segment_fail(errno, out_why, "segment: there is none with this id for us");
	if (!(ds.shm_perm.mode & SHM_LOCKED))
		return segment_fail(EPERM, out_why, "segment: its memory is not locked");
	s->id = id;
	s->len = ds.shm_segsz;
	err = segment_open(s);
	if (err) {
		segment_clear(s);
		return segment_fail(-err, out_why, "segment: cannot be attached");
	}
	return 0;
}

void rzs_segment_detach(struct rzs_segment *s)
{
	if (s->base)
		(void)shmdt(s->base);
	segment_clear(s);
}

/* ---- creating */

/* 0, or a negative errno and why. */
static int segment_get(size_t len, int *out_id, const char **out_why)
{
	*out_id = shmget(IPC_PRIVATE, len, IPC_CREAT | IPC_EXCL | SHM_NORESERVE | SEGMENT_MODE);
	if (*out_id >= 0)
		return 0;
	switch (errno) {
	case EINVAL:
		return segment_fail(ENOMEM, out_why, "segment: larger than kernel.shmmax");
	case ENOSPC:
		return segment_fail(ENOSPC, out_why,
				    "segment: kernel.shmmni or kernel.shmall is reached");
	case ENOMEM:
		return segment_fail(ENOMEM, out_why,
				    "segment: vm.overcommit_memory=2 leaves no memory for it");
	default:
		return segment_fail(errno, out_why, "segment: refused by the system");
	}
}

/* One of exactly len bytes. */
static int segment_create(struct rzs_segment *s, size_t len, const char **out_why)
{
	int err;

	err = segment_get(len, &s->id, out_why);
	if (err)
		return err;
	s->len = len;
	if (shmctl(s->id, SHM_LOCK, NULL))
		err = segment_fail(EPERM, out_why,
				   "segment: locking it needs CAP_IPC_LOCK or RLIMIT_MEMLOCK");
	if (!err) {
		err = segment_open(s);
		if (err)
			*out_why = "segment: no addresses for it";
	}
	/* It stays as long as somebody is attached, and others can attach until then. */
	(void)shmctl(s->id, IPC_RMID, NULL);
	return err;
}

int rzs_segment_create(struct rzs_segment *s, size_t len, size_t least, const char **out_why)
{
	int err;

	for (;;) {
		*out_why = NULL;
		segment_clear(s);
		err = segment_create(s, len, out_why);
		if (!err)
			return 0;
		segment_clear(s);
		if (len <= least || (err != -ENOMEM && err != -ENOSPC))
			return err;
		len = len / 2 > least ? len / 2 / RZS_SEGMENT_GRAIN * RZS_SEGMENT_GRAIN : least;
	}
}

/* ---- pages */

int rzs_segment_punch(void *p, size_t len)
{
	if (madvise(p, len, MADV_REMOVE) == 0)
		return 0;
	if (errno != EINVAL)
		return -errno;
	/* Somebody has locked all mappings of the process since it was attached. */
	if (munlock(p, len) || madvise(p, len, MADV_REMOVE))
		return -errno;
	return 0;
}

int rzs_segment_resident(void *p, size_t nr, size_t page, unsigned char *out)
{
	return mincore(p, nr * page, out) ? -errno : 0;
}

int rzs_segment_map(void *p, size_t len, size_t page)
{
	for (unsigned i = 0; i < SEGMENT_RETRIES; i++) {
		if (madvise(p, len, MADV_POPULATE_READ) == 0)
			return 0;
		if (errno == EINVAL) { /* before Linux 5.14 */
			for (size_t at = 0; at < len; at += page)
				(void)*((volatile char *)p + at);
			return 0;
		}
		if (errno != EINTR)
			break;
	}
	return -ENOMEM;
}
