/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether the machine has any swap on; see swaps.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "swaps.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define SWAPS_HEAD 1024 /* bytes; has the title and the first area, if there is one */

int rzs_swaps_open(void)
{
	int fd = open("/proc/swaps", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

bool rzs_swaps_any(int fd)
{
	char text[SWAPS_HEAD];
	ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof(text), 0);
	const char *title_end = n > 0 ? memchr(text, '\n', (size_t)n) : NULL;

	return !title_end || title_end + 1 < text + n;
}
