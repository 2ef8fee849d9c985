/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a swap area goes: RISC iX's priorities, 0 (used first) to 7, on the kernel's, 0 to 32767 of
 * which the highest is used first.  Number p is the kernel's 200 - 25 * p.
 *
 * Areas of one priority are interleaved, at most four; or one has the priority to itself, which is
 * then exclusive.  The kernel knows equal priorities only: the other rules are kept here.
 *
 * All are pure functions.
 */
#ifndef RZSO_POLICY_H
#define RZSO_POLICY_H

#include "rzst_area.h"

#define RZSO_NUMBER_MOST 7
#define RZSO_NUMBER_ANY	 (-1) /* of -p: the lowest that can take it */
#define RZSO_NUMBER_NONE (-2) /* a priority of the kernel's that is none of the eight */

#define RZSO_SHARED_MOST 4u /* areas that are interleaved */

enum rzso_rule {
	RZSO_RULE_KEPT,
	RZSO_RULE_NUMBER,    /* there is no such number; what follows can be overridden */
	RZSO_RULE_FIRST,     /* 0 is always interleaved */
	RZSO_RULE_FOUR,	     /* at most four are interleaved */
	RZSO_RULE_EXCLUSIVE, /* another area has the priority to itself */
	RZSO_RULE_ALONE,     /* the area wants it to itself, and others have it */
	RZSO_RULE_FULL,	     /* of RZSO_NUMBER_ANY: none can take it */
};

struct rzso_want {
	bool by_number; /* number is RISC iX's, else priority is the kernel's */
	int number;	/* 0 to 7, or RZSO_NUMBER_ANY */
	int priority;	/* the kernel's, or RZST_PRIORITY_NONE: the kernel chooses */
	bool exclusive;
};

struct rzso_place {
	int number;   /* 0 to 7, or RZSO_NUMBER_NONE */
	int priority; /* the kernel's, or RZST_PRIORITY_NONE */
	enum rzso_rule broken;
	unsigned nr_in_way; /* the areas because of which it is */
	const struct rzst_area *in_way[RZST_AREAS_MAX];
};

/*
 * Choose the place among the areas that are on.  If a rule is broken the place is still where the
 * area goes when that is overridden, except for RZSO_RULE_NUMBER.  in_way points into areas.
 */
void rzso_place_choose(const struct rzst_areas *areas, const struct rzso_want *want,
		       struct rzso_place *out);

/* Why the rule is not kept, which areas are in the way, and the way out.  Returns buf. */
const char *rzso_place_why(const struct rzso_place *place, const struct rzso_want *want, char *buf,
			   size_t size);

/* The number of a priority of the kernel's, or RZSO_NUMBER_NONE. */
int rzso_number_of(int priority);

/* Both numbers: "priority 4 (the kernel's 100)".  Returns buf. */
const char *rzso_number_text(int priority, char *buf, size_t size);

/*
 * Which one of those that are interleaved an area is, from 0, in the kernel's order; -1: none, it
 * is exclusive or off.
 */
int rzso_interleave_of(const struct rzst_areas *areas, const struct rzst_area *area);

#endif
