/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hangwatch: detect that swapping makes no progress, log the state of the guest, and end it.
 *
 * Progress is a change of pswpin or pswpout in /proc/vmstat, or of the counter that hog keeps in a
 * shared file.  There are two threads, because reading /proc/vmstat allocates memory and may hang
 * with the machine:
 *   sampler  reads the counters ten times a second and leaves them in memory
 *   watcher  examines what the sampler left.  It uses only locked memory, a serial line and sysrq,
 *            which need no memory.  If the sampler hangs, the counters do not change, so that is
 *            detected as well.
 * A third one, the dumper, collects /proc/PID/task/TID/stack after a hang.  It may hang too, so it
 * gets a few seconds.
 *
 * Memory is locked, the OOM score is -1000, and the real-time priority is above the server's.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#define SAMPLE_MS    100
#define MAX_NAMES    8
#define DUMP_SECONDS 15

struct watch {
	unsigned limit_s;
	int report_fd, console_fd, sysrq_fd, vmstat_fd;
	int statm_fd; /* of the server, -1: none to look at */
	const uint64_t *hog;
	const char *names[MAX_NAMES];
	unsigned nr_names;
	/* Written by the sampler, read by the watcher, one word each. */
	uint64_t in, out, free_pages, server_pages;
};

static volatile sig_atomic_t asked_to_stop;
static atomic_bool dump_wanted, dump_done;

static void on_term(int sig)
{
	(void)sig;
	asked_to_stop = 1;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void pause_ms(unsigned ms)
{
	struct timespec ts = {ms / 1000, (long)(ms % 1000) * 1000000};

	clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
}

static void put(int fd, const char *text, size_t n)
{
	if (write(fd, text, n) < 0)
		return; /* nothing left to tell it to */
}

/*
 * One line for the host, on both serial lines: the console's copy shows it among the kernel's
 * messages.
 */
__attribute__((format(printf, 2, 3))) static void report(const struct watch *w, const char *fmt,
							 ...)
{
	char line[320];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	put(w->report_fd, line, (size_t)n);
	put(w->console_fd, line, (size_t)n);
}

static void sysrq(const struct watch *w, const char *key)
{
	put(w->sysrq_fd, key, 1);
}

static uint64_t find_counter(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

static void sample_server(struct watch *w)
{
	char text[128], *resident;
	ssize_t n = w->statm_fd < 0 ? -1 : pread(w->statm_fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return;
	text[n] = '\0';
	resident = strchr(text, ' ');
	if (resident)
		__atomic_store_n(&w->server_pages, strtoull(resident, NULL, 10), __ATOMIC_RELAXED);
}

static void *sampler(void *arg)
{
	struct watch *w = arg;
	static char text[16384];

	while (!asked_to_stop) {
		sample_server(w);
		ssize_t n = pread(w->vmstat_fd, text, sizeof(text) - 1, 0);

		if (n > 0) {
			text[n] = '\0';
			__atomic_store_n(&w->free_pages, find_counter(text, "nr_free_pages "),
					 __ATOMIC_RELAXED);
			__atomic_store_n(&w->in, find_counter(text, "\npswpin "), __ATOMIC_RELAXED);
			__atomic_store_n(&w->out, find_counter(text, "\npswpout "),
					 __ATOMIC_RELAXED);
		}
		pause_ms(SAMPLE_MS);
	}
	return NULL;
}

static void copy_to_console(const struct watch *w, const char *path)
{
	char text[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return;
	put(w->console_fd, "--- ", 4);
	put(w->console_fd, path, strlen(path));
	put(w->console_fd, "\n", 1);
	while ((n = read(fd, text, sizeof(text))) > 0)
		put(w->console_fd, text, (size_t)n);
	close(fd);
}

static bool is_wanted(const struct watch *w, const char *pid)
{
	char path[300], comm[32] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (read(fd, comm, sizeof(comm) - 1) < 0)
		comm[0] = '\0';
	close(fd);
	comm[strcspn(comm, "\n")] = '\0';
	for (unsigned i = 0; i < w->nr_names; i++) {
		if (strcmp(comm, w->names[i]) == 0)
			return true;
	}
	return false;
}

static void dump_process(const struct watch *w, const char *pid)
{
	static const char *const files[] = {"comm", "stack", "wchan", "stat"};
	char path[600];
	struct dirent *task;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%s/task", pid);
	dir = opendir(path);
	while (dir && (task = readdir(dir))) {
		for (unsigned i = 0; task->d_name[0] != '.' && i < sizeof(files) / sizeof(*files);
		     i++) {
			snprintf(path, sizeof(path), "/proc/%s/task/%s/%s", pid, task->d_name,
				 files[i]);
			copy_to_console(w, path);
		}
	}
	if (dir)
		closedir(dir);
	snprintf(path, sizeof(path), "/proc/%s/status", pid);
	copy_to_console(w, path);
}

static void *dumper(void *arg)
{
	const struct watch *w = arg;
	struct dirent *proc;
	DIR *dir;

	while (!dump_wanted && !asked_to_stop)
		pause_ms(SAMPLE_MS);
	if (asked_to_stop)
		return NULL;
	copy_to_console(w, "/proc/meminfo");
	copy_to_console(w, "/run/messages");
	dir = opendir("/proc");
	while (dir && (proc = readdir(dir))) {
		if (proc->d_name[0] >= '1' && proc->d_name[0] <= '9' && is_wanted(w, proc->d_name))
			dump_process(w, proc->d_name);
	}
	if (dir)
		closedir(dir);
	dump_done = true;
	return NULL;
}

/* Does not return. */
static void end_hung_guest(const struct watch *w, uint64_t stall_ms)
{
	report(w, "RZSVM: hang=dumping stall_ms=%llu\n", (unsigned long long)stall_ms);
	sysrq(w, "9"); /* all messages to the console */
	sysrq(w, "m");
	sysrq(w, "w");
	sysrq(w, "l"); /* what runs: a thread may spin */
	dump_wanted = true;
	for (unsigned waited = 0; !dump_done && waited < DUMP_SECONDS * 1000; waited += SAMPLE_MS)
		pause_ms(SAMPLE_MS);
	sysrq(w, "t");
	report(w,
	       "RZSVM: verdict=fail reason=hang: no swap progress for %u s (pswpin %llu pswpout "
	       "%llu hog %llu pages)\n",
	       w->limit_s, (unsigned long long)w->in, (unsigned long long)w->out,
	       (unsigned long long)*w->hog);
	reboot(RB_AUTOBOOT);
	_exit(1);
}

/* The last and the worst values that the watcher has seen. */
struct record {
	uint64_t in, out, hog, free_pages, server_pages;
	uint64_t stall_ms, worst_stall_ms, worst_pause_ms, least_free, most_server, most_swap_kib;
};

static uint64_t swap_used_kib(void)
{
	struct sysinfo info;

	return sysinfo(&info) ? 0 : (info.totalswap - info.freeswap) * info.mem_unit / 1024;
}

static void look(const struct watch *w, struct record *r, uint64_t passed_ms)
{
	uint64_t in = __atomic_load_n(&w->in, __ATOMIC_RELAXED),
		 out = __atomic_load_n(&w->out, __ATOMIC_RELAXED);
	uint64_t hog = __atomic_load_n(w->hog, __ATOMIC_RELAXED), swap = swap_used_kib();

	r->free_pages = __atomic_load_n(&w->free_pages, __ATOMIC_RELAXED);
	r->server_pages = __atomic_load_n(&w->server_pages, __ATOMIC_RELAXED);
	r->stall_ms += passed_ms;
	if (in != r->in || out != r->out || hog != r->hog)
		r->stall_ms = 0;
	r->in = in;
	r->out = out;
	r->hog = hog;
	if (r->stall_ms > r->worst_stall_ms)
		r->worst_stall_ms = r->stall_ms;
	if (r->free_pages && r->free_pages < r->least_free)
		r->least_free = r->free_pages;
	if (r->server_pages > r->most_server)
		r->most_server = r->server_pages;
	if (swap > r->most_swap_kib)
		r->most_swap_kib = swap;
}

/*
 * Nothing in the guest delays this thread.  If it wakes up late, the host did not run the guest.
 * That time does not count as a stall, and is reported separately.
 */
static void watch_progress(const struct watch *w)
{
	struct record r = {.least_free = UINT64_MAX};
	uint64_t start = now_ms(), last = start, reported = start;

	while (!asked_to_stop) {
		uint64_t now = now_ms(), passed = now - last;

		if (passed > 2 * SAMPLE_MS) {
			if (passed - SAMPLE_MS > r.worst_pause_ms)
				r.worst_pause_ms = passed - SAMPLE_MS;
			passed = SAMPLE_MS;
		}
		last = now;
		look(w, &r, passed);
		if (r.stall_ms >= w->limit_s * 1000ull)
			end_hung_guest(w, r.stall_ms);
		if (now - reported >= 1000) {
			report(w,
			       "RZSVM: tick=%llu pswpin=%llu pswpout=%llu hog=%llu free_kib=%llu "
			       "swap_kib=%llu "
			       "server_kib=%llu stall_ms=%llu worst_pause_ms=%llu\n",
			       (unsigned long long)((now - start) / 1000), (unsigned long long)r.in,
			       (unsigned long long)r.out, (unsigned long long)r.hog,
			       (unsigned long long)r.free_pages * 4,
			       (unsigned long long)swap_used_kib(),
			       (unsigned long long)r.server_pages * 4,
			       (unsigned long long)r.stall_ms,
			       (unsigned long long)r.worst_pause_ms);
			reported = now;
		}
		pause_ms(SAMPLE_MS);
	}
	report(w,
	       "RZSVM: worst_stall_ms=%llu worst_pause_ms=%llu pswpin=%llu pswpout=%llu "
	       "least_free_kib=%llu "
	       "most_swap_kib=%llu most_server_kib=%llu\n",
	       (unsigned long long)r.worst_stall_ms, (unsigned long long)r.worst_pause_ms,
	       (unsigned long long)r.in, (unsigned long long)r.out,
	       (unsigned long long)(r.least_free == UINT64_MAX ? 0 : r.least_free * 4),
	       (unsigned long long)r.most_swap_kib, (unsigned long long)r.most_server * 4);
}

static int protect(void)
{
	struct sched_param param = {.sched_priority = 50};
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "-1000", 5) != 5)
		return -errno;
	close(fd);
	if (sched_setscheduler(0, SCHED_FIFO, &param) || mlockall(MCL_CURRENT | MCL_FUTURE))
		return -errno;
	return 0;
}

static int open_all(struct watch *w, const char *progress, const char *pid)
{
	char path[64];
	int fd = open(progress, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	void *map;

	if (fd < 0 || ftruncate(fd, 4096))
		return -errno;
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	w->hog = map;
	w->report_fd = open("/dev/ttyS1", O_WRONLY | O_NOCTTY | O_CLOEXEC);
	w->console_fd = open("/dev/console", O_WRONLY | O_NOCTTY | O_CLOEXEC);
	w->sysrq_fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);
	if (pid) {
		snprintf(path, sizeof(path), "/proc/%s/statm", pid);
		w->statm_fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	w->vmstat_fd = open("/proc/vmstat", O_RDONLY | O_CLOEXEC);
	if (map == MAP_FAILED || w->report_fd < 0 || w->console_fd < 0 || w->sysrq_fd < 0 ||
	    w->vmstat_fd < 0)
		return -EIO;
	return 0;
}

int main(int argc, char **argv)
{
	static struct watch w = {.limit_s = 20, .statm_fd = -1};
	const char *progress = "/run/hog.progress", *pid = NULL;
	pthread_attr_t attr;
	pthread_t thread;
	int c;

	while ((c = getopt(argc, argv, "s:n:p:")) != -1) {
		if (c == 's')
			w.limit_s = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 'n' && w.nr_names < MAX_NAMES)
			w.names[w.nr_names++] = optarg;
		else if (c == 'p')
			pid = optarg;
		else
			return 2;
	}
	signal(SIGTERM, on_term);
	if (open_all(&w, progress, pid) || protect()) {
		perror("hangwatch");
		return 3;
	}
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536); /* locked, so let it be small */
	if (pthread_create(&thread, &attr, sampler, &w) ||
	    pthread_create(&thread, &attr, dumper, &w))
		return 3;
	/* The scenario goes on once this file is there. */
	close(open("/run/hangwatch.ready", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	watch_progress(&w);
	return 0;
}
