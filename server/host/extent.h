/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What base:allocation says of a run of pages, for every NBD server around a store.
 *
 * What NBD promises for an extent without HOLE is that no write to it fails with ENOSPC.  With a
 * memlimit none of our extents can promise that: a page that took 100 bytes may be overwritten with
 * one that takes 4096.  So with a memlimit everything is HOLE; stored pages are HOLE without ZERO,
 * which tells clients to read them.  Without one no write gives ENOSPC (the machine running out
 * shows as ENOMEM), and HOLE means what people expect of it: nothing is stored there.
 *
 * Threading: a pure function.
 */
#ifndef RZS_EXTENT_H
#define RZS_EXTENT_H

#include "rzs_store.h"

/* As on the wire. */
#define RZS_EXTENT_HOLE (1u << 0)
#define RZS_EXTENT_ZERO (1u << 1)

/* limited: a memlimit is in force. */
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
