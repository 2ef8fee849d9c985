/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "rzsbench device --pattern copy": do pages come back unchanged, and what does that cost?
 *
 * Every page of the corpus is written once, 4 KiB at random, and read in another random order, and
 * every byte is compared.  One target comes after another, with the same orders.
 */
#define _GNU_SOURCE
#include "rzsb_cmd.h"
#include "rzsb_device_feed.h"

#include <math.h>
#include <sys/mman.h>

/* The results of a target. */
struct copy {
	double write_s, read_s;
	double start, ram; /* its bytes before and after; NAN: unknown */
	uint64_t wrong;	   /* pages */
};

/* Seconds; *out_wrong: pages that were read and are wrong. */
static double pass(struct nbd_bench *b, struct target *t, enum client_op op, const uint32_t *order,
		   uint64_t *out_wrong)
{
	const struct nbd_case c = {.op = op,
				   .kib = RZSB_PAGE / 1024,
				   .depth = (unsigned)b->depths.v[0],
				   .conns = (unsigned)b->conns.v[0]};
	struct feed f = {.b = b,
			 .t = t,
			 .c = &c,
			 .left = b->nr,
			 .in_order = true,
			 .order = order,
			 .compare = op == CLIENT_READ};
	uint64_t start = rzst_now();

	rzsb_feed_run(&f);
	*out_wrong = f.wrong;
	return (double)(rzst_now() - start) / 1e9;
}

static struct copy copy_to(struct nbd_bench *b, struct target *t, uint32_t *order)
{
	struct copy x = {.start = (double)NAN, .ram = (double)NAN};
	uint64_t seed = b->record.seed;

	t->page = rzsb_alloc(b->nr * sizeof(*t->page));
	for (size_t i = 0; i < b->nr; i++)
		order[i] = (uint32_t)i;
	rzsb_shuffle(order, b->nr, &seed);
	x.write_s = pass(b, t, CLIENT_WRITE, order, &x.wrong);
	rzsb_shuffle(order, b->nr, &seed);
	x.read_s = pass(b, t, CLIENT_READ, order, &x.wrong);
	if (rzsb_target_knows_ram(t)) {
		x.start = (double)t->rss_start;
		x.ram = (double)rzsb_target_settled_ram(t);
	}
	return x;
}

static void json_bytes(struct rzsb_json *j, const char *key, double bytes)
{
	if (isnan(bytes))
		rzsb_json_num(j, key, bytes);
	else
		rzsb_json_int(j, key, (uint64_t)bytes);
}

static void report(struct nbd_bench *b, const struct target *t, const struct copy *x)
{
	double mb = (double)(b->nr * RZSB_PAGE) / 1e6, growth = (x->ram - x->start) / (double)b->nr;
	struct rzsb_json *j = &b->json;

	printf("%-12s | %9zu | %8.2f %8.0f | %8.2f %8.0f | ", t->name, b->nr, x->write_s,
	       mb / x->write_s, x->read_s, mb / x->read_s);
	rzsb_cell(9, 1, rzsb_mib(x->start), " ");
	rzsb_cell(9, 1, rzsb_mib(x->ram), " ");
	rzsb_cell(8, 0, growth, " | ");
	if (x->wrong)
		printf("%llu WRONG\n", (unsigned long long)x->wrong);
	else
		printf("all equal\n");
	fflush(stdout);
	rzsb_json_begin(j, "device_copy");
	rzsb_json_str(j, "server", t->name);
	rzsb_json_int(j, "pages", b->nr);
	rzsb_json_int(j, "depth", target_is_server(t) ? b->depths.v[0] : 1);
	rzsb_json_int(j, "connections", target_is_server(t) ? b->conns.v[0] : 1);
	rzsb_json_num(j, "write_s", x->write_s);
	rzsb_json_num(j, "write_mb_per_s", mb / x->write_s);
	rzsb_json_num(j, "read_s", x->read_s);
	rzsb_json_num(j, "read_mb_per_s", mb / x->read_s);
	rzsb_json_int(j, "wrong_pages", x->wrong);
	json_bytes(j, "ram_start_bytes", x->start);
	json_bytes(j, "ram_bytes", x->ram);
	rzsb_json_num(j, "growth_bytes_per_page", growth);
	rzsb_json_end(j);
}

int rzsb_device_copy(struct nbd_bench *b)
{
	uint32_t *order = rzsb_alloc(b->nr * sizeof(*order));
	int status = RZSB_OK;

	printf("\nCopy: every page written once, 4 KiB at random, and read in another order, depth "
	       "%llu; "
	       "RAM in MiB\n"
	       "%-12s | %9s | %8s %8s | %8s %8s | %9s %9s %8s |\n",
	       (unsigned long long)b->depths.v[0], "server", "pages", "write s", "MB/s", "read s",
	       "MB/s", "at start", "now", "B/page");
	for (unsigned i = 0; i < b->nr_targets; i++) {
		struct copy x = copy_to(b, &b->targets[i], order);

		report(b, &b->targets[i], &x);
		status = x.wrong ? RZSB_WRONG : status;
	}
	munmap(order, b->nr * sizeof(*order));
	return status;
}
