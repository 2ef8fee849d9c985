/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzso_header.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rzso_header.h"
#include "rzst.h"

#define BOOT_BYTES 1024u /* of a boot loader */

#define MAGIC	   "SWAPSPACE2"
#define MAGIC_SIZE 10u

/* An area that is open, with its first bytes. */
struct area {
	int fd;
	uint64_t size;	/* bytes */
	uint8_t *bytes; /* RZST_HEADER_MOST of them, zeros where the area is shorter */
};

/* As many as there are. */
static int read_all(struct area *a)
{
	size_t len = 0;

	while (len < RZST_HEADER_MOST) {
		ssize_t n = pread(a->fd, a->bytes + len, RZST_HEADER_MOST - len, (off_t)len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return 0;
}

static int area_open(const char *path, bool write, struct area *a)
{
	char at[RZST_PATH_MAX];
	struct stat st;
	off_t size;
	int flags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY, err = rzst_path(at, sizeof(at), path);

	memset(a, 0, sizeof(*a));
	a->fd = -1;
	if (err < 0)
		return err;
	if (stat(at, &st) < 0)
		return -errno;
	if (!S_ISBLK(st.st_mode) && !S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -ENOTBLK;
	if (write && S_ISBLK(st.st_mode))
		flags |= O_EXCL; /* of a block device: nobody else has it */
	a->fd = open(at, flags | (write ? O_RDWR : O_RDONLY));
	if (a->fd < 0)
		return -errno;
	a->bytes = calloc(1, RZST_HEADER_MOST);
	if (!a->bytes)
		return -ENOMEM;
	size = lseek(a->fd, 0, SEEK_END);
	if (size < 0)
		return -errno;
	a->size = (uint64_t)size;
	return read_all(a);
}

/* After err of what came before. */
static int area_close(struct area *a, int err)
{
	if (a->fd >= 0 && close(a->fd) < 0 && err == 0)
		err = -errno;
	free(a->bytes);
	return err;
}

static int write_at(struct area *a, const void *bytes, size_t size, off_t at)
{
	ssize_t n;

	do
		n = pwrite(a->fd, bytes, size, at);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EIO;
}

static int sync_it(struct area *a)
{
	return fsync(a->fd) < 0 ? -errno : 0;
}

int rzso_header_read(const char *path, struct rzst_header *out)
{
	struct area a;
	int err = area_open(path, false, &a);

	memset(out, 0, sizeof(*out));
	if (err == 0)
		rzst_header_find(a.bytes, RZST_HEADER_MOST, out);
	return area_close(&a, err);
}

int rzso_header_unsuspend(const char *path)
{
	struct rzst_header h = {0};
	struct area a;
	int err = area_open(path, true, &a);

	if (err == 0)
		rzst_header_find(a.bytes, RZST_HEADER_MOST, &h);
	if (err == 0 && !h.suspended)
		err = -EINVAL;
	if (err == 0)
		err = write_at(&a, MAGIC, MAGIC_SIZE, (off_t)(h.page_size - MAGIC_SIZE));
	if (err == 0)
		err = sync_it(&a);
	return area_close(&a, err);
}

int rzso_header_reinitialise(const char *path, uint32_t page_size)
{
	static const uint8_t nothing[MAGIC_SIZE];
	struct rzst_header h = {0};
	struct area a;
	int err = area_open(path, true, &a);

	if (err == 0)
		rzst_header_find(a.bytes, RZST_HEADER_MOST, &h);
	if (err == 0 && !h.page_size)
		err = -EINVAL;
	if (err == 0)
		err = rzst_header_make(a.bytes, page_size, a.size);
	/* Or the old signature would be found where the new header does not reach. */
	if (err == 0 && h.page_size > page_size)
		err = write_at(&a, nothing, MAGIC_SIZE, (off_t)(h.page_size - MAGIC_SIZE));
	if (err == 0)
		err = write_at(&a, a.bytes + BOOT_BYTES, page_size - BOOT_BYTES, BOOT_BYTES);
	if (err == 0)
		err = sync_it(&a);
	return area_close(&a, err);
}
