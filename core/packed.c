/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inside of a packed block.  See packed.h for the layout and the invariants. */
#include "packed.h"

static uint32_t packed_round(uint32_t size)
{
	return (size + 1) & ~1u;
}

static uint32_t packed_place(uint32_t offset, uint32_t size)
{
	return offset / 2 | size << 14;
}

static uint32_t packed_dir_start(const struct rzs_packed *b)
{
	return RZS_BLOCK_SIZE - b->ndir * (uint32_t)sizeof(struct rzs_entry);
}

/* Bytes of the tail that a put can use: less a new entry if none is free. */
static uint32_t packed_tail(const struct rzs_packed *b)
{
	uint32_t tail = packed_dir_start(b) - b->top;
	uint32_t entry = b->ndir == b->nlive ? sizeof(struct rzs_entry) : 0;

	return tail > entry ? tail - entry : 0;
}

/* Find the largest gap again. */
static void packed_update_max_gap(struct rzs_packed *b, void *mem)
{
	uint32_t max_gap = packed_tail(b), left = b->ndir - b->nlive, i;

	for (i = 0; left && i < b->ndir; i++) {
		struct rzs_entry *e = rzs_packed_entry(mem, i);

		if (e->slot != RZS_SLOT_NONE)
			continue;
		if (rzs_entry_size(e) > max_gap)
			max_gap = rzs_entry_size(e);
		left--;
	}
	b->max_gap = (uint16_t)max_gap;
}

void rzs_packed_init(struct rzs_packed *b)
{
	b->ndir = 0;
	b->nlive = 0;
	b->top = 0;
	b->free = (uint16_t)RZS_BLOCK_SIZE;
	b->max_gap = (uint16_t)packed_tail(b);
}

/*
 * The free entry with the smallest gap of at least need bytes, or -1.  *out_any: a free entry for
 * an object that is put elsewhere, or -1; one without a gap if there is one, since its gap is lost.
 */
static int packed_best_gap(const struct rzs_packed *b, void *mem, uint32_t need, int *out_any)
{
	uint32_t left = b->ndir - b->nlive, best_size = 0, i;
	int best = -1;

	*out_any = -1;
	for (i = 0; left && i < b->ndir; i++) {
		struct rzs_entry *e = rzs_packed_entry(mem, i);
		uint32_t size = rzs_entry_size(e);

		if (e->slot != RZS_SLOT_NONE)
			continue;
		left--;
		if (*out_any < 0 || size == 0)
			*out_any = (int)i;
		if (size >= need && (best < 0 || size < best_size) &&
		    rzs_entry_offset(e) + size <= b->top) {
			best = (int)i;
			best_size = size;
		}
	}
	return best;
}

/* Restore the heap below root. */
static void packed_sift(uint32_t *key, uint32_t root, uint32_t n)
{
	uint32_t child, t;

	for (; (child = 2 * root + 1) < n; root = child) {
		if (child + 1 < n && key[child + 1] > key[child])
			child++;
		if (key[root] >= key[child])
			return;
		t = key[root];
		key[root] = key[child];
		key[child] = t;
	}
}

/*
 * A block usually has about 25 objects, and 2340 at worst.  Insertion sort is best for the usual
 * case, and heapsort bounds the time of the worst.
 */
static void packed_sort(uint32_t *key, uint32_t n)
{
	uint32_t i, j, t;

	if (n <= 64) {
		for (i = 1; i < n; i++) {
			t = key[i];
			for (j = i; j > 0 && key[j - 1] > t; j--)
				key[j] = key[j - 1];
			key[j] = t;
		}
		return;
	}
	for (i = n / 2; i-- > 0;)
		packed_sift(key, i, n);
	for (i = n; i-- > 1;) {
		t = key[0];
		key[0] = key[i];
		key[i] = t;
		packed_sift(key, 0, i);
	}
}

/* Live entries by offset: scratch->key[] = offset / 2 << 12 | index.  Returns their number. */
static uint32_t packed_by_offset(const struct rzs_packed *b, void *mem,
				 struct rzs_packed_scratch *scratch)
{
	uint32_t n = 0, i;

	for (i = 0; i < b->ndir && n < b->nlive; i++) {
		struct rzs_entry *e = rzs_packed_entry(mem, i);

		if (e->slot != RZS_SLOT_NONE)
			scratch->key[n++] = rzs_entry_offset(e) / 2 << 12 | i;
	}
	packed_sort(scratch->key, n);
	return n;
}

/* Remove the last entries from the directory while they are free and have no gap. */
static void packed_trim_dir(struct rzs_packed *b, void *mem)
{
	while (b->ndir) {
		struct rzs_entry *e = rzs_packed_entry(mem, b->ndir - 1u);

		if (e->slot != RZS_SLOT_NONE || rzs_entry_size(e))
			return;
		b->ndir--;
		b->free += sizeof(*e);
	}
}

/*
 * Whether the n sorted objects are where objects can be.  This is checked before a slide, which
 * must not move memory by a damaged directory.
 */
static bool packed_sane(const struct rzs_packed *b, void *mem,
			const struct rzs_packed_scratch *scratch, uint32_t n)
{
	uint32_t end = 0, i;

	for (i = 0; i < n; i++) {
		uint32_t index = scratch->key[i] & 0xfff;
		struct rzs_entry *e = rzs_packed_lookup(b, mem, index);

		if (!e || rzs_entry_offset(e) < end)
			return false;
		end = rzs_entry_offset(e) + packed_round(rzs_entry_size(e));
	}
	return n == b->nlive && end <= b->top;
}

/*
 * Copy the n sorted objects to the start of spare, whose directory is a copy of the block's.
 * Neighbours are copied at once.  Returns the bytes copied.
 */
static uint32_t packed_copy_down(const uint8_t *mem, uint8_t *spare,
				 const struct rzs_packed_scratch *scratch, uint32_t n)
{
	uint32_t start = 0, end = 0, to = 0, i;

	for (i = 0; i < n; i++) {
		struct rzs_entry *e = rzs_packed_entry(spare, scratch->key[i] & 0xfff);
		uint32_t from = rzs_entry_offset(e), size = rzs_entry_size(e);

		if (from != end) {
			memcpy(spare + to, mem + start, end - start);
			to += end - start;
			start = end = from;
		}
		e->place = packed_place(to + from - start, size) | (e->place & RZS_ENTRY_SHARE);
		end += packed_round(size);
	}
	memcpy(spare + to, mem + start, end - start);
	return to + end - start;
}

/*
 * Copy the block to spare with all objects at its start, so that all available bytes are in the
 * tail.  *out_slid: bytes copied, not 0.  -EIO: the directory is broken, and *out_slid is 0.
 */
static int packed_slide(struct rzs_packed *b, void *mem, void *spare,
			struct rzs_packed_scratch *scratch, uint32_t *out_slid)
{
	uint32_t n = packed_by_offset(b, mem, scratch), dir = packed_dir_start(b), left, i;

	*out_slid = 0;
	if (!n || !packed_sane(b, mem, scratch, n))
		return -EIO;
	memcpy((uint8_t *)spare + dir, (uint8_t *)mem + dir, RZS_BLOCK_SIZE - dir);
	*out_slid = packed_copy_down(mem, spare, scratch, n);
	b->top = (uint16_t)*out_slid;
	for (i = 0, left = b->ndir - n; left && i < b->ndir; i++) {
		struct rzs_entry *e = rzs_packed_entry(spare, i);

		if (e->slot == RZS_SLOT_NONE) {
			e->place = 0;
			left--;
		}
	}
	packed_trim_dir(b, spare);
	b->max_gap = (uint16_t)packed_tail(b);
	return 0;
}

/*
 * Choose the place and the entry of an object of need bytes, and take them.  *out_spent: the gap
 * that the entry had, which is gone now.  -EIO: the directory is broken.
 */
static int packed_take_place(struct rzs_packed *b, void *mem, uint32_t need, uint32_t *out_index,
			     uint32_t *out_offset, uint32_t *out_spent)
{
	int any, gap = packed_best_gap(b, mem, need, &any);
	int index = gap >= 0 ? gap : any;

	/* With a free entry that does not look free, a new one would not fit. */
	if (gap < 0 && (need > packed_tail(b) || (any < 0 && b->ndir != b->nlive)))
		return -EIO;
	*out_spent = 0;
	if (index >= 0) {
		*out_spent = rzs_entry_size(rzs_packed_entry(mem, (uint32_t)index));
	} else {
		index = b->ndir++;
		b->free -= sizeof(struct rzs_entry);
	}
	*out_index = (uint32_t)index;
	if (gap >= 0) {
		*out_offset = rzs_entry_offset(rzs_packed_entry(mem, (uint32_t)gap));
	} else {
		*out_offset = b->top;
		b->top = (uint16_t)(b->top + need);
	}
	return 0;
}

int rzs_packed_put(struct rzs_packed *b, void *mem, rzs_owner_t owner, const void *data,
		   uint32_t size, uint32_t sum, void *spare, struct rzs_packed_scratch *scratch,
		   uint32_t *out_index, uint32_t *out_slid)
{
	uint32_t need = packed_round(size), index, spent, tail, offset;
	struct rzs_entry *e;

	*out_index = 0;
	*out_slid = 0;
	if (need > rzs_packed_avail(b))
		return -ENOSPC;
	if (need > b->max_gap) {
		if (packed_slide(b, mem, spare, scratch, out_slid))
			return -EIO;
		mem = spare;
	}

	tail = packed_tail(b);
	if (packed_take_place(b, mem, need, &index, &offset, &spent))
		return -EIO;
	memcpy((uint8_t *)mem + offset, data, size);
	e = rzs_packed_entry(mem, index);
	e->place = packed_place(offset, size);
	rzs_entry_set_owner(e, owner);
	e->sum = sum;
	b->nlive++;
	b->free = (uint16_t)(b->free - need);
	/* max_gap is still right, unless that gap is gone, or was the tail and this got shorter. */
	if (spent >= b->max_gap || (tail >= b->max_gap && packed_tail(b) < tail))
		packed_update_max_gap(b, mem);
	*out_index = index;
	return 0;
}

struct rzs_entry *rzs_packed_lookup(const struct rzs_packed *b, void *mem, uint32_t index)
{
	struct rzs_entry *e;

	if (index >= b->ndir)
		return NULL;
	e = rzs_packed_entry(mem, index);
	/* The entry may be damaged: it must not lead out of the block. */
	if (e->slot == RZS_SLOT_NONE || rzs_entry_size(e) == 0 ||
	    rzs_entry_size(e) > RZS_PACKED_MAX_OBJECT ||
	    rzs_entry_offset(e) + rzs_entry_size(e) > packed_dir_start(b))
		return NULL;
	return e;
}

void rzs_packed_rewrite(struct rzs_packed *b, void *mem, struct rzs_entry *e, const void *data,
			uint32_t size, uint32_t sum)
{
	uint32_t offset = rzs_entry_offset(e);

	memcpy((uint8_t *)mem + offset, data, size);
	b->free = (uint16_t)(b->free + packed_round(rzs_entry_size(e)) - packed_round(size));
	e->place = packed_place(offset, size) | (e->place & RZS_ENTRY_SHARE);
	e->sum = sum;
}

void rzs_packed_wipe(void *mem, uint32_t index)
{
	struct rzs_entry *e = rzs_packed_entry(mem, index);

	rzs_port_wipe((uint8_t *)mem + rzs_entry_offset(e), rzs_entry_size(e));
	e->sum = 0;
}

void rzs_packed_del(struct rzs_packed *b, void *mem, uint32_t index)
{
	struct rzs_entry *e = rzs_packed_entry(mem, index);
	uint32_t offset = rzs_entry_offset(e), size = packed_round(rzs_entry_size(e));

	e->slot = RZS_SLOT_NONE;
	b->nlive--;
	b->free = (uint16_t)(b->free + size);
	if (offset + size == b->top) {
		b->top = (uint16_t)offset;
		offset = size = 0; /* it becomes part of the tail */
	}
	e->place = packed_place(offset, size);
	if (b->nlive == 0) {
		rzs_packed_init(b); /* without objects there are no gaps */
		return;
	}
	packed_trim_dir(b, mem);
	/* Gaps and the tail have only grown: an entry with a gap is not trimmed. */
	if (b->max_gap < size)
		b->max_gap = (uint16_t)size;
	if (b->max_gap < packed_tail(b))
		b->max_gap = (uint16_t)packed_tail(b);
}

/* The part of rzs_packed_mend() that looks at the n sorted objects. */
static int packed_mend_bytes(struct rzs_packed *b, void *mem, struct rzs_packed_scratch *scratch,
			     uint32_t n, bool wipe)
{
	uint32_t end = 0, bytes = 0, i;

	for (i = 0; i < n; i++) {
		uint32_t index = scratch->key[i] & 0xfff;
		struct rzs_entry *e = rzs_packed_entry(mem, index);
		uint32_t offset = rzs_entry_offset(e), size = packed_round(rzs_entry_size(e));

		if (offset < end || offset + size > packed_dir_start(b))
			return (int)index;
		if (wipe)
			rzs_port_wipe((uint8_t *)mem + end, offset - end);
		end = offset + size;
		bytes += size;
	}
	if (wipe)
		rzs_port_wipe((uint8_t *)mem + end, packed_dir_start(b) - end);
	b->top = (uint16_t)end;
	b->free = (uint16_t)(packed_dir_start(b) - bytes);
	b->max_gap = (uint16_t)packed_tail(b);
	return -1;
}

int rzs_packed_mend(struct rzs_packed *b, void *mem, struct rzs_packed_scratch *scratch, bool wipe)
{
	uint32_t i;

	while (b->ndir && rzs_packed_entry(mem, b->ndir - 1u)->slot == RZS_SLOT_NONE)
		b->ndir--;
	b->nlive = 0;
	for (i = 0; i < b->ndir; i++) {
		struct rzs_entry *e = rzs_packed_entry(mem, i);

		if (e->slot == RZS_SLOT_NONE)
			e->place = e->sum = 0;
		else if (!rzs_packed_lookup(b, mem, i))
			return (int)i;
		else
			b->nlive++;
	}
	return packed_mend_bytes(b, mem, scratch, packed_by_offset(b, mem, scratch), wipe);
}

int rzs_packed_check(const struct rzs_packed *b, void *mem, struct rzs_packed_scratch *scratch,
		     const char **out_what)
{
	uint32_t live = 0, bytes = 0, end = 0, max_gap = packed_tail(b), i, n;

	*out_what = NULL;
	for (i = 0; i < b->ndir; i++) {
		struct rzs_entry *e = rzs_packed_entry(mem, i);

		if (e->slot != RZS_SLOT_NONE) {
			live++;
			bytes += packed_round(rzs_entry_size(e));
			if (!rzs_packed_lookup(b, mem, i))
				*out_what = "packed block: entry out of range";
		} else if (rzs_entry_size(e) > max_gap) {
			max_gap = rzs_entry_size(e);
		}
	}
	if (live != b->nlive)
		*out_what = "packed block: number of live entries";
	else if (b->top > packed_dir_start(b))
		*out_what = "packed block: objects run into the directory";
	else if (b->free != packed_dir_start(b) - bytes)
		*out_what = "packed block: free bytes";
	else if (b->max_gap != max_gap)
		*out_what = "packed block: largest gap";
	if (*out_what)
		return -EIO;

	n = packed_by_offset(b, mem, scratch);
	for (i = 0; i < n; i++) {
		struct rzs_entry *e = rzs_packed_entry(mem, scratch->key[i] & 0xfff);

		if (rzs_entry_offset(e) < end)
			*out_what = "packed block: objects overlap";
		end = rzs_entry_offset(e) + packed_round(rzs_entry_size(e));
	}
	if (end > b->top)
		*out_what = "packed block: object above the top";
	return *out_what ? -EIO : 0;
}
