/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzst_signature.h. */
#include "rzst_signature.h"

#include <blkid/blkid.h>
#include <byteswap.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "rzst.h"

#define VERSION_AT 1024 /* in a swap header */
#define MAGIC_SIZE 10u

/* ---- what it holds ---- */

static const char *value_of(blkid_probe pr, const char *name)
{
	const char *value;

	return blkid_probe_lookup_value(pr, name, &value, NULL) == 0 ? value : "";
}

static enum rzst_holds holds(const char *type)
{
	if (strcmp(type, "swap") == 0)
		return RZST_HOLDS_SWAP;
	if (strcmp(type, "swsuspend") == 0)
		return RZST_HOLDS_SUSPENDED;
	return *type ? RZST_HOLDS_OTHER : RZST_HOLDS_NOTHING;
}

static bool is_area(enum rzst_holds what)
{
	return what == RZST_HOLDS_SWAP || what == RZST_HOLDS_SUSPENDED;
}

static void take_header(blkid_probe pr, int fd, struct rzst_signature *out)
{
	/* The signature ends the first page. */
	uint64_t at = strtoull(value_of(pr, "SBMAGIC_OFFSET"), NULL, 10);
	uint32_t version = 0;

	out->page_size = (uint32_t)at + MAGIC_SIZE;
	if (pread(fd, &version, sizeof(version), VERSION_AT) == (ssize_t)sizeof(version))
		out->byte_swapped = version == bswap_32(1);
}

/* One that was found.  A second one that is not the same kind makes it ambivalent. */
static void take(blkid_probe pr, int fd, struct rzst_signature *out)
{
	const char *type = value_of(pr, "TYPE");
	enum rzst_holds what;

	if (!*type)
		type = value_of(pr, "PTTYPE");
	what = holds(type);
	if (what == RZST_HOLDS_NOTHING)
		return;
	out->ambivalent = out->holds != RZST_HOLDS_NOTHING;
	if (is_area(what))
		take_header(pr, fd, out);
	/* Of two, what is more than swap is named, and that there is swap is kept. */
	if (out->holds == RZST_HOLDS_NOTHING || is_area(what))
		out->holds = what;
	if (!*out->what || !is_area(what))
		snprintf(out->what, sizeof(out->what), "%s", type);
	snprintf(out->label, sizeof(out->label), "%s", value_of(pr, "LABEL"));
	snprintf(out->uuid, sizeof(out->uuid), "%s", value_of(pr, "UUID"));
}

static int probe(blkid_probe pr, int fd, struct rzst_signature *out)
{
	int found;

	if (blkid_probe_set_device(pr, fd, 0, 0) < 0)
		return errno ? -errno : -EIO;
	out->size = (uint64_t)blkid_probe_get_size(pr);
	blkid_probe_enable_superblocks(pr, 1);
	blkid_probe_set_superblocks_flags(pr, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_LABEL |
						      BLKID_SUBLKS_UUID | BLKID_SUBLKS_MAGIC);
	blkid_probe_enable_partitions(pr, 1);
	while ((found = blkid_do_probe(pr)) == 0)
		take(pr, fd, out);
	return found < 0 ? -EIO : 0;
}

int rzst_signature_read(const char *path, struct rzst_signature *out)
{
	char at[RZST_PATH_MAX];
	blkid_probe pr;
	int fd, err = rzst_path(at, sizeof(at), path);

	memset(out, 0, sizeof(*out));
	if (err < 0)
		return err;
	fd = open(at, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	pr = blkid_new_probe();
	errno = 0;
	err = pr ? probe(pr, fd, out) : -ENOMEM;
	blkid_free_probe(pr);
	close(fd);
	if (err < 0)
		memset(out, 0, sizeof(*out));
	return err;
}

/* ---- why not ---- */

/* The first that holds the block device, such as dm-0; "" for none. */
static void find_holder(dev_t device, char *out, size_t size)
{
	char at[RZST_PATH_MAX], path[64];
	struct dirent *e;
	DIR *dir;

	out[0] = '\0';
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/holders", major(device), minor(device));
	if (rzst_path(at, sizeof(at), path) < 0)
		return;
	dir = opendir(at);
	while (dir && !*out && (e = readdir(dir)) != NULL)
		if (e->d_name[0] != '.')
			snprintf(out, size, "%s", e->d_name);
	if (dir)
		closedir(dir);
}

static int refuse_device(const char *at, const struct stat *st, char *why, unsigned size)
{
	char holder[256];
	int fd = open(at, O_RDONLY | O_EXCL | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	if (errno != EBUSY)
		return -errno;
	find_holder(st->st_rdev, holder, sizeof(holder));
	if (*holder)
		snprintf(why, size, "it is part of %s", holder);
	else
		snprintf(why, size,
			 "it is in use: mounted, or another program has it opened exclusively");
	return -EBUSY;
}

static int refuse_file(int fd, const struct stat *st, char *why, unsigned size)
{
	struct statfs fs;
	int flags = 0;

	if (st->st_uid != 0) {
		snprintf(why, size, "the file belongs to user %u and not to root", st->st_uid);
		return -EPERM;
	}
	if (st->st_mode & 077) {
		snprintf(why, size, "the file can be opened by others, its mode is %04o and not 0600",
			 st->st_mode & 07777);
		return -EPERM;
	}
	if (fstatfs(fd, &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC))
		snprintf(why, size, "the file is in RAM, on a tmpfs");
	else if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && (flags & (FS_ENCRYPT_FL | FS_COMPR_FL)))
		snprintf(why, size, "the file is %s",
			 flags & FS_ENCRYPT_FL ? "encrypted" : "compressed");
	else if (st->st_blocks * 512 < st->st_size)
		snprintf(why, size, "the file has holes; dd or fallocate make one without");
	return *why ? -EINVAL : 0;
}

int rzst_signature_refuses(const char *path, char *why, unsigned size)
{
	char at[RZST_PATH_MAX];
	struct stat st;
	int fd, err = rzst_path(at, sizeof(at), path);

	why[0] = '\0';
	fd = err < 0 ? -1 : open(at, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (err == 0 && (fd < 0 || fstat(fd, &st) < 0))
		err = -errno;
	else if (err == 0 && S_ISBLK(st.st_mode))
		err = refuse_device(at, &st, why, size);
	else if (err == 0 && S_ISREG(st.st_mode))
		err = refuse_file(fd, &st, why, size);
	else if (err == 0) {
		snprintf(why, size, "it is neither a block device nor a file");
		err = -EINVAL;
	}
	if (fd >= 0)
		close(fd);
	if (err < 0 && !*why)
		snprintf(why, size, "%s", strerror(-err));
	return err;
}
