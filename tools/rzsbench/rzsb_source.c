/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A source of any kind becomes a file and the offsets of the pages in it; for a process the file is
 * /proc/PID/mem.
 */
#define _GNU_SOURCE
#include "rzsb_source.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rzsb_files.h"
#include "rzsb_idle.h"

static int complain(const char *what, int err)
{
	const char *hint = "";

	if (err == -EACCES || err == -EPERM)
		hint = " (it takes CAP_SYS_PTRACE: try as root)";
	rzst_say("%s: %s%s", what, strerror(-err), hint);
	return err;
}

/* The source's memory is the list's then, or is freed. */
static int append(struct rzsb_sources *s, struct rzsb_source *src)
{
	struct rzsb_source *v = realloc(s->v, (s->nr + 1) * sizeof(*v));

	if (!v || !src->path) {
		if (v)
			s->v = v;
		free(src->path);
		free(src->a.v);
		return -ENOMEM;
	}
	s->v = v;
	s->v[s->nr++] = *src;
	s->pages += src->a.nr;
	return 0;
}

static int add_process(struct rzsb_sources *s, pid_t pid)
{
	struct rzsb_source src = {.process = true};
	char comm[RZSB_NAME_MAX - 12];
	int err = rzsb_process_find(&src.a, pid);

	if (err || src.a.nr == 0) {
		free(src.a.v);
		return err;
	}
	rzsb_process_name(pid, comm, sizeof(comm));
	snprintf(src.name, sizeof(src.name), "%s-%d", comm, (int)pid);
	if (asprintf(&src.path, "/proc/%d/mem", (int)pid) < 0)
		src.path = NULL;
	return append(s, &src);
}

int rzsb_sources_add_pid(struct rzsb_sources *s, pid_t pid)
{
	char what[40];
	int err = add_process(s, pid);

	snprintf(what, sizeof(what), "process %d", (int)pid);
	return err ? complain(what, err) : 0;
}

/*
 * A process that is gone, or whose memory may not be read, is only counted.  A kernel thread, which
 * has no memory, is not.
 */
static int add_one_of_many(struct rzsb_sources *s, pid_t pid)
{
	int err = pid == getpid() ? 0 : add_process(s, pid);

	if (err == -ESRCH)
		s->gone += kill(pid, 0) < 0 && errno == ESRCH;
	else if (err == -EACCES || err == -EPERM)
		s->denied++;
	else
		return err;
	return 0;
}

int rzsb_sources_add_all(struct rzsb_sources *s)
{
	DIR *dir = opendir("/proc");
	struct dirent *d;
	int err = dir ? 0 : -errno;

	while (!err && (d = readdir(dir)))
		if (d->d_name[0] >= '1' && d->d_name[0] <= '9')
			err = add_one_of_many(s, atoi(d->d_name));
	if (dir)
		closedir(dir);
	return err ? complain("/proc", err) : 0;
}

static int add_cgroup_dir(struct rzsb_sources *s, const char *cgroup)
{
	char path[4096];
	struct dirent *d;
	int pid, err = 0;
	FILE *f;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (!err && fscanf(f, "%d", &pid) == 1)
		err = add_one_of_many(s, pid);
	fclose(f);
	dir = opendir(cgroup);
	while (!err && dir && (d = readdir(dir))) {
		if (d->d_type != DT_DIR || d->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", cgroup, d->d_name);
		err = add_cgroup_dir(s, path);
	}
	if (dir)
		closedir(dir);
	return err;
}

int rzsb_sources_add_cgroup(struct rzsb_sources *s, const char *cgroup)
{
	char path[4096];
	bool whole = strncmp(cgroup, "/sys/", 5) == 0;
	int err;

	snprintf(path, sizeof(path), "%s%s", whole ? "" : "/sys/fs/cgroup/", cgroup);
	err = add_cgroup_dir(s, path);
	return err ? complain(path, err) : 0;
}

static int add_offsets(struct rzsb_addresses *a, uint64_t from, uint64_t bytes)
{
	int err = 0;

	for (uint64_t i = 0; i < bytes / RZSB_PAGE && !err; i++)
		err = rzsb_addresses_add(a, from + i * RZSB_PAGE);
	return err;
}

/* The memory in an ELF core file; -ENOEXEC: it is not one. */
static int find_in_core(struct rzsb_addresses *a, int fd)
{
	Elf64_Ehdr h;
	Elf64_Phdr p;
	int err = 0;

	if (pread(fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h) ||
	    memcmp(h.e_ident, ELFMAG, SELFMAG) != 0 || h.e_ident[EI_CLASS] != ELFCLASS64 ||
	    h.e_type != ET_CORE || h.e_phentsize != sizeof(p))
		return -ENOEXEC;
	for (unsigned i = 0; !err && i < h.e_phnum; i++) {
		if (pread(fd, &p, sizeof(p), (off_t)(h.e_phoff + i * sizeof(p))) !=
		    (ssize_t)sizeof(p))
			return -EIO;
		if (p.p_type == PT_LOAD)
			err = add_offsets(a, p.p_offset, p.p_filesz);
	}
	return err;
}

static int add_file(struct rzsb_sources *s, const char *path, const char *name)
{
	struct rzsb_source src = {0};
	int fd = rzsb_open_input(path), err;
	off_t size;

	if (fd < 0)
		return fd;
	/* Also of a block device.  Less than a page at the end is left out. */
	size = lseek(fd, 0, SEEK_END);
	err = size < 0 ? -errno : find_in_core(&src.a, fd);
	if (err == -ENOEXEC)
		err = add_offsets(&src.a, 0, (uint64_t)size);
	close(fd);
	if (!err && src.a.nr == 0)
		err = -ENODATA;
	if (err) {
		free(src.a.v);
		return err;
	}
	snprintf(src.name, sizeof(src.name), "%.*s", RZSB_NAME_MAX - 1, name);
	src.path = strdup(path);
	return append(s, &src);
}

static int add_corpus(struct rzsb_sources *s, const char *dir, FILE *index)
{
	char path[4096 + RZSB_NAME_MAX + 8], name[RZSB_NAME_MAX];
	int err = 0;

	while (!err && fscanf(index, "%31s %*u", name) == 1) {
		if (strchr(name, '/'))
			continue;
		snprintf(path, sizeof(path), "%s/%s.pages", dir, name);
		err = add_file(s, path, name);
	}
	return err;
}

int rzsb_sources_add_path(struct rzsb_sources *s, const char *path)
{
	const char *base = strrchr(path, '/');
	char index[4096];
	struct stat st;
	FILE *f;
	int err;

	if (stat(path, &st) < 0)
		return complain(path, -errno);
	if (!S_ISDIR(st.st_mode)) {
		err = add_file(s, path, base && base[1] ? base + 1 : path);
		s->images += !err;
		return err ? complain(path, err) : 0;
	}
	snprintf(index, sizeof(index), "%s/index", path);
	f = rzsb_open_text(index);
	if (!f)
		return complain(index, -errno);
	err = add_corpus(s, path, f);
	fclose(f);
	return err ? complain(path, err) : 0;
}

/* ---- loading ---- */

static bool take(void *user, const uint8_t *page)
{
	struct rzsb_corpus *c = user;

	if (c->nr == c->room)
		return false;
	memcpy(c->pages + c->nr++ * RZSB_PAGE, page, RZSB_PAGE);
	return true;
}

/* The part that source i goes to. */
static struct rzsb_part *part_of(struct rzsb_corpus *c, const struct rzsb_sources *s, size_t i)
{
	bool last = i >= RZSB_MAX_PARTS - 1;
	struct rzsb_part *p = &c->parts[last ? RZSB_MAX_PARTS - 1 : i];

	if (p->name[0] == 0) {
		p->first = c->nr;
		c->nr_parts++;
		snprintf(p->name, sizeof(p->name), "%s",
			 last && s->nr > RZSB_MAX_PARTS ? "others" : s->v[i].name);
	}
	return p;
}

static int by_size(const void *a, const void *b)
{
	const struct rzsb_source *x = a, *y = b;

	return (x->a.nr < y->a.nr) - (x->a.nr > y->a.nr);
}

void rzsb_source_thin(struct rzsb_sources *s, size_t i, size_t most)
{
	struct rzsb_addresses *a = &s->v[i].a;
	size_t share;

	if (most == 0 || most >= s->pages)
		return;
	share = rzsb_share(a->nr, most, s->pages);
	rzsb_addresses_thin(a, share < RZSB_RUN ? RZSB_RUN : share);
}

int rzsb_source_read(const struct rzsb_source *src, bool (*take_page)(void *, const uint8_t *),
		     void *user, size_t *out_lost)
{
	int fd = open(src->path, O_RDONLY | O_CLOEXEC), err;

	*out_lost = src->a.nr;
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	err = rzsb_read_pages(&src->a, fd, take_page, user, out_lost);
	close(fd);
	return err;
}

static int load_source(struct rzsb_sources *s, size_t i, size_t most, struct rzsb_corpus *c)
{
	struct rzsb_source *src = &s->v[i];
	struct rzsb_part *p = part_of(c, s, i);
	size_t before = c->nr, lost;
	int err;

	rzsb_source_thin(s, i, most);
	err = rzsb_source_read(src, take, c, &lost);
	p->nr += c->nr - before;
	s->lost += lost;
	if (err && src->process) {
		s->gone++;
		return 0;
	}
	return err ? complain(src->path, err) : 0;
}

int rzsb_sources_load(struct rzsb_sources *s, size_t most, struct rzsb_corpus *c)
{
	int err = 0;

	memset(c, 0, sizeof(*c));
	if (s->pages == 0)
		return complain("no pages", -ENODATA);
	qsort(s->v, s->nr, sizeof(*s->v), by_size);
	/* A small source has at least one run. */
	c->room = most && most < s->pages ? most + s->nr * RZSB_RUN : s->pages;
	c->pages = rzsb_alloc(c->room * RZSB_PAGE);
	for (size_t i = 0; i < s->nr && !err; i++)
		err = load_source(s, i, most, c);
	c->whole = s->pages - s->lost;
	if (!err && c->nr == 0)
		err = complain("no page could be read", -ESRCH);
	if (!err)
		rzsb_corpus_sort_out(c);
	else
		rzsb_corpus_free(c);
	return err;
}

/* ---- cold pages ---- */

static int complain_of_idle(int err)
{
	const char *why = strerror(-err);

	if (err == -ENOENT)
		why = "this kernel does not track idle pages (" RZSB_IDLE_BITMAP
		      ", CONFIG_IDLE_PAGE_TRACKING): omit --cold";
	else if (err == -EACCES || err == -EPERM)
		why = "only root may see which pages are idle (CAP_SYS_ADMIN)";
	rzst_say("--cold: %s", why);
	return err;
}

/* An error is reported at once, not after all processes were searched. */
static int want_cold(struct rzsb_sources *s)
{
	struct rzsb_idle idle;
	int err = rzsb_idle_open(&idle);

	if (err)
		return complain_of_idle(err);
	rzsb_idle_close(&idle);
	s->cold = true;
	return 0;
}

/* Its pagemap; -1: the process is gone. */
static int open_pagemap(const struct rzsb_source *src)
{
	char path[64];

	snprintf(path, sizeof(path), "%.*s/pagemap", (int)(strrchr(src->path, '/') - src->path),
		 src->path);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int mark_or_keep(struct rzsb_sources *s, const struct rzsb_idle *idle, bool keep)
{
	int err = 0;

	for (size_t i = 0; i < s->nr && !err; i++) {
		struct rzsb_source *src = &s->v[i];
		int pagemap = open_pagemap(src);

		if (keep) {
			s->pages -= src->a.nr;
			rzsb_idle_keep(idle, pagemap, &src->a);
			s->pages += src->a.nr;
		} else if (pagemap >= 0) {
			err = rzsb_idle_mark(idle, pagemap, &src->a);
		}
		if (pagemap >= 0)
			close(pagemap);
	}
	return err;
}

static void wait_seconds(unsigned seconds)
{
	bool show = isatty(STDERR_FILENO);

	for (; seconds > 0; seconds--) {
		if (show)
			fprintf(stderr, "\rwaiting for accesses to pages: %u s\033[K", seconds);
		sleep(1);
	}
	if (show)
		fputs("\r\033[K", stderr);
}

int rzsb_sources_keep_cold(struct rzsb_sources *s)
{
	struct rzsb_idle idle;
	int err;

	if (!s->cold)
		return 0;
	for (size_t i = 0; i < s->nr; i++)
		if (!s->v[i].process)
			return rzst_fail(-EINVAL, "--cold: %s is not a process", s->v[i].path);
	err = rzsb_idle_open(&idle);
	if (err)
		return complain_of_idle(err);
	err = mark_or_keep(s, &idle, false);
	if (!err) {
		wait_seconds(s->cold_wait ? s->cold_wait : RZSB_COLD_WAIT);
		err = mark_or_keep(s, &idle, true);
	}
	rzsb_idle_close(&idle);
	return err ? complain_of_idle(err) : 0;
}

bool rzsb_sources_option(struct rzsb_sources *s, const struct rzsb_args *a, int id, int *err)
{
	switch (id) {
	case 'p':
		*err = rzsb_sources_add_pid(s, (pid_t)rzsb_number(a, 1, INT32_MAX));
		return true;
	case 'a':
		*err = rzsb_sources_add_all(s);
		return true;
	case 'g':
		*err = rzsb_sources_add_cgroup(s, optarg);
		return true;
	case RZSB_OPT_COLD:
		*err = want_cold(s);
		return true;
	case RZSB_OPT_COLD_WAIT:
		s->cold_wait = (unsigned)rzsb_number(a, 1, 86400);
		return true;
	default:
		return false;
	}
}

void rzsb_sources_free(struct rzsb_sources *s)
{
	for (size_t i = 0; i < s->nr; i++) {
		free(s->v[i].path);
		free(s->v[i].a.v);
	}
	free(s->v);
	memset(s, 0, sizeof(*s));
}
