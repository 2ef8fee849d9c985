/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Adopting an image: the steps of rzs_store_adopt(), which store_admin.c takes in this order. */
#ifndef RZS_ADOPT_H
#define RZS_ADOPT_H

#include "store.h"

/*
 * Claim the blocks that the image has: those of its tables, and those of objects.  All others are
 * free afterwards.  NULL, or why the image is refused (a constant string).
 */
const char *rzs_adopt_blocks(struct rzs_store *store, struct rzs_adopted *found);

/*
 * Prove slots, shares and objects, and make anew what follows from them: directories, lists,
 * counters.  w: any worker; all workers' counters are 0.
 */
void rzs_adopt_pages(struct rzs_store *store, struct rzs_worker *w, bool check_data,
		     struct rzs_adopted *found);

#endif
