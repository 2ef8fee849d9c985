/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pages elsewhere, step by step: tickets, statistics, failures.  The model is another test. */
#include "locks_free.h"
#include "sealed.h"
#include "store_spill_rig.h"

static struct rzs_spill_ticket ticket;

T_TEST(a_page_goes_and_is_read)
{
	struct spill_rig r = rig_open(100);
	struct rzs_stats st;

	for (uint64_t i = 0; i < 20; i++)
		rig_write(&r, i, PAGES_TEXT, i);
	rig_write(&r, 20, PAGES_RANDOM, 1);
	T_EQ(rig_gather(&r), 0);
	rig_read(&r, 3); /* from memory, before and while it is written */
	T_EQ(rzs_spill_next(r.store, r.w, &ticket), 0);
	rig_read(&r, 3);
	rig_do(&r, &ticket, true);
	rzs_spill_done(r.store, r.w, ticket.number, 0);
	(void)rig_write_all(&r, 0);
	st = rig_stats(&r);
	T_EQ(st.pages_spilled, 21);
	T_EQ(st.spill_places, st.spill_writes);
	T_EQ(st.block_bytes, 0);
	T_EQ(st.object_bytes, 0);
	T_EQ(st.pages_compressed, 20);
	T_EQ(st.pages_raw, 1);
	rig_verify(&r);

	T_EQ(rig_try_read(&r, 3), -EINPROGRESS);
	rig_load(&r, 3, 0, &ticket);
	T_EQ(ticket.start, true);
	rig_read(&r, 3);
	rig_read(&r, 4); /* of the same block */
	rzs_spill_put(r.store, r.w, ticket.number);
	rig_read(&r, 4); /* the buffer is there still */
	st = rig_stats(&r);
	T_EQ(st.reads, 5); /* those that were put off are none */
	T_EQ(st.failed_reads, 0);
	T_EQ(st.spill_reads, 1);
	T_EQ(st.spill_refaults, 3);
	T_EQ(st.pages_spilled, 21);
	rig_close(&r);
}

T_TEST(overwriting_and_discarding_takes_no_io)
{
	struct spill_rig r = rig_open(100);
	struct rzs_stats st;

	for (uint64_t i = 0; i < 30; i++)
		rig_write(&r, i, i % 2 ? PAGES_TEXT : PAGES_RANDOM, i);
	rig_spill(&r);
	T_EQ(rig_stats(&r).pages_spilled, 30);
	for (uint64_t i = 0; i < 15; i++)
		rig_write(&r, i, PAGES_TEXT, 100 + i);
	T_EQ(rzs_store_discard(r.store, r.w, 15, 14), 0);
	memset(r.model[15], 0, 14 * PAGE);
	rig_verify(&r);
	T_EQ(rig_stats(&r).pages_spilled, 1);
	T_EQ(rig_stats(&r).spill_places, 1);
	T_EQ(rzs_store_discard(r.store, r.w, 29, 1), 0);
	memset(r.model[29], 0, PAGE);
	st = rig_stats(&r);
	T_EQ(st.pages_spilled, 0);
	T_EQ(st.spilled_bytes, 0);
	T_EQ(st.spill_places, 0);
	T_EQ(st.spill_reads, 0);
	for (uint64_t i = 0; i < 30; i++)
		rig_read(&r, i);
	rig_close(&r);
}

T_TEST(a_failed_write_leaves_pages_in_memory)
{
	struct spill_rig r = rig_open(100);
	struct rzs_stats st;

	for (uint64_t i = 0; i < 40; i++)
		rig_write(&r, i, i % 3 ? PAGES_TEXT : PAGES_RANDOM, i);
	T_EQ(rig_gather(&r), 0);
	T_EQ(rzs_spill_next(r.store, r.w, &ticket), 0);
	T_EQ(rzs_store_discard(r.store, r.w, 0, 3), 0); /* while it is written */
	memset(r.model[0], 0, 3 * PAGE);
	rig_verify(&r);
	rzs_spill_done(r.store, r.w, ticket.number, -EIO);
	T_GT(rig_write_all(&r, -ENOSPC), 0);
	rig_verify(&r);
	st = rig_stats(&r);
	T_EQ(st.pages_spilled, 0);
	T_EQ(st.spill_places, 0);
	T_GT(st.spill_failed, 1);
	for (uint64_t i = 0; i < 40; i++)
		rig_read(&r, i);
	rig_spill(&r); /* and again */
	T_EQ(rig_stats(&r).pages_spilled, 37);
	rig_close(&r);
}

/* Pages of a block whose write has failed are as any others: there is room in it. */
T_TEST(a_failed_write_leaves_an_ordinary_block)
{
	struct spill_rig r = rig_open(100);
	uint64_t bytes;

	for (uint64_t i = 0; i < 4; i++)
		rig_write(&r, i, PAGES_TEXT, i);
	T_EQ(rig_gather(&r), 0);
	T_EQ(rig_write_all(&r, -EIO), 1);
	bytes = rig_stats(&r).block_bytes;
	T_EQ(bytes, BLOCK);
	rig_write(&r, 4, PAGES_TEXT, 4);
	T_EQ(rig_stats(&r).block_bytes, bytes);
	rig_close(&r);
}

T_TEST(a_failed_read_is_eio_once)
{
	struct spill_rig r = rig_open(100);

	rig_write(&r, 1, PAGES_TEXT, 1);
	rig_spill(&r);
	rig_load(&r, 1, -EIO, &ticket);
	T_EQ(rig_try_read(&r, 1), -EIO);
	rzs_spill_put(r.store, r.w, ticket.number);
	T_EQ(rig_try_read(&r, 1), -EINPROGRESS); /* the next one asks the disk again */
	rig_load(&r, 1, 0, &ticket);
	rig_read(&r, 1);
	rzs_spill_put(r.store, r.w, ticket.number);
	rig_close(&r);
}

/* Spill pages, flip a byte of the block of page 0, and read all: how many are -EIO. */
static unsigned lost_by_a_byte(enum pages_kind kind, bool no_checksum, unsigned at)
{
	struct rzs_config cfg = {.nr_pages = 8, .nr_workers = 1, .no_checksum = no_checksum};
	struct spill_rig r;
	unsigned lost = 0;

	rig_open_cfg(&r, &cfg);
	for (uint64_t i = 0; i < 8; i++)
		rig_write(&r, i, kind, i);
	rig_spill(&r);
	T_EQ(rig_stats(&r).spill_places, 1);
	T_EQ(rzs_spill_want(r.store, r.w, 0, &ticket), 0);
	r.disk[ticket.place][at] ^= 0x10;
	rig_do(&r, &ticket, false);
	rzs_spill_loaded(r.store, r.w, ticket.number, 0);
	for (uint64_t i = 0; i < 8; i++) {
		int err = rig_try_read(&r, i);

		lost += err == -EIO;
		T_EQ(err && err != -EIO, false);
	}
	rzs_spill_put(r.store, r.w, ticket.number);
	rig_write(&r, 0, PAGES_TEXT, 1);
	rig_read(&r, 0);
	T_EQ(rzs_store_discard(r.store, r.w, 1, 7), 0);
	rig_close(&r);
	return lost;
}

T_TEST(wrong_bytes_are_eio_for_their_page)
{
	T_EQ(lost_by_a_byte(PAGES_TEXT, false, 10), 1);		      /* of an object */
	T_EQ(lost_by_a_byte(PAGES_TEXT, false, BLOCK - 3), 8);	      /* of the directory */
	T_EQ(lost_by_a_byte(PAGES_TEXT, false, BLOCK / 2 + 9000), 0); /* of nothing */
	T_EQ(lost_by_a_byte(PAGES_RANDOM, false, 5 * PAGE), 1);
	T_EQ(lost_by_a_byte(PAGES_TEXT, true, 10), 8); /* one hash for all */
	T_EQ(lost_by_a_byte(PAGES_RANDOM, true, 5 * PAGE), 8);
}

/* The bytes of an older block at the same place have good checksums, but are not this block. */
T_TEST(a_lost_write_is_noticed)
{
	struct spill_rig r = rig_open(100);
	uint8_t *old = malloc(BLOCK);

	rig_write(&r, 1, PAGES_TEXT, 1);
	rig_spill(&r);
	memcpy(old, r.disk[0], BLOCK);
	T_EQ(rzs_store_discard(r.store, r.w, 1, 1), 0);
	rig_write(&r, 1, PAGES_TEXT, 2);
	rig_spill(&r);
	memcpy(r.disk[0], old, BLOCK);
	rig_load(&r, 1, 0, &ticket);
	T_EQ(ticket.place, 0);
	T_EQ(rig_try_read(&r, 1), -EIO);
	rzs_spill_put(r.store, r.w, ticket.number);
	free(old);
	T_EQ(rzs_store_discard(r.store, r.w, 1, 1), 0);
	rig_close(&r);
}

T_TEST(several_readers_share_one_read)
{
	struct rzs_spill_ticket again, other[NR_BUFFERS + 1];
	struct spill_rig r = rig_open(100);
	unsigned n = 0;

	for (uint64_t i = 0; i < 40; i++)
		rig_write(&r, i, PAGES_RANDOM, i);
	rig_spill(&r);
	T_EQ(rzs_spill_want(r.store, r.w, 1, &ticket), 0);
	T_EQ(rzs_spill_want(r.store, r.w, 2, &again), 0);
	T_EQ(again.number, ticket.number);
	T_EQ(again.start, false);
	T_EQ(rig_try_read(&r, 1), -EINPROGRESS);
	for (uint64_t i = 8; n <= NR_BUFFERS; i += 8)
		if (rzs_spill_want(r.store, r.w, i, &other[n++]))
			break;
	T_EQ(n, NR_BUFFERS); /* the last was -EAGAIN: all buffers are held */
	rig_do(&r, &ticket, false);
	rzs_spill_loaded(r.store, r.w, ticket.number, 0);
	rzs_spill_put(r.store, r.w, ticket.number);
	rig_read(&r, 1);
	rig_read(&r, 2);
	T_EQ(rzs_spill_want(r.store, r.w, 33, &other[n - 1]), -EAGAIN); /* 2 is held still */
	rzs_spill_put(r.store, r.w, again.number);
	T_EQ(rzs_spill_want(r.store, r.w, 33, &other[n - 1]), 0);
	T_EQ(rig_try_read(&r, 2), -EINPROGRESS); /* its buffer is for another now */
	for (unsigned i = 0; i < n; i++) {
		rig_do(&r, &other[i], false);
		rzs_spill_loaded(r.store, r.w, other[i].number, 0);
		rzs_spill_put(r.store, r.w, other[i].number);
	}
	rig_close(&r);
}

T_TEST(part_of_a_page_needs_the_rest)
{
	struct spill_rig r = rig_open(100);

	rig_write(&r, 7, PAGES_TEXT, 7);
	rig_spill(&r);
	T_EQ(rzs_store_pwrite(r.store, r.w, "abc", 3, 7 * PAGE + 5), -EINPROGRESS);
	T_EQ(rzs_store_pzero(r.store, r.w, 9, 7 * PAGE + 50), -EINPROGRESS);
	T_EQ(rig_stats(&r).writes, 1);
	rig_load(&r, 7, 0, &ticket);
	T_EQ(rzs_store_pwrite(r.store, r.w, "abc", 3, 7 * PAGE + 5), 0);
	memcpy(r.model[7] + 5, "abc", 3);
	rzs_spill_put(r.store, r.w, ticket.number);
	rig_read(&r, 7);
	T_EQ(rig_stats(&r).pages_spilled, 0);
	T_EQ(rig_stats(&r).spill_places, 0);
	rig_close(&r);
}

/* What is dropped while its block is read or written goes when that has ended. */
T_TEST(a_page_goes_under_a_ticket)
{
	struct spill_rig r = rig_open(100);

	rig_write(&r, 1, PAGES_TEXT, 1);
	T_EQ(rig_gather(&r), 0);
	T_EQ(rzs_spill_next(r.store, r.w, &ticket), 0);
	T_EQ(rzs_store_discard(r.store, r.w, 1, 1), 0);
	rig_verify(&r);
	T_EQ(rig_stats(&r).spill_places, 1); /* it may still be written to */
	rzs_spill_done(r.store, r.w, ticket.number, 0);
	T_EQ(rig_stats(&r).spill_places, 0);
	T_EQ(rig_stats(&r).block_bytes, 0);

	rig_write(&r, 1, PAGES_TEXT, 2);
	rig_spill(&r);
	T_EQ(rzs_spill_want(r.store, r.w, 1, &ticket), 0);
	rig_write(&r, 1, PAGES_TEXT, 3);
	T_EQ(rig_stats(&r).spill_places, 1);
	rig_do(&r, &ticket, false);
	rzs_spill_loaded(r.store, r.w, ticket.number, 0);
	rig_read(&r, 1);
	rzs_spill_put(r.store, r.w, ticket.number);
	T_EQ(rig_stats(&r).spill_places, 0);

	rig_write(&r, 2, PAGES_TEXT, 2); /* and before it is handed out */
	T_EQ(rig_gather(&r), 0);
	T_EQ(rzs_store_discard(r.store, r.w, 1, 2), 0);
	T_EQ(rzs_spill_next(r.store, r.w, &ticket), -ENOENT);
	T_EQ(rig_stats(&r).spill_places, 0);
	memset(r.model[1], 0, 2 * PAGE);
	rig_close(&r);
}

/* Few pages are left in each of several blocks: they come together in one, or to memory. */
T_TEST(sparse_blocks_are_collected)
{
	struct spill_rig r = rig_open(200);
	bool done = false, restore = false;
	unsigned n = 0;
	int err;

	for (uint64_t i = 0; i < 200; i++)
		rig_write(&r, i, i < 80 ? PAGES_RANDOM : PAGES_TEXT, i);
	rig_spill(&r);
	for (uint64_t i = 0; i < 200; i++)
		if (i % 8) {
			T_EQ(rzs_store_discard(r.store, r.w, i, 1), 0);
			memset(r.model[i], 0, PAGE);
		}
	T_EQ(rig_stats(&r).pages_spilled, 25);
	while (!done) {
		err = rzs_spill_collect(r.store, r.w, 50, 3, &ticket, &done);
		if (err == -ENOENT)
			continue;
		T_EQ(err, 0);
		rig_do(&r, &ticket, false);
		rzs_spill_loaded(r.store, r.w, ticket.number, 0);
		if (restore)
			T_EQ(rzs_spill_restore(r.store, r.w, ticket.number), 0);
		else
			T_EQ(rzs_spill_rewrite(r.store, r.w, ticket.number), 0);
		rzs_spill_put(r.store, r.w, ticket.number);
		rig_verify(&r);
		restore = ++n > 10;
	}
	T_GT(n, 11);
	T_EQ(rig_gather(&r), 0);
	rig_spill(&r);
	T_LE(rig_stats(&r).spill_places, 8);
	T_EQ(rig_stats(&r).pages_spilled, 25);
	for (uint64_t i = 0; i < 200; i += 8) {
		rig_load(&r, i, 0, &ticket);
		rig_read(&r, i);
		rzs_spill_put(r.store, r.w, ticket.number);
	}
	rig_close(&r);
}

T_TEST(the_policy_says_what_goes)
{
	struct spill_rig r = rig_open(100);
	struct rzs_spill_policy raw = {.min_age = RZS_AGE_MAX + 1, .raw = true, .flush = true};
	struct rzs_spill_policy idle = {.min_age = 2, .flush = true};
	bool done;

	for (uint64_t i = 0; i < 10; i++)
		rig_write(&r, i, i ? PAGES_TEXT : PAGES_RANDOM, i);
	T_EQ(rzs_spill_gather(r.store, r.w, &idle, 100, &done), 0);
	T_EQ(done, true);
	T_EQ(rig_write_all(&r, 0), 0);
	T_EQ(rzs_spill_gather(r.store, r.w, &raw, 100, &done), 0);
	T_EQ(rig_write_all(&r, 0), 1);
	T_EQ(rig_stats(&r).pages_spilled, 1);
	for (unsigned i = 0; i < 3; i++)
		T_EQ(rzs_store_idle_pass(r.store, 100, &done), 0);
	rig_read(&r, 5);
	T_EQ(rzs_spill_gather(r.store, r.w, &idle, 100, &done), 0);
	T_EQ(rig_write_all(&r, 0), 1);
	T_EQ(rig_stats(&r).pages_spilled, 9);
	rig_read(&r, 5);
	rig_close(&r);
}

/* Writes that are under way end by themselves; places have to be made free. */
T_TEST(why_nothing_more_goes)
{
	struct rzs_config cfg = {.nr_pages = 100, .nr_workers = 1};
	struct spill_rig r;

	rig_open_places(&r, &cfg, 7);
	for (uint64_t i = 0; i < 80; i++)
		rig_write(&r, i, PAGES_RANDOM, i);
	T_EQ(rig_gather(&r), -EAGAIN);
	T_EQ(rig_write_all(&r, 0), NR_WRITES);
	T_EQ(rig_gather(&r), -ENOSPC);
	T_EQ(rig_write_all(&r, 0), 2);
	T_EQ(rig_gather(&r), -ENOSPC);
	T_EQ(rig_stats(&r).spill_places, 7);
	T_EQ(rzs_store_discard(r.store, r.w, 0, 8), 0);
	T_EQ(rig_gather(&r), -ENOSPC);
	T_EQ(rig_write_all(&r, 0), 1);
	T_EQ(rig_stats(&r).pages_spilled, 56);
	rig_close(&r);
}

T_TEST(merging_leaves_sealed_blocks_alone)
{
	struct rzs_merge_params params = {RZS_MERGE_SHARING_DEFAULT, false};
	struct spill_rig r = rig_open(100);
	uint64_t merged, passes;
	bool done;

	T_EQ(rzs_store_merge_open(r.store, 4096), 0);
	for (uint64_t i = 0; i < 6; i++)
		rig_write(&r, i, PAGES_TEXT, i / 2);
	T_EQ(rig_gather(&r), 0); /* in memory, but sealed */
	T_EQ(rzs_store_merge(r.store, r.w, &params, 200, &merged, &passes), 0);
	T_EQ(merged, 0);
	T_EQ(rig_write_all(&r, 0), 1);
	for (uint64_t i = 6; i < 10; i++)
		rig_write(&r, i, PAGES_TEXT, i / 2);
	T_EQ(rzs_store_merge(r.store, r.w, &params, 200, &merged, &passes), 0);
	T_EQ(merged, 2);
	rig_spill(&r); /* shared objects stay */
	T_EQ(rig_stats(&r).pages_spilled, 6);
	rig_verify(&r);
	rzs_store_merge_close(r.store, r.w);
	T_EQ(rzs_store_unmerge(r.store, r.w, UINT64_MAX, &done), 0);
	T_EQ(done, true);
	rig_close(&r);
}

/*
 * While a page is gathered its word comes back with other contents: two writes, the second of which
 * gets the place of the object that was copied.  Red when the bytes are not compared.
 */
static struct {
	struct spill_rig *r;
	unsigned steps, at;
	bool done;
} again;

static void write_twice(void *arg, const void *unused, size_t n)
{
	struct rzs_worker *own = again.r->w;

	(void)arg, (void)unused, (void)n;
	if (again.done || again.steps++ < again.at || !all_free(again.r->store) ||
	    !is_free(&again.r->store->pool.spill->lock))
		return;
	again.done = true;
	again.r->w = rzs_worker_get(again.r->store, 1);
	rig_write(again.r, 0, PAGES_RANDOM, 50);
	rig_write(again.r, 0, PAGES_RANDOM, 51);
	rzs_worker_put(again.r->store, again.r->w);
	again.r->w = own;
}

T_TEST(the_same_word_again)
{
	/* Without checksums the word of an incompressible page says no more than its place. */
	struct rzs_config cfg = {.nr_pages = 4, .nr_workers = 2, .no_checksum = true};
	unsigned met = 0;

	for (unsigned at = 0;; at++) {
		struct spill_rig r;
		uint64_t *word, was;

		rig_open_cfg(&r, &cfg);
		rig_write(&r, 0, PAGES_RANDOM, 1);
		word = rzs_slots_lookup(&r.store->slots, 0);
		was = *word;
		memset(&again, 0, sizeof(again));
		again.r = &r;
		again.at = at;
		rzs_test_call_at(RZS_TEST_AT_YIELD, write_twice, NULL);
		T_EQ(rig_gather(&r), 0);
		rzs_test_call_at(RZS_TEST_AT_YIELD, NULL, NULL);
		met += again.done && *word == was;
		rig_read(&r, 0);
		rig_close(&r);
		if (!again.done)
			break;
	}
	T_GT(met, 0);
}

T_TEST(bad_parameters_are_refused)
{
	static const struct rzs_spill_params bad[] = {{0, 5, 5, false},
						      {RZS_SPILL_MAX_PLACES + 1, 5, 5, false},
						      {9, 2, 5, false},
						      {9, 5, 0, false},
						      {9, RZS_SPILL_MAX_TRANSFERS, 1, false},
						      {9, 0xffffffffu, 2, false},
						      {9, 3, 0xffffffffu, false}};
	struct rzs_config cfg = {.nr_pages = 100, .nr_workers = 1};
	struct rzs_spill_params good = {65, 3, 1, false};
	struct rzs_store *store;
	struct rzs_worker *w;
	bool done;

	T_EQ(rzs_store_create(&cfg, &store), 0);
	w = rzs_worker_get(store, 0);
	T_EQ(rzs_spill_next(store, w, &ticket), -EINVAL);
	T_EQ(rzs_spill_want(store, w, 0, &ticket), -EINVAL);
	T_EQ(rzs_spill_collect(store, w, 50, 1, &ticket, &done), -EINVAL);
	T_EQ(rzs_spill_gather(store, w, &(struct rzs_spill_policy){0}, 1, &done), -EINVAL);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		T_EQ(rzs_spill_open(store, &bad[i]), -EINVAL);
	T_EQ(rzs_spill_open(store, &good), 0);
	T_EQ(rzs_spill_open(store, &good), -EINVAL);
	T_EQ(rzs_spill_gather(store, w, &(struct rzs_spill_policy){0}, 1, &done), -EINVAL);
	T_EQ(rzs_spill_want(store, w, 100, &ticket), -EINVAL);
	T_EQ(rzs_spill_want(store, w, 99, &ticket), -ENOENT);
	rzs_worker_put(store, w);
	rzs_store_destroy(store);
}

/* Each allocation of opening fails once: nothing is left over. */
T_TEST(opening_without_memory)
{
	struct rzs_config cfg = {.nr_pages = 100, .nr_workers = 1};
	struct rzs_spill_params params = {65, 3, 2, false};
	uint64_t live = rzs_test_live_bytes();
	struct rzs_stats before, after;
	struct rzs_store *store;
	unsigned n, kind;

	T_EQ(rzs_store_create(&cfg, &store), 0);
	rzs_store_stats(store, &before);
	for (kind = 0; kind < 2; kind++)
		for (n = 0; n < (kind ? 5u : 3u); n++) {
			rzs_test_fail(kind ? RZS_TEST_TAKE : RZS_TEST_ALLOC, n + 1, 1);
			T_EQ(rzs_spill_open(store, &params), -ENOMEM);
			rzs_test_fail(RZS_TEST_TAKE, 0, 0);
			rzs_test_fail(RZS_TEST_ALLOC, 0, 0);
			rzs_store_stats(store, &after);
			T_EQ(after.fixed_bytes, before.fixed_bytes);
			T_EQ(after.table_bytes, before.table_bytes);
		}
	T_EQ(rzs_spill_open(store, &params), 0);
	rzs_store_destroy(store);
	T_EQ(rzs_test_live_bytes(), live);
}
