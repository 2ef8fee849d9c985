/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads /proc/zoneinfo; see headroom.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "headroom.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

bool rzs_headroom_boost_binds(const char *release)
{
	unsigned major, minor;

	if (sscanf(release, "%u.%u", &major, &minor) != 2)
		return true;
	return major < 6 || (major == 6 && minor < 3);
}

int rzs_headroom_open(struct rzs_headroom *r, const char *path)
{
	struct utsname system;

	memset(r, 0, sizeof(*r));
	r->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (r->fd < 0)
		return -errno;
	/* At the first reading the kernel allocates a buffer, which it keeps while fd is open. */
	if (rzs_headroom_bytes(r, false) == UINT64_MAX) {
		rzs_headroom_close(r);
		return -EIO;
	}
	r->boost_binds = uname(&system) < 0 || rzs_headroom_boost_binds(system.release);
	return 0;
}

void rzs_headroom_close(struct rzs_headroom *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
}

/* What follows word, if the line begins with it; otherwise NULL. */
static const char *headroom_value(const char *line, const char *word)
{
	size_t len = strlen(word);

	line += strspn(line, " ");
	return strncmp(line, word, len) == 0 && line[len] == ' ' ? line + len : NULL;
}

/* The largest of "(0, 3019, 15947)": what the zone keeps from requests that others can serve. */
static uint64_t headroom_protection(const char *list)
{
	uint64_t most = 0;
	char *end;

	for (list += strcspn(list, "0123456789"); *list; list = end + strcspn(end, "0123456789")) {
		uint64_t n = strtoull(list, &end, 10);

		most = n > most ? n : most;
	}
	return most;
}

/* Add a zone whose minimum has been read. */
static void headroom_count(struct rzs_headroom *r)
{
	r->all_free += r->free;
	r->all_min += r->min;
	if (r->min >= r->main_min) {
		r->main_min = r->min;
		r->main_free = r->free;
	}
}

/* Parse a line.  After the last one of a zone: true, and its headroom is added to *pages. */
static bool headroom_line(struct rzs_headroom *r, const char *line, bool hungry, uint64_t *pages)
{
	const char *value;

	if ((value = headroom_value(line, "pages free"))) {
		r->free = strtoull(value, NULL, 10);
		r->boost = 0;
		r->min = UINT64_MAX;
	} else if ((value = headroom_value(line, "boost"))) {
		r->boost = strtoull(value, NULL, 10);
	} else if ((value = headroom_value(line, "min"))) {
		r->min = strtoull(value, NULL, 10);
		headroom_count(r);
	} else if ((value = headroom_value(line, "protection:")) && r->min != UINT64_MAX) {
		uint64_t min = r->min, keep;

		if (hungry && !r->boost_binds)
			min -= r->boost < min ? r->boost : min;
		keep = min - min / 8 + headroom_protection(value);
		*pages += r->free > keep ? r->free - keep : 0;
		return true;
	}
	return false;
}

uint64_t rzs_headroom_bytes(struct rzs_headroom *r, bool hungry)
{
	uint64_t pages = 0;
	size_t have = 0;
	off_t at = 0;
	bool any = false;
	ssize_t n;

	r->min = UINT64_MAX;
	r->all_free = r->all_min = r->main_free = r->main_min = 0;
	if (r->fd < 0)
		return UINT64_MAX;
	while ((n = pread(r->fd, r->text + have, sizeof(r->text) - 1 - have, at)) > 0) {
		char *line = r->text, *end;

		at += n;
		have += (size_t)n;
		r->text[have] = '\0';
		while ((end = strchr(line, '\n'))) {
			*end = '\0';
			any |= headroom_line(r, line, hungry, &pages);
			line = end + 1;
		}
		have -= (size_t)(line - r->text);
		if (have == sizeof(r->text) - 1)
			have = 0; /* we need no line that long */
		memmove(r->text, line, have);
	}
	return n < 0 || !any ? UINT64_MAX : pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

bool rzs_headroom_short(struct rzs_headroom *r)
{
	if (rzs_headroom_bytes(r, false) == UINT64_MAX)
		return false;
	return r->all_free < r->all_min / 2 || r->main_free < r->main_min / 2;
}
