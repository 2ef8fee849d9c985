/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random calls against a plain array, with a made disk that answers late, in any order, with errors
 * and with lies: bytes that flip, writes that are lost or torn, reads of another place.
 *
 * The result of each call is known beforehand.  Where a page is, is taken from the store.  Whether
 * it can be read is not: the disk keeps what should be at each place and what has come into each
 * buffer, and a page is -EIO if, and only if, its bytes or those of its directory differ, or did so
 * when they came back to memory.
 *
 * Environment: RZS_OPS: how many calls; T_SEED.
 */
#include "pool_internal.h"
#include "sealed.h"
#include "store.h"
#include "store_spill_rig.h"

#define NR_PAGES 400u
#define NR_IO	 (NR_WRITES + NR_BUFFERS)
#define NR_HOLDS 6u
#define DEADLINE 7200

struct io {
	struct rzs_spill_ticket t;
	bool used, out, collect;
};

struct hold {
	struct rzs_spill_ticket t;
	uint64_t slot;
	bool used;
};

/* What has come into a buffer. */
struct load {
	uint8_t bytes[BLOCK];
	uint32_t place;
	bool bad; /* all pages of the block are lost */
};

static struct io ios[NR_IO];
static struct hold holds[NR_HOLDS];
static struct load loads[NR_BUFFERS];
static uint8_t should[NR_PLACES][BLOCK]; /* what was to be written */
static bool spoilt[NR_PAGES];		 /* wrong bytes of it came back to memory */
static struct pages_rng rng;
static uint64_t eio, served, refaults, refused, units, good_loads, good_writes, failures;
static bool may_refuse, checksum, merges, recompresses;

/* ---- where pages are ---- */

/* The block of the page, if that is elsewhere; else NULL. */
static struct rzs_block *away(struct spill_rig *r, uint64_t slot, uint32_t *out_index)
{
	uint64_t *p = rzs_slots_lookup(&r->store->slots, slot), word = p ? rzs_load(p) : 0;
	struct rzs_block *b;

	*out_index = 0;
	if (!rzs_word_is_object(word))
		return NULL;
	*out_index = rzs_word_index(word);
	b = rzs_pool_block(&r->store->pool, rzs_word_block(word));
	return b->type & RZS_BLOCK_SEALED && !b->mem ? b : NULL;
}

static bool io_runs(unsigned number)
{
	for (unsigned i = 0; i < NR_IO; i++)
		if (ios[i].used && !ios[i].out && ios[i].t.number == number)
			return true;
	return false;
}

/* How many of this test's tickets are for a buffer. */
static unsigned holders(unsigned number)
{
	unsigned n = 0;

	for (unsigned i = 0; i < NR_IO; i++)
		n += ios[i].used && ios[i].collect && ios[i].t.number == number;
	for (unsigned i = 0; i < NR_HOLDS; i++)
		n += holds[i].used && holds[i].t.number == number;
	return n;
}

static bool all_held(void)
{
	for (unsigned i = NR_WRITES; i < NR_IO; i++)
		if (!holders(i))
			return false;
	return true;
}

/* Whether object i of a block, whose bytes have come, did not come as it was written. */
static bool came_wrong(const struct rzs_block *b, uint32_t i)
{
	const struct load *l = &loads[b->transfer - 1 - NR_WRITES];
	uint8_t *right = should[b->place];
	struct rzs_object o;

	T_EQ(l->place, b->place);
	T_EQ(rzs_sealed_object(b, right, i, &o), 0);
	return l->bad || memcmp(l->bytes + ((const uint8_t *)o.data - right), o.data, o.size) != 0;
}

/* What reading the page gives. */
static int expected(struct spill_rig *r, uint64_t slot)
{
	uint32_t i;
	const struct rzs_block *b = away(r, slot, &i);

	if (b && (!b->transfer || io_runs(b->transfer - 1)))
		return -EINPROGRESS;
	return (b && came_wrong(b, i)) || spoilt[slot] ? -EIO : 0;
}

static bool is_refusal(int err)
{
	if (!may_refuse || (err != -ENOSPC && err != -ENOMEM))
		return false;
	refused++;
	return true;
}

/* ---- the disk ---- */

/* No two transfers use one place at a time, and a place has one block. */
static void check_place(struct spill_rig *r, const struct rzs_spill_ticket *t)
{
	struct rzs_pool *p = &r->store->pool;
	unsigned n = 0;

	T_LT(t->place, r->nr_places);
	for (unsigned i = 0; i < NR_IO; i++)
		if (ios[i].used)
			T_NE(ios[i].t.place, t->place);
	for (uint32_t id = 1; id < p->next_id; id++) {
		const struct rzs_block *b = rzs_pool_block(p, id);

		n += b->type & RZS_BLOCK_SEALED && b->place == t->place;
	}
	T_EQ(n, 1);
}

static void io_start(struct spill_rig *r, struct rzs_spill_ticket t, bool out, bool collect)
{
	unsigned i = 0;

	check_place(r, &t);
	while (i < NR_IO && ios[i].used)
		i++;
	T_LT(i, NR_IO);
	ios[i] = (struct io){t, true, out, collect};
	if (out)
		memcpy(should[t.place], t.bytes, BLOCK);
}

/* What is ready is not changed while it is written.  Returns the result. */
static int disk_write(struct spill_rig *r, const struct rzs_spill_ticket *t, uint64_t x)
{
	size_t done = x % 16 == 0 || x % 16 == 2 ? (x >> 8) % BLOCK : BLOCK;

	T_EQ(memcmp(should[t->place], t->bytes, BLOCK), 0);
	if (x % 16 != 1) /* it is lost */
		memcpy(r->disk[t->place], t->bytes, done);
	return x % 16 == 0 ? -EIO : 0;
}

static int disk_read(struct spill_rig *r, const struct rzs_spill_ticket *t, uint64_t x)
{
	uint32_t from = x % 16 == 2 ? (x >> 8) % r->nr_places : t->place;

	memcpy(t->bytes, r->disk[from], BLOCK);
	if (x % 16 == 1)
		((uint8_t *)t->bytes)[(x >> 8) % BLOCK] ^= 1 + (x >> 32) % 255;
	return x % 16 == 0 ? -EIO : 0;
}

/* Of a block whose bytes have come: what the seal proves. */
static void note_load(struct spill_rig *r, const struct rzs_spill_ticket *t, int result)
{
	struct rzs_pool *p = &r->store->pool;
	const struct rzs_block *b = rzs_pool_block(p, p->spill->transfers[t->number].id);
	struct load *l = &loads[t->number - NR_WRITES];
	size_t proved = checksum ? 0 : BLOCK;

	if (checksum && b->type & RZS_BLOCK_PACKED)
		proved = b->packed.ndir * sizeof(struct rzs_entry);
	memcpy(l->bytes, t->bytes, BLOCK);
	l->place = t->place;
	l->bad = result ||
		 memcmp(l->bytes + BLOCK - proved, should[l->place] + BLOCK - proved, proved) != 0;
	good_loads += !l->bad;
	failures += l->bad;
}

static void end_write(struct spill_rig *r, const struct rzs_spill_ticket *t, uint64_t x)
{
	struct rzs_pool *p = &r->store->pool;
	bool empty = rzs_sealed_empty(rzs_pool_block(p, p->spill->transfers[t->number].id));
	int result = disk_write(r, t, x);

	rzs_spill_done(r->store, r->w, t->number, result);
	failures += !empty && result;
	good_writes += !empty && !result;
}

/* ---- tickets ---- */

static void put_ticket(struct spill_rig *r, unsigned number)
{
	struct rzs_transfer *t = &r->store->pool.spill->transfers[number];

	rzs_spill_put(r->store, r->w, number);
	T_EQ(t->holds, holders(number));
	if (!t->holds && loads[number - NR_WRITES].bad)
		T_EQ(t->id, 0); /* the next one asks the disk again */
}

/* Make the place of a block free, one way or the other. */
static void empty_place(struct spill_rig *r, unsigned number, bool rewrite)
{
	const struct load *l = &loads[number - NR_WRITES];
	bool wrong[NR_PAGES] = {false}, any = false;
	struct rzs_block *b;
	uint32_t i;
	int err;

	for (uint64_t slot = 0; slot < r->nr; slot++) {
		b = away(r, slot, &i);
		if (!b || b->transfer != number + 1)
			continue;
		any = true;
		wrong[slot] = came_wrong(b, i);
	}
	err = rewrite ? rzs_spill_rewrite(r->store, r->w, number)
		      : rzs_spill_restore(r->store, r->w, number);
	if (l->bad && any) {
		T_EQ(err, -EIO);
	} else if (err && (rewrite ? err != -EAGAIN && err != -ENOSPC : any || !l->bad)) {
		T_EQ(is_refusal(err), true);
	}
	for (uint64_t slot = 0; slot < r->nr; slot++) {
		b = away(r, slot, &i);
		spoilt[slot] |= wrong[slot] && !(b && b->transfer == number + 1);
	}
}

static void io_end(struct spill_rig *r, struct io *io)
{
	uint64_t x = pages_next(&rng);
	int result;

	if (io->out) {
		io->used = false;
		end_write(r, &io->t, x);
		return;
	}
	result = disk_read(r, &io->t, x);
	note_load(r, &io->t, result);
	rzs_spill_loaded(r->store, r->w, io->t.number, result);
	if (io->collect)
		empty_place(r, io->t.number, x >> 63);
	io->used = false;
	if (io->collect)
		put_ticket(r, io->t.number);
}

static void check_read(struct spill_rig *r, uint64_t slot)
{
	int want = expected(r, slot);
	uint32_t i;

	T_EQ(rig_try_read(r, slot), want);
	eio += want == -EIO;
	served += !want;
	refaults += !want && away(r, slot, &i);
}

static void do_read(struct spill_rig *r, uint64_t slot)
{
	struct rzs_block *b;
	struct hold *h = NULL;
	bool has, start;
	uint32_t i;

	check_read(r, slot);
	for (unsigned n = 0; n < NR_HOLDS; n++)
		h = holds[n].used ? h : &holds[n];
	if (!h)
		return;
	b = away(r, slot, &i);
	has = b && b->transfer;
	start = b && !has;
	T_EQ(rzs_spill_want(r->store, r->w, slot, &h->t), !b			? -ENOENT
							  : start && all_held() ? -EAGAIN
										: 0);
	if (!b || (start && all_held()))
		return;
	T_EQ(h->t.start, start);
	h->slot = slot;
	h->used = true;
	if (start)
		io_start(r, h->t, false, false);
}

static void do_hold(struct spill_rig *r, struct hold *h)
{
	if (!h->used || io_runs(h->t.number))
		return;
	check_read(r, h->slot);
	h->used = false;
	put_ticket(r, h->t.number);
}

/* ---- calls ---- */

static bool out_is_free(struct spill_rig *r)
{
	for (unsigned i = 0; i < NR_WRITES; i++)
		if (r->store->pool.spill->transfers[i].state == RZS_TRANSFER_FREE)
			return true;
	return false;
}

static void do_gather(struct spill_rig *r, uint64_t x)
{
	struct rzs_spill_policy policy = {.min_age = x & 1, .raw = x >> 1 & 1, .flush = x >> 2 & 1};
	bool done;
	int err = rzs_spill_gather(r->store, r->w, &policy, 1 + (x >> 12) % r->nr, &done);

	if (err == -EAGAIN)
		T_EQ(out_is_free(r), false);
	else if (err && (err != -ENOSPC || r->store->pool.spill->places_used < r->nr_places))
		T_EQ(is_refusal(err), true);
}

static void do_collect(struct spill_rig *r, uint64_t x)
{
	struct rzs_spill_ticket t;
	bool done, held = all_held();
	int err = rzs_spill_collect(r->store, r->w, x % 101, 8, &t, &done);

	T_EQ(err == -EAGAIN, held);
	if (err)
		return;
	if (t.start)
		io_start(r, t, false, true);
	else
		put_ticket(r, t.number);
}

static void do_spill(struct spill_rig *r, uint64_t x)
{
	struct rzs_spill_ticket t;
	bool done;

	switch (x % 4) {
	case 0:
		do_gather(r, x >> 8);
		break;
	case 1:
		T_EQ(rzs_store_idle_pass(r->store, 1 + (x >> 20) % r->nr, &done), 0);
		break;
	case 2:
		if (!rzs_spill_next(r->store, r->w, &t))
			io_start(r, t, true, false);
		break;
	default:
		do_collect(r, x >> 8);
	}
}

static void do_write(struct spill_rig *r, uint64_t slot, uint64_t x)
{
	uint8_t page[PAGE];
	int err;

	/* Units are made of pages that are alike. */
	pages_make(page, recompresses && x >> 63 ? PAGES_NEAR_TEXT : x % PAGES_NR, (x >> 8) % 64);
	err = rzs_store_write(r->store, r->w, slot, page);
	if (err) {
		T_EQ(is_refusal(err), true);
		return;
	}
	memcpy(r->model[slot], page, PAGE);
	spoilt[slot] = false;
}

static void do_pwrite(struct spill_rig *r, uint64_t slot, uint64_t x)
{
	int want = expected(r, slot);
	int err = rzs_store_pwrite(r->store, r->w, &x, 8, slot * PAGE + 8);

	if (want || !is_refusal(err))
		T_EQ(err, want);
	if (!err)
		memcpy(r->model[slot] + 8, &x, 8);
	eio += err == -EIO;
	refaults += !want; /* at most */
}

/* What else goes over pages, and must leave alone what is elsewhere. */
static void do_background(struct spill_rig *r, uint64_t x)
{
	struct rzs_merge_params merge = {RZS_MERGE_SHARING_DEFAULT, false};
	struct rzs_recompress_params recompress = {.min_age = x >> 8 & 1, .unit = 4};
	uint64_t a, b;
	bool done;

	if (x % 4 == 0)
		T_EQ(rzs_store_compact(r->store, r->w, (x >> 8) % 50, &a, &done), 0);
	else if (x % 4 == 1 && merges)
		T_EQ(rzs_store_merge(r->store, r->w, &merge, (x >> 8) % 200, &a, &b), 0);
	else if (x % 4 == 2 && recompresses)
		T_EQ(rzs_store_recompress(r->store, r->w, &recompress, (x >> 8) % 200, 2, &done),
		     0);
	else if (x % 4 == 3 && may_refuse)
		rzs_test_fail(RZS_TEST_TAKE, (x >> 8) % 4, (x >> 16) % 4);
	units += rig_stats(r).units;
}

static void do_one(struct spill_rig *r)
{
	uint64_t x = pages_next(&rng), slot = (x >> 32) % r->nr;

	switch (x % 16) {
	case 0 ... 2:
		do_write(r, slot, pages_next(&rng));
		break;
	case 3 ... 6:
		do_read(r, slot);
		break;
	case 7:
		T_EQ(rzs_store_discard(r->store, r->w, slot, 1), 0);
		memset(r->model[slot], 0, PAGE);
		spoilt[slot] = false;
		break;
	case 8:
		do_pwrite(r, slot, x >> 8);
		break;
	case 9:
		do_background(r, x >> 8);
		break;
	case 10 ... 12:
		do_spill(r, x >> 8);
		break;
	case 13 ... 14:
		if (ios[(x >> 8) % NR_IO].used)
			io_end(r, &ios[(x >> 8) % NR_IO]);
		break;
	default:
		do_hold(r, &holds[(x >> 8) % NR_HOLDS]);
	}
}

/* ---- runs ---- */

static void finish(struct spill_rig *r, uint64_t ops)
{
	struct rzs_stats st;
	uint64_t i;

	rzs_test_fail(RZS_TEST_TAKE, 0, 0);
	for (i = 0; i < NR_IO; i++)
		if (ios[i].used)
			io_end(r, &ios[i]);
	for (i = 0; i < NR_HOLDS; i++)
		do_hold(r, &holds[i]);
	for (i = 0; i < r->nr; i++)
		check_read(r, i);
	st = rig_stats(r);
	T_EQ(st.spill_writes, good_writes);
	T_EQ(st.spill_reads, good_loads);
	T_EQ(st.spill_failed, failures);
	T_LE(st.spill_refaults, refaults + eio);
	t_note("%llu blocks written, %llu read, %llu failed; %llu pages -EIO, %llu served; %llu "
	       "refusals; %llu merged at the end, %llu units seen",
	       (unsigned long long)st.spill_writes, (unsigned long long)st.spill_reads,
	       (unsigned long long)st.spill_failed, (unsigned long long)eio,
	       (unsigned long long)served, (unsigned long long)refused,
	       (unsigned long long)st.pages_sharing, (unsigned long long)units);
	if (ops >= 20000) { /* or nothing was tested */
		T_GT(st.spill_reads, 50);
		T_GT(eio, 50);
		if (may_refuse)
			T_GT(refused, 50);
		if (recompresses)
			T_GT(units, 50);
	}
	if (merges)
		rzs_store_merge_close(r->store, r->w);
	rig_close(r);
}

static void run(struct spill_rig *r, uint64_t ops)
{
	const char *env = getenv("RZS_OPS");

	ops = env ? strtoull(env, NULL, 0) : (uint64_t)((double)ops / t_scale());
	rng = (struct pages_rng){t_seed()};
	for (uint64_t i = 0; i < ops; i++) {
		do_one(r);
		if (i % 2000 == 1999)
			rig_verify(r);
	}
	finish(r, ops);
}

static void open_run(struct spill_rig *r, struct rzs_config cfg, uint32_t nr_places)
{
	cfg.nr_pages = NR_PAGES;
	cfg.nr_workers = 2;
	rig_open_places(r, &cfg, nr_places);
	checksum = !cfg.no_checksum;
}

static void open_merging(struct spill_rig *r)
{
	T_EQ(rzs_store_merge_open(r->store, 4096), 0);
	T_EQ(rzs_store_merge_writes(r->store, RZS_MERGE_SHARING_DEFAULT), 0);
	merges = true;
}

T_TEST_TIMEOUT(spilling, DEADLINE)
{
	struct spill_rig r;

	open_run(&r, (struct rzs_config){0}, NR_PLACES);
	run(&r, 80000);
}

T_TEST_TIMEOUT(without_checksums_and_with_wiping, DEADLINE)
{
	struct spill_rig r;

	open_run(&r, (struct rzs_config){.no_checksum = true, .wipe = true}, NR_PLACES);
	run(&r, 50000);
}

/* And with few places, and blocks that cannot be taken. */
T_TEST_TIMEOUT(near_the_limit_and_with_merging, DEADLINE)
{
	struct spill_rig r;

	open_run(&r, (struct rzs_config){0}, 24);
	open_merging(&r);
	T_EQ(rzs_store_set_limit(r.store, rig_stats(&r).mem_bytes + 14 * BLOCK), 0);
	may_refuse = true;
	run(&r, 50000);
}

T_TEST_TIMEOUT(with_recompression, DEADLINE)
{
	struct spill_rig r;

	if (!rzs_codec_lookup("zstd"))
		T_SKIP("zstd is not built in");
	open_run(&r, (struct rzs_config){0}, NR_PLACES);
	rzs_worker_put(r.store, r.w); /* it is given the codec, too */
	T_EQ(rzs_store_recompress_open(r.store, "zstd", 1), 0);
	r.w = rzs_worker_get(r.store, 0);
	recompresses = true;
	run(&r, 60000);
}
