/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See rzsa_files_private.h: bytes of a file.
 *
 * They are written past the page cache where the file system can (O_DIRECT): memory is short when
 * files are made, and a cache full of zeros that wait for the disk would take more of it.  Else
 * each 8 MiB are waited for and taken out of the cache.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rzsa_files_private.h"

#define PIECE  (256u << 10) /* bytes at a time */
#define SETTLE (8u << 20)   /* bytes that may be dirty in the page cache */

static bool set_direct(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && fcntl(fd, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT) == 0;
}

int rzsa_files_write(int fd, const void *bytes, size_t size, off_t at)
{
	while (size) {
		ssize_t n = pwrite(fd, bytes, size, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO;
		bytes = (const char *)bytes + n;
		size -= (size_t)n;
		at += n;
	}
	return 0;
}

/* What the file's end leaves of a piece may be less than a disk's block, which O_DIRECT refuses. */
static int write_piece(int fd, const void *bytes, size_t size, off_t at, bool *direct)
{
	int err = rzsa_files_write(fd, bytes, size, at);

	if (err == -EINVAL && *direct) {
		*direct = false;
		if (!set_direct(fd, false))
			return -errno;
		err = rzsa_files_write(fd, bytes, size, at);
	}
	return err;
}

/* Wait until the disk has size bytes, and take them out of the page cache. */
static int settle(int fd, uint64_t from, uint64_t size)
{
	if (sync_file_range(fd, (off_t)from, (off_t)size,
			    SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
				    SYNC_FILE_RANGE_WAIT_AFTER) < 0 &&
	    errno != ENOSYS && errno != ESPIPE)
		return -errno;
	posix_fadvise(fd, (off_t)from, (off_t)size, POSIX_FADV_DONTNEED);
	return 0;
}

int rzsa_files_zero(int fd, uint64_t size, const volatile sig_atomic_t *stop)
{
	static uint8_t nothing[PIECE] __attribute__((aligned(4096)));
	bool direct = set_direct(fd, true);
	uint64_t settled = 0;
	int err = 0;

	for (uint64_t at = 0; at < size && err == 0;) {
		size_t n = size - at < PIECE ? (size_t)(size - at) : PIECE;

		if (stop && *stop)
			return -EINTR;
		err = write_piece(fd, nothing, n, (off_t)at, &direct);
		at += n;
		if (err == 0 && !direct && at - settled >= SETTLE) {
			err = settle(fd, settled, at - settled);
			settled = at;
		}
	}
	if (direct && !set_direct(fd, false) && err == 0)
		err = -errno;
	if (err == 0 && fdatasync(fd) < 0)
		err = -errno;
	return err;
}

int rzsa_files_most(int fd, uint64_t size, uint64_t *most)
{
	uint64_t step = 1;

	*most = 0;
	while (step <= size / 2)
		step *= 2;
	for (; step; step /= 2) {
		if (*most + step > size)
			continue;
		if (ftruncate(fd, (off_t)(*most + step)) == 0)
			*most += step;
		else if (errno != EFBIG)
			return -errno;
	}
	return ftruncate(fd, 0) < 0 ? -errno : 0;
}
