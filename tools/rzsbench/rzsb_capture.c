/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "rzsbench capture": saves anonymous pages of real processes, as a swap device would get them, in
 * DIR/NAME.pages (4 KiB pages in address order, mode 0600), with a line "NAME PAGES" in DIR/index.
 * The processes already run (and are not disturbed), or a command starts one, which is stopped when
 * it has grown.
 *
 * The pages are other programs' memory and may contain secrets.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rzsb.h"
#include "rzsb_args.h"
#include "rzsb_cmd.h"
#include "rzsb_source.h"
#include "rzsb_spawn.h"

struct options {
	const char *dir, *name;
	struct rzsb_sources sources;
	bool chosen;	 /* sources by options */
	bool stats_only; /* save nothing */
	size_t most;	 /* pages of all together, 0: all */
	struct rzsb_spawn spawn;
	int err;
};

static bool save_page(void *out, const uint8_t *page)
{
	return fwrite(page, RZSB_PAGE, 1, out) == 1;
}

static void __attribute__((noreturn)) cannot_write(const char *path)
{
	rzst_die(RZSB_FAILED, "cannot write %s: %s", path, strerror(errno));
}

/* Does not wait, as it may be a pipe, and follows no link, which may lead anywhere. */
static int open_index(const char *path, int flags)
{
	return open(path, O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | flags, 0600);
}

/* Whether it is an index, to which lines may be added. */
static bool is_index(int fd)
{
	char line[RZSB_NAME_MAX + 32], name[RZSB_NAME_MAX];
	struct stat st;
	bool good = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	FILE *f = good ? fdopen(dup(fd), "r") : NULL;
	unsigned long pages;

	good = f;
	while (good && fgets(line, sizeof(line), f))
		good = sscanf(line, "%31s %lu", name, &pages) == 2 && strchr(line, '\n');
	if (f)
		fclose(f);
	return good;
}

/* Before any page is read. */
static void make_directory(const struct options *o)
{
	char path[4096];
	int fd;

	if (mkdir(o->dir, 0700) < 0 && errno != EEXIST)
		rzst_die(RZSB_FAILED, "cannot make %s: %s", o->dir, strerror(errno));
	snprintf(path, sizeof(path), "%s/index", o->dir);
	fd = open_index(path, 0);
	if (fd < 0 && errno == ENOENT)
		return;
	if (fd < 0)
		cannot_write(path);
	if (!is_index(fd))
		rzst_die(RZSB_FAILED,
			 "%s is not an index of rzsbench capture: name another directory", path);
	close(fd);
}

/* Add the line for these pages.  If that fails, remove them. */
static void note(const struct options *o, const char *name, size_t saved, const char *pages)
{
	struct stat st = {.st_size = -1};
	char path[4096];
	int fd, e;

	snprintf(path, sizeof(path), "%s/index", o->dir);
	fd = open_index(path, O_CREAT);
	if (fd >= 0 && fstat(fd, &st) == 0 && dprintf(fd, "%s %zu\n", name, saved) > 0 &&
	    close(fd) == 0)
		return;
	e = errno;
	/* Half a line would spoil the index. */
	if (fd >= 0 && ftruncate(fd, st.st_size) < 0)
		rzst_say("the last line of %s is incomplete", path);
	unlink(pages);
	errno = e;
	cannot_write(path);
}

/* No file is overwritten, not even one of an earlier capture. */
static FILE *create_pages(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;

	if (!f)
		cannot_write(path);
	return f;
}

/*
 * Write the pages of src to its file.  How many there are; 0: the process is gone.  If the file
 * cannot be written, it is removed, and the program ends.
 */
static size_t save_pages(const struct rzsb_source *src, const char *path)
{
	FILE *out = create_pages(path);
	size_t lost;
	int err = rzsb_source_read(src, save_page, out, &lost);

	if (ferror(out) | fclose(out)) {
		unlink(path);
		cannot_write(path);
	}
	if (err || lost == src->a.nr) {
		unlink(path);
		return 0;
	}
	return src->a.nr - lost;
}

/* Save a source's share of the pages; how many these are. */
static size_t save(struct options *o, size_t i)
{
	struct rzsb_source *src = &o->sources.v[i];
	size_t saved, found = src->a.nr;
	char path[4096];

	rzsb_source_thin(&o->sources, i, o->most);
	if (o->stats_only) {
		printf("source-%-17zu %7.1f MiB of %.1f MiB anonymous memory, not saved\n", i + 1,
		       rzsb_pages_mib(src->a.nr), rzsb_pages_mib(found));
		return src->a.nr;
	}
	snprintf(path, sizeof(path), "%s/%s.pages", o->dir, src->name);
	saved = save_pages(src, path);
	if (saved == 0)
		return 0;
	note(o, src->name, saved, path);
	printf("%-24s %7.1f MiB of %.1f MiB anonymous memory\n", src->name, rzsb_pages_mib(saved),
	       rzsb_pages_mib(found));
	return saved;
}

static int save_all(struct options *o)
{
	struct rzsb_sources *s = &o->sources;
	size_t saved = 0, gone = s->gone;

	if (o->name)
		snprintf(s->v[0].name, sizeof(s->v[0].name), "%s", o->name);
	for (size_t i = 0; i < s->nr; i++) {
		size_t n = save(o, i);

		gone += n == 0;
		saved += n;
	}
	if (s->denied)
		printf("%zu processes left out: reading their memory takes CAP_SYS_PTRACE\n",
		       s->denied);
	if (gone)
		printf("%zu processes ended before they could be read\n", gone);
	if (saved == 0)
		rzst_die(RZSB_NOTHING, "nothing saved");
	if (o->stats_only || !isatty(STDERR_FILENO))
		return RZSB_OK;
	rzst_say("%s holds other programs' memory, which may contain secrets: delete it after use",
		 o->dir);
	return RZSB_OK;
}

static int run_and_save(struct options *o)
{
	const char *name = o->name ? o->name : o->spawn.command[0];
	size_t highest;
	pid_t pid = rzsb_spawn_until_grown(&o->spawn, &highest);

	if (!pid) {
		printf("%-24s skipped: it has grown to %.1f MiB, not to %.1f MiB\n", name,
		       rzsb_pages_mib(highest), rzsb_pages_mib(o->spawn.least));
		return RZSB_NOTHING;
	}
	if (rzsb_sources_add_pid(&o->sources, pid) < 0)
		return RZSB_NOTHING;
	if (o->sources.nr == 0)
		rzst_die(RZSB_NOTHING, "%s: no anonymous pages", name);
	return save_all(o);
}

enum { OPT_STATS_ONLY = 256 };

static const struct rzsb_option options[] = {
	{'o', "output", "DIR", "directory to save in; created if it does not exist"},
	RZSB_SOURCE_OPTIONS,
	{'m', "most", "MIB", "save at most this many, from each in proportion"},
	{OPT_STATS_ONLY, "anonymous-stats-only", NULL, "save nothing, show how much there is"},
	{'n', "name", "NAME", "name of the one process in DIR/index"},
	{'c', "comm", "COMM", "which of the processes that COMMAND starts (default: any)"},
	{'l', "least", "MIB", "wait until it has this much anonymous memory (default 16)"},
	{'t', "timeout", "SECONDS", "... for at most this long (default 120)"},
	{0},
};

static void parse_name(struct options *o, const struct rzsb_args *a)
{
	o->name = optarg;
	if (strpbrk(optarg, "/ \t\n") || !*optarg || strlen(optarg) >= RZSB_NAME_MAX)
		rzsb_complain(a, "--name %s: expected a word of at most %u letters without slashes",
			      optarg, RZSB_NAME_MAX - 1);
}

static void parse_one(struct options *o, const struct rzsb_args *a, int id)
{
	if (rzsb_sources_option(&o->sources, a, id, &o->err)) {
		o->chosen = true;
		return;
	}
	switch (id) {
	case 'o':
		o->dir = optarg;
		break;
	case 'n':
		parse_name(o, a);
		break;
	case 'c':
		o->spawn.comm = optarg;
		break;
	case 'l':
		o->spawn.least = rzsb_number(a, 1, 1024 * 1024) * 256;
		break;
	case 'm':
		o->most = rzsb_number(a, 1, 1024 * 1024) * 256;
		break;
	case OPT_STATS_ONLY:
		o->stats_only = true;
		break;
	case 't':
		o->spawn.seconds = (unsigned)rzsb_number(a, 1, 100000);
		break;
	}
}

static void parse(struct options *o, int argc, char **argv)
{
	struct rzsb_args a = {.command = "capture",
			      .words = "[-- COMMAND...]",
			      .options = options,
			      .stop_at_word = true};
	int id;

	while (!o->err && (id = rzsb_next_option(&a, argc, argv)) != -1)
		parse_one(o, &a, id);
	if (o->err)
		return;
	o->spawn.command = argv + optind;
	if (o->stats_only && o->dir)
		rzsb_complain(&a,
			      "--output %s: --anonymous-stats-only saves nothing: omit one of them",
			      o->dir);
	if (!o->dir && !o->stats_only)
		rzsb_complain(&a, "--output is needed: a directory for the pages");
	if (o->chosen == (optind < argc))
		rzsb_complain(&a,
			      "expected either --pid, --all or --cgroup, or a command to start");
	if (o->sources.cold && !o->chosen)
		rzsb_complain(&a, "--cold is for processes that already run");
	if (o->name && o->chosen && o->sources.nr != 1)
		rzsb_complain(&a, "--name: it names one process, there are %zu", o->sources.nr);
	if (!o->chosen && !o->name && !o->stats_only)
		rzsb_complain(&a, "--name is needed for a command");
}

static int capture(struct options *o)
{
	if (o->stats_only)
		rzsb_stay_private();
	if (o->err || rzsb_sources_keep_cold(&o->sources) < 0)
		return RZSB_NOTHING;
	if (!o->stats_only)
		make_directory(o);
	return o->chosen ? save_all(o) : run_and_save(o);
}

int rzsb_cmd_capture(int argc, char **argv)
{
	struct options o = {.spawn = {.least = 16 * 256, .seconds = 120}};
	int status;

	if (sysconf(_SC_PAGESIZE) != (long)RZSB_PAGE)
		rzst_die(RZSB_NOTHING, "the pages of this machine do not have 4 KiB");
	parse(&o, argc, argv);
	status = capture(&o);
	rzsb_sources_free(&o.sources);
	return status;
}
