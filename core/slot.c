/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The slot table: chunks on demand, and the ways to change a word.  See slot.h. */
#include "slot.h"

static uint64_t slots_nr_chunks(uint64_t nr)
{
	return (nr + RZS_SLOTS_PER_CHUNK - 1) / RZS_SLOTS_PER_CHUNK;
}

uint64_t rzs_slots_table_bytes(uint64_t nr)
{
	return slots_nr_chunks(nr) * sizeof(uint32_t);
}

void rzs_slots_init(struct rzs_slots *t, uint64_t nr, uint32_t *chunks, struct rzs_blocks *blocks)
{
	t->nr = nr;
	t->nr_chunks = slots_nr_chunks(nr);
	t->chunks = chunks;
	t->blocks = blocks;
	t->chunks_held = 0;
}

void rzs_slots_wipe(struct rzs_slots *t)
{
	uint64_t i;

	/* A word of kind SAME or SAME32 is the contents of a page. */
	for (i = 0; t->chunks && i < t->nr_chunks; i++)
		if (t->chunks[i])
			rzs_port_wipe(rzs_blocks_at(t->blocks, t->chunks[i]), RZS_BLOCK_SIZE);
}

int rzs_slots_get(struct rzs_slots *t, rzs_slot_t slot, uint64_t **out)
{
	uint32_t *where = &t->chunks[slot / RZS_SLOTS_PER_CHUNK], chunk, none = 0;
	bool limit;

	*out = rzs_slots_lookup(t, slot);
	if (*out)
		return 0;
	chunk = rzs_blocks_take(t->blocks, &limit);
	if (!chunk)
		return limit ? -ENOSPC : -ENOMEM;
	memset(rzs_blocks_at(t->blocks, chunk), 0, RZS_BLOCK_SIZE);
	if (rzs_cas32(where, &none, chunk))
		rzs_add(&t->chunks_held, 1);
	else
		rzs_blocks_give(t->blocks, chunk); /* another thread was first */
	*out = rzs_slots_lookup(t, slot);
	return 0;
}

/* Sleep until the lock bit, which *seen has, may be clear.  Loads the word into *seen again. */
static void slot_wait_unlocked(uint64_t *p, uint64_t *seen)
{
	if (!(*seen & RZS_SLOT_WAITERS)) {
		if (!rzs_cas(p, seen, *seen | RZS_SLOT_WAITERS))
			return;
		*seen |= RZS_SLOT_WAITERS;
	}
	rzs_wait(p, *seen);
	*seen = rzs_load(p);
}

uint64_t rzs_slot_exchange(uint64_t *p, uint64_t word)
{
	uint64_t seen = rzs_load(p);

	for (;;) {
		if (seen & RZS_SLOT_LOCK)
			slot_wait_unlocked(p, &seen);
		else if (rzs_cas(p, &seen, word))
			return rzs_word_stable(seen);
	}
}

bool rzs_slot_try_exchange(uint64_t *p, uint64_t word, uint64_t *out_old)
{
	uint64_t seen = rzs_load(p);

	*out_old = 0;
	while (!(seen & RZS_SLOT_LOCK))
		if (rzs_cas(p, &seen, word)) {
			*out_old = rzs_word_stable(seen);
			return true;
		}
	return false;
}

uint64_t rzs_slot_lock(uint64_t *p)
{
	uint64_t seen = rzs_load(p);

	for (;;) {
		if (seen & RZS_SLOT_LOCK)
			slot_wait_unlocked(p, &seen);
		else if (rzs_cas(p, &seen, seen | RZS_SLOT_LOCK))
			return rzs_word_stable(seen);
	}
}

void rzs_slot_unlock(uint64_t *p, uint64_t word)
{
	uint64_t seen = rzs_load(p);

	/* Meanwhile only WAITERS can change, once, so this takes two tries at most. */
	while (!rzs_cas(p, &seen, word))
		;
	if (seen & RZS_SLOT_WAITERS)
		rzs_wake(p);
}

void rzs_slot_touch(uint64_t *p)
{
	uint64_t seen = rzs_load(p);

	while (seen & RZS_SLOT_IDLE && !(seen & RZS_SLOT_LOCK) &&
	       !rzs_cas(p, &seen, seen & ~RZS_SLOT_IDLE))
		;
}

void rzs_slot_unlock_unchanged(uint64_t *p)
{
	uint64_t seen = rzs_load(p);

	while (!rzs_cas(p, &seen, seen & ~(RZS_SLOT_LOCK | RZS_SLOT_WAITERS)))
		;
	if (seen & RZS_SLOT_WAITERS)
		rzs_wake(p);
}
