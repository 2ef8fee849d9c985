/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who waits for memory; see spiller.h.
 *
 * Gathering makes memory free at once, as it moves pages to blocks whose memory was there.  So
 * those who wait go on after a step that has moved pages, or in which writes have ended; the next
 * step lets compaction close the gaps.  Who finds no memory again comes back, and asks for a step.
 * When nothing is under way and nothing more can be moved, all go on and are refused.
 */
#include <errno.h>

#include "spiller_private.h"

/* A pause of the budget that is waited for. */
#define PAUSE_MS 1000u

int rzs_spiller_want_room(struct rzs_spiller *s, struct rzs_spiller_waiter *waiter)
{
	bool hopeless;

	rzs_lock(&s->lock);
	hopeless = s->hopeless;
	if (!hopeless) {
		waiter->state = RZS_SPILLER_NEEDY;
		rzs_spiller_append(&s->needy, waiter);
		atomic_store(&s->wanted, true);
	}
	rzs_unlock(&s->lock);
	if (hopeless)
		return -ENOSPC;
	rzs_spiller_wake(s);
	return -EINPROGRESS;
}

bool rzs_spiller_is_wanted(struct rzs_spiller *s)
{
	return atomic_load(&s->wanted);
}

/* Whether something is under way, or will be, that makes memory free. */
static bool can_hope(struct rzs_spiller *s, const struct rzs_spiller_facts *f,
		     const struct rzs_spiller_did *did)
{
	struct rzs_spill_stats engine;

	if (did->more || s->collector.waiter.state != RZS_SPILLER_NONE)
		return true;
	rzs_spill_io_stats(s->io, &engine);
	if (engine.taken[RZS_SPILL_WRITE])
		return true;
	return !f->bad && f->wait_ms > 0 && f->wait_ms <= PAUSE_MS;
}

void rzs_spiller_give_room(struct rzs_spiller *s, const struct rzs_spiller_facts *facts,
			   const struct rzs_spiller_did *did)
{
	struct rzs_spiller_waiter *first = NULL;
	bool wanted = rzs_spiller_is_wanted(s), moved = false, hope;
	struct rzs_stats stats;

	/* It stays hopeless until something changes: no step for each write. */
	hope = !s->hopeless || !s->plan.pressed || did->more || did->ended;
	if (wanted) {
		rzs_store_stats(s->config.store, &stats);
		moved = stats.spill_gathered_bytes != s->gathered;
		hope = moved || can_hope(s, facts, did);
	}
	rzs_lock(&s->lock);
	/* Who came meanwhile has asked for a step of its own. */
	s->hopeless = !hope;
	if (moved || did->ended || !hope) {
		first = s->needy.first;
		s->needy.first = NULL;
		atomic_store(&s->wanted, false);
	}
	rzs_unlock(&s->lock);
	rzs_spiller_complete_all(first);
}
