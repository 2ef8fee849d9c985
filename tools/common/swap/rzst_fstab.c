/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzst_fstab.h. */
#include "rzst_fstab.h"

#include <errno.h>
#include <libmount/libmount.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rzst.h"

/* ---- options ---- */

static bool is(const char *name, size_t len, const char *word)
{
	return strlen(word) == len && memcmp(name, word, len) == 0;
}

static int take_priority(const char *value, size_t len, struct rzst_fstab_line *line)
{
	char text[16];
	uint64_t n;

	snprintf(text, sizeof(text), "%.*s", (int)(len < 15 ? len : 15), value ? value : "");
	line->has_priority = true;
	line->how.priority = RZST_PRIORITY_NONE;
	if (strcmp(text, "-1") == 0)
		return 0;
	if (rzst_number_parse(text, &n) < 0 || n > RZST_PRIORITY_MOST)
		return -EINVAL;
	line->how.priority = (int)n;
	return 0;
}

static int take_discard(const char *value, size_t len, struct rzst_fstab_line *line)
{
	if (!value || len == 0)
		line->how.discard = RZST_DISCARD_BOTH;
	else if (is(value, len, "once"))
		line->how.discard = RZST_DISCARD_ONCE;
	else if (is(value, len, "pages"))
		line->how.discard = RZST_DISCARD_PAGES;
	else
		return -EINVAL;
	return 0;
}

int rzst_swap_options(const char *options, struct rzst_fstab_line *line, char *bad, size_t size)
{
	char *at = (char *)(uintptr_t)options, *name, *value;
	size_t name_len, value_len;
	int more;

	bad[0] = '\0';
	while ((more = mnt_optstr_next_option(&at, &name, &name_len, &value, &value_len)) == 0) {
		if (is(name, name_len, "noauto")) {
			line->noauto = true;
		} else if (is(name, name_len, "nofail")) {
			line->nofail = true;
		} else if (is(name, name_len, "pri") && take_priority(value, value_len, line) < 0) {
			snprintf(bad, size, "pri=%.*s: expected a number from 0 to %d, or -1",
				 value ? (int)value_len : 0, value ? value : "",
				 RZST_PRIORITY_MOST);
			return -EINVAL;
		} else if (is(name, name_len, "discard") &&
			   take_discard(value, value_len, line) < 0) {
			snprintf(bad, size, "discard=%.*s: expected once, pages, or no value",
				 (int)value_len, value);
			return -EINVAL;
		}
	}
	if (more < 0) {
		snprintf(bad, size, "the options '%s' are not understood", options);
		return -EINVAL;
	}
	return 0;
}

/* ---- names ---- */

/* The canonical path of one that is the machine's, or RZS_SYSROOT's. */
static int canonical(const char *path, char *out, size_t size)
{
	char at[RZST_PATH_MAX], real[PATH_MAX], root[PATH_MAX] = "";
	const char *sysroot = path[0] == '/' ? getenv("RZS_SYSROOT") : NULL, *name = real;
	size_t len;

	if (snprintf(at, sizeof(at), "%s%s", sysroot ? sysroot : "", path) >= (int)sizeof(at))
		return -ENAMETOOLONG;
	if (!realpath(at, real))
		return -errno;
	if (sysroot && realpath(sysroot, root)) {
		len = strlen(root);
		if (strncmp(real, root, len) == 0 && real[len] == '/')
			name = real + len;
	}
	if (strlen(name) >= size)
		return -ENAMETOOLONG;
	strcpy(out, name);
	return 0;
}

/* "LABEL" and its kin, as udev's directories are called; NULL: it is no tag. */
static const char *tag_of(const char *given, const char **value)
{
	static const struct {
		const char *tag, *directory;
	} tags[] = {
		{"LABEL=", "by-label"},
		{"UUID=", "by-uuid"},
		{"PARTLABEL=", "by-partlabel"},
		{"PARTUUID=", "by-partuuid"},
	};

	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		size_t len = strlen(tags[i].tag);

		if (strncmp(given, tags[i].tag, len) == 0) {
			*value = given + len;
			return tags[i].directory;
		}
	}
	return NULL;
}

static int of_tag(const char *given, const char *directory, const char *value, char *out,
		  size_t size)
{
	char path[RZST_PATH_MAX], tag[16], *found;
	int err;

	if (!*value)
		return -EINVAL;
	if (getenv("RZS_SYSROOT")) {
		if (snprintf(path, sizeof(path), "/dev/disk/%s/%s", directory, value) >=
		    (int)sizeof(path))
			return -ENAMETOOLONG;
		return canonical(path, out, size);
	}
	snprintf(tag, sizeof(tag), "%.*s", (int)strcspn(given, "="), given);
	found = mnt_resolve_tag(tag, value, NULL);
	if (!found)
		return -ENOENT;
	err = canonical(found, out, size);
	free(found);
	return err;
}

/*
 * UUIDs are numbers, but libmount and udev's links have them as text: a partition's and a swap
 * area's in lower case.  First as given: the UUID of a FAT or NTFS is in upper case.
 */
static int of_tag_in_any_case(const char *given, const char *directory, const char *value,
			      char *out, size_t size)
{
	int err = of_tag(given, directory, value, out, size);
	char lower[256];
	size_t i;

	if (err != -ENOENT || !strstr(directory, "uuid") || strlen(value) >= sizeof(lower))
		return err;
	for (i = 0; value[i]; i++)
		lower[i] = value[i] >= 'A' && value[i] <= 'Z' ? value[i] - 'A' + 'a' : value[i];
	lower[i] = '\0';
	return strcmp(lower, value) == 0 ? err : of_tag(given, directory, lower, out, size);
}

int rzst_device_name(const char *given, char *out, size_t size)
{
	const char *value, *directory = tag_of(given, &value);
	char unquoted[256];
	size_t len;

	out[0] = '\0';
	if (!*given)
		return -EINVAL;
	if (!directory)
		return canonical(given, out, size);
	/* LABEL="a b", as fstab(5) has it. */
	len = strlen(value);
	if (len >= 2 && value[0] == '"' && value[len - 1] == '"') {
		if (len - 2 >= sizeof(unquoted))
			return -ENAMETOOLONG;
		memcpy(unquoted, value + 1, len - 2);
		unquoted[len - 2] = '\0';
		value = unquoted;
	}
	return of_tag_in_any_case(given, directory, value, out, size);
}

/* ---- fstab ---- */

struct bad {
	char *text;
	size_t size;
};

static void say_bad(const struct bad *bad, const char *file, unsigned line, const char *why)
{
	if (bad->text[0])
		return;
	if (line)
		snprintf(bad->text, bad->size, "%s, line %u: %s", file, line, why);
	else
		snprintf(bad->text, bad->size, "%s: %s", file, why);
}

/* libmount's, of a line that it does not understand; 1: go on. */
static int not_understood(struct libmnt_table *table, const char *file, int line)
{
	say_bad(mnt_table_get_userdata(table), file, (unsigned)line, "not understood, left out");
	return 1;
}

/* 1: taken; 0: not a line of swap, or a bad one; -ENAMETOOLONG. */
static int take(struct libmnt_fs *fs, const char *file, const struct bad *bad,
		struct rzst_fstab_line *line)
{
	const char *source = mnt_fs_get_source(fs), *options = mnt_fs_get_options(fs);
	char why[200], text[512];

	memset(line, 0, sizeof(*line));
	line->how.priority = RZST_PRIORITY_NONE;
	if (!mnt_fs_is_swaparea(fs) || !source)
		return 0;
	if (strlen(source) >= sizeof(line->source)) {
		say_bad(bad, file, 0, "a name of swap that is too long, left out");
		return 0;
	}
	strcpy(line->source, source);
	line->freq = mnt_fs_get_freq(fs);
	line->passno = mnt_fs_get_passno(fs);
	if (options && rzst_swap_options(options, line, why, sizeof(why)) < 0) {
		snprintf(text, sizeof(text), "%s: %s, left out", source, why);
		say_bad(bad, file, 0, text);
		return 0;
	}
	(void)rzst_device_name(source, line->name, sizeof(line->name));
	return 1;
}

static int take_all(struct libmnt_table *table, const char *file, const struct bad *bad,
		    struct rzst_fstab_line **lines)
{
	int nr = mnt_table_get_nents(table), n = 0;
	struct libmnt_iter *i = mnt_new_iter(MNT_ITER_FORWARD);
	struct rzst_fstab_line *v = calloc(nr > 0 ? (size_t)nr : 1, sizeof(*v));
	struct libmnt_fs *fs;

	if (!i || !v) {
		mnt_free_iter(i);
		free(v);
		return -ENOMEM;
	}
	while (n < nr && mnt_table_next_fs(table, i, &fs) == 0)
		n += take(fs, file, bad, &v[n]);
	mnt_free_iter(i);
	*lines = v;
	return n;
}

int rzst_fstab_swaps(const char *path, struct rzst_fstab_line **lines, char *bad, size_t size)
{
	struct bad told = {bad, size};
	char at[RZST_PATH_MAX];
	struct libmnt_table *table;
	int err = 0;

	*lines = NULL;
	bad[0] = '\0';
	if (!path) {
		err = rzst_path(at, sizeof(at), "/etc/fstab");
		path = at;
	}
	if (err < 0)
		return err;
	table = mnt_new_table();
	if (!table)
		return -ENOMEM;
	mnt_table_set_userdata(table, &told);
	mnt_table_set_parser_errcb(table, not_understood);
	err = mnt_table_parse_file(table, path);
	if (err == 0)
		err = take_all(table, path, &told, lines);
	else
		err = err < 0 ? err : -EINVAL;
	mnt_unref_table(table);
	return err;
}

/* Of the machine's; nr is 0 if there is none. */
static int machines_lines(struct rzst_fstab_line **lines)
{
	char bad[256];
	int nr = rzst_fstab_swaps(NULL, lines, bad, sizeof(bad));

	return nr < 0 ? 0 : nr;
}

static bool has(const struct rzst_fstab_line *lines, int nr, const char *name)
{
	for (int i = 0; i < nr; i++)
		if (!lines[i].noauto && strcmp(lines[i].name, name) == 0)
			return true;
	return false;
}

bool rzst_fstab_has(const char *name)
{
	struct rzst_fstab_line *lines;
	int nr = machines_lines(&lines);
	bool found = has(lines, nr, name);

	free(lines);
	return found;
}

void rzst_fstab_mark(struct rzst_areas *areas)
{
	struct rzst_fstab_line *lines;
	int nr = machines_lines(&lines);

	for (unsigned i = 0; i < areas->nr; i++)
		areas->v[i].permanent |= areas->v[i].on && has(lines, nr, areas->v[i].name);
	free(lines);
}
