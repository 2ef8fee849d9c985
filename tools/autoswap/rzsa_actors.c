/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzsa_actors.h. */
#include "rzsa_actors.h"

#include <stdio.h>
#include <string.h>

#define LATELY_MS 5000

/* ---- results ---- */

static void end(struct rzsa_actors *a, enum rzsa_act act, enum rzsa_outcome outcome, uint64_t kib,
		const char *why, int64_t now)
{
	struct rzsa_deed *d = &a->deed[act];

	d->under_way = false;
	d->outcome = outcome;
	d->kib = kib;
	d->at = now;
	snprintf(d->why, sizeof(d->why), "%s", why);
	/* An act is under way once at most, so that there is room. */
	if (a->nr_results < RZSA_RESULTS_MAX)
		a->result[a->nr_results++] = (struct rzsa_result){act, outcome, kib};
	if (a->tell)
		a->tell(a->tell_arg, d);
}

void rzsa_actors_results(struct rzsa_actors *a, struct rzsa_inputs *in)
{
	memcpy(in->result, a->result, sizeof(in->result));
	in->nr_results = a->nr_results;
	a->nr_results = 0;
}

/* What a file that is made, swapped to or gone means for the one that is ready. */
static void take_report(struct rzsa_actors *a, const struct rzsa_report *r, int64_t now)
{
	bool done = r->outcome == RZSA_DONE;

	if (r->act == RZSA_PREPARE_FILE && done) {
		memcpy(a->spare, r->name, sizeof(a->spare));
		a->spare[sizeof(a->spare) - 1] = '\0';
		a->spare_kib = r->kib;
	} else if ((r->act == RZSA_ADD_FILE || r->act == RZSA_DROP_FILE) && done) {
		a->spare[0] = '\0';
		a->spare_kib = 0;
	} else if (r->act == RZSA_ADD_DEVICE && r->outcome == RZSA_REFUSED) {
		/* It would be refused again and again, and nothing else be tried. */
		strcpy(a->refused, a->deed[r->act].name);
	}
	end(a, r->act, r->outcome, r->kib, r->why, now);
}

/* What servers have answered. */
static void take_wishes(struct rzsa_actors *a, int64_t now)
{
	enum rzsa_act act =
		a->deed[RZSA_RAISE_LIMIT].under_way ? RZSA_RAISE_LIMIT : RZSA_LOWER_LIMIT;
	enum rzsa_outcome outcome;
	char why[RZSA_WHY_MAX];

	if (rzsa_servers_outcome(&a->inside.servers, RZSA_WISH_LIMIT, &outcome, why))
		end(a, act, outcome, a->deed[act].kib, why, now);
	if (rzsa_servers_outcome(&a->inside.servers, RZSA_WISH_COMPACT, &outcome, why))
		end(a, RZSA_RECLAIM, outcome, 0, why, now);
}

/* ---- begin and end ---- */

int rzsa_actors_begin(struct rzsa_actors *a)
{
	rzsa_servers_init(&a->inside.servers);
	for (unsigned i = 0; i < RZSA_HELPERS; i++)
		a->helper[i] = (struct rzsa_helper){.fd = -1};
	for (unsigned i = 0; i < RZSA_HELPERS; i++) {
		int err = rzsa_helper_start(&a->helper[i], &a->dir, a->settle);

		if (err < 0) {
			rzsa_actors_end(a);
			return err;
		}
	}
	return 0;
}

void rzsa_actors_end(struct rzsa_actors *a)
{
	for (unsigned i = 0; i < RZSA_HELPERS; i++)
		rzsa_helper_end(&a->helper[i]);
	rzsa_servers_close(&a->inside.servers);
}

/* ---- each second ---- */

/* What has been turned off may be seen before the helper says so, or a tick after. */
static bool retired_lately(const struct rzsa_deed *d, int64_t now)
{
	return d->under_way || (d->outcome == RZSA_DONE && *d->name && now - d->at < LATELY_MS);
}

void rzsa_actors_tick(struct rzsa_actors *a, struct rzsa_collector *c, int64_t now)
{
	a->inside.now = now;
	rzsa_servers_tick(&a->inside.servers, now);
	take_wishes(a, now);
	for (unsigned i = 0; i < RZSA_HELPERS; i++)
		if (a->helper[i].fd < 0)
			(void)rzsa_helper_start(&a->helper[i], &a->dir, a->settle);
	c->look = rzsa_inside_look;
	c->look_arg = &a->inside;
	c->spare = *a->spare ? a->spare_kib : 0;
	c->refused = a->refused;
	c->retiring = retired_lately(&a->deed[RZSA_RETIRE], now) ? a->deed[RZSA_RETIRE].name : NULL;
}

/* ---- actions ---- */

static void order(struct rzsa_actors *a, unsigned helper, const struct rzsa_action *action,
		  const char *name, int64_t now)
{
	struct rzsa_order o = {
		.act = action->act,
		.paranoid = a->settings->paranoid,
		.first = action->act == RZSA_ADD_FILE && action->area,
		.kib = action->kib,
	};

	snprintf(o.name, sizeof(o.name), "%s", name);
	if (rzsa_helper_ask(&a->helper[helper], &o) < 0)
		end(a, action->act, RZSA_INTERRUPTED, action->kib, "its helper process has ended",
		    now);
}

static void set_limit(struct rzsa_actors *a, const struct rzsa_action *action, const char *name,
		      int64_t now)
{
	enum rzsa_outcome outcome;
	char why[RZSA_WHY_MAX];

	if (rzsa_inside_set_limit(&a->inside, name, action->kib << 10, &outcome, why))
		end(a, action->act, outcome, action->kib, why, now);
}

static void reclaim(struct rzsa_actors *a, const char *name, int64_t now)
{
	enum rzsa_outcome outcome;
	char why[RZSA_WHY_MAX];

	if (rzsa_inside_reclaim(&a->inside, name, &outcome, why))
		end(a, RZSA_RECLAIM, outcome, 0, why, now);
}

static const char *name_of(const struct rzsa_actors *a, const struct rzsa_collector *c,
			   const struct rzsa_action *action)
{
	switch (action->act) {
	case RZSA_ADD_DEVICE:
		return c->spare_device;
	case RZSA_ADD_FILE:
	case RZSA_DROP_FILE:
		return a->spare;
	case RZSA_PREPARE_FILE:
	case RZSA_STARVED:
		return "";
	default:
		return rzsa_collect_name(c, action->area);
	}
}

void rzsa_actors_do(struct rzsa_actors *a, const struct rzsa_collector *c,
		    const struct rzsa_action *action, int64_t now)
{
	const char *name = name_of(a, c, action);
	struct rzsa_deed *d = &a->deed[action->act];

	*d = (struct rzsa_deed){action->act, true, RZSA_DONE, action->kib, now, "", ""};
	snprintf(d->name, sizeof(d->name), "%s", name);
	switch (action->act) {
	case RZSA_RAISE_LIMIT:
	case RZSA_LOWER_LIMIT:
		set_limit(a, action, name, now);
		break;
	case RZSA_ADD_DEVICE:
	case RZSA_ADD_FILE:
		order(a, RZSA_FAST, action, name, now);
		break;
	case RZSA_PREPARE_FILE:
	case RZSA_DROP_FILE:
	case RZSA_RETIRE:
		order(a, RZSA_SLOW, action, name, now);
		break;
	case RZSA_RECLAIM:
		reclaim(a, name, now);
		break;
	default:
		break;
	}
}

void rzsa_actors_refuse(struct rzsa_actors *a, const struct rzsa_action *action, const char *why,
			int64_t now)
{
	struct rzsa_deed *d = &a->deed[action->act];

	if (action->act == RZSA_STARVED || d->under_way)
		return;
	*d = (struct rzsa_deed){.act = action->act};
	end(a, action->act, RZSA_REFUSED, action->kib, why, now);
}

/* ---- waiting ---- */

void rzsa_actors_poll(const struct rzsa_actors *a, struct pollfd *p)
{
	for (unsigned i = 0; i < RZSA_HELPERS; i++)
		p[i] = (struct pollfd){a->helper[i].fd, POLLIN, 0};
	rzsa_servers_poll(&a->inside.servers, p + RZSA_HELPERS);
}

void rzsa_actors_take(struct rzsa_actors *a, const struct pollfd *p, int64_t now)
{
	struct rzsa_report report;

	for (unsigned i = 0; i < RZSA_HELPERS; i++)
		while (p[i].revents && rzsa_helper_take(&a->helper[i], &report))
			take_report(a, &report, now);
	rzsa_servers_take(&a->inside.servers, p + RZSA_HELPERS, now);
	take_wishes(a, now);
}
