/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A device's spill target; see spilling.h. */
#include "spilling.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "protect_server.h"
#include "spill_target.h"
#include "upkeep.h"

/* docs/SPILL has measured them. */
#define THREADS 8u

/*
 * Blocks on their way out and in.  The store has a buffer for each, which memlimit counts, and the
 * engine another one.
 */
#define WRITES	16u
#define BUFFERS 16u

struct rzs_spilling {
	char path[RZS_VALUE_SIZE_MAX];
	struct rzs_spill_target target;
	struct rzs_spiller *spiller;
};

static struct rzs_thread *enter(void *arg)
{
	(void)arg;
	return rzs_protect_server_thread(RZS_THREAD_IO);
}

static int open_spiller(struct rzs_spilling *s, const struct rzs_spill_knobs *knobs,
			struct rzs_store *store, char *why)
{
	const struct rzs_spiller_config config = {
		.store = store,
		.disk = rzs_spill_target_disk(&s->target),
		.name = s->path,
		.places = s->target.places,
		.threads = THREADS,
		.writes = WRITES,
		.buffers = BUFFERS,
		.rate = knobs->rate,
		.daily = knobs->daily,
		.now_ms = rzs_clock_ms,
		.enter = enter,
		.wake = rzs_upkeep_wake_spilling,
	};
	int err = rzs_spiller_open(&config, &s->spiller);

	if (err == -ENOSPC)
		return rzs_value_fail(why, err,
				      "spill=%.80s: memlimit leaves no room for the %u KiB that "
				      "this needs, and a bit for each 32 KiB of it; raise it",
				      s->path, (WRITES + BUFFERS) * RZS_SPILL_UNIT / 1024);
	if (err < 0)
		return rzs_value_fail(why, err, "spill=%.100s: it cannot be started: %s", s->path,
				      strerror(-err));
	return 0;
}

int rzs_spilling_start(const struct rzs_spill_knobs *knobs, struct rzs_store *store,
		       struct rzs_spilling **out, char why[RZS_WHY_MAX])
{
	struct rzs_spilling *s = calloc(1, sizeof(*s));
	char reason[RZS_WHY_MAX];
	int err;

	*out = NULL;
	if (!s)
		return rzs_value_fail(why, -ENOMEM, "spill: no memory");
	strcpy(s->path, knobs->path);
	err = rzs_spill_target_open(&s->target, s->path, reason);
	if (err < 0) {
		free(s);
		return rzs_value_fail(why, err, "spill: %.240s", reason);
	}
	err = open_spiller(s, knobs, store, why);
	if (err < 0) {
		rzs_spill_target_close(&s->target);
		free(s);
		return err;
	}
	*out = s;
	return 0;
}

struct rzs_spiller *rzs_spilling_spiller(struct rzs_spilling *s)
{
	return s->spiller;
}

void rzs_spilling_stop(struct rzs_spilling *s, struct rzs_worker *w)
{
	rzs_spiller_close(s->spiller, w);
	rzs_spill_target_close(&s->target);
	free(s);
}
