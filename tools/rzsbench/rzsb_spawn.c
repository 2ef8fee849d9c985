/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Starts a program, watches it and all that it starts grow, stops the first that is large enough,
 * and sees to it that none outlives us.
 */
#define _GNU_SOURCE
#include "rzsb_spawn.h"
#include "rzsb.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "rzsb_cmd.h"

struct process {
	pid_t pid, parent;
	char comm[32], state;
	bool ours;
};

/* From /proc/PID/stat; false: there is no such process. */
static bool read_process(const char *pid, struct process *p)
{
	char path[300], line[512];
	FILE *f;
	bool good;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	good = fgets(line, sizeof(line), f) &&
	       sscanf(line, "%d (%31[^)]) %c %d", &p->pid, p->comm, &p->state, &p->parent) == 4;
	fclose(f);
	return good;
}

/* All processes there are, those started by us marked. */
static size_t list_processes(struct process *v, size_t room)
{
	size_t nr = 0;
	struct dirent *d;
	DIR *dir = opendir("/proc");
	bool again = true;

	while (dir && nr < room && (d = readdir(dir)))
		if (d->d_name[0] >= '0' && d->d_name[0] <= '9' && read_process(d->d_name, &v[nr])) {
			v[nr].ours = v[nr].parent == getpid();
			nr++;
		}
	if (dir)
		closedir(dir);
	while (again) {
		again = false;
		for (size_t i = 0; i < nr; i++)
			for (size_t k = 0; k < nr && !v[i].ours; k++)
				if (v[k].ours && v[i].parent == v[k].pid)
					again = v[i].ours = true;
	}
	return nr;
}

static size_t anonymous_pages(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	return rzst_number_in(path, "RssAnon:") / (RZSB_PAGE / 1024);
}

static struct process all[32768];
static const struct timespec pause_time = {.tv_nsec = 5000000};

/* We adopt what our children leave behind, so that nobody escapes. */
static void end_all_ours(void)
{
	do {
		size_t nr = list_processes(all, sizeof(all) / sizeof(all[0]));

		for (size_t i = 0; i < nr; i++)
			if (all[i].ours)
				kill(all[i].pid, SIGKILL);
	} while (wait(NULL) > 0);
}

static void __attribute__((noreturn)) become(char **command, int failed)
{
	int null;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	null = open("/dev/null", O_RDWR);
	if (null >= 0) {
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
	}
	execvp(command[0], command);
	if (write(failed, &errno, sizeof(errno)) < 0)
		_exit(126);
	_exit(127);
}

/*
 * Returns when the command runs.  Until its exec a child has our memory, which is not what it
 * grew to; the exec closes the pipe.
 */
static void start(char **command)
{
	int running[2], e = 0;
	pid_t pid = -1;

	if (pipe2(running, O_CLOEXEC) == 0)
		pid = fork();
	if (pid == 0)
		become(command, running[1]);
	if (pid < 0)
		rzst_die(RZSB_FAILED, "cannot start %s: %s", command[0], strerror(errno));
	close(running[1]);
	if (read(running[0], &e, sizeof(e)) > 0)
		rzst_die(RZSB_FAILED, "cannot start %s: %s", command[0], strerror(e));
	close(running[0]);
}

/* A process of ours that is large enough, or 0. */
static pid_t find_grown(const struct rzsb_spawn *s, size_t *highest)
{
	size_t nr = list_processes(all, sizeof(all) / sizeof(all[0]));

	for (size_t i = 0; i < nr; i++) {
		size_t n;

		if (!all[i].ours || (s->comm && strcmp(all[i].comm, s->comm) != 0))
			continue;
		n = anonymous_pages(all[i].pid);
		*highest = n > *highest ? n : *highest;
		if (n >= s->least)
			return all[i].pid;
	}
	return 0;
}

/* 0: it has gone. */
static char state_of(pid_t pid)
{
	struct process p;
	char text[16];

	snprintf(text, sizeof(text), "%d", (int)pid);
	return read_process(text, &p) ? p.state : 0;
}

/* A signal to stop takes effect some time later: by then the process may have become another. */
static bool stop_grown(const struct rzsb_spawn *s, pid_t pid)
{
	char state = kill(pid, SIGSTOP) == 0 ? state_of(pid) : 0;

	while (state && !strchr("TtZXx", state)) {
		nanosleep(&pause_time, NULL);
		state = state_of(pid);
	}
	if (state == 'T' && anonymous_pages(pid) >= s->least)
		return true;
	if (state == 'T')
		kill(pid, SIGCONT);
	return false;
}

pid_t rzsb_spawn_until_grown(const struct rzsb_spawn *s, size_t *out_highest)
{
	uint64_t deadline = rzst_now() + s->seconds * 1000000000ull;

	*out_highest = 0;
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		rzst_die(RZSB_FAILED, "prctl: %s", strerror(errno));
	atexit(end_all_ours);
	start(s->command);
	while (rzst_now() < deadline) {
		pid_t grown = find_grown(s, out_highest);

		if (grown && stop_grown(s, grown))
			return grown;
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD)
			break;
		nanosleep(&pause_time, NULL);
	}
	return 0;
}
