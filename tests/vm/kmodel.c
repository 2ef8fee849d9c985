/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Compares the driver with the same store in user space.  Both get one sequence of calls, made from
 * a seed, and so does a plain array.  Every byte that is read is compared.  At the end all
 * statistics are compared that do not depend on the environment.
 *
 *   kmodel N CODEC plain|every|exact SEED CALLS LINES
 *
 * /dev/ramzswapN must be initialised and not in use.  The file LINES gets what rzscontrol --stats
 * must print about it, without memory.  The sizes of locks and codecs in fixed_bytes, and the
 * reserve, depend on the environment, and so do all mem_*.  Other statistics depend on the codec's
 * encoder, and the kernel and a library may have different versions of that.  The mode says which
 * pages are written and which statistics are compared:
 *   plain  pages that encoders cannot compress or do not get: all statistics
 *   every  pages of every kind: statistics that do not depend on the encoder
 *   exact  pages of every kind: all statistics; for codecs with the same encoder on both sides
 *
 * Exit status: 0; 1 if a statistic differs (which is printed); 134 (abort) if a byte differs; 99.
 *
 * Threading: one thread, on one processor, so that both stores use the same worker.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pages.h"
#include "rzsc_stats.h"
#include "twin.h"

#define PAGE	PAGES_SIZE
#define SECTOR	512u
#define MOST	16u	    /* pages in a call */
#define STEP	256u	    /* objects that the driver examines in one step */
#define RESERVE (64u << 20) /* more than the store can use: no write waits */
/* Without PAGES_SAME64: a word that does not fit into a slot goes to the encoder. */
#define PLAIN (1u << PAGES_ZERO | 1u << PAGES_SAME32 | 1u << PAGES_RANDOM)
#define EVERY ((1u << PAGES_NR) - 1)

struct run {
	struct twin t;
	struct pages_rng rng;
	unsigned kinds;
	char sys[64];
	int fd;
	uint8_t *buf; /* MOST pages and one */
};

static const struct stat_row {
	const char *name;
	size_t offset;
	bool encoded; /* depends on the encoder */
} rows[] = {
#define ROW(name, encoded) {#name, offsetof(struct rzs_stats, name), encoded},
#define ROW_CALLS(name)	   ROW(name, false)
#define ROW_ENCODER(name)  ROW(name, true)
#define ROW_PORT(name)
#define RZS_STAT(name, kind, source, depends, help) ROW_##depends(name)
#include "rzs_stats.def"
};
#define NR_ROWS (sizeof(rows) / sizeof(rows[0]))

__attribute__((noreturn)) static void die(const char *what)
{
	fprintf(stderr, "kmodel: %s: %s\n", what, strerror(errno));
	exit(99);
}

static void make_page(struct run *r, uint8_t *page)
{
	unsigned kind;

	do
		kind = (unsigned)pages_below(&r->rng, PAGES_NR);
	while (!(r->kinds & 1u << kind));
	pages_make(page, (enum pages_kind)kind, pages_next(&r->rng));
}

static void do_write(struct run *r, uint64_t slot, uint64_t nr, size_t skew)
{
	uint8_t *mem = r->buf + skew;
	uint64_t i;

	for (i = 0; i < nr; i++)
		make_page(r, mem + i * PAGE);
	if (pwrite(r->fd, mem, nr * PAGE, (off_t)(slot * PAGE)) != (ssize_t)(nr * PAGE))
		die("write");
	/* With an unaligned buffer the driver gets parts of pages, and joins them. */
	for (i = 0; i < nr; i++)
		(void)twin_write(&r->t, slot + i, mem + i * PAGE);
}

static void do_read(struct run *r, uint64_t slot, uint64_t nr, size_t skew)
{
	uint8_t *mem = r->buf + skew;
	uint64_t i;

	memset(mem, 0x5a, nr * PAGE);
	if (pread(r->fd, mem, nr * PAGE, (off_t)(slot * PAGE)) != (ssize_t)(nr * PAGE))
		die("read");
	for (i = 0; i < nr; i++) {
		if (memcmp(mem + i * PAGE, model_page(&r->t.model, slot + i), PAGE))
			twin_fail(&r->t, "the driver's page %llu is wrong",
				  (unsigned long long)(slot + i));
		twin_read(&r->t, slot + i);
	}
}

static void do_drop(struct run *r, uint64_t slot, uint64_t nr, unsigned long how)
{
	uint64_t range[2] = {slot * PAGE, nr * PAGE};

	if (ioctl(r->fd, how, range))
		die(how == BLKDISCARD ? "discard" : "zeroing");
	twin_ptrim(&r->t, nr * PAGE, slot * PAGE);
}

static void do_compact(struct run *r)
{
	char path[sizeof(r->sys) + 16];
	uint64_t blocks;
	bool more = true;
	FILE *f;

	snprintf(path, sizeof(path), "%s/compact", r->sys);
	f = fopen(path, "we");
	if (!f || fputs("1\n", f) < 0 || fclose(f))
		die(path);
	while (more)
		if (rzs_store_compact(r->t.store, r->t.worker, STEP, &blocks, &more))
			twin_fail(&r->t, "compact failed");
}

static void do_one(struct run *r)
{
	uint64_t all = r->t.model.nr_pages, what = pages_below(&r->rng, 1000);
	/* A quarter of the calls go to a sixteenth of the pages, so those are often rewritten. */
	uint64_t slot = pages_below(&r->rng, what % 4 ? all : all / 16);
	uint64_t nr = 1 + pages_below(&r->rng, what % 8 ? 2 : MOST);
	size_t skew = what % 3 ? 0 : SECTOR * pages_below(&r->rng, PAGE / SECTOR);

	if (nr > all - slot)
		nr = all - slot;
	/* Parts make pages of two halves for a moment, which some encoder may compress. */
	if (what < 560)
		do_write(r, slot, nr, r->kinds == PLAIN ? 0 : skew);
	else if (what < 850)
		do_read(r, slot, nr, skew);
	else if (what < 995)
		do_drop(r, slot, nr, what < 920 ? BLKDISCARD : BLKZEROOUT);
	else
		do_compact(r);
}

/* The driver's statistics, by name. */
static void driver_stats(const struct run *r, struct rzs_stats *out)
{
	char path[sizeof(r->sys) + 16], name[64];
	unsigned long long value;
	size_t found = 0, i;
	FILE *f;

	memset(out, 0, sizeof(*out));
	snprintf(path, sizeof(path), "%s/store_stat", r->sys);
	f = fopen(path, "re");
	if (!f)
		die(path);
	while (fscanf(f, "%63s %llu", name, &value) == 2)
		for (i = 0; i < NR_ROWS; i++)
			if (!strcmp(name, rows[i].name)) {
				memcpy((char *)out + rows[i].offset, &value, sizeof(value));
				found++;
			}
	fclose(f);
	if (found != NR_ROWS) {
		fprintf(stderr, "kmodel: %s has %zu of %zu statistics\n", path, found, NR_ROWS);
		exit(99);
	}
}

static uint64_t stat_of(const struct rzs_stats *s, size_t i)
{
	uint64_t value;

	memcpy(&value, (const char *)s + rows[i].offset, sizeof(value));
	return value;
}

/* Returns how many differ that must not. */
static int compare(const struct rzs_stats *driver, const struct rzs_stats *user, bool encoded)
{
	int wrong = 0;

	for (size_t i = 0; i < NR_ROWS; i++) {
		uint64_t a = stat_of(driver, i), b = stat_of(user, i);
		bool counts = encoded || !rows[i].encoded;

		if (a == b)
			continue;
		printf("%s %s: driver %llu, user space %llu\n", counts ? "WRONG" : "encoder's",
		       rows[i].name, (unsigned long long)a, (unsigned long long)b);
		wrong += counts;
	}
	return wrong;
}

static void write_lines(const char *path, const struct rzs_stats *s)
{
	struct rzst_value v[NR_ROWS];
	const struct rzst_values values = {v, NR_ROWS};
	FILE *f = fopen(path, "we");

	memset(v, 0, sizeof(v));
	for (size_t i = 0; i < NR_ROWS; i++) {
		snprintf(v[i].name, sizeof(v[i].name), "%s", rows[i].name);
		v[i].value = stat_of(s, i);
	}
	if (!f)
		die(path);
	rzsc_stats_classic(f, &values, NULL);
	if (fclose(f))
		die(path);
}

static void begin(struct run *r, const char *number, const char *codec)
{
	struct rzs_config cfg = {.codec = codec, .reserve_bytes = RESERVE};
	char path[64];
	cpu_set_t one;
	off_t size;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		die("sched_setaffinity");
	snprintf(path, sizeof(path), "/dev/ramzswap%s", number);
	snprintf(r->sys, sizeof(r->sys), "/sys/block/ramzswap%s", number);
	r->fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	size = r->fd < 0 ? -1 : lseek(r->fd, 0, SEEK_END);
	if (size <= 0)
		die(path);
	r->buf = mmap(NULL, (MOST + 1) * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	if (r->buf == MAP_FAILED)
		die("mmap");
	cfg.nr_pages = (uint64_t)size / PAGE;
	cfg.nr_workers = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	twin_open(&r->t, &cfg);
	/* INIT has written a swap header. */
	if (pread(r->fd, r->buf, PAGE, 0) != PAGE)
		die("read");
	(void)twin_write(&r->t, 0, r->buf);
	twin_read(&r->t, 0);
}

int main(int argc, char **argv)
{
	struct rzs_stats driver, user;
	struct run r = {0};
	uint64_t calls, i;
	const char *broken;
	int wrong;

	if (argc != 7)
		return 99;
	r.kinds = strcmp(argv[3], "plain") ? EVERY : PLAIN;
	r.rng.state = strtoull(argv[4], NULL, 10);
	calls = strtoull(argv[5], NULL, 10);
	begin(&r, argv[1], argv[2]);
	do_write(&r, 0, 1, 0); /* the size of the swap header depends on the encoder */
	for (i = 0; i < calls; i++)
		do_one(&r);
	for (i = 0; i < r.t.model.nr_pages; i += MOST)
		do_read(&r, i, r.t.model.nr_pages - i < MOST ? r.t.model.nr_pages - i : MOST, 0);
	driver_stats(&r, &driver);
	rzs_store_stats(r.t.store, &user);
	twin_verify(&r.t, true);
	printf("%s %s seed=%s: pages_stored=%llu object_bytes=%llu (user space %llu)\n", argv[2],
	       argv[3], argv[4], (unsigned long long)driver.pages_stored,
	       (unsigned long long)driver.object_bytes, (unsigned long long)user.object_bytes);
	wrong = compare(&driver, &user, strcmp(argv[3], "every"));
	write_lines(argv[6], strcmp(argv[3], "every") ? &user : &driver);
	user = driver;
	user.version = RZS_STATS_VERSION;
	user.size = sizeof(user);
	user.mem_bytes = user.mem_peak_bytes = user.block_bytes + user.table_bytes;
	broken = twin_stats_broken(&user);
	if (broken)
		printf("WRONG the driver's statistics violate: %s\n", broken);
	return wrong || broken;
}
