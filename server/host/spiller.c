/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Blocks that go to disk, and a spiller's start and end; see spiller.h. */
#include "spiller.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "spiller_private.h"

/* Slots that a step looks at; at worst all of them are moved, which takes a millisecond or two. */
#define STEP_PAGES 1024u

/* A new store's reserve is filled by another thread; how long to wait for that. */
#define OPEN_TRIES    2000u
#define OPEN_PAUSE_NS 1000000

#define LOOK_MS	 100u  /* between looks at the limit, */
#define CALM_MS	 1000u /* while there is a quarter of it left */
#define QUIET_MS 5000u /* between the starts of passes without pressure */

/* ---- writes ---- */

static void write_ended(struct rzs_spiller *s, struct rzs_spiller_transfer *t)
{
	rzs_lock(&s->lock);
	t->next = s->ended;
	s->ended = t;
	rzs_unlock(&s->lock);
	rzs_spiller_wake(s);
}

static void io_done(void *arg, struct rzs_spill_request *rq)
{
	if (rq->op == RZS_SPILL_WRITE)
		write_ended(arg, rq->ticket);
	else
		rzs_spiller_came(arg, rq);
}

/* Tell the store how writes have ended.  Returns whether any has. */
static bool end_writes(struct rzs_spiller *s, struct rzs_worker *w)
{
	struct rzs_spiller_transfer *t, *next;
	bool any;

	rzs_lock(&s->lock);
	t = s->ended;
	s->ended = NULL;
	rzs_unlock(&s->lock);
	for (any = t; t; t = next) {
		int err = t->rq->err;

		next = t->next;
		rzs_spill_io_put(t->rq);
		rzs_spill_done(s->config.store, w, t->number, err);
	}
	return any;
}

/* Give the engine a block.  0 or a negative errno. */
static int write_block(struct rzs_spiller *s, const struct rzs_spill_ticket *ticket,
		       struct rzs_spill_request *rq)
{
	struct rzs_spiller_transfer *t = &s->transfers[ticket->number];

	t->rq = rq;
	rq->ticket = t;
	rq->place = (uint64_t)ticket->place + 1;
	memcpy(rq->data, ticket->bytes, RZS_SPILL_UNIT);
	return rzs_spill_io_submit(rq);
}

/* Write what is ready, as far as requests and the budget go.  0, or why no block can be written. */
static int write_ready(struct rzs_spiller *s, struct rzs_worker *w)
{
	struct rzs_store *store = s->config.store;
	struct rzs_spill_ticket ticket;
	struct rzs_spill_request *rq;
	int err;

	while ((err = rzs_spill_io_get(s->io, RZS_SPILL_WRITE, &rq)) == 0) {
		if (rzs_spill_next(store, w, &ticket) < 0) {
			rzs_spill_io_put(rq);
			return 0;
		}
		err = write_block(s, &ticket, rq);
		if (err < 0) {
			rzs_spill_io_put(rq);
			rzs_spill_done(store, w, ticket.number, err);
		}
	}
	return err == -EAGAIN || err == -EDQUOT ? 0 : err;
}

/* No block can be written any more: all that were to be stay in memory. */
static void give_up(struct rzs_spiller *s, struct rzs_worker *w, int err)
{
	const struct rzs_spill_policy flush = {.min_age = RZS_SPILLER_NO_AGE, .flush = true};
	struct rzs_store *store = s->config.store;
	struct rzs_spill_ticket ticket;
	bool done;

	if (s->gave_up)
		return;
	s->gave_up = true;
	/* It looks at no page, and ends the blocks that are being filled. */
	(void)!rzs_spill_gather(store, w, &flush, 0, &done);
	while (rzs_spill_next(store, w, &ticket) == 0)
		rzs_spill_done(store, w, ticket.number, err);
}

/* ---- steps ---- */

static struct rzs_spiller_facts look(struct rzs_spiller *s, uint64_t now_ms)
{
	struct rzs_spill_stats engine;
	uint64_t idle, blocks;
	struct rzs_stats stats;

	rzs_store_stats(s->config.store, &stats);
	rzs_store_idle(s->config.store, &idle, &blocks);
	rzs_spill_io_stats(s->io, &engine);
	s->gathered = stats.spill_gathered_bytes;
	s->places.used = stats.spill_places;
	s->places.bytes = stats.spilled_bytes;
	return (struct rzs_spiller_facts){
		.used = stats.mem_bytes > idle ? stats.mem_bytes - idle : 0,
		.limit = stats.limit_bytes,
		.wait_ms = rzs_spill_io_wait_ms(s->io),
		.bad = engine.bad || s->gave_up,
		.passed = s->passed,
		.due = s->passing || now_ms >= s->pass_ms,
		.wanted = rzs_spiller_is_wanted(s),
		.full = rzs_spiller_is_full(&s->places),
	};
}

/* Gather as planned.  Returns whether there is more to do at once. */
static bool gather(struct rzs_spiller *s, struct rzs_worker *w, uint64_t now_ms)
{
	const struct rzs_spiller_plan *plan = &s->plan;
	int err;

	if (!plan->pressed && !s->passing)
		s->pass_ms = now_ms + QUIET_MS;
	/* An error: writes or places are used up, or memory is.  It goes on later from there. */
	err = rzs_spill_gather(s->config.store, w, &plan->policy, STEP_PAGES, &s->passed);
	s->passing = !plan->pressed && !s->passed;
	if (err < 0 || plan->policy.flush)
		return false;
	return plan->pressed || s->passing;
}

uint64_t rzs_spiller_wait(struct rzs_spiller *s, uint64_t now_ms)
{
	return atomic_load(&s->due) || now_ms >= s->look_ms ? 0 : s->look_ms - now_ms;
}

/* After a flush all pages were looked at; if that was in vain, the next pass has time. */
static uint64_t pause_ms(const struct rzs_spiller *s, const struct rzs_spiller_facts *f)
{
	bool near = f->limit && f->used > f->limit / 4 * 3;

	return near && !s->plan.policy.flush ? LOOK_MS : CALM_MS;
}

void rzs_spiller_step(struct rzs_spiller *s, struct rzs_worker *w, uint64_t now_ms)
{
	struct rzs_spiller_facts facts;
	struct rzs_spiller_did did = {0};
	int err;

	if (rzs_spiller_wait(s, now_ms) > 0)
		return;
	atomic_store(&s->due, false);
	did.ended = end_writes(s, w);
	facts = look(s, now_ms);
	s->plan = rzs_spiller_decide(&s->config.knobs, &facts, &s->plan);
	if (s->plan.gather)
		did.more = gather(s, w, now_ms);
	did.more |= rzs_spiller_collect(s, w, &facts, now_ms);
	s->look_ms = now_ms + (did.more ? 0 : pause_ms(s, &facts));
	err = write_ready(s, w);
	if (err < 0)
		give_up(s, w, err);
	rzs_spiller_give_room(s, &facts, &did);
}

void rzs_spiller_tune(struct rzs_spiller *s, const struct rzs_spiller_knobs *knobs)
{
	s->config.knobs = *knobs;
}

void rzs_spiller_set_limits(struct rzs_spiller *s, uint64_t rate, uint64_t daily)
{
	rzs_spill_io_set_limits(s->io, rate, daily);
}

bool rzs_spiller_trouble(struct rzs_spiller *s, char line[RZS_WHY_MAX])
{
	return rzs_spill_io_trouble(s->io, line);
}

/* ---- start and end ---- */

static struct rzs_thread *io_enter(void *arg)
{
	const struct rzs_spiller *s = arg;

	return s->config.enter ? s->config.enter(s->config.arg) : NULL;
}

static int start_engine(struct rzs_spiller *s)
{
	const struct rzs_spiller_config *c = &s->config;
	const struct rzs_spill_config config = {
		.disk = c->disk,
		.name = c->name,
		.places = c->places,
		.threads = c->threads,
		.reads = c->buffers,
		.writes = c->writes,
		.rate = c->rate,
		.daily = c->daily,
		.now_ms = c->now_ms,
		.done = io_done,
		.enter = io_enter,
		.arg = s,
	};

	return rzs_spill_io_start(&config, &s->io);
}

static int open_store(struct rzs_spiller *s)
{
	const struct rzs_spiller_config *c = &s->config;
	uint64_t places = c->places ? c->places - 1 : 0; /* the first one has the mark */
	const struct rzs_spill_params params = {
		.nr_places =
			places < RZS_SPILL_MAX_PLACES ? (uint32_t)places : RZS_SPILL_MAX_PLACES,
		.nr_writes = c->writes,
		.nr_buffers = c->buffers,
		.waits = true,
	};
	const struct timespec pause = {.tv_nsec = OPEN_PAUSE_NS};
	unsigned tries = OPEN_TRIES;
	int err = rzs_store_idle_open(c->store);

	/* One gathering step takes as many places as there are writes, at most. */
	s->places.nr = params.nr_places;
	s->places.kept = c->writes < s->places.nr / 4 ? c->writes : s->places.nr / 4;
	if (err < 0)
		return err;
	while ((err = rzs_spill_open(c->store, &params)) == -ENOMEM && --tries)
		(void)nanosleep(&pause, NULL);
	return err;
}

int rzs_spiller_open(const struct rzs_spiller_config *config, struct rzs_spiller **out)
{
	unsigned nr = config->writes + config->buffers;
	struct rzs_spiller *s;
	int err;

	*out = NULL;
	if (config->writes > RZS_SPILL_MAX_TRANSFERS || config->buffers > RZS_SPILL_MAX_TRANSFERS)
		return -EINVAL;
	s = calloc(1, sizeof(*s) + nr * sizeof(s->transfers[0]));
	if (!s)
		return -ENOMEM;
	s->config = *config;
	for (unsigned i = 0; i < nr; i++)
		s->transfers[i].number = i;
	rzs_lock_init(&s->lock);
	err = start_engine(s);
	if (err < 0) {
		free(s);
		return err;
	}
	err = open_store(s);
	if (err < 0) {
		rzs_spill_io_stop(s->io);
		rzs_spill_io_free(s->io);
		free(s);
		return err;
	}
	*out = s;
	return 0;
}

void rzs_spiller_close(struct rzs_spiller *s, struct rzs_worker *w)
{
	if (!s)
		return;
	rzs_spill_io_stop(s->io);
	(void)end_writes(s, w);
	rzs_spiller_collect_end(s, w);
	give_up(s, w, -ECANCELED);
	rzs_spill_io_free(s->io);
	free(s);
}
