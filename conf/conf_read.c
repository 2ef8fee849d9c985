/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See conf_read.h.
 *
 * libinih splits a line into key, value and comment.  A reader of our own passes it one line at a
 * time.  So each complaint knows its line, and the reader sees what libinih does not report: an
 * empty section, a line that is too long, a line that makes no sense.  The reader removes leading
 * white space, because libinih takes an indented line for a continuation.
 */
#include "conf_read.h"

#include <dirent.h>
#include <errno.h>
#include <ini.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define LINE_LENGTH_MAX 190u	   /* libinih takes 197, unless it was built otherwise */
#define FILE_BYTES_MAX	(1u << 20) /* a larger file is not a configuration */
#define BLANKS		" \t\r"

struct reader {
	const struct rzs_conf *conf;
	FILE *f;
	size_t bytes;
	unsigned line;
	bool pending; /* libinih has a line, and has not returned its key and value */
	char word[LINE_LENGTH_MAX + 1]; /* of that line, the first one if it is the only one */
};

__attribute__((format(printf, 3, 4))) static void complain(const struct rzs_conf *conf,
							   unsigned line, const char *fmt, ...)
{
	char text[RZS_CONF_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	conf->complain(conf->arg, line, text);
}

/* A line that libinih does not return was neither a section nor KEY = VALUE. */
static void complain_if_pending(struct reader *r)
{
	const struct rzs_conf *conf = r->conf;

	if (r->pending && !(*r->word && conf->bare && conf->bare(conf->arg, r->line, r->word)))
		complain(r->conf, r->line, "expected %s", r->conf->expected);
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
	r->line++;
	line[len <= max && !zero && r->bytes <= FILE_BYTES_MAX ? len : 0] = '\0';
	if (r->bytes > FILE_BYTES_MAX)
		complain(r->conf, r->line, "the file is larger than %u bytes; the rest is ignored",
			 FILE_BYTES_MAX);
	else if (zero)
		complain(r->conf, r->line, "a zero byte: this is not a text file");
	else if (len > max)
		complain(r->conf, r->line,
			 "longer than %zu bytes; a list may be split into several lines", max);
	return true;
}

/* A comment may follow the word. */
static void keep_word(struct reader *r, const char *line)
{
	size_t len = strcspn(line, BLANKS ";"), next = len + strspn(line + len, BLANKS);

	r->word[0] = '\0';
	if (len && len <= LINE_LENGTH_MAX && (!line[next] || strchr("#;", line[next]))) {
		memcpy(r->word, line, len);
		r->word[len] = '\0';
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
	if (r->line == 1 && strncmp(str, bom, strlen(bom)) == 0)
		skip = strlen(bom);
	skip += strspn(str + skip, BLANKS);
	memmove(str, str + skip, strlen(str + skip) + 1);
	if (*str == '[') {
		r->conf->section(r->conf->arg, r->line, str);
		*str = '\0';
	}
	r->pending = *str && !strchr("#;", *str);
	keep_word(r, str);
	strcat(str, "\n");
	return str;
}

/* For libinih: a key and its value.  Errors are reported by their owner; to libinih all is well. */
static int on_pair(void *user, const char *section, const char *key, const char *value)
{
	struct reader *r = user;

	(void)section;
	if (!value)
		return 1;
	r->pending = false;
	r->conf->pair(r->conf->arg, r->line, key, value);
	return 1;
}

void rzs_conf_read_stream(const struct rzs_conf *conf, FILE *f, const char *name)
{
	struct reader r = {.conf = conf, .f = f};

	if (!conf->begin(conf->arg, name))
		return;
	if (ini_parse_stream(next_line, &r, on_pair, &r) < 0)
		complain(conf, 0, "%s: not read: out of memory", name);
	else if (ferror(f))
		complain(conf, 0, "%s: cannot be read: %s", name, strerror(errno));
	conf->end(conf->arg);
}

static void read_file(const struct rzs_conf *conf, const char *path, bool must_exist)
{
	FILE *f = fopen(path, "re");

	if (f) {
		rzs_conf_read_stream(conf, f, path);
		fclose(f);
	} else if (must_exist || errno != ENOENT) {
		complain(conf, 0, "%.255s: cannot be read: %s", path, strerror(errno));
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

void rzs_conf_read(const struct rzs_conf *conf, const char *path, bool must_exist)
{
	char dir[PATH_MAX], file[PATH_MAX + NAME_MAX + 2];
	struct dirent **entries;
	int nr;

	read_file(conf, path, must_exist);
	snprintf(dir, sizeof(dir), "%s.d", path);
	nr = scandir(dir, &entries, is_drop_in, by_name);
	if (nr < 0 && errno != ENOENT)
		complain(conf, 0, "%.255s: cannot be read: %s", dir, strerror(errno));
	for (int i = 0; i < nr; i++) {
		snprintf(file, sizeof(file), "%s/%s", dir, entries[i]->d_name);
		read_file(conf, file, true);
		free(entries[i]);
	}
	if (nr >= 0)
		free(entries);
}
