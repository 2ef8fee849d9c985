/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What pages are spilled to; see spill_target.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "spill_target.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spill_facts.h"

#define LOOK_BYTES ((size_t)RZS_SPILL_LOOK_PLACES * RZS_SPILL_UNIT)

/* ---- opening ---- */

static int refuse_open(const char *path, bool device, int err, char *why)
{
	const char *text = strerror(-err);

	if (err == -ELOOP)
		text = "a symbolic link; give the path of the file itself";
	else if (err == -EBUSY && device)
		text = "in use: mounted, swapped to, part of another device, or a spill target";
	else if (err == -EROFS || err == -EACCES || err == -EPERM)
		text = "read-only, or there is no right to write to it";
	else if (err == -EINVAL)
		text = "its file system cannot do direct I/O; use another one, or a partition";
	return rzs_value_fail(why, err, "%.100s: %s", path, text);
}

/*
 * A link to a device is how devices are named (/dev/disk/by-id, logical volumes).  A link to a file
 * is refused, as whoever may change it could send the pages elsewhere.
 */
static int open_exclusively(const char *path, char *why)
{
	int fd = open(path, O_PATH | O_CLOEXEC), err;
	struct stat before, st;
	bool device;

	if (fd < 0)
		return refuse_open(path, false, -errno, why);
	err = fstat(fd, &before) < 0 ? -errno : 0;
	close(fd);
	if (err < 0)
		return refuse_open(path, false, err, why);
	device = S_ISBLK(before.st_mode);
	/* Opening a FIFO, say, could wait; a tape would wind. */
	if (!device && !S_ISREG(before.st_mode))
		return rzs_value_fail(why, -EINVAL, "%.100s: neither a block device nor a file",
				      path);
	fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC | (device ? O_EXCL : O_NOFOLLOW));
	if (fd < 0)
		return refuse_open(path, device, -errno, why);
	if (fstat(fd, &st) == 0 && st.st_dev == before.st_dev && st.st_ino == before.st_ino)
		return fd;
	close(fd);
	return rzs_value_fail(why, -EAGAIN, "%.100s: it was replaced meanwhile", path);
}

/* O_EXCL does that for a device; flock(2) on a device is udev's. */
static int lock_file(int fd, const char *path, char *why)
{
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			return rzs_value_fail(
				why, -EBUSY,
				"%.100s: in use: it is the spill target of another device", path);
		if (errno != EINTR)
			return rzs_value_fail(why, -errno, "%.100s: it cannot be locked: %s", path,
					      strerror(errno));
	}
	return 0;
}

/* ---- the mark ---- */

static bool is_zero(const char *bytes, size_t nr, size_t *at)
{
	for (*at = 0; *at < nr; ++*at)
		if (bytes[*at])
			return false;
	return true;
}

static int look_at_start(const struct rzs_spill_target *t, const char *path, char *bytes, char *why)
{
	size_t at;
	ssize_t got = pread(t->fd, bytes, LOOK_BYTES, 0);

	if (got != (ssize_t)LOOK_BYTES)
		return rzs_value_fail(why, got < 0 ? -errno : -EIO, "%.100s: it cannot be read: %s",
				      path, got < 0 ? strerror(errno) : "it ends early");
	if (memcmp(bytes, RZS_SPILL_MARK, sizeof(RZS_SPILL_MARK)) == 0 ||
	    is_zero(bytes, LOOK_BYTES, &at))
		return 0;
	return rzs_value_fail(
		why, -EEXIST,
		"%.80s: it holds something (byte %zu is not 0), which would be lost; if "
		"nobody needs it, run dd if=/dev/zero conv=notrunc bs=128K count=1 "
		"of=%.80s",
		path, at, path);
}

static int write_mark(const struct rzs_spill_target *t, const char *path, char *bytes, char *why)
{
	const char *text;
	ssize_t got;

	memset(bytes, 0, RZS_SPILL_UNIT);
	memcpy(bytes, RZS_SPILL_MARK, sizeof(RZS_SPILL_MARK));
	got = pwrite(t->fd, bytes, RZS_SPILL_UNIT, 0);
	if (got == (ssize_t)RZS_SPILL_UNIT)
		return 0;
	if (got >= 0)
		errno = EIO;
	text = errno == ETXTBSY ? "it is swapped to" : strerror(errno);
	return rzs_value_fail(why, errno == ETXTBSY ? -EBUSY : -errno,
			      "%.100s: it cannot be written: %s", path, text);
}

static int claim(const struct rzs_spill_target *t, const char *path, char *why)
{
	char *bytes =
		mmap(NULL, LOOK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int err;

	if (bytes == MAP_FAILED)
		return rzs_value_fail(why, -ENOMEM, "%.100s: no memory to look at it", path);
	err = look_at_start(t, path, bytes, why);
	if (err == 0)
		err = write_mark(t, path, bytes, why);
	munmap(bytes, LOOK_BYTES);
	return err;
}

int rzs_spill_target_open(struct rzs_spill_target *t, const char *path, char why[RZS_WHY_MAX])
{
	struct rzs_spill_facts facts;
	int err;

	why[0] = '\0';
	t->places = 0;
	t->fd = open_exclusively(path, why);
	if (t->fd < 0) {
		err = t->fd;
		t->fd = -1;
		return err;
	}
	err = rzs_spill_facts_look(t->fd, path, &facts, why);
	if (err == 0)
		err = rzs_spill_facts_judge(&facts, path, why);
	if (err == 0 && !facts.device)
		err = lock_file(t->fd, path, why);
	if (err == 0)
		err = claim(t, path, why);
	if (err < 0) {
		rzs_spill_target_close(t);
		return err;
	}
	t->places = facts.bytes / RZS_SPILL_UNIT;
	if (t->places > RZS_SPILL_PLACES_MAX)
		t->places = RZS_SPILL_PLACES_MAX;
	return 0;
}

void rzs_spill_target_close(struct rzs_spill_target *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
	t->places = 0;
}

/* ---- the calls ---- */

static ssize_t target_read(void *arg, const struct iovec *iov, int nr, uint64_t at)
{
	const struct rzs_spill_target *t = arg;
	ssize_t got = preadv(t->fd, iov, nr, (off_t)at);

	return got < 0 ? -errno : got;
}

static ssize_t target_write(void *arg, const struct iovec *iov, int nr, uint64_t at)
{
	const struct rzs_spill_target *t = arg;
	ssize_t got = pwritev(t->fd, iov, nr, (off_t)at);

	return got < 0 ? -errno : got;
}

struct rzs_spill_disk rzs_spill_target_disk(struct rzs_spill_target *t)
{
	return (struct rzs_spill_disk){.read = target_read, .write = target_write, .arg = t};
}
