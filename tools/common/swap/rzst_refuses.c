/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzst_signature.h: what forbids to swap to a device or file, beyond its signature. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libmount/libmount.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "rzst.h"
#include "rzst_signature.h"
#include "rzst_swaps.h"

#define BTRFS 0x9123683E

struct why {
	char *text;
	size_t size;
};

__attribute__((format(printf, 3, 4))) static int refuse(const struct why *why, int err,
							const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why->text, why->size, fmt, ap);
	va_end(ap);
	return err;
}

/* ---- who has a block device ---- */

/* Where it is mounted; false: nowhere, or not known. */
static bool mounted_at(dev_t device, char *out, size_t size)
{
	struct libmnt_table *table = mnt_new_table_from_file("/proc/self/mountinfo");
	struct libmnt_fs *fs =
		table ? mnt_table_find_devno(table, device, MNT_ITER_BACKWARD) : NULL;

	if (fs)
		snprintf(out, size, "%s", mnt_fs_get_target(fs));
	mnt_unref_table(table);
	return fs;
}

/* The first that holds it: a name such as "dm-0". */
static bool held_by(dev_t device, char *out, size_t size)
{
	char path[64];
	struct dirent *e;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/holders", major(device), minor(device));
	dir = opendir(path);
	while (dir && !found && (e = readdir(dir)) != NULL)
		if (e->d_name[0] != '.') {
			snprintf(out, size, "%s", e->d_name);
			found = true;
		}
	if (dir)
		closedir(dir);
	return found;
}

static bool is_swap(dev_t device)
{
	struct rzst_swap_area v[RZST_SWAPS_MAX];
	unsigned nr = rzst_swaps_read(v);
	struct stat st;

	for (unsigned i = 0; i < nr; i++)
		if (stat(v[i].name, &st) == 0 && S_ISBLK(st.st_mode) && st.st_rdev == device)
			return true;
	return false;
}

/* A device in use cannot be opened exclusively; a partition in use holds the whole disk. */
static int look_at_device(const char *path, dev_t device, const struct why *why)
{
	int fd = open(path, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC);
	char who[256];

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	if (errno != EBUSY)
		return refuse(why, -errno, "%s", strerror(errno));
	if (is_swap(device))
		return refuse(why, -EBUSY, "swapped to already");
	if (mounted_at(device, who, sizeof(who)))
		return refuse(why, -EBUSY, "mounted on %s", who);
	if (held_by(device, who, sizeof(who)))
		return refuse(why, -EBUSY, "held by %s", who);
	return refuse(why, -EBUSY,
		      "in use, itself or a part of it: mounted, or opened exclusively");
}

/* The loop device that has this file or device behind it. */
static bool looped_by(const char *path, char *out, size_t size)
{
	char at[300], line[4096];
	struct dirent *e;
	bool found = false;
	DIR *dir = opendir("/sys/block");

	while (dir && !found && (e = readdir(dir)) != NULL) {
		FILE *f;

		if (strncmp(e->d_name, "loop", 4) != 0)
			continue;
		snprintf(at, sizeof(at), "/sys/block/%.200s/loop/backing_file", e->d_name);
		f = fopen(at, "re");
		if (!f)
			continue;
		if (fgets(line, sizeof(line), f)) {
			line[strcspn(line, "\n")] = '\0';
			found = rzst_same_file(line, path);
		}
		fclose(f);
		if (found)
			snprintf(out, size, "%s", e->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* ---- a file ---- */

static int look_at_file_system(int fd, const struct why *why)
{
	struct statfs fs;
	int flags = 0;

	if (fstatfs(fd, &fs) == 0 &&
	    ((unsigned long)fs.f_type == TMPFS_MAGIC || (unsigned long)fs.f_type == RAMFS_MAGIC))
		return refuse(why, -EINVAL, "a file in memory (tmpfs), which cannot hold swap");
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
		return 0; /* the file system has none */
#ifdef FS_ENCRYPT_FL
	if (flags & FS_ENCRYPT_FL)
		return refuse(why, -EINVAL, "an encrypted file, which cannot hold swap");
#endif
	if (flags & FS_COMPR_FL)
		return refuse(why, -EINVAL, "a compressed file, which cannot hold swap");
	if ((unsigned long)fs.f_type == BTRFS && !(flags & FS_NOCOW_FL))
		return refuse(why, -EINVAL,
			      "a file that is copied on write: make it anew with "
			      "'btrfs filesystem mkswapfile'");
	return 0;
}

static int look_at_file(int fd, const struct stat *st, const struct why *why)
{
	int err = look_at_file_system(fd, why);

	if (err < 0)
		return err;
	if ((uint64_t)st->st_blocks * 512 < (uint64_t)st->st_size)
		return refuse(why, -EINVAL, "a file with holes");
	if (st->st_uid != 0)
		return refuse(why, -EPERM, "a file of user %u, not of root", st->st_uid);
	if (st->st_mode & 066)
		return refuse(why, -EPERM,
			      "a file that others may read or write (mode %04o, 0600 is needed)",
			      st->st_mode & 07777);
	return 0;
}

int rzst_signature_refuses(const char *path, char *text, unsigned size)
{
	struct why why = {text, size};
	char loop[256];
	struct stat st;
	int err, fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	text[0] = '\0';
	if (fd < 0)
		return refuse(&why, -errno, "%s", strerror(errno));
	if (fstat(fd, &st) < 0)
		err = refuse(&why, -errno, "%s", strerror(errno));
	else if (S_ISREG(st.st_mode))
		err = look_at_file(fd, &st, &why);
	else if (S_ISBLK(st.st_mode))
		err = look_at_device(path, st.st_rdev, &why);
	else
		err = refuse(&why, -EINVAL, "neither a block device nor a file");
	close(fd);
	if (err == 0 && looped_by(path, loop, sizeof(loop)))
		err = refuse(&why, -EBUSY, "what %s has behind it", loop);
	return err;
}
