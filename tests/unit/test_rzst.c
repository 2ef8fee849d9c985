/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tools share, tools/common: files that appear as a whole. */
#include "t.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "rzst_files.h"

/* ---- a directory of our own ---- */

static char root[64];

static const char *at(const char *name)
{
	static char path[2][PATH_MAX];
	static unsigned i;

	i ^= 1;
	snprintf(path[i], sizeof(path[i]), "%s/%s", root, name);
	return path[i];
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(at(name), "w");

	T_OK(f);
	fputs(text, f);
	T_EQ(fclose(f), 0);
}

static void is(const char *name, const char *want)
{
	char text[256] = "";
	FILE *f = fopen(at(name), "r");

	T_OK(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	T_STR_EQ(text, want);
}

static void begin(void)
{
	strcpy(root, "/tmp/rzs-test.XXXXXX");
	T_OK(mkdtemp(root));
}

/* Nothing but these files is there, and they go. */
static void end(unsigned want)
{
	DIR *dir = opendir(root);
	struct dirent *e;
	unsigned nr = 0;

	T_OK(dir);
	while ((e = readdir(dir)) != NULL)
		if (e->d_name[0] != '.') {
			nr++;
			T_EQ(remove(at(e->d_name)), 0);
		}
	closedir(dir);
	T_EQ(nr, want);
	T_EQ(rmdir(root), 0);
}

/* ---- files ---- */

static int make(const char *name, const char *text, int err, bool replace)
{
	struct rzst_new_file n;

	T_EQ(rzst_new_file_open(&n, at(name)), 0);
	fputs(text, n.f);
	err = rzst_new_file_close(&n, err, replace);
	T_OK(!n.f);
	return err;
}

T_TEST(a_new_file_appears_when_it_is_complete)
{
	struct rzst_new_file n;
	struct stat st;

	begin();
	T_EQ(rzst_new_file_open(&n, at("a")), 0);
	fputs("new\n", n.f);
	T_EQ(fflush(n.f), 0);
	T_EQ(access(at("a"), F_OK), -1);
	umask(027);
	T_EQ(rzst_new_file_close(&n, 0, false), 0);
	is("a", "new\n");
	T_EQ(make("b", "", 0, false), 0);
	T_EQ(stat(at("b"), &st), 0);
	T_EQ(st.st_mode & 07777, 0640);
	umask(022);
	end(2);
}

T_TEST(what_is_there_is_replaced_only_if_that_is_wanted)
{
	begin();
	put("a", "old");
	T_EQ(make("a", "new", 0, false), -EEXIST);
	is("a", "old");
	T_EQ(make("a", "new", 0, true), 0);
	is("a", "new");
	/* A link is replaced, not followed. */
	T_EQ(symlink("a", at("link")), 0);
	T_EQ(make("link", "other", 0, false), -EEXIST);
	T_EQ(make("link", "other", 0, true), 0);
	is("a", "new");
	is("link", "other");
	end(2);
}

T_TEST(a_failure_leaves_nothing_behind)
{
	static char longest[PATH_MAX + 8];
	struct rzst_new_file n;

	begin();
	put("a", "old");
	T_EQ(make("a", "new", -ECANCELED, true), -ECANCELED);
	is("a", "old");
	T_EQ(mkdir(at("folder"), 0700), 0);
	T_EQ(make("folder", "new", 0, true), -EISDIR);
	T_EQ(rzst_new_file_open(&n, at("nowhere/a")), -ENOENT);
	T_OK(!n.f);
	memset(longest, 'x', sizeof(longest) - 1);
	T_EQ(rzst_new_file_open(&n, longest), -ENAMETOOLONG);
	longest[PATH_MAX - 4] = '\0';
	T_EQ(rzst_new_file_open(&n, longest), -ENAMETOOLONG);
	/* An error of an earlier write is not lost. */
	T_EQ(rzst_new_file_open(&n, at("b")), 0);
	T_OK(freopen("/dev/full", "w", n.f));
	fputs("x", n.f);
	T_EQ(rzst_new_file_close(&n, 0, false), -ENOSPC);
	end(2);
}

/* A process of this number was killed at this once. */
T_TEST(a_leftover_is_in_nobodys_way)
{
	char name[64];

	begin();
	snprintf(name, sizeof(name), "a.%d.0.tmp", (int)getpid());
	put(name, "half");
	T_EQ(make("a", "new", 0, false), 0);
	is("a", "new");
	is(name, "half");
	end(2);
}
