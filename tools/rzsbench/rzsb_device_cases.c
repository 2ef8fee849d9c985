/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "rzsbench device --pattern cases".  page[] of a target says which page of the corpus is in which
 * slot, so that all can be read back and compared at the end.
 *
 * The order is: fill in address order with the largest requests; RAM; reads; writes of other pages
 * to random places; random 4 KiB overwrites, for a multiple of the size; RAM; 4 KiB reads again;
 * verification; trims of 4 KiB of a device that is filled again for each round.
 */
#define _GNU_SOURCE
#include "rzsb_device.h"
#include "rzsb_device_feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FILL_DEPTH 16u

static const char *const op_names[] = {
	[CLIENT_READ] = "read", [CLIENT_WRITE] = "write", [CLIENT_TRIM] = "trim"};

/* A step that visits each of n places once. */
static size_t scattered(size_t n)
{
	size_t step = 40503, a, r, t;

	for (;; step += 2) {
		for (a = n, r = step; r; r = t) {
			t = a % r;
			a = r;
		}
		if (a == 1)
			return step % n;
	}
}

static void visit(struct nbd_bench *b, struct target *t, const struct nbd_case *c, unsigned round,
		  struct rzsb_visit *v, double *us)
{
	struct feed f = {.b = b, .t = t, .c = c, .us = us, .left = UINT64_MAX};
	struct rzsb_meter meter = rzsb_target_meter(t);

	f.seed = b->record.seed + round * 977 + c->kib;
	f.end = rzst_now() + b->ms * 1000000ull;
	if (c->op == CLIENT_TRIM) {
		f.in_order = true;
		f.step = scattered(b->nr);
		f.left = b->nr;
	}
	rzsb_feed_run(&f);
	v->rates = rzsb_target_rates(t, &meter, f.requests);
	v->us = rzsb_latency_of(us, f.nr_us);
}

/* How many times as fast the first target was as this one, median of the rounds. */
static struct rzsb_rates times_of(const struct rzsb_visit *first, const struct rzsb_visit *v,
				  unsigned rounds)
{
	struct rzsb_visit x[RZSB_MAX_ROUNDS] = {0};

	for (unsigned i = 0; i < rounds; i++) {
		x[i].rates.clock = first[i].rates.clock / v[i].rates.clock;
		x[i].rates.cpu = first[i].rates.cpu / v[i].rates.cpu;
	}
	return rzsb_visit_median(x, rounds, NULL).rates;
}

/* times: NULL for the first. */
static void json_case(struct nbd_bench *b, const struct nbd_case *c, const char *name,
		      const struct rzsb_visit *m, double spread, const struct rzsb_rates *times)
{
	struct rzsb_json *j = &b->json;

	rzsb_json_begin(j, "nbd_speed");
	rzsb_json_str(j, "server", name);
	rzsb_json_str(j, "op", op_names[c->op]);
	rzsb_json_str(j, "after", c->when);
	rzsb_json_int(j, "request_bytes", c->kib * 1024u);
	rzsb_json_int(j, "depth", c->depth);
	rzsb_json_int(j, "connections", c->conns);
	rzsb_json_num(j, "iops", m->rates.clock);
	rzsb_json_num(j, "iops_spread", spread);
	rzsb_json_num(j, "mb_per_s", m->rates.clock * c->kib * 1024 / 1e6);
	rzsb_json_latency(j, "", &m->us);
	rzsb_json_num(j, "server_cpu_us_per_op", m->rates.server_us);
	rzsb_json_num(j, "iops_by_cpu_time", m->rates.cpu);
	if (times) {
		rzsb_json_num(j, "first_per_this_iops", times->clock);
		rzsb_json_num(j, "first_per_this_iops_by_cpu_time", times->cpu);
	}
	rzsb_json_end(j);
}

static void report_case(struct nbd_bench *b, const struct nbd_case *c, unsigned i,
			struct rzsb_visit v[NBD_MAX_TARGETS][RZSB_MAX_ROUNDS])
{
	const char *name = b->targets[i].name;
	double spread;
	struct rzsb_visit m = rzsb_visit_median(v[i], b->rounds, &spread);
	struct rzsb_rates times;

	printf("%-5s %3uK %3u x%u %-6s %-12s | %8.0f %4.0f%% %8.1f | %7.1f %7.1f %7.1f | ",
	       op_names[c->op], c->kib, c->depth, c->conns, c->when, name, m.rates.clock,
	       100 * spread, m.rates.clock * c->kib * 1024 / 1e6, m.us.p50, m.us.p99, m.us.p999);
	rzsb_cell(7, 2, m.rates.server_us, " | ");
	rzsb_cell(8, 0, m.rates.cpu, " | ");
	if (i > 0) {
		times = times_of(v[0], v[i], b->rounds);
		rzsb_cell(6, 2, times.clock, " ");
		rzsb_cell(6, 2, times.cpu, "");
	}
	printf("\n");
	json_case(b, c, name, &m, spread, i > 0 ? &times : NULL);
	fflush(stdout);
}

static void refill(struct nbd_bench *b, struct target *t)
{
	const struct nbd_case c = {
		.op = CLIENT_WRITE, .kib = (unsigned)b->unit * 4, .conns = 1, .depth = FILL_DEPTH};
	struct feed f = {.b = b, .t = t, .c = &c, .in_order = true, .left = b->nr / b->unit};

	rzsb_feed_run(&f);
}

/* A device has no depth and no connections.  It trims one page at a time. */
static bool can_run(const struct target *t, const struct nbd_case *c)
{
	if (c->op == CLIENT_TRIM)
		return !t->no_discard;
	return target_is_server(t) || (c->depth == 1 && c->conns == 1);
}

static void run_case(struct nbd_bench *b, const struct nbd_case *c, double *us)
{
	static struct rzsb_visit v[NBD_MAX_TARGETS][RZSB_MAX_ROUNDS];
	bool ran[NBD_MAX_TARGETS] = {false};

	for (unsigned round = 0; round < b->rounds; round++)
		for (unsigned i = 0; i < b->nr_targets; i++) {
			struct target *t = &b->targets[i];

			if (!can_run(t, c))
				continue;
			if (c->op == CLIENT_TRIM)
				refill(b, t);
			visit(b, t, c, round, &v[i][round], us);
			ran[i] = true;
		}
	for (unsigned i = 0; i < b->nr_targets; i++)
		if (ran[i])
			report_case(b, c, i, v);
}

static void fill(struct nbd_bench *b)
{
	rzsb_ram_heading();
	for (unsigned i = 0; i < b->nr_targets; i++) {
		b->targets[i].page = rzsb_alloc(b->nr * sizeof(uint32_t));
		refill(b, &b->targets[i]);
		rzsb_ram_report(b, &b->targets[i], "nbd_ram", "fill", b->nr);
	}
}

static void churn(struct nbd_bench *b)
{
	const struct nbd_case c = {.op = CLIENT_WRITE, .kib = 4, .conns = 1, .depth = FILL_DEPTH};

	rzsb_ram_heading();
	for (unsigned i = 0; i < b->nr_targets; i++) {
		struct feed f = {.b = b, .t = &b->targets[i], .c = &c, .seed = b->record.seed};

		f.left = b->nr * b->churn;
		rzsb_feed_run(&f);
		rzsb_ram_report(b, &b->targets[i], "nbd_ram", "churn", b->nr);
	}
}

static int verify(struct nbd_bench *b)
{
	const struct nbd_case c = {.kib = (unsigned)b->unit * 4, .conns = 1, .depth = FILL_DEPTH};
	int bad = 0;

	for (unsigned i = 0; i < b->nr_targets; i++) {
		struct feed f = {
			.b = b, .t = &b->targets[i], .c = &c, .in_order = true, .compare = true};

		if (!b->targets[i].keeps_data)
			continue;
		f.left = b->nr / b->unit;
		rzsb_feed_run(&f);
		printf("%-12s %s\n", b->targets[i].name,
		       f.wrong ? "GAVE BACK WRONG BYTES" : "all pages read back and equal");
		bad |= f.wrong != 0;
	}
	return bad;
}

static void speed_heading(void)
{
	printf("\nSpeed (depth of each connection; times: how many times as fast the first server "
	       "is, by the\n"
	       "clock and by the CPU time of client and server together; +-: (largest - least) / "
	       "median)\n"
	       "%-5s %4s %6s %-6s %-12s | %8s %5s %8s | %7s %7s %7s | %7s | %8s | %6s %6s\n",
	       "op", "size", "depth", "after", "server", "IOPS", "+-", "MB/s", "p50 us", "p99 us",
	       "p99.9", "srv us", "IOPS/cpu", "times", "by cpu");
	fflush(stdout);
}

int rzsb_device_cases(struct nbd_bench *b)
{
	const struct nbd_case trim = {CLIENT_TRIM, "fill", 4, FILL_DEPTH, 1};
	double *us = rzsb_alloc(RZSB_MAX_SAMPLES * sizeof(*us));
	int bad;

	fill(b);
	speed_heading();
	for (enum client_op op = CLIENT_READ; op <= CLIENT_WRITE; op++)
		for (unsigned k = 0; k < b->kib.nr; k++)
			for (unsigned n = 0; n < b->conns.nr; n++)
				for (unsigned d = 0; d < b->depths.nr; d++) {
					struct nbd_case c = {op, "fill", (unsigned)b->kib.v[k],
							     (unsigned)b->depths.v[d],
							     (unsigned)b->conns.v[n]};

					run_case(b, &c, us);
				}
	if (b->churn) {
		const struct nbd_case again = {CLIENT_READ, "churn", 4, FILL_DEPTH, 1};

		churn(b);
		speed_heading();
		run_case(b, &again, us);
	}
	bad = verify(b);
	speed_heading();
	run_case(b, &trim, us);
	munmap(us, RZSB_MAX_SAMPLES * sizeof(*us));
	return bad;
}
