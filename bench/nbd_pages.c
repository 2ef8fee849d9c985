/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stores the captured pages of a corpus on an NBD server, reads them back and compares every byte.
 * Prints one line: pages, seconds and MB/s of both ways.  Exit codes: 0, 1 wrong bytes, 2 wrong
 * usage, 99 an error.
 */
#define _GNU_SOURCE
#include "rzsb_nbd.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEPTH	    16u
#define PATIENCE_NS 20000000000ull /* for a server that is starting */

struct pages {
	const struct rzsb_corpus *corpus;
	uint32_t *order; /* pages as they are written */
	size_t next, wrong;
	bool write;
	int error;
};

static void __attribute__((noreturn)) usage(int code)
{
	fprintf(code ? stderr : stdout,
		"usage: nbd_pages [-m PAGES] [-q] [-s] SOCKET CORPUS_DIR\n"
		"       nbd_pages [-m PAGES] -n CORPUS_DIR\n"
		"Writes all pages, reads them back and compares; -n: only says how many bytes.\n"
		"  -m PAGES  at most so many, every program keeping its share\n"
		"  -s        in order (default: 4 KiB writes and reads at random, as swap does)\n"
		"  -q        print nothing when all is well\n");
	exit(code);
}

static bool next(void *user, struct client_request *r)
{
	struct pages *p = user;

	if (p->next == p->corpus->nr)
		return false;
	r->tag = p->order[p->next++];
	r->offset = r->tag * RZSB_PAGE;
	r->bytes = RZSB_PAGE;
	r->op = p->write ? CLIENT_WRITE : CLIENT_READ;
	r->data = rzsb_page(p->corpus, (uint32_t)r->tag);
	return true;
}

static bool done(void *user, const struct client_request *r, uint64_t ns, int error)
{
	struct pages *p = user;

	(void)ns;
	if (error) {
		p->error = error;
		return false;
	}
	if (r->op == CLIENT_READ &&
	    memcmp(r->into, rzsb_page(p->corpus, (uint32_t)r->tag), RZSB_PAGE) != 0)
		p->wrong++;
	return true;
}

static double pass(struct client *c, struct pages *p, bool write)
{
	const struct client_load load = {.conns = 1,
					 .depth = DEPTH,
					 .max_bytes = RZSB_PAGE,
					 .next = next,
					 .done = done,
					 .user = p};
	uint64_t start = rzsb_now();
	int err;

	p->next = 0;
	p->write = write;
	err = client_run(c, &load);
	if (err || p->error)
		rzsb_die(99, "%s failed: %s", write ? "writing" : "reading",
			 strerror(p->error ? p->error : -err));
	return (double)(rzsb_now() - start) / 1e9;
}

static int store_and_compare(struct pages *p, const char *socket, bool quiet)
{
	struct client *c;
	double wrote, read;
	double mb = (double)(p->corpus->nr * RZSB_PAGE) / 1e6;

	if (client_connect(&c, socket, "", 1, PATIENCE_NS) < 0)
		return 99;
	if (client_size(c) < p->corpus->nr * RZSB_PAGE)
		rzsb_die(99, "the server's %llu bytes are fewer than the corpus has",
			 (unsigned long long)client_size(c));
	wrote = pass(c, p, true);
	read = pass(c, p, false);
	client_close(c);
	if (p->wrong) {
		fprintf(stderr, "%zu of %zu pages came back with wrong bytes\n", p->wrong,
			p->corpus->nr);
		return 1;
	}
	if (!quiet)
		printf("%zu pages stored in %.2f s (%.0f MB/s), read back in %.2f s (%.0f MB/s): "
		       "all equal\n",
		       p->corpus->nr, wrote, mb / wrote, read, mb / read);
	return 0;
}

int main(int argc, char **argv)
{
	struct rzsb_corpus corpus;
	struct pages p = {.corpus = &corpus};
	bool quiet = false, in_order = false, count = false;
	uint64_t seed = 1;
	size_t most = 0;
	int c;

	while ((c = getopt(argc, argv, "hm:qsn")) != -1) {
		switch (c) {
		case 'm':
			most = strtoul(optarg, NULL, 10);
			break;
		case 'q':
			quiet = true;
			break;
		case 's':
			in_order = true;
			break;
		case 'n':
			count = true;
			break;
		case 'h':
			usage(0);
		default:
			usage(2);
		}
	}
	if (argc - optind != (count ? 1 : 2))
		usage(2);
	if (rzsb_corpus_load(&corpus, argv[argc - 1], most) < 0)
		return 99;
	if (count) {
		printf("%zu\n", corpus.nr * RZSB_PAGE);
		return 0;
	}
	p.order = rzsb_alloc(corpus.nr * sizeof(*p.order));
	for (size_t i = 0; i < corpus.nr; i++)
		p.order[i] = (uint32_t)i;
	if (!in_order)
		rzsb_shuffle(p.order, corpus.nr, &seed);
	return store_and_compare(&p, argv[optind], quiet);
}
