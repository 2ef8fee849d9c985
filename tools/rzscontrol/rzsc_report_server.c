/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The server's part of a report: what the kernel says about its process and threads, and with
 * check what it says itself about its reserve.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "rzsc_report.h"

/* PF_MEMALLOC_NOIO and PF_LOCAL_THROTTLE: what PR_SET_IO_FLUSHER sets in a thread's flags. */
#define IO_FLUSHER (0x80000u | 0x100000u)

#define ANSWER_SECONDS 2u	   /* that its control socket has for each answer */
#define WAIT_BAD_NS    1000000000u /* the reserve waits for memory, and not for a moment */

/* A file of the server's in /proc. */
static void path_of(const struct rzsc_report *r, const char *file, char path[RZST_PATH_MAX])
{
	snprintf(path, RZST_PATH_MAX, "/proc/%llu/%s", (unsigned long long)r->server, file);
}

static uint64_t status_number(const struct rzsc_report *r, const char *key)
{
	char path[RZST_PATH_MAX], at[RZST_PATH_MAX];

	path_of(r, "status", path);
	return rzst_path(at, sizeof(at), path) < 0 ? 0 : rzst_number_in(at, key);
}

static void judge_process(struct rzsc_report *r)
{
	uint64_t swapped = status_number(r, "VmSwap:");
	char path[RZST_PATH_MAX], remedy[80];

	r->locked_kib = status_number(r, "VmLck:");
	path_of(r, "oom_score_adj", path);
	(void)rzst_first_line(path, r->score, sizeof(r->score));
	rzsc_find_that(r, r->locked_kib ? RZSC_OK : RZSC_BAD, "server",
		       "run it as root with LimitMEMLOCK=infinity and protect=require",
		       "process %llu: %llu KiB locked", (unsigned long long)r->server,
		       (unsigned long long)r->locked_kib);
	rzsc_find_that(r, swapped ? RZSC_BAD : RZSC_OK, "server", "restart it with protect=require",
		       "%llu KiB of it swapped out", (unsigned long long)swapped);
	snprintf(remedy, sizeof(remedy), "echo -1000 >%.60s", path);
	rzsc_find_that(r, strcmp(r->score, "-1000") ? RZSC_BAD : RZSC_OK, "server", remedy,
		       "oom_score_adj %s", r->score);
}

/* A limit of its control group would make the server wait for its own device. */
static void judge_cgroup(struct rzsc_report *r)
{
	static const char *const names[] = {"memory.max", "memory.high"};
	char path[RZST_PATH_MAX], at[RZST_PATH_MAX], group[512] = "", value[64];
	FILE *f = NULL;

	path_of(r, "cgroup", path);
	if (rzst_path(at, sizeof(at), path) == 0)
		f = fopen(at, "re");
	while (f && fgets(group, sizeof(group), f) && strncmp(group, "0::", 3) != 0)
		group[0] = '\0';
	if (f)
		fclose(f);
	group[strcspn(group, "\n")] = '\0';
	for (size_t i = 0; *group && i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "/sys/fs/cgroup%s/%s", group + 3, names[i]);
		if (rzst_first_line(path, value, sizeof(value)) == 0)
			rzsc_find_that(r, strcmp(value, "max") ? RZSC_BAD : RZSC_OK, "server",
				       "remove the limit, the plugin's memlimit= is enough",
				       "%s %s", names[i], value);
	}
}

/* ---- threads ---- */

/* Field n, from 3 on, of a stat file; 0 when it is missing.  The second is in parentheses. */
static uint64_t stat_field(const char *line, unsigned n)
{
	const char *at = strrchr(line, ')');

	for (unsigned i = 2; at && i < n; i++) {
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	return at ? strtoull(at, NULL, 10) : 0;
}

static void add_thread(struct rzsc_report *r, uint64_t tid)
{
	char path[RZST_PATH_MAX], file[64], line[1024];
	struct rzsc_thread *t;

	snprintf(file, sizeof(file), "task/%llu/stat", (unsigned long long)tid);
	path_of(r, file, path);
	if (rzst_first_line(path, line, sizeof(line)) < 0)
		return; /* it has ended */
	r->threads = rzst_grow(r->threads, r->nr_threads, sizeof(*r->threads));
	t = &r->threads[r->nr_threads++];
	*t = (struct rzsc_thread){
		.tid = tid,
		.io_flusher = (stat_field(line, 9) & IO_FLUSHER) == IO_FLUSHER,
		.priority = stat_field(line, 40),
		.policy = stat_field(line, 41),
	};
	snprintf(file, sizeof(file), "task/%llu/comm", (unsigned long long)tid);
	path_of(r, file, path);
	(void)rzst_first_line(path, t->comm, sizeof(t->comm));
}

static int by_tid(const void *a, const void *b)
{
	const struct rzsc_thread *x = a, *y = b;

	return x->tid < y->tid ? -1 : x->tid > y->tid;
}

static void read_threads(struct rzsc_report *r)
{
	char path[RZST_PATH_MAX], at[RZST_PATH_MAX];
	struct dirent *e;
	DIR *dir = NULL;
	uint64_t tid;

	path_of(r, "task", path);
	if (rzst_path(at, sizeof(at), path) == 0)
		dir = opendir(at);
	while (dir && (e = readdir(dir)) != NULL)
		if (rzst_number_parse(e->d_name, &tid) == 0)
			add_thread(r, tid);
	if (dir)
		closedir(dir);
	if (r->nr_threads)
		qsort(r->threads, r->nr_threads, sizeof(*r->threads), by_tid);
}

/*
 * Some threads serve no requests, and may be ordinary ones: the first, which waits for connections,
 * rzs-upkeep, and rzs-control, which talks with rzscontrol.
 */
static bool must_be_realtime(const struct rzsc_report *r, const struct rzsc_thread *t)
{
	return t->tid != r->server && strcmp(t->comm, "rzs-upkeep") != 0 &&
	       strcmp(t->comm, "rzs-control") != 0;
}

static bool machine_has_swap(void)
{
	struct rzst_swap_area v[RZST_SWAPS_MAX];

	return rzst_swaps_read(v) > 0;
}

static void judge_realtime(struct rzsc_report *r, unsigned realtime, unsigned all)
{
	static const char *const remedies[] = {
		"run it with CAP_SYS_NICE, realtime=swap and protect=require",
		"a thread becomes one at its first request: check again later",
		"they become that while the machine has swap on: check again then",
	};
	unsigned which = 0;

	if (realtime > 0 && realtime < all)
		which = 1;
	else if (realtime == 0 && (!r->attached || !machine_has_swap()))
		which = 2;
	rzsc_find_that(r,
		       which	  ? RZSC_NOTE
		       : realtime ? RZSC_OK
				  : RZSC_BAD,
		       "server", remedies[which],
		       "%u of %u low-latency threads are real-time threads", realtime, all);
}

static void judge_threads(struct rzsc_report *r)
{
	unsigned flushers = 0, low_latency = 0, realtime = 0;

	read_threads(r);
	for (size_t i = 0; i < r->nr_threads; i++) {
		const struct rzsc_thread *t = &r->threads[i];

		flushers += t->io_flusher;
		low_latency += must_be_realtime(r, t);
		realtime += must_be_realtime(r, t) && t->policy == 1;
	}
	rzsc_find_that(r, flushers == r->nr_threads ? RZSC_OK : RZSC_BAD, "server",
		       "run it with CAP_SYS_RESOURCE and protect=require",
		       "%u of %zu threads never wait for swap (PR_SET_IO_FLUSHER)", flushers,
		       r->nr_threads);
	judge_realtime(r, realtime, low_latency);
}

/* ---- what it says itself ---- */

/* *found: the server is the one that is judged, and not too old to know. */
static int ask_reserve(const struct rzsc_report *r, uint64_t *ns, bool *found, char *why,
		       size_t size)
{
	struct rzst_texts protections = {NULL, 0};
	struct rzst_values values = {NULL, 0};
	struct rzst_server_info info;
	struct rzst_backend *b;
	int err = rzst_socket_open(r->control, ANSWER_SECONDS, &b, why, size);

	*found = false;
	*ns = 0;
	if (err < 0)
		return err;
	err = b->ops->server(b, &info);
	if (err == 0 && info.pid == r->server)
		err = b->ops->process(b, &values, &protections);
	if (err == 0)
		*ns = rzst_value_of(&values, "reserve_wait_ns", found);
	snprintf(why, size, "%s", b->why);
	rzst_values_free(&values);
	rzst_texts_free(&protections);
	b->ops->close(b);
	return err;
}

static void judge_reserve(struct rzsc_report *r)
{
	char why[1024], waits[RZST_HUMAN_MAX];
	bool found = false;
	uint64_t ns = 0;
	int err = ask_reserve(r, &ns, &found, why, sizeof(why));

	if (err < 0)
		rzsc_find_that(r, RZSC_BAD, "server", NULL, "%s", why);
	else if (found && ns == 0)
		rzsc_find_that(r, RZSC_OK, "server", NULL, "its reserve is not waiting for memory");
	else if (found)
		rzsc_find_that(r, ns < WAIT_BAD_NS ? RZSC_NOTE : RZSC_BAD, "server",
			       "end programs, or make its memlimit smaller",
			       "its reserve has been waiting for memory for %s",
			       rzst_human_ns(ns, waits));
}

static bool is_socket(const char *path)
{
	char at[RZST_PATH_MAX];
	struct stat st;

	return rzst_path(at, sizeof(at), path) == 0 && stat(at, &st) == 0 && S_ISSOCK(st.st_mode);
}

void rzsc_report_server(struct rzsc_report *r)
{
	if (r->server) {
		judge_process(r);
		judge_cgroup(r);
		judge_threads(r);
		if (r->control)
			judge_reserve(r);
	} else if (r->gone) {
		rzsc_find_that(r, RZSC_BAD, "server", "rzs-nbd-swap detach, start it, attach",
			       "the server, process %llu, is gone: what was swapped out is lost",
			       (unsigned long long)r->gone);
	} else if (r->attached || is_socket(r->socket)) {
		rzsc_find_that(r, RZSC_BAD, "server", "name what it listens at with --socket",
			       "no process is known to serve %s", r->socket);
	}
}
