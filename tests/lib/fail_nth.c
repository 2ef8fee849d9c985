/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * To be preloaded: makes calls fail that ask the system for memory.  Which ones, is written by
 * another process into the file named by RZS_FAIL_FILE, of struct page; tests/lib/failing.py does.
 *
 * Threading: any.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

struct page {
	char thread[16];	  /* only of threads of this name; empty: all */
	_Atomic int64_t count[2]; /* calls to let through, of epoll_ctl() and of malloc() etc. */
	_Atomic int64_t fail[2];  /* and how many fail then */
	_Atomic int64_t failed[2];
};

enum {
	EPOLL,
	MEMORY,
};

/* glibc's, which are there before anything can be looked up. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t nr, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static struct page *page;

__attribute__((constructor)) static void open_page(void)
{
	const char *path = getenv("RZS_FAIL_FILE");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *p = fd < 0 ? MAP_FAILED
			 : mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (fd >= 0)
		close(fd);
	if (p != MAP_FAILED)
		page = p;
}

static int fails(int kind)
{
	char name[16];

	if (!page || atomic_load(&page->fail[kind]) <= 0)
		return 0;
	if (page->thread[0] && (prctl(PR_GET_NAME, name) || strncmp(name, page->thread, 16) != 0))
		return 0;
	if (atomic_fetch_sub(&page->count[kind], 1) > 0 ||
	    atomic_fetch_sub(&page->fail[kind], 1) <= 0)
		return 0;
	atomic_fetch_add(&page->failed[kind], 1);
	errno = ENOMEM;
	return 1;
}

int epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
	static int (*next)(int, int, int, struct epoll_event *);

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "epoll_ctl");
	return fails(EPOLL) ? -1 : next(epoll, op, fd, event);
}

void *malloc(size_t size)
{
	return fails(MEMORY) ? NULL : __libc_malloc(size);
}

void *calloc(size_t nr, size_t size)
{
	return fails(MEMORY) ? NULL : __libc_calloc(nr, size);
}

void *realloc(void *old, size_t size)
{
	return fails(MEMORY) ? NULL : __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return fails(MEMORY) ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
	*out = fails(MEMORY) ? NULL : __libc_memalign(alignment, size);
	return *out ? 0 : ENOMEM;
}
