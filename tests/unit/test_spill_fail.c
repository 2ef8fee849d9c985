/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The spill engine on a disk that does less than it is asked to, or fails; limits; and what the
 * engine does when it is stopped.
 */
#include "spill_rig.h"

/* ---- a disk that does less ---- */

/* Red when the rest is taken from the wrong buffer, or written to the wrong place. */
T_TEST(calls_that_do_less_are_continued)
{
	static const size_t most[] = {512, RZS_SPILL_UNIT - 512, RZS_SPILL_UNIT,
				      RZS_SPILL_UNIT + 512, 3 * RZS_SPILL_UNIT - 512};

	for (unsigned i = 0; i < sizeof(most) / sizeof(most[0]); i++) {
		start();
		disk.most = most[i];
		disk.calls = nr_finished = 0;
		memset(finished, 0, sizeof(finished));
		disk_hold();
		submit(RZS_SPILL_WRITE, 100);
		T_WAIT(disk_calls() == 1, 10);
		for (unsigned place = 10; place < 13; place++) {
			struct rzs_spill_request *rq = get(RZS_SPILL_WRITE, place);

			fill(rq->data, place, 2 + i);
			T_EQ(rzs_spill_io_submit(rq), 0);
		}
		disk_let_all();
		result(3);
		for (unsigned place = 10; place < 13; place++) {
			struct rzs_spill_request *rq = submit(RZS_SPILL_READ, place);

			T_OK(result(place - 6) == rq);
			T_EQ(rq->err, 0);
			check(rq->data, place, 2 + i);
		}
		end();
	}
}

T_TEST(interrupted_calls_are_made_again)
{
	start();
	disk.interrupts = 5;
	submit(RZS_SPILL_WRITE, 10);
	check_result(0, RZS_SPILL_WRITE, 10, 0);
	T_EQ(stats().retries, 0);
	T_EQ(disk_calls(), 6);
	end();
}

T_TEST(a_target_that_ends_early_is_an_error)
{
	start();
	disk_fail(RZS_SPILL_READ, 10, 10, UINT32_MAX, 0);
	submit(RZS_SPILL_READ, 10);
	check_result(0, RZS_SPILL_READ, 10, -EIO);
	disk_fail(RZS_SPILL_WRITE, 10, 10, UINT32_MAX, 0);
	submit(RZS_SPILL_WRITE, 10);
	check_result(1, RZS_SPILL_WRITE, 10, -EIO);
	T_EQ(stats().bad, -EIO);
	end();
}

/* ---- a disk that fails ---- */

T_TEST(a_read_that_fails_harms_nobody_else)
{
	char line[RZS_WHY_MAX];

	start();
	disk_fail(RZS_SPILL_READ, 10, 10, UINT32_MAX, -ENXIO);
	submit(RZS_SPILL_READ, 10);
	check_result(0, RZS_SPILL_READ, 10, -EIO);
	T_EQ(disk_calls(), 1);
	submit(RZS_SPILL_READ, 11);
	check_result(1, RZS_SPILL_READ, 11, 0);
	submit(RZS_SPILL_WRITE, 10);
	check_result(2, RZS_SPILL_WRITE, 10, 0);
	T_EQ(stats().failed[RZS_SPILL_READ], 1);
	T_OK(!rzs_spill_io_trouble(io, line));
	T_STR_EQ(line, "");
	end();
}

T_TEST(a_write_is_tried_again)
{
	start();
	disk_fail(RZS_SPILL_WRITE, 10, 10, RZS_SPILL_TRIES - 1, -EIO);
	submit(RZS_SPILL_WRITE, 10);
	check_result(0, RZS_SPILL_WRITE, 10, 0);
	T_EQ(stats().retries, RZS_SPILL_TRIES - 1);
	T_EQ(stats().bad, 0);
	end();
}

T_TEST(a_bad_target_takes_no_more_writes)
{
	struct rzs_spill_request *held, *rq;
	char line[RZS_WHY_MAX];

	start();
	held = get(RZS_SPILL_WRITE, 60);
	disk_hold();
	submit(RZS_SPILL_WRITE, 10);
	T_WAIT(disk_calls() == 1, 10);
	submit(RZS_SPILL_WRITE, 20); /* queued while the first one fails */
	submit(RZS_SPILL_WRITE, 21);
	disk_fail(RZS_SPILL_WRITE, 0, PLACES, UINT32_MAX, -ENODEV);
	disk_let_all();
	check_result(0, RZS_SPILL_WRITE, 10, -EIO);
	check_result(1, RZS_SPILL_WRITE, 20, -EIO);
	check_result(2, RZS_SPILL_WRITE, 21, -EIO);
	T_EQ(disk_calls(), RZS_SPILL_TRIES);
	T_EQ(stats().bad, -ENODEV);
	T_EQ(stats().failed[RZS_SPILL_WRITE], 3);
	T_EQ(rzs_spill_io_get(io, RZS_SPILL_WRITE, &rq), -EIO);
	T_OK(!rq);
	T_EQ(rzs_spill_io_submit(held), -EIO);
	submit(RZS_SPILL_READ, 10);
	check_result(3, RZS_SPILL_READ, 10, 0);
	T_OK(rzs_spill_io_trouble(io, line));
	T_OK(strstr(line, "the disk") && strstr(line, strerror(ENODEV)));
	T_OK(!rzs_spill_io_trouble(io, line));
	T_STR_EQ(line, "");
	end();
}

T_TEST(a_full_target_says_so)
{
	start();
	disk_fail(RZS_SPILL_WRITE, 10, 10, UINT32_MAX, -ENOSPC);
	submit(RZS_SPILL_WRITE, 10);
	check_result(0, RZS_SPILL_WRITE, 10, -ENOSPC);
	T_EQ(stats().bad, -ENOSPC);
	end();
}

/* Red when a batch that fails is an error of each of its writes. */
T_TEST(of_a_batch_only_the_culprit_fails)
{
	start();
	disk_hold();
	submit(RZS_SPILL_WRITE, 100);
	T_WAIT(disk_calls() == 1, 10);
	for (unsigned place = 10; place < 14; place++)
		submit(RZS_SPILL_WRITE, place);
	disk_fail(RZS_SPILL_WRITE, 12, 12, UINT32_MAX, -EIO);
	disk_let_all();
	result(4);
	check_result(1, RZS_SPILL_WRITE, 10, 0);
	check_result(2, RZS_SPILL_WRITE, 11, 0);
	check_result(3, RZS_SPILL_WRITE, 12, -EIO);
	check_result(4, RZS_SPILL_WRITE, 13, -EIO); /* the target is bad by now */
	check(disk.bytes + 11 * RZS_SPILL_UNIT, 11, 1);
	T_EQ(disk_calls(), 1 + 1 + 2 + RZS_SPILL_TRIES);
	end();
}

/* ---- limits ---- */

T_TEST(limits_refuse_writes_and_no_reads)
{
	struct rzs_spill_request *rq;

	start();
	rzs_spill_io_set_limits(io, 2 * RZS_SPILL_UNIT, 3 * RZS_SPILL_UNIT);
	submit(RZS_SPILL_WRITE, 1);
	submit(RZS_SPILL_WRITE, 3);
	T_EQ(rzs_spill_io_get(io, RZS_SPILL_WRITE, &rq), -EDQUOT);
	T_OK(!rq);
	T_EQ(rzs_spill_io_wait_ms(io), 1);
	submit(RZS_SPILL_READ, 5);
	result(2);
	/* After a second it is the day's turn; its last write leaves nothing. */
	__atomic_add_fetch(&clock_ms, 1000, __ATOMIC_RELAXED);
	T_EQ(rzs_spill_io_wait_ms(io), 0);
	submit(RZS_SPILL_WRITE, 7);
	result(3);
	T_EQ(rzs_spill_io_get(io, RZS_SPILL_WRITE, &rq), 0); /* a second of a day has come in */
	T_EQ(rzs_spill_io_get(io, RZS_SPILL_WRITE, &rq), -EDQUOT);
	T_GT(rzs_spill_io_wait_ms(io), 1000);
	rzs_spill_io_set_limits(io, 0, 0);
	T_EQ(rzs_spill_io_wait_ms(io), 0);
	get(RZS_SPILL_WRITE, 9);
	end();
}

T_TEST(what_was_not_written_uses_up_nothing)
{
	struct rzs_spill_request *rq;

	start();
	rzs_spill_io_set_limits(io, 0, RZS_SPILL_UNIT);
	rzs_spill_io_put(get(RZS_SPILL_WRITE, 1)); /* was never submitted */
	disk_fail(RZS_SPILL_WRITE, 10, 10, RZS_SPILL_TRIES, -EIO);
	submit(RZS_SPILL_WRITE, 10);
	check_result(0, RZS_SPILL_WRITE, 10, -EIO);
	rzs_spill_io_put(finished[0]); /* given back once, not twice */
	T_EQ(rzs_spill_io_wait_ms(io), 0);
	end();

	start();
	rzs_spill_io_set_limits(io, 0, RZS_SPILL_UNIT);
	submit(RZS_SPILL_WRITE, 10);
	rzs_spill_io_put(result(1));
	T_EQ(rzs_spill_io_get(io, RZS_SPILL_WRITE, &rq), -EDQUOT);
	end();
}

/* ---- the end ---- */

static void *stop_it(void *unused)
{
	(void)unused;
	rzs_spill_io_stop(io);
	return NULL;
}

T_TEST(stopping_cancels_what_is_queued_and_waits_for_the_disk)
{
	struct rzs_spill_request *held, *rq;
	pthread_t stopper;

	start();
	held = get(RZS_SPILL_WRITE, 60);
	disk_hold();
	submit(RZS_SPILL_WRITE, 10);
	T_WAIT(disk_calls() == 1, 10);
	submit(RZS_SPILL_READ, 20);
	T_WAIT(disk_calls() == 2, 10);
	submit(RZS_SPILL_WRITE, 30);
	submit(RZS_SPILL_WRITE, 40);
	submit(RZS_SPILL_READ, 50);
	T_EQ(pthread_create(&stopper, NULL, stop_it, NULL), 0);
	T_WAIT(rzs_spill_io_get(io, RZS_SPILL_READ, &rq) == -ESHUTDOWN ||
		       (rzs_spill_io_put(rq), false),
	       10);
	T_EQ(__atomic_load_n(&nr_finished, __ATOMIC_RELAXED), 0);
	T_EQ(rzs_spill_io_submit(held), -ESHUTDOWN);
	disk_let_all();
	T_EQ(pthread_join(stopper, NULL), 0);
	T_EQ(nr_finished, 5);
	for (unsigned i = 0; i < 5; i++) {
		uint64_t place = finished[i]->place;

		T_EQ(finished[i]->err, place == 10 || place == 20 ? 0 : -ECANCELED);
	}
	T_EQ(disk_calls(), 2);
	rzs_spill_io_put(held);
	rzs_spill_io_free(io);
}
