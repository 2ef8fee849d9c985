/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sealed blocks: reading and dropping objects, and the places on disk.  See sealed.h. */
#include "sealed.h"
#include "hash.h"

/* ---- places ---- */

bool rzs_place_take(struct rzs_spill *s, uint32_t *out)
{
	uint32_t words = (s->nr_places + 63) / 64, i, at;
	bool found = false;

	*out = RZS_NO_PLACE;
	rzs_lock(&s->lock);
	for (i = 0; i < words && !found; i++) {
		uint64_t *bits = &s->places[at = (s->place_at + i) % words];

		if (*bits == UINT64_MAX)
			continue;
		*out = at * 64 + (unsigned)__builtin_ctzll(~*bits);
		*bits |= 1ull << *out % 64;
		s->place_at = at;
		found = true;
	}
	rzs_unlock(&s->lock);
	rzs_add(&s->places_used, found);
	return found;
}

void rzs_place_free(struct rzs_spill *s, uint32_t place)
{
	if (place == RZS_NO_PLACE)
		return;
	rzs_lock(&s->lock);
	s->places[place / 64] &= ~(1ull << place % 64);
	rzs_unlock(&s->lock);
	rzs_add(&s->places_used, (uint64_t)-1);
}

/* ---- one block ---- */

/* Whether it is a sealed block that can have the object of word. */
static bool sealed_fits(const struct rzs_block *b, uint64_t word)
{
	bool raw = rzs_word_kind(word) == RZS_KIND_RAW;

	return b->type == (raw ? RZS_BLOCK_SEALED_PAGES : RZS_BLOCK_SEALED_PACKED) &&
	       rzs_word_index(word) < rzs_sealed_nr(b) && rzs_sealed_live(b, rzs_word_index(word));
}

bool rzs_sealed_has(const struct rzs_pool *p, const struct rzs_block *b, rzs_owner_t owner,
		    uint64_t word)
{
	struct rzs_object o;

	if (!sealed_fits(b, word))
		return false;
	if (b->type == RZS_BLOCK_SEALED_PAGES)
		return rzs_block_owner(b, rzs_word_index(word)) == owner;
	if (!b->mem)
		return true; /* the directory is elsewhere, too: the word is to be believed */
	return !rzs_sealed_object(b, rzs_block_mem(p, b), rzs_word_index(word), &o) &&
	       o.owner == owner && o.size == rzs_word_size(word);
}

uint32_t rzs_sealed_nr_live(const struct rzs_block *b)
{
	uint32_t n = 0, i;

	for (i = 0; i < rzs_sealed_nr(b); i++)
		n += rzs_sealed_live(b, i);
	return n;
}

int rzs_sealed_object(const struct rzs_block *b, uint8_t *bytes, uint32_t i, struct rzs_object *out)
{
	const struct rzs_entry *e;

	memset(out, 0, sizeof(*out));
	if (!(b->type & RZS_BLOCK_PACKED)) {
		out->owner = rzs_block_owner(b, i);
		out->size = RZS_PAGE_SIZE;
		out->data = bytes + i * RZS_PAGE_SIZE;
		return 0;
	}
	e = rzs_packed_lookup(&b->packed, bytes, i);
	if (!e)
		return -EIO;
	out->owner = rzs_entry_owner(e);
	out->size = rzs_entry_size(e);
	out->sum = e->sum;
	out->data = bytes + rzs_entry_offset(e);
	return 0;
}

uint64_t rzs_sealed_hash(const struct rzs_block *b, const uint8_t *bytes, bool checksum)
{
	uint32_t dir = 0;

	if (b->type & RZS_BLOCK_PACKED)
		dir = b->packed.ndir * (uint32_t)sizeof(struct rzs_entry);
	if (!checksum)
		dir = RZS_BLOCK_SIZE;
	return rzs_hash64(bytes + RZS_BLOCK_SIZE - dir, dir, b->place);
}

void rzs_sealed_count(const struct rzs_block *b, struct rzs_worker *w, uint8_t *bytes,
		      uint64_t sign)
{
	uint64_t nr = 0, size = 0, dir = 0;
	struct rzs_object o;
	uint32_t i;

	for (i = 0; i < rzs_sealed_nr(b); i++)
		if (rzs_sealed_live(b, i) && !rzs_sealed_object(b, bytes, i, &o)) {
			nr++;
			size += o.size;
		}
	if (b->type & RZS_BLOCK_PACKED)
		dir = b->packed.ndir * sizeof(struct rzs_entry);
	rzs_count(&w->counters, RZS_C_pages_spilled, nr * sign);
	rzs_count(&w->counters, RZS_C_spilled_bytes, size * sign);
	rzs_count(&w->counters, RZS_C_object_bytes, (uint64_t)0 - size * sign);
	rzs_count(&w->counters, RZS_C_object_meta_bytes, (uint64_t)0 - dir * sign);
}

void rzs_sealed_free(struct rzs_pool *p, uint32_t id, struct rzs_block *b)
{
	uint32_t place = b->place;

	b->type = RZS_BLOCK_UNUSED;
	b->next = b->prev = 0;
	rzs_unlock(&b->lock);
	rzs_place_free(p->spill, place);
	rzs_pool_free_id(p, id, b);
}

/* If the block's buffer is nobody's, take it away.  Returns whether the block has no transfer. */
static bool sealed_detach_idle(struct rzs_spill *s, struct rzs_block *b)
{
	struct rzs_transfer *t = b->transfer ? &s->transfers[b->transfer - 1] : NULL;

	if (!t)
		return true;
	rzs_lock(&s->lock);
	if (b->transfer > s->nr_out && !t->holds) {
		t->state = RZS_TRANSFER_FREE;
		b->transfer = 0;
	}
	rzs_unlock(&s->lock);
	return !b->transfer;
}

void rzs_sealed_drop(struct rzs_pool *p, struct rzs_worker *w, uint32_t id, struct rzs_block *b,
		     rzs_owner_t owner, uint64_t word)
{
	uint32_t i = rzs_word_index(word), size = rzs_word_size(word);

	if (!rzs_sealed_has(p, b, owner, word)) {
		rzs_unlock(&b->lock);
		rzs_count(&w->counters, RZS_C_impossible, 1);
		return;
	}
	if (b->type & RZS_BLOCK_PACKED)
		b->live[i / 32] &= ~(1u << i % 32);
	else
		rzs_block_set_owner(b, i, RZS_SLOT_NONE);
	if (b->mem) {
		rzs_count(&w->counters, RZS_C_object_bytes, (uint64_t)0 - size);
	} else {
		rzs_count(&w->counters, RZS_C_pages_spilled, (uint64_t)-1);
		rzs_count(&w->counters, RZS_C_spilled_bytes, (uint64_t)0 - size);
	}
	/* Whoever has work to do with an empty block frees it afterwards. */
	if (rzs_sealed_empty(b) && sealed_detach_idle(p->spill, b))
		rzs_sealed_free(p, id, b);
	else
		rzs_unlock(&b->lock);
}

/* ---- reading ---- */

uint8_t *rzs_sealed_bytes(const struct rzs_pool *p, const struct rzs_block *b)
{
	const struct rzs_transfer *t;

	if (b->mem)
		return rzs_block_mem(p, b);
	t = b->transfer ? &p->spill->transfers[b->transfer - 1] : NULL;
	return t && t->state == RZS_TRANSFER_LOADED ? rzs_blocks_at(p->blocks, t->mem) : NULL;
}

static struct rzs_block *sealed_block(struct rzs_pool *p, uint64_t word)
{
	uint32_t id = rzs_word_is_object(word) ? rzs_word_block(word) : 0;

	return id && id < rzs_load(&p->next_id) ? rzs_pool_block(p, id) : NULL;
}

bool rzs_sealed_is(struct rzs_pool *p, uint64_t word)
{
	struct rzs_block *b = p->spill ? sealed_block(p, word) : NULL;
	bool is;

	if (!b)
		return false;
	rzs_lock(&b->lock);
	is = sealed_fits(b, word);
	rzs_unlock(&b->lock);
	return is;
}

/* The part of rzs_sealed_read() under the block's lock. */
static int sealed_copy(struct rzs_pool *p, struct rzs_worker *w, struct rzs_block *b,
		       rzs_owner_t owner, uint64_t word, void *buf, struct rzs_object *out)
{
	const struct rzs_transfer *t = NULL;
	uint8_t *bytes;

	if (!(b->type & RZS_BLOCK_SEALED))
		return -ENOENT;
	if (!sealed_fits(b, word))
		return -EIO;
	bytes = rzs_sealed_bytes(p, b);
	if (!bytes) {
		t = b->transfer ? &p->spill->transfers[b->transfer - 1] : NULL;
		return t && t->state == RZS_TRANSFER_FAILED ? -EIO : -EINPROGRESS;
	}
	if (rzs_sealed_object(b, bytes, rzs_word_index(word), out) || out->owner != owner ||
	    out->size != rzs_word_size(word))
		return -EIO;
	if (rzs_word_kind(word) == RZS_KIND_RAW)
		out->sum = rzs_word_sum24(word);
	memcpy(buf, out->data, out->size);
	out->data = buf;
	rzs_count(&w->counters, RZS_C_spill_refaults, !b->mem);
	return 0;
}

int rzs_sealed_read(struct rzs_pool *p, struct rzs_worker *w, rzs_owner_t owner, uint64_t word,
		    uint64_t *p_word, void *buf, struct rzs_object *out)
{
	struct rzs_block *b = p->spill ? sealed_block(p, word) : NULL;
	int err;

	memset(out, 0, sizeof(*out));
	if (!b)
		return -EIO;
	rzs_lock(&b->lock);
	if (rzs_word_stable(rzs_load(p_word)) != rzs_word_stable(word))
		err = -EAGAIN;
	else
		err = sealed_copy(p, w, b, owner, word, buf, out);
	rzs_unlock(&b->lock);
	return err;
}

/* ---- back to an ordinary block ---- */

void rzs_sealed_open(struct rzs_pool *p, struct rzs_worker *w, uint32_t id, struct rzs_block *b)
{
	uint8_t *mem = rzs_block_mem(p, b);
	bool packed = b->type & RZS_BLOCK_PACKED;
	uint32_t ndir = b->packed.ndir, i;

	for (i = 0; packed && i < ndir; i++)
		if (!rzs_sealed_live(b, i))
			rzs_packed_entry(mem, i)->slot = RZS_SLOT_NONE;
	for (i = 0; !packed && p->wipe && i < RZS_PAGES_PER_BLOCK; i++)
		if (!rzs_sealed_live(b, i))
			rzs_port_wipe(mem + i * RZS_PAGE_SIZE, RZS_PAGE_SIZE);
	b->type &= (uint8_t)~RZS_BLOCK_SEALED;
	b->next = b->prev = 0;
	if (packed && rzs_packed_mend(&b->packed, mem, &w->scratch, p->wipe) >= 0)
		rzs_count(&w->counters, RZS_C_impossible, 1);
	if (packed)
		rzs_count(&w->counters, RZS_C_object_meta_bytes,
			  (uint64_t)((int64_t)b->packed.ndir - ndir) * sizeof(struct rzs_entry));
	rzs_block_putback(p, id, b);
}
