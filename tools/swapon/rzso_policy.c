/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzso_policy.h. */
#include <stdio.h>
#include <string.h>

#include "rzso_policy.h"
#include "rzst_swapon.h"

#define FIRST 200 /* the kernel's priority for number 0 */
#define STEP  25

static int priority_of(int number)
{
	return FIRST - STEP * number;
}

int rzso_number_of(int priority)
{
	int number = (FIRST - priority) / STEP;

	if (priority > FIRST || number > RZSO_NUMBER_MOST || priority_of(number) != priority)
		return RZSO_NUMBER_NONE;
	return number;
}

const char *rzso_number_text(int priority, char *buf, size_t size)
{
	int number = rzso_number_of(priority);

	if (number != RZSO_NUMBER_NONE)
		snprintf(buf, size, "priority %d (the kernel's %d)", number, priority);
	else if (priority > FIRST)
		snprintf(buf, size, "before priority 0 (the kernel's %d)", priority);
	else if (priority > priority_of(RZSO_NUMBER_MOST))
		snprintf(buf, size, "between priority %d and %d (the kernel's %d)",
			 (FIRST - priority) / STEP, (FIRST - priority) / STEP + 1, priority);
	else
		snprintf(buf, size, "after priority 7 (the kernel's %d)", priority);
	return buf;
}

/* The areas that have this priority; returns how many, and whether one is exclusive. */
static unsigned at_priority(const struct rzst_areas *areas, int priority,
			    const struct rzst_area **v, bool *exclusive)
{
	unsigned nr = 0;

	*exclusive = false;
	for (unsigned i = 0; i < areas->nr; i++) {
		const struct rzst_area *area = &areas->v[i];

		if (!area->on || area->priority != priority)
			continue;
		v[nr++] = area;
		*exclusive |= area->exclusive;
	}
	return nr;
}

/* out->priority and out->number are set; the rest is set here. */
static void judge(const struct rzst_areas *areas, bool exclusive, struct rzso_place *out)
{
	bool taken;
	unsigned nr = at_priority(areas, out->priority, out->in_way, &taken);

	if (exclusive && out->number == 0)
		out->broken = RZSO_RULE_FIRST;
	else if (taken)
		out->broken = RZSO_RULE_EXCLUSIVE;
	else if (exclusive && nr)
		out->broken = RZSO_RULE_ALONE;
	else if (nr >= RZSO_SHARED_MOST)
		out->broken = RZSO_RULE_FOUR;
	else
		out->broken = RZSO_RULE_KEPT;
	out->nr_in_way = out->broken == RZSO_RULE_KEPT || out->broken == RZSO_RULE_FIRST ? 0 : nr;
}

static void set_number(struct rzso_place *out, int number)
{
	out->number = number;
	out->priority = priority_of(number);
}

void rzso_place_choose(const struct rzst_areas *areas, const struct rzso_want *want,
		       struct rzso_place *out)
{
	memset(out, 0, sizeof(*out));
	if (!want->by_number) {
		out->priority = want->priority;
		out->number = rzso_number_of(want->priority);
		if (want->priority != RZST_PRIORITY_NONE)
			judge(areas, want->exclusive, out);
		return;
	}
	if (want->number > RZSO_NUMBER_MOST || want->number < RZSO_NUMBER_ANY) {
		out->number = RZSO_NUMBER_NONE;
		out->priority = RZST_PRIORITY_NONE;
		out->broken = RZSO_RULE_NUMBER;
		return;
	}
	if (want->number != RZSO_NUMBER_ANY) {
		set_number(out, want->number);
		judge(areas, want->exclusive, out);
		return;
	}
	for (int number = 0; number <= RZSO_NUMBER_MOST; number++) {
		set_number(out, number);
		judge(areas, want->exclusive, out);
		if (out->broken == RZSO_RULE_KEPT)
			return;
	}
	out->broken = RZSO_RULE_FULL;
}

int rzso_interleave_of(const struct rzst_areas *areas, const struct rzst_area *area)
{
	int before = 0;

	if (!area->on || area->exclusive)
		return -1;
	for (const struct rzst_area *a = areas->v; a < area; a++)
		before += a->on && a->priority == area->priority;
	return before;
}

/* "/dev/a, /dev/b": those that are in the way. */
static void list_in_way(const struct rzso_place *place, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (unsigned i = 0; i < place->nr_in_way && len < size; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s", i ? ", " : "",
					place->in_way[i]->name);
}

const char *rzso_place_why(const struct rzso_place *place, const struct rzso_want *want, char *buf,
			   size_t size)
{
	char where[64], names[600];

	rzso_number_text(place->priority, where, sizeof(where));
	list_in_way(place, names, sizeof(names));
	buf[0] = '\0';
	switch (place->broken) {
	case RZSO_RULE_KEPT:
		break;
	case RZSO_RULE_NUMBER:
		snprintf(buf, size,
			 "-p %d: expected 0 (used first) to 7, or -1 for the first that can take "
			 "it; for a priority of the kernel's write --priority",
			 want->number);
		break;
	case RZSO_RULE_FIRST:
		snprintf(buf, size,
			 "%s is always interleaved, no area can have it to itself: leave -n out, "
			 "choose 1 to 7, or override it with --force",
			 where);
		break;
	case RZSO_RULE_FOUR:
		snprintf(buf, size,
			 "%s has %u areas, and at most four are interleaved: %s; choose another "
			 "(-p -1 finds one), swapoff one of them, or override it with --force",
			 where, place->nr_in_way, names);
		break;
	case RZSO_RULE_EXCLUSIVE:
		snprintf(buf, size,
			 "%s is exclusive to %s: choose another (-p -1 finds one), swapoff that, "
			 "or override it with --force",
			 where, names);
		break;
	case RZSO_RULE_ALONE:
		snprintf(buf, size,
			 "%s cannot be exclusive, others have it: %s; choose another (-p -1 -n "
			 "finds one), leave -n out, or override it with --force",
			 where, names);
		break;
	case RZSO_RULE_FULL:
		snprintf(buf, size,
			 "no priority from %s can take %s; swapoff an area%s, name a priority of "
			 "the kernel's with --priority, or override it with --force",
			 want->exclusive ? "1 to 7" : "0 to 7",
			 want->exclusive ? "an exclusive area, for each has one already"
					 : "another area, for each has four or an exclusive one",
			 want->exclusive ? ", leave -n out" : "");
		break;
	}
	return buf;
}
