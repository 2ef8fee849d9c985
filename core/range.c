/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Byte ranges on top of whole pages: the one place that knows about partial pages. */
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

int rzs_store_pwrite(struct rzs_store *store, struct rzs_worker *w, const void *buf, uint64_t len,
		     uint64_t offset)
{
	const uint8_t *from = buf;
	int err = 0;

	if (!range_ok(store, len, offset) || w->store != store)
		return -EINVAL;
	while (len && !err) {
		struct part part = range_first(offset, len);

		if (part.len == RZS_PAGE_SIZE)
			err = rzs_store_write(store, w, part.slot, from);
		else
			err = rzs_store_modify(store, w, part.slot, from, part.off, part.len);
		from += part.len;
		offset += part.len;
		len -= part.len;
	}
	return err;
}

/* Zeroing or trimming: whole pages are dropped; partial ones are rewritten when partial is set. */
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
			/* A page that is not there has no bytes to clear. */
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

int rzs_store_map(struct rzs_store *store, rzs_slot_t slot, uint64_t nr,
		  enum rzs_map_kind *out_kind, uint64_t *out_run)
{
	uint64_t run = 0, i, *p;

	*out_kind = RZS_MAP_HOLE;
	*out_run = 0;
	if (!nr || !rzs_store_range_ok(store, slot, nr))
		return -EINVAL;
	p = rzs_slots_lookup(&store->slots, slot);
	if (p)
		*out_kind = map_kind(rzs_load(p));
	while (run < nr) {
		uint64_t chunk = RZS_SLOTS_PER_CHUNK - (slot + run) % RZS_SLOTS_PER_CHUNK;

		p = rzs_slots_lookup(&store->slots, slot + run);
		if (!p && *out_kind != RZS_MAP_HOLE)
			break;
		for (i = 0; p && i < chunk && run + i < nr; i++)
			if (map_kind(rzs_load(p + i)) != *out_kind)
				break;
		if (p && i < chunk) {
			run += i;
			break;
		}
		run += chunk;
	}
	*out_run = run < nr ? run : nr;
	if (!*out_run)
		*out_run = 1; /* changed by another thread between the two looks */
	return 0;
}
