/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzsb_device_feed.h. */
#define _GNU_SOURCE
#include "rzsb_device_feed.h"

#include <string.h>
#include <sys/mman.h>

static void choose_place(struct feed *f, struct client_request *r, unsigned pages)
{
	struct nbd_bench *b = f->b;
	size_t slot;

	if (f->in_order) {
		slot = f->order ? f->order[f->position] : f->position;
		f->position = (f->position + (f->step ? f->step : pages)) % b->nr;
	} else {
		/* Of two writes to one place in flight nobody knows which is the last. */
		do {
			slot = rzsb_rand_below(&f->seed, b->nr / pages) * pages;
		} while (f->busy[slot / b->unit]);
		f->busy[slot / b->unit] = 1;
	}
	r->tag = slot;
	r->offset = slot * RZSB_PAGE;
}

static bool next_request(void *user, struct client_request *r)
{
	struct feed *f = user;
	struct nbd_bench *b = f->b;
	unsigned pages = f->c->kib / 4;
	uint32_t from;

	if (f->left == 0 || (f->end && rzst_now() > f->end))
		return false;
	f->left--;
	choose_place(f, r, pages);
	r->bytes = pages * RZSB_PAGE;
	r->op = f->c->op;
	if (r->op != CLIENT_WRITE)
		return true;
	from = (uint32_t)(f->in_order ? r->tag : rzsb_rand_below(&f->seed, b->nr / pages) * pages);
	r->data = rzsb_page(&b->corpus, from);
	for (unsigned i = 0; i < pages; i++)
		f->t->page[r->tag + i] = from + i;
	return true;
}

static void request_done(void *user, const struct client_request *r, uint64_t ns)
{
	struct feed *f = user;

	if (!f->in_order)
		f->busy[r->tag / f->b->unit] = 0;
	f->requests++;
	if (f->us && f->nr_us < RZSB_MAX_SAMPLES)
		f->us[f->nr_us++] = (double)ns / 1000;
	for (unsigned i = 0; f->compare && i < r->bytes / RZSB_PAGE; i++)
		if (memcmp((uint8_t *)r->into + i * RZSB_PAGE,
			   rzsb_page(&f->b->corpus, f->t->page[r->tag + i]), RZSB_PAGE) != 0)
			f->wrong++;
}

void rzsb_feed_run(struct feed *f)
{
	struct client_load load = {.conns = f->c->conns,
				   .depth = f->c->depth,
				   .max_bytes = f->c->kib * 1024,
				   .next = next_request,
				   .done = request_done,
				   .user = f};

	f->busy = rzsb_alloc(f->b->nr / f->b->unit + 1);
	rzsb_target_run(f->t, &load);
	munmap(f->busy, f->b->nr / f->b->unit + 1);
}

#define MEDIAN(member) rzsb_over_rounds(&v->member, sizeof(*v), rounds, NULL)

struct rzsb_visit rzsb_visit_median(const struct rzsb_visit *v, unsigned rounds, double *out_spread)
{
	return (struct rzsb_visit){
		.rates = {rzsb_over_rounds(&v->rates.clock, sizeof(*v), rounds, out_spread),
			  MEDIAN(rates.cpu), MEDIAN(rates.server_us)},
		.us = rzsb_latency_median(&v->us, sizeof(*v), rounds),
		.out_us = rzsb_latency_median(&v->out_us, sizeof(*v), rounds),
	};
}

void rzsb_ram_heading(void)
{
	printf("\nRAM (resident memory of the server; zram: mem_used_total), MiB\n"
	       "%-6s %-12s | %9s %9s %9s %9s | %7s\n",
	       "after", "server", "stored", "at start", "now", "growth", "of orig");
}

void rzsb_ram_report(struct nbd_bench *b, const struct target *t, const char *bench,
		     const char *after, size_t pages)
{
	double stored = (double)(pages * RZSB_PAGE), ram = (double)rzsb_target_ram(t);
	double growth = ram - (double)t->rss_start, share = pages ? growth / stored : 0;

	if (!rzsb_target_knows_ram(t))
		return;
	printf("%-6s %-12s | %9.1f %9.1f %9.1f %9.1f | %7.4f\n", after, t->name, rzsb_mib(stored),
	       rzsb_mib((double)t->rss_start), rzsb_mib(ram), rzsb_mib(growth), share);
	fflush(stdout);
	rzsb_json_begin(&b->json, bench);
	rzsb_json_str(&b->json, "server", t->name);
	rzsb_json_str(&b->json, "after", after);
	rzsb_json_int(&b->json, "stored_bytes", pages * RZSB_PAGE);
	rzsb_json_int(&b->json, "ram_start_bytes", t->rss_start);
	rzsb_json_int(&b->json, "ram_bytes", (uint64_t)ram);
	rzsb_json_num(&b->json, "growth_per_stored_byte", share);
	rzsb_json_end(&b->json);
}
