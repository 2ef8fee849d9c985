/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A process in the background.  See daemon.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon.h"

static int ready_pipe = -1; /* the child's end */

/* In the parent: wait until the child is ready, or has ended. */
__attribute__((noreturn)) static void wait_for_child(int fd)
{
	ssize_t n;
	char byte;

	do
		n = read(fd, &byte, 1);
	while (n < 0 && errno == EINTR);
	_exit(n == 1 ? 0 : 1);
}

int rzs_daemon_fork(void)
{
	int fds[2];
	pid_t pid;
	int err;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid < 0) {
		err = -errno;
		close(fds[0]);
		close(fds[1]);
		return err;
	}
	if (pid > 0) {
		close(fds[1]);
		wait_for_child(fds[0]);
	}
	close(fds[0]);
	ready_pipe = fds[1];
	/* Neither fails in a new child.  A working directory in use could not be unmounted. */
	if (setsid() < 0 || chdir("/") < 0)
		return -errno;
	return 0;
}

void rzs_daemon_ready(void)
{
	int null;

	if (ready_pipe < 0)
		return;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; null >= 0 && fd <= 2; fd++)
		(void)dup2(null, fd);
	if (null > 2)
		close(null);
	/* The parent may have been killed. */
	(void)!write(ready_pipe, "", 1);
	close(ready_pipe);
	ready_pipe = -1;
}
