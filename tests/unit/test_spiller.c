/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A spiller below server/dispatch.h, with a made disk: who waits for what, and what becomes of
 * errors.  test_spiller_model has random calls.
 */
#include "spiller_rig.h"

#define IN_BLOCK (RZS_BLOCK_SIZE / PAGE) /* raw pages */

static const struct rzs_spiller_config raw_only = {
	.threads = 4, .writes = 8, .buffers = 2, .knobs = {.raw = true}};

/*
 * Blocks of incompressible pages go to disk, in order: those of block b are b * IN_BLOCK and up.
 * One page more is in memory, and returned.
 */
static uint64_t spill_blocks(unsigned nr)
{
	uint64_t slot;

	for (slot = 0; slot <= nr * IN_BLOCK; slot++)
		rig_write(slot, PAGES_RANDOM, slot);
	T_WAIT((rig_step(100, false), rig_stats().spill_writes == nr), 20);
	return slot - 1;
}

static void open_raw(unsigned blocks, unsigned buffers)
{
	struct rzs_config cfg = {.nr_pages = 256, .nr_workers = 2};
	struct rzs_spiller_config c = raw_only;

	c.buffers = buffers;
	rig_open(&cfg, &c);
	T_EQ(spill_blocks(blocks), blocks * IN_BLOCK);
}

static unsigned reads_begun(unsigned before)
{
	unsigned n = 0;

	pthread_mutex_lock(&disk.lock);
	for (unsigned i = before; i < disk.calls; i++)
		n += disk.log[i].op == RZS_SPILL_READ;
	pthread_mutex_unlock(&disk.lock);
	return n;
}

/* Red if each waiter has a read of its own, or if one of them is not woken. */
T_TEST(many_wait_for_one_read)
{
	struct job *jobs[IN_BLOCK];
	unsigned before;

	open_raw(2, 2);
	before = disk_calls();
	disk_hold();
	for (unsigned i = 0; i < IN_BLOCK; i++)
		jobs[i] = rig_park(IN_BLOCK + i);
	disk_let_all();
	for (unsigned i = 0; i < IN_BLOCK; i++) {
		T_EQ(job_wait(jobs[i]), 0);
		job_end(jobs[i]);
	}
	T_EQ(reads_begun(before), 1);
	T_EQ(rig_read(IN_BLOCK), 0); /* the bytes are there still */
	T_EQ(reads_begun(before), 1);
	rig_close();
}

/* Parts of pages are read and written as whole ones are; a range of zeros has two such pages. */
T_TEST(parts_of_pages)
{
	struct job *j;

	open_raw(3, 2);
	j = job_new(READ_IT, 2 * PAGE + 100, 200);
	T_EQ(job_call(j), -EINPROGRESS);
	T_EQ(job_wait(j), 0);
	job_end(j);
	j = job_new(WRITE_IT, IN_BLOCK * PAGE + 4000, 90);
	memset(j->buf, 7, 90);
	T_EQ(job_call(j), -EINPROGRESS);
	T_EQ(job_wait(j), 0);
	job_end(j);
	T_EQ(rig_read(IN_BLOCK), 0);
	j = job_new(ZERO_IT, (2 * IN_BLOCK - 1) * PAGE + 50, 2 * PAGE);
	T_EQ(job_call(j), -EINPROGRESS);
	T_EQ(job_wait(j), 0);
	job_end(j);
	for (unsigned i = 0; i < 3 * IN_BLOCK; i++)
		T_EQ(rig_read(i), 0);
	/* A page is written as a whole without a look at the disk. */
	disk_hold();
	rig_write(0, PAGES_TEXT, 1);
	T_EQ(rig_read(0), 0);
	disk_let_all();
	rig_close();
}

/* Red if a call waits for the disk, or if reads of it wait for writes. */
T_TEST(a_held_disk_delays_nobody_else)
{
	uint64_t hot, slot;
	unsigned before;
	struct job *j;

	open_raw(2, 2);
	hot = 2 * IN_BLOCK;
	before = disk_calls();
	disk_hold();
	for (slot = hot + 1; slot < hot + 1 + 8 * IN_BLOCK; slot++)
		rig_write(slot, PAGES_RANDOM, slot);
	rig_step(5000, false); /* the engine's writes are stuck */
	T_WAIT(disk_calls() > before, 20); /* one call may be for all */
	j = rig_park(0);
	T_EQ(rig_read(hot), 0);
	rig_write(hot, PAGES_TEXT, 1);
	T_EQ(rig_read(hot), 0);
	T_EQ(rig_read(hot + 1), 0); /* it is being written, and read from memory */
	T_EQ(j->parked, true);
	disk_let(RZS_SPILL_READ, 1);
	T_EQ(job_wait(j), 0);
	job_end(j);
	disk_let_all();
	rig_close();
}

/* Red if the error is everybody's, or stays. */
T_TEST(a_read_that_fails)
{
	struct job *a, *b, *other;

	open_raw(2, 2);
	disk_hold();
	disk_fail(RZS_SPILL_READ, 1, 1, 1, -EIO); /* the first place is that of block 0 */
	a = rig_park(0);
	b = rig_park(1);
	other = rig_park(IN_BLOCK);
	disk_let_all();
	T_EQ(job_wait(a), -EIO);
	T_EQ(job_wait(b), -EIO);
	T_EQ(job_wait(other), 0);
	job_end(a);
	job_end(b);
	job_end(other);
	for (unsigned i = 0; i < 2 * IN_BLOCK; i++)
		T_EQ(rig_read(i), 0); /* the disk has got over it */
	rig_close();
}

/* Bytes that are not those that were written: EIO, for that page. */
T_TEST(a_page_that_has_changed_on_disk)
{
	open_raw(1, 2);
	disk.bytes[1 * RZS_SPILL_UNIT + 3 * PAGE + 5] ^= 1;
	for (unsigned i = 0; i < IN_BLOCK; i++)
		T_EQ(rig_read(i), i == 3 ? -EIO : 0);
	rig_close();
}

/* Red if a page is lost, if anything more is written, or if it is said twice. */
T_TEST(a_write_that_fails)
{
	char line[RZS_WHY_MAX];
	unsigned calls;
	uint64_t slot;

	open_raw(1, 2);
	T_EQ(rzs_spiller_trouble(rig.device.spiller, line), false);
	disk_fail(RZS_SPILL_WRITE, 0, PLACES, UINT_MAX, -ENOSPC);
	for (slot = IN_BLOCK; slot < 6 * IN_BLOCK; slot++)
		rig_write(slot, PAGES_RANDOM, slot);
	T_WAIT((rig_step(5000, false), rig_stats().spill_failed >= 3), 20);
	T_EQ(rzs_spiller_trouble(rig.device.spiller, line), true);
	T_OK(strstr(line, "the disk: a write failed"));
	T_EQ(rzs_spiller_trouble(rig.device.spiller, line), false);
	disk_fail(RZS_SPILL_WRITE, 0, PLACES, 0, 0);
	for (unsigned i = 0; i < 20; i++)
		rig_step(5000, true);
	calls = disk_calls();
	for (slot = IN_BLOCK; slot < 6 * IN_BLOCK; slot++)
		T_EQ(rig_read(slot), 0);
	rig_step(5000, true);
	T_EQ(disk_calls(), calls);
	T_EQ(rig_stats().spill_writes, 1);
	T_EQ(rig_read(0), 0); /* what is on it is read */
	rig_close();
}

/* More blocks are wanted than there are buffers.  Red if one of those who wait is forgotten. */
T_TEST(one_buffer)
{
	struct job *jobs[12];

	open_raw(4, 1);
	disk_hold();
	for (unsigned i = 0; i < 12; i++)
		jobs[i] = rig_park(i % 4 * IN_BLOCK + i / 4);
	rig_write(1 * IN_BLOCK, PAGES_TEXT, 1);
	rig_write(2 * IN_BLOCK, PAGES_TEXT, 2);
	disk_let_all();
	for (unsigned i = 0; i < 12; i++) {
		T_EQ(job_wait(jobs[i]), 0);
		job_end(jobs[i]);
	}
	rig_close();
}

/* One put wakes A, which needs no ticket by then.  Red if that does not wake B. */
T_TEST(who_needs_no_buffer_any_more)
{
	struct job *first, *a, *b;

	open_raw(3, 1);
	disk_hold();
	first = rig_park(0);
	a = rig_park(IN_BLOCK);
	b = rig_park(2 * IN_BLOCK);
	rig_write(IN_BLOCK, PAGES_TEXT, 1);
	disk_let_all();
	T_EQ(job_wait(first), 0);
	T_EQ(job_wait(a), 0);
	T_EQ(job_wait(b), 0);
	job_end(first);
	job_end(a);
	job_end(b);
	rig_close();
}

/* ---- memory and places that are used up ---- */

#define LIMIT (4u << 20)

/* A store with a limit, and a spiller that moves pages only for that. */
static void open_limited(void)
{
	struct rzs_config cfg = {.nr_pages = 4096, .nr_workers = 2, .limit_bytes = LIMIT};
	struct rzs_spiller_config c = {.threads = 4, .writes = 8, .buffers = 2};

	rig_open(&cfg, &c);
}

/* Write raw pages from slot on until one of them is parked, and stays so in 50 steps. */
static struct job *fill_up(uint64_t *slot)
{
	for (;; ++*slot) {
		struct job *j = job_new(WRITE_IT, *slot * PAGE, PAGE);

		T_LT(*slot, rig.nr);
		pages_make(j->buf, PAGES_RANDOM, *slot);
		(void)job_call(j);
		for (unsigned i = 0; i < 50 && j->parked; i++) {
			rig_step(100, true);
			(void)rig_collect(0);
		}
		if (j->parked)
			return j;
		T_EQ(j->err, 0);
		job_end(j);
	}
}

/* Red if it is refused, if it counts as refused, if others wait too, or if nobody wakes it. */
T_TEST(a_write_that_finds_no_memory)
{
	uint64_t slot = 0;
	struct job *j;

	open_limited();
	disk_hold();
	j = fill_up(&slot);
	T_GE(slot, 500);
	T_EQ(rig_read(0), 0); /* it is being written, or it is in memory */
	T_EQ(j->parked, true);
	disk_let_all();
	while (j->parked) {
		rig_step(100, true);
		(void)rig_collect(1);
	}
	T_EQ(j->err, 0);
	job_end(j);
	T_EQ(rig_stats().refused_limit, 0);
	for (uint64_t i = 0; i <= slot; i++)
		T_EQ(rig_read(i), 0);
	rig_close();
}

/* Red if somebody waits for what never comes, or if a page is lost. */
T_TEST(full_in_memory_and_on_disk)
{
	uint64_t slot = 0, refused;
	struct job *j;

	open_limited();
	disk_hold();
	disk_fail(RZS_SPILL_WRITE, 0, PLACES, UINT_MAX, -ENOSPC);
	j = fill_up(&slot);
	disk_let_all();
	while (j->parked) {
		rig_step(100, true);
		(void)rig_collect(1);
	}
	T_EQ(j->err, -ENOSPC);
	job_end(j);
	T_EQ(rig_stats().refused_limit, 1);
	for (refused = 1; refused < 5; refused++) { /* at once, without a step */
		j = job_new(WRITE_IT, (slot + refused) * PAGE, PAGE);
		pages_make(j->buf, PAGES_RANDOM, slot + refused);
		T_EQ(job_call(j), -ENOSPC);
		job_end(j);
	}
	T_EQ(rig_stats().refused_limit, refused);
	for (uint64_t i = 0; i < slot; i++)
		T_EQ(rig_read(i), 0);
	/* When there is room, pages are written. */
	j = job_new(ZERO_IT, 64 * PAGE, 64 * PAGE);
	T_EQ(job_call(j), 0);
	job_end(j);
	rig_write(slot, PAGES_RANDOM, slot);
	rig_close();
}

/* Whether half of the places are free, after one more step. */
static bool collected_all(void)
{
	rig_step(1000, true);
	return rig_stats().spill_places <= PLACES / 2;
}

/* Most pages of all blocks are overwritten.  Red if places stay in use, or a page is lost. */
T_TEST(places_that_hold_few_pages)
{
	struct rzs_config cfg = {.nr_pages = 2048, .nr_workers = 2};
	const unsigned blocks = 200;
	struct rzs_stats st;

	rig_open(&cfg, &raw_only);
	(void)spill_blocks(blocks);
	T_GE(rig_stats().spill_places, blocks);
	for (uint64_t slot = 0; slot < blocks * IN_BLOCK; slot++)
		if (slot % IN_BLOCK > 1)
			rig_write(slot, PAGES_TEXT, slot);
	T_WAIT(collected_all(), 60);
	st = rig_stats();
	T_LE(st.pages_spilled, 2 * blocks);
	/* Each four blocks become one. */
	T_LE(st.spill_writes, blocks + blocks / 4);
	for (uint64_t slot = 0; slot < blocks * IN_BLOCK; slot++)
		T_EQ(rig_read(slot), 0);
	rig_close();
}

/* A disk that cannot be read: the place stays, and its pages are lost when they are read. */
T_TEST(places_that_cannot_be_read)
{
	struct rzs_config cfg = {.nr_pages = 2048, .nr_workers = 2};
	const unsigned blocks = 200;

	rig_open(&cfg, &raw_only);
	(void)spill_blocks(blocks);
	for (uint64_t slot = 0; slot < blocks * IN_BLOCK; slot++)
		if (slot % IN_BLOCK)
			rig_write(slot, PAGES_TEXT, slot);
	disk_fail(RZS_SPILL_READ, 5, 5, UINT_MAX, -EIO);
	T_WAIT(collected_all(), 60);
	for (uint64_t slot = 0; slot < blocks * IN_BLOCK; slot++)
		T_EQ(rig_read(slot), slot == 4 * IN_BLOCK ? -EIO : 0);
	rig_close();
}

T_TEST(what_cannot_be_opened)
{
	struct rzs_config cfg = {.nr_pages = 256, .nr_workers = 2};
	struct rzs_spiller_config c = raw_only;
	struct rzs_spiller *s;

	c.disk = (struct rzs_spill_disk){disk_read, disk_write, NULL};
	c.name = "the disk";
	c.places = PLACES;
	c.now_ms = made_clock;
	T_EQ(rzs_store_min_limit(&cfg, &cfg.limit_bytes), 0);
	T_EQ(rzs_store_create(&cfg, &c.store), 0);
	T_EQ(rzs_spiller_open(&c, &s), -ENOSPC);
	T_EQ(s, NULL);
	rzs_store_destroy(c.store);
	cfg.limit_bytes = 0;
	T_EQ(rzs_store_create(&cfg, &c.store), 0);
	c.threads = 1;
	T_EQ(rzs_spiller_open(&c, &s), -EINVAL);
	c.threads = 2;
	c.writes = 1;
	T_EQ(rzs_spiller_open(&c, &s), -EINVAL);
	c.writes = UINT_MAX;
	T_EQ(rzs_spiller_open(&c, &s), -EINVAL);
	T_EQ(s, NULL);
	rzs_spiller_close(NULL, NULL);
	rzs_store_destroy(c.store);
}
