/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Histograms of how long requests took. */
#include "t.h"

#include "latency.h"

#include <pthread.h>

static struct rzs_latency *l;

static void open_lanes(unsigned lanes)
{
	T_EQ(rzs_latency_create(lanes, &l), 0);
}

static struct rzs_latency_sum sum_of(enum rzs_latency_op op)
{
	struct rzs_latency_sum sum;

	rzs_latency_read(l, op, &sum);
	return sum;
}

T_TEST(nothing_counted_is_nothing)
{
	struct rzs_latency_sum sum;

	open_lanes(2);
	sum = sum_of(RZS_LATENCY_READ);
	T_EQ(sum.count, 0);
	T_EQ(sum.max_ns, 0);
	T_EQ(rzs_latency_percentile(&sum, 500), 0);
	rzs_latency_destroy(l);
}

/* Red when a bucket is one off, at any boundary of powers of two. */
T_TEST(every_value_is_known_to_one_part_in_sixteen)
{
	for (unsigned bit = 0; bit < RZS_LATENCY_TOP_BITS; bit++) {
		uint64_t around = 1ull << bit;

		for (uint64_t ns = around - 1; ns <= around + 1; ns++) {
			struct rzs_latency_sum sum;

			open_lanes(1);
			rzs_latency_add(l, 0, RZS_LATENCY_WRITE, ns, 0);
			sum = sum_of(RZS_LATENCY_WRITE);
			T_GE(sum.max_ns, ns);
			T_LE(sum.max_ns - ns, ns / RZS_LATENCY_SUB);
			rzs_latency_destroy(l);
		}
	}
}

T_TEST(bucket_ends_grow_and_never_repeat)
{
	for (unsigned i = 1; i < RZS_LATENCY_BUCKETS; i++)
		T_GT(rzs_latency_upper(i), rzs_latency_upper(i - 1));
	T_EQ(rzs_latency_upper(RZS_LATENCY_BUCKETS - 1), (1ull << RZS_LATENCY_TOP_BITS) - 1);
}

T_TEST(the_longest_times_share_the_last_bucket)
{
	struct rzs_latency_sum sum;

	open_lanes(1);
	rzs_latency_add(l, 0, RZS_LATENCY_READ, UINT64_MAX, 0);
	rzs_latency_add(l, 0, RZS_LATENCY_READ, 1ull << RZS_LATENCY_TOP_BITS, 0);
	sum = sum_of(RZS_LATENCY_READ);
	T_EQ(sum.bucket[RZS_LATENCY_BUCKETS - 1], 2);
	rzs_latency_destroy(l);
}

T_TEST(lanes_and_kinds_are_summed_apart)
{
	struct rzs_latency_sum sum;

	open_lanes(3);
	for (unsigned lane = 0; lane < 7; lane++)
		rzs_latency_add(l, lane, RZS_LATENCY_READ, 10, 4096);
	rzs_latency_add(l, 1, RZS_LATENCY_DISCARD, 5, 1);
	sum = sum_of(RZS_LATENCY_READ);
	T_EQ(sum.count, 7);
	T_EQ(sum.ns, 70);
	T_EQ(sum.bytes, 7 * 4096);
	sum = sum_of(RZS_LATENCY_DISCARD);
	T_EQ(sum.count, 1);
	T_EQ(sum_of(RZS_LATENCY_WRITE).count, 0);
	rzs_latency_destroy(l);
}

T_TEST(percentiles_are_those_of_a_sorted_list)
{
	struct rzs_latency_sum sum;

	open_lanes(1);
	for (unsigned i = 1; i <= 15; i++) /* these have a bucket each */
		rzs_latency_add(l, 0, RZS_LATENCY_READ, i, 0);
	sum = sum_of(RZS_LATENCY_READ);
	T_EQ(rzs_latency_percentile(&sum, 0), 1);
	T_EQ(rzs_latency_percentile(&sum, 66), 1); /* 0.99 of a request */
	T_EQ(rzs_latency_percentile(&sum, 67), 2);
	T_EQ(rzs_latency_percentile(&sum, 500), 8);
	T_EQ(rzs_latency_percentile(&sum, 1000), 15);
	rzs_latency_destroy(l);
}

#define ADDS 20000

static void *add_many(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < ADDS; i++)
		rzs_latency_add(l, 0, RZS_LATENCY_WRITE, i, 1);
	return NULL;
}

T_TEST(threads_on_one_lane_lose_nothing)
{
	pthread_t threads[4];
	struct rzs_latency_sum sum;

	open_lanes(1);
	for (unsigned i = 0; i < 4; i++)
		T_EQ(pthread_create(&threads[i], NULL, add_many, NULL), 0);
	for (unsigned i = 0; i < 4; i++)
		T_EQ(pthread_join(threads[i], NULL), 0);
	sum = sum_of(RZS_LATENCY_WRITE);
	T_EQ(sum.count, 4 * ADDS);
	T_EQ(sum.bytes, 4 * ADDS);
	T_EQ(sum.ns, 4ull * ADDS * (ADDS - 1) / 2);
	rzs_latency_destroy(l);
}
