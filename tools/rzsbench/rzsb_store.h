/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Filling a store in this process.
 */
#ifndef RZSB_STORE_H
#define RZSB_STORE_H

#include "rzs_store.h"

/*
 * Write a page of 4096 bytes, and again for up to 20 seconds while the store's reserve is empty;
 * *retries is incremented each time.  Any thread, which must hold the worker; may sleep.  Ends the
 * program on any other error.
 */
void rzsb_store_put(struct rzs_store *s, struct rzs_worker *w, uint32_t slot, const void *page,
		    uint64_t *retries);

#endif
