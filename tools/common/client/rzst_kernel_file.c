/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzst_kernel_file.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "rzst.h"
#include "rzst_kernel_file.h"

int rzst_kernel_file_write(const char *name, const char *file, const char *value)
{
	char path[128], at[RZST_PATH_MAX];
	int err, fd;

	snprintf(path, sizeof(path), "/sys/block/%s/%s", name, file);
	err = rzst_path(at, sizeof(at), path);
	if (err < 0)
		return err;
	fd = open(at, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, value, strlen(value)) < 0)
		err = -errno;
	close(fd);
	return err;
}
