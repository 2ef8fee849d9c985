/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When a store looks for idle pages and recompresses them; see recompressor.h. */
#include "recompressor.h"

#include <errno.h>
#include <string.h>

/* Slots that one step looks at. */
#define PASS_PAGES 4096u
#define TRY_PAGES  1024u

/* New blocks are taken only while so much stays for writes. */
#define SPARE_BYTES (256u << 10)

/* How often the limit is looked at, in steps: it costs as much as a short one. */
#define LOOK_STEPS 64u

void rzs_recompress_knobs_init(struct rzs_recompress_knobs *knobs)
{
	*knobs = (struct rzs_recompress_knobs){.after = 60, .cpu = 10, .unit = 4};
}

static unsigned step_of(const struct rzs_recompress_knobs *k)
{
	return rzs_idle_step_seconds(k->codec, (unsigned)k->after, (unsigned)k->idle_step);
}

unsigned rzs_recompressor_pause(const struct rzs_recompressor *r)
{
	unsigned step = step_of(&r->knobs);

	/* Both count the same steps, so these are as long as one of them needs at least. */
	return r->spilling ? rzs_idle_step_seconds(true, r->spill_after, step) : step;
}

void rzs_recompressor_spill(struct rzs_recompressor *r, unsigned after)
{
	r->spilling = true;
	r->spill_after = after;
	r->pass_ms = 0;
}

static unsigned min_age(const struct rzs_recompressor *r)
{
	return r->full ? 1
		       : rzs_recompress_min_age((unsigned)r->knobs.after,
						rzs_recompressor_pause(r));
}

static int fail(int err, const char *key, char *why)
{
	if (err == -EINVAL)
		return rzs_value_fail(why, err,
				      "%s: no such level, or the device has pages of "
				      "another second codec; 'reset' it first",
				      key);
	return rzs_value_fail(why, err, "%s: %s", key,
			      err == -ENOSPC ? "memlimit does not allow the memory for it; raise it"
					     : strerror(-err));
}

int rzs_recompressor_set(struct rzs_recompressor *r, const struct rzs_recompress_knobs *knobs,
			 char why[RZS_WHY_MAX])
{
	int err = 0;

	why[0] = '\0';
	if (step_of(knobs))
		err = rzs_store_idle_open(r->store);
	if (err < 0)
		return fail(err, knobs->codec ? "recompress" : "idle-step", why);
	if (knobs->codec)
		err = rzs_store_recompress_open(r->store, knobs->codec, knobs->level);
	if (err < 0)
		return fail(err, "recompress", why);
	r->knobs = *knobs;
	r->trying = r->trying && knobs->codec;
	r->pass_ms = r->try_ms = 0;
	r->owed_ns = 0;
	r->steps = 0;
	return 0;
}

int rzs_recompressor_mark(struct rzs_recompressor *r, char why[RZS_WHY_MAX])
{
	int err = rzs_store_idle_open(r->store);

	if (err < 0)
		return fail(err, "idle", why);
	r->marking = true;
	return 0;
}

static uint64_t left(uint64_t due_ms, uint64_t now_ms)
{
	return due_ms > now_ms ? due_ms - now_ms : 0;
}

uint64_t rzs_recompressor_wait(const struct rzs_recompressor *r, uint64_t now_ms)
{
	uint64_t wait = UINT64_MAX;

	if (r->marking || r->passing)
		return 0;
	if (rzs_recompressor_pause(r))
		wait = left(r->pass_ms, now_ms);
	if (r->trying && left(r->try_ms, now_ms) < wait)
		wait = left(r->try_ms, now_ms);
	return wait;
}

/* Whether the limit is near, looked at now and then. */
static void look(struct rzs_recompressor *r)
{
	struct rzs_stats s;

	if (r->steps++ % LOOK_STEPS)
		return;
	rzs_store_stats(r->store, &s);
	r->full = rzs_recompress_is_urgent(&s);
}

static void try_step(struct rzs_recompressor *r, struct rzs_worker *w, uint64_t now_ms,
		     uint64_t (*cpu_ns)(void))
{
	struct rzs_recompress_params params = {.spare_bytes = SPARE_BYTES,
					       .unit = (unsigned)r->knobs.unit};
	uint64_t began = cpu_ns(), spent;
	bool done;

	look(r);
	params.min_age = min_age(r);
	/* It fails for wrong arguments only. */
	(void)!rzs_store_recompress(r->store, w, &params, TRY_PAGES, 1, &done);
	r->trying = !done;
	spent = cpu_ns() - began;
	rzs_store_recompress_spent(w, spent);
	r->owed_ns += spent * (uint64_t)(100 - r->knobs.cpu) / (uint64_t)r->knobs.cpu;
	r->try_ms = now_ms + r->owed_ns / 1000000;
	r->owed_ns %= 1000000;
}

/* One step of a walk over all pages.  It fails only if idle pages are not open. */
static bool walk_step(struct rzs_recompressor *r, bool mark)
{
	bool done;

	if (mark)
		return rzs_store_idle_mark(r->store, PASS_PAGES, &done) < 0 || done;
	return rzs_store_idle_pass(r->store, PASS_PAGES, &done) < 0 || done;
}

void rzs_recompressor_step(struct rzs_recompressor *r, struct rzs_worker *w, uint64_t now_ms,
			   uint64_t (*cpu_ns)(void))
{
	if (rzs_recompressor_wait(r, now_ms) > 0)
		return;
	if (r->marking) {
		r->marking = !walk_step(r, true);
		r->trying = r->trying || (!r->marking && r->knobs.codec);
	} else if (r->passing || (rzs_recompressor_pause(r) && r->pass_ms <= now_ms)) {
		if (!r->passing)
			r->pass_ms = now_ms + (uint64_t)rzs_recompressor_pause(r) * 1000;
		r->passing = !walk_step(r, false);
		r->trying = r->trying || (!r->passing && r->knobs.codec);
	} else {
		try_step(r, w, now_ms, cpu_ns);
	}
}
