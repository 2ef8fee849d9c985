/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control socket's verbs, as text in and text out, against a target of the test's own. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "t.h"

#include "ctl_commands.h"
#include "protect_server.h"
#include "stat_table.h"
#include "store.h"
#include "target_rig.h"
#include "upkeep.h"

#include <pthread.h>
#include <stdatomic.h>

static struct rzs_ctl_out out;

/* The reply to a request without its end of line; good until the next. */
static const char *ask_of(const struct rzs_target *target, const char *line)
{
	static struct rzs_ctl_request request;
	size_t used;

	memset(&request, 0, sizeof(request));
	T_EQ(rzs_ctl_request_feed(&request, line, strlen(line), &used), RZS_CTL_MORE);
	T_EQ(rzs_ctl_request_feed(&request, "\n", 1, &used), RZS_CTL_REQUEST);
	rzs_ctl_out_free(&out);
	rzs_ctl_run(target, &request.words, &out);
	T_OK(!out.broken);
	T_LT(out.len, out.size);
	out.data[out.len] = '\0';
	return out.data;
}

static const char *ask(const char *line)
{
	return ask_of(&rig_target, line);
}

static void end(void)
{
	rzs_ctl_out_free(&out);
	rig_end();
}

T_TEST(what_answers)
{
	struct rzs_target bare = rig_target;
	char want[256];

	snprintf(want, sizeof(want),
		 " program rzsd\n version %s\n pid %d\n socket /run/rzs/nbd.sock\nok\n",
		 PACKAGE_VERSION, getpid());
	T_STR_EQ(ask("server"), want);
	bare.socket = NULL;
	bare.program = "nbdkit";
	snprintf(want, sizeof(want), " program nbdkit\n version %s\n pid %d\nok\n", PACKAGE_VERSION,
		 getpid());
	T_STR_EQ(ask_of(&bare, "server"), want);
	end();
}

static const char *not_replaced_why;

static const char *not_replaced(void *arg, unsigned *nr)
{
	T_EQ(arg, &rig);
	*nr = 2;
	return not_replaced_why;
}

static int upgrade(void *arg, char why[RZS_WHY_MAX])
{
	T_EQ(arg, &rig);
	rig_log("upgrade;");
	return rig_answer("upgrade", why);
}

T_TEST(a_server_that_can_be_replaced)
{
	struct rzs_target kept = rig_target;

	T_STR_EQ(ask("upgrade"), "error 95 upgrade: only rzsd that was started with survive=yes "
				 "can be replaced while it serves\n");
	kept.upgrade = upgrade;
	kept.not_replaced = not_replaced;
	T_STR_EQ(ask_of(&kept, "upgrade"), "ok\n");
	T_STR_EQ(rig.log, "upgrade;");
	T_OK(!strstr(ask_of(&kept, "server"), "not-replaced"));
	not_replaced_why = "swap is on";
	T_OK(strstr(ask_of(&kept, "server"), " not-replaced 2 swap%20is%20on\nok\n"));
	end();
}

static void write_page(struct rzs_store *store, rzs_slot_t slot, const void *page)
{
	struct rzs_worker *worker = rzs_worker_get(store, 0);

	T_EQ(rzs_store_write(store, worker, slot, page), 0);
	rzs_worker_put(store, worker);
}

T_TEST(a_list_of_devices)
{
	static const uint8_t uuid[RZS_SWAP_UUID_SIZE] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab,
							 0x4c, 0xde, 0x8f, 0x01, 0x23, 0x45,
							 0x67, 0x89, 0xab, 0xcd};
	struct rzs_device_view *ready;
	char page[RZS_PAGE_SIZE], want[512];
	struct rzs_stats stats;

	T_STR_EQ(ask("list"), "ok\n");
	rig_add("off")->params = &rig.params[0];
	rig.params[0].size = 8192;
	rig.params[0].store.limit_bytes = 77;
	rig.params[0].store.codec = "zstd";
	T_STR_EQ(ask("list"), " off state=off size=8192 memlimit=77 algorithm=zstd connections=0 "
			      "swap-uuid=- stored=0 mem=0 holder=-\nok\n");

	ready = rig_add_store("ready", 100);
	ready->connections = 3;
	ready->held = true;
	ready->holder = 4711;
	ready->memlimit = 1 << 20;
	T_EQ(rzs_swap_header(page, 100, NULL, uuid), 0);
	write_page(ready->store, 0, page);
	memset(page, 'x', sizeof(page));
	write_page(ready->store, 1, page);
	rzs_store_stats(ready->store, &stats);
	T_EQ(stats.orig_bytes, 2 * RZS_PAGE_SIZE);
	snprintf(want, sizeof(want),
		 " ready state=ready size=409600 memlimit=1048576 algorithm=lzo connections=3 "
		 "swap-uuid=01234567-89ab-4cde-8f01-23456789abcd stored=8192 mem=%llu "
		 "holder=4711\nok\n",
		 (unsigned long long)stats.mem_bytes);
	T_STR_EQ(strchr(ask("list"), '\n') + 1, want);

	/* A holder of whom nothing is known, as over TCP. */
	ready->holder = 0;
	T_OK(strstr(ask("list"), " holder=0\nok\n") != NULL);

	/* Page 0 is not a header any more. */
	write_page(ready->store, 0, page);
	T_OK(strstr(ask("list"), " ready state=ready") != NULL);
	T_OK(strstr(out.data, "-uuid=- stored=8192 ") != NULL);
	end();
}

static void *list(void *done)
{
	(void)ask("list");
	atomic_store((atomic_bool *)done, true);
	return NULL;
}

/*
 * The upkeep thread compacts, holding its worker; a client asks for the list.  Red when that takes
 * the worker of a thread that serves I/O, which would have to wait for it then.
 */
T_TEST(a_list_waits_for_upkeep_and_takes_no_worker_from_those_who_serve)
{
	struct rzs_device_view *view = rig_add_store("a", 100);
	struct rzs_worker *upkeeps, *io;
	static atomic_bool done;
	pthread_t client;

	upkeeps = rzs_worker_get_own(view->store, 1);
	T_EQ(pthread_create(&client, NULL, list, &done), 0);
	/* 2: somebody sleeps. */
	T_WAIT(__atomic_load_n(&upkeeps->mutex.word, __ATOMIC_RELAXED) == 2 || atomic_load(&done),
	       20);
	T_OK(!atomic_load(&done));
	io = rzs_worker_tryget(view->store, 0);
	T_EQ(io, view->store->workers[0]);
	rzs_worker_put(view->store, io);
	rzs_worker_put(view->store, upkeeps);
	T_EQ(pthread_join(client, NULL), 0);
	T_OK(strstr(out.data, " a state=ready ") != NULL);
	end();
}

static char expected[16384];

static void expect_stat(void *arg, const struct rzs_stat *stat, uint64_t value)
{
	size_t len = strlen(expected);

	(void)arg;
	snprintf(expected + len, sizeof(expected) - len, " %s %llu\n", stat->name,
		 (unsigned long long)value);
}

static void expect_protection(void *arg, const char *name, const char *state)
{
	size_t len = strlen(expected);

	(void)arg;
	snprintf(expected + len, sizeof(expected) - len, " protect %s %s\n", name, state);
}

static void expect_description(void *arg, bool of_device, const struct rzs_stat *stat)
{
	size_t len = strlen(expected);
	const char *at;

	(void)arg;
	snprintf(expected + len, sizeof(expected) - len, " %s %s %s ",
		 of_device ? "device" : "process", stat->name,
		 stat->kind == RZS_STAT_COUNTER ? "counter" : "gauge");
	len = strlen(expected);
	for (at = stat->help; *at; at++)
		len += (size_t)sprintf(expected + len, *at == ' ' || *at == '%' ? "%%%02X" : "%c",
				       *at);
	strcat(expected, "\n");
}

T_TEST(statistics_are_those_of_the_table)
{
	struct rzs_device_view *view = rig_add_store("a", 100);

	view->connections = 2;
	rzs_latency_add((struct rzs_latency *)(uintptr_t)view->latency, 0, RZS_LATENCY_READ, 5, 1);
	rzs_stat_device(view, expect_stat, NULL);
	strcat(expected, "ok\n");
	T_OK(strstr(expected, " reads 0\n") && strstr(expected, " connections 2\n"));
	T_STR_EQ(ask("stats a"), expected);

	expected[0] = '\0';
	rzs_stat_process(expect_stat, NULL);
	rzs_protect_server_each(expect_protection, NULL);
	strcat(expected, "ok\n");
	T_OK(strstr(expected, " protect ") && strstr(expected, " ballast_bytes "));
	T_STR_EQ(ask("process"), expected);

	expected[0] = '\0';
	rzs_stat_describe(expect_description, NULL);
	strcat(expected, "ok\n");
	T_OK(strstr(expected, " device reads counter pages%20read\n"));
	T_STR_EQ(ask("describe"), expected);
	end();
}

/* The longest line there can be is one that clients take. */
T_TEST(lines_are_within_their_limits)
{
	static struct rzs_ctl_reply reply;
	struct rzs_target target = rig_target;
	char name[RZS_DEVICE_NAME_MAX + 1], socket[2000];
	static const char *const requests[] = {"server", "list", "process", "describe"};

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	rig_add(name);
	memset(socket, '\n', sizeof(socket) - 1);
	socket[sizeof(socket) - 1] = '\0';
	target.socket = socket;
	reply.greeted = true;
	for (unsigned i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		size_t at = 0, used, lines = 0;
		enum rzs_ctl_output got = RZS_CTL_WAIT;

		for (ask_of(&target, requests[i]); at < out.len; at += used, lines++) {
			got = rzs_ctl_reply_feed(&reply, out.data + at, out.len - at, &used);
			T_EQ(got, at + used == out.len ? RZS_CTL_OK : RZS_CTL_DATA);
		}
		T_EQ(got, RZS_CTL_OK);
		T_GT(lines, 1);
	}
	end();
}

T_TEST(latencies)
{
	struct rzs_device_view *view = rig_add_store("a", 100);
	struct rzs_latency *latency = (struct rzs_latency *)(uintptr_t)view->latency;
	static const char none[] =
		" count=0 bytes=0 sum_ns=0 max_ns=0 p50_ns=0 p90_ns=0 p99_ns=0 p999_ns=0\n";
	char want[1024];

	for (uint64_t ns = 1; ns <= 10; ns++)
		rzs_latency_add(latency, (unsigned)ns, RZS_LATENCY_WRITE, ns, 4096);
	snprintf(want, sizeof(want),
		 " read%s write count=10 bytes=40960 sum_ns=55 max_ns=10 p50_ns=5 p90_ns=9 "
		 "p99_ns=10 p999_ns=10\n discard%sok\n",
		 none, none);
	T_STR_EQ(ask("latency a"), want);

	rzs_latency_destroy(latency);
	view->latency = NULL;
	T_STR_EQ(ask("latency a"), "error 95 a: the times of its requests are not measured\n");
	T_STR_EQ(ask("buckets a"), "error 95 a: the times of its requests are not measured\n");
	end();
}

/* Each bucket has a request: words and lines are as many, and the numbers as long, as can be. */
T_TEST(buckets_of_all_lengths)
{
	struct rzs_device_view *view = rig_add_store("a", 100);
	struct rzs_latency *latency = (struct rzs_latency *)(uintptr_t)view->latency;
	uint64_t last = rzs_latency_upper(RZS_LATENCY_BUCKETS - 1), at = 0, sum = 0;
	static struct rzs_ctl_reply reply;
	unsigned seen = 0;
	size_t used;

	T_STR_EQ(ask("buckets a"), " read sum_ns=0\n write sum_ns=0\n discard sum_ns=0\nok\n");
	for (unsigned ns = 1; ns <= 3; ns++)
		rzs_latency_add(latency, ns, RZS_LATENCY_WRITE, 1000 * ns * ns, 4096);
	rzs_latency_add(latency, 1, RZS_LATENCY_WRITE, 1001, 4096);
	T_STR_EQ(ask("buckets a"), " read sum_ns=0\n write sum_ns=15001 1023=2 4095=1 9215=1\n"
				   " discard sum_ns=0\nok\n");

	for (unsigned i = 0; i < RZS_LATENCY_BUCKETS; i++) {
		sum += rzs_latency_upper(i);
		rzs_latency_add(latency, i, RZS_LATENCY_READ, rzs_latency_upper(i), 1);
	}
	ask("buckets a");
	reply.greeted = true;
	for (;; at += used) {
		T_EQ(rzs_ctl_reply_feed(&reply, out.data + at, out.len - at, &used), RZS_CTL_DATA);
		if (strcmp(reply.words.word[0], "read") != 0)
			break;
		for (unsigned i = 1; i < reply.words.nr; i++) {
			char want[64];

			if (at == 0 && i == 1)
				snprintf(want, sizeof(want), "sum_ns=%llu",
					 (unsigned long long)sum);
			else
				snprintf(want, sizeof(want), "%llu=1",
					 (unsigned long long)rzs_latency_upper(seen++));
			T_STR_EQ(reply.words.word[i], want);
		}
	}
	T_EQ(seen, RZS_LATENCY_BUCKETS);
	rzs_latency_add(latency, 0, RZS_LATENCY_DISCARD, last * 2, 1);
	T_OK(strstr(ask("buckets a"), " discard sum_ns=34359738366 17179869183=1\nok\n") != NULL);
	end();
}

T_TEST(parameters_of_one_that_is_off)
{
	struct rzs_device_params *p;

	rig_add("a");
	p = &rig.params[0];
	T_STR_EQ(ask("params a"), " size %-\n algorithm lzo\n level 0\n memlimit 0\n reserve 0\n"
				  " swap-header %-\n label %-\n uuid %-\n checksum true\n"
				  " wipe false\n shared false\n merge-run 0\n"
				  " merge-pages-to-scan 0\n merge-sleep-millisecs 0\n"
				  " merge-max-page-sharing 0\n merge-smart-scan false\n"
				  " merge-index 0\n merge-inline false\n recompress off\n"
				  " recompress-after 0\n recompress-cpu 0\n recompress-unit 0\n"
				  " idle-step 0\n spill off\n spill-after 0\n spill-rate 0\n"
				  " spill-daily 0\nok\n");
	p->size = 4096;
	p->store.codec = "lz4";
	p->store.level = -3;
	p->store.limit_bytes = 5;
	p->store.reserve_bytes = 6;
	p->store.no_checksum = true;
	p->store.wipe = true;
	p->shared = true;
	p->merge = (struct rzs_merge_knobs){2, 3, 4, 5, true, 6, true};
	p->recompress = (struct rzs_recompress_knobs){"zstd", 3, 7, 8, 2, 9};
	p->spill = (struct rzs_spill_knobs){"/dev/x", 32768, 65536, 60};
	p->swap_header = true;
	p->swap_header_given = true;
	p->uuid[15] = 0xff;
	strcpy(p->label, "two words");
	T_STR_EQ(ask("params a"), " size 4096\n algorithm lz4\n level -3\n memlimit 5\n reserve 6\n"
				  " swap-header true\n label two%20words\n"
				  " uuid 00000000-0000-0000-0000-0000000000ff\n checksum false\n"
				  " wipe true\n shared true\n merge-run 2\n"
				  " merge-pages-to-scan 3\n merge-sleep-millisecs 4\n"
				  " merge-max-page-sharing 5\n merge-smart-scan true\n"
				  " merge-index 6\n merge-inline true\n recompress zstd:3\n"
				  " recompress-after 7\n recompress-cpu 8\n recompress-unit 2\n"
				  " idle-step 9\n spill /dev/x\n spill-after 60\n"
				  " spill-rate 32768\n spill-daily 65536\nok\n");
	end();
}

T_TEST(parameters_of_one_that_is_initialised)
{
	struct rzs_device_view *view = rig_add_store("a", 10);

	view->memlimit = 123; /* changed since */
	T_OK(strstr(ask("params a"), " memlimit 123\n") != NULL);
	T_OK(strstr(out.data, " swap-header false\n") != NULL);
	/* Not what was asked for at first, but what is in force. */
	rig.params[0].merge.run = 1;
	T_EQ(rzs_upkeep_add("a", view->store), 0);
	T_OK(strstr(ask("params a"), " merge-run 0\n merge-pages-to-scan 100\n") != NULL);
	T_STR_EQ(ask("compact a"), "ok\n");
	rzs_upkeep_remove(view->store);
	T_STR_EQ(ask("compact a"), "error 19 a: it is about to end\n");
	end();
}

T_TEST(changes_are_passed_on)
{
	T_STR_EQ(ask("create a"), "ok\n");
	T_STR_EQ(ask("create b size=1G label=x%20y wipe="), "ok\n");
	T_STR_EQ(ask("set b memlimit=25%25 label=a=b"), "ok\n");
	T_STR_EQ(ask("init b"), "ok\n");
	T_STR_EQ(ask("reset b"), "ok\n");
	T_STR_EQ(ask("remove b"), "ok\n");
	T_STR_EQ(rig.log, "create a;create b;set b size=1G;set b label=x y;set b wipe=;"
			  "set b memlimit=25%;set b label=a=b;init b;reset b;remove b;");
	end();
}

T_TEST(refusals_are_passed_on)
{
	rig.refused = "level";
	rig.error = -EINVAL;
	rig.why = "level=x: expected a number";
	T_STR_EQ(ask("set a memlimit=1 level=x size=2"), "error 22 level=x: expected a number\n");
	T_STR_EQ(rig.log, "set a memlimit=1;set a level=x;");

	/* A device that could not be made as it was asked for is not there. */
	rig.log[0] = '\0';
	T_STR_EQ(ask("create a memlimit=1 level=x size=2"),
		 "error 22 level=x: expected a number\n");
	T_STR_EQ(rig.log, "create a;set a memlimit=1;set a level=x;remove a;");

	/* One that was there before stays. */
	rig.log[0] = '\0';
	rig.refused = "create";
	rig.error = -EEXIST;
	rig.why = "a: there is such a device";
	T_STR_EQ(ask("create a size=1"), "error 17 a: there is such a device\n");
	T_STR_EQ(rig.log, "create a;");

	rig.refused = "init";
	rig.error = -ENOMEM;
	rig.why = "";
	T_STR_EQ(ask("init a"), "error 12 Cannot allocate memory\n");
	end();
}

T_TEST(what_a_form_cannot)
{
	static const struct rzs_target fixed = {.program = "nbdkit", .arg = &rig, .view = rig_view};
	static const char *const verbs[] = {"create", "init", "reset", "remove", "set"};

	for (unsigned i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		char line[64], want[128];

		snprintf(line, sizeof(line), "%s a%s", verbs[i], i == 4 ? " wipe=true" : "");
		snprintf(want, sizeof(want),
			 "error 95 %s: nbdkit has one device, which cannot be replaced; "
			 "rzsd can do that\n",
			 verbs[i]);
		T_STR_EQ(ask_of(&fixed, line), want);
	}
	end();
}

static void refused(const char *line, const char *want)
{
	const char *got = ask(line);

	if (strncmp(got, "error ", 6) != 0 || !strstr(got, want))
		T_FAIL("%s: \"%s\" does not say \"%s\"", line, got, want);
	T_STR_EQ(rig.log, "");
}

T_TEST(requests_that_are_none)
{
	char line[200];

	rig_add("off");
	refused("Stats", "error 22 Stats: no such verb; there are server, list, stats,");
	refused("st%0Aats", "error 22 st?ats: no such verb");
	refused("%-", "error 22 : no such verb");
	refused("stats", "error 22 stats: expected 'stats NAME'");
	refused("stats a b", "error 22 stats: expected 'stats NAME'");
	refused("list a", "error 22 list: expected 'list'");
	refused("create", "error 22 create: expected 'create NAME [KEY=VALUE...]'");
	refused("set off", "error 22 set: expected 'set NAME KEY=VALUE...'");
	refused("set off size", "error 22 size: expected KEY=VALUE");
	refused("set off size=1 =2", "error 22 =2: expected KEY=VALUE");
	refused("create a size=1 x", "error 22 x: expected KEY=VALUE");
	refused("stats nobody", "error 2 nobody: no such device");
	refused("params nobody", "error 2 nobody: no such device");
	refused("stats off", "error 19 off: not initialised");
	refused("latency off", "error 19 off: not initialised");
	refused("buckets off", "error 19 off: not initialised");
	refused("compact off", "error 19 off: not initialised");
	refused("compact", "error 22 compact: expected 'compact NAME'");
	refused("buckets", "error 22 buckets: expected 'buckets NAME'");
	refused("create %-", "not a device's name");
	refused("create .", "error 22 .: not a device's name");
	refused("create ..", "error 22 ..: not a device's name");
	refused("create a/b", "error 22 a/b: not a device's name");
	refused("create a%20b", "not a device's name");
	refused("init \xc3\xa4", "not a device's name");
	memset(line, 'x', sizeof(line));
	memcpy(line, "init ", 5);
	line[5 + RZS_DEVICE_NAME_MAX + 1] = '\0';
	refused(line, "not a device's name");
	line[5 + RZS_DEVICE_NAME_MAX] = '\0';
	T_STR_EQ(ask(line), "ok\n");
	T_STR_EQ(ask("init .a-Z_9.."), "ok\n");
	end();
}
