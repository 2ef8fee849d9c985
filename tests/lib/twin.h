/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A store and its model, driven together: every call does the same to both, compares what comes
 * back, and on the first difference says what and where and aborts (which both the unit tests'
 * harness and a fuzzer take for a failure).
 *
 * A refused write (-ENOSPC, -ENOMEM) does not count as a difference where the caller allows
 * it.  Then the old bytes must still be there; of a range, exactly the pages before the refused one
 * may have changed.
 *
 * Threading: one thread per pair.
 */
#ifndef RZS_TEST_TWIN_H
#define RZS_TEST_TWIN_H

#include "model.h"
#include "rzs_store.h"

struct twin {
	struct rzs_store *store;
	struct rzs_worker *worker;
	struct model model;
	bool may_refuse;
	bool was_damaged; /* the test has spoilt memory: broken invariants may have been met */
	uint64_t ops;	  /* calls made, for the message of a failure */
	uint64_t refused; /* writes the store refused */
	uint64_t limit;	  /* as last set */
	uint8_t *buf;	  /* as large as the store */
};

/* Aborts on failure: cfg is one the store must accept. */
void twin_open(struct twin *t, const struct rzs_config *cfg);
/* Compares everything once more, then destroys the store. */
void twin_close(struct twin *t);

_Noreturn void twin_fail(const struct twin *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* All of these return what the store returned: 0, -ENOSPC or -ENOMEM. */
int twin_write(struct twin *t, uint64_t slot, const void *page);
int twin_pwrite(struct twin *t, const void *buf, uint64_t len, uint64_t offset);
int twin_pzero(struct twin *t, uint64_t len, uint64_t offset);
int twin_set_limit(struct twin *t, uint64_t limit);

void twin_read(struct twin *t, uint64_t slot);
void twin_pread(struct twin *t, uint64_t len, uint64_t offset);
void twin_ptrim(struct twin *t, uint64_t len, uint64_t offset);
void twin_discard(struct twin *t, uint64_t slot, uint64_t nr);
void twin_map(struct twin *t, uint64_t slot, uint64_t nr);
/* Returns the blocks given back. */
uint64_t twin_compact(struct twin *t, uint64_t max_objects);

/* Scan nr pages, or unshare them; returns the pages merged, or whether nothing is shared now. */
uint64_t twin_merge(struct twin *t, const struct rzs_merge_params *params, uint64_t nr);
bool twin_unmerge(struct twin *t, uint64_t nr);

/* The identities of rzs_stats, and its counts against the model's. */
void twin_check_stats(struct twin *t);
/* The store's own verify. */
void twin_verify(struct twin *t, bool check_data);
/* Every page, the map, the stats and verify. */
void twin_check_all(struct twin *t);

/* The identities alone, for tests without a model; NULL, or the one that is broken. */
const char *twin_stats_broken(const struct rzs_stats *s);

#endif
