/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Anonymous pages are found by /proc/PID/smaps and pagemap, and read by /proc/PID/mem.  The bits of
 * a pagemap entry are in the kernel's Documentation/admin-guide/mm/pagemap.rst.  smaps says which
 * mappings have anonymous pages, as programs reserve terabytes that they never touch.
 */
#define _GNU_SOURCE
#include "rzsb_process.h"
#include "rzsb.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PM_PRESENT    (1ull << 63)
#define PM_FILE	      (1ull << 61) /* or shared memory */
#define PM_PFN	      ((1ull << 55) - 1)
#define KPF_ZERO_PAGE (1ull << 24)
#define ENTRIES	      8192u

/* Open files; -1: it could not be opened. */
struct proc_files {
	int pagemap, kpageflags;
};

int rzsb_addresses_add(struct rzsb_addresses *a, uint64_t address)
{
	if (a->nr == a->room) {
		size_t room = a->room ? 2 * a->room : 4096;
		uint64_t *v = realloc(a->v, room * sizeof(*v));

		if (!v)
			return -ENOMEM;
		a->v = v;
		a->room = room;
	}
	a->v[a->nr++] = address;
	return 0;
}

static bool is_zero_page(int kpageflags, uint64_t entry)
{
	uint64_t flags;

	return kpageflags >= 0 && (entry & PM_PFN) &&
	       pread(kpageflags, &flags, 8, (off_t)((entry & PM_PFN) * 8)) == 8 &&
	       (flags & KPF_ZERO_PAGE);
}

/* The anonymous pages of a mapping that has `have` of them. */
static int find_in_range(struct rzsb_addresses *a, const struct proc_files *f, uint64_t from,
			 uint64_t to, size_t have)
{
	static uint64_t entries[ENTRIES];

	while (from < to && have > 0) {
		size_t want = (to - from) / RZSB_PAGE;
		ssize_t got;

		want = want > ENTRIES ? ENTRIES : want;
		got = pread(f->pagemap, entries, want * 8, (off_t)(from / RZSB_PAGE * 8));
		if (got < 8)
			return 0; /* not user memory: the kernel returns an end of file */
		for (size_t i = 0; i < (size_t)got / 8; i++) {
			if (!(entries[i] & PM_PRESENT) || (entries[i] & PM_FILE))
				continue;
			have -= have > 0;
			if (!is_zero_page(f->kpageflags, entries[i]) &&
			    rzsb_addresses_add(a, from + i * RZSB_PAGE) < 0)
				return -ENOMEM;
		}
		from += (uint64_t)got / 8 * RZSB_PAGE;
	}
	return 0;
}

/* Open /proc/PID/NAME; -ESRCH instead of -ENOENT. */
static int open_proc(pid_t pid, const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	return fd;
}

/* The anonymous pages of all mappings, except the kernel's own ([vdso] and the like). */
static int find_in_mappings(struct rzsb_addresses *a, const struct proc_files *f, FILE *smaps)
{
	unsigned long long start, end, from = 0, to = 0;
	unsigned long kib;
	char line[4400];
	int err = 0;

	while (!err && fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%llx-%llx ", &start, &end) == 2) {
			from = start;
			to = strstr(line, "[v") ? start : end;
		} else if (sscanf(line, "Anonymous: %lu", &kib) == 1 && kib > 0) {
			err = find_in_range(a, f, from, to, kib / (RZSB_PAGE / 1024));
		}
	}
	return err;
}

int rzsb_process_find(struct rzsb_addresses *a, pid_t pid)
{
	struct proc_files f = {.pagemap = open_proc(pid, "pagemap")};
	FILE *smaps;
	int fd, err;

	if (f.pagemap < 0)
		return f.pagemap;
	fd = open_proc(pid, "smaps");
	smaps = fd >= 0 ? fdopen(fd, "r") : NULL;
	if (!smaps) {
		close(f.pagemap);
		if (fd >= 0)
			close(fd);
		return fd >= 0 ? -ENOMEM : fd;
	}
	f.kpageflags = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	err = find_in_mappings(a, &f, smaps);
	fclose(smaps);
	close(f.pagemap);
	if (f.kpageflags >= 0)
		close(f.kpageflags);
	return err;
}

void rzsb_addresses_thin(struct rzsb_addresses *a, size_t most)
{
	size_t runs = (a->nr + RZSB_RUN - 1) / RZSB_RUN, keep = most / RZSB_RUN, nr = 0;

	if (most == 0 || a->nr <= most)
		return;
	for (size_t r = 0; r < runs; r++) {
		if ((r + 1) * keep / runs == r * keep / runs)
			continue;
		for (size_t i = r * RZSB_RUN; i < (r + 1) * RZSB_RUN && i < a->nr; i++)
			a->v[nr++] = a->v[i];
	}
	a->nr = nr;
}

int rzsb_read_pages(const struct rzsb_addresses *a, int fd,
		    bool (*take)(void *user, const uint8_t *page), void *user, size_t *out_lost)
{
	static uint8_t page[RZSB_PAGE];
	bool more = true;
	int err = 0;

	*out_lost = 0;
	for (size_t i = 0; i < a->nr && more; i++) {
		ssize_t n = pread(fd, page, RZSB_PAGE, (off_t)a->v[i]);

		if (n == (ssize_t)RZSB_PAGE) {
			more = take(user, page);
			continue;
		}
		/* Of a process that is gone, 0 bytes are read. */
		err = n < 0 ? -errno : -ESRCH;
		++*out_lost;
	}
	return a->nr && *out_lost == a->nr ? err : 0;
}

void rzsb_process_name(pid_t pid, char *out, size_t size)
{
	int fd = open_proc(pid, "comm");
	ssize_t n = fd >= 0 ? read(fd, out, size - 1) : -1;

	if (fd >= 0)
		close(fd);
	if (n <= 0) {
		snprintf(out, size, "?");
		return;
	}
	out[n] = 0;
	out[strcspn(out, "\n")] = 0;
	/* It becomes the name of a file and a word of an index. */
	for (unsigned char *c = (unsigned char *)out; *c; c++)
		if (*c <= ' ' || *c == '/' || *c >= 0x7f)
			*c = '-';
}
