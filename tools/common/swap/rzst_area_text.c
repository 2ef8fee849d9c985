/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzst_area_text.h. */
#include "rzst_area_text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define HEAD	 "rzs-areas 1 "
#define LINE_MAX (4 * 256u + 256u) /* bytes: a name of which each is escaped, and the rest */

static void write_name(FILE *f, const char *name)
{
	for (const unsigned char *c = (const unsigned char *)name; *c; c++)
		if (isspace(*c) || *c == '\\')
			fprintf(f, "\\%03o", *c);
		else
			putc(*c, f);
	putc('\n', f);
}

void rzst_areas_write(FILE *f, const char *boot, const struct rzst_areas *areas)
{
	fprintf(f, HEAD "%s\n", boot);
	for (unsigned i = 0; i < areas->nr; i++) {
		const struct rzst_area *a = &areas->v[i];

		fprintf(f, "%s %d %d %d %" PRIu64 " %" PRId64 " %" PRIu64 " %d %" PRId64 " ",
			rzst_area_state_name(a->state), a->exclusive, a->permanent, (int)a->helper,
			a->helper_start, a->since, a->used_at_start, a->error, a->retry_at);
		write_name(f, a->name);
	}
	fputs("end\n", f);
}

static int parse_state(const char *word, enum rzst_area_state *out)
{
	for (enum rzst_area_state s = RZST_AREA_ON; s <= RZST_AREA_FAILED; s++)
		if (strcmp(word, rzst_area_state_name(s)) == 0) {
			*out = s;
			return 0;
		}
	return -EILSEQ;
}

/* One area's line, which is changed. */
static int parse_area(char *line, struct rzst_areas *out)
{
	struct rzst_area *a;
	int exclusive, permanent, helper, error, at = 0;
	uint64_t start, used;
	int64_t since, retry;
	char state[16];

	if (sscanf(line, "%15s %d %d %d %" SCNu64 " %" SCNd64 " %" SCNu64 " %d %" SCNd64 " %n",
		   state, &exclusive, &permanent, &helper, &start, &since, &used, &error, &retry,
		   &at) != 9 ||
	    at == 0 || helper < 0 || error > 0)
		return -EILSEQ;
	rzst_swaps_decode(line + at);
	if (!line[at] || rzst_area_find(out, line + at))
		return -EILSEQ;
	a = rzst_area_add(out, line + at);
	if (!a || parse_state(state, &a->state) < 0)
		return -EILSEQ;
	a->exclusive = exclusive != 0;
	a->permanent = permanent != 0;
	a->helper = helper;
	a->helper_start = start;
	a->since = since;
	a->used_at_start = used;
	a->error = error;
	a->retry_at = retry;
	return 0;
}

static int parse(struct rzst_lines *l, const char *boot, struct rzst_areas *out, unsigned *at)
{
	char line[LINE_MAX];
	int got;

	for (*at = 1; (got = rzst_lines_next(l, line, sizeof(line))) > 0; ++*at) {
		if (!l->whole)
			return -EILSEQ;
		if (*at > 1 && strcmp(line, "end") == 0)
			return rzst_lines_next(l, line, sizeof(line)) == 0 ? 0 : -EILSEQ;
		if (*at == 1 && strncmp(line, HEAD, strlen(HEAD)) != 0)
			return -EILSEQ;
		if (*at == 1 && strcmp(line + strlen(HEAD), boot) != 0)
			return -ESTALE;
		if (*at > 1 && parse_area(line, out) < 0)
			return -EILSEQ;
	}
	return got < 0 ? got : -EILSEQ;
}

int rzst_areas_parse(struct rzst_lines *l, const char *boot, struct rzst_areas *out, unsigned *line)
{
	int err;

	memset(out, 0, sizeof(*out));
	err = parse(l, boot, out, line);
	if (err < 0)
		memset(out, 0, sizeof(*out));
	return err;
}
