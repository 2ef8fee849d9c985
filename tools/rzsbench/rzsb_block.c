/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Block devices as targets.  A device in use is never taken: O_EXCL makes the kernel refuse it.
 * Requests are answered one at a time.
 */
#define _GNU_SOURCE
#include "rzsb_cmd.h"
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

/* A device that does not say whether it takes discards gets none. */
static bool can_discard(dev_t device)
{
	uint64_t most = 0;
	char path[80];

	/* A partition has the queue of its disk. */
	for (unsigned i = 0; i < 2 && !most; i++) {
		snprintf(path, sizeof(path), "/sys/dev/block/%u:%u%s/queue/discard_max_bytes",
			 major(device), minor(device), i ? "/.." : "");
		most = rzst_number_in(path, "");
	}
	return most > 0;
}

/* The option that named it is --block. */
static int refuse(const char *path, const char *why)
{
	return rzst_fail(-1, "--block %s: %s", path, why);
}

int rzsb_target_start_block(struct target *t, const char *path, uint64_t size)
{
	struct stat st;
	uint64_t have = 0;

	if (stat(path, &st) < 0)
		return refuse(path, strerror(errno));
	if (!S_ISBLK(st.st_mode))
		return refuse(path, "it is not a block device");
	t->fd = open(path, O_RDWR | O_DIRECT | O_EXCL | O_CLOEXEC);
	if (t->fd < 0)
		return refuse(path, errno == EBUSY ? use_of(path, st.st_rdev) : strerror(errno));
	ioctl(t->fd, BLKGETSIZE64, &have);
	if (rzsb_target_fits(path, have, size) < 0) {
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

/* 0 or a negative errno. */
static int serve_all(struct target *t, const struct client_load *load)
{
	void *buffer = rzsb_alloc(load->max_bytes);
	struct client_request r = {.into = buffer};
	int err = 0;

	while (!err && load->next(load->user, &r)) {
		uint64_t start = rzst_now();

		err = -serve(t, &r);
		if (!err)
			load->done(load->user, &r, rzst_now() - start);
	}
	munmap(buffer, load->max_bytes);
	return err;
}

void rzsb_target_run(struct target *t, const struct client_load *load)
{
	int err = target_is_server(t) ? rzsb_client_run(t->client, load) : serve_all(t, load);

	if (err)
		rzst_die(RZSB_FAILED, "%s: %s", t->name, strerror(-err));
}
