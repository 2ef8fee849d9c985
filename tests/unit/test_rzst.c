/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tools share, tools/common: files that appear as a whole, and files of the kernel. */
#include "t.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "rzst.h"
#include "rzst_files.h"
#include "rzst_lines.h"
#include "rzst_swaps.h"

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

/* ---- what the kernel says ---- */

/* Columns as the kernel writes them: blanks or tabs between, a heading, a blank in a name. */
T_TEST(swap_areas)
{
	char text[] = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
		      "/dev/nbd0                               partition\t65532\t\t16384\t\t10\n"
		      "/dev/vdb\\040(deleted)                   partition\t8\t\t0\t\t-1\n"
		      "/gone\\040(deleted) file\t8\t\t0\t\t-1\n"
		      "/swap\\040file\\134\\04\\                     file\t\t8589934592\t0\t\t-2\n";
	struct rzst_swap_area v[RZST_SWAPS_MAX];
	char many[(RZST_SWAPS_MAX + 1) * 23 + 1] = "";

	T_EQ(rzst_swaps_parse(text, v), 4);
	T_STR_EQ(v[0].name, "/dev/nbd0");
	T_EQ(v[0].size, 65532 * 1024u);
	T_EQ(v[0].used, 16384 * 1024u);
	T_EQ(v[0].priority, 10);
	T_OK(!v[0].is_file);
	/* Its node was removed; a file's name may really end so. */
	T_STR_EQ(v[1].name, "/dev/vdb");
	T_STR_EQ(v[2].name, "/gone (deleted)");
	T_OK(v[3].is_file);
	T_STR_EQ(v[3].name, "/swap file\\\\04\\");
	T_EQ(v[3].size, 1ull << 43);
	T_EQ(v[3].used, 0);
	T_EQ(v[3].priority, -2);
	T_EQ(rzst_swaps_parse(many, v), 0);
	for (unsigned i = 0; i <= RZST_SWAPS_MAX; i++)
		strcat(many, "/dev/x partition 4 0 1\n");
	T_EQ(rzst_swaps_parse(many, v), RZST_SWAPS_MAX);
}

/* The line of a key, not of one that only begins like it. */
T_TEST(numbers_in_files)
{
	static const char text[] = "nr_writeback_temp 5\nnr_writeback 7\nlast 9\n";
	char path[40];
	int fd = memfd_create("numbers", 0);

	T_EQ(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	T_EQ(rzst_number_in(path, "nr_writeback "), 7);
	T_EQ(rzst_number_in(path, "last"), 9);
	T_EQ(rzst_number_in(path, "none"), 0);
	T_EQ(rzst_number_in("/nowhere", "last"), 0);
	close(fd);
}

/* Lines longer than the reader's own buffer and than the caller's, and one without an end. */
T_TEST(lines_one_by_one)
{
	char path[256], line[8], text[5000];
	struct rzst_lines l;

	begin();
	memset(text, 'x', sizeof(text));
	strcpy(text + 4000, "\n1234567\n12345678\n\nend");
	put("a", text);
	snprintf(path, sizeof(path), "%s/a", root);
	T_EQ(rzst_lines_open(&l, path), 0);
	T_EQ(rzst_lines_next(&l, line, sizeof(line)), 1);
	T_STR_EQ(line, "xxxxxxx");
	T_EQ(l.whole, false);
	T_EQ(rzst_lines_next(&l, line, sizeof(line)), 1);
	T_STR_EQ(line, "1234567");
	T_OK(l.whole);
	T_EQ(rzst_lines_next(&l, line, sizeof(line)), 1);
	T_STR_EQ(line, "1234567");
	T_EQ(l.whole, false);
	T_EQ(rzst_lines_next(&l, line, sizeof(line)), 1);
	T_STR_EQ(line, "");
	T_OK(l.whole);
	T_EQ(rzst_lines_next(&l, line, sizeof(line)), 1);
	T_STR_EQ(line, "end");
	T_EQ(l.whole, false);
	T_EQ(rzst_lines_next(&l, line, sizeof(line)), 0);
	T_STR_EQ(line, "");
	rzst_lines_close(&l);
	T_EQ(rzst_lines_open(&l, "/nowhere"), -ENOENT);
	T_EQ(rzst_lines_open(&l, root), 0);
	T_EQ(rzst_lines_next(&l, line, sizeof(line)), -EISDIR);
	rzst_lines_close(&l);
	end(1);
}

T_TEST(first_lines)
{
	char line[16];

	begin();
	T_EQ(setenv("RZS_SYSROOT", root, 1), 0);
	put("a", "lzo [lz4] zstd\nmore\n");
	T_EQ(rzst_first_line("/a", line, sizeof(line)), 0);
	T_STR_EQ(line, "lzo [lz4] zstd");
	T_STR_EQ(rzst_chosen(line), "lz4");
	put("a", "none");
	T_EQ(rzst_first_line("/a", line, sizeof(line)), 0);
	T_STR_EQ(rzst_chosen(line), "none");
	put("a", "\x1b[1m of too many bytes\n");
	T_EQ(rzst_first_line("/a", line, sizeof(line)), 0);
	T_STR_EQ(line, "?[1m of too man");
	put("a", "\n");
	T_EQ(rzst_first_line("/a", line, sizeof(line)), -ENODATA);
	put("a", "");
	T_EQ(rzst_first_line("/a", line, sizeof(line)), -ENODATA);
	T_STR_EQ(line, "");
	T_EQ(rzst_first_line("/none", line, sizeof(line)), -ENOENT);
	T_STR_EQ(line, "");
	T_EQ(unsetenv("RZS_SYSROOT"), 0);
	end(1);
}

/* An area by its name, among those of a machine that is made up. */
T_TEST(one_area)
{
	struct rzst_swap_area area;

	begin();
	T_EQ(setenv("RZS_SYSROOT", root, 1), 0);
	T_EQ(rzst_swaps_find("/dev/nbd0", &area), -ENODEV);
	T_EQ(mkdir(at("proc"), 0700), 0);
	put("proc/swaps", "Filename\n/dev/nbd0\\040(deleted) partition 8 4 7\n");
	T_EQ(rzst_swaps_find("/dev/nbd0", &area), 0);
	T_EQ(area.used, 4096);
	T_EQ(area.priority, 7);
	T_EQ(rzst_swaps_find("/dev/nbd", &area), -ENODEV);
	T_EQ(area.used, 0);
	T_EQ(unlink(at("proc/swaps")), 0);
	T_EQ(unsetenv("RZS_SYSROOT"), 0);
	end(1);
}
