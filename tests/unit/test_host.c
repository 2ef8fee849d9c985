/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every server around a store has: the table of statistics, upkeep of several stores, say. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "t.h"

#include <ctype.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "protect_server.h"
#include "say.h"
#include "stat_table.h"
#include "store.h"
#include "upkeep.h"

#define PAGES 4096

static struct rzs_store *make_store(uint64_t limit)
{
	const struct rzs_config config = {
		.nr_pages = PAGES, .nr_workers = 2, .limit_bytes = limit, .reserve_bytes = 1 << 20};
	struct rzs_store *store;

	T_EQ(rzs_store_create(&config, &store), 0);
	return store;
}

/* Pages that compress to about a half, each its own. */
static int fill(struct rzs_store *store, rzs_slot_t from, rzs_slot_t to, unsigned salt)
{
	uint8_t page[RZS_PAGE_SIZE];
	int err = 0;

	for (rzs_slot_t slot = from; slot < to && err == 0; slot++) {
		struct rzs_worker *worker = rzs_worker_get(store, 0);
		unsigned x = (unsigned)slot * 2654435761u + salt;

		for (unsigned i = 0; i < sizeof(page); i++) {
			x = x * 1103515245u + 12345u;
			page[i] = i % 2 ? (uint8_t)(x >> 16) : 0;
		}
		do
			err = rzs_store_write(store, worker, slot, page);
		while (err == -ENOMEM); /* the refill thread comes */
		rzs_worker_put(store, worker);
	}
	return err;
}

/* ---- the table */

struct seen {
	unsigned nr;
	const char *name[128];
	uint64_t value[128];
};

static void see(void *arg, const struct rzs_stat *stat, uint64_t value)
{
	struct seen *s = arg;

	for (const char *c = stat->name; *c; c++)
		if (!islower((unsigned char)*c) && !isdigit((unsigned char)*c) && *c != '_')
			T_FAIL("%s: not a name", stat->name);
	for (unsigned i = 0; i < s->nr; i++)
		if (strcmp(s->name[i], stat->name) == 0)
			T_FAIL("%s: twice", stat->name);
	T_OK(stat->help && *stat->help);
	s->name[s->nr] = stat->name;
	s->value[s->nr++] = value;
}

static uint64_t seen(const struct seen *s, const char *name)
{
	for (unsigned i = 0; i < s->nr; i++)
		if (strcmp(s->name[i], name) == 0)
			return s->value[i];
	T_FAIL("%s: not in the table", name);
	return 0;
}

T_TEST(a_devices_table_holds_the_stores_numbers_and_the_requests)
{
	struct rzs_store *store = make_store(0);
	struct rzs_latency *latency;
	struct rzs_device_view view = {.store = store, .connections = 3};
	struct seen s = {0};

	T_EQ(rzs_latency_create(1, &latency), 0);
	view.latency = latency;
	rzs_latency_add(latency, 0, RZS_LATENCY_WRITE, 7, 4096);
	T_EQ(fill(store, 0, 100, 1), 0);
	rzs_stat_device(&view, see, &s);
	T_EQ(seen(&s, "pages_stored"), 100);
	T_EQ(seen(&s, "orig_bytes"), 100 * RZS_PAGE_SIZE);
	T_EQ(seen(&s, "pages_stored"),
	     seen(&s, "pages_same") + seen(&s, "pages_compressed") + seen(&s, "pages_raw"));
	T_EQ(seen(&s, "mem_bytes"), seen(&s, "block_bytes") + seen(&s, "table_bytes") +
					    seen(&s, "fixed_bytes") + seen(&s, "reserve_bytes"));
	T_EQ(seen(&s, "connections"), 3);
	T_EQ(seen(&s, "write_requests"), 1);
	T_EQ(seen(&s, "write_bytes"), 4096);
	T_EQ(seen(&s, "write_p99_ns"), 7);
	T_EQ(seen(&s, "read_requests"), 0);
	rzs_latency_destroy(latency);
	rzs_store_destroy(store);
}

static void count_described(void *arg, bool of_device, const struct rzs_stat *stat)
{
	see((struct seen *)arg + of_device, stat, 0);
}

T_TEST(what_is_described_is_what_is_told)
{
	struct rzs_store *store = make_store(0);
	struct rzs_latency *latency;
	struct rzs_device_view view = {.store = store};
	struct seen described[2] = {0}, device = {0}, process = {0};

	T_EQ(rzs_latency_create(1, &latency), 0);
	view.latency = latency;
	rzs_stat_describe(count_described, described);
	rzs_stat_device(&view, see, &device);
	rzs_stat_process(see, &process);
	T_EQ(described[1].nr, device.nr);
	T_EQ(described[0].nr, process.nr);
	for (unsigned i = 0; i < device.nr; i++)
		T_STR_EQ(described[1].name[i], device.name[i]);
	for (unsigned i = 0; i < process.nr; i++)
		T_STR_EQ(described[0].name[i], process.name[i]);
	rzs_latency_destroy(latency);
	rzs_store_destroy(store);
}

/* The rows of the list, and where a snapshot has their values. */
static const struct {
	const char *name;
	enum rzs_stat_kind kind;
	size_t offset;
} rows[] = {
#define RZS_STAT(name, kind, source, depends, help) \
	{#name, RZS_STAT_##kind, offsetof(struct rzs_stats, name)},
#include "rzs_stats.def"
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static void check_described(void *arg, bool of_device, const struct rzs_stat *stat)
{
	unsigned *nr = arg;

	if (!of_device || (*nr == 0 && strcmp(stat->name, rows[0].name) != 0))
		return;
	T_LT(*nr, ROWS);
	T_STR_EQ(stat->name, rows[*nr].name);
	T_EQ(stat->kind, rows[*nr].kind);
	++*nr;
}

/* Red when a row is left out or shows another's value, and when a field has no row. */
T_TEST(each_statistic_of_the_list_is_described_and_told)
{
	struct rzs_store *store = make_store(0);
	struct rzs_device_view view = {.store = store};
	struct rzs_stats stats;
	struct seen s = {0};
	unsigned nr = 0;

	T_EQ(sizeof(stats), 2 * sizeof(uint32_t) + ROWS * sizeof(uint64_t));
	T_EQ(fill(store, 0, 100, 1), 0);
	rzs_stat_device(&view, see, &s);
	rzs_store_stats(store, &stats);
	T_GT(stats.writes, 0);
	for (unsigned i = 0; i < ROWS; i++) {
		uint64_t value;

		memcpy(&value, (const char *)&stats + rows[i].offset, sizeof(value));
		T_STR_EQ(s.name[s.nr - ROWS + i], rows[i].name);
		/* The reserve is filled meanwhile. */
		if (strcmp(rows[i].name, "reserve_bytes") != 0 &&
		    strcmp(rows[i].name, "mem_bytes") != 0 &&
		    strcmp(rows[i].name, "mem_peak_bytes") != 0)
			T_EQ(s.value[s.nr - ROWS + i], value);
	}
	rzs_stat_describe(check_described, &nr);
	T_EQ(nr, ROWS);
	rzs_store_destroy(store);
}

/* ---- upkeep */

static int ticks;

static void count_tick(void)
{
	__atomic_fetch_add(&ticks, 1, __ATOMIC_RELAXED);
}

static void no_error(const char *text)
{
	T_FAIL("%s", text);
}

static void start_upkeep(void (*tick)(void))
{
	const struct rzs_protect_server_options options = {
		.mode = RZS_PROTECT_OFF, .realtime = RZS_REALTIME_NEVER, .error = no_error};

	T_EQ(rzs_protect_server_early(&options), 0);
	T_EQ(rzs_protect_server_late(), 0);
	T_EQ(rzs_upkeep_start(1, tick), 0);
}

static uint64_t slack(struct rzs_store *store)
{
	struct rzs_stats stats;

	rzs_store_stats(store, &stats);
	return stats.slack_bytes;
}

static void make_holes(struct rzs_store *store)
{
	struct rzs_worker *worker = rzs_worker_get(store, 0);

	for (rzs_slot_t slot = 0; slot < PAGES; slot++)
		if (slot % 4)
			T_EQ(rzs_store_discard(store, worker, slot, 1), 0);
	rzs_worker_put(store, worker);
}

/* Red when only the first store is looked after, or none is after one was removed. */
T_TEST(upkeep_compacts_every_store)
{
	struct rzs_store *stores[3];
	uint64_t before[3];

	start_upkeep(NULL);
	for (unsigned i = 0; i < 3; i++) {
		stores[i] = make_store(0);
		T_EQ(fill(stores[i], 0, PAGES, i), 0);
		make_holes(stores[i]);
		before[i] = slack(stores[i]);
		T_GT(before[i], 2u << 20);
	}
	for (unsigned i = 0; i < 3; i++)
		T_EQ(rzs_upkeep_add(i ? "named" : NULL, stores[i]), 0);
	rzs_upkeep_remove(stores[0]);
	rzs_store_destroy(stores[0]);
	rzs_upkeep_wake();
	T_WAIT(slack(stores[1]) < before[1] / 2 && slack(stores[2]) < before[2] / 2, 30);
	for (unsigned i = 1; i < 3; i++) {
		rzs_upkeep_remove(stores[i]);
		rzs_store_destroy(stores[i]);
	}
	rzs_upkeep_stop();
}

static void wait_for_ticks(int nr)
{
	int before = __atomic_load_n(&ticks, __ATOMIC_RELAXED);

	T_WAIT(__atomic_load_n(&ticks, __ATOMIC_RELAXED) - before >= nr, 30);
}

/* Red when a store is changed while upkeep is held, or is left alone for ever. */
T_TEST(upkeep_leaves_stores_alone_while_it_is_held)
{
	struct rzs_store *store = make_store(0);
	uint64_t before;

	T_EQ(fill(store, 0, PAGES, 1), 0);
	make_holes(store);
	before = slack(store);
	start_upkeep(count_tick);
	rzs_upkeep_hold(true);
	T_EQ(rzs_upkeep_add(NULL, store), 0);
	T_EQ(rzs_upkeep_compact(store), 0);
	wait_for_ticks(2); /* after the second one it has looked at the store at least once */
	T_EQ(slack(store), before);
	rzs_upkeep_hold(false);
	T_WAIT(slack(store) < before / 2, 30);
	rzs_upkeep_stop();
	rzs_upkeep_remove(store);
	rzs_store_destroy(store);
}

/*
 * A control client holds upkeep's worker.  Red when upkeep takes another meanwhile, which is one of
 * those for threads that serve I/O.
 */
T_TEST(upkeep_waits_for_its_own_worker)
{
	struct rzs_store *store = make_store(0);
	struct rzs_worker *own, *io;
	struct rzs_stats s;
	uint64_t before;

	T_EQ(fill(store, 0, PAGES, 1), 0);
	make_holes(store);
	before = slack(store);
	own = rzs_worker_get_own(store, 1);
	start_upkeep(NULL);
	T_EQ(rzs_upkeep_add(NULL, store), 0);
	rzs_upkeep_wake();
	/* 2: somebody sleeps. */
	T_WAIT(__atomic_load_n(&own->mutex.word, __ATOMIC_RELAXED) == 2 || slack(store) != before,
	       20);
	rzs_store_stats(store, &s);
	T_EQ(s.moved_objects, 0);
	io = rzs_worker_tryget(store, 0);
	T_EQ(io, store->workers[0]);
	rzs_worker_put(store, io);
	rzs_worker_put(store, own);
	T_WAIT(slack(store) < before / 2, 30);
	rzs_upkeep_stop();
	rzs_upkeep_remove(store);
	rzs_store_destroy(store);
}

/* Red (a sanitizer's or a crash) when a store is touched after rzs_upkeep_remove(). */
T_TEST(upkeep_lets_go_of_a_store_at_once)
{
	start_upkeep(NULL);
	for (unsigned round = 0; round < 20; round++) {
		struct rzs_store *store = make_store(0);

		T_EQ(fill(store, 0, PAGES / 4, round), 0);
		make_holes(store);
		T_EQ(rzs_upkeep_add("short-lived", store), 0);
		rzs_upkeep_wake();
		rzs_upkeep_remove(store);
		rzs_store_destroy(store);
	}
	rzs_upkeep_stop();
}

static int log_pipe[2];

static void catch_stderr(void)
{
	T_EQ(pipe2(log_pipe, O_NONBLOCK), 0);
	T_GE(dup2(log_pipe[1], 2), 0);
}

/* What was said so far, added to what is in text. */
static bool has_said(char *text, size_t size, const char *what)
{
	size_t len = strlen(text);
	ssize_t n = read(log_pipe[0], text + len, size - len - 1);

	if (n > 0)
		text[len + (size_t)n] = '\0';
	return strstr(text, what) != NULL;
}

T_TEST(upkeep_tells_which_store_refuses)
{
	struct rzs_store *store = make_store(4 << 20);
	char text[4096] = "";

	catch_stderr();
	start_upkeep(count_tick);
	T_EQ(rzs_upkeep_add("swap7", store), 0);
	T_EQ(fill(store, 0, PAGES, 1), -ENOSPC);
	rzs_upkeep_wake();
	T_WAIT(has_said(text, sizeof(text), "rzs: swap7: memlimit of 4194304 bytes reached"), 20);
	T_WAIT(__atomic_load_n(&ticks, __ATOMIC_RELAXED) > 0, 20);
	rzs_upkeep_stop();
	rzs_upkeep_remove(store);
	rzs_store_destroy(store);
}

/* ---- say */

T_TEST(what_is_said_has_its_level)
{
	char text[4096] = "";

	catch_stderr();
	rzs_say("one %d", 1);
	rzs_say_at(RZS_SAY_WARNING, "two");
	rzs_say_at(RZS_SAY_INFO, "not this");
	rzs_say_set_level(RZS_SAY_INFO);
	rzs_say_at(RZS_SAY_INFO, "three");
	(void)has_said(text, sizeof(text), "");
	T_STR_EQ(text, "rzs: one 1\nrzs: warning: two\nrzs: three\n");
}

T_TEST(the_journal_is_told_the_level)
{
	char stream[64], text[256] = "";
	struct stat st;

	catch_stderr();
	T_EQ(fstat(2, &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	T_EQ(setenv("JOURNAL_STREAM", stream, 1), 0);
	rzs_say_at(RZS_SAY_ERROR, "lost");
	(void)has_said(text, sizeof(text), "");
	T_STR_EQ(text, "<3>rzs: error: lost\n");
}
