/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NBD servers side by side on captured pages, client and server on one CPU, and this machine's zram
 * beside them.
 *
 * All servers run all the time; a case (reads or writes, request size, depth, connections) visits
 * them in turn, round after round, so that noise of the machine meets all alike, and medians of the
 * rounds are compared.  Two rates: by the clock, and by the CPU time that client and server used
 * together, which other programs on the CPU disturb less; with both on one CPU that is never idle
 * the two are the same.
 *
 * Exit codes: 0, 1 a server gave back wrong bytes, 2 wrong usage, 99 an error.
 */
#define _GNU_SOURCE
#include "bench_nbd.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

static void __attribute__((noreturn)) usage(int code)
{
	fprintf(code ? stderr : stdout,
		"usage: bench_nbd [options] -s NAME=COMMAND [-s ...] CORPUS_DIR\n"
		"  -s NAME=COMMAND  server that stays in the foreground; has $SOCK and $SIZE.\n"
		"                   The first is what the others are compared with.\n"
		"                   NAME- does not keep data: nothing is verified.\n"
		"  -z ALGORITHM     /dev/zram0 as well, with this algorithm\n"
		"  -m MIB           pages taken from the corpus (default 256)\n"
		"  -t MS            for each case, server and round (default 400)\n"
		"  -r ROUNDS        (default 5)\n"
		"  -d N,...         queue depths of each connection (default 1,16,64)\n"
		"  -n N,...         connections (default 1,4)\n"
		"  -b N,...         KiB of a request (default 4,64)\n"
		"  -x TIMES         random 4 KiB overwrites, times the size (default 2)\n"
		"  -C CPU           where all runs (default: the last)\n"
		"  -e SEED          (default 1)\n"
		"  -o FILE          JSON lines, appended\n"
		"  -V TEXT          versions of libraries, for the machine's line\n");
	exit(code);
}

static unsigned long number(const char *text, unsigned long least, unsigned long most)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (!*text || *end || v < least || v > most)
		usage(2);
	return v;
}

static void parse_list(struct nbd_list *l, char *text, unsigned long most)
{
	char *save = NULL;

	l->nr = 0;
	for (char *s = strtok_r(text, ",", &save); s; s = strtok_r(NULL, ",", &save)) {
		if (l->nr == NBD_MAX_LIST)
			usage(2);
		l->v[l->nr++] = (unsigned)number(s, 1, most);
	}
	if (l->nr == 0)
		usage(2);
}

static void add_server(struct nbd_bench *b, char *text)
{
	char *command = strchr(text, '=');
	struct target *t;
	size_t n;

	if (!command || command == text || b->nr_targets == NBD_MAX_TARGETS)
		usage(2);
	*command++ = 0;
	t = &b->targets[b->nr_targets++];
	n = strlen(text);
	t->keeps_data = text[n - 1] != '-';
	if (!t->keeps_data)
		text[n - 1] = 0;
	t->name = text;
	t->command = command;
}

static void parse(struct nbd_bench *b, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "hs:z:m:t:r:d:n:b:x:C:e:o:V:")) != -1) {
		switch (c) {
		case 's':
			add_server(b, optarg);
			break;
		case 'z':
			b->zram = optarg;
			break;
		case 'm':
			b->max_pages = number(optarg, 1, 1 << 20) * 256;
			break;
		case 't':
			b->ms = (unsigned)number(optarg, 1, 100000);
			break;
		case 'r':
			b->rounds = (unsigned)number(optarg, 1, NBD_MAX_ROUNDS);
			break;
		case 'd':
			parse_list(&b->depths, optarg, CLIENT_MAX_DEPTH);
			break;
		case 'n':
			parse_list(&b->conns, optarg, CLIENT_MAX_CONNS);
			break;
		case 'b':
			parse_list(&b->kib, optarg, 1024);
			break;
		case 'x':
			b->churn = (unsigned)number(optarg, 0, 100);
			break;
		case 'C':
			b->cpu = (int)number(optarg, 0, 1023);
			break;
		case 'e':
			b->seed = number(optarg, 0, ~0ul);
			break;
		case 'o':
			b->out = optarg;
			break;
		case 'V':
			b->versions = optarg;
			break;
		case 'h':
			usage(0);
		default:
			usage(2);
		}
	}
	if (argc - optind != 1 || b->nr_targets == 0)
		usage(2);
	for (unsigned i = 0; i < b->kib.nr; i++)
		if (b->kib.v[i] % 4)
			usage(2);
	b->dir = argv[optind];
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((unsigned)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		bench_die(99, "cannot run on CPU %d: %s", cpu, strerror(errno));
}

static unsigned most_conns(const struct nbd_bench *b)
{
	unsigned most = 1;

	for (unsigned i = 0; i < b->conns.nr; i++)
		most = b->conns.v[i] > most ? b->conns.v[i] : most;
	return most;
}

static void start_zram(struct nbd_bench *b)
{
	struct target *t = &b->targets[b->nr_targets];
	char why[200];

	if (b->nr_targets == NBD_MAX_TARGETS)
		usage(2);
	t->name = "zram";
	t->keeps_data = true;
	if (target_start_zram(t, b->nr * BENCH_PAGE, b->zram, why, sizeof(why)) == 0) {
		b->nr_targets++;
		return;
	}
	printf("zram is left out: %s\n", why);
	bench_json_begin(&b->json, "nbd_skipped");
	bench_json_str(&b->json, "server", "zram");
	bench_json_str(&b->json, "reason", why);
	bench_json_end(&b->json);
}

static struct nbd_bench bench = {
	.max_pages = 256 * 256,
	.ms = 400,
	.rounds = 5,
	.churn = 2,
	.cpu = -1,
	.seed = 1,
	.depths = {{1, 16, 64}, 3},
	.conns = {{1, 4}, 2},
	.kib = {{4, 64}, 2},
};

static char work_dir[] = "/tmp/bench_nbd.XXXXXX";

static void clean_up(void)
{
	for (unsigned i = 0; i < NBD_MAX_TARGETS; i++)
		target_stop(&bench.targets[i]);
	rmdir(work_dir);
}

int main(int argc, char **argv)
{
	struct nbd_bench *b = &bench;
	int wrong;

	parse(b, argc, argv);
	if (b->cpu < 0)
		b->cpu = (int)sysconf(_SC_NPROCESSORS_ONLN) - 1;
	pin(b->cpu);
	if (bench_corpus_load(&b->corpus, b->dir, b->max_pages) < 0)
		return 99;
	/* Whole requests of the largest size only. */
	for (unsigned i = 0; i < b->kib.nr; i++)
		b->unit = b->kib.v[i] / 4 > b->unit ? b->kib.v[i] / 4 : b->unit;
	b->nr = b->corpus.nr - b->corpus.nr % b->unit;
	if (b->nr == 0)
		bench_die(2, "the corpus is too small");
	if (bench_json_open(&b->json, b->out, "bench_nbd", b->versions, &b->corpus, b->seed) < 0)
		bench_die(99, "cannot write %s: %s", b->out, strerror(errno));
	if (!mkdtemp(work_dir))
		bench_die(99, "cannot make a folder for the sockets: %s", strerror(errno));
	atexit(clean_up);
	for (unsigned i = 0; i < b->nr_targets; i++)
		if (target_start_server(&b->targets[i], work_dir, b->nr * BENCH_PAGE, b->cpu,
					most_conns(b)) < 0)
			return 99;
	if (b->zram)
		start_zram(b);
	printf("%zu pages (%.0f MiB), client and servers on CPU %d, "
	       "medians of %u rounds of %u ms; seed %llu\n",
	       b->nr, (double)b->nr / 256, b->cpu, b->rounds, b->ms, (unsigned long long)b->seed);
	for (unsigned i = 0; i < b->nr_targets; i++)
		if (b->targets[i].command)
			printf("  %-12s %s\n", b->targets[i].name, b->targets[i].command);
	wrong = nbd_cases_run(b);
	return bench_json_close(&b->json) < 0 ? 99 : wrong;
}
