/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -a and names: which areas are to be on, and how. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rzso.h"
#include "rzso_on.h"
#include "rzst.h"
#include "rzst_fstab.h"

/* How many areas were put on, how much that is, and whether one could not be. */
struct tally {
	unsigned nr;
	uint64_t bytes;
	bool failed;
};

static void one(const struct rzso_options *o, const struct rzso_request *r, struct tally *t)
{
	uint64_t made;
	int err = rzso_on(o, r, &made);

	t->failed |= err < 0;
	t->nr += err == 0;
	t->bytes += made;
}

/* What the command line says of all. */
static struct rzso_request by_options(const struct rzso_options *o)
{
	return (struct rzso_request){
		.want = o->want,
		.discard_given = o->discard_given,
		.discard = o->discard,
		.if_exists = o->if_exists,
	};
}

/* What stands in an options field overrides that. */
static void override(const struct rzst_fstab_line *line, struct rzso_request *r)
{
	if (line->has_priority) {
		r->want.by_number = false;
		r->want.priority = line->how.priority;
	}
	if (line->how.discard != RZST_DISCARD_NONE) {
		r->discard_given = true;
		r->discard = line->how.discard;
	}
	r->if_exists |= line->nofail;
}

/* ---- fstab ---- */

/*
 * RISC iX's fields 5 and 6.  0, or -EINVAL: they cannot be that, and line is left out.
 */
static int take_fields(const struct rzst_fstab_line *line, struct rzso_request *r)
{
	if (line->freq < RZSO_NUMBER_ANY || line->freq > RZSO_NUMBER_MOST || line->passno < 0 ||
	    line->passno > 1)
		return rzst_fail(-EINVAL,
				 "%s: \"%d %d\" at the end of its line in fstab: expected a "
				 "priority from 0 to 7, or -1, and 1 for interleaved or 0 for "
				 "exclusive",
				 line->source, line->freq, line->passno);
	r->want = (struct rzso_want){
		.by_number = true,
		.number = line->freq,
		.exclusive = line->passno == 0,
	};
	return 0;
}

static void one_line(const struct rzso_options *o, const struct rzst_fstab_line *line,
		     struct tally *t)
{
	struct rzso_request r = by_options(o);

	if (line->noauto) {
		if (o->verbose)
			rzst_say("%s: noauto stands in fstab, left out", line->source);
		return;
	}
	if (o->riscix_fstab && take_fields(line, &r) < 0) {
		t->failed = true;
		return;
	}
	if (!o->riscix_fstab)
		override(line, &r);
	else
		r.if_exists |= line->nofail;
	r.given = line->source;
	r.unless_on = true;
	r.permanent = true;
	/* pri= is the kernel's: who wrote it knew no other rules. */
	r.rules_only_said = !r.want.by_number;
	one(o, &r, t);
}

static void all_of_fstab(const struct rzso_options *o, struct tally *t)
{
	struct rzst_fstab_line *lines;
	char bad[512];
	int nr = rzst_fstab_swaps(o->fstab, &lines, bad, sizeof(bad));

	if (*bad) {
		rzst_say("%s", bad);
		t->failed = true;
	}
	if (nr < 0) {
		rzst_say("cannot read %s: %s", o->fstab ? o->fstab : "fstab", strerror(-nr));
		t->failed = true;
		return;
	}
	for (int i = 0; i < nr; i++)
		one_line(o, &lines[i], t);
	free(lines);
	if (o->dry_run)
		return;
	printf("%llu KiB of swap space made available in %u area%s\n",
	       (unsigned long long)t->bytes / 1024, t->nr, t->nr == 1 ? "" : "s");
}

/* ---- names ---- */

int rzso_cmd_on(const struct rzso_options *o)
{
	struct rzst_fstab_line line;
	struct tally t = {0, 0, false};
	char bad[256];

	memset(&line, 0, sizeof(line));
	line.how.priority = RZST_PRIORITY_NONE;
	if (o->options && rzst_swap_options(o->options, &line, bad, sizeof(bad)) < 0)
		return rzst_fail(RZSO_EXIT_USAGE, "-o %s: %s", o->options, bad);
	if (o->all)
		all_of_fstab(o, &t);
	for (size_t i = 0; i < o->nr_names; i++) {
		struct rzso_request r = by_options(o);

		if (o->options)
			override(&line, &r);
		r.given = o->names[i];
		one(o, &r, &t);
	}
	return t.failed ? RZSO_EXIT_FAILED : RZSO_EXIT_DONE;
}
