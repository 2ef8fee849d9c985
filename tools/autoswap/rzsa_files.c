/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzsa_files.h: files are made and removed. */
#include "rzsa_files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "rzsa_files_private.h"
#include "rzst_header.h"
#include "uuid.h"

#define NAMES 10000u /* numbers that a file may have */

/* ---- names ---- */

/* Whether text is before, up to four digits, after. */
static bool is_numbered(const char *text, const char *before, const char *after)
{
	size_t digits;

	if (strncmp(text, before, strlen(before)) != 0)
		return false;
	text += strlen(before);
	digits = strspn(text, "0123456789");
	return digits >= 1 && digits <= 4 && strcmp(text + digits, after) == 0;
}

bool rzsa_files_is_name(const char *name)
{
	return is_numbered(name, "swap.", "");
}

bool rzsa_files_is_part(const char *name)
{
	return is_numbered(name, ".swap.", ".part");
}

/* A name for what has none: by its descriptor if the kernel lets us, else by /proc. */
static int name_nameless(int fd, int dir, const char *name)
{
	char path[32];

	if (linkat(fd, "", dir, name, AT_EMPTY_PATH) == 0)
		return 0;
	if (errno != ENOENT)
		return -errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, path, dir, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

int rzsa_files_name(struct rzsa_dir *d, const char *from, int fd, bool part,
		    char name[RZSA_NAME_MAX])
{
	int err = -EEXIST;

	for (unsigned n = 0; n < NAMES && err == -EEXIST; n++) {
		snprintf(name, RZSA_NAME_MAX, part ? ".swap.%u.part" : "swap.%u", n);
		if (!from)
			err = name_nameless(fd, d->fd, name);
		else
			err = renameat2(d->fd, from, d->fd, name, RENAME_NOREPLACE) < 0 ? -errno
											: 0;
	}
	if (err < 0)
		name[0] = '\0';
	return err;
}

int rzsa_file_path(const struct rzsa_dir *d, const char *name, char *out, unsigned size)
{
	int len = snprintf(out, size, "%s/%s", d->path, name);

	if (len >= 0 && (unsigned)len < size)
		return 0;
	out[0] = '\0';
	return -ENAMETOOLONG;
}

/* ---- what became of it ---- */

enum rzsa_outcome rzsa_files_outcome(int err)
{
	switch (err) {
	case 0:
		return RZSA_DONE;
	case -ENOSPC:
	case -EDQUOT:
	case -EIO:
		return RZSA_NO_SPACE;
	case -EFBIG:
		return RZSA_TOO_BIG;
	case -ENOMEM:
		return RZSA_NO_MEMORY;
	case -EINTR:
		return RZSA_INTERRUPTED;
	default:
		return RZSA_REFUSED;
	}
}

/* ---- a file is made ---- */

struct making {
	struct rzsa_dir *dir;
	uint64_t size; /* bytes, a multiple of the page */
	uint32_t page;
	int fd;
	char part[RZSA_NAME_MAX]; /* its name for now; empty: it has none */
};

/* Without a name; or, where the file system cannot, with one that is not a swap file's. */
static int open_new(struct making *m)
{
	int err = -EEXIST;

	m->fd = openat(m->dir->fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (m->fd >= 0)
		return 0;
	if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
		return -errno;
	for (unsigned n = 0; n < NAMES && err == -EEXIST; n++) {
		snprintf(m->part, sizeof(m->part), ".swap.%u.part", n);
		m->fd = openat(m->dir->fd, m->part,
			       O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR | O_CLOEXEC, 0600);
		err = m->fd < 0 ? -errno : 0;
	}
	if (err < 0)
		m->part[0] = '\0';
	return err;
}

/* An empty file can still be told how it is to be stored: in place, and as it is. */
static int set_attributes(const struct making *m)
{
	int flags, want;

	if (fchmod(m->fd, 0600) < 0) /* the umask is the caller's */
		return -errno;
	if (ioctl(m->fd, FS_IOC_GETFLAGS, &flags) < 0)
		return m->dir->copies ? -errno : 0; /* the file system has none */
	want = flags & ~FS_COMPR_FL;
	if (m->dir->copies)
		want |= FS_NOCOW_FL;
	if (want != flags && ioctl(m->fd, FS_IOC_SETFLAGS, &want) < 0)
		return -errno;
	return 0;
}

/* The disk has room for it, and a tenth of what is free now stays free. */
static int look_for_room(const struct making *m)
{
	struct statvfs v;
	uint64_t room;

	if (fstatvfs(m->dir->fd, &v) < 0)
		return -errno;
	room = (uint64_t)v.f_bavail * v.f_frsize;
	return m->size <= room - room / 10 ? 0 : -ENOSPC;
}

/* All blocks at once, so that a lack of room is known before anything was written. */
static int reserve(const struct making *m)
{
	while (fallocate(m->fd, 0, 0, (off_t)m->size) < 0) {
		if (errno == EOPNOTSUPP || errno == ENOSYS)
			return 0;
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

static int write_header(const struct making *m)
{
	static uint8_t bytes[RZST_HEADER_MOST];
	uint8_t uuid[16];
	int err;

	/* Two files with one UUID harm nobody who does not ask for them by it. */
	if (getrandom(uuid, sizeof(uuid), GRND_NONBLOCK) != sizeof(uuid))
		memset(uuid, 0, sizeof(uuid));
	rzs_uuid_mark_random(uuid);
	err = rzst_header_make_new(bytes, m->page, m->size, RZSA_FILES_LABEL, uuid);
	if (err == 0)
		err = rzsa_files_write(m->fd, bytes, m->page, 0);
	if (err == 0 && fdatasync(m->fd) < 0)
		err = -errno;
	return err;
}

/* The file gets its name, and the disk knows it. */
static int publish(const struct making *m, char name[RZSA_NAME_MAX])
{
	int err = rzsa_files_name(m->dir, m->part[0] ? m->part : NULL, m->fd, false, name);

	if (err == 0 && fsync(m->dir->fd) < 0) {
		err = -errno;
		unlinkat(m->dir->fd, name, 0);
		name[0] = '\0';
	}
	return err;
}

static int make(struct making *m, char name[RZSA_NAME_MAX], uint64_t *made_kib,
		const volatile sig_atomic_t *stop)
{
	uint64_t most;
	int err;

	err = open_new(m);
	if (err == 0)
		err = set_attributes(m);
	if (err < 0)
		return err;
	/* A header has the number of the last page in 32 bits. */
	most = (uint64_t)UINT32_MAX * m->page;
	err = rzsa_files_most(m->fd, m->size < most ? m->size : most, &most);
	if (err < 0)
		return err;
	if (most < m->size) {
		*made_kib = most / m->page * m->page / 1024;
		return -EFBIG;
	}
	err = look_for_room(m);
	if (err == 0)
		err = reserve(m);
	if (err == 0)
		err = rzsa_files_zero(m->fd, m->size, stop);
	if (err == 0)
		err = write_header(m);
	if (err == 0)
		err = publish(m, name);
	if (err == 0)
		*made_kib = m->size / 1024;
	return err;
}

enum rzsa_outcome rzsa_file_make(struct rzsa_dir *d, uint64_t kib, char name[RZSA_NAME_MAX],
				 uint64_t *made_kib, const volatile sig_atomic_t *stop,
				 char why[RZS_WHY_MAX])
{
	uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE);
	struct making m = {d, kib * 1024 / page * page, page, -1, ""};
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
	int err;

	name[0] = why[0] = '\0';
	*made_kib = 0;
	if (kib > INT64_MAX / 1024 || m.size < RZSA_FILES_LEAST_PAGES * page) {
		rzs_value_fail(why, -EINVAL, "%s: no swap file can have %llu KiB", d->path,
			       (unsigned long long)kib);
		return RZSA_REFUSED;
	}
	sigaction(SIGXFSZ, &ignore, &before); /* or a limit on sizes would kill us */
	err = make(&m, name, made_kib, stop);
	sigaction(SIGXFSZ, &before, NULL);
	if (m.fd >= 0)
		close(m.fd);
	if (err < 0 && m.part[0])
		unlinkat(d->fd, m.part, 0);
	if (err < 0)
		rzs_value_fail(why, err, "%s: cannot make a file of %llu KiB: %s", d->path,
			       (unsigned long long)kib,
			       err == -EINTR ? "it was stopped" : strerror(-err));
	return rzsa_files_outcome(err);
}

/* ---- a file is removed ---- */

static int overwrite(struct rzsa_dir *d, const char *part)
{
	int fd = openat(d->fd, part, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK), err = 0;
	struct stat st;

	if (fd < 0)
		return errno == ELOOP ? 0 : -errno;
	if (fstat(fd, &st) < 0)
		err = -errno;
	else if (S_ISREG(st.st_mode))
		err = rzsa_files_zero(fd, (uint64_t)st.st_size, NULL);
	close(fd);
	return err;
}

int rzsa_files_remove_part(struct rzsa_dir *d, const char *part)
{
	int err = d->paranoid ? overwrite(d, part) : 0;

	if (err == 0 && unlinkat(d->fd, part, 0) < 0)
		err = -errno;
	return err;
}

enum rzsa_outcome rzsa_file_drop(struct rzsa_dir *d, const char *name, char why[RZS_WHY_MAX])
{
	char part[RZSA_NAME_MAX];
	struct stat st;
	int err;

	why[0] = '\0';
	if (!rzsa_files_is_name(name))
		err = -EINVAL;
	else if (fstatat(d->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		err = -errno;
	else if (rzsa_files_is_on(name, &st))
		err = -EBUSY;
	else
		err = rzsa_files_name(d, name, -1, true, part);
	if (err == 0)
		err = rzsa_files_remove_part(d, part);
	if (err == 0 && fsync(d->fd) < 0)
		err = -errno;
	if (err == 0 || err == -ENOENT)
		return RZSA_DONE;
	/* The kernel lets nobody rename a file that is swapped to. */
	rzs_value_fail(why, err, "%s/%s: not removed: %s", d->path, name,
		       err == -EBUSY || err == -EPERM ? "it is swapped to" : strerror(-err));
	return rzsa_files_outcome(err);
}
