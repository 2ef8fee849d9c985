/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gnuplot as a child.  Script, output and errors are files in memory, so that neither process ever
 * waits for the other to read.
 */
#define _GNU_SOURCE
#include "rzsb_plot.h"
#include "rzst.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOT_FOUND 127

/* What a run of gnuplot leaves: file descriptors, and its wait status. */
struct answer {
	int out, err, status;
};

static void __attribute__((noreturn)) become_gnuplot(int in, const struct answer *a, bool check)
{
	/* -d: without the user's settings, which may be anything. */
	char *const draw[] = {"gnuplot", "-d", "-", NULL};
	char *const try[] = {"gnuplot", "-d", "-e", "set terminal svg", NULL};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setenv("LC_ALL", "C", 1);
	unsetenv("GNUTERM");
	if (dup2(in, 0) < 0 || dup2(a->out, 1) < 0 || dup2(a->err, 2) < 0)
		_exit(NOT_FOUND - 1);
	execvp("gnuplot", check ? try : draw);
	_exit(errno == ENOENT ? NOT_FOUND : NOT_FOUND - 1);
}

/* script: a file descriptor; check: only see whether gnuplot works.  0: it ran. */
static int run(int script, bool check, struct answer *a)
{
	pid_t pid;
	int err;

	fflush(NULL);
	pid = fork();
	if (pid == 0)
		become_gnuplot(script, a, check);
	err = pid < 0 ? -errno : 0;
	while (!err && waitpid(pid, &a->status, 0) < 0)
		err = errno == EINTR ? 0 : -errno;
	return err;
}

static int open_answer(struct answer *a)
{
	*a = (struct answer){.out = memfd_create("drawing", MFD_CLOEXEC),
			     .err = memfd_create("errors", MFD_CLOEXEC)};
	return a->out < 0 || a->err < 0 ? -errno : 0;
}

static void close_answer(struct answer *a)
{
	if (a->out >= 0)
		close(a->out);
	if (a->err >= 0)
		close(a->err);
}

/* All of a file, with a 0 at the end; NULL: no memory. */
static char *text_of(int fd)
{
	off_t n = lseek(fd, 0, SEEK_END);
	char *text = n >= 0 ? calloc(1, (size_t)n + 1) : NULL;

	if (text && pread(fd, text, (size_t)n, 0) != (ssize_t)n)
		text[0] = 0;
	return text;
}

/* The last line of its errors that is more than a mark. */
static void tell_why(const char *what, const struct answer *a)
{
	char *all = text_of(a->err), *save = NULL, *line = NULL;

	for (char *s = all ? strtok_r(all, "\n", &save) : NULL; s; s = strtok_r(NULL, "\n", &save))
		line = s[strspn(s, " \t^")] ? s : line;
	rzst_say("%s: gnuplot failed: %s", what,
		 line ? line + strspn(line, " \t") : "it did not say why");
	free(all);
}

int rzsb_plot_check(const char *what)
{
	struct answer a;
	int err = open_answer(&a);

	if (!err)
		err = run(a.out, true, &a);
	if (err) {
		rzst_say("%s: cannot start gnuplot: %s", what, strerror(-err));
	} else if (WIFEXITED(a.status) && WEXITSTATUS(a.status) == NOT_FOUND) {
		rzst_say("%s: gnuplot, which draws its plots, is not installed: install it "
			 "(Debian package: gnuplot-nox), or leave --report out",
			 what);
		err = -ENOENT;
	} else if (a.status != 0) {
		tell_why(what, &a);
		err = -EIO;
	}
	close_answer(&a);
	return err;
}

FILE *rzsb_plot_begin(struct rzsb_plot *p, const char *name, unsigned width, unsigned height)
{
	int fd = memfd_create("script", MFD_CLOEXEC);

	*p = (struct rzsb_plot){.name = name, .script = fd < 0 ? NULL : fdopen(fd, "w")};
	if (p->script)
		fprintf(p->script,
			"set terminal svg size %u,%u dynamic noenhanced font 'sans-serif,14'\n",
			width, height);
	else if (fd >= 0)
		close(fd);
	return p->script;
}

/* How many bytes stand before an id that begins here; 0: none does. */
static size_t before_id(const char *s)
{
	static const char *const places[] = {" id='", " id=\"", "href='#", "href=\"#", "url(#"};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (strncmp(s, places[i], strlen(places[i])) == 0)
			return strlen(places[i]);
	return 0;
}

/* The end of a title or description that begins here; NULL: none does. */
static const char *end_of_text(const char *s)
{
	const char *end = NULL;

	if (strncmp(s, "<title>", 7) == 0)
		end = strstr(s, "</title>");
	else if (strncmp(s, "<desc>", 6) == 0)
		end = strstr(s, "</desc>");
	return end ? strchr(end, '>') + 1 : NULL;
}

/*
 * From <svg on.  All of gnuplot's plots have the same ids, which must be unique in a page.  Their
 * titles and descriptions are gnuplot's, and a browser would show them or read them out.
 */
static char *clean(const char *svg, const char *name)
{
	char *out = NULL;
	size_t size, n;
	FILE *f = open_memstream(&out, &size);

	if (!f)
		return NULL;
	for (const char *s = strstr(svg, "<svg"); s && *s;) {
		const char *end = end_of_text(s);

		if (end) {
			s = end;
			continue;
		}
		n = before_id(s);
		if (n > 0) {
			fprintf(f, "%.*s%s-", (int)n, s, name);
			s += n;
		} else {
			fputc(*s++, f);
		}
	}
	if (fclose(f) == 0 && size > 0)
		return out;
	free(out);
	return NULL;
}

char *rzsb_plot_end(struct rzsb_plot *p)
{
	char *svg = NULL, *drawn;
	struct answer a;
	int err = open_answer(&a);

	/* The child shares its position. */
	if (fflush(p->script) != 0 || lseek(fileno(p->script), 0, SEEK_SET) < 0)
		err = -errno;
	if (!err)
		err = run(fileno(p->script), false, &a);
	fclose(p->script);
	if (!err && a.status == 0 && (drawn = text_of(a.out))) {
		svg = clean(drawn, p->name);
		free(drawn);
	}
	if (err)
		rzst_say("cannot run gnuplot: %s", strerror(-err));
	else if (!svg)
		tell_why(p->name, &a);
	close_answer(&a);
	return svg;
}
