/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rzsd's configuration files; see config.h.
 *
 * libinih splits a line into key, value and comment.  A reader of our own passes it one line at a
 * time.  So each complaint knows its line, and the reader sees what libinih does not report: an
 * empty section, a line that is too long, a line that makes no sense.  The reader removes leading
 * white space, because libinih takes an indented line for a continuation.
 */
#include <dirent.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_private.h"

#define LINE_LENGTH_MAX 190u	   /* libinih takes 197, unless it was built otherwise */
#define FILE_BYTES_MAX	(1u << 20) /* a larger file is not a configuration */
#define BLANKS		" \t\r"

static const struct rzs_config_place nowhere;

enum section {
	SECTION_NONE,  /* before the first section */
	SECTION_WRONG, /* its name was complained about */
	SECTION_SERVER,
	SECTION_DEVICE,
};

struct reader {
	struct rzs_config_sink *sink;
	FILE *f;
	size_t bytes;
	enum section section;
	char device[RZS_DEVICE_NAME_MAX + 1];
	bool pending; /* libinih has a line, and has not returned its key and value */
};

static struct rzs_config_place *now(struct reader *r)
{
	return &r->sink->config->now;
}

/* A line that libinih does not return was neither a section nor KEY = VALUE. */
static void complain_if_pending(struct reader *r)
{
	if (r->pending)
		rzs_config_complain(
			r->sink, *now(r),
			"expected KEY = VALUE, [server], [device NAME], or # and a comment");
	r->pending = false;
}

/*
 * Read the next line, without its LF; a wrong one is reported, and left empty.  max: bytes it may
 * have.  false: end of file.
 */
static bool read_line(struct reader *r, char *line, size_t max)
{
	bool zero = false;
	size_t len = 0;
	int c;

	while ((c = getc(r->f)) != EOF && r->bytes++ < FILE_BYTES_MAX && c != '\n') {
		zero |= c == '\0';
		if (len < max)
			line[len] = (char)c;
		len++;
	}
	if (c == EOF && len == 0)
		return false;
	now(r)->line++;
	line[len <= max && !zero && r->bytes <= FILE_BYTES_MAX ? len : 0] = '\0';
	if (r->bytes > FILE_BYTES_MAX)
		rzs_config_complain(r->sink, *now(r),
				    "the file is larger than %u bytes; the rest is ignored",
				    FILE_BYTES_MAX);
	else if (zero)
		rzs_config_complain(r->sink, *now(r), "a zero byte: this is not a text file");
	else if (len > max)
		rzs_config_complain(r->sink, *now(r),
				    "longer than %zu bytes; a list may be split into several lines",
				    max);
	return true;
}

/* text: from [ to the end of the line; it is overwritten. */
static void begin_section(struct reader *r, char *text)
{
	static const char *const names[] = {"server", "device", NULL};
	char *end = strchr(text, ']'), *after = end ? end + 1 + strspn(end + 1, BLANKS) : text;
	char *word, *name, *more, *rest, why[RZS_WHY_MAX];
	const char *meant;

	r->section = SECTION_WRONG;
	if (end)
		*end = '\0';
	word = strtok_r(text + 1, BLANKS, &rest);
	name = strtok_r(NULL, BLANKS, &rest);
	more = strtok_r(NULL, BLANKS, &rest);
	if (!end || !word || more || (*after && !strchr("#;", *after))) {
		rzs_config_complain(r->sink, *now(r), "expected [server] or [device NAME]");
	} else if (strcmp(word, "server") == 0 && !name) {
		r->section = SECTION_SERVER;
	} else if (strcmp(word, "server") == 0) {
		rzs_config_complain(r->sink, *now(r), "[server]: this section has no name");
	} else if (strcmp(word, "device") == 0 && !name) {
		rzs_config_complain(r->sink, *now(r),
				    "[device]: a name is missing, as in [device swap0]");
	} else if (strcmp(word, "device") == 0) {
		if (rzs_config_set_device(r->sink->config, name, NULL, NULL, why) < 0) {
			rzs_config_complain(r->sink, *now(r), "%s", why);
			return;
		}
		strcpy(r->device, name);
		r->section = SECTION_DEVICE;
	} else {
		meant = rzs_value_nearest(word, names);
		rzs_config_complain(r->sink, *now(r), "[%s]: no such section; %s [%s]", word,
				    meant ? "did you mean" : "there are [device NAME] and",
				    meant ? meant : "server");
	}
}

/* For libinih: the next line into str, num bytes.  NULL: end of file. */
static char *next_line(char *str, int num, void *stream)
{
	static const char bom[] = "\xef\xbb\xbf";
	struct reader *r = stream;
	size_t max = (size_t)num - 2, skip = 0;

	complain_if_pending(r);
	if (r->bytes > FILE_BYTES_MAX ||
	    !read_line(r, str, max < LINE_LENGTH_MAX ? max : LINE_LENGTH_MAX))
		return NULL;
	if (now(r)->line == 1 && strncmp(str, bom, strlen(bom)) == 0)
		skip = strlen(bom);
	skip += strspn(str + skip, BLANKS);
	memmove(str, str + skip, strlen(str + skip) + 1);
	if (*str == '[') {
		begin_section(r, str);
		*str = '\0';
	}
	r->pending = *str && !strchr("#;", *str);
	strcat(str, "\n");
	return str;
}

/* For libinih: a key and its value.  Errors are reported here; to libinih all is well. */
static int on_pair(void *user, const char *section, const char *key, const char *value)
{
	struct reader *r = user;
	struct rzsd_config *c = r->sink->config;
	char why[RZS_WHY_MAX];
	int err = 0;

	(void)section;
	if (!value)
		return 1;
	r->pending = false;
	switch (r->section) {
	case SECTION_NONE:
		rzs_config_complain(
			r->sink, c->now,
			"%s=%s: before the first section; put [server] or [device NAME] above it",
			key, value);
		break;
	case SECTION_WRONG:
		break;
	case SECTION_SERVER:
		err = rzs_config_set(c, key, value, why);
		break;
	case SECTION_DEVICE:
		err = rzs_config_set_device(c, r->device, key, value, why);
		break;
	}
	if (err < 0)
		rzs_config_complain(r->sink, c->now, "%s%s", why,
				    strstr(value, " #") ? "; after a value a comment begins with ;"
							: "");
	return 1;
}

void rzs_config_read_stream(struct rzs_config_sink *sink, FILE *f, const char *name)
{
	struct reader r = {.sink = sink, .f = f};
	struct rzsd_config *c = sink->config;
	const struct rzs_config_place before = c->now;

	if (c->nr_files == RZS_CONFIG_FILES || strlen(name) >= sizeof(c->file[0])) {
		rzs_config_complain(sink, nowhere, "%.255s: not read: %s", name,
				    c->nr_files == RZS_CONFIG_FILES ? "too many files"
								    : "its path is too long");
		return;
	}
	strcpy(c->file[c->nr_files], name);
	c->now = (struct rzs_config_place){c->nr_files++, 0};
	if (ini_parse_stream(next_line, &r, on_pair, &r) < 0)
		rzs_config_complain(sink, nowhere, "%s: not read: out of memory", name);
	else if (ferror(f))
		rzs_config_complain(sink, nowhere, "%s: cannot be read: %s", name, strerror(errno));
	c->now = before;
}

static void read_file(struct rzs_config_sink *sink, const char *path, bool must_exist)
{
	FILE *f = fopen(path, "re");

	if (f) {
		rzs_config_read_stream(sink, f, path);
		fclose(f);
	} else if (must_exist || errno != ENOENT) {
		rzs_config_complain(sink, nowhere, "%.255s: cannot be read: %s", path,
				    strerror(errno));
	}
}

static int is_drop_in(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 5 && strcmp(entry->d_name + len - 5, ".conf") == 0;
}

/* By bytes; alphasort() depends on the user's locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void read_drop_ins(struct rzs_config_sink *sink, const char *path)
{
	char dir[PATH_MAX], file[PATH_MAX + NAME_MAX + 2];
	struct dirent **entries;
	int nr;

	snprintf(dir, sizeof(dir), "%s.d", path);
	nr = scandir(dir, &entries, is_drop_in, by_name);
	if (nr < 0 && errno != ENOENT)
		rzs_config_complain(sink, nowhere, "%.255s: cannot be read: %s", dir,
				    strerror(errno));
	for (int i = 0; i < nr; i++) {
		snprintf(file, sizeof(file), "%s/%s", dir, entries[i]->d_name);
		read_file(sink, file, true);
		free(entries[i]);
	}
	if (nr >= 0)
		free(entries);
}

unsigned rzs_config_read(struct rzsd_config *c, const char *path,
			 void (*complain)(void *arg, const char *text), void *arg)
{
	struct rzs_config_sink sink = {.config = c, .complain = complain, .arg = arg};

	read_file(&sink, path ? path : RZS_CONFIG_FILE, path != NULL);
	read_drop_ins(&sink, path ? path : RZS_CONFIG_FILE);
	return rzs_config_complain_end(&sink);
}
