/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time of the store's writes and reads beside the bare codec call on the same pages.
 *
 * A round is: fill an empty store, read it all, overwrite it all.  Each step is cut into chunks
 * that alternate between the store and the codec, so that noise of the machine affects both.  The
 * codec's chunk is half a round ahead, so that neither finds in a cache the pages that the other
 * has just brought there.  The codec compresses into one hot buffer, and decompresses objects that
 * lie in memory in slot order, as far apart as the store's.  Pages of one repeated word are left
 * out: no codec would be called for them, and the store would look better.
 *
 * Each thread has slots of its own.  All run the same chunk at the same time, between two barriers.
 * The main result is CPU time of the thread; that of the process's other threads (refill) stands
 * beside it.
 */
#define _GNU_SOURCE
#include "codec.h"
#include "store_cases.h"
#include "rzsb_cmd.h"
#include "rzsb_store.h"

#include <linux/perf_event.h>
#include <math.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CHUNK 8192u /* pages */

enum step { STEP_FILL, STEP_READ, STEP_OVERWRITE, NR_STEPS };
enum side { STORE, CODEC, NR_SIDES };

static const char *const step_names[NR_STEPS] = {"fill", "read", "overwrite"};

/* What one side spent in one step of one round, all threads together. */
struct cost {
	uint64_t cpu, wall, process, instructions, pages;
};

/* An object that the codec decompresses; its position in the order is its index. */
struct item {
	const uint8_t *data;
	uint32_t size; /* 0: the page does not shrink, data is the page */
};

struct time_run {
	const struct bench_store_options *o;
	const struct bench_time_case *c;
	const struct rzs_codec *codec;
	struct rzs_store *store;
	uint32_t *order;    /* slot at each position */
	uint32_t *page[2];  /* corpus page at each position: first fill, overwrite */
	struct item *items; /* of the first fill */
	uint8_t *arena;
	size_t arena_size;
	pthread_barrier_t barrier;
	uint64_t wall; /* longest of the chunk in progress; thread 0 has it outside of barriers */
	struct cost costs[RZSB_MAX_ROUNDS][NR_STEPS][NR_SIDES];
	uint64_t retries, faults;
	bool instructions; /* all threads could count them */
};

struct time_thread {
	struct time_run *run;
	unsigned id;
	pthread_t tid;
	struct rzs_worker *worker;
	void *ctx;
	uint8_t *out; /* RZS_CODEC_OUT_SIZE */
	uint64_t first, nr;
	int counter; /* file descriptor; -1: instructions cannot be counted */
	uint64_t retries, faults;
};

static int open_counter(void)
{
	struct perf_event_attr a = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(a),
		.config = PERF_COUNT_HW_INSTRUCTIONS,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};

	return (int)syscall(SYS_perf_event_open, &a, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static uint64_t read_counter(int fd)
{
	uint64_t v = 0;

	if (fd < 0 || read(fd, &v, sizeof(v)) != sizeof(v))
		return 0;
	return v;
}

static void store_chunk(struct time_thread *t, enum step step, uint64_t from, uint64_t to)
{
	const struct time_run *r = t->run;
	const uint32_t *page = r->page[step == STEP_OVERWRITE];

	if (step == STEP_READ) {
		for (uint64_t k = from; k < to; k++)
			if (rzs_store_read(r->store, t->worker, r->order[k], t->out) < 0)
				rzst_die(RZSB_FAILED, "reading slot %u failed", r->order[k]);
		return;
	}
	for (uint64_t k = from; k < to; k++)
		rzsb_store_put(r->store, t->worker, r->order[k], rzsb_page(r->o->corpus, page[k]),
			       &t->retries);
}

static void codec_chunk(struct time_thread *t, enum step step, uint64_t from, uint64_t to)
{
	const struct time_run *r = t->run;
	const uint32_t *page = r->page[step == STEP_OVERWRITE];

	if (step == STEP_READ) {
		for (uint64_t k = from; k < to; k++) {
			const struct item *it = &r->items[k];

			if (it->size == 0)
				memcpy(t->out, it->data, RZS_PAGE_SIZE);
			else if (r->codec->decompress(t->ctx, it->data, it->size, t->out) < 0)
				rzst_die(RZSB_FAILED, "the codec failed to decompress");
		}
		return;
	}
	for (uint64_t k = from; k < to; k++)
		if (r->codec->compress(t->ctx, rzsb_page(r->o->corpus, page[k]), t->out) == -EIO)
			rzst_die(RZSB_FAILED, "the codec failed to compress");
}

static uint64_t thread_faults(void)
{
	struct rusage u;

	getrusage(RUSAGE_THREAD, &u);
	return (uint64_t)u.ru_minflt + (uint64_t)u.ru_majflt;
}

static void atomic_max(uint64_t *p, uint64_t v)
{
	uint64_t seen = __atomic_load_n(p, __ATOMIC_RELAXED);

	while (seen < v &&
	       !__atomic_compare_exchange_n(p, &seen, v, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

/* Chunk number k of this thread's share, all threads at once. */
static void timed_chunk(struct time_thread *t, struct cost *cost, enum step step, enum side side,
			uint64_t k)
{
	uint64_t *wall = &t->run->wall;
	uint64_t from = t->first + k * CHUNK, to = from + CHUNK, end = t->first + t->nr;
	uint64_t process = 0, faults, cpu, now, instructions;

	if (to > end)
		to = end;
	if (t->id == 0) {
		*wall = 0;
		process = rzsb_cpu_process();
	}
	pthread_barrier_wait(&t->run->barrier);
	faults = thread_faults();
	instructions = read_counter(t->counter);
	now = rzst_now();
	cpu = rzsb_cpu_thread();
	if (side == STORE)
		store_chunk(t, step, from, to);
	else
		codec_chunk(t, step, from, to);
	__atomic_fetch_add(&cost->cpu, rzsb_cpu_thread() - cpu, __ATOMIC_RELAXED);
	atomic_max(wall, rzst_now() - now);
	__atomic_fetch_add(&cost->instructions, read_counter(t->counter) - instructions,
			   __ATOMIC_RELAXED);
	__atomic_fetch_add(&cost->pages, to - from, __ATOMIC_RELAXED);
	if (side == STORE)
		t->faults += thread_faults() - faults;
	pthread_barrier_wait(&t->run->barrier);
	if (t->id == 0) {
		cost->process += rzsb_cpu_process() - process;
		cost->wall += *wall;
	}
}

static void *time_thread(void *arg)
{
	struct time_thread *t = arg;
	struct time_run *r = t->run;
	uint64_t chunks = (t->nr + CHUNK - 1) / CHUNK;

	t->counter = open_counter();
	if (t->counter < 0)
		__atomic_store_n(&r->instructions, false, __ATOMIC_RELAXED);
	t->worker = rzs_worker_get(r->store, t->id);
	for (unsigned round = 0; round < r->o->rounds; round++) {
		if (t->id == 0 && rzs_store_discard(r->store, t->worker, 0, r->c->nr) < 0)
			rzst_die(RZSB_FAILED, "discarding everything failed");
		for (unsigned step = 0; step < NR_STEPS; step++) {
			struct cost *cost = r->costs[round][step];

			for (uint64_t k = 0; k < chunks; k++) {
				enum side one = (enum side)((round + k) % 2);
				uint64_t ahead = (k + chunks / 2) % chunks;

				timed_chunk(t, &cost[one], step, one, one == STORE ? k : ahead);
				one = one == STORE ? CODEC : STORE;
				timed_chunk(t, &cost[one], step, one, one == STORE ? k : ahead);
			}
		}
	}
	rzs_worker_put(r->store, t->worker);
	if (t->counter >= 0)
		close(t->counter);
	__atomic_fetch_add(&r->retries, t->retries, __ATOMIC_RELAXED);
	__atomic_fetch_add(&r->faults, t->faults, __ATOMIC_RELAXED);
	return NULL;
}

/* Compress each page of the corpus once, then lay out a copy for every slot, in slot order. */
static void make_items(struct time_run *r)
{
	const struct rzsb_corpus *c = r->o->corpus;
	uint8_t *once = rzsb_alloc(c->nr * (size_t)RZS_PAGE_SIZE);
	uint16_t *size = bench_codec_sizes(r->o, once);
	uint32_t *where = rzsb_alloc(r->c->nr * sizeof(*where)); /* position of each slot */
	size_t at = 0;

	for (uint64_t k = 0; k < r->c->nr; k++) {
		where[r->order[k]] = (uint32_t)k;
		r->arena_size += (size[r->page[0][k]] + 1u) & ~1u;
	}
	r->arena = rzsb_alloc(r->arena_size);
	for (uint64_t slot = 0; slot < r->c->nr; slot++) {
		struct item *it = &r->items[where[slot]];
		uint32_t p = r->page[0][where[slot]];

		it->size = size[p] < RZS_PAGE_SIZE ? size[p] : 0;
		it->data = it->size ? r->arena + at : rzsb_page(c, p);
		memcpy(r->arena + at, once + p * (size_t)RZS_PAGE_SIZE, it->size);
		at += (it->size + 1u) & ~1u;
	}
	munmap(where, r->c->nr * sizeof(*where));
	munmap(size, c->nr * sizeof(*size));
	munmap(once, c->nr * (size_t)RZS_PAGE_SIZE);
}

/* The corpus over and over, in another order each time round, cut at nr pages. */
static void choose_pages(const struct rzsb_corpus *c, uint32_t *page, uint64_t nr, bool sequential,
			 uint64_t *seed)
{
	uint32_t *deck = rzsb_alloc(c->nr_busy * sizeof(*deck));
	size_t at = c->nr_busy;

	memcpy(deck, c->busy, c->nr_busy * sizeof(*deck));
	for (uint64_t k = 0; k < nr; k++) {
		if (at == c->nr_busy) {
			/*
			 * In order only if all of it is used: a part must be a sample of all
			 * programs.
			 */
			if (!sequential || nr < c->nr_busy)
				rzsb_shuffle(deck, c->nr_busy, seed);
			at = 0;
		}
		page[k] = deck[at++];
	}
	munmap(deck, c->nr_busy * sizeof(*deck));
}

static void run_threads(struct time_run *r)
{
	struct time_thread threads[BENCH_MAX_THREADS] = {0};
	size_t ctx_size;

	pthread_barrier_init(&r->barrier, NULL, r->c->threads);
	for (unsigned i = 0; i < r->c->threads; i++) {
		struct time_thread *t = &threads[i];

		t->run = r;
		t->id = i;
		t->nr = r->c->nr / r->c->threads;
		t->first = i * t->nr;
		t->ctx = bench_codec_context(r->o, &ctx_size);
		t->out = rzsb_alloc(RZS_CODEC_OUT_SIZE);
		if (pthread_create(&t->tid, NULL, time_thread, t) != 0)
			rzst_die(RZSB_FAILED, "cannot start a thread");
	}
	for (unsigned i = 0; i < r->c->threads; i++) {
		pthread_join(threads[i].tid, NULL);
		munmap(threads[i].ctx, ctx_size);
		munmap(threads[i].out, RZS_CODEC_OUT_SIZE);
	}
	pthread_barrier_destroy(&r->barrier);
}

/* What is reported of a step; for each page, where it is not a rate or a ratio. */
struct values {
	double store_ns, codec_ns, ratio, background_ns;
	double store_rate, codec_rate; /* pages a second by the clock */
	double store_instructions, codec_instructions;
};

static struct values values_of(const struct cost *s, const struct cost *c)
{
	double pages = (double)s->pages, codec_pages = (double)c->pages;
	struct values v = {
		.store_ns = (double)s->cpu / pages,
		.codec_ns = (double)c->cpu / codec_pages,
		.background_ns = s->process > s->cpu ? (double)(s->process - s->cpu) / pages : 0,
		.store_rate = pages * 1e9 / (double)s->wall,
		.codec_rate = codec_pages * 1e9 / (double)c->wall,
		.store_instructions = (double)s->instructions / pages,
		.codec_instructions = (double)c->instructions / codec_pages,
	};

	v.ratio = v.store_ns / v.codec_ns;
	return v;
}

void bench_time_heading(void)
{
	printf("\nTime per page (thread CPU, medians of the rounds; pages of one repeated word "
	       "left out)\n"
	       "%-5s %6s %-6s %2s %-9s | %8s %8s %6s | %7s %9s %9s\n",
	       "codec", "MiB", "slots", "th", "step", "ours ns", "codec ns", "ratio", "backgr.",
	       "pages/s", "codec p/s");
}

static void json_step(struct time_run *r, enum step step, const struct values *m,
		      const double *ratios)
{
	struct rzsb_json *j = r->o->json;

	rzsb_json_begin(j, "store_time");
	rzsb_json_str(j, "codec", r->codec->name);
	rzsb_json_int(j, "size_bytes", r->c->nr * RZS_PAGE_SIZE);
	rzsb_json_str(j, "slots", r->c->sequential ? "sequential" : "random");
	rzsb_json_int(j, "threads", r->c->threads);
	rzsb_json_str(j, "step", step_names[step]);
	rzsb_json_num(j, "store_ns_per_page", m->store_ns);
	rzsb_json_num(j, "codec_ns_per_page", m->codec_ns);
	rzsb_json_num(j, "ratio", m->ratio);
	rzsb_json_list(j, "ratio_rounds", ratios, r->o->rounds);
	rzsb_json_num(j, "background_ns_per_page", m->background_ns);
	rzsb_json_num(j, "store_pages_per_s", m->store_rate);
	rzsb_json_num(j, "codec_pages_per_s", m->codec_rate);
	rzsb_json_num(j, "store_instructions_per_page",
		      r->instructions ? m->store_instructions : (double)NAN);
	rzsb_json_num(j, "codec_instructions_per_page",
		      r->instructions ? m->codec_instructions : (double)NAN);
	rzsb_json_int(j, "reserve_empty_retries", r->retries);
	rzsb_json_int(j, "io_thread_faults", r->faults);
	rzsb_json_end(j);
}

#define MEDIAN(member) rzsb_over_rounds(&v->member, sizeof(*v), rounds, NULL)

static void report_step(struct time_run *r, enum step step)
{
	struct values v[RZSB_MAX_ROUNDS], m;
	double ratios[RZSB_MAX_ROUNDS];
	unsigned rounds = r->o->rounds;

	for (unsigned i = 0; i < rounds; i++) {
		v[i] = values_of(&r->costs[i][step][STORE], &r->costs[i][step][CODEC]);
		ratios[i] = v[i].ratio;
	}
	m = (struct values){
		.store_ns = MEDIAN(store_ns),
		.codec_ns = MEDIAN(codec_ns),
		.ratio = MEDIAN(ratio),
		.background_ns = MEDIAN(background_ns),
		.store_rate = MEDIAN(store_rate),
		.codec_rate = MEDIAN(codec_rate),
		.store_instructions = MEDIAN(store_instructions),
		.codec_instructions = MEDIAN(codec_instructions),
	};
	printf("%-5s %6llu %-6s %2u %-9s | %8.0f %8.0f %6.3f | %7.0f %9.0f %9.0f\n", r->codec->name,
	       (unsigned long long)r->c->nr / 256, r->c->sequential ? "seq" : "random",
	       r->c->threads, step_names[step], m.store_ns, m.codec_ns, m.ratio, m.background_ns,
	       m.store_rate, m.codec_rate);
	json_step(r, step, &m, ratios);
	fflush(stdout);
}

static void compare_all(struct time_run *r)
{
	struct rzs_worker *w = rzs_worker_get(r->store, 0);
	uint32_t *page = rzsb_alloc(r->c->nr * sizeof(*page));
	const char *what;

	for (uint64_t k = 0; k < r->c->nr; k++)
		page[r->order[k]] = r->page[1][k];
	bench_store_compare(r->o, r->store, w, page, r->c->nr);
	if (rzs_store_verify(r->store, w, true, &what) < 0)
		rzst_die(RZSB_FAILED, "the store is broken: %s", what ? what : "?");
	rzs_worker_put(r->store, w);
	munmap(page, r->c->nr * sizeof(*page));
}

/* Which page goes into which slot in which order, and the codec's copies of the objects. */
static void set_up(struct time_run *r)
{
	uint64_t seed = r->o->seed, nr = r->c->nr;

	r->order = rzsb_alloc(nr * sizeof(*r->order));
	r->items = rzsb_alloc(nr * sizeof(*r->items));
	for (unsigned i = 0; i < 2; i++) {
		r->page[i] = rzsb_alloc(nr * sizeof(*r->page[i]));
		choose_pages(r->o->corpus, r->page[i], nr, r->c->sequential, &seed);
	}
	for (uint64_t k = 0; k < nr; k++)
		r->order[k] = (uint32_t)k;
	if (!r->c->sequential)
		rzsb_shuffle(r->order, nr, &seed);
	make_items(r);
}

/* The first use of memory is slow: the store is filled once before anything is measured. */
static void fill_once(struct time_run *r)
{
	struct rzs_worker *w = rzs_worker_get(r->store, 0);
	uint64_t retries = 0;

	for (uint64_t k = 0; k < r->c->nr; k++)
		rzsb_store_put(r->store, w, r->order[k], rzsb_page(r->o->corpus, r->page[1][k]),
			       &retries);
	rzs_worker_put(r->store, w);
}

static void tear_down(struct time_run *r)
{
	munmap(r->arena, r->arena_size ? r->arena_size : 1);
	for (unsigned i = 0; i < 2; i++)
		munmap(r->page[i], r->c->nr * sizeof(*r->page[i]));
	munmap(r->items, r->c->nr * sizeof(*r->items));
	munmap(r->order, r->c->nr * sizeof(*r->order));
	munmap(r, sizeof(*r));
}

void bench_time_run(const struct bench_store_options *o, const struct bench_time_case *c)
{
	/* The same number of pages for each thread. */
	struct bench_time_case whole = {c->nr - c->nr % c->threads, c->threads, c->sequential};
	struct time_run *r = rzsb_alloc(sizeof(*r));

	r->o = o;
	r->c = &whole;
	r->codec = rzs_codec_lookup(o->codec);
	r->instructions = true;
	set_up(r);
	r->store = bench_store_make(o, whole.nr, whole.threads, 0);
	fill_once(r);
	run_threads(r);
	compare_all(r);
	for (unsigned step = 0; step < NR_STEPS; step++)
		report_step(r, step);
	if (r->retries)
		printf("      the reserve was empty %llu times\n", (unsigned long long)r->retries);
	rzs_store_destroy(r->store);
	tear_down(r);
}
