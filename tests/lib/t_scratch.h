/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A directory for one test.  A test is a process of its own (t.h), so each gets another one.
 *
 * Threading: t_scratch() is called once, or from one thread.
 */
#ifndef T_SCRATCH_H
#define T_SCRATCH_H

#include <ftw.h>
#include <sys/stat.h>

#include "t.h"

static char t_scratch_path[] = "/tmp/rzs-unit.XXXXXX";
static pid_t t_scratch_owner; /* 0: there is none yet */

static inline int t_scratch_remove_one(const char *path, const struct stat *st, int type,
				       struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

/* At exit; not of a process that the test has forked. */
static inline void t_scratch_remove(void)
{
	if (getpid() == t_scratch_owner &&
	    nftw(t_scratch_path, t_scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS))
		_exit(T_EXIT_ERROR);
}

/*
 * The path of the directory, which the first call makes.  It is removed when the test passes, with
 * all that is in it; a test that fails leaves it for whoever looks for the reason.
 */
static inline const char *t_scratch(void)
{
	if (t_scratch_owner)
		return t_scratch_path;
	if (!mkdtemp(t_scratch_path))
		T_FAIL("%s: %s", t_scratch_path, strerror(errno));
	t_scratch_owner = getpid();
	atexit(t_scratch_remove);
	return t_scratch_path;
}

/* Write a file of that directory, whose name begins with "/", and make the directories above it. */
static inline void t_scratch_put(const char *at, const char *text)
{
	char t_path[4096];
	FILE *f;

	snprintf(t_path, sizeof(t_path), "%s%s", t_scratch(), at);
	for (char *slash = t_path + strlen(t_scratch()) + 1; *slash; slash++)
		if (*slash == '/') {
			*slash = '\0';
			T_OK(mkdir(t_path, 0755) == 0 || errno == EEXIST);
			*slash = '/';
		}
	f = fopen(t_path, "w");
	T_OK(f);
	T_GE(fputs(text, f), 0);
	T_EQ(fclose(f), 0);
}

#endif
