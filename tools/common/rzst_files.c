/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzst_files.h. */
#define _GNU_SOURCE
#include "rzst_files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAMES_MAX 100u /* that are tried: a killed process of the same number may have left some */

int rzst_new_file_open(struct rzst_new_file *n, const char *path)
{
	int fd = -1, err = -EEXIST;

	n->f = NULL;
	if (snprintf(n->path, sizeof(n->path), "%s", path) >= (int)sizeof(n->path))
		return -ENAMETOOLONG;
	for (unsigned i = 0; err == -EEXIST && i < NAMES_MAX; i++) {
		if (snprintf(n->beside, sizeof(n->beside), "%s.%d.%u.tmp", path, (int)getpid(),
			     i) >= (int)sizeof(n->beside))
			return -ENAMETOOLONG;
		fd = open(n->beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		err = fd < 0 ? -errno : 0;
	}
	if (err < 0)
		return err;
	n->f = fdopen(fd, "w");
	if (n->f)
		return 0;
	err = -errno;
	close(fd);
	unlink(n->beside);
	return err;
}

/* Not every file system can refuse to replace in one step. */
static int rename_to_nothing(const struct rzst_new_file *n)
{
	struct stat st;

	if (renameat2(AT_FDCWD, n->beside, AT_FDCWD, n->path, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (lstat(n->path, &st) == 0)
		return -EEXIST;
	return rename(n->beside, n->path) < 0 ? -errno : 0;
}

int rzst_new_file_close(struct rzst_new_file *n, int err, bool replace)
{
	if (!err && (fflush(n->f) != 0 || fsync(fileno(n->f)) < 0))
		err = -errno;
	if (!err && ferror(n->f)) /* of an earlier write */
		err = -EIO;
	if (fclose(n->f) != 0 && !err)
		err = -errno;
	n->f = NULL;
	if (!err && !replace)
		err = rename_to_nothing(n);
	else if (!err && rename(n->beside, n->path) < 0)
		err = -errno;
	if (err)
		unlink(n->beside);
	return err;
}
