/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The reference array.  See model.h.
 */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void model_init(struct model *m, uint64_t nr_pages)
{
	m->nr_pages = nr_pages;
	m->bytes = calloc(nr_pages, PAGES_SIZE);
	m->state = calloc(nr_pages, 1);
	if (m->bytes == NULL || m->state == NULL) {
		fprintf(stderr, "# model: no memory for %llu pages\n",
			(unsigned long long)nr_pages);
		exit(99);
	}
}

void model_free(struct model *m)
{
	free(m->bytes);
	free(m->state);
	memset(m, 0, sizeof(*m));
}

bool model_is_zero(const struct model *m, uint64_t slot)
{
	const uint8_t *page = model_page(m, slot);

	return page[0] == 0 && memcmp(page, page + 1, PAGES_SIZE - 1) == 0;
}

void model_read(const struct model *m, void *buf, uint64_t len, uint64_t offset)
{
	memcpy(buf, m->bytes + offset, len);
}

/* The piece of a range that lies in the page of offset. */
static uint64_t piece(uint64_t len, uint64_t offset)
{
	uint64_t room = PAGES_SIZE - offset % PAGES_SIZE;

	return len < room ? len : room;
}

/* A part of a page has been written: what may the store make of it? */
static void part_written(struct model *m, uint64_t slot)
{
	if (!model_is_zero(m, slot))
		m->state[slot] = MODEL_STORED;
	else if (m->state[slot] == MODEL_HOLE)
		m->state[slot] = MODEL_EITHER;
}

void model_write(struct model *m, const void *buf, uint64_t len, uint64_t offset)
{
	const uint8_t *from = buf;

	while (len > 0) {
		uint64_t slot = offset / PAGES_SIZE, n = piece(len, offset);

		memcpy(m->bytes + offset, from, n);
		if (n == PAGES_SIZE)
			m->state[slot] = MODEL_STORED;
		else
			part_written(m, slot);
		from += n;
		offset += n;
		len -= n;
	}
}

void model_zero(struct model *m, uint64_t len, uint64_t offset)
{
	while (len > 0) {
		uint64_t slot = offset / PAGES_SIZE, n = piece(len, offset);

		memset(m->bytes + offset, 0, n);
		if (n == PAGES_SIZE)
			m->state[slot] = MODEL_HOLE;
		else
			part_written(m, slot);
		offset += n;
		len -= n;
	}
}

void model_trim(struct model *m, uint64_t len, uint64_t offset)
{
	while (len > 0) {
		uint64_t slot = offset / PAGES_SIZE, n = piece(len, offset);

		if (n == PAGES_SIZE) {
			memset(m->bytes + offset, 0, n);
			m->state[slot] = MODEL_HOLE;
		}
		offset += n;
		len -= n;
	}
}
