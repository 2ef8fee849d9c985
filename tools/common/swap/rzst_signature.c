/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzst_signature.h. */
#include "rzst_signature.h"

#include <blkid/blkid.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC_SIZE 10	 /* of a swap header, at the end of its page */
#define VERSION_AT 1024u /* in its page */

#define BLANK_BYTES (1 << 20)
#define BLANK_STEP  16384u

/* ---- what libblkid finds ---- */

static void copy_value(blkid_probe probe, const char *key, char *out, size_t size)
{
	const char *value;

	out[0] = '\0';
	if (blkid_probe_lookup_value(probe, key, &value, NULL) == 0)
		snprintf(out, size, "%s", value);
}

static void look_at_header(blkid_probe probe, int fd, struct rzst_signature *out)
{
	uint32_t version = 0;
	char at[24];

	copy_value(probe, "SBMAGIC_OFFSET", at, sizeof(at));
	out->page_size = (uint32_t)strtoul(at, NULL, 10) + MAGIC_SIZE;
	out->byte_swapped =
		pread(fd, &version, sizeof(version), VERSION_AT) == (ssize_t)sizeof(version) &&
		version == __builtin_bswap32(1);
}

/* One of the signatures; probing goes on behind it. */
static void take(blkid_probe probe, int fd, struct rzst_signature *out)
{
	enum rzst_holds before = out->holds, holds;
	char what[sizeof(out->what)];

	copy_value(probe, "TYPE", what, sizeof(what));
	if (!*what)
		copy_value(probe, "PTTYPE", what, sizeof(what));
	holds = strcmp(what, "swap") == 0	 ? RZST_HOLDS_SWAP
		: strcmp(what, "swsuspend") == 0 ? RZST_HOLDS_SUSPENDED
						 : RZST_HOLDS_OTHER;
	out->ambivalent |= before != RZST_HOLDS_NOTHING;
	if (holds < before)
		return;
	out->holds = holds;
	memcpy(out->what, what, sizeof(out->what));
	copy_value(probe, "LABEL", out->label, sizeof(out->label));
	copy_value(probe, "UUID", out->uuid, sizeof(out->uuid));
	if (holds == RZST_HOLDS_SWAP)
		look_at_header(probe, fd, out);
}

static int probe_all(blkid_probe probe, int fd, struct rzst_signature *out)
{
	int more;

	errno = 0;
	if (blkid_probe_set_device(probe, fd, 0, 0) < 0)
		return errno ? -errno : -EIO;
	blkid_probe_enable_superblocks(probe, 1);
	blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_LABEL | BLKID_SUBLKS_UUID |
							 BLKID_SUBLKS_TYPE | BLKID_SUBLKS_MAGIC);
	blkid_probe_enable_partitions(probe, 1);
	while ((more = blkid_do_probe(probe)) == 0)
		take(probe, fd, out);
	return more < 0 ? (errno ? -errno : -EIO) : 0;
}

/* What cannot be read is not blank.  Every file system has its signature in the first MiB. */
static bool is_blank(int fd)
{
	static const char zeros[BLANK_STEP];
	char bytes[BLANK_STEP];

	for (off_t at = 0; at < BLANK_BYTES;) {
		ssize_t n = pread(fd, bytes, sizeof(bytes), at);

		if (n == 0)
			break;
		if (n < 0 || memcmp(bytes, zeros, (size_t)n) != 0)
			return false;
		at += n;
	}
	return true;
}

static uint64_t size_of(int fd, const struct stat *st)
{
	return S_ISBLK(st->st_mode) ? (uint64_t)blkid_get_dev_size(fd) : (uint64_t)st->st_size;
}

int rzst_signature_read(const char *path, struct rzst_signature *out)
{
	blkid_probe probe = NULL;
	struct stat st;
	int err = 0, fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	memset(out, 0, sizeof(*out));
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		err = -errno;
	else if (!S_ISBLK(st.st_mode) && !S_ISREG(st.st_mode))
		err = -ENOTBLK;
	else
		out->size = size_of(fd, &st);
	if (err == 0 && out->size) {
		probe = blkid_new_probe();
		err = probe ? probe_all(probe, fd, out) : -ENOMEM;
		blkid_free_probe(probe);
		out->blank = err == 0 && out->holds == RZST_HOLDS_NOTHING && is_blank(fd);
	}
	close(fd);
	if (err < 0)
		memset(out, 0, sizeof(*out));
	return err;
}
