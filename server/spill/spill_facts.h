/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known of a spill target before it is used, and whether it is fit for it.  Judging is a
 * pure function.
 */
#ifndef RZS_SPILL_FACTS_H
#define RZS_SPILL_FACTS_H

#include "value.h"

#define RZS_SPILL_LEAST (1u << 20) /* bytes of a target */

/* What the file system says about a file's extents (linux/fiemap.h). */
enum rzs_spill_extents {
	RZS_SPILL_EXTENTS_WHOLE,
	RZS_SPILL_EXTENTS_UNKNOWN, /* it does not say */
	RZS_SPILL_EXTENTS_HOLE,
	RZS_SPILL_EXTENTS_UNWRITTEN, /* reserved, but not written */
	RZS_SPILL_EXTENTS_SHARED,    /* with another file: the first write copies */
	RZS_SPILL_EXTENTS_ODD,	     /* compressed, encrypted, inside other blocks */
};

struct rzs_spill_facts {
	bool device; /* a block device; else a file */
	uint64_t bytes;
	uint32_t sector; /* bytes of a device's logical sector; 0: a file */

	/* Of a file: */
	unsigned mode, uid, self; /* permissions; its owner; who we are */
	uint32_t magic;		  /* of its file system */
	bool nocow;		  /* is written in place on btrfs */
	bool no_direct;		  /* direct I/O is not possible */
	enum rzs_spill_extents extents;
};

/* 0; or a negative errno, and a sentence about path in why. */
int rzs_spill_facts_judge(const struct rzs_spill_facts *f, const char *path, char why[RZS_WHY_MAX]);

/*
 * Look at an open device or file.  0; or a negative errno, and why.  Sleeps; makes the system write
 * what it has of the file.
 */
int rzs_spill_facts_look(int fd, const char *path, struct rzs_spill_facts *f,
			 char why[RZS_WHY_MAX]);

#endif
