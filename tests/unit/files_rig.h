/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For the tests of swap files: a directory for them, calls that fail when a test says so, which
 * --wrap= puts in place of the system's, and what can be asked of the files.  For one program.
 */
#ifndef FILES_RIG_H
#define FILES_RIG_H

#include "t_scratch.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include "rzsa_files.h"
#include "rzst_header.h"

#define KIB 1024u /* of most files here */

/* ---- calls that fail ---- */

static unsigned calls, fail_at, die_at; /* so many of those below; 0: none */
static int fail_with;
static bool no_tmpfile;
static uint64_t writes; /* bytes */
static unsigned long bavail;
static bool little_room;

static bool fails(void)
{
	if (++calls == die_at)
		raise(SIGKILL);
	if (calls != fail_at)
		return false;
	errno = fail_with;
	return true;
}

#define WRAP(ret, name, types, args)                      \
	ret __real_##name types;                          \
	ret __wrap_##name types;                          \
	ret __wrap_##name types                           \
	{                                                 \
		return fails() ? -1 : __real_##name args; \
	}

WRAP(int, fallocate, (int fd, int mode, off_t at, off_t size), (fd, mode, at, size))
WRAP(int, fdatasync, (int fd), (fd))
WRAP(int, fsync, (int fd), (fd))
WRAP(int, ftruncate, (int fd, off_t size), (fd, size))
WRAP(int, linkat, (int a, const char *from, int b, const char *to, int flags),
     (a, from, b, to, flags))
WRAP(int, renameat2, (int a, const char *from, int b, const char *to, unsigned flags),
     (a, from, b, to, flags))
WRAP(int, unlinkat, (int fd, const char *file, int flags), (fd, file, flags))
WRAP(int, fchmod, (int fd, mode_t mode), (fd, mode))

ssize_t __real_pwrite(int fd, const void *bytes, size_t size, off_t at);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t size, off_t at);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t size, off_t at)
{
	writes += size;
	return fails() ? -1 : __real_pwrite(fd, bytes, size, at);
}

int __real_openat(int dir, const char *path, int flags, ...);
int __wrap_openat(int dir, const char *path, int flags, ...);
int __wrap_openat(int dir, const char *path, int flags, ...)
{
	if (no_tmpfile && (flags & O_TMPFILE) == O_TMPFILE) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return fails() ? -1 : __real_openat(dir, path, flags, 0600);
}

int __real_fstatvfs(int fd, struct statvfs *v);
int __wrap_fstatvfs(int fd, struct statvfs *v);
int __wrap_fstatvfs(int fd, struct statvfs *v)
{
	int err = fails() ? -1 : __real_fstatvfs(fd, v);

	if (err == 0 && little_room)
		v->f_bavail = bavail;
	return err;
}

/* ---- the directory, and what is in it ---- */

static char path[PATH_MAX], why[RZS_WHY_MAX], name[RZSA_NAME_MAX];
static const volatile sig_atomic_t go_on;
static struct rzsa_dir dir;

static const char *in_dir(const char *file)
{
	static char out[2][PATH_MAX + 64];
	static unsigned turn;

	turn = !turn;
	snprintf(out[turn], sizeof(out[turn]), "%s/%s", path, file);
	return out[turn];
}

static void open_dir(bool paranoid)
{
	struct statfs fs;

	snprintf(path, sizeof(path), "%s/d", t_scratch());
	T_OK(mkdir(path, 0700) == 0 || errno == EEXIST);
	T_EQ(statfs(path, &fs), 0);
	if (fs.f_type == TMPFS_MAGIC || fs.f_type == OVERLAYFS_SUPER_MAGIC)
		T_SKIP("/tmp is on a file system that swap files cannot be on");
	T_EQ(rzsa_dir_open(&dir, path, paranoid, why), 0);
	T_STR_EQ(why, "");
}

/* What /proc/swaps has, as a path in it. */
static void swapped_to(const char *text)
{
	char file[PATH_MAX];
	FILE *f;

	snprintf(file, sizeof(file), "%s/proc", t_scratch());
	T_OK(mkdir(file, 0700) == 0 || errno == EEXIST);
	strcat(file, "/swaps");
	f = fopen(file, "we");
	T_OK(f);
	fprintf(f, "Filename\tType\tSize\tUsed\tPriority\n%s file 1020 0 -2\n", text);
	T_EQ(fclose(f), 0);
	T_EQ(setenv("RZS_SYSROOT", t_scratch(), 1), 0);
}

static unsigned entries(void)
{
	DIR *d = opendir(path);
	unsigned nr = 0;

	T_OK(d);
	while (readdir(d))
		nr++;
	closedir(d);
	return nr - 2;
}

static void put(const char *file, const void *bytes, size_t size, off_t at)
{
	int fd = open(in_dir(file), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	T_GE(fd, 0);
	T_EQ(__real_pwrite(fd, bytes, size, at), (ssize_t)size);
	T_EQ(fsync(fd), 0);
	close(fd);
}

static void make(uint64_t kib)
{
	uint64_t made;

	T_EQ(rzsa_file_make(&dir, kib, name, &made, &go_on, why), RZSA_DONE);
	T_STR_EQ(why, "");
	T_EQ(made, kib);
}

/* As swapon(2) sees it: each block is there, and written.  Not by the functions under test. */
static bool is_whole(const char *file, uint64_t kib)
{
	union {
		struct fiemap map;
		char room[sizeof(struct fiemap) + 64 * sizeof(struct fiemap_extent)];
	} u = {.map = {.fm_length = FIEMAP_MAX_OFFSET, .fm_extent_count = 64}};
	uint8_t page[4096];
	struct rzst_header h;
	uint64_t covered = 0;
	struct stat st;
	int fd = open(in_dir(file), O_RDONLY | O_CLOEXEC);

	T_GE(fd, 0);
	T_EQ(fstat(fd, &st), 0);
	T_EQ(pread(fd, page, sizeof(page), 0), 4096);
	T_EQ(ioctl(fd, FS_IOC_FIEMAP, &u.map), 0);
	close(fd);
	for (unsigned i = 0; i < u.map.fm_mapped_extents; i++) {
		if (u.map.fm_extents[i].fe_logical != covered ||
		    u.map.fm_extents[i].fe_flags & FIEMAP_EXTENT_UNWRITTEN)
			return false;
		covered += u.map.fm_extents[i].fe_length;
	}
	rzst_header_find(page, sizeof(page), &h);
	return (uint64_t)st.st_size == kib * 1024 && covered >= kib * 1024 && h.page_size == 4096 &&
	       h.nr_pages == kib / 4 && (st.st_mode & 07777) == 0600;
}

#endif
