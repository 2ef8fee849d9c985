/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzst_run.h. */
#include "rzst_run.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>

extern char **environ;

static int add_silence(posix_spawn_file_actions_t *actions)
{
	int err = posix_spawn_file_actions_addopen(actions, 1, "/dev/null", O_WRONLY, 0);

	return err ? err : posix_spawn_file_actions_adddup2(actions, 1, 2);
}

int rzst_run(const char *const argv[], bool quiet)
{
	posix_spawn_file_actions_t actions;
	int status, err;
	pid_t pid;

	fflush(NULL);
	err = posix_spawn_file_actions_init(&actions);
	if (err)
		return -err;
	if (quiet)
		err = add_silence(&actions);
	if (!err)
		err = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (err)
		return -err;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
