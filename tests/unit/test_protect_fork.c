/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The protections of a daemon: tried before its fork, in force after it in the process that serves,
 * and taken back in its parent, which may have other things to do.  What is refused here is said to
 * be refused.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "t.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "protect_server.h"
#include "sanitized.h"

#ifndef PR_GET_IO_FLUSHER
#define PR_GET_IO_FLUSHER 58
#endif

static char oom_before[16];

static void on_error(const char *text)
{
	T_FAIL("%s", text);
}

static void early(void)
{
	const struct rzs_protect_server_options o = {
		.mode = RZS_PROTECT_AUTO,
		.realtime = RZS_REALTIME_NEVER,
		.ballast = 1 << 20,
		.error = on_error,
	};

	if (instrumented())
		T_SKIP("sanitizers and valgrind ignore mlockall()");
	T_EQ(rzs_protect_server_early(&o), 0);
}

struct asked {
	const char *name;
	char state[16];
};

static void look(void *arg, const char *name, const char *state)
{
	struct asked *a = arg;

	if (strcmp(name, a->name) == 0)
		snprintf(a->state, sizeof(a->state), "%s", state);
}

/* Whether it is in force, as the server says. */
static bool is_ok(const char *name)
{
	struct asked a = {.name = name};

	rzs_protect_server_each(look, &a);
	T_NE(a.state[0], '\0');
	T_OK(strcmp(a.state, "ok") == 0 || strcmp(a.state, "refused") == 0);
	return strcmp(a.state, "ok") == 0;
}

static void read_oom(char out[16])
{
	int fd = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, out, 15);

	T_GT(n, 0);
	out[n] = '\0';
	close(fd);
}

/* Locked memory of this process, in KiB. */
static unsigned long locked(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	unsigned long kib = 0;
	char line[256];

	T_NE(f, NULL);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "VmLck: %lu kB", &kib) == 1)
			break;
	fclose(f);
	return kib;
}

/* Whether what is mapped from now on is in memory at once. */
static bool is_filled_at_once(void)
{
	const size_t size = 1 << 20;
	unsigned char there[256];
	bool all = true;
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	T_NE(p, MAP_FAILED);
	T_EQ(mincore(p, size, there), 0);
	for (size_t i = 0; i < size / (size_t)sysconf(_SC_PAGESIZE); i++)
		all = all && (there[i] & 1);
	munmap(p, size);
	return all;
}

/* All that is said to be in force here, is. */
static void check_server(void)
{
	char oom[16];
	struct rlimit core;

	if (is_ok("lock")) {
		T_GT(locked(), 0);
		T_OK(is_filled_at_once());
	}
	if (is_ok("undumpable"))
		T_EQ(prctl(PR_GET_DUMPABLE), 0);
	if (is_ok("io-flusher"))
		T_EQ(prctl(PR_GET_IO_FLUSHER, 0, 0, 0, 0), 1);
	if (is_ok("oom-score")) {
		read_oom(oom);
		T_STR_EQ(oom, "-1000\n");
	}
	if (is_ok("core-limit")) {
		T_EQ(getrlimit(RLIMIT_CORE, &core), 0);
		T_EQ(core.rlim_cur, 0);
	}
	(void)is_ok("headroom");
	(void)is_ok("watchdog");
	(void)is_ok("ballast");
}

static void wait_well(pid_t pid)
{
	int status;

	T_EQ(waitpid(pid, &status, 0), pid);
	T_EQ(status, 0);
}

T_TEST(the_process_behind_the_fork_is_protected)
{
	char oom[16];
	pid_t pid;

	read_oom(oom_before);
	early();
	fflush(NULL);
	pid = fork();
	T_GE(pid, 0);
	if (pid == 0) {
		T_EQ(rzs_protect_server_late(), 0);
		check_server();
		rzs_protect_server_end();
		_exit(0);
	}
	wait_well(pid);

	/* The parent is an ordinary process again, as far as it was one. */
	if (is_ok("oom-score")) {
		read_oom(oom);
		T_STR_EQ(oom, oom_before);
	}
	if (is_ok("io-flusher"))
		T_EQ(prctl(PR_GET_IO_FLUSHER, 0, 0, 0, 0), 0);
}

/* Memory locked before the fork is not in the child: so this is where the above could go wrong. */
T_TEST(a_lock_ends_at_the_fork)
{
	pid_t pid;

	early();
	if (!is_ok("lock"))
		T_SKIP("memory cannot be locked here");
	T_GT(locked(), 0);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		T_EQ(locked(), 0);
		T_OK(!is_filled_at_once());
		T_EQ(rzs_protect_server_late(), 0);
		T_GT(locked(), 0);
		T_OK(is_filled_at_once());
		_exit(0);
	}
	wait_well(pid);
}

/* In front, and forks that come later: of a child of the server's, which keeps what it inherits. */
T_TEST(without_a_fork)
{
	early();
	T_EQ(rzs_protect_server_late(), 0);
	check_server();
	rzs_protect_server_end();
}
