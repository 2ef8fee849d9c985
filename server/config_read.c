/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rzsd's configuration files; see config.h.
 *
 * libinih takes a line apart into key, value and comment.  It is given one line at a time by a
 * reader of ours, so that every complaint knows its line, and also what libinih does not tell is
 * seen: a section that is empty, a line that is too long or makes no sense, each of them.  The
 * reader strips white space in front, or an indented line would go on the one above.
 */
#include <dirent.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_private.h"

#define LINE_LENGTH_MAX 190u	   /* libinih has room for 197, unless it was built otherwise */
#define FILE_BYTES_MAX	(1u << 20) /* more is no configuration */
#define BLANKS		" \t\r"

static const struct rzs_config_place nowhere;

enum section {
	SECTION_NONE,  /* before the first */
	SECTION_WRONG, /* one complaint about its name is enough */
	SECTION_SERVER,
	SECTION_DEVICE,
};

struct reader {
	struct rzs_config_sink *sink;
	FILE *f;
	size_t bytes;
	enum section section;
	char device[RZS_DEVICE_NAME_MAX + 1];
	bool pending; /* for libinih to make key and value of the line that it was given */
};

static struct rzs_config_place *now(struct reader *r)
{
	return &r->sink->config->now;
}

/* What was given to libinih and did not come back was neither a section nor KEY = VALUE. */
static void complain_if_pending(struct reader *r)
{
	if (r->pending)
		rzs_config_complain(
			r->sink, *now(r),
			"not understood: expected KEY = VALUE, [server], [device NAME], or "
			"# and a comment");
	r->pending = false;
}

/*
 * The next line into line, without its end, and empty when there was something wrong with it.  max:
 * bytes it may have.  false: there is none.
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
		rzs_config_complain(r->sink, *now(r), "over %u bytes of file; the rest is not read",
				    FILE_BYTES_MAX);
	else if (zero)
		rzs_config_complain(r->sink, *now(r), "a zero byte: this is no text");
	else if (len > max)
		rzs_config_complain(r->sink, *now(r),
				    "longer than %zu bytes; a list may be given in several lines",
				    max);
	return true;
}

/* text: from [ to the end of the line, which is cut up. */
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
		rzs_config_complain(r->sink, *now(r),
				    "[server]: there is only one, without a name");
	} else if (strcmp(word, "device") == 0 && !name) {
		rzs_config_complain(r->sink, *now(r), "[device]: it needs a name: [device swap0]");
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

/* For libinih: the next line in str, of num bytes.  NULL: there is none. */
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

/* For libinih: a key and its value.  What is wrong with them is said here; it need not know. */
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
		rzs_config_complain(r->sink, c->now,
				    "%s=%s: in no section; put [server] or [device NAME] above it",
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
				    strstr(value, " #") ? "; behind a value a comment begins with ;"
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
		rzs_config_complain(sink, nowhere, "%s: not read: no memory", name);
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

/* By bytes: alphasort() would go by the language of whoever starts the server. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void read_drop_ins(struct rzs_config_sink *sink, const char *path)
{
	char folder[PATH_MAX], file[PATH_MAX + NAME_MAX + 2];
	struct dirent **entries;
	int nr;

	snprintf(folder, sizeof(folder), "%s.d", path);
	nr = scandir(folder, &entries, is_drop_in, by_name);
	if (nr < 0 && errno != ENOENT)
		rzs_config_complain(sink, nowhere, "%.255s: cannot be read: %s", folder,
				    strerror(errno));
	for (int i = 0; i < nr; i++) {
		snprintf(file, sizeof(file), "%s/%s", folder, entries[i]->d_name);
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
