/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What arena.c and arena_shared.c share. */
#ifndef RZS_ARENA_PRIVATE_H
#define RZS_ARENA_PRIVATE_H

#include "arena.h"

/* Map a bitmap of zeros for all units.  0; -ENOMEM: rzs_arena_release() unmaps what there is. */
int rzs_arena_bitmap(struct rzs_arena *r, uint64_t **out);

/* nr units from unit on, which are committed or have just been opened, have no memory now. */
void rzs_arena_set_uncommitted(struct rzs_arena *r, uint64_t unit, uint64_t nr);

/* Open the next nr units of an arena in shared memory.  0 or -ENOMEM. */
int rzs_arena_open_shared(struct rzs_arena *r, uint64_t nr);

#endif
