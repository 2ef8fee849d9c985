/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bench/lzo: decoders and encoders of LZO1X side by side, on captured pages, in CPU time of the
 * thread.  Tables go to standard output, JSON lines to the file named by -o.
 *
 * To count instructions, which are the same each time:
 * valgrind --tool=callgrind --toggle-collect=decode_all bench/lzo -c decode -r 1 -O own DIR
 * valgrind --tool=callgrind --toggle-collect=encode_group bench/lzo -c encode -r 1 -O words DIR
 *
 * Exit codes: those of rzsbench, in rzsb_cmd.h.
 */
#include "lzo_cases.h"
#include "rzsb_args.h"
#include "rzsb_cmd.h"
#include "rzsb_files.h"
#include "std_fds.h"

#include <dlfcn.h>
#include <getopt.h>
#include <lzo/lzo1x.h>

static const struct rzsb_option options[] = {
	{'r', "rounds", "N", "each time is the median of N (default 7)"},
	{'c', "cases", "WHICH", "decode, encode, both (default)"},
	{'O', "only", "NAME", "this decoder or encoder alone, as the tables call it"},
	{'k', "kernel", "FILE.so", "the kernel's as well: made by bench/kernel-lzo"},
	RZSB_RECORD_OPTIONS,
	{0},
};

/* What was asked for. */
struct request {
	struct rzsb_record record;
	const char *dir;
	bool decode, encode;
};

/* Busy pages before this page of the corpus. */
static size_t busy_before(const struct rzsb_corpus *c, size_t page)
{
	size_t n = 0;

	while (n < c->nr_busy && c->busy[n] < page)
		n++;
	return n;
}

size_t bench_lzo_part(const struct rzsb_corpus *c, const struct rzsb_part *p, size_t *out_first)
{
	*out_first = busy_before(c, p->first);
	return busy_before(c, p->first + p->nr) - *out_first;
}

static void load_kernel(struct bench_lzo_kernel *k, const char *path)
{
	void *library = dlopen(path, RTLD_NOW);
	struct {
		const char *name;
		void *function;
	} symbols[] = {
		{"bench_kernel_decode", &k->decode},  {"bench_kernel_encode", &k->encode},
		{"bench_own_decode", &k->own_decode}, {"bench_own_encoder_init", &k->own.init},
		{"bench_own_encode", &k->own.one},    {"bench_own_encode_many", &k->own.many},
	};

	if (!library)
		rzst_die(RZSB_USAGE, "-k %s: %s", path, dlerror());
	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		void *function = dlsym(library, symbols[i].name);

		if (!function)
			rzst_die(RZSB_USAGE, "-k %s: not made by this bench/kernel-lzo", path);
		*(void **)symbols[i].function = function;
	}
}

static void parse(struct bench_lzo *b, struct request *q, int argc, char **argv)
{
	static const char *const which[] = {"both", "decode", "encode", NULL};
	struct rzsb_args a = {.command = "", .words = "CORPUS_DIR", .options = options};
	unsigned chosen;
	int id;

	while ((id = rzsb_next_option(&a, argc, argv)) != -1) {
		if (rzsb_record_option(&q->record, &a, id))
			continue;
		switch (id) {
		case 'r':
			b->rounds = (unsigned)rzsb_number(&a, 1, RZSB_MAX_ROUNDS);
			break;
		case 'c':
			chosen = rzsb_choice(&a, which);
			q->decode = chosen != 2;
			q->encode = chosen != 1;
			break;
		case 'O':
			b->only = optarg;
			break;
		case 'k':
			load_kernel(&b->kernel, optarg);
			break;
		}
	}
	q->dir = rzsb_corpus_argument(&a, argc, argv);
	b->seed = q->record.seed;
}

int main(int argc, char **argv)
{
	struct request q = {.record = {.seed = 1}, .decode = true, .encode = true};
	static struct bench_lzo b = {.rounds = 7};
	bool known = false;

	if (rzs_std_fds_fill() < 0)
		return RZSB_FAILED;
	parse(&b, &q, argc, argv);
	if (lzo_init() != LZO_E_OK)
		rzst_die(RZSB_FAILED, "liblzo2 does not work here");
	if (rzsb_corpus_load(&b.corpus, q.dir, 0))
		return RZSB_FAILED;
	if (b.corpus.nr_busy == 0)
		rzst_die(RZSB_USAGE, "%s: no page that is not one repeated word", q.dir);
	if (rzsb_json_open(&b.json, &q.record, "bench/lzo", &b.corpus))
		return RZSB_FAILED;
	if (q.decode)
		known |= bench_lzo_decoders(&b);
	if (q.encode)
		known |= bench_lzo_encoders(&b);
	if (!known)
		rzst_die(RZSB_USAGE, "--only %s: there is none of this name here", b.only);
	rzsb_corpus_free(&b.corpus);
	return rzsb_finish(rzsb_json_close(&b.json) ? RZSB_FAILED : RZSB_OK);
}
