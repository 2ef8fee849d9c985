/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Units: several idle pages, of neighbouring slots, compressed as one object by the second codec.
 *
 * A unit is a share (share.h) whose users are its pages.  A page's word, of kind MERGED with
 * CODEC2, has the number of the share and the page's place in the unit; the share's word has the
 * number of pages.  So compaction moves a unit by changing one word, a page leaves it by giving its
 * use up, and the last one frees it.  What pages leave behind stays in the object until then.
 *
 * The object is smaller than a page, so all that handles objects handles units.
 *
 * A read decompresses the unit into memory of the worker, where it stays for the next read.  It is
 * found there by the number of its share.  The contents of a unit never change, but its number may
 * be used again, by another one.  So a count goes up when a unit is freed, before its number can be
 * used again, and a worker keeps the count from before it has found the unit in use.  Whoever loads
 * a page's word with this number, and then the same count, has the same unit: between the two
 * moments none with this number was freed.
 *
 * Concurrency: any thread, with a worker of its own, reads and leaves units.  One thread makes them
 * (recompress_group.c).
 */
#ifndef RZS_UNIT_H
#define RZS_UNIT_H

#include "store.h"

/* The largest object of a unit.  One of a page would be a raw one. */
#define RZS_UNIT_OBJECT_MAX (RZS_PAGE_SIZE - 1)

/* As rzs_store_read_word(), of a page in a unit. */
int RZS_MUST_CHECK rzs_unit_read(struct rzs_store *store, struct rzs_worker *w, rzs_slot_t slot,
				 uint64_t word, uint64_t *p_word, void *page);
/* The page that had this word is in the unit no more; or, of one just made, it never was. */
void rzs_unit_leave(struct rzs_store *store, struct rzs_worker *w, uint64_t word);

#endif
