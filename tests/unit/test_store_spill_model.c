/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random calls against a plain array, with a made disk that answers late, in any order, with errors
 * and with wrong bytes.  A read gives the page's bytes, or -EIO if the disk has failed the block.
 *
 * Environment: RZS_OPS: how many calls; T_SEED.
 */
#include "store_spill_rig.h"

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

static struct io ios[NR_IO];
static struct hold holds[NR_HOLDS];
static struct pages_rng rng;
static uint64_t eio, served;

static void io_start(struct rzs_spill_ticket t, bool out, bool collect)
{
	for (unsigned i = 0; i < NR_IO; i++)
		if (!ios[i].used) {
			ios[i] = (struct io){t, true, out, collect};
			return;
		}
	T_FAIL("more I/O than transfers");
}

static bool io_runs(unsigned number)
{
	for (unsigned i = 0; i < NR_IO; i++)
		if (ios[i].used && !ios[i].out && ios[i].t.number == number)
			return true;
	return false;
}

static void io_end(struct spill_rig *r, struct io *io)
{
	uint64_t x = pages_next(&rng);
	int result = x % 16 == 0 ? -EIO : 0;

	io->used = false;
	rig_do(r, &io->t, io->out);
	if (x % 16 == 1 && !io->out)
		((uint8_t *)io->t.bytes)[(x >> 8) % BLOCK] ^= 1;
	if (io->out) {
		rzs_spill_done(r->store, r->w, io->t.number, result);
		return;
	}
	rzs_spill_loaded(r->store, r->w, io->t.number, result);
	if (!io->collect)
		return;
	if (x >> 63)
		(void)!rzs_spill_rewrite(r->store, r->w, io->t.number);
	else
		(void)!rzs_spill_restore(r->store, r->w, io->t.number);
	rzs_spill_put(r->store, r->w, io->t.number);
}

static void check_read(struct spill_rig *r, uint64_t slot)
{
	int err = rig_try_read(r, slot);

	if (err != 0 && err != -EIO && err != -EINPROGRESS)
		T_FAIL("read: %d", err);
	eio += err == -EIO;
	served += !err;
}

static void do_read(struct spill_rig *r, uint64_t slot)
{
	struct hold *h = NULL;

	for (unsigned i = 0; i < NR_HOLDS; i++)
		h = holds[i].used ? h : &holds[i];
	if (rig_try_read(r, slot) != -EINPROGRESS || !h)
		return;
	if (rzs_spill_want(r->store, r->w, slot, &h->t) == -EAGAIN)
		return;
	h->slot = slot;
	h->used = true;
	if (h->t.start)
		io_start(h->t, false, false);
}

static void do_hold(struct spill_rig *r, struct hold *h)
{
	if (!h->used || io_runs(h->t.number))
		return;
	check_read(r, h->slot);
	rzs_spill_put(r->store, r->w, h->t.number);
	h->used = false;
}

static void do_spill(struct spill_rig *r, uint64_t x)
{
	struct rzs_spill_policy policy = {
		.min_age = x >> 8 & 1, .raw = x >> 9 & 1, .flush = x >> 10 & 1};
	struct rzs_spill_ticket t;
	bool done;

	if (x % 4 == 0) {
		(void)!rzs_spill_gather(r->store, r->w, &policy, 1 + (x >> 20) % r->nr, &done);
	} else if (x % 4 == 1) {
		(void)!rzs_store_idle_pass(r->store, 1 + (x >> 20) % r->nr, &done);
	} else if (x % 4 == 2) {
		if (!rzs_spill_next(r->store, r->w, &t))
			io_start(t, true, false);
	} else if (!rzs_spill_collect(r->store, r->w, (x >> 8) % 101, 8, &t, &done)) {
		if (t.start)
			io_start(t, false, true);
		else
			rzs_spill_put(r->store, r->w, t.number);
	}
}

static void do_one(struct spill_rig *r)
{
	uint64_t x = pages_next(&rng), slot = (x >> 32) % r->nr, blocks;
	bool more;

	switch (x % 16) {
	case 0 ... 2:
		rig_write(r, slot, (x >> 8) % PAGES_NR, x >> 16);
		break;
	case 3 ... 6:
		do_read(r, slot);
		break;
	case 7:
		T_EQ(rzs_store_discard(r->store, r->w, slot, 1), 0);
		memset(r->model[slot], 0, PAGE);
		break;
	case 8:
		if (!rzs_store_pwrite(r->store, r->w, &x, 8, slot * PAGE + 8))
			memcpy(r->model[slot] + 8, &x, 8);
		break;
	case 9:
		T_EQ(rzs_store_compact(r->store, r->w, (x >> 8) % 50, &blocks, &more), 0);
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

static void run(struct rzs_config cfg, uint64_t ops)
{
	const char *env = getenv("RZS_OPS");
	struct spill_rig r;
	struct rzs_stats st;
	uint64_t i;

	ops = env ? strtoull(env, NULL, 0) : (uint64_t)((double)ops / t_scale());
	rng = (struct pages_rng){t_seed()};
	cfg.nr_workers = 2;
	rig_open_cfg(&r, &cfg);
	for (i = 0; i < ops; i++) {
		do_one(&r);
		if (i % 5000 == 4999)
			rig_verify(&r);
	}
	for (i = 0; i < NR_IO; i++)
		if (ios[i].used)
			io_end(&r, &ios[i]);
	for (i = 0; i < NR_HOLDS; i++)
		do_hold(&r, &holds[i]);
	st = rig_stats(&r);
	t_note("%llu blocks written, %llu read, %llu failed; %llu reads -EIO, %llu served",
	       (unsigned long long)st.spill_writes, (unsigned long long)st.spill_reads,
	       (unsigned long long)st.spill_failed, (unsigned long long)eio,
	       (unsigned long long)served);
	if (ops >= 20000)
		T_GT(st.spill_reads, 50); /* or nothing was tested */
	rig_close(&r);
}

T_TEST_TIMEOUT(spilling, DEADLINE)
{
	run((struct rzs_config){.nr_pages = 400}, 60000);
}

T_TEST_TIMEOUT(spilling_without_checksums_and_with_wiping, DEADLINE)
{
	run((struct rzs_config){.nr_pages = 400, .no_checksum = true, .wipe = true}, 40000);
}
