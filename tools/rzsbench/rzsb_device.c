/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "rzsbench device": NBD servers, block devices and zram side by side, on captured pages, with
 * client and servers on one CPU.
 *
 * All servers run all the time.  A case (reads or writes, request size, depth, connections) visits
 * them in turn, round after round, so that noise of the machine affects all alike.  The medians of
 * the rounds are compared.  There are two rates: by the clock, and by CPU time of client and server
 * together, which other programs on the CPU disturb less.
 */
#define _GNU_SOURCE
#include "rzsb_device.h"
#include "rzsb_args.h"
#include "rzsb_cmd.h"
#include "rzsb_peers.h"
#include "rzsb_process.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { OPT_URI = 256, OPT_BLOCK, OPT_DESTROY, OPT_PATTERN };

static const struct rzsb_option options[] = {
	{'s', "server", "NAME=COMMAND", "start a server, which stays in the foreground"},
	{'v', "vs", "NAME,...", "start those that are installed, of the list below"},
	{'z', "zram", "ALGORITHM", "also /dev/zram0"},
	{OPT_URI, "uri", "NAME=URI", "also an NBD server that already runs: its contents are lost"},
	{OPT_BLOCK, "block", "DEVICE", "also a block device: its contents are lost"},
	{OPT_DESTROY, "destroy-data", NULL, "allow that"},
	{OPT_PATTERN, "pattern", "NAME", "cases (default), swap or copy: see below"},
	{'m', "pages", "MIB", "taken from the corpus (default 256)"},
	{'t', "time", "MS", "for each case, server and round (default 400)"},
	{'r', "rounds", "N", "(default 5)"},
	{'d', "depth", "N,...",
	 "requests in flight on each connection (default 1,16,64; copy: 16)"},
	{'n', "connections", "N,...", "(default 1,4; copy: 1)"},
	{'b', "request", "KIB,...", "size of a request (default 4,64)"},
	{'x', "churn", "TIMES", "random 4 KiB overwrites, in times of the size (default 2)"},
	{'C', "cpu", "N", "on which all run (default: the last)"},
	RZSB_RECORD_OPTIONS,
	{0},
};

static const char about[] =
	"Patterns: cases, reads and writes of each size, depth and number of connections; swap,\n"
	"the requests of a swapping system; copy, every page written once and read once, 4 KiB at\n"
	"random.\n"
	"The command of a server has $SOCK and $SIZE in its environment.  The others are compared\n"
	"with the first one.  NAME-=... is a server that does not keep data: nothing is verified.\n"
	"NAME:EXPORT=... names the export of a server that has no default one.\n"
	"For --vs: rzsd (ramzswap's server), rzs (its plugin in nbdkit), zstd and sparse\n"
	"(nbdkit's memory plugin with allocator=zstd, and without), qemu-nbd (on a file in\n"
	"tmpfs), zram, or all.\n"
	"$RZSD and $RZS_PLUGIN name those of a build that is not installed.\n";

/* The next target, to which an option adds one; servers leave the last place for zram. */
static struct target *next_target(struct nbd_bench *b, const struct rzsb_args *a)
{
	if (b->nr_targets == NBD_MAX_TARGETS - 1)
		rzsb_complain(a, "--%s: at most %u servers", a->now, NBD_MAX_TARGETS - 1);
	return &b->targets[b->nr_targets];
}

/* Splits NAME=REST, and gives REST. */
static char *split(const struct rzsb_args *a, char *text, const char *rest)
{
	char *at = strchr(text, '=');

	if (!at || at == text)
		rzsb_complain(a, "--%s %s: expected NAME=%s", a->now, text, rest);
	*at = 0;
	return at + 1;
}

static void add_server(struct nbd_bench *b, const struct rzsb_args *a, char *text)
{
	struct target *t = next_target(b, a);
	char *export, *end;

	t->command = split(a, text, "COMMAND");
	export = strchr(text, ':');
	if (export)
		*export ++ = 0;
	t->export = export ? export : "";
	end = text + strlen(text) - 1;
	t->keeps_data = *end != '-';
	if (!t->keeps_data)
		*end = 0;
	t->name = text;
	b->nr_targets++;
}

static void add_uri(struct nbd_bench *b, const struct rzsb_args *a, char *text)
{
	struct target *t = next_target(b, a);

	t->uri = split(a, text, "URI");
	t->name = text;
	t->keeps_data = true;
	b->nr_targets++;
}

/* It is printed with the others, below the heading. */
static void __attribute__((format(printf, 3, 4)))
skip(struct nbd_bench *b, const char *name, const char *fmt, ...)
{
	va_list ap;

	if (b->nr_skipped == NBD_MAX_TARGETS)
		return;
	va_start(ap, fmt);
	vsnprintf(b->skipped[b->nr_skipped].why, sizeof(b->skipped[0].why), fmt, ap);
	va_end(ap);
	b->skipped[b->nr_skipped++].name = name;
}

static void add_peer(struct nbd_bench *b, const struct rzsb_args *a, const struct rzsb_peer *p)
{
	if (!p->command) {
		b->zram = b->zram ? b->zram : "lzo";
		return;
	}
	if (!rzsb_peer_installed(p)) {
		skip(b, p->name, "not installed (%s)", p->package);
		return;
	}
	*next_target(b, a) = (struct target){.name = p->name,
					     .command = p->command,
					     .export = "",
					     .keeps_data = true,
					     .in_file = p->in_file};
	b->optional |= 1u << b->nr_targets++;
}

static void add_peers(struct nbd_bench *b, const struct rzsb_args *a, char *list)
{
	const struct rzsb_peer *p;
	char *save = NULL, *name;
	bool some = false;

	for (name = strtok_r(list, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		some = true;
		if (strcmp(name, "all") == 0) {
			for (unsigned i = 0; (p = rzsb_peer(i)); i++)
				add_peer(b, a, p);
			continue;
		}
		p = rzsb_peer_find(name);
		if (!p)
			rzsb_complain(a,
				      "--vs %s: expected rzsd, rzs, zstd, sparse, qemu-nbd, zram "
				      "or all; --server starts any other",
				      name);
		add_peer(b, a, p);
	}
	if (!some)
		rzsb_complain(a, "--vs: none is named");
}

static void parse_one(struct nbd_bench *b, struct rzsb_args *a, int id)
{
	static const char *const patterns[] = {
		[PATTERN_CASES] = "cases", [PATTERN_SWAP] = "swap", [PATTERN_COPY] = "copy", NULL};

	if (rzsb_record_option(&b->record, a, id))
		return;
	switch (id) {
	case OPT_URI:
		add_uri(b, a, optarg);
		break;
	case OPT_BLOCK:
		b->block = optarg;
		break;
	case OPT_DESTROY:
		b->destroy = true;
		break;
	case OPT_PATTERN:
		b->pattern = (enum nbd_pattern)rzsb_choice(a, patterns);
		break;
	case 's':
		add_server(b, a, optarg);
		break;
	case 'v':
		add_peers(b, a, optarg);
		break;
	case 'z':
		b->zram = optarg;
		break;
	case 'm':
		b->max_pages = rzsb_number(a, 1, 1 << 20) * 256;
		break;
	case 't':
		b->ms = (unsigned)rzsb_number(a, 1, 100000);
		break;
	case 'r':
		b->rounds = (unsigned)rzsb_number(a, 1, RZSB_MAX_ROUNDS);
		break;
	case 'd':
		rzsb_numbers(a, &b->depths, 1, CLIENT_MAX_DEPTH);
		break;
	case 'n':
		rzsb_numbers(a, &b->conns, 1, CLIENT_MAX_CONNS);
		break;
	case 'b':
		rzsb_numbers(a, &b->kib, 4, 1024);
		break;
	case 'x':
		b->churn = (unsigned)rzsb_number(a, 0, 100);
		break;
	case 'C':
		b->cpu = (int)rzsb_number(a, 0, 1023);
		break;
	}
}

/* Defaults of the pattern, and whether the options fit it. */
static void settle_pattern(struct nbd_bench *b, const struct rzsb_args *a)
{
	bool copy = b->pattern == PATTERN_COPY;

	if (b->depths.nr == 0)
		b->depths = copy ? (struct rzsb_list){{16}, 1} : (struct rzsb_list){{1, 16, 64}, 3};
	if (b->conns.nr == 0)
		b->conns = copy ? (struct rzsb_list){{1}, 1} : (struct rzsb_list){{1, 4}, 2};
	if (copy && b->depths.nr > 1)
		rzsb_complain(a, "--depth: --pattern copy takes one number");
	if (copy && b->conns.nr > 1)
		rzsb_complain(a, "--connections: --pattern copy takes one number");
	for (unsigned i = 0; b->pattern != PATTERN_CASES && i < b->nr_targets; i++)
		if (!b->targets[i].keeps_data)
			rzsb_complain(a, "--pattern %s: %s- does not keep data",
				      copy ? "copy" : "swap", b->targets[i].name);
}

static void parse(struct nbd_bench *b, int argc, char **argv)
{
	struct rzsb_args a = {
		.command = "device", .words = "CORPUS_DIR", .about = about, .options = options};
	int id;

	while ((id = rzsb_next_option(&a, argc, argv)) != -1)
		parse_one(b, &a, id);
	b->dir = rzsb_corpus_argument(&a, argc, argv);
	if (b->nr_targets == 0 && !b->zram && !b->block && b->nr_skipped == 0)
		rzsb_complain(&a,
			      "nothing to measure: give --server, --vs, --uri, --zram or --block");
	if (b->block && !b->destroy)
		rzsb_complain(
			&a,
			"--block %s: its contents will be lost: give --destroy-data to allow that",
			b->block);
	for (unsigned i = 0; i < b->nr_targets; i++)
		if (b->targets[i].uri && !b->destroy)
			rzsb_complain(&a,
				      "--uri %s: its contents will be lost: give "
				      "--destroy-data to allow that",
				      b->targets[i].uri);
	settle_pattern(b, &a);
	for (unsigned i = 0; i < b->kib.nr; i++)
		if (b->kib.v[i] % 4)
			rzsb_complain(&a, "--request: %llu KiB are not a whole number of pages",
				      (unsigned long long)b->kib.v[i]);
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((unsigned)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		rzst_die(RZSB_FAILED, "cannot run on CPU %d: %s", cpu, strerror(errno));
}

static unsigned most_conns(const struct nbd_bench *b)
{
	uint64_t most = 1;

	for (unsigned i = 0; i < b->conns.nr; i++)
		most = b->conns.v[i] > most ? b->conns.v[i] : most;
	return (unsigned)most;
}

static void start_zram(struct nbd_bench *b)
{
	struct target *t = &b->targets[b->nr_targets];
	char why[200];

	t->name = "zram";
	t->keeps_data = true;
	if (rzsb_target_start_zram(t, b->nr * RZSB_PAGE, b->zram, why, sizeof(why)) == 0)
		b->nr_targets++;
	else
		skip(b, "zram", "%s", why);
}

/* If it cannot be used, the program ends. */
static void start_block(struct nbd_bench *b)
{
	struct target *t = &b->targets[b->nr_targets];
	const char *slash = strrchr(b->block, '/');

	t->name = slash ? slash + 1 : b->block;
	t->keeps_data = true;
	if (b->nr_targets == NBD_MAX_TARGETS)
		rzst_die(RZSB_USAGE, "--block %s: at most %u targets", b->block, NBD_MAX_TARGETS);
	if (rzsb_target_start_block(t, b->block, b->nr * RZSB_PAGE) < 0)
		exit(RZSB_FAILED);
	b->nr_targets++;
}

static int start_server(struct nbd_bench *b, struct target *t, const char *dir)
{
	uint64_t size = b->nr * RZSB_PAGE;

	if (t->uri)
		return rzsb_target_start_uri(t, size, most_conns(b));
	return rzsb_target_start_server(t, dir, size, b->cpu, most_conns(b));
}

/* 0; -1: one does not start that is not optional.  An optional one is left out. */
static int start_servers(struct nbd_bench *b, const char *dir)
{
	unsigned asked = b->nr_targets;

	b->nr_targets = 0;
	for (unsigned i = 0; i < asked; i++) {
		struct target *t = &b->targets[b->nr_targets];

		if (i != b->nr_targets) {
			*t = b->targets[i];
			b->targets[i] = (struct target){0};
		}
		if (start_server(b, t, dir) == 0) {
			b->nr_targets++;
			continue;
		}
		if (!(b->optional >> i & 1)) {
			b->nr_targets++; /* it may have to be stopped */
			return -1;
		}
		rzsb_target_stop(t);
		skip(b, t->name, "it does not start");
	}
	return 0;
}

static void show_skipped(struct nbd_bench *b)
{
	for (unsigned i = 0; i < b->nr_skipped; i++) {
		printf("%s is left out: %s\n", b->skipped[i].name, b->skipped[i].why);
		rzsb_json_begin(&b->json, "nbd_skipped");
		rzsb_json_str(&b->json, "server", b->skipped[i].name);
		rzsb_json_str(&b->json, "reason", b->skipped[i].why);
		rzsb_json_end(&b->json);
	}
}

static struct nbd_bench bench = {
	.max_pages = 256 * 256,
	.ms = 400,
	.rounds = 5,
	.churn = 2,
	.cpu = -1,
	.record.seed = 1,
	.kib = {{4, 64}, 2},
};

static char work_dir[] = "/tmp/rzsbench.XXXXXX";

static void clean_up(void)
{
	for (unsigned i = 0; i < NBD_MAX_TARGETS; i++)
		rzsb_target_stop(&bench.targets[i]);
	rmdir(work_dir);
}

/* As many pages as fit whole requests of the largest size. */
static void load(struct nbd_bench *b)
{
	if (rzsb_corpus_load(&b->corpus, b->dir, b->max_pages) < 0)
		exit(RZSB_FAILED);
	for (unsigned i = 0; i < b->kib.nr; i++)
		b->unit = b->kib.v[i] / 4 > b->unit ? (size_t)b->kib.v[i] / 4 : b->unit;
	if (b->pattern != PATTERN_CASES)
		b->unit = b->pattern == PATTERN_SWAP ? RZSB_RUN : 1;
	b->nr = b->corpus.nr - b->corpus.nr % b->unit;
	if (b->nr == 0)
		rzst_die(RZSB_USAGE, "the corpus is too small");
}

static void show_what(struct nbd_bench *b)
{
	printf("%zu pages (%.0f MiB), client and servers on CPU %d", b->nr, rzsb_pages_mib(b->nr),
	       b->cpu);
	if (b->pattern != PATTERN_COPY)
		printf(", medians of %u rounds", b->rounds);
	if (b->pattern == PATTERN_CASES)
		printf(" of %u ms", b->ms);
	printf("; seed %llu\n", (unsigned long long)b->record.seed);
	for (unsigned i = 0; i < b->nr_targets; i++)
		if (target_is_server(&b->targets[i]))
			printf("  %-12s %s\n", b->targets[i].name,
			       b->targets[i].uri ? b->targets[i].uri : b->targets[i].command);
	show_skipped(b);
}

int rzsb_cmd_device(int argc, char **argv)
{
	static int (*const run[])(struct nbd_bench *) = {[PATTERN_CASES] = rzsb_device_cases,
							 [PATTERN_SWAP] = rzsb_device_swap,
							 [PATTERN_COPY] = rzsb_device_copy};
	struct nbd_bench *b = &bench;
	int wrong;

	parse(b, argc, argv);
	if (b->cpu < 0)
		b->cpu = (int)sysconf(_SC_NPROCESSORS_ONLN) - 1;
	pin(b->cpu);
	load(b);
	if (rzsb_json_open(&b->json, &b->record, "rzsbench device", &b->corpus) < 0)
		return RZSB_FAILED;
	if (!mkdtemp(work_dir))
		rzst_die(RZSB_FAILED, "cannot create a directory for the sockets: %s",
			 strerror(errno));
	atexit(clean_up);
	if (start_servers(b, work_dir) < 0)
		return RZSB_FAILED;
	if (b->zram)
		start_zram(b);
	if (b->block)
		start_block(b);
	show_what(b);
	if (b->nr_targets == 0)
		rzst_die(RZSB_NOTHING, "there is nothing to measure");
	wrong = run[b->pattern](b);
	return rzsb_json_close(&b->json) < 0 && wrong == RZSB_OK ? RZSB_FAILED : wrong;
}
