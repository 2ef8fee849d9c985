/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzso_on.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rzso_check.h"
#include "rzso_on.h"
#include "rzst.h"
#include "rzst_fstab.h"
#include "rzst_ours.h"

#define LOCK_SECONDS 60u /* that another command may take */

#define NAME_MAX_TEXT 256u

/* What is done under the lock. */
struct doing {
	const struct rzso_options *o;
	const struct rzso_request *r;
	const char *name;
	struct rzst_swapon_how how;
	bool permanent;
	struct rzso_place place;
	bool begun; /* turn_on() was called */
	int result; /* its */
};

/* ---- under the lock ---- */

static const char *discard_text(enum rzst_discard discard)
{
	static const char *const texts[] = {
		[RZST_DISCARD_NONE] = "",
		[RZST_DISCARD_BOTH] = "--discard ",
		[RZST_DISCARD_ONCE] = "--discard=once ",
		[RZST_DISCARD_PAGES] = "--discard=pages ",
	};

	return texts[discard];
}

static void show_call(const struct doing *d)
{
	char priority[32] = "", name[NAME_MAX_TEXT];

	if (d->how.priority != RZST_PRIORITY_NONE)
		snprintf(priority, sizeof(priority), "--priority %d ", d->how.priority);
	snprintf(name, sizeof(name), "%s", d->name);
	rzst_tame(name);
	printf("swapon %s%s%s\n", discard_text(d->how.discard), priority, name);
}

/* The rules.  0, or -EPERM: one is broken, and that is not overridden. */
static int choose_place(struct doing *d, const struct rzst_areas *areas)
{
	char why[1024];

	rzso_place_choose(areas, &d->r->want, &d->place);
	d->how.priority = d->place.priority;
	if (d->place.broken == RZSO_RULE_KEPT)
		return 0;
	rzso_place_why(&d->place, &d->r->want, why, sizeof(why));
	if (d->place.broken == RZSO_RULE_NUMBER || !(d->o->force || d->r->rules_only_said)) {
		rzst_say("%s: %s", d->name, why);
		return -EPERM;
	}
	rzst_say("%s: overridden: %s", d->name, why);
	return 0;
}

static int call(struct doing *d)
{
	enum rzst_swap_fault fault;
	char why[512];
	int err;

	if (d->o->dry_run || d->o->verbose)
		show_call(d);
	if (d->o->dry_run)
		return 0;
	err = rzst_swapon(d->name, &d->how, &fault);
	if (err < 0)
		rzst_say("cannot swap to %s: %s", d->name,
			 rzst_swapon_why(fault, err, why, sizeof(why)));
	return err;
}

/* For rzst_areas_change(): swap to it, and note what the kernel cannot know. */
static int turn_on(struct rzst_areas *areas, void *arg)
{
	struct doing *d = arg;
	struct rzst_area *area = rzst_area_find(areas, d->name);

	d->begun = true;
	d->result = 0;
	if (area && area->on) {
		if (!d->r->unless_on)
			rzst_say("%s: it is swapped to already; rzs-swapoff(8) ends that", d->name);
		else if (d->o->verbose)
			rzst_say("%s: it is swapped to already", d->name);
		return d->result = d->r->unless_on ? 1 : -EBUSY;
	}
	d->result = choose_place(d, areas);
	if (d->result == 0)
		d->result = call(d);
	if (d->result < 0 || d->o->dry_run)
		return d->result;
	if (!area)
		area = rzst_area_add(areas, d->name);
	if (!area)
		return -ENOSPC;
	rzst_area_turned_on(area, d->how.priority);
	area->exclusive = d->r->want.exclusive;
	area->permanent = d->permanent;
	return 0;
}

/* Nothing can be noted: the kernel's list is all there is. */
static void turn_on_unnoted(struct doing *d)
{
	static struct rzst_areas areas;

	rzst_areas_read(&areas);
	if (*areas.doubt)
		rzst_say("%s", areas.doubt);
	(void)turn_on(&areas, d);
}

/* ---- what became of it ---- */

static void say_done(const struct doing *d, uint64_t *made)
{
	static struct rzst_areas areas;
	char where[64], name[NAME_MAX_TEXT], which[32] = "exclusive";
	const struct rzst_area *area;

	rzst_areas_read(&areas);
	area = rzst_area_find(&areas, d->name);
	snprintf(name, sizeof(name), "%s", d->name);
	rzst_tame(name);
	if (!area || !area->on) {
		printf("%s: swapped to it\n", name);
		return;
	}
	*made = area->size;
	if (!d->r->want.exclusive)
		snprintf(which, sizeof(which), "interleave %d", rzso_interleave_of(&areas, area));
	printf("%s: swapping to it, %llu KiB, %s, %s%s\n", name,
	       (unsigned long long)area->size / 1024,
	       rzso_number_text(area->priority, where, sizeof(where)), which,
	       d->how.discard == RZST_DISCARD_PAGES ? ", discards pages" : "");
}

/* Says so, and gives err; 1: it is not to be missed. */
static int not_there(const struct rzso_options *o, const struct rzso_request *r, int err)
{
	if (err == -ENOENT && r->if_exists) {
		if (o->verbose)
			rzst_say("%s: there is no such device, left out", r->given);
		return 1;
	}
	if (err == -ENOENT)
		rzst_say("%s: there is no such device or file; look at its name, and whether its "
			 "driver is loaded",
			 r->given);
	else if (err == -EINVAL)
		rzst_say("\"%s\": expected a device, a file, or LABEL=, UUID=, PARTLABEL= or "
			 "PARTUUID=",
			 r->given);
	else
		rzst_say("%s: %s", r->given, strerror(-err));
	return err;
}

static void set_discard(const struct rzso_request *r, struct doing *d)
{
	if (r->discard_given)
		d->how.discard = r->discard;
	else if (rzst_ours_is(d->name))
		d->how.discard = RZST_DISCARD_PAGES;
	else
		d->how.discard = RZST_DISCARD_NONE;
}

static int find(const struct rzso_options *o, const struct rzso_request *r, char *name)
{
	int err = rzst_device_name(r->given, name, NAME_MAX_TEXT);

	return err < 0 ? not_there(o, r, err == -ENOTDIR ? -ENOENT : err) : 0;
}

int rzso_cmd_check(const struct rzso_options *o)
{
	struct rzso_request r = {.given = o->names[0]};
	char name[NAME_MAX_TEXT];
	int err = find(o, &r, name);

	if (err == 0)
		err = rzso_check_area(o, name);
	if (err == -ENODATA)
		return RZSO_EXIT_BLANK;
	return err == 0 ? RZSO_EXIT_DONE : RZSO_EXIT_FAILED;
}

int rzso_on(const struct rzso_options *o, const struct rzso_request *r, uint64_t *made)
{
	char name[NAME_MAX_TEXT];
	struct rzst_swap_area kernels;
	struct doing d = {.o = o, .r = r, .name = name};
	int err = find(o, r, name);

	*made = 0;
	if (err)
		return err;
	/* What is on is in use, and that is not what is wrong with it. */
	if (rzst_swaps_find(name, &kernels) < 0) {
		err = rzso_check_area(o, name);
		if (err < 0)
			return err;
		set_discard(r, &d);
	}
	d.permanent = r->permanent || rzst_fstab_has(name);
	if (o->dry_run) {
		turn_on_unnoted(&d);
		return d.result;
	}
	err = rzst_areas_change(LOCK_SECONDS, turn_on, &d);
	if (err == -EWOULDBLOCK && !d.begun)
		return rzst_fail(err, "%s: another command has been at work for %u s: wait for it",
				 name, LOCK_SECONDS);
	if (!d.begun) {
		rzst_say("cannot note anything in /run/rzs (%s): what is exclusive or permanent is "
			 "unknown",
			 strerror(-err));
		turn_on_unnoted(&d);
	} else if (err < 0 && d.result == 0) {
		rzst_say("%s: cannot note that it is %s (%s): the rules cannot be kept for it",
			 name, r->want.exclusive ? "exclusive" : "on", strerror(-err));
	}
	if (d.result == 0)
		say_done(&d, made);
	return d.result;
}
