/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gnuplot as a child.  Its output goes to memory that has a file descriptor, so that it can never
 * wait for us while we wait for it to take the script.
 */
#define _GNU_SOURCE
#include "rzsb_plot.h"
#include "rzst.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOT_FOUND 127

/* What a run of gnuplot leaves: file descriptors of memory, and its exit status. */
struct answer {
	int out, err, status;
};

static void __attribute__((noreturn)) become_gnuplot(int in, const struct answer *a, bool check)
{
	/* -d: nobody's own settings, which may be anything. */
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

static int write_all(int fd, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t w = write(fd, text, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		text += w;
		n -= (size_t)w;
	}
	return 0;
}

/* script: NULL, only see whether it works.  0: it ran, a->status says how it ended. */
static int run(const char *script, size_t n, struct answer *a)
{
	void (*before)(int);
	int fd[2], err;
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC) < 0)
		return -errno;
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		become_gnuplot(fd[0], a, !script);
	err = pid < 0 ? -errno : 0;
	close(fd[0]);
	/* If it ends early its exit status has more to say than a signal to us. */
	before = signal(SIGPIPE, SIG_IGN);
	if (!err && script)
		write_all(fd[1], script, n);
	signal(SIGPIPE, before);
	close(fd[1]);
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

/* All of it with a 0 behind; NULL: no memory. */
static char *text_of(int fd)
{
	off_t n = lseek(fd, 0, SEEK_END);
	char *text = n >= 0 ? calloc(1, (size_t)n + 1) : NULL;

	if (text && pread(fd, text, (size_t)n, 0) != (ssize_t)n)
		text[0] = 0;
	return text;
}

/* The first line of what it said that says anything. */
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
		err = run(NULL, 0, &a);
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
	*p = (struct rzsb_plot){.name = name};
	p->script = open_memstream(&p->text, &p->size);
	if (p->script)
		fprintf(p->script,
			"set terminal svg size %u,%u dynamic noenhanced font 'sans-serif,14'\n",
			width, height);
	return p->script;
}

/* Whether it is one of the places where an id stands; how many bytes before the id. */
static size_t before_id(const char *s)
{
	static const char *const places[] = {" id='", " id=\"", "href='#", "href=\"#", "url(#"};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (strncmp(s, places[i], strlen(places[i])) == 0)
			return strlen(places[i]);
	return 0;
}

/* What follows a title or description that begins here; NULL: none does. */
static const char *behind_words(const char *s)
{
	const char *end = NULL;

	if (strncmp(s, "<title>", 7) == 0)
		end = strstr(s, "</title>");
	else if (strncmp(s, "<desc>", 6) == 0)
		end = strstr(s, "</desc>");
	return end ? strchr(end, '>') + 1 : NULL;
}

/*
 * From <svg on.  All drawings of gnuplot have the same ids, which a page of several must not have;
 * and their titles and descriptions are words of its own, which a browser would show or read out.
 */
static char *clean(const char *svg, const char *name)
{
	char *out = NULL;
	size_t size, n;
	FILE *f = open_memstream(&out, &size);

	if (!f)
		return NULL;
	for (const char *s = strstr(svg, "<svg"); s && *s;) {
		const char *behind = behind_words(s);

		if (behind) {
			s = behind;
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

	if (fclose(p->script) != 0)
		err = -ENOMEM;
	if (!err)
		err = run(p->text, p->size, &a);
	if (!err && a.status == 0 && (drawn = text_of(a.out))) {
		svg = clean(drawn, p->name);
		free(drawn);
	}
	if (err)
		rzst_say("cannot run gnuplot: %s", strerror(-err));
	else if (!svg)
		tell_why(p->name, &a);
	close_answer(&a);
	free(p->text);
	return svg;
}
