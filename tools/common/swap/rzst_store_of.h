/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What holds a swap area's pages, and what that counts: zram, our module, our servers. */
#ifndef RZST_STORE_OF_H
#define RZST_STORE_OF_H

#include "rzst_area.h"

/* An area that compresses into memory; all bytes. */
struct rzst_store {
	uint64_t free;	      /* of its slots */
	uint64_t stored, mem; /* what it holds, and the memory that takes */
	uint64_t limit;	      /* of mem; 0: none */
};

/*
 * What it holds in memory.  -ENODATA: it is no store in memory, or does not say.  *out is then
 * zeros.  Asks a server, and waits at most 2 s for its answer.
 */
int rzst_store_of(const struct rzst_area *area, struct rzst_store *out);

#endif
