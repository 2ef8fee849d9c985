/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finding an object that is equal to another one, for merge.c, which scans, and for writes that
 * merge (store.c).
 *
 * The index is a hash table of bounded size, keyed by an object's size and checksum.  It has the
 * numbers of shares (share.h), and of pages that share nothing yet.  It may be incomplete or out of
 * date without harm, since what it names is looked at again, and objects are compared byte by byte.
 *
 * Two threads may be at the same pages.  A page gets a share's word by a compare-and-swap of its
 * word under the lock of its object's block, so the object is still the one that was compared.  The
 * thread that does so counts as a user of the share meanwhile, so the share stays.
 *
 * Concurrency: any thread, any number at once, while the index is open.  An entry is one word.
 */
#ifndef RZS_MERGE_FIND_H
#define RZS_MERGE_FIND_H

#include "store.h"

/* An object for which an equal one is wanted. */
struct rzs_merge_wanted {
	rzs_slot_t slot;   /* of its page, which is no twin of itself */
	const void *data;  /* its bytes, which stay the same meanwhile */
	uint32_t size;	   /* RZS_PAGE_SIZE: raw */
	uint64_t codec2;   /* RZS_SLOT_CODEC2: made by the second codec; else 0 */
	uint32_t sharing;  /* so many pages may share an object */
	uint64_t key;	   /* rzs_merge_key() */
};

/* Equal objects have equal keys.  sum: the checksum, or rzs_merge_sum() if the store has none. */
uint64_t rzs_merge_key(uint32_t size, uint32_t sum);
uint32_t rzs_merge_sum(const void *data, uint32_t size);

/* Whether the index may know an object with this key. */
bool rzs_merge_known(const struct rzs_store *store, uint64_t key);

/*
 * Find an object equal to the wanted one, and become a user of its share, which is made if there is
 * none.  Returns the word for a page that uses the share, or 0: there is no such object.  Then the
 * index has the wanted one's page under the key.  Never sleeps but on locks of the pool.
 */
uint64_t rzs_merge_find(struct rzs_store *store, struct rzs_worker *w,
			const struct rzs_merge_wanted *wanted);

/* Remember a page with this word under the key: the page itself, or the share that it uses. */
void rzs_merge_remember(struct rzs_store *store, uint64_t key, rzs_slot_t slot, uint64_t word);

#endif
