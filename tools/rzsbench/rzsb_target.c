/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Servers run in the foreground, as our children, and die with us.  zram is reset in the end, and
 * not used if it is set up already.
 */
#define _GNU_SOURCE
#include "rzsb_target.h"
#include "rzsb_nbd.h"
#include "rzsb_zram.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_PATIENCE_NS 20000000000ull
#define STOP_PATIENCE_NS  20000000000ull

static void __attribute__((noreturn)) run_server(const struct target *t, uint64_t size, int cpu)
{
	char command[4096], number[24], file[64] = "";
	cpu_set_t set;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	CPU_ZERO(&set);
	CPU_SET((unsigned)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		_exit(126);
	snprintf(number, sizeof(number), "%llu", (unsigned long long)size);
	snprintf(command, sizeof(command), "exec %s", t->command);
	setenv("SOCK", t->socket, 1);
	setenv("SIZE", number, 1);
	if (t->in_file)
		snprintf(file, sizeof(file), "/proc/%d/fd/%d", (int)getppid(), t->fd);
	setenv("FILE", file, 1);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

uint64_t rzsb_target_settled_ram(const struct target *t)
{
	uint64_t now = rzst_now(), last = now, deadline = now + START_PATIENCE_NS;
	uint64_t ram = rzsb_target_ram(t);

	while ((now = rzst_now()) < deadline && now - last < 300000000u) {
		uint64_t ram_now = rzsb_target_ram(t);

		if (ram_now != ram)
			last = now;
		ram = ram_now;
		rzsb_nap(5);
	}
	return ram;
}

/* A file in RAM without a name, which does not outlive us and the server. */
static int make_file(struct target *t, uint64_t size)
{
	if (!t->in_file)
		return 0;
	t->fd = memfd_create(t->name, MFD_CLOEXEC);
	if (t->fd >= 0 && ftruncate(t->fd, (off_t)size) == 0)
		return 0;
	return rzst_fail(-1, "%s: a file in RAM: %s", t->name, strerror(errno));
}

/* Wait until the socket exists.  0 or -1 with a message. */
static int await_socket(struct target *t)
{
	uint64_t deadline = rzst_now() + START_PATIENCE_NS;
	int status;

	while (access(t->socket, F_OK) != 0) {
		if (waitpid(t->pid, &status, WNOHANG) == t->pid) {
			rzst_say("%s: the server ended at once: %s", t->name, t->command);
			t->up = false;
			return -1;
		}
		if (rzst_now() > deadline)
			return rzst_fail(-1, "%s: the server does not start", t->name);
		rzsb_nap(5);
	}
	return 0;
}

int rzsb_target_fits(const char *where, uint64_t have, uint64_t size)
{
	if (have >= size)
		return 0;
	return rzst_fail(-1, "%s has %llu bytes, %llu are needed: see --pages", where,
			 (unsigned long long)have, (unsigned long long)size);
}

/* where: what the message calls it. */
static int check_export(struct target *t, const char *where, uint64_t size)
{
	t->no_discard = !rzsb_client_can_trim(t->client);
	if (rzsb_client_is_read_only(t->client))
		return rzst_fail(-1, "%s: %s is read-only", t->name, where);
	return rzsb_target_fits(where, rzsb_client_size(t->client), size);
}

int rzsb_target_start_server(struct target *t, const char *dir, uint64_t size, int cpu,
			     unsigned conns)
{
	if ((size_t)snprintf(t->socket, sizeof(t->socket), "%s/%s", dir, t->name) >=
	    sizeof(t->socket))
		return rzst_fail(-1, "%s: the socket's name is too long", t->name);
	if (make_file(t, size) < 0)
		return -1;
	fflush(NULL);
	t->pid = fork();
	if (t->pid == 0)
		run_server(t, size, cpu);
	if (t->pid < 0)
		return rzst_fail(-1, "%s: fork: %s", t->name, strerror(errno));
	t->up = true;
	/* Before the first connection, as some allocate buffers for each. */
	if (await_socket(t) < 0)
		return -1;
	t->rss_start = rzsb_target_settled_ram(t);
	if (rzsb_client_connect(&t->client, t->socket, t->export, conns, START_PATIENCE_NS) < 0)
		return -1;
	return check_export(t, t->command, size);
}

int rzsb_target_start_uri(struct target *t, uint64_t size, unsigned conns)
{
	if (rzsb_client_connect_uri(&t->client, t->uri, conns) < 0)
		return -1;
	t->up = true;
	return check_export(t, t->uri, size);
}

static int read_text(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	out[0] = 0;
	if (fd < 0)
		return -errno;
	n = read(fd, out, size - 1);
	out[n > 0 ? n : 0] = 0;
	close(fd);
	return n < 0 ? -EIO : 0;
}

int rzsb_target_start_zram(struct target *t, uint64_t size, const char *algorithm, char *why,
			   size_t why_size)
{
	t->fd = rzsb_zram_open(size, algorithm, why, why_size);
	if (t->fd < 0)
		return -1;
	t->up = true;
	t->rss_start = rzsb_target_ram(t);
	return 0;
}

void rzsb_target_stop(struct target *t)
{
	uint64_t deadline = rzst_now() + STOP_PATIENCE_NS;

	if (!t->up)
		return;
	t->up = false;
	if (t->uri) {
		rzsb_client_close(t->client);
		t->client = NULL;
		return;
	}
	if (!t->command) {
		if (!t->device)
			rzsb_zram_close(t->fd);
		else if (t->fd >= 0)
			close(t->fd);
		return;
	}
	rzsb_client_close(t->client);
	t->client = NULL;
	kill(t->pid, SIGTERM);
	while (waitpid(t->pid, NULL, WNOHANG) == 0) {
		if (rzst_now() > deadline) {
			rzst_say("%s: the server does not stop, killing it", t->name);
			kill(t->pid, SIGKILL);
			deadline = UINT64_MAX;
		}
		rzsb_nap(5);
	}
	unlink(t->socket);
	if (t->in_file)
		close(t->fd);
}

/* Of all threads of a process. */
static uint64_t process_cpu(const char *pid)
{
	char path[320];
	uint64_t sum = 0;
	struct dirent *d;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%.20s/task", pid);
	dir = opendir(path);
	while (dir && (d = readdir(dir))) {
		if (d->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%.20s/task/%.20s/schedstat", pid, d->d_name);
		sum += rzst_number_in(path, "");
	}
	if (dir)
		closedir(dir);
	return sum;
}

/* So far, of all of the server's threads and children, in nanoseconds; 0: unknown. */
static uint64_t server_cpu(const struct target *t)
{
	char path[80], pid[24], text[1024], *child, *save = NULL;
	uint64_t sum;

	if (!t->command)
		return 0;
	snprintf(pid, sizeof(pid), "%d", (int)t->pid);
	sum = process_cpu(pid);
	/* Some have a child for each client. */
	snprintf(path, sizeof(path), "/proc/%s/task/%s/children", pid, pid);
	if (read_text(path, text, sizeof(text)) == 0)
		for (child = strtok_r(text, " ", &save); child; child = strtok_r(NULL, " ", &save))
			sum += process_cpu(child);
	return sum;
}

struct rzsb_meter rzsb_target_meter(const struct target *t)
{
	return (struct rzsb_meter){rzst_now(), rzsb_cpu_process(), server_cpu(t)};
}

struct rzsb_rates rzsb_target_rates(const struct target *t, const struct rzsb_meter *since,
				    uint64_t nr)
{
	const struct rzsb_meter now = rzsb_target_meter(t);
	double n = (double)nr, ours = (double)(now.ours - since->ours);
	double server = (double)(now.server - since->server);
	struct rzsb_rates r = {n * 1e9 / (double)(now.clock - since->clock), (double)NAN,
			       (double)NAN};

	/* The CPU time of a server that we have not started is unknown. */
	if (!t->uri) {
		r.cpu = n * 1e9 / (ours + server);
		r.server_us = (t->command ? server : ours) / 1e3 / n;
	}
	return r;
}

bool rzsb_target_knows_ram(const struct target *t)
{
	return !t->uri && !t->device;
}

uint64_t rzsb_target_ram(const struct target *t)
{
	struct stat st = {0};

	if (t->command) {
		if (t->in_file && fstat(t->fd, &st) < 0)
			st.st_blocks = 0;
		return rzsb_rss(t->pid) + (uint64_t)st.st_blocks * 512;
	}
	return rzsb_target_knows_ram(t) ? rzsb_zram_used() : 0;
}
