/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flags of base:allocation for a run of pages, for every NBD server around a store.
 *
 * NBD requires that no write to an extent without HOLE fails with ENOSPC.  With a memlimit no
 * extent of ours can guarantee that: a page that took 100 bytes may be overwritten with one that
 * takes 4096.  So with a memlimit every extent is a HOLE, and stored pages are HOLE without ZERO,
 * so that clients read them.  Without one no write fails with ENOSPC (ENOMEM means that the machine
 * is out of memory), and HOLE means what people expect: nothing is stored there.
 *
 * Threading: a pure function, for the data path.
 */
#ifndef RZS_EXTENT_H
#define RZS_EXTENT_H

#include "rzs_store.h"

/* NBD's values. */
#define RZS_EXTENT_HOLE (1u << 0)
#define RZS_EXTENT_ZERO (1u << 1)

/* The flags for pages of this kind.  limited: there is a memlimit. */
static inline uint32_t rzs_extent_flags(enum rzs_map_kind kind, bool limited)
{
	uint32_t scarce = limited ? RZS_EXTENT_HOLE : 0;

	switch (kind) {
	case RZS_MAP_HOLE:
		return RZS_EXTENT_HOLE | RZS_EXTENT_ZERO;
	case RZS_MAP_ZERO:
		return RZS_EXTENT_ZERO | scarce;
	default:
		return scarce;
	}
}

#endif
