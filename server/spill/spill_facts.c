/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is known of a spill target; see spill_facts.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "spill_facts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "spill_io.h"

#define EXTENTS 32u /* asked for at a time */

/* ---- judging ---- */

static int judge_file_system(const struct rzs_spill_facts *f, const char *path, char *why)
{
	switch (f->magic) {
	case EXT4_SUPER_MAGIC:
	case XFS_SUPER_MAGIC:
		break;
	case BTRFS_SUPER_MAGIC:
		if (!f->nocow)
			return rzs_value_fail(
				why, -EINVAL,
				"%.100s: btrfs would copy at each write; make an empty "
				"file, set \"chattr +C\" on it, and write it in full",
				path);
		break;
	default:
		return rzs_value_fail(
			why, -EOPNOTSUPP,
			"%.100s: its file system (0x%x) is not ext4, xfs or btrfs; use a "
			"file on one of these, or a partition",
			path, f->magic);
	}
	if (f->no_direct)
		return rzs_value_fail(
			why, -EOPNOTSUPP,
			"%.100s: its file system cannot do direct I/O on it (data=journal, "
			"or encrypted); use another one, or a partition",
			path);
	return 0;
}

static int judge_extents(const struct rzs_spill_facts *f, const char *path, char *why)
{
	static const char *const what[] = {
		[RZS_SPILL_EXTENTS_UNKNOWN] = "the file system does not say where its blocks are",
		[RZS_SPILL_EXTENTS_HOLE] = "it has holes",
		[RZS_SPILL_EXTENTS_UNWRITTEN] = "its blocks are reserved, but not written",
		[RZS_SPILL_EXTENTS_SHARED] = "it shares blocks with another file",
		[RZS_SPILL_EXTENTS_ODD] = "its blocks are compressed, encrypted or not its own",
	};

	if (f->extents == RZS_SPILL_EXTENTS_WHOLE)
		return 0;
	return rzs_value_fail(why, -EINVAL,
			      "%.100s: %s, so a write may need memory: write it in full first (dd "
			      "if=/dev/zero conv=fsync bs=1M count=N of=FILE)",
			      path, what[f->extents]);
}

static int judge_file(const struct rzs_spill_facts *f, const char *path, char *why)
{
	int err;

	if (f->uid != f->self)
		return rzs_value_fail(
			why, -EPERM,
			"%.100s: it belongs to user %u, not to %u, who could read other "
			"users' memory there: chown it",
			path, f->uid, f->self);
	if (f->mode & 077)
		return rzs_value_fail(
			why, -EPERM,
			"%.100s: its mode is %04o, and others could read other users' "
			"memory there: chmod 0600 it",
			path, f->mode);
	err = judge_file_system(f, path, why);
	if (err == 0 && f->bytes % RZS_SPILL_UNIT)
		err = rzs_value_fail(
			why, -EINVAL,
			"%.100s: %llu bytes are not a multiple of %u: truncate it to %llu", path,
			(unsigned long long)f->bytes, RZS_SPILL_UNIT,
			(unsigned long long)(f->bytes - f->bytes % RZS_SPILL_UNIT));
	return err < 0 ? err : judge_extents(f, path, why);
}

int rzs_spill_facts_judge(const struct rzs_spill_facts *f, const char *path, char why[RZS_WHY_MAX])
{
	why[0] = '\0';
	if (f->bytes < RZS_SPILL_LEAST)
		return rzs_value_fail(
			why, -EINVAL,
			"%.100s: too small: it has %llu bytes, and at least %u are needed", path,
			(unsigned long long)f->bytes, RZS_SPILL_LEAST);
	if (!f->device)
		return judge_file(f, path, why);
	if (f->sector == 0 || RZS_SPILL_UNIT % f->sector)
		return rzs_value_fail(
			why, -EINVAL,
			"%.100s: it has sectors of %u bytes; %u bytes must be a multiple of "
			"a sector",
			path, f->sector, RZS_SPILL_UNIT);
	return 0;
}

/* ---- looking ---- */

static enum rzs_spill_extents judge_flags(uint32_t flags)
{
	if (flags & FIEMAP_EXTENT_SHARED)
		return RZS_SPILL_EXTENTS_SHARED;
	if (flags & FIEMAP_EXTENT_UNWRITTEN)
		return RZS_SPILL_EXTENTS_UNWRITTEN;
	/* UNKNOWN goes with DELALLOC, ENCODED with DATA_ENCRYPTED, NOT_ALIGNED with the rest. */
	if (flags & (FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_ENCODED | FIEMAP_EXTENT_NOT_ALIGNED))
		return RZS_SPILL_EXTENTS_ODD;
	return RZS_SPILL_EXTENTS_WHOLE;
}

static enum rzs_spill_extents look_at_extents(int fd, uint64_t bytes)
{
	union {
		struct fiemap map;
		char room[sizeof(struct fiemap) + EXTENTS * sizeof(struct fiemap_extent)];
	} m;
	uint64_t at = 0;

	while (at < bytes) {
		memset(&m, 0, sizeof(m));
		m.map.fm_start = at;
		m.map.fm_length = bytes - at;
		m.map.fm_flags = FIEMAP_FLAG_SYNC;
		m.map.fm_extent_count = EXTENTS;
		if (ioctl(fd, FS_IOC_FIEMAP, &m) < 0)
			return RZS_SPILL_EXTENTS_UNKNOWN;
		if (m.map.fm_mapped_extents == 0)
			return RZS_SPILL_EXTENTS_HOLE;
		for (unsigned i = 0; i < m.map.fm_mapped_extents; i++) {
			const struct fiemap_extent *e = &m.map.fm_extents[i];
			enum rzs_spill_extents found = judge_flags(e->fe_flags);

			if (e->fe_logical > at || e->fe_length == 0)
				return RZS_SPILL_EXTENTS_HOLE;
			if (found != RZS_SPILL_EXTENTS_WHOLE)
				return found;
			at = e->fe_logical + e->fe_length;
		}
	}
	return RZS_SPILL_EXTENTS_WHOLE;
}

/* Linux 6.1 and later say whether direct I/O is possible; before, opening and the mark have to. */
static bool lacks_direct(int fd)
{
#ifdef STATX_DIOALIGN
	struct statx sx = {0};

	if (statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &sx) == 0 && sx.stx_mask & STATX_DIOALIGN)
		return sx.stx_dio_offset_align == 0 ||
		       RZS_SPILL_UNIT % sx.stx_dio_offset_align != 0;
#else
	(void)fd;
#endif
	return false;
}

static int look_at_device(int fd, const char *path, struct rzs_spill_facts *f, char *why)
{
	int sector = 0;
	uint64_t bytes = 0;

	if (ioctl(fd, BLKGETSIZE64, &bytes) < 0 || ioctl(fd, BLKSSZGET, &sector) < 0)
		return rzs_value_fail(why, -errno, "%.100s: its size and sectors: %s", path,
				      strerror(errno));
	f->device = true;
	f->bytes = bytes;
	f->sector = (uint32_t)sector;
	return 0;
}

int rzs_spill_facts_look(int fd, const char *path, struct rzs_spill_facts *f, char why[RZS_WHY_MAX])
{
	struct statfs fs;
	struct stat st;
	int flags = 0;

	memset(f, 0, sizeof(*f));
	why[0] = '\0';
	if (fstat(fd, &st) < 0)
		return rzs_value_fail(why, -errno, "%.100s: %s", path, strerror(errno));
	if (S_ISBLK(st.st_mode))
		return look_at_device(fd, path, f, why);
	if (fstatfs(fd, &fs) < 0)
		return rzs_value_fail(why, -errno, "%.100s: its file system: %s", path,
				      strerror(errno));
	f->bytes = (uint64_t)st.st_size;
	f->mode = st.st_mode & 07777;
	f->uid = st.st_uid;
	f->self = geteuid();
	f->magic = (uint32_t)fs.f_type;
	f->nocow = ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_NOCOW_FL);
	f->no_direct = lacks_direct(fd);
	f->extents = look_at_extents(fd, f->bytes);
	return 0;
}
