/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Byte ranges, and the map of what is stored.  Partial pages are known only here. */
#include "store.h"

/* The part of a range that lies in its first page. */
struct part {
	rzs_slot_t slot;
	uint32_t off, len;
};

static struct part range_first(uint64_t offset, uint64_t len)
{
	struct part part;

	part.slot = offset >> RZS_PAGE_SHIFT;
	part.off = (uint32_t)(offset & (RZS_PAGE_SIZE - 1));
	part.len = RZS_PAGE_SIZE - part.off;
	if (part.len > len)
		part.len = (uint32_t)len;
	return part;
}

static bool range_ok(const struct rzs_store *store, uint64_t len, uint64_t offset)
{
	uint64_t size = store->slots.nr << RZS_PAGE_SHIFT;

	return len <= size && offset <= size - len;
}

int rzs_store_pread(struct rzs_store *store, struct rzs_worker *w, void *buf, uint64_t len,
		    uint64_t offset)
{
	uint8_t *to = buf;
	int err = 0;

	if (!range_ok(store, len, offset) || w->store != store)
		return -EINVAL;
	while (len && !err) {
		struct part part = range_first(offset, len);

		if (part.len == RZS_PAGE_SIZE) {
			err = rzs_store_read(store, w, part.slot, to);
		} else {
			err = rzs_store_read(store, w, part.slot, w->page);
			if (!err)
				memcpy(to, w->page + part.off, part.len);
			if (store->pool.wipe)
				rzs_worker_wipe(w);
		}
		to += part.len;
		offset += part.len;
		len -= part.len;
	}
	return err;
}

/* Prepare the next whole pages of a write; returns how many. */
static unsigned range_prepare(struct rzs_store *store, struct rzs_worker *w, const uint8_t *from,
			      uint64_t len)
{
	const void *pages[RZS_PREPARE_MAX];
	unsigned n;

	for (n = 0; n < RZS_PREPARE_MAX && len >= RZS_PAGE_SIZE; n++, len -= RZS_PAGE_SIZE)
		pages[n] = from + n * RZS_PAGE_SIZE;
	return rzs_store_prepare(store, w, pages, n);
}

int rzs_store_pwrite(struct rzs_store *store, struct rzs_worker *w, const void *buf, uint64_t len,
		     uint64_t offset)
{
	const uint8_t *from = buf;
	unsigned ready = 0, next = 0;
	int err = 0;

	if (!range_ok(store, len, offset) || w->store != store)
		return -EINVAL;
	while (len && !err) {
		struct part part = range_first(offset, len);

		if (part.len == RZS_PAGE_SIZE && next == ready) {
			ready = range_prepare(store, w, from, len);
			next = 0;
		}
		if (part.len < RZS_PAGE_SIZE)
			err = rzs_store_modify(store, w, part.slot, from, part.off, part.len);
		else if (next < ready)
			err = rzs_store_write_prepared(store, w, part.slot, next++);
		else
			err = rzs_store_write(store, w, part.slot, from);
		from += part.len;
		offset += part.len;
		len -= part.len;
	}
	return err;
}

/* Zero or trim a range: drop whole pages; write zeros into partial ones if partial is set. */
static int range_drop(struct rzs_store *store, struct rzs_worker *w, uint64_t len, uint64_t offset,
		      bool partial)
{
	int err = 0;

	if (!range_ok(store, len, offset) || w->store != store)
		return -EINVAL;
	while (len && !err) {
		struct part part = range_first(offset, len);
		uint64_t done = part.len, *p;

		if (part.len == RZS_PAGE_SIZE) {
			done = len & ~(uint64_t)(RZS_PAGE_SIZE - 1);
			err = rzs_store_discard(store, w, part.slot, done >> RZS_PAGE_SHIFT);
		} else if (partial) {
			/* A page that is not stored reads as zeros already, or is elsewhere. */
			p = rzs_slots_lookup(&store->slots, part.slot);
			if (p && rzs_load(p))
				err = rzs_store_modify(store, w, part.slot, NULL, part.off,
						       part.len);
			else if (rzs_store_has_backing(store, part.slot))
				err = -ENODATA;
		}
		offset += done;
		len -= done;
	}
	return err;
}

int rzs_store_pzero(struct rzs_store *store, struct rzs_worker *w, uint64_t len, uint64_t offset)
{
	return range_drop(store, w, len, offset, true);
}

int rzs_store_ptrim(struct rzs_store *store, struct rzs_worker *w, uint64_t len, uint64_t offset)
{
	return range_drop(store, w, len, offset, false);
}

static enum rzs_map_kind map_kind(uint64_t word)
{
	if (!rzs_word_stable(word))
		return RZS_MAP_HOLE;
	return rzs_word_is_zero_page(word) ? RZS_MAP_ZERO : RZS_MAP_DATA;
}

/* How many of nr pages, which are in one chunk, are of this kind; counted up to the first other. */
static uint64_t map_run(struct rzs_store *store, rzs_slot_t slot, uint64_t nr,
			enum rzs_map_kind kind)
{
	uint64_t *p = rzs_slots_lookup(&store->slots, slot), i;

	if (!p)
		return kind == RZS_MAP_HOLE ? nr : 0;
	for (i = 0; i < nr; i++)
		if (map_kind(rzs_load(p + i)) != kind)
			break;
	return i;
}

int rzs_store_map(struct rzs_store *store, rzs_slot_t slot, uint64_t nr,
		  enum rzs_map_kind *out_kind, uint64_t *out_run)
{
	uint64_t run = 0, chunk, n, *p;

	*out_kind = RZS_MAP_HOLE;
	*out_run = 0;
	if (!nr || !rzs_store_range_ok(store, slot, nr))
		return -EINVAL;
	p = rzs_slots_lookup(&store->slots, slot);
	if (p)
		*out_kind = map_kind(rzs_load(p));
	do {
		chunk = rzs_slots_in_chunk(slot + run, nr - run);
		n = map_run(store, slot + run, chunk, *out_kind);
		run += n;
	} while (n == chunk && run < nr);
	*out_run = run ? run : 1; /* 0: another thread has just changed the first page */
	return 0;
}
