/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "rzsbench device --pattern swap": the requests of a swapping system.
 *
 * The device is filled by swapping pages out in clusters of 64 KiB, in address order.  In a round
 * as many pages are read, one at a time and at random, as are written in clusters.  These go to
 * free clusters, or to used ones if none is free.  Now and then a process exits, and its clusters,
 * a sixteenth of the device, are discarded.  A round has a number of pages, not a time, so that all
 * targets hold the same.  Every page that is read is compared, and all pages at the end.
 */
#define _GNU_SOURCE
#include "rzsb_device_feed.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "rzsb_cmd.h"

#define CLUSTER	    16u /* pages */
#define CLUSTER_KIB 64u
#define PROCESSES   16u
#define NONE	    UINT32_MAX

struct times {
	double *us;
	size_t nr;
};

struct swap {
	struct nbd_bench *b;
	struct target *t;
	uint64_t seed;
	size_t clusters, free;
	size_t cursor;	  /* where the search for a free one begins */
	size_t outs, ins; /* clusters still to write, pages still to read */
	size_t to_exit;	  /* clusters to write before the next process exits */
	size_t exit_at, exit_end;
	uint8_t *busy; /* by cluster: a request is in flight */
	struct times in, out;
	uint64_t moved, discarded, wrong; /* pages */
};

static bool is_free(const struct swap *s, size_t cluster)
{
	return s->t->page[cluster * CLUSTER] == NONE;
}

static void aim(struct swap *s, struct client_request *r, size_t slot, unsigned pages)
{
	s->busy[slot / CLUSTER] = 1;
	r->tag = slot;
	r->offset = slot * RZSB_PAGE;
	r->bytes = pages * RZSB_PAGE;
	r->op = CLIENT_READ;
}

/* A free one from the cursor on; else any that is not busy, whose pages were read before. */
static size_t choose_cluster(struct swap *s)
{
	size_t at;

	for (size_t i = 0; i < s->clusters && s->free > 0; i++) {
		at = (s->cursor + i) % s->clusters;
		if (is_free(s, at) && !s->busy[at]) {
			s->cursor = (at + 1) % s->clusters;
			s->free--;
			return at;
		}
	}
	do {
		at = rzsb_rand_below(&s->seed, s->clusters);
	} while (s->busy[at]);
	return at;
}

static void go_out(struct swap *s, struct client_request *r)
{
	size_t from = rzsb_rand_below(&s->seed, s->clusters) * CLUSTER;
	size_t slot = choose_cluster(s) * CLUSTER;

	s->outs--;
	aim(s, r, slot, CLUSTER);
	r->op = CLIENT_WRITE;
	r->data = rzsb_page(&s->b->corpus, (uint32_t)from);
	for (unsigned i = 0; i < CLUSTER; i++)
		s->t->page[slot + i] = (uint32_t)(from + i);
}

/* false: no page was found that can be read now. */
static bool come_in(struct swap *s, struct client_request *r)
{
	for (unsigned i = 0; i < 1000; i++) {
		size_t slot = rzsb_rand_below(&s->seed, s->clusters * CLUSTER);

		if (is_free(s, slot / CLUSTER) || s->busy[slot / CLUSTER])
			continue;
		s->ins--;
		aim(s, r, slot, 1);
		return true;
	}
	return false;
}

/* The next cluster of a process that exits; false: there is none, or it is busy. */
static bool discard(struct swap *s, struct client_request *r)
{
	while (s->exit_at < s->exit_end && is_free(s, s->exit_at))
		s->exit_at++;
	if (s->exit_at >= s->exit_end || s->busy[s->exit_at])
		return false;
	aim(s, r, s->exit_at * CLUSTER, CLUSTER);
	r->op = CLIENT_TRIM;
	s->free++;
	s->discarded += CLUSTER;
	for (unsigned i = 0; i < CLUSTER; i++)
		s->t->page[s->exit_at * CLUSTER + i] = NONE;
	s->exit_at++;
	return true;
}

static void maybe_exit(struct swap *s)
{
	size_t process;

	if (s->t->no_discard || s->to_exit > 0 || s->exit_at < s->exit_end)
		return;
	process = rzsb_rand_below(&s->seed, PROCESSES);
	s->exit_at = process * s->clusters / PROCESSES;
	s->exit_end = (process + 1) * s->clusters / PROCESSES;
	s->to_exit = s->clusters / PROCESSES + 1;
}

static bool next_request(void *user, struct client_request *r)
{
	struct swap *s = user;
	size_t left = s->outs + s->ins;

	if (left == 0)
		return false;
	maybe_exit(s);
	if (discard(s, r))
		return true;
	/* In proportion to what is left, so that both end together. */
	if (s->ins && rzsb_rand_below(&s->seed, left) < s->ins && come_in(s, r))
		return true;
	if (s->outs == 0) {
		s->ins = 0; /* there is nothing to read */
		return false;
	}
	s->to_exit -= s->to_exit > 0;
	go_out(s, r);
	return true;
}

static void note(struct times *t, uint64_t ns)
{
	if (t->us && t->nr < RZSB_MAX_SAMPLES)
		t->us[t->nr++] = (double)ns / 1000;
}

static void request_done(void *user, const struct client_request *r, uint64_t ns)
{
	struct swap *s = user;

	s->busy[r->tag / CLUSTER] = 0;
	if (r->op == CLIENT_TRIM)
		return;
	s->moved += r->bytes / RZSB_PAGE;
	note(r->op == CLIENT_WRITE ? &s->out : &s->in, ns);
	if (r->op == CLIENT_READ)
		s->wrong += memcmp(r->into, rzsb_page(&s->b->corpus, s->t->page[r->tag]),
				   RZSB_PAGE) != 0;
}

/* Every page that is stored, in address order. */
static bool next_to_verify(void *user, struct client_request *r)
{
	struct swap *s = user;

	while (s->cursor < s->clusters * CLUSTER && is_free(s, s->cursor / CLUSTER))
		s->cursor += CLUSTER;
	if (s->cursor >= s->clusters * CLUSTER)
		return false;
	aim(s, r, s->cursor++, 1);
	return true;
}

static void run(struct swap *s, unsigned depth, bool (*next)(void *, struct client_request *))
{
	size_t most = s->clusters / 4 + 1;
	struct client_load load = {.conns = 1,
				   .depth = depth < most ? depth : (unsigned)most,
				   .max_bytes = CLUSTER * RZSB_PAGE,
				   .next = next,
				   .done = request_done,
				   .user = s};

	s->busy = rzsb_alloc(s->clusters);
	rzsb_target_run(s->t, &load);
	munmap(s->busy, s->clusters);
	if (s->wrong)
		rzst_die(RZSB_WRONG, "%s: %llu pages came back wrong", s->t->name,
			 (unsigned long long)s->wrong);
}

static size_t pages_held(const struct nbd_bench *b, const struct target *t)
{
	size_t nr = 0;

	for (size_t i = 0; i < b->nr; i++)
		nr += t->page[i] != NONE;
	return nr;
}

static struct swap swap_on(struct nbd_bench *b, struct target *t)
{
	return (struct swap){.b = b,
			     .t = t,
			     .seed = b->record.seed,
			     .clusters = b->nr / CLUSTER,
			     .free = (b->nr - pages_held(b, t)) / CLUSTER};
}

static void report_all_ram(struct nbd_bench *b, const char *after)
{
	rzsb_ram_heading();
	for (unsigned i = 0; i < b->nr_targets; i++) {
		const struct target *t = &b->targets[i];

		rzsb_ram_report(b, t, "swap_ram", after, pages_held(b, t));
	}
}

static void fill(struct nbd_bench *b)
{
	for (unsigned i = 0; i < b->nr_targets; i++) {
		struct target *t = &b->targets[i];
		struct swap s;

		t->page = rzsb_alloc(b->nr * sizeof(*t->page));
		memset(t->page, 0xff, b->nr * sizeof(*t->page));
		s = swap_on(b, t);
		s.outs = s.to_exit = s.clusters;
		run(&s, 16, next_request);
	}
	report_all_ram(b, "fill");
}

static void visit(struct nbd_bench *b, struct target *t, unsigned depth, unsigned round,
		  struct rzsb_visit *v, double *us)
{
	struct swap s = swap_on(b, t);
	struct rzsb_meter meter;

	s.seed += round * 977 + depth;
	s.outs = s.clusters;
	s.ins = s.clusters * CLUSTER;
	s.in.us = us;
	s.out.us = us + RZSB_MAX_SAMPLES;
	meter = rzsb_target_meter(t);
	run(&s, depth, next_request);
	v->rates = rzsb_target_rates(t, &meter, s.moved);
	v->discarded = s.discarded;
	v->us = rzsb_latency_of(s.in.us, s.in.nr);
	v->out_us = rzsb_latency_of(s.out.us, s.out.nr);
}

static void report(struct nbd_bench *b, const struct target *t, unsigned depth,
		   const struct rzsb_visit *v)
{
	double spread;
	uint64_t discarded = 0;
	struct rzsb_visit m = rzsb_visit_median(v, b->rounds, &spread);
	struct rzsb_json *j = &b->json;

	for (unsigned i = 0; i < b->rounds; i++)
		discarded += v[i].discarded;
	printf("%5u %-12s | %9.0f %4.0f%% | %7.1f %8.1f | %7.1f %8.1f | ", depth, t->name,
	       m.rates.clock, 100 * spread, m.us.p50, m.us.p99, m.out_us.p50, m.out_us.p99);
	rzsb_cell(7, 2, m.rates.server_us, " | ");
	rzsb_cell(9, 0, m.rates.cpu, t->no_discard ? "  (takes no discards)\n" : "\n");
	fflush(stdout);
	rzsb_json_begin(j, "swap_speed");
	rzsb_json_str(j, "server", t->name);
	rzsb_json_int(j, "depth", depth);
	rzsb_json_int(j, "discards", !t->no_discard);
	rzsb_json_int(j, "discarded_pages", discarded);
	rzsb_json_num(j, "pages_per_s", m.rates.clock);
	rzsb_json_num(j, "pages_spread", spread);
	rzsb_json_latency(j, "in_", &m.us);
	rzsb_json_latency(j, "out_", &m.out_us);
	rzsb_json_num(j, "server_cpu_us_per_page", m.rates.server_us);
	rzsb_json_num(j, "pages_per_s_by_cpu_time", m.rates.cpu);
	rzsb_json_end(j);
}

static void run_depth(struct nbd_bench *b, unsigned depth, double *us)
{
	static struct rzsb_visit v[NBD_MAX_TARGETS][RZSB_MAX_ROUNDS];

	for (unsigned round = 0; round < b->rounds; round++)
		for (unsigned i = 0; i < b->nr_targets; i++)
			if (target_is_server(&b->targets[i]) || depth == 1)
				visit(b, &b->targets[i], depth, round, &v[i][round], us);
	for (unsigned i = 0; i < b->nr_targets; i++)
		if (target_is_server(&b->targets[i]) || depth == 1)
			report(b, &b->targets[i], depth, v[i]);
}

static void verify(struct nbd_bench *b)
{
	for (unsigned i = 0; i < b->nr_targets; i++) {
		struct swap s = swap_on(b, &b->targets[i]);

		run(&s, 1, next_to_verify);
		printf("%-12s all pages read back and equal\n", s.t->name);
	}
}

int rzsb_device_swap(struct nbd_bench *b)
{
	double *us = rzsb_alloc(2 * RZSB_MAX_SAMPLES * sizeof(*us));

	fill(b);
	printf("\nSwapping: as many pages in, at random, as out, in clusters of %u KiB; processes "
	       "exit\n%5s %-12s | %9s %5s | %7s %8s | %7s %8s | %7s | %9s\n",
	       CLUSTER_KIB, "depth", "server", "pages/s", "+-", "in p50", "p99 us", "out p50",
	       "p99 us", "srv us", "by cpu");
	for (unsigned d = 0; d < b->depths.nr; d++)
		run_depth(b, (unsigned)b->depths.v[d], us);
	munmap(us, 2 * RZSB_MAX_SAMPLES * sizeof(*us));
	report_all_ram(b, "swap");
	verify(b);
	return 0;
}
