/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzsa_files.h: the directory, and what is found in it at the start. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "rzsa_files_private.h"
#include "rzst_header.h"
#include "rzst_swaps.h"

/* ---- the file system ---- */

struct fs_kind {
	uint32_t magic;
	const char *why; /* swap files cannot be on it; NULL: they can */
};

/* linux/magic.h has not all of them. */
static const struct fs_kind kinds[] = {
	{EXT4_SUPER_MAGIC, NULL}, /* ext2 and ext3, too */
	{XFS_SUPER_MAGIC, NULL},
	{BTRFS_SUPER_MAGIC, NULL},
	{F2FS_SUPER_MAGIC, NULL},
	{0x3153464a, NULL}, /* JFS */
	{TMPFS_MAGIC, "it is in memory (tmpfs)"},
	{RAMFS_MAGIC, "it is in memory (ramfs)"},
	{OVERLAYFS_SUPER_MAGIC, "it is an overlay, as in a container"},
	{NFS_SUPER_MAGIC, "it is on the network (NFS)"},
	{SMB_SUPER_MAGIC, "it is on the network (SMB)"},
	{CIFS_SUPER_MAGIC, "it is on the network (SMB)"},
	{SMB2_SUPER_MAGIC, "it is on the network (SMB)"},
	{V9FS_MAGIC, "it is on the network (9P)"},
	{FUSE_SUPER_MAGIC, "it is a process's (FUSE)"},
	{ECRYPTFS_SUPER_MAGIC, "it is encrypted (eCryptfs)"},
	{0x2fc12fc1, "ZFS has no swap files; a volume of it can be swapped to"},
	{0xca451a4e, "bcachefs has no swap files"},
	{0x3434, "it copies on write (NILFS)"},
};

static int refuse_fs(const char *path, const char *reason, char why[RZS_WHY_MAX])
{
	return rzs_value_fail(why, -EOPNOTSUPP,
			      "%s: no swap file can be there: %s; take a directory on ext4, xfs, "
			      "btrfs or f2fs",
			      path, reason);
}

static int look_at_fs(struct rzsa_dir *d, char why[RZS_WHY_MAX])
{
	struct statfs fs;
	char reason[64];
	int flags;

	if (fstatfs(d->fd, &fs) < 0)
		return rzs_value_fail(why, -errno, "%s: %s", d->path, strerror(errno));
	snprintf(reason, sizeof(reason), "an unknown file system (0x%lx)",
		 (unsigned long)fs.f_type & 0xffffffffu);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].magic == (uint32_t)fs.f_type) {
			if (kinds[i].why)
				return refuse_fs(d->path, kinds[i].why, why);
			reason[0] = '\0';
		}
	if (reason[0])
		return refuse_fs(d->path, reason, why);
	d->copies = (uint32_t)fs.f_type == BTRFS_SUPER_MAGIC;
	if (fs.f_flags & ST_RDONLY)
		return rzs_value_fail(why, -EROFS, "%s: it is mounted read-only", d->path);
	if (ioctl(d->fd, FS_IOC_GETFLAGS, &flags) == 0 && flags & FS_ENCRYPT_FL)
		return refuse_fs(d->path, "the directory is encrypted", why);
	return 0;
}

/* ---- who may do what there ---- */

static bool is_ours(const struct stat *st)
{
	return st->st_uid == geteuid();
}

static int look_at_owner(const struct rzsa_dir *d, char why[RZS_WHY_MAX])
{
	struct stat st;

	if (fstat(d->fd, &st) < 0)
		return rzs_value_fail(why, -errno, "%s: %s", d->path, strerror(errno));
	if (!is_ours(&st))
		return rzs_value_fail(why, -EPERM, "%s: it belongs to user %u, not to %u: chown it",
				      d->path, st.st_uid, geteuid());
	if ((st.st_mode & 0777) != 0700)
		return rzs_value_fail(why, -EPERM, "%s: its mode is %04o, not 0700: chmod it",
				      d->path, st.st_mode & 07777);
	return 0;
}

/* swapon(2) takes a path: nobody else may rename a directory above ours, and put another there. */
static int look_above(const struct rzsa_dir *d, char why[RZS_WHY_MAX])
{
	int fd = openat(d->fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC), up;
	struct stat st, last = {0};

	for (unsigned level = 1; fd >= 0; level++, fd = up) {
		if (fstat(fd, &st) < 0)
			break;
		/* In a sticky one, as /tmp, others cannot rename what is ours. */
		if ((st.st_mode & 022 && !(st.st_mode & S_ISVTX)) ||
		    (st.st_uid != 0 && !is_ours(&st))) {
			close(fd);
			return rzs_value_fail(why, -EPERM,
					      "%s: other users can replace it: see the owner and "
					      "mode of the directory %u levels above",
					      d->path, level);
		}
		if (level > 1 && st.st_dev == last.st_dev && st.st_ino == last.st_ino) {
			close(fd);
			return 0; /* the root is above itself */
		}
		last = st;
		up = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		close(fd);
	}
	if (fd >= 0)
		close(fd);
	return rzs_value_fail(why, -errno, "%s: the directories above it: %s", d->path,
			      strerror(errno));
}

static int lock(const struct rzsa_dir *d, char why[RZS_WHY_MAX])
{
	while (flock(d->fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			return rzs_value_fail(why, -EBUSY, "%s: another process manages it",
					      d->path);
		if (errno != EINTR)
			return rzs_value_fail(why, -errno, "%s: cannot lock it: %s", d->path,
					      strerror(errno));
	}
	return 0;
}

static int open_it(struct rzsa_dir *d, const char *path, char why[RZS_WHY_MAX])
{
	struct stat st;

	if (strlen(path) >= sizeof(d->path))
		return rzs_value_fail(why, -ENAMETOOLONG, "%.60s...: too long", path);
	strcpy(d->path, path);
	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
		return rzs_value_fail(why, -ELOOP, "%s: a symbolic link; give the directory itself",
				      path);
	d->fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (d->fd < 0 && errno == ENOENT)
		return rzs_value_fail(why, -ENOENT,
				      "%s: there is no such directory: install -d -m 0700 makes it",
				      path);
	if (d->fd < 0)
		return rzs_value_fail(why, -errno, "%s: %s", path, strerror(errno));
	return 0;
}

int rzsa_dir_open(struct rzsa_dir *d, const char *path, bool paranoid, char why[RZS_WHY_MAX])
{
	int err;

	memset(d, 0, sizeof(*d));
	d->fd = -1;
	d->paranoid = paranoid;
	why[0] = '\0';
	err = open_it(d, path, why);
	if (err == 0)
		err = look_at_owner(d, why);
	if (err == 0)
		err = look_above(d, why);
	if (err == 0)
		err = look_at_fs(d, why);
	if (err == 0)
		err = lock(d, why);
	if (err < 0)
		rzsa_dir_close(d);
	return err;
}

void rzsa_dir_close(struct rzsa_dir *d)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}

/* ---- what is there ---- */

bool rzsa_files_is_on(const char *name, const struct stat *st)
{
	struct rzst_swap_area v[RZST_SWAPS_MAX];
	unsigned nr = rzst_swaps_read(v);

	for (unsigned i = 0; i < nr; i++) {
		const char *last = strrchr(v[i].name, '/');
		struct stat area;

		if (stat(v[i].name, &area) == 0) {
			if (area.st_dev == st->st_dev && area.st_ino == st->st_ino)
				return true;
		} else if (v[i].is_file && strcmp(last ? last + 1 : v[i].name, name) == 0) {
			return true;
		}
	}
	return false;
}

/* A file that rzsa_file_make() has made, and that swapon(2) would take. */
static bool is_whole(int fd, const struct stat *st)
{
	static uint8_t bytes[RZST_HEADER_MOST];
	uint64_t size = (uint64_t)st->st_size;
	struct rzst_header h;

	if (!S_ISREG(st->st_mode) || !is_ours(st) || (st->st_mode & 07777) != 0600 ||
	    st->st_nlink != 1 || lseek(fd, 0, SEEK_HOLE) != st->st_size)
		return false;
	if (pread(fd, bytes, sizeof(bytes), 0) < (ssize_t)sysconf(_SC_PAGESIZE))
		return false;
	rzst_header_find(bytes, sizeof(bytes), &h);
	return h.page_size == (uint32_t)sysconf(_SC_PAGESIZE) && !h.suspended &&
	       h.nr_pages * h.page_size == size && strcmp(h.label, RZSA_FILES_LABEL) == 0;
}

/* What has been found so far. */
struct found {
	struct rzsa_dir *dir;
	char *ready; /* empty: none yet */
	uint64_t ready_kib;
	int err; /* the first */
	char *why;
};

static void note(struct found *f, const char *name, int err)
{
	if (err < 0 && f->err == 0)
		f->err = rzs_value_fail(f->why, err, "%s/%s: %s", f->dir->path, name,
					strerror(-err));
}

static void drop(struct found *f, const char *name)
{
	char why[RZS_WHY_MAX];

	if (rzsa_file_drop(f->dir, name, why) != RZSA_DONE && f->err == 0)
		f->err = rzs_value_fail(f->why, -EIO, "%s", why);
}

/* Of two whole files the larger is kept. */
static void keep(struct found *f, const char *name, uint64_t kib)
{
	if (kib <= f->ready_kib) {
		drop(f, name);
		return;
	}
	if (f->ready[0])
		drop(f, f->ready);
	snprintf(f->ready, RZSA_NAME_MAX, "%.31s", name);
	f->ready_kib = kib;
}

static void look_at_file(struct found *f, const char *name)
{
	int fd = openat(f->dir->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	bool whole;

	if (fd < 0 && errno == ELOOP) {
		drop(f, name);
		return;
	}
	if (fd < 0 || fstat(fd, &st) < 0) {
		note(f, name, -errno);
		if (fd >= 0)
			close(fd);
		return;
	}
	whole = is_whole(fd, &st);
	close(fd);
	if (rzsa_files_is_on(name, &st) || S_ISDIR(st.st_mode))
		return;
	if (whole)
		keep(f, name, (uint64_t)st.st_size / 1024);
	else
		drop(f, name);
}

static void look_at_part(struct found *f, const char *name)
{
	struct stat st;

	if (fstatat(f->dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		note(f, name, -errno);
	else if (!rzsa_files_is_on(name, &st))
		note(f, name, rzsa_files_remove_part(f->dir, name));
}

/* Each entry of the directory, first those that are half, then the others. */
static void look_at_all(struct found *f, bool parts)
{
	int fd = openat(f->dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!dir) {
		note(f, "", -errno);
		if (fd >= 0)
			close(fd);
		return;
	}
	while (errno = 0, (e = readdir(dir)) != NULL) {
		if (parts && rzsa_files_is_part(e->d_name))
			look_at_part(f, e->d_name);
		else if (!parts && rzsa_files_is_name(e->d_name))
			look_at_file(f, e->d_name);
	}
	note(f, "", -errno);
	closedir(dir);
}

int rzsa_dir_reuse(struct rzsa_dir *d, char ready[RZSA_NAME_MAX], uint64_t *ready_kib,
		   char why[RZS_WHY_MAX])
{
	struct found f = {d, ready, 0, 0, why};

	ready[0] = why[0] = '\0';
	look_at_all(&f, true);
	look_at_all(&f, false);
	if (f.err == 0 && fsync(d->fd) < 0)
		note(&f, "", -errno);
	*ready_kib = f.ready_kib;
	return f.err;
}
