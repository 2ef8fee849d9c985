/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Descriptors 0 to 2, which a program may be started without.  What it opens first would be one of
 * them then: standard output goes to a control socket, or a daemon closes what it needs.  So they
 * are filled before anything else is opened.
 *
 * By itself, so that programs of every kind can have it.
 */
#ifndef RZS_STD_FDS_H
#define RZS_STD_FDS_H

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/*
 * Put /dev/null where one is missing, the wrong way round: who reads or writes it all the same gets
 * an error, as it would have without.  First thing in main().  0; or a negative errno, and then
 * some are missing still.
 */
static inline int rzs_std_fds_fill(void)
{
	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		/* The lowest that is free is fd.  Programs that are started from here have it. */
		if (open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) < 0)
			return -errno;
	}
	return 0;
}

#endif
