/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rzsd's configuration files; see config.h.  conf_read.h has the lines; this has what they mean. */
#include <stdio.h>
#include <string.h>

#include "conf_read.h"
#include "config_private.h"

#define BLANKS " \t\r"

static const struct rzs_config_place nowhere;

enum section {
	SECTION_NONE,  /* before the first section */
	SECTION_WRONG, /* its name was complained about */
	SECTION_SERVER,
	SECTION_DEVICE,
};

struct reader {
	struct rzs_config_sink *sink;
	struct rzs_config_place before; /* the file */
	enum section section;
	char device[RZS_DEVICE_NAME_MAX + 1];
};

static struct rzs_config_place *now(struct reader *r)
{
	return &r->sink->config->now;
}

static void begin_section(void *arg, unsigned line, char *text)
{
	struct reader *r = arg;
	static const char *const names[] = {"server", "device", NULL};
	char *end = strchr(text, ']'), *after = end ? end + 1 + strspn(end + 1, BLANKS) : text;
	char *word, *name, *more, *rest, why[RZS_WHY_MAX];
	const char *meant;

	now(r)->line = line;
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

static void on_pair(void *arg, unsigned line, const char *key, const char *value)
{
	struct reader *r = arg;
	struct rzsd_config *c = r->sink->config;
	char why[RZS_WHY_MAX];
	int err = 0;

	c->now.line = line;
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
}

static bool begin_file(void *arg, const char *name)
{
	struct reader *r = arg;
	struct rzsd_config *c = r->sink->config;

	if (c->nr_files == RZS_CONFIG_FILES || strlen(name) >= sizeof(c->file[0])) {
		rzs_config_complain(r->sink, nowhere, "%.255s: not read: %s", name,
				    c->nr_files == RZS_CONFIG_FILES ? "too many files"
								    : "its path is too long");
		return false;
	}
	r->section = SECTION_NONE;
	r->before = c->now;
	strcpy(c->file[c->nr_files], name);
	c->now = (struct rzs_config_place){c->nr_files++, 0};
	return true;
}

static void end_file(void *arg)
{
	struct reader *r = arg;

	*now(r) = r->before;
}

static void hear(void *arg, unsigned line, const char *text)
{
	struct reader *r = arg;

	if (line)
		now(r)->line = line;
	rzs_config_complain(r->sink, line ? *now(r) : nowhere, "%s", text);
}

static struct rzs_conf conf_for(struct reader *r)
{
	return (struct rzs_conf){
		.arg = r,
		.expected = "KEY = VALUE, [server], [device NAME], or # and a comment",
		.begin = begin_file,
		.end = end_file,
		.section = begin_section,
		.pair = on_pair,
		.complain = hear,
	};
}

void rzs_config_read_stream(struct rzs_config_sink *sink, FILE *f, const char *name)
{
	struct reader r = {.sink = sink};
	const struct rzs_conf conf = conf_for(&r);

	rzs_conf_read_stream(&conf, f, name);
}

unsigned rzs_config_read(struct rzsd_config *c, const char *path,
			 void (*complain)(void *arg, const char *text), void *arg)
{
	struct rzs_config_sink sink = {.config = c, .complain = complain, .arg = arg};
	struct reader r = {.sink = &sink};
	const struct rzs_conf conf = conf_for(&r);

	rzs_conf_read(&conf, path ? path : RZS_CONFIG_FILE, path != NULL);
	return rzs_config_complain_end(&sink);
}
