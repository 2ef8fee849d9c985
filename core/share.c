/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of shares.  See share.h. */
#include "share.h"

/* Each share has a user at least, but for one that is being made. */
static uint64_t shares_nr_chunks(uint64_t nr_pages)
{
	return nr_pages / RZS_SHARES_PER_CHUNK + 1;
}

uint64_t rzs_shares_table_bytes(uint64_t nr_pages)
{
	return shares_nr_chunks(nr_pages) * sizeof(uint32_t);
}

void rzs_shares_init(struct rzs_shares *t, uint64_t nr_pages, uint32_t *chunks,
		     struct rzs_blocks *blocks)
{
	rzs_lock_init(&t->lock);
	t->blocks = blocks;
	t->nr_chunks = shares_nr_chunks(nr_pages);
	t->chunks = chunks;
	t->next = 0;
	t->unused = 0;
	t->chunks_held = 0;
}

void rzs_shares_wipe(struct rzs_shares *t)
{
	uint64_t i;

	for (i = 0; t->chunks && i < t->nr_chunks; i++)
		if (t->chunks[i])
			rzs_port_wipe(rzs_blocks_at(t->blocks, t->chunks[i]), RZS_BLOCK_SIZE);
}

/* Make the chunk of number id, if it is missing.  Under the lock.  -ENOSPC, -ENOMEM. */
static int shares_add_chunk(struct rzs_shares *t, uint64_t id)
{
	uint32_t *where = &t->chunks[id / RZS_SHARES_PER_CHUNK], chunk;
	bool limit;

	if (id / RZS_SHARES_PER_CHUNK >= t->nr_chunks)
		return -ENOSPC;
	if (*where)
		return 0;
	chunk = rzs_blocks_take(t->blocks, &limit);
	if (!chunk)
		return limit ? -ENOSPC : -ENOMEM;
	memset(rzs_blocks_at(t->blocks, chunk), 0, RZS_BLOCK_SIZE);
	rzs_set32(where, chunk);
	rzs_add(&t->chunks_held, 1);
	return 0;
}

int rzs_share_new(struct rzs_shares *t, uint64_t word, uint64_t users, uint64_t *out_id)
{
	struct rzs_share *s;
	uint64_t id = 0;
	int err = 0;

	*out_id = 0;
	rzs_lock(&t->lock);
	if (t->unused) {
		id = t->unused - 1;
		t->unused = rzs_shares_at(t, id)->users & ~RZS_SHARE_UNUSED;
	} else {
		id = t->next;
		err = shares_add_chunk(t, id);
		if (!err)
			rzs_set(&t->next, id + 1);
	}
	rzs_unlock(&t->lock);
	if (err)
		return err;
	s = rzs_shares_at(t, id);
	rzs_set(&s->word, word);
	rzs_set(&s->users, users);
	*out_id = id;
	return 0;
}

bool rzs_shares_have_unused(struct rzs_shares *t)
{
	bool have;

	rzs_lock(&t->lock);
	have = t->unused || t->next % RZS_SHARES_PER_CHUNK;
	rzs_unlock(&t->lock);
	return have;
}

bool rzs_share_get(struct rzs_share *s, uint64_t most)
{
	uint64_t seen = rzs_load(&s->users);

	do {
		if (seen == 0 || seen >= most) /* so is an unused one, a new one and a unit */
			return false;
	} while (!rzs_cas(&s->users, &seen, seen + 1));
	return true;
}

uint64_t rzs_share_put(struct rzs_share *s)
{
	uint64_t seen = rzs_load(&s->users);

	while (!rzs_cas(&s->users, &seen, seen - 1))
		;
	return (seen - 1) & ~(RZS_SHARE_NEW | RZS_SHARE_UNIT);
}

void rzs_share_ready(struct rzs_share *s)
{
	uint64_t seen = rzs_load(&s->users);

	while (!rzs_cas(&s->users, &seen, seen & ~RZS_SHARE_NEW))
		;
}

uint64_t rzs_share_take_word(struct rzs_share *s)
{
	uint64_t word = rzs_load(&s->word);

	while (!rzs_cas(&s->word, &word, 0))
		;
	return word;
}

void rzs_share_free(struct rzs_shares *t, uint64_t id)
{
	struct rzs_share *s = rzs_shares_at(t, id);

	rzs_lock(&t->lock);
	rzs_set(&s->users, t->unused | RZS_SHARE_UNUSED);
	t->unused = id + 1;
	rzs_unlock(&t->lock);
}
