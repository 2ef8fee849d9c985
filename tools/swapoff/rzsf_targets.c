/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzsf_targets.h. */
#include "rzsf_targets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rzst_fstab.h"
#include "rzst_swapon.h"

static void show(struct rzsf_target *t, const char *name)
{
	size_t n = strnlen(name, sizeof(t->shown) - 1);

	memcpy(t->shown, name, n);
	t->shown[n] = '\0';
	rzst_tame(t->shown);
}

static void cannot(struct rzsf_target *t, enum rzst_swap_fault fault, int error)
{
	t->outcome = RZSF_NOT_OFF;
	t->code = RZSF_FAILED;
	rzst_swapoff_why(fault, error, t->why, sizeof(t->why));
}

/* A block device may have several nodes, of which the kernel knows one. */
static const struct rzst_area *find(const struct rzst_areas *areas, const char *name)
{
	for (unsigned i = 0; i < areas->nr; i++)
		if (areas->v[i].on && strcmp(areas->v[i].name, name) == 0)
			return &areas->v[i];
	for (unsigned i = 0; i < areas->nr; i++)
		if (areas->v[i].on && rzst_swaps_same(areas->v[i].name, name))
			return &areas->v[i];
	return NULL;
}

/* What is on may have lost its name: a node or file that was removed. */
static void no_such_name(const struct rzsf_options *o, const struct rzst_areas *areas,
			 struct rzsf_target *t, int err)
{
	if (find(areas, t->given)) {
		cannot(t, RZST_SWAP_NO_FILE, err);
		snprintf(t->why, sizeof(t->why),
			 "it is swapped to, but its name is gone (%s), and swapoff(2) needs one; "
			 "make the device node or a link to it again",
			 strerror(-err));
	} else if (o->if_exists && (err == -ENOENT || err == -ENXIO || err == -ENODEV)) {
		t->outcome = RZSF_SKIPPED;
	} else if (err == -EINVAL) {
		cannot(t, RZST_SWAP_NO_FILE, err);
		snprintf(t->why, sizeof(t->why),
			 "not a name; give a path, LABEL=, UUID=, PARTLABEL= or PARTUUID=");
	} else {
		cannot(t, RZST_SWAP_NO_FILE, err);
	}
}

static void take_name(const struct rzsf_options *o, const struct rzst_areas *areas,
		      const char *given, struct rzsf_target *t)
{
	char name[256];
	const struct rzst_area *area;
	int err = rzst_device_name(given, name, sizeof(name));

	memset(t, 0, sizeof(*t));
	t->given = given;
	show(t, given);
	if (err < 0) {
		no_such_name(o, areas, t, err);
		return;
	}
	area = find(areas, name);
	if (!area) {
		cannot(t, RZST_SWAP_NOT_ON, -EINVAL);
		return;
	}
	strcpy(t->name, area->name);
	t->left = area->used;
	show(t, area->name);
}

static bool is_there(const struct rzsf_targets *targets, const char *name)
{
	for (unsigned i = 0; i < targets->nr; i++)
		if (*name && strcmp(targets->v[i].name, name) == 0)
			return true;
	return false;
}

static int by_use(const void *a, const void *b)
{
	const struct rzsf_target *x = a, *y = b;

	return x->left < y->left ? -1 : x->left > y->left;
}

int rzsf_targets_find(const struct rzsf_options *o, const struct rzst_areas *areas,
		      struct rzsf_targets *out)
{
	struct rzsf_target *t;

	out->nr = 0;
	for (unsigned i = 0; o->all && i < areas->nr; i++) {
		if (!areas->v[i].on)
			continue;
		t = &out->v[out->nr++];
		memset(t, 0, sizeof(*t));
		t->given = areas->v[i].name;
		strcpy(t->name, areas->v[i].name);
		t->left = areas->v[i].used;
		show(t, t->name);
	}
	/* If memory ends, as many as possible are off by then. */
	qsort(out->v, out->nr, sizeof(out->v[0]), by_use);
	for (unsigned i = 0; i < o->nr_names; i++) {
		if (out->nr == RZSF_TARGETS_MAX)
			return -E2BIG;
		t = &out->v[out->nr];
		take_name(o, areas, o->names[i], t);
		if (!is_there(out, t->name))
			out->nr++;
	}
	return 0;
}
