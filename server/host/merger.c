/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When a store merges pages; see merger.h. */
#include "merger.h"

#include <errno.h>
#include <string.h>

#include "ram.h"

/* Slots that one step looks at. */
#define STEP_PAGES 64u

/* A step that found the reserve empty comes again after RETRY_MS, RETRIES times in a row. */
#define RETRY_MS 20u
#define RETRIES	 250u

void rzs_merge_knobs_init(struct rzs_merge_knobs *knobs)
{
	*knobs = (struct rzs_merge_knobs){
		.run = RZS_MERGE_STOP,
		.pages_to_scan = 100,
		.sleep_millisecs = 20,
		.max_page_sharing = RZS_MERGE_SHARING_DEFAULT,
		.smart_scan = true,
	};
}

static int open_index(struct rzs_merger *m, const struct rzs_merge_knobs *knobs,
		      const struct rzs_stats *stats, char *why)
{
	uint64_t bytes = knobs->index_bytes;
	int err;

	if (!bytes)
		bytes = rzs_merge_index_bytes(stats, rzs_ram_usable());
	err = rzs_store_merge_open(m->store, bytes);
	if (err == 0)
		m->open = true;
	else
		rzs_value_bad(why, "merge-run", "1", "%s an index of %llu bytes: %s",
			      err == -ENOSPC ? "memlimit does not allow" : "no memory for",
			      (unsigned long long)bytes,
			      err == -ENOSPC ? "raise it, or give a smaller merge-index"
					     : strerror(-err));
	return err;
}

/* Whether all copies fit. */
static int check_undo(const struct rzs_stats *s, uint64_t available, char *why)
{
	struct rzs_unmerge_room room;

	if (rzs_store_unmerge_fits(s, available, &room))
		return 0;
	rzs_value_bad(why, "merge-run", "2", "takes %llu bytes, and %s %llu %s; run is 0 now",
		      (unsigned long long)room.needed,
		      room.limited ? "memlimit has" : "the machine has",
		      (unsigned long long)room.available, room.limited ? "left" : "available");
	return -ENOMEM;
}

int rzs_merger_set(struct rzs_merger *m, const struct rzs_merge_knobs *knobs, uint64_t available,
		   char why[RZS_WHY_MAX])
{
	bool undo = knobs->run == RZS_MERGE_UNDO && m->knobs.run != RZS_MERGE_UNDO;
	struct rzs_stats stats;
	int err = 0;

	why[0] = '\0';
	rzs_store_stats(m->store, &stats);
	if (knobs->max_page_sharing != m->knobs.max_page_sharing && stats.pages_shared)
		return rzs_value_fail(why, -EBUSY,
				      "merge-max-page-sharing: %llu objects are shared; set "
				      "merge-run=2 first",
				      (unsigned long long)stats.pages_shared);
	if (undo)
		err = check_undo(&stats, available, why);
	else if (knobs->run == RZS_MERGE_RUN && !m->open)
		err = open_index(m, knobs, &stats, why);
	if (err < 0 && !undo)
		return err;
	if (m->open && (err < 0 || knobs->run != RZS_MERGE_RUN)) {
		rzs_store_merge_close(m->store, NULL);
		m->open = false;
	}
	m->knobs = *knobs;
	if (err < 0)
		m->knobs.run = RZS_MERGE_STOP;
	/* It fails for wrong arguments only. */
	(void)!rzs_store_merge_writes(m->store, m->open && knobs->inline_writes
							? (uint32_t)knobs->max_page_sharing
							: 0);
	m->undoing = err == 0 && (undo || (m->undoing && knobs->run == RZS_MERGE_UNDO));
	m->left = 0;
	m->due_ms = 0;
	m->tries = 0;
	if (undo)
		m->damaged = false;
	return err;
}

uint64_t rzs_merger_wait(const struct rzs_merger *m, uint64_t now_ms)
{
	bool scans = m->knobs.run == RZS_MERGE_RUN && m->knobs.pages_to_scan;

	if (!scans && !m->undoing)
		return UINT64_MAX;
	return m->due_ms > now_ms ? m->due_ms - now_ms : 0;
}

static void scan_step(struct rzs_merger *m, struct rzs_worker *w, uint64_t now_ms)
{
	const struct rzs_merge_params params = {
		.max_sharing = (uint32_t)m->knobs.max_page_sharing,
		.smart = m->knobs.smart_scan,
	};
	uint64_t nr, merged, passes;

	if (!m->left)
		m->left = (uint64_t)m->knobs.pages_to_scan;
	nr = m->left < STEP_PAGES ? m->left : STEP_PAGES;
	/* It fails for wrong arguments only. */
	(void)!rzs_store_merge(m->store, w, &params, nr, &merged, &passes);
	m->left -= nr;
	if (!m->left)
		m->due_ms = now_ms + (uint64_t)m->knobs.sleep_millisecs;
}

static int undo_step(struct rzs_merger *m, struct rzs_worker *w, uint64_t now_ms)
{
	bool done;
	int err = rzs_store_unmerge(m->store, w, STEP_PAGES, &done);

	if (err == -ENOMEM && ++m->tries < RETRIES) {
		m->due_ms = now_ms + RETRY_MS; /* the reserve is being filled meanwhile */
		return 0;
	}
	if (err == -ENOMEM || err == -ENOSPC) {
		m->undoing = false;
		m->knobs.run = RZS_MERGE_STOP;
		return err;
	}
	m->tries = 0;
	m->damaged = m->damaged || err == -EIO;
	if (!done)
		return 0;
	m->undoing = false;
	return m->damaged ? -EIO : 0;
}

int rzs_merger_step(struct rzs_merger *m, struct rzs_worker *w, uint64_t now_ms)
{
	if (rzs_merger_wait(m, now_ms) > 0)
		return 0;
	if (m->undoing)
		return undo_step(m, w, now_ms);
	scan_step(m, w, now_ms);
	return 0;
}
