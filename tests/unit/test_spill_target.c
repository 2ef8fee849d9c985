/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Spill targets: each refusal, by table and with real files.  Files are in a directory of the
 * test's own, on whatever file system that is, so what the system says about file systems, extents
 * and devices is put in place of its answers.
 */
#include "t_scratch.h"

#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

#include "spill_facts.h"
#include "spill_target.h"

#define MIB (1u << 20)

static struct rzs_spill_target target;
static char path[128], why[RZS_WHY_MAX];

/* ---- the system, as the test wants it ---- */

static struct {
	int open_err; /* of the second open: that of the target */
	int opens;
	int ioctl_err; /* of BLKGETSIZE64 */
	uint32_t magic;
	uint32_t extent_flags;	      /* of all extents */
	uint64_t hole_at, hole_bytes; /* 0: none */
	bool no_fiemap, nocow, device;
	uint64_t device_bytes;
	int sector;
	int write_err, read_err;
} sys = {.magic = EXT4_SUPER_MAGIC, .sector = 512};

int __real_open(const char *name, int flags, ...);
int __wrap_open(const char *name, int flags, ...);
int __wrap_open(const char *name, int flags, ...)
{
	if (flags & O_PATH)
		return __real_open(name, flags);
	T_OK(flags & O_DIRECT);
	T_EQ(!!(flags & O_EXCL), sys.device);
	sys.opens++;
	if (sys.open_err) {
		errno = sys.open_err;
		return -1;
	}
	return __real_open(name, flags & ~(O_DIRECT | O_EXCL));
}

int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st)
{
	int r = __real_fstat(fd, st);

	if (sys.device)
		st->st_mode = (st->st_mode & ~(mode_t)S_IFMT) | S_IFBLK;
	return r;
}

int __wrap_fstatfs(int fd, struct statfs *fs);
int __wrap_fstatfs(int fd, struct statfs *fs)
{
	(void)fd;
	memset(fs, 0, sizeof(*fs));
	fs->f_type = sys.magic;
	return 0;
}

/* Extents of 300000 bytes, with a hole if there is to be one. */
static int made_fiemap(struct fiemap *m)
{
	uint64_t at = m->fm_start, end = m->fm_start + m->fm_length;

	m->fm_mapped_extents = 0;
	while (at < end && m->fm_mapped_extents < m->fm_extent_count) {
		struct fiemap_extent *e = &m->fm_extents[m->fm_mapped_extents];
		uint64_t to = at + 300000;

		if (sys.hole_bytes && at >= sys.hole_at && at < sys.hole_at + sys.hole_bytes) {
			at = sys.hole_at + sys.hole_bytes;
			continue;
		}
		if (sys.hole_bytes && at < sys.hole_at && to > sys.hole_at)
			to = sys.hole_at;
		*e = (struct fiemap_extent){.fe_logical = at, .fe_length = to - at};
		e->fe_flags = sys.extent_flags;
		m->fm_mapped_extents++;
		at = to;
	}
	return 0;
}

int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	(void)fd;
	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	errno = EOPNOTSUPP;
	switch (request) {
	case BLKGETSIZE64:
		*(uint64_t *)arg = sys.device_bytes;
		errno = sys.ioctl_err;
		return sys.ioctl_err ? -1 : 0;
	case BLKSSZGET:
		*(int *)arg = sys.sector;
		return 0;
	case FS_IOC_GETFLAGS:
		*(int *)arg = sys.nocow ? FS_NOCOW_FL : 0;
		return 0;
	case FS_IOC_FIEMAP:
		return sys.no_fiemap ? -1 : made_fiemap(arg);
	default:
		return -1;
	}
}

ssize_t __real_pwrite(int fd, const void *bytes, size_t nr, off_t at);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t nr, off_t at);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t nr, off_t at)
{
	errno = sys.write_err;
	return sys.write_err ? -1 : __real_pwrite(fd, bytes, nr, at);
}

ssize_t __real_pread(int fd, void *bytes, size_t nr, off_t at);
ssize_t __wrap_pread(int fd, void *bytes, size_t nr, off_t at);
ssize_t __wrap_pread(int fd, void *bytes, size_t nr, off_t at)
{
	errno = sys.read_err;
	return sys.read_err ? -1 : __real_pread(fd, bytes, nr, at);
}

/* statx(2) would say what the real file system can. */
int __wrap_statx(int fd, const char *name, int flags, unsigned mask, struct statx *out);
int __wrap_statx(int fd, const char *name, int flags, unsigned mask, struct statx *out)
{
	(void)fd;
	(void)name;
	(void)flags;
	(void)mask;
	(void)out;
	errno = ENOSYS;
	return -1;
}

/* ---- files ---- */

static void make(uint64_t bytes, mode_t mode)
{
	static const char block[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/target", t_scratch());
	fd = __real_open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	T_GE(fd, 0);
	for (uint64_t at = 0; at < bytes; at += sizeof(block))
		T_EQ(__real_pwrite(fd, block, sizeof(block), (off_t)at), (ssize_t)sizeof(block));
	T_EQ(ftruncate(fd, (off_t)bytes), 0);
	T_EQ(fchmod(fd, mode), 0);
	close(fd);
}

static void put(uint64_t at, const char *text)
{
	int fd = __real_open(path, O_RDWR);

	T_GE(fd, 0);
	T_EQ(__real_pwrite(fd, text, strlen(text), (off_t)at), (ssize_t)strlen(text));
	close(fd);
}

static void refused(const char *name, int err, const char *part)
{
	target = (struct rzs_spill_target){77, 77};
	T_EQ(rzs_spill_target_open(&target, name, why), err);
	if (!strstr(why, part))
		T_FAIL("\"%s\" does not say \"%s\"", why, part);
	T_EQ(target.fd, -1);
	T_EQ(target.places, 0);
}

static void accepted(uint64_t places)
{
	if (rzs_spill_target_open(&target, path, why) < 0)
		T_FAIL("%s", why);
	T_STR_EQ(why, "");
	T_EQ(target.places, places);
}

/* ---- the table ---- */

/* A file on XFS, and with something else about it. */
#define FILE_OF(size, permissions, file_system) \
	.bytes = (size), .mode = (permissions), .magic = (file_system)
#define A_FILE FILE_OF(2 * MIB, 0600, XFS_SUPER_MAGIC)

static const struct {
	struct rzs_spill_facts facts;
	int err;
	const char *part; /* of the sentence */
} rows[] = {
	{{A_FILE}, 0, ""},
	{{FILE_OF(2 * MIB, 0600, EXT4_SUPER_MAGIC)}, 0, ""},
	{{FILE_OF(2 * MIB, 0600, BTRFS_SUPER_MAGIC), .nocow = true}, 0, ""},
	{{FILE_OF(2 * MIB, 0600, BTRFS_SUPER_MAGIC)}, -EINVAL, "chattr +C"},
	{{FILE_OF(2 * MIB, 0600, TMPFS_MAGIC)}, -EOPNOTSUPP, "(0x1021994)"},
	{{A_FILE, .no_direct = true}, -EOPNOTSUPP, "direct I/O"},
	{{FILE_OF(2 * MIB, 0640, XFS_SUPER_MAGIC)}, -EPERM, "mode is 0640"},
	{{FILE_OF(2 * MIB, 0601, XFS_SUPER_MAGIC)}, -EPERM, "chmod 0600"},
	{{FILE_OF(2 * MIB, 0400, XFS_SUPER_MAGIC)}, 0, ""},
	{{A_FILE, .uid = 1000}, -EPERM, "belongs to user 1000, not to 0"},
	{{A_FILE, .uid = 7, .self = 7}, 0, ""},
	{{FILE_OF(2 * MIB + 4096, 0600, XFS_SUPER_MAGIC)}, -EINVAL, "truncate it to 2097152"},
	{{FILE_OF(MIB - RZS_SPILL_UNIT, 0600, XFS_SUPER_MAGIC)}, -EINVAL, "too small"},
	{{FILE_OF(0, 0600, XFS_SUPER_MAGIC)}, -EINVAL, "too small: it has 0 bytes"},
	{{FILE_OF(MIB, 0600, XFS_SUPER_MAGIC)}, 0, ""},
	{{A_FILE, .extents = RZS_SPILL_EXTENTS_UNKNOWN}, -EINVAL, "does not say"},
	{{A_FILE, .extents = RZS_SPILL_EXTENTS_HOLE}, -EINVAL, "holes"},
	{{A_FILE, .extents = RZS_SPILL_EXTENTS_UNWRITTEN}, -EINVAL, "not written"},
	{{A_FILE, .extents = RZS_SPILL_EXTENTS_SHARED}, -EINVAL, "shares blocks"},
	{{A_FILE, .extents = RZS_SPILL_EXTENTS_ODD}, -EINVAL, "compressed"},
	{{.device = true, .bytes = MIB, .sector = 512}, 0, ""},
	{{.device = true, .bytes = MIB + 512, .sector = 512}, 0, ""},
	{{.device = true, .bytes = MIB, .sector = 4096}, 0, ""},
	{{.device = true, .bytes = MIB, .sector = 32768}, 0, ""},
	{{.device = true, .bytes = MIB, .sector = 65536}, -EINVAL, "sectors of 65536 bytes"},
	{{.device = true, .bytes = MIB, .sector = 0}, -EINVAL, "sectors of 0 bytes"},
	{{.device = true, .bytes = MIB - 512, .sector = 512}, -EINVAL, "too small"},
};

T_TEST(each_refusal_by_table)
{
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int err = rzs_spill_facts_judge(&rows[i].facts, "/some/target", why);

		if (err != rows[i].err || !strstr(why, rows[i].part) ||
		    (err == 0) != (why[0] == '\0'))
			T_FAIL("row %u: %d, \"%s\"", i, err, why);
		if (err < 0)
			T_OK(strncmp(why, "/some/target: ", 14) == 0);
	}
}

/* A sentence is cut, never the buffer's neighbours. */
T_TEST(a_long_path_leaves_room_for_the_sentence)
{
	char longest[4000];

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	T_EQ(rzs_spill_facts_judge(&rows[12].facts, longest, why), -EINVAL);
	T_OK(strstr(why, "too small"));
}

/* ---- real files ---- */

T_TEST(a_file_written_in_full_is_a_target)
{
	static char got[RZS_SPILL_UNIT];
	int fd;

	make(2 * MIB, 0600);
	accepted(64);
	fd = __real_open(path, O_RDONLY);
	T_EQ(__real_pread(fd, got, sizeof(got), 0), (ssize_t)sizeof(got));
	T_MEM_EQ(got, RZS_SPILL_MARK, sizeof(RZS_SPILL_MARK));
	close(fd);
	rzs_spill_target_close(&target);
	T_EQ(target.fd, -1);
	rzs_spill_target_close(&target);
	/* What is behind the mark is nobody's. */
	put(2 * RZS_SPILL_UNIT, "pages of before");
	accepted(64);
	rzs_spill_target_close(&target);
}

T_TEST(the_calls_reach_the_file)
{
	static char bytes[2 * RZS_SPILL_UNIT], got[2 * RZS_SPILL_UNIT];
	struct rzs_spill_disk calls;
	struct iovec iov[2] = {{bytes, RZS_SPILL_UNIT}, {bytes + RZS_SPILL_UNIT, RZS_SPILL_UNIT}};
	struct iovec back = {got, sizeof(got)};

	make(MIB, 0600);
	accepted(32);
	calls = rzs_spill_target_disk(&target);
	memset(bytes, 1, RZS_SPILL_UNIT);
	memset(bytes + RZS_SPILL_UNIT, 2, RZS_SPILL_UNIT);
	T_EQ(calls.write(calls.arg, iov, 2, 3 * RZS_SPILL_UNIT), (ssize_t)sizeof(bytes));
	T_EQ(calls.read(calls.arg, &back, 1, 3 * RZS_SPILL_UNIT), (ssize_t)sizeof(bytes));
	T_MEM_EQ(got, bytes, sizeof(got));
	T_EQ(calls.read(calls.arg, &back, 1, MIB), 0);
	close(target.fd);
	T_EQ(calls.read(calls.arg, &back, 1, 0), -EBADF);
	T_EQ(calls.write(calls.arg, &back, 1, 0), -EBADF);
}

T_TEST(one_target_is_one_devices)
{
	struct rzs_spill_target first;

	make(MIB, 0600);
	accepted(32);
	first = target;
	refused(path, -EBUSY, "another device");
	rzs_spill_target_close(&first);
	accepted(32);
	rzs_spill_target_close(&target);
}

T_TEST(what_is_not_ours_is_refused)
{
	static const struct {
		uint64_t at;
		const char *text;
	} others[] = {{0, "XFSB"},	    {1080, "\x53\xef"},
		      {4086, "SWAPSPACE2"}, {65536 + 64, "_BHRfS_M"},
		      {131071, "x"},	    {0, "ramzswap spilt\n"}};

	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		char byte[32];

		make(MIB, 0600);
		put(others[i].at, others[i].text);
		snprintf(byte, sizeof(byte), "(byte %llu is", (unsigned long long)others[i].at);
		refused(path, -EEXIST, byte);
	}
	make(MIB, 0600);
	put(131072, "x"); /* so far nobody looks */
	accepted(32);
	rzs_spill_target_close(&target);
}

T_TEST(a_link_to_a_file_is_refused)
{
	char link[160];

	make(MIB, 0600);
	snprintf(link, sizeof(link), "%s/link", t_scratch());
	T_EQ(symlink(path, link), 0);
	refused(link, -ELOOP, "symbolic link");
	/* To a device it is how devices are named. */
	sys.device = true;
	sys.device_bytes = MIB;
	strcpy(path, link);
	accepted(32);
	rzs_spill_target_close(&target);
}

T_TEST(what_is_neither_file_nor_device_is_refused)
{
	char fifo[160];

	snprintf(fifo, sizeof(fifo), "%s/fifo", t_scratch());
	T_EQ(mkfifo(fifo, 0600), 0);
	refused(fifo, -EINVAL, "neither");
	refused(t_scratch(), -EINVAL, "neither");
	refused("/dev/null", -EINVAL, "neither");
	T_EQ(sys.opens, 0);
	snprintf(fifo, sizeof(fifo), "%s/nothing", t_scratch());
	refused(fifo, -ENOENT, strerror(ENOENT));
}

T_TEST(modes_and_sizes_of_files_are_seen)
{
	make(MIB, 0644);
	refused(path, -EPERM, "mode is 0644");
	make(MIB + 512, 0600);
	refused(path, -EINVAL, "truncate it");
	make(4096, 0600);
	refused(path, -EINVAL, "too small");
	make(MIB, 0600);
	sys.magic = BTRFS_SUPER_MAGIC;
	refused(path, -EINVAL, "chattr +C");
	sys.nocow = true;
	accepted(32);
	rzs_spill_target_close(&target);
}

/* Red when extents are looked at up to the first call's, or a gap between two calls is missed. */
T_TEST(extents_of_files_are_seen)
{
	make(40 * MIB, 0600);
	accepted(40 * 32);
	rzs_spill_target_close(&target);
	for (uint64_t at = 0; at < 40 * MIB; at += 3000000) {
		sys.hole_at = at;
		sys.hole_bytes = 4096;
		refused(path, -EINVAL, "holes");
	}
	sys.hole_at = 40 * MIB - 4096; /* the end */
	refused(path, -EINVAL, "holes");
	sys.hole_bytes = 0;
	sys.extent_flags = FIEMAP_EXTENT_LAST | FIEMAP_EXTENT_MERGED;
	accepted(40 * 32);
	rzs_spill_target_close(&target);
	sys.extent_flags = FIEMAP_EXTENT_UNWRITTEN;
	refused(path, -EINVAL, "not written");
	sys.extent_flags = FIEMAP_EXTENT_SHARED;
	refused(path, -EINVAL, "shares");
	sys.extent_flags = FIEMAP_EXTENT_ENCODED;
	refused(path, -EINVAL, "compressed");
	sys.extent_flags = FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC;
	refused(path, -EINVAL, "compressed");
	sys.extent_flags = FIEMAP_EXTENT_NOT_ALIGNED | FIEMAP_EXTENT_DATA_INLINE;
	refused(path, -EINVAL, "compressed");
	sys.no_fiemap = true;
	refused(path, -EINVAL, "does not say");
}

/* ---- what the system refuses ---- */

T_TEST(a_device_in_use_is_refused)
{
	make(MIB, 0600);
	sys.device = true;
	sys.device_bytes = MIB;
	sys.open_err = EBUSY;
	refused(path, -EBUSY, "in use: mounted, swapped to");
	sys.open_err = EROFS;
	refused(path, -EROFS, "read-only");
	sys.open_err = EACCES;
	refused(path, -EACCES, "read-only");
	sys.open_err = ENOMEDIUM;
	refused(path, -ENOMEDIUM, strerror(ENOMEDIUM));
	sys.open_err = 0;
	sys.ioctl_err = ENOTTY;
	refused(path, -ENOTTY, "its size");
	sys.ioctl_err = 0;
	sys.sector = 65536;
	refused(path, -EINVAL, "sectors of 65536");
}

T_TEST(the_odd_rest_of_a_device_is_left_alone)
{
	make(2 * MIB, 0600);
	sys.device = true;
	sys.device_bytes = MIB + RZS_SPILL_UNIT - 512;
	accepted(32);
	rzs_spill_target_close(&target);
	sys.device_bytes = UINT64_MAX / 2;
	accepted(RZS_SPILL_PLACES_MAX);
	rzs_spill_target_close(&target);
}

T_TEST(a_file_that_cannot_be_read_or_written_is_refused)
{
	make(MIB, 0600);
	sys.open_err = EINVAL;
	refused(path, -EINVAL, "direct I/O");
	sys.open_err = 0;
	sys.write_err = ETXTBSY;
	refused(path, -EBUSY, "swapped to");
	sys.write_err = ENOSPC;
	refused(path, -ENOSPC, strerror(ENOSPC));
	sys.write_err = 0;
	sys.read_err = EIO;
	refused(path, -EIO, "cannot be read");
	sys.read_err = 0;
	accepted(32);
	rzs_spill_target_close(&target);
}
