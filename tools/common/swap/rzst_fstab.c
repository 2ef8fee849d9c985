/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzst_fstab.h. */
#include "rzst_fstab.h"

#include <errno.h>
#include <limits.h>
#include <libmount/libmount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rzst.h"

/* ---- names ---- */

/* How many bytes of path are RZS_SYSROOT, which is not part of names. */
static size_t root_bytes(const char *path)
{
	const char *root = getenv("RZS_SYSROOT");
	char real[PATH_MAX];
	size_t len;

	if (!root || !*root || !realpath(root, real))
		return 0;
	len = strlen(real);
	return strncmp(path, real, len) == 0 && path[len] == '/' ? len : 0;
}

static int by_path(const char *given, char *out, size_t size)
{
	char at[RZST_PATH_MAX], real[PATH_MAX];
	size_t skip;

	if (given[0] == '/' ? rzst_path(at, sizeof(at), given) < 0
			    : (size_t)snprintf(at, sizeof(at), "%s", given) >= sizeof(at))
		return -ENAMETOOLONG;
	if (!realpath(at, real))
		return errno == ENOTDIR ? -ENOENT : -errno;
	skip = root_bytes(real);
	if (strlen(real + skip) >= size)
		return -ENAMETOOLONG;
	strcpy(out, real + skip);
	return 0;
}

/* The value behind LABEL= and its like; NULL: it is a path.  *tag is without the "=". */
static const char *tag_value(const char *given, const char **tag)
{
	static const char *const tags[] = {"LABEL", "UUID", "PARTLABEL", "PARTUUID"};

	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		size_t len = strlen(tags[i]);

		if (strncmp(given, tags[i], len) == 0 && given[len] == '=') {
			*tag = tags[i];
			return given + len + 1;
		}
	}
	return NULL;
}

/* value may stand in quotation marks, as in fstab. */
static int by_tag(const char *tag, const char *value, char *out, size_t size)
{
	char text[256], *path;
	size_t len = strlen(value);
	int err;

	if (len >= 2 && (value[0] == '"' || value[0] == '\'') && value[len - 1] == value[0]) {
		value++;
		len -= 2;
	}
	if (len == 0)
		return -EINVAL;
	if (len >= sizeof(text))
		return -ENAMETOOLONG;
	memcpy(text, value, len);
	text[len] = '\0';
	path = mnt_resolve_tag(tag, text, NULL);
	if (!path)
		return -ENOENT;
	err = by_path(path, out, size);
	free(path);
	return err;
}

int rzst_device_name(const char *given, char *out, size_t size)
{
	const char *tag, *value = tag_value(given, &tag);

	out[0] = '\0';
	if (!*given)
		return -EINVAL;
	return value ? by_tag(tag, value, out, size) : by_path(given, out, size);
}

/* ---- options ---- */

static bool is_word(const char *text, size_t len, const char *word)
{
	return strlen(word) == len && strncmp(text, word, len) == 0;
}

static int take_priority(const char *value, size_t len, struct rzst_fstab_line *line, char *bad,
			 size_t size)
{
	bool negative = len && value[0] == '-';
	char text[16] = "";
	uint64_t n;

	if (len < sizeof(text))
		memcpy(text, value, len);
	if (rzst_number_parse(text + negative, &n) < 0 || n > RZST_PRIORITY_MOST) {
		snprintf(bad, size, "pri=%.*s: expected a number from 0 to %d",
			 (int)(len < 40 ? len : 40), value, RZST_PRIORITY_MOST);
		return -EINVAL;
	}
	/* As the kernel's users write it: negative is its own choice. */
	line->has_priority = true;
	line->how.priority = negative ? RZST_PRIORITY_NONE : (int)n;
	return 0;
}

static int take_discard(const char *value, size_t len, struct rzst_fstab_line *line, char *bad,
			size_t size)
{
	if (len == 0) {
		line->how.discard = RZST_DISCARD_BOTH;
	} else if (is_word(value, len, "once")) {
		line->how.discard = RZST_DISCARD_ONCE;
	} else if (is_word(value, len, "pages")) {
		line->how.discard = RZST_DISCARD_PAGES;
	} else {
		snprintf(bad, size, "discard=%.*s: expected once or pages",
			 (int)(len < 40 ? len : 40), value);
		return -EINVAL;
	}
	return 0;
}

/* What is not known belongs to others: x-systemd.*, sw, defaults. */
static int take_option(const char *name, size_t len, const char *value, size_t value_len,
		       struct rzst_fstab_line *line, char *bad, size_t size)
{
	if (is_word(name, len, "noauto"))
		line->noauto = true;
	else if (is_word(name, len, "nofail"))
		line->nofail = true;
	else if (is_word(name, len, "pri"))
		return take_priority(value, value_len, line, bad, size);
	else if (is_word(name, len, "discard"))
		return take_discard(value, value_len, line, bad, size);
	return 0;
}

int rzst_swap_options(const char *options, struct rzst_fstab_line *line, char *bad, size_t size)
{
	const char *at = options;

	bad[0] = '\0';
	line->has_priority = false;
	line->how = (struct rzst_swapon_how){RZST_PRIORITY_NONE, RZST_DISCARD_NONE};
	while (*at) {
		size_t len = strcspn(at, ","), name = strcspn(at, ",=");
		const char *value = at + name + (name < len);
		int err = take_option(at, name, value, len - (size_t)(value - at), line, bad, size);

		if (err < 0)
			return err;
		at += len + (at[len] == ',');
	}
	return 0;
}

/* ---- lines ---- */

/* What libmount calls for a line that it cannot read: where that was.  One thread. */
static char *first_bad;
static size_t first_bad_size;

static int note_bad(struct libmnt_table *table, const char *file, int number)
{
	(void)table;
	if (!*first_bad)
		snprintf(first_bad, first_bad_size, "%s, line %d: not understood, left out", file,
			 number);
	return 1; /* go on */
}

/* 0, or -EINVAL: it is not understood. */
static int take_line(struct libmnt_fs *fs, struct rzst_fstab_line *line, char *bad, size_t size)
{
	const char *source = mnt_fs_get_source(fs), *options = mnt_fs_get_options(fs);
	char why[128];

	memset(line, 0, sizeof(*line));
	if (!source || strlen(source) >= sizeof(line->source)) {
		snprintf(bad, size, "a swap line of fstab has no name, or one that is too long");
		return -EINVAL;
	}
	strcpy(line->source, source);
	if (rzst_swap_options(options ? options : "", line, why, sizeof(why)) < 0) {
		snprintf(bad, size, "%s in fstab: %s", source, why);
		return -EINVAL;
	}
	(void)rzst_device_name(source, line->name, sizeof(line->name));
	line->freq = mnt_fs_get_freq(fs);
	line->passno = mnt_fs_get_passno(fs);
	return 0;
}

/* -ENOMEM, or how many. */
static int take_lines(struct libmnt_table *table, struct rzst_fstab_line **lines, char *bad,
		      size_t size)
{
	struct libmnt_iter *itr = mnt_new_iter(MNT_ITER_FORWARD);
	int room = mnt_table_get_nents(table), nr = 0;
	struct libmnt_fs *fs;
	char why[256];

	*lines = itr ? calloc((size_t)room + 1, sizeof(**lines)) : NULL;
	if (!*lines) {
		mnt_free_iter(itr);
		return -ENOMEM;
	}
	while (nr < room && mnt_table_next_fs(table, itr, &fs) == 0) {
		if (!mnt_fs_is_swaparea(fs))
			continue;
		if (take_line(fs, &(*lines)[nr], why, sizeof(why)) == 0)
			nr++;
		else if (!*bad)
			snprintf(bad, size, "%s", why);
	}
	mnt_free_iter(itr);
	return nr;
}

int rzst_fstab_swaps(const char *path, struct rzst_fstab_line **lines, char *bad, size_t size)
{
	struct libmnt_table *table;
	char at[RZST_PATH_MAX];
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
	first_bad = bad;
	first_bad_size = size;
	mnt_table_set_parser_errcb(table, note_bad);
	err = mnt_table_parse_fstab(table, path);
	if (err == 0)
		err = take_lines(table, lines, bad, size);
	else if (err > 0)
		err = -EINVAL;
	mnt_unref_table(table);
	return err;
}
