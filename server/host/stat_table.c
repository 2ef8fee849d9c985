/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of all statistics; see stat_table.h. */
#include "stat_table.h"

#include <stddef.h>

#include "blocks.h"
#include "protect_server.h"
#include "say.h"
#include "takeovers.h"
#include "watchdog.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

struct entry {
	struct rzs_stat stat;
	size_t offset; /* of its uint64_t in the table's struct */
};

/* ---- a device's store */

static const struct entry store_table[] = {
#define RZS_STAT(name, kind, source, depends, help) \
	{{#name, RZS_STAT_##kind, help}, offsetof(struct rzs_stats, name)},
#include "rzs_stats.def"
};

/* ---- a device's requests */

struct requests {
	uint64_t requests, bytes, ns, max_ns, p50_ns, p99_ns;
};

#define REQUESTS(op, name, kind, help)                                                  \
	{                                                                               \
		{#op "_" #name, RZS_STAT_##kind, help}, offsetof(struct requests, name) \
	}
#define ALL_REQUESTS(op, what)                                                                   \
	{                                                                                        \
		REQUESTS(op, requests, COUNTER, what " requests served"),                        \
			REQUESTS(op, bytes, COUNTER, "bytes in " what " requests"),              \
			REQUESTS(op, ns, COUNTER, "sum of the times of " what " requests"),      \
			REQUESTS(op, max_ns, GAUGE, "the longest time a " what " request took"), \
			REQUESTS(op, p50_ns, GAUGE,                                              \
				 "the time half of the " what " requests did not exceed"),       \
			REQUESTS(op, p99_ns, GAUGE,                                              \
				 "the time 99 % of the " what " requests did not exceed"),       \
	}

#define REQUEST_STATS 6

static const struct entry request_table[RZS_LATENCY_OPS][REQUEST_STATS] = {
	[RZS_LATENCY_READ] = ALL_REQUESTS(read, "read"),
	[RZS_LATENCY_WRITE] = ALL_REQUESTS(write, "write"),
	[RZS_LATENCY_DISCARD] = ALL_REQUESTS(discard, "trim and zero"),
};

static const struct rzs_stat version_stat = {"stats_version", RZS_STAT_GAUGE,
					     "version of this table"};
static const struct rzs_stat connections_stat = {"connections", RZS_STAT_GAUGE, "clients attached"};

/* ---- the process */

struct process {
	uint64_t reserve_least_bytes, reserve_wait_ns, unlocked_reserves;
	uint64_t headroom_shortages, headroom_unasked, refill_failures;
	uint64_t ballast_bytes, ballast_released, threads_stuck, threads_demoted;
	uint64_t protections_refused, swap_is_on;
	uint64_t takeovers, takeover_ns, takeover_max_ns;
};

#define PROCESS(name, kind, help)                                              \
	{                                                                      \
		{#name, RZS_STAT_##kind, help}, offsetof(struct process, name) \
	}

static const struct entry process_table[] = {
	PROCESS(reserve_least_bytes, GAUGE, "the lowest level of the reserve so far"),
	PROCESS(reserve_wait_ns, GAUGE,
		"how long the reserve has asked for memory without success, 0: it is not waiting"),
	PROCESS(headroom_shortages, COUNTER,
		"times the system had no headroom for the reserve to grow"),
	PROCESS(headroom_unasked, COUNTER,
		"blocks taken without headroom, because the reserve was nearly empty"),
	PROCESS(refill_failures, COUNTER, "times the system refused or would not take back memory"),
	PROCESS(unlocked_reserves, GAUGE, "stores whose memory is not all locked into RAM"),
	PROCESS(ballast_bytes, GAUGE, "memory kept to be released when a thread is stuck"),
	PROCESS(ballast_released, COUNTER, "times the ballast was released"),
	PROCESS(threads_stuck, COUNTER, "times a thread was stuck, searching for memory"),
	PROCESS(threads_demoted, COUNTER, "times a stuck thread lost its priority for a while"),
	PROCESS(protections_refused, GAUGE, "protections the system has refused"),
	PROCESS(swap_is_on, GAUGE, "1 while the machine has any swap on"),
	PROCESS(takeovers, COUNTER, "times a server was replaced by its successor (rzsd)"),
	PROCESS(takeover_ns, GAUGE, "how long clients waited at the last of these times"),
	PROCESS(takeover_max_ns, GAUGE, "the longest time that they waited at one"),
};

static void each(const struct entry *table, size_t nr, const void *of,
		 void (*fn)(void *arg, const struct rzs_stat *stat, uint64_t value), void *arg)
{
	for (size_t i = 0; i < nr; i++) {
		const uint64_t *value = (const void *)((const char *)of + table[i].offset);

		fn(arg, &table[i].stat, *value);
	}
}

void rzs_stat_device(const struct rzs_device_view *view,
		     void (*fn)(void *arg, const struct rzs_stat *stat, uint64_t value), void *arg)
{
	struct rzs_stats stats;

	rzs_store_stats(view->store, &stats);
	fn(arg, &version_stat, stats.version);
	fn(arg, &connections_stat, view->connections);
	for (int op = 0; view->latency && op < RZS_LATENCY_OPS; op++) {
		struct rzs_latency_sum sum;
		struct requests r;

		rzs_latency_read(view->latency, (enum rzs_latency_op)op, &sum);
		r = (struct requests){
			.requests = sum.count,
			.bytes = sum.bytes,
			.ns = sum.ns,
			.max_ns = sum.max_ns,
			.p50_ns = rzs_latency_percentile(&sum, 500),
			.p99_ns = rzs_latency_percentile(&sum, 990),
		};
		each(request_table[op], REQUEST_STATS, &r, fn, arg);
	}
	each(store_table, ARRAY_SIZE(store_table), &stats, fn, arg);
}

void rzs_stat_process(void (*fn)(void *arg, const struct rzs_stat *stat, uint64_t value), void *arg)
{
	struct rzs_blocks_info blocks;
	struct rzs_watchdog_info watchdog;
	struct rzs_takeovers takeovers;
	struct process p;

	rzs_blocks_info(&blocks);
	rzs_watchdog_info(&watchdog);
	rzs_takeovers_get(&takeovers);
	p = (struct process){
		.reserve_least_bytes = blocks.least * RZS_BLOCK_SIZE,
		.reserve_wait_ns = blocks.waits_ns,
		.headroom_shortages = blocks.shortages,
		.headroom_unasked = blocks.unasked,
		.refill_failures = blocks.failures,
		.unlocked_reserves = blocks.sources - blocks.locked,
		.ballast_bytes = watchdog.ballast_bytes,
		.ballast_released = watchdog.released,
		.threads_stuck = watchdog.stuck,
		.threads_demoted = watchdog.demoted,
		.protections_refused = rzs_protect_server_refused(),
		.swap_is_on = rzs_protect_server_swap_is_on(),
		.takeovers = takeovers.nr,
		.takeover_ns = takeovers.last_ns,
		.takeover_max_ns = takeovers.worst_ns,
	};
	each(process_table, ARRAY_SIZE(process_table), &p, fn, arg);
}

void rzs_stat_describe(void (*fn)(void *arg, bool of_device, const struct rzs_stat *stat),
		       void *arg)
{
	fn(arg, true, &version_stat);
	fn(arg, true, &connections_stat);
	for (int op = 0; op < RZS_LATENCY_OPS; op++)
		for (size_t i = 0; i < REQUEST_STATS; i++)
			fn(arg, true, &request_table[op][i].stat);
	for (size_t i = 0; i < ARRAY_SIZE(store_table); i++)
		fn(arg, true, &store_table[i].stat);
	for (size_t i = 0; i < ARRAY_SIZE(process_table); i++)
		fn(arg, false, &process_table[i].stat);
}

static void say_stat(void *arg, const struct rzs_stat *stat, uint64_t value)
{
	(void)arg;
	rzs_say("%s=%llu", stat->name, (unsigned long long)value);
}

static void say_protection(void *arg, const char *name, const char *state)
{
	(void)arg;
	rzs_say("protect-%s=%s", name, state);
}

void rzs_stat_say_process(void)
{
	rzs_stat_process(say_stat, NULL);
	rzs_protect_server_each(say_protection, NULL);
}

void rzs_stat_say_device(const struct rzs_device_view *view)
{
	rzs_stat_device(view, say_stat, NULL);
}
