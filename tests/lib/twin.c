/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A store and its model.  See twin.h.
 */
#include "twin.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void twin_fail(const struct twin *t, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "# twin: at call %llu: ", (unsigned long long)t->ops);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	fflush(stderr);
	abort();
}

void twin_open(struct twin *t, const struct rzs_config *cfg)
{
	int err;

	memset(t, 0, sizeof(*t));
	err = rzs_store_create(cfg, &t->store);
	if (err)
		twin_fail(t, "create: %d", err);
	if (rzs_store_pages(t->store) != cfg->nr_pages)
		twin_fail(t, "the store has %llu pages",
			  (unsigned long long)rzs_store_pages(t->store));
	t->worker = rzs_worker_get(t->store, 0);
	t->limit = cfg->limit_bytes;
	model_init(&t->model, cfg->nr_pages);
	t->buf = malloc(cfg->nr_pages * PAGES_SIZE);
	if (t->buf == NULL)
		exit(99);
}

void twin_close(struct twin *t)
{
	twin_check_all(t);
	rzs_worker_put(t->store, t->worker);
	rzs_store_destroy(t->store);
	model_free(&t->model);
	free(t->buf);
	memset(t, 0, sizeof(*t));
}

static void compare(const struct twin *t, const char *call, const void *got, uint64_t len,
		    uint64_t offset)
{
	const uint8_t *g = got, *want = t->model.bytes + offset;
	uint64_t i = 0;

	if (memcmp(g, want, len) == 0)
		return;
	while (g[i] == want[i])
		i++;
	twin_fail(t, "%s: page %llu byte %u is 0x%02x, should be 0x%02x", call,
		  (unsigned long long)((offset + i) / PAGES_SIZE),
		  (unsigned)((offset + i) % PAGES_SIZE), g[i], want[i]);
}

/* Was this an error a full store may give, and is the caller ready for it? */
static void expect_refusal(struct twin *t, const char *call, int err)
{
	if (!t->may_refuse || (err != -ENOSPC && err != -ENOMEM))
		twin_fail(t, "%s: %d", call, err);
	t->refused++;
}

int twin_write(struct twin *t, uint64_t slot, const void *page)
{
	int err = rzs_store_write(t->store, t->worker, slot, page);

	t->ops++;
	if (err == 0) {
		model_write(&t->model, page, PAGES_SIZE, slot * PAGES_SIZE);
		return 0;
	}
	expect_refusal(t, "write", err);
	twin_read(t, slot);
	return err;
}

/* The bytes a range call was to put at offset are there already.  buf NULL: zeros. */
static bool is_there(const struct twin *t, const uint8_t *buf, uint64_t n, uint64_t offset)
{
	const uint8_t *old = t->model.bytes + offset;
	uint64_t i;

	if (buf)
		return memcmp(old, buf, n) == 0;
	for (i = 0; i < n && old[i] == 0; i++)
		;
	return i == n;
}

/*
 * A range call was refused: pages up to some point have the new bytes, the others the old.  Bring
 * the model to that point.  Where old and new are the same nobody can tell, so go on.  buf NULL:
 * zeros were written.
 */
static void follow_partly_done(struct twin *t, const uint8_t *buf, uint64_t len, uint64_t offset)
{
	bool undecided = false;
	uint64_t done = 0, n;

	for (; done < len; done += n) {
		uint64_t at = offset + done, slot = at / PAGES_SIZE;
		const uint8_t *from = buf ? buf + done : NULL;
		uint8_t page[PAGES_SIZE];
		int err = rzs_store_read(t->store, t->worker, slot, page);

		n = PAGES_SIZE - at % PAGES_SIZE;
		if (n > len - done)
			n = len - done;
		if (err)
			twin_fail(t, "read after a refused write: %d", err);
		if (is_there(t, from, n, at)) {
			undecided = true;
			if (model_is_zero(&t->model, slot)) /* stored now, or still a hole */
				t->model.state[slot] = MODEL_EITHER;
			continue;
		}
		if (memcmp(page, model_page(&t->model, slot), PAGES_SIZE) == 0)
			break;
		if (buf)
			model_write(&t->model, from, n, at);
		else
			model_zero(&t->model, n, at);
		compare(t, "a partly refused range", page, PAGES_SIZE, slot * PAGES_SIZE);
	}
	if (done >= len && !undecided)
		twin_fail(t, "a range was refused, but all of it is written");
	twin_pread(t, len - done, offset + done);
}

int twin_pwrite(struct twin *t, const void *buf, uint64_t len, uint64_t offset)
{
	int err = rzs_store_pwrite(t->store, t->worker, buf, len, offset);

	t->ops++;
	if (err == 0) {
		model_write(&t->model, buf, len, offset);
		return 0;
	}
	expect_refusal(t, "pwrite", err);
	follow_partly_done(t, buf, len, offset);
	return err;
}

int twin_pzero(struct twin *t, uint64_t len, uint64_t offset)
{
	int err = rzs_store_pzero(t->store, t->worker, len, offset);

	t->ops++;
	if (err == 0) {
		model_zero(&t->model, len, offset);
		return 0;
	}
	expect_refusal(t, "pzero", err);
	follow_partly_done(t, NULL, len, offset);
	return err;
}

int twin_set_limit(struct twin *t, uint64_t limit)
{
	struct rzs_stats s;
	int err = rzs_store_set_limit(t->store, limit);

	t->ops++;
	rzs_store_stats(t->store, &s);
	if (err == 0)
		t->limit = limit;
	else if (err != -ENOSPC)
		twin_fail(t, "set_limit: %d", err);
	if (s.limit_bytes != t->limit)
		twin_fail(t, "the limit is %llu, was set to %llu",
			  (unsigned long long)s.limit_bytes, (unsigned long long)t->limit);
	return err;
}

void twin_read(struct twin *t, uint64_t slot)
{
	uint8_t page[PAGES_SIZE];
	int err = rzs_store_read(t->store, t->worker, slot, page);

	t->ops++;
	if (err)
		twin_fail(t, "read of page %llu: %d", (unsigned long long)slot, err);
	compare(t, "read", page, PAGES_SIZE, slot * PAGES_SIZE);
}

void twin_pread(struct twin *t, uint64_t len, uint64_t offset)
{
	int err = rzs_store_pread(t->store, t->worker, t->buf, len, offset);

	t->ops++;
	if (err)
		twin_fail(t, "pread of %llu bytes at %llu: %d", (unsigned long long)len,
			  (unsigned long long)offset, err);
	compare(t, "pread", t->buf, len, offset);
}

void twin_ptrim(struct twin *t, uint64_t len, uint64_t offset)
{
	int err = rzs_store_ptrim(t->store, t->worker, len, offset);

	t->ops++;
	if (err)
		twin_fail(t, "ptrim: %d", err);
	model_trim(&t->model, len, offset);
}

void twin_discard(struct twin *t, uint64_t slot, uint64_t nr)
{
	int err = rzs_store_discard(t->store, t->worker, slot, nr);

	t->ops++;
	if (err)
		twin_fail(t, "discard: %d", err);
	model_trim(&t->model, nr * PAGES_SIZE, slot * PAGES_SIZE);
}

static bool kind_fits(const struct twin *t, uint64_t slot, enum rzs_map_kind kind)
{
	enum model_state state = (enum model_state)t->model.state[slot];

	if (!model_is_zero(&t->model, slot))
		return kind == RZS_MAP_DATA;
	if (kind == RZS_MAP_HOLE)
		return state != MODEL_STORED;
	return kind == RZS_MAP_ZERO && state != MODEL_HOLE;
}

void twin_map(struct twin *t, uint64_t slot, uint64_t nr)
{
	enum rzs_map_kind kind = RZS_MAP_DATA;
	uint64_t run = 0, i;
	int err = rzs_store_map(t->store, slot, nr, &kind, &run);

	t->ops++;
	if (err)
		twin_fail(t, "map of page %llu: %d", (unsigned long long)slot, err);
	if (run < 1 || run > nr)
		twin_fail(t, "map: a run of %llu pages of %llu", (unsigned long long)run,
			  (unsigned long long)nr);
	for (i = 0; i < run; i++)
		if (!kind_fits(t, slot + i, kind))
			twin_fail(t, "map: page %llu is said to be of kind %d",
				  (unsigned long long)(slot + i), (int)kind);
}

uint64_t twin_compact(struct twin *t, uint64_t max_objects)
{
	struct rzs_stats before, after;
	uint64_t blocks = 0;
	bool more = false;
	int err;

	rzs_store_stats(t->store, &before);
	err = rzs_store_compact(t->store, t->worker, max_objects, &blocks, &more);
	t->ops++;
	if (err)
		twin_fail(t, "compact: %d", err);
	rzs_store_stats(t->store, &after);
	if (after.block_bytes + blocks * RZS_BLOCK_SIZE != before.block_bytes)
		twin_fail(t, "compact says %llu blocks, block_bytes went from %llu to %llu",
			  (unsigned long long)blocks, (unsigned long long)before.block_bytes,
			  (unsigned long long)after.block_bytes);
	if (after.pages_stored != before.pages_stored || after.object_bytes != before.object_bytes)
		twin_fail(t, "compact changed what is stored");
	return blocks;
}

uint64_t twin_merge(struct twin *t, const struct rzs_merge_params *params, uint64_t nr)
{
	uint64_t merged, passes;
	int err = rzs_store_merge(t->store, t->worker, params, nr, &merged, &passes);

	t->ops++;
	if (err)
		twin_fail(t, "merging: %d", err);
	if (passes > nr / t->model.nr_pages + 1)
		twin_fail(t, "merging: %llu passes over %llu pages", (unsigned long long)passes,
			  (unsigned long long)nr);
	return merged;
}

bool twin_unmerge(struct twin *t, uint64_t nr)
{
	bool done;
	int err = rzs_store_unmerge(t->store, t->worker, nr, &done);

	t->ops++;
	if (err && !(t->may_refuse && (err == -ENOSPC || err == -ENOMEM)))
		twin_fail(t, "the end of merging: %d", err);
	if (err && done)
		twin_fail(t, "the end of merging: failed and done");
	return done;
}

const char *twin_stats_broken(const struct rzs_stats *s)
{
	if (s->version != RZS_STATS_VERSION || s->size != sizeof(*s))
		return "version and size";
	if (s->pages_stored != s->pages_same + s->pages_compressed + s->pages_raw)
		return "pages_stored = pages_same + pages_compressed + pages_raw";
	if (s->orig_bytes != s->pages_stored * RZS_PAGE_SIZE)
		return "orig_bytes = pages_stored * RZS_PAGE_SIZE";
	if (s->mem_bytes != s->block_bytes + s->table_bytes + s->fixed_bytes + s->reserve_bytes)
		return "mem_bytes = block_bytes + table_bytes + fixed_bytes + reserve_bytes";
	if (s->block_bytes != s->object_bytes + s->object_meta_bytes + s->slack_bytes)
		return "block_bytes = object_bytes + object_meta_bytes + slack_bytes";
	if (s->pages_zero > s->pages_same || s->pages_good > s->pages_compressed)
		return "a part is at most the whole";
	if (s->units > s->unit_pages || s->unit_pages + s->pages_recompressed > s->pages_compressed)
		return "pages with an object of the second codec are compressed ones";
	if (s->pages_stored > s->nr_pages)
		return "pages_stored <= nr_pages";
	if (s->mem_bytes > s->mem_peak_bytes)
		return "mem_bytes <= mem_peak_bytes";
	if (s->limit_bytes && s->mem_bytes > s->limit_bytes)
		return "mem_bytes <= limit_bytes";
	if (s->pages_shared + s->pages_sharing + s->pages_unshared + s->pages_volatile !=
		    s->pages_compressed + s->pages_raw - s->unit_pages &&
	    s->pages_shared + s->pages_sharing + s->pages_unshared + s->pages_volatile != 0)
		return "shared + sharing + unshared + volatile = pages with an object";
	if (s->object_bytes + s->merge_saved_bytes + s->spilled_bytes <
	    s->pages_raw * RZS_PAGE_SIZE + s->pages_compressed)
		return "object_bytes: 4096 for a raw page, 1 or more for a compressed one";
	/* It is unsigned: more objects than their blocks can hold would make it huge. */
	if (s->slack_bytes > s->block_bytes)
		return "slack_bytes <= block_bytes";
	return NULL;
}

/* The page is one repeated word of width bytes. */
static bool repeats(const uint8_t *page, unsigned width)
{
	return memcmp(page, page + width, PAGES_SIZE - width) == 0;
}

static void in_bounds(const struct twin *t, const char *what, uint64_t n, uint64_t least,
		      uint64_t most)
{
	if (n < least || n > most)
		twin_fail(t, "stats: %s is %llu, should be %llu to %llu", what,
			  (unsigned long long)n, (unsigned long long)least,
			  (unsigned long long)most);
}

void twin_check_stats(struct twin *t)
{
	uint64_t stored = 0, either = 0, zero = 0, same32 = 0, same64 = 0, slot;
	struct rzs_stats s;
	const char *broken;

	rzs_store_stats(t->store, &s);
	broken = twin_stats_broken(&s);
	if (broken)
		twin_fail(t, "stats: not so: %s", broken);
	if (s.impossible && !t->was_damaged)
		twin_fail(t, "stats: impossible is %llu", (unsigned long long)s.impossible);
	if (s.nr_pages != t->model.nr_pages || s.limit_bytes != t->limit)
		twin_fail(t, "stats: nr_pages or limit_bytes is wrong");
	for (slot = 0; slot < t->model.nr_pages; slot++) {
		const uint8_t *page = model_page(&t->model, slot);

		either += t->model.state[slot] == MODEL_EITHER;
		if (t->model.state[slot] != MODEL_STORED)
			continue;
		stored++;
		zero += model_is_zero(&t->model, slot);
		same32 += repeats(page, 4);
		same64 += repeats(page, 8);
	}
	in_bounds(t, "pages_stored", s.pages_stored, stored, stored + either);
	in_bounds(t, "pages_zero", s.pages_zero, zero, zero + either);
	in_bounds(t, "pages_same", s.pages_same, same32, same64 + either);
}

void twin_verify(struct twin *t, bool check_data)
{
	const char *what = "out_what was not set";
	int err = rzs_store_verify(t->store, t->worker, check_data, &what);

	if (err || what)
		twin_fail(t, "verify: %d, %s", err, what ? what : "(null)");
}

void twin_check_all(struct twin *t)
{
	uint64_t slot;

	for (slot = 0; slot < t->model.nr_pages; slot++)
		twin_read(t, slot);
	for (slot = 0; slot < t->model.nr_pages; slot++)
		twin_map(t, slot, t->model.nr_pages - slot < 9 ? t->model.nr_pages - slot : 9);
	twin_check_stats(t);
	twin_verify(t, true);
}
