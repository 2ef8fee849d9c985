/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program may be started without descriptors 0 to 2.  The first files that it opens then get
 * these numbers: its standard output goes to a control socket, or a daemon closes a file it needs.
 * So the program opens /dev/null in their place before it opens anything else.
 *
 * This header needs no other file of port/user, so that every program can include it.
 */
#ifndef RZS_STD_FDS_H
#define RZS_STD_FDS_H

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/*
 * Open /dev/null for each descriptor that is missing, but 0 for writing, and 1 and 2 for reading:
 * using them is an error, as it would be without them.  main() calls this first.  0, or a negative
 * errno; some may still be missing then.
 */
static inline int rzs_std_fds_fill(void)
{
	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		/* It gets number fd, the lowest free one.  Child programs inherit it. */
		if (open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) < 0)
			return -errno;
	}
	return 0;
}

#endif
