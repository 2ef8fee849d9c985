/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A store at its limit of 4 MiB, with pages of twice as much: random requests through
 * server/dispatch.h against a plain array, while pages go to a made disk and come back, in any
 * order and with errors.  There is room for all: no write is refused.
 *
 * Environment: RZS_OPS: how many requests; T_SEED.
 */
#include "spiller_rig.h"

#define NR_PAGES 2048u
#define LIMIT	 (4u << 20)
#define OPS	 8000u
#define DEADLINE 600

static struct pages_rng rng;
static bool busy[NR_PAGES + 1];
static uint64_t parked, eio;
static bool disk_errs;

static unsigned pages_of(const struct job *j)
{
	return (unsigned)((j->offset + j->len - 1) / PAGE - j->offset / PAGE) + 1;
}

static void set_busy(const struct job *j, bool is)
{
	for (unsigned i = 0; i < pages_of(j); i++)
		busy[j->offset / PAGE + i] = is;
}

static bool is_busy(uint64_t offset, uint32_t len)
{
	const struct job j = {.offset = offset, .len = len};
	bool is = false;

	for (unsigned i = 0; i < pages_of(&j); i++)
		is = is || busy[offset / PAGE + i];
	return is;
}

/* Whether to make the call again: a range may have been zeroed in part. */
static bool once_more(const struct job *j)
{
	return j->err == -EIO && j->op == ZERO_IT;
}

/* It was answered. */
static void settle(struct job *j)
{
	while (once_more(j))
		if (job_call(j) == -EINPROGRESS)
			return;
	if (j->err && !(j->err == -EIO && disk_errs))
		T_FAIL("op %d at %llu: %d", j->op, (unsigned long long)j->offset, j->err);
	eio += j->err == -EIO;
	set_busy(j, false);
	job_end(j);
}

static void settle_all(void)
{
	for (unsigned i = 0; i < NR_REQUESTS; i++)
		if (rig.jobs[i].used && !rig.jobs[i].parked)
			settle(&rig.jobs[i]);
}

static void begin(struct job *j)
{
	set_busy(j, true);
	if (job_call(j) == -EINPROGRESS)
		parked++;
	else
		settle(j);
}

static void do_one(void)
{
	uint64_t x = pages_next(&rng), slot = (x >> 32) % (x >> 8 & 3 ? NR_PAGES : NR_PAGES / 8);
	uint64_t offset = slot * PAGE;
	uint32_t len = PAGE;
	enum op op = x % 8 < 3 ? WRITE_IT : x % 8 < 6 ? READ_IT : x % 8 == 6 ? WRITE_IT : ZERO_IT;
	struct job *j;

	if (x % 8 >= 5) { /* a part of a page */
		offset += (x >> 12) % PAGE;
		len = 1 + (uint32_t)((x >> 24) % (PAGE - offset % PAGE));
	}
	if (op == ZERO_IT && slot + 3 < NR_PAGES)
		len += (uint32_t)((x >> 10) % (2 * PAGE));
	if (is_busy(offset, len))
		return;
	j = job_new(op, offset, len);
	if (op == WRITE_IT)
		pages_make(j->buf, x >> 16 & 1 ? PAGES_RANDOM : (x >> 17) % PAGES_NR, x);
	begin(j);
}

static void collect(int wait_ms)
{
	(void)rig_collect(wait_ms);
	settle_all();
}

static void wait_all(void)
{
	while (rig.nr_parked) {
		rig_step(10, true);
		collect(10);
	}
}

static void check_all(void)
{
	for (uint64_t slot = 0; slot < NR_PAGES; slot++)
		while (rig_read(slot) == -EIO)
			T_OK(disk_errs);
}

static void run(bool errors, unsigned buffers)
{
	const char *env = getenv("RZS_OPS");
	uint64_t ops = env ? strtoull(env, NULL, 0) : (uint64_t)(OPS / t_scale());
	struct rzs_config cfg = {.nr_pages = NR_PAGES, .nr_workers = 2, .limit_bytes = LIMIT};
	struct rzs_spiller_config c = {
		.threads = 4, .writes = 8, .buffers = buffers, .knobs = {.raw = errors}};
	struct rzs_stats st;

	rng = (struct pages_rng){t_seed()};
	disk.logs_not = true;
	disk_errs = errors;
	if (errors) {
		disk.random = pages_next(&rng);
		disk.fail_one_in[RZS_SPILL_READ] = 30;
		disk.fail_one_in[RZS_SPILL_WRITE] = 10;
		disk.interrupt_one_in = 20;
	}
	rig_open(&cfg, &c);
	for (uint64_t i = 0; i < ops; i++) {
		do_one();
		if (i % 8 == 0)
			rig_step(10, i % 256 == 0);
		collect(0);
		while (rig.nr_parked >= NR_REQUESTS - 1) {
			rig_step(10, true);
			collect(10);
		}
	}
	wait_all();
	check_all();
	st = rig_stats();
	t_note("%llu requests parked, %llu EIO; %llu blocks written, %llu read",
	       (unsigned long long)parked, (unsigned long long)eio,
	       (unsigned long long)st.spill_writes, (unsigned long long)st.spill_reads);
	T_EQ(st.refused_limit, 0);
	if (ops == OPS) { /* or nothing was tested */
		T_GT(st.spill_writes, 20);
		T_GT(parked, 100);
	}
	rig_close();
}

T_TEST_TIMEOUT(a_store_at_its_limit, DEADLINE)
{
	run(false, 4);
}

T_TEST_TIMEOUT(a_disk_that_fails_at_times, DEADLINE)
{
	run(true, 4);
}

T_TEST_TIMEOUT(one_buffer_for_all, DEADLINE)
{
	run(true, 1);
}
