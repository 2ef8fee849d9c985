/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver against the same store in user space: one sequence of calls, made from a seed, goes to
 * both (and to a plain array).  Every byte that is read back is compared, and at the end every
 * figure that does not depend on the world.
 *
 *   kmodel N CODEC plain|every|exact SEED CALLS LINES
 *
 * /dev/ramzswapN is initialised, and nothing else uses it.  LINES becomes what rzscontrol --stats
 * has to print of it, but for memory.  What depends on the world: the locks' and codecs' sizes in
 * fixed_bytes, and the reserve, so all of mem_*.  What depends on the codec's encoder, which a
 * kernel and a library may have in different versions, is compared
 *   plain  on pages that no encoder makes smaller, or none sees: everything
 *   every  on pages of every kind: what no encoder has a say in
 *   exact  on pages of every kind: everything, where both encoders give the same bytes
 *
 * Exit status: 0; 1 when something differs (which is printed); 134 (abort) when a byte does; 99.
 *
 * Threading: one thread, on one processor, so that both stores get the same worker.
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
#define STEP	256u	    /* objects that the driver looks at in one go */
#define RESERVE (64u << 20) /* more than the store can take: no write waits */
/* Without PAGES_SAME64: a word that a slot has no room for goes to the encoder. */
#define PLAIN (1u << PAGES_ZERO | 1u << PAGES_SAME32 | 1u << PAGES_RANDOM)
#define EVERY	((1u << PAGES_NR) - 1)

struct run {
	struct twin t;
	struct pages_rng rng;
	unsigned kinds;
	char sys[64];
	int fd;
	uint8_t *buf; /* MOST pages and one */
};

static const struct figure {
	const char *name;
	size_t offset;
	bool encoded; /* depends on what the encoder makes of a page */
} figures[] = {
#define FIGURE(name, encoded) {#name, offsetof(struct rzs_stats, name), encoded},
#define FIGURE_CALLS(name)    FIGURE(name, false)
#define FIGURE_ENCODER(name)  FIGURE(name, true)
#define FIGURE_PORT(name)
#define RZS_STAT(name, kind, source, depends, help) FIGURE_##depends(name)
#include "rzs_stats.def"
};
#define NR_FIGURES (sizeof(figures) / sizeof(figures[0]))

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
	/* Of a buffer that is not aligned it sees parts of pages, which it puts together. */
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
	/* A quarter of the calls go to a sixteenth of the pages: what is hot is rewritten often. */
	uint64_t slot = pages_below(&r->rng, what % 4 ? all : all / 16);
	uint64_t nr = 1 + pages_below(&r->rng, what % 8 ? 2 : MOST);
	size_t skew = what % 3 ? 0 : SECTOR * pages_below(&r->rng, PAGE / SECTOR);

	if (nr > all - slot)
		nr = all - slot;
	/* Parts make pages of two halves for a moment, and those some encoder makes smaller. */
	if (what < 560)
		do_write(r, slot, nr, r->kinds == PLAIN ? 0 : skew);
	else if (what < 850)
		do_read(r, slot, nr, skew);
	else if (what < 995)
		do_drop(r, slot, nr, what < 920 ? BLKDISCARD : BLKZEROOUT);
	else
		do_compact(r);
}

/* The driver's figures, by their names. */
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
		for (i = 0; i < NR_FIGURES; i++)
			if (!strcmp(name, figures[i].name)) {
				memcpy((char *)out + figures[i].offset, &value, sizeof(value));
				found++;
			}
	fclose(f);
	if (found != NR_FIGURES) {
		fprintf(stderr, "kmodel: %s has %zu of %zu figures\n", path, found, NR_FIGURES);
		exit(99);
	}
}

static uint64_t figure_of(const struct rzs_stats *s, size_t i)
{
	uint64_t value;

	memcpy(&value, (const char *)s + figures[i].offset, sizeof(value));
	return value;
}

/* How many differ that may not. */
static int compare(const struct rzs_stats *driver, const struct rzs_stats *user, bool encoded)
{
	int wrong = 0;

	for (size_t i = 0; i < NR_FIGURES; i++) {
		uint64_t a = figure_of(driver, i), b = figure_of(user, i);
		bool counts = encoded || !figures[i].encoded;

		if (a == b)
			continue;
		printf("%s %s: driver %llu, user space %llu\n", counts ? "WRONG" : "encoder's",
		       figures[i].name, (unsigned long long)a, (unsigned long long)b);
		wrong += counts;
	}
	return wrong;
}

static void write_lines(const char *path, const struct rzs_stats *s)
{
	struct rzst_value v[NR_FIGURES];
	const struct rzst_values values = {v, NR_FIGURES};
	FILE *f = fopen(path, "we");

	memset(v, 0, sizeof(v));
	for (size_t i = 0; i < NR_FIGURES; i++) {
		snprintf(v[i].name, sizeof(v[i].name), "%s", figures[i].name);
		v[i].value = figure_of(s, i);
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
	do_write(&r, 0, 1, 0); /* an encoder has a say in the swap header */
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
		printf("WRONG the driver's figures: not so: %s\n", broken);
	return wrong || broken;
}
