/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Idle pages of one store: passes that find them, and their recompression with a second codec.  The
 * store does both (rzs_store.h); this decides when, and how much at a time.
 *
 * It has no thread.  Somebody calls rzs_recompressor_step() again and again, and gives other
 * threads the processor and the store's worker after each step.  A step tries one page at most, or
 * some neighbours together.
 * After each the recompressor rests for so long that it stays within its share of a processor.
 *
 * Threading: as merger.h.
 */
#ifndef RZS_RECOMPRESSOR_H
#define RZS_RECOMPRESSOR_H

#include "rzs_store.h"
#include "value.h"

#define RZS_RECOMPRESS_AFTER_MAX 86400 /* seconds */
#define RZS_IDLE_STEP_MAX	 86400 /* seconds */

struct rzs_recompress_knobs {
	const char *codec; /* a name of rzs_codec_name(); NULL: off */
	int level;	   /* 0: the codec's default */
	int after;	   /* seconds that a page is idle before */
	int cpu;	   /* share of a processor in percent, 1 .. 100 */
	int unit;	   /* neighbouring pages compressed together: 1, 2, 4, 8 */
	int idle_step;	   /* seconds between passes; 0: chosen with recompression, else none */
};

/* A zeroed one, with its store and knobs set, does nothing. */
struct rzs_recompressor {
	struct rzs_store *store;
	struct rzs_recompress_knobs knobs; /* in force */
	bool marking;			   /* all pages are being made old */
	bool passing;			   /* a pass is under way */
	bool trying;			   /* pages have not been looked at since the last pass */
	bool spilling;			   /* pages are looked for that can be spilled */
	unsigned spill_after;		   /* s that these are idle; 0: in order of age only */
	bool full;			   /* the limit is near: pages are taken earlier */
	unsigned steps;			   /* since `full` was found out */
	uint64_t pass_ms, try_ms;	   /* when the next pass begins, and the next try is */
	uint64_t owed_ns;		   /* rest that previous tries have not been given */
};

/* Off; values in force when it is switched on: 60 s, 10 %, 4 pages. */
void rzs_recompress_knobs_init(struct rzs_recompress_knobs *knobs);

/*
 * Put knobs in force, whose values are in range.  The caller has no worker of the store.
 * 0, or after an error why is set, and nothing has changed:
 * -EINVAL  the codec does not have the level, or another second codec was in use since the start
 * -ENOSPC  memlimit does not allow the memory for it
 * -ENOMEM  no memory for it
 */
int rzs_recompressor_set(struct rzs_recompressor *r, const struct rzs_recompress_knobs *knobs,
			 char why[RZS_WHY_MAX]);

/* Make all pages old, by steps.  Errors as rzs_recompressor_set(). */
int rzs_recompressor_mark(struct rzs_recompressor *r, char why[RZS_WHY_MAX]);

/*
 * Look for idle pages for spilling (spiller.h) as well, whose `after` this is.  The store's idle
 * pages are open.  As a step.
 */
void rzs_recompressor_spill(struct rzs_recompressor *r, unsigned after);

/* Seconds between passes that find idle pages; 0: there are none. */
unsigned rzs_recompressor_pause(const struct rzs_recompressor *r);

/* Milliseconds until the next step, as rzs_merger_wait(). */
uint64_t rzs_recompressor_wait(const struct rzs_recompressor *r, uint64_t now_ms);

/*
 * Do a step, if one is due.  w: a worker of the store.  cpu_ns: the processor time of the calling
 * thread so far.
 */
void rzs_recompressor_step(struct rzs_recompressor *r, struct rzs_worker *w, uint64_t now_ms,
			   uint64_t (*cpu_ns)(void));

#endif
