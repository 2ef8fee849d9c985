/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Block devices as targets: one that somebody mounts, swaps to or holds otherwise is never taken
 * (the kernel sees to that, O_EXCL); and requests are answered one at a time.
 */
#define _GNU_SOURCE
#include "rzsb_nbd.h"
#include "rzst_swaps.h"
#include "rzsb_target.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* "mounted", "in use as swap" or "in use". */
static const char *use_of(const char *path, dev_t device)
{
	struct rzst_swap_area area[RZST_SWAPS_MAX];
	unsigned nr = rzst_swaps_read(area);
	char line[4096], own[32], number[32];
	const char *use = "in use";
	struct stat st;
	FILE *f = fopen("/proc/self/mountinfo", "re");

	for (unsigned i = 0; i < nr; i++)
		if (strcmp(area[i].name, path) == 0 ||
		    (stat(area[i].name, &st) == 0 && st.st_rdev == device))
			use = "in use as swap";
	snprintf(own, sizeof(own), "%u:%u", major(device), minor(device));
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*d %*d %31s", number) == 1 && strcmp(number, own) == 0)
			use = "mounted";
	if (f)
		fclose(f);
	return use;
}

/* Whether it takes discards; one of which that is not known is not asked for any. */
static bool can_discard(dev_t device)
{
	unsigned long long most = 0;
	char path[80];
	FILE *f;

	/* A partition has the queue of its disk. */
	for (unsigned i = 0; i < 2 && !most; i++) {
		snprintf(path, sizeof(path), "/sys/dev/block/%u:%u%s/queue/discard_max_bytes",
			 major(device), minor(device), i ? "/.." : "");
		f = fopen(path, "re");
		if (!f || fscanf(f, "%llu", &most) != 1)
			most = 0;
		if (f)
			fclose(f);
	}
	return most > 0;
}

int rzsb_target_start_block(struct target *t, const char *path, uint64_t size, char *why,
			    size_t why_size)
{
	struct stat st;
	uint64_t have = 0;

	if (stat(path, &st) < 0) {
		snprintf(why, why_size, "%s", strerror(errno));
		return -1;
	}
	if (!S_ISBLK(st.st_mode)) {
		snprintf(why, why_size, "it is no block device");
		return -1;
	}
	t->fd = open(path, O_RDWR | O_DIRECT | O_EXCL | O_CLOEXEC);
	if (t->fd < 0) {
		snprintf(why, why_size, "%s",
			 errno == EBUSY ? use_of(path, st.st_rdev) : strerror(errno));
		return -1;
	}
	if (ioctl(t->fd, BLKGETSIZE64, &have) < 0 || have < size) {
		snprintf(why, why_size, "it has %llu bytes, %llu are needed: see --pages",
			 (unsigned long long)have, (unsigned long long)size);
		close(t->fd);
		return -1;
	}
	t->device = path;
	t->no_discard = !can_discard(st.st_rdev);
	t->up = true;
	return 0;
}

/* 0 or a positive errno. */
static int serve(struct target *t, const struct client_request *r)
{
	uint64_t range[2] = {r->offset, r->bytes};
	ssize_t n;

	if (r->op == CLIENT_TRIM)
		return ioctl(t->fd, BLKDISCARD, range) < 0 ? errno : 0;
	if (r->op == CLIENT_WRITE)
		n = pwrite(t->fd, r->data, r->bytes, (off_t)r->offset);
	else
		n = pread(t->fd, r->into, r->bytes, (off_t)r->offset);
	return n < 0 ? errno : n == (ssize_t)r->bytes ? 0 : EIO;
}

int rzsb_target_run(struct target *t, const struct client_load *load)
{
	struct client_request r;
	void *buffer;
	bool more = true;

	if (target_is_server(t))
		return rzsb_client_run(t->client, load);
	buffer = rzsb_alloc(load->max_bytes);
	while (more) {
		uint64_t start;
		int error;

		r = (struct client_request){.into = buffer};
		if (!load->next(load->user, &r))
			break;
		start = rzst_now();
		error = serve(t, &r);
		more = load->done(load->user, &r, rzst_now() - start, error);
	}
	munmap(buffer, load->max_bytes);
	return 0;
}
