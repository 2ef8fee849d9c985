/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Saves the anonymous pages of a real process, as a swap device would get them: DIR/NAME.pages (4
 * KiB pages in address order, mode 0600) and a line "NAME PAGES" in DIR/index.  Either takes a
 * process that is there (-p, not disturbed; a page it writes at that moment may be torn), or starts
 * a command, waits until one of its processes has grown to -l MiB, stops that one, saves it and
 * ends all of them.
 *
 * The pages are other programs' memory: they may hold secrets.  Exit codes: 0 saved, 77 nothing to
 * save (the reason is printed), 2 wrong usage, 99 an error.
 */
#define _GNU_SOURCE
#include "bench.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB	      (1024u * 1024u)
#define PM_PRESENT    (1ull << 63)
#define PM_FILE	      (1ull << 61)
#define PM_PFN	      ((1ull << 55) - 1)
#define KPF_ZERO_PAGE (1ull << 24)
#define RUN	      16u /* pages: a large process is thinned out in runs of this many */

struct options {
	const char *dir, *name, *comm;
	pid_t pid;
	size_t least, most; /* pages */
	unsigned seconds;
	char **command;
};

struct addresses {
	uint64_t *v;
	size_t nr, room;
};

static void __attribute__((noreturn)) usage(int code)
{
	fprintf(code ? stderr : stdout,
		"usage: capture_pages -o DIR -n NAME [-m MIB] -p PID\n"
		"       capture_pages -o DIR -n NAME [-m MIB] [-c COMM] [-l MIB] [-t SECONDS]\n"
		"                     -- COMMAND...\n"
		"  -m  save at most so many MiB, spread evenly over the process\n"
		"  -c  wait for a process of this name among those COMMAND starts (default: any)\n"
		"  -l  ... that holds so many MiB of anonymous memory (default 16)\n"
		"  -t  ... for at most so long (default 120)\n");
	exit(code);
}

static void remember(struct addresses *a, uint64_t address)
{
	if (a->nr == a->room) {
		a->room = a->room ? 2 * a->room : 4096;
		a->v = realloc(a->v, a->room * sizeof(*a->v));
		if (!a->v)
			bench_die(99, "no memory for the list of pages");
	}
	a->v[a->nr++] = address;
}

/* The kernel's page of zeros, mapped wherever memory was only read, would never be swapped. */
static bool is_zero_page(int kpageflags, uint64_t entry)
{
	uint64_t flags;

	return kpageflags >= 0 && (entry & PM_PFN) &&
	       pread(kpageflags, &flags, 8, (off_t)((entry & PM_PFN) * 8)) == 8 &&
	       (flags & KPF_ZERO_PAGE);
}

static void scan_range(struct addresses *a, int pagemap, int kpageflags, uint64_t from, uint64_t to)
{
	uint64_t entries[512];

	while (from < to) {
		size_t want = (to - from) / BENCH_PAGE;
		ssize_t got;

		if (want > 512)
			want = 512;
		got = pread(pagemap, entries, want * 8, (off_t)(from / BENCH_PAGE * 8));
		if (got < 8)
			return;
		for (size_t i = 0; i < (size_t)got / 8; i++)
			if ((entries[i] & PM_PRESENT) && !(entries[i] & PM_FILE) &&
			    !is_zero_page(kpageflags, entries[i]))
				remember(a, from + i * BENCH_PAGE);
		from += (uint64_t)got / 8 * BENCH_PAGE;
	}
}

static int scan(struct addresses *a, pid_t pid)
{
	unsigned long long from, to;
	int pagemap, kpageflags;
	char path[64], line[4400];
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)pid);
	pagemap = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	if (pagemap < 0 || !maps) {
		int err = -errno;

		if (maps)
			fclose(maps);
		if (pagemap >= 0)
			close(pagemap);
		return err;
	}
	kpageflags = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	while (fgets(line, sizeof(line), maps))
		if (!strstr(line, "[v") && sscanf(line, "%llx-%llx", &from, &to) == 2)
			scan_range(a, pagemap, kpageflags, from, to);
	fclose(maps);
	close(pagemap);
	if (kpageflags >= 0)
		close(kpageflags);
	return 0;
}

/* Keep whole runs, evenly spaced, until no more than most pages are left. */
static void thin_out(struct addresses *a, size_t most)
{
	size_t runs = (a->nr + RUN - 1) / RUN, keep = most / RUN, nr = 0;

	if (most == 0 || a->nr <= most)
		return;
	for (size_t r = 0; r < runs; r++) {
		if ((r + 1) * keep / runs == r * keep / runs)
			continue;
		for (size_t i = r * RUN; i < (r + 1) * RUN && i < a->nr; i++)
			a->v[nr++] = a->v[i];
	}
	a->nr = nr;
}

static int copy_pages(const struct addresses *a, pid_t pid, FILE *out, size_t *out_saved)
{
	static uint8_t page[BENCH_PAGE];
	char path[64];
	int mem;

	*out_saved = 0;
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	if (mem < 0)
		return -errno;
	for (size_t i = 0; i < a->nr; i++) {
		/* A page may have gone since the scan when the process runs on. */
		if (pread(mem, page, BENCH_PAGE, (off_t)a->v[i]) != (ssize_t)BENCH_PAGE)
			continue;
		if (fwrite(page, BENCH_PAGE, 1, out) != 1) {
			close(mem);
			return -EIO;
		}
		++*out_saved;
	}
	close(mem);
	return 0;
}

static FILE *create_private(const char *path, int flags)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
	FILE *f;

	if (fd < 0)
		return NULL;
	if (fchmod(fd, 0600) < 0 || !(f = fdopen(fd, flags & O_APPEND ? "a" : "w"))) {
		close(fd);
		return NULL;
	}
	return f;
}

static int save(const struct options *o, pid_t pid)
{
	struct addresses a = {0};
	char path[4096];
	size_t saved = 0, found;
	FILE *out, *index;
	int err = scan(&a, pid);

	if (err)
		bench_die(77, "%s: cannot look into process %d: %s", o->name, (int)pid,
			  strerror(-err));
	found = a.nr;
	thin_out(&a, o->most);
	snprintf(path, sizeof(path), "%s/%s.pages", o->dir, o->name);
	out = create_private(path, O_TRUNC);
	if (!out)
		bench_die(99, "cannot write %s: %s", path, strerror(errno));
	err = copy_pages(&a, pid, out, &saved);
	free(a.v);
	if (fclose(out) != 0 && !err)
		err = -EIO;
	if (err || saved == 0) {
		unlink(path);
		bench_die(err ? 99 : 77, "%s: nothing saved: %s", o->name,
			  err ? strerror(-err) : "no anonymous pages");
	}
	snprintf(path, sizeof(path), "%s/index", o->dir);
	index = create_private(path, O_APPEND);
	if (!index || fprintf(index, "%s %zu\n", o->name, saved) < 0 || fclose(index) != 0)
		bench_die(99, "cannot write %s: %s", path, strerror(errno));
	printf("%-16s %6.1f MiB of %.1f MiB anonymous memory\n", o->name,
	       (double)saved * BENCH_PAGE / MIB, (double)found * BENCH_PAGE / MIB);
	return 0;
}

struct process {
	pid_t pid, parent;
	char comm[32];
	bool ours;
};

/* All processes there are, those started by us marked. */
static size_t list_processes(struct process *v, size_t room)
{
	size_t nr = 0;
	struct dirent *d;
	DIR *dir = opendir("/proc");
	bool again = true;

	while (dir && nr < room && (d = readdir(dir))) {
		char path[300], line[512];
		FILE *f;
		int pid, parent;

		if (d->d_name[0] < '0' || d->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/stat", d->d_name);
		f = fopen(path, "re");
		if (!f)
			continue;
		if (fgets(line, sizeof(line), f) &&
		    sscanf(line, "%d (%31[^)]) %*c %d", &pid, v[nr].comm, &parent) == 3) {
			v[nr].pid = pid;
			v[nr].parent = parent;
			v[nr].ours = parent == getpid();
			nr++;
		}
		fclose(f);
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
	char path[64], line[256];
	unsigned long kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "RssAnon: %lu", &kib) == 1)
			break;
	fclose(f);
	return kib / (BENCH_PAGE / 1024);
}

static struct process all[32768];

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

static pid_t start(char **command)
{
	pid_t pid = fork();
	int null;

	if (pid < 0)
		bench_die(99, "fork: %s", strerror(errno));
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	null = open("/dev/null", O_RDWR);
	if (null >= 0) {
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
	}
	execvp(command[0], command);
	_exit(127);
}

static int run_and_save(const struct options *o)
{
	uint64_t deadline = bench_now() + o->seconds * 1000000000ull;
	const struct timespec pause = {.tv_nsec = 5000000};
	size_t highest = 0;
	int err = 77;

	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		bench_die(99, "prctl: %s", strerror(errno));
	start(o->command);
	while (bench_now() < deadline) {
		size_t nr = list_processes(all, sizeof(all) / sizeof(all[0]));
		pid_t big = 0;

		for (size_t i = 0; i < nr && !big; i++) {
			size_t n;

			if (!all[i].ours || (o->comm && strcmp(all[i].comm, o->comm) != 0))
				continue;
			n = anonymous_pages(all[i].pid);
			highest = n > highest ? n : highest;
			big = n >= o->least ? all[i].pid : 0;
		}
		if (big && kill(big, SIGSTOP) == 0) {
			err = save(o, big);
			break;
		}
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD)
			break;
		nanosleep(&pause, NULL);
	}
	if (err)
		printf("%-16s skipped: grew to %.1f of the %.1f MiB asked for\n", o->name,
		       (double)highest * BENCH_PAGE / MIB, (double)o->least * BENCH_PAGE / MIB);
	return err;
}

static size_t mib_to_pages(const char *text)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (*end || v == 0 || v > 1024 * 1024)
		usage(2);
	return v * (MIB / BENCH_PAGE);
}

int main(int argc, char **argv)
{
	struct options o = {.least = 16 * (MIB / BENCH_PAGE), .seconds = 120};
	int c;

	while ((c = getopt(argc, argv, "+ho:n:p:c:l:m:t:")) != -1) {
		switch (c) {
		case 'o':
			o.dir = optarg;
			break;
		case 'n':
			o.name = optarg;
			break;
		case 'p':
			o.pid = atoi(optarg);
			break;
		case 'c':
			o.comm = optarg;
			break;
		case 'l':
			o.least = mib_to_pages(optarg);
			break;
		case 'm':
			o.most = mib_to_pages(optarg);
			break;
		case 't':
			o.seconds = (unsigned)atoi(optarg);
			break;
		case 'h':
			usage(0);
		default:
			usage(2);
		}
	}
	o.command = argv + optind;
	if (!o.dir || !o.name || (o.pid > 0) == (optind < argc) || strchr(o.name, '/') ||
	    strlen(o.name) >= BENCH_NAME_MAX || strpbrk(o.name, " \t\n"))
		usage(2);
	if (sysconf(_SC_PAGESIZE) != (long)BENCH_PAGE)
		bench_die(77, "this machine's pages are not of 4 KiB");
	if (o.pid > 0)
		return save(&o, o.pid);
	atexit(end_all_ours);
	return run_and_save(&o);
}
