/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What rzs-autoswap decides from and on: its rules, what it sees of the machine, what it remembers,
 * and what it wants done.  docs/AUTOSWAP explains the machine.
 *
 * Sizes are KiB, times milliseconds of a clock that never goes back, ratios thousandths (2000: two
 * bytes are stored in one).  All are integers, so that a trace gives the same answers everywhere.
 *
 * Threading: plain data; whoever has it owns it.
 */
#ifndef RZSA_H
#define RZSA_H

#include <stdbool.h>
#include <stdint.h>

#define RZSA_AREAS_MAX	 32u /* the kernel has no more */
#define RZSA_RESULTS_MAX 8u
#define RZSA_ACTIONS_MAX 8u
#define RZSA_SLOPE	 10u		     /* ticks that the slope of free memory is taken from */
#define RZSA_KIB_MAX	 (UINT64_C(1) << 40) /* see rzsa_clamp() */
#define RZSA_TIME_MAX	 (INT64_MAX / 4)
#define RZSA_RATIO_MOST	 10000u

/* ---- rules ---- */

/* rzsa_config_init() has the defaults. */
struct rzsa_config {
	unsigned lower_freelimit; /* percent: below, memory is short */
	unsigned freetarget;	  /* percent: what a new area aims at */
	unsigned upper_freelimit; /* percent: above, there is more swap than needed */
	int64_t cooldown;	  /* ms in hungry, overfed and diet */
	bool files;		  /* may make swap files */
	uint64_t min_file, max_file;
	unsigned max_areas;	/* of the machine, with others' */
	uint64_t ram_floor;	/* memory that limits must leave to others; 0: by RAM */
	uint64_t critical;	/* less available is an emergency; 0: by RAM */
	uint64_t limit_step;	/* a memory limit is raised by this; 0: a sixteenth of RAM */
	unsigned assumed_ratio; /* of a device that has too little to tell */
	unsigned least_ratio;	/* a limit is not raised for worse */
};

/* swapspace's numbers, and those of docs/AUTOSWAP. */
void rzsa_config_init(struct rzsa_config *c);

/* ---- what is seen ---- */

enum rzsa_kind {
	RZSA_DISK,	 /* a file or a partition */
	RZSA_COMPRESSED, /* in RAM: a device of ramzswap, or zram */
};

struct rzsa_area {
	uint32_t id; /* stays the same while the area is on */
	enum rzsa_kind kind;
	bool managed;	/* ours to change and to retire; others are only counted */
	bool permanent; /* never retired */
	bool draining;	/* a swapoff is at work there, whoever began it */
	bool reclaims;	/* can be asked to give back memory that lies idle in it */
	bool first;	/* a disk that the kernel fills before all that is compressed */
	uint64_t size, used;
	/* Of compressed ones: */
	uint64_t stored, mem;	       /* bytes before compression, and memory really held */
	uint64_t limit;		       /* of mem; 0: none */
	uint64_t limit_min, limit_max; /* between these it may be changed */
	unsigned recent;	       /* ratio of what was stored last; 0: not known */
};

/* What became of an action. */
enum rzsa_outcome {
	RZSA_DONE,
	RZSA_NO_SPACE,	  /* ENOSPC, EDQUOT, EIO */
	RZSA_TOO_BIG,	  /* EFBIG: the result's kib are what could be written */
	RZSA_NO_SLOT,	  /* EPERM of swapon: the kernel takes no more areas */
	RZSA_NO_MEMORY,	  /* ENOMEM; a helper that the kernel killed */
	RZSA_INTERRUPTED, /* EINTR, or the answer did not come */
	RZSA_REFUSED,	  /* all else */
	RZSA_OUTCOMES,
};

enum rzsa_act {
	RZSA_STARVED,	   /* say so: memory is short, and nothing can be done */
	RZSA_RAISE_LIMIT,  /* of area: to kib */
	RZSA_ADD_DEVICE,   /* another compressed one */
	RZSA_ADD_FILE,	   /* swap to the prepared file, of kib, and that before this compressed
			    * area; area 0: after all that is compressed */
	RZSA_PREPARE_FILE, /* of kib */
	RZSA_RECLAIM,	   /* of area: memory that lies idle */
	RZSA_LOWER_LIMIT,  /* of area: to kib */
	RZSA_RETIRE,	   /* swapoff of area */
	RZSA_DROP_FILE,	   /* the prepared one */
	RZSA_ACTS,
};

struct rzsa_result {
	enum rzsa_act act;
	enum rzsa_outcome outcome;
	uint64_t kib;
};

struct rzsa_inputs {
	uint64_t mem_total, mem_available;

	bool psi;		      /* the next three are known */
	bool psi_short, psi_critical; /* a trigger fired since the last tick */
	unsigned psi_avg60;	      /* "some", hundredths of a percent */
	uint64_t swapins;	      /* KiB/s */
	uint64_t refaults;	      /* KiB/s, of anonymous memory */
	uint64_t stalls;	      /* allocations that had to reclaim, per second */

	unsigned nr_areas;
	struct rzsa_area area[RZSA_AREAS_MAX];
	bool can_add_device; /* there is a server or a module that takes another one */
	uint64_t disk_free;  /* where files are made, without the file system's reserve */
	uint64_t spare;	     /* the prepared file, 0: none */

	bool diet_asked; /* by the administrator */
	unsigned nr_results;
	struct rzsa_result result[RZSA_RESULTS_MAX];
};

/*
 * The inputs with no more areas and results than there is room for, and no size above RZSA_KIB_MAX:
 * so no sum or product of sizes overflows.
 */
void rzsa_clamp(const struct rzsa_inputs *in, struct rzsa_inputs *out);

/* ---- what is remembered ---- */

enum rzsa_mode {
	RZSA_STEADY,
	RZSA_HUNGRY,  /* has grown: nothing is released */
	RZSA_OVERFED, /* has had too much for a while: soon something is released */
	RZSA_DIET,    /* could not grow: that resource is left alone */
	RZSA_MODES,
};

enum rzsa_resource {
	RZSA_FOR_DISK,
	RZSA_FOR_RAM,
	RZSA_FOR_SLOTS,
	RZSA_RESOURCES,
};

struct rzsa_state {
	enum rzsa_mode mode;
	int64_t now;			    /* of the last step */
	int64_t until;			    /* the mode's timer */
	int64_t diet_until[RZSA_RESOURCES]; /* in diet: that resource is left alone */
	int64_t asked_until;		    /* the administrator's diet; 0: it is not one */
	unsigned pending;		    /* actions not reported on yet: bits 1 << act */
	int64_t raise_after, lower_after, reclaim_after; /* not again before */
	bool released;			    /* something was, and */
	int64_t released_at;
	unsigned max_areas; /* learnt from the kernel; 0: nothing yet */
	uint64_t max_file;  /* learnt from the file system; 0: nothing yet */
	/* Free memory of the last ticks, oldest first; and since when the ratio is bad. */
	unsigned nr_slope;
	int64_t slope_at[RZSA_SLOPE];
	uint64_t slope[RZSA_SLOPE];
	bool ratio_bad;
	int64_t ratio_bad_since;
	bool short_of;	      /* memory is short, and nothing can be done */
	int64_t short_since;  /* when that began */
	bool starved;	      /* for so long that it was reported */
	int64_t starved_said; /* when it was */
};

/* As after the start: hungry, with its time over, as swapspace. */
void rzsa_state_init(struct rzsa_state *s);

/* ---- what is to be done ---- */

struct rzsa_action {
	enum rzsa_act act;
	uint32_t area;
	uint64_t kib;
};

struct rzsa_actions {
	unsigned nr;
	struct rzsa_action v[RZSA_ACTIONS_MAX];
};

/* Words that never change, for traces and messages; "?" for what is none. */
const char *rzsa_mode_name(enum rzsa_mode mode);
const char *rzsa_act_name(enum rzsa_act act);
const char *rzsa_outcome_name(enum rzsa_outcome outcome);

#endif
