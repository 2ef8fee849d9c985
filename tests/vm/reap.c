/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reap STATUS-FILE COMMAND...: run a command that becomes a daemon, and report how the daemon ends.
 *
 * A daemon's parent is init, so its exit status is lost to the scenario that started it.  This
 * program makes itself the reaper of its descendants, waits for the last of them, and writes one
 * line about it, "exit N" or "signal N".
 *
 * Threading: one thread.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int write_status(const char *path, int status)
{
	FILE *f = fopen(path, "w");

	if (!f)
		return -errno;
	if (WIFSIGNALED(status))
		fprintf(f, "signal %d\n", WTERMSIG(status));
	else
		fprintf(f, "exit %d\n", WEXITSTATUS(status));
	return fclose(f) ? -errno : 0;
}

int main(int argc, char **argv)
{
	int status = 0;
	pid_t pid;

	if (argc < 3 || prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L))
		return 99;
	pid = fork();
	if (pid < 0)
		return 99;
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	/* The first one reaped is the command, which has daemonised; the last one is the daemon. */
	while (wait(&status) > 0 || errno == EINTR)
		;
	return write_status(argv[1], status) ? 99 : 0;
}
