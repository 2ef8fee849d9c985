/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The spill engine on a disk made of memory: its start, its memory, its requests, and their order.
 */
#include "spill_rig.h"

#include <sys/mman.h>

#include "threads.h"

/* ---- calls that may fail, or must not be made ---- */

static unsigned threads_left = UINT32_MAX; /* that can be started */
static bool no_map, no_lock, no_memory_calls;

int __real_rzs_threads_start(pthread_t *out, const char *name, void *(*run)(void *), void *arg);
int __wrap_rzs_threads_start(pthread_t *out, const char *name, void *(*run)(void *), void *arg);
int __wrap_rzs_threads_start(pthread_t *out, const char *name, void *(*run)(void *), void *arg)
{
	if (!threads_left--)
		return -EAGAIN;
	return __real_rzs_threads_start(out, name, run, arg);
}

int __real_rzs_memory_fill(void *p, size_t len);
int __wrap_rzs_memory_fill(void *p, size_t len);
int __wrap_rzs_memory_fill(void *p, size_t len)
{
	T_OK(!__atomic_load_n(&no_memory_calls, __ATOMIC_RELAXED));
	return no_map ? -ENOMEM : __real_rzs_memory_fill(p, len);
}

#define NOT_WHILE_IT_RUNS(ret, name, types, args)                           \
	ret __real_##name types;                                            \
	ret __wrap_##name types;                                            \
	ret __wrap_##name types                                             \
	{                                                                   \
		T_OK(!__atomic_load_n(&no_memory_calls, __ATOMIC_RELAXED)); \
		return __real_##name args;                                  \
	}

NOT_WHILE_IT_RUNS(void *, malloc, (size_t n), (n))
NOT_WHILE_IT_RUNS(void *, calloc, (size_t n, size_t size), (n, size))
NOT_WHILE_IT_RUNS(int, madvise, (void *p, size_t len, int advice), (p, len, advice))

/* Whoever runs the tests may have no right to do it. */
int __wrap_mlock(const void *p, size_t len);
int __wrap_mlock(const void *p, size_t len)
{
	(void)p;
	T_GE(len, (4 + 24) * RZS_SPILL_UNIT);
	errno = EPERM;
	return no_lock ? -1 : 0;
}

/* ---- start and memory ---- */

T_TEST(wrong_configurations_are_refused)
{
	struct rzs_spill_config c;

#define REFUSED(change)                                     \
	do {                                                \
		c = base();                                 \
		io = (void *)&c;                            \
		c.change;                                   \
		T_EQ(rzs_spill_io_start(&c, &io), -EINVAL); \
		T_OK(!io);                                  \
	} while (0)
	REFUSED(threads = 1);
	REFUSED(threads = RZS_SPILL_THREADS_MAX + 1);
	REFUSED(reads = 0);
	REFUSED(reads = RZS_SPILL_DEPTH_MAX + 1);
	REFUSED(writes = 0);
	REFUSED(writes = RZS_SPILL_DEPTH_MAX + 1);
	REFUSED(places = UINT64_MAX / RZS_SPILL_UNIT);
	REFUSED(disk.read = NULL);
	REFUSED(disk.write = NULL);
	REFUSED(done = NULL);
	REFUSED(now_ms = NULL);
}

/* Red when a thread that was started is not ended (TSan, and the harness: no end). */
T_TEST(a_start_that_fails_leaves_nothing)
{
	struct rzs_spill_config c = base();

	c.threads = 4;
	for (unsigned nr = 0; nr < 4; nr++) {
		threads_left = nr;
		io = (void *)&c;
		T_EQ(rzs_spill_io_start(&c, &io), -EAGAIN);
		T_OK(!io);
	}
	threads_left = UINT32_MAX;
	no_map = true;
	T_EQ(rzs_spill_io_start(&c, &io), -ENOMEM);
	T_OK(!io);
	rzs_spill_io_free(NULL);
}

/* Without the right to lock memory the engine works, and says so. */
T_TEST(memory_that_cannot_be_locked_is_reported)
{
	start();
	T_EQ(stats().lock_err, 0);
	end();
	no_lock = true;
	start();
	T_EQ(stats().lock_err, EPERM);
	submit(RZS_SPILL_WRITE, 1);
	check_result(0, RZS_SPILL_WRITE, 1, 0);
	end();
}

static unsigned entered, chained;

static struct rzs_thread *enter(void *arg)
{
	T_OK(arg == &finished);
	__atomic_add_fetch(&entered, 1, __ATOMIC_RELAXED);
	return rzs_threads_enter(RZS_THREAD_IO);
}

/* Ten writes, each begun by the callback of the one before. */
static void chain(void *arg, struct rzs_spill_request *rq)
{
	struct rzs_spill_request *next;

	(void)arg;
	T_EQ(rq->err, 0);
	if (rq->place < 10) {
		T_EQ(rzs_spill_io_get(io, RZS_SPILL_WRITE, &next), 0);
		next->place = rq->place + 1;
		T_EQ(rzs_spill_io_submit(next), 0);
	}
	rzs_spill_io_put(rq);
	__atomic_add_fetch(&chained, 1, __ATOMIC_RELEASE);
}

/* Red when done() is called under the lock. */
T_TEST(a_callback_may_begin_the_next_request)
{
	struct rzs_spill_config c = base();
	unsigned in_table = 0;

	c.done = chain;
	c.enter = enter;
	c.threads = 3;
	T_EQ(rzs_spill_io_start(&c, &io), 0);
	submit(RZS_SPILL_WRITE, 1);
	T_WAIT(__atomic_load_n(&chained, __ATOMIC_ACQUIRE) == 10, 10);
	T_WAIT(__atomic_load_n(&entered, __ATOMIC_RELAXED) == 3, 10);
	rzs_spill_io_stop(io);
	T_EQ(stats().units[RZS_SPILL_WRITE], 10);
	rzs_spill_io_free(io);
	for (unsigned i = 0; i < RZS_THREADS_MAX; i++)
		in_table += rzs_threads_at(i) != NULL;
	T_EQ(in_table, 0);
}

T_TEST(what_was_written_is_read)
{
	struct rzs_spill_request *rq;
	struct rzs_spill_stats s;

	start();
	submit(RZS_SPILL_WRITE, 1);
	check_result(0, RZS_SPILL_WRITE, 1, 0);
	submit(RZS_SPILL_WRITE, PLACES - 1);
	check_result(1, RZS_SPILL_WRITE, PLACES - 1, 0);
	rq = submit(RZS_SPILL_READ, 1);
	T_EQ((uintptr_t)rq->data % 4096, 0);
	T_OK(result(2) == rq);
	check(rq->data, 1, 1);
	rq = submit(RZS_SPILL_READ, PLACES - 1);
	T_OK(result(3) == rq);
	check(rq->data, PLACES - 1, 1);
	s = stats();
	T_EQ(s.units[RZS_SPILL_READ], 2);
	T_EQ(s.units[RZS_SPILL_WRITE], 2);
	T_EQ(s.calls[RZS_SPILL_READ], 2);
	T_EQ(s.taken[RZS_SPILL_READ], 2);
	T_EQ(s.bad, 0);
	end();
}

T_TEST(no_memory_is_asked_for_while_it_runs)
{
	struct rzs_spill_request *rq;

	start();
	__atomic_store_n(&no_memory_calls, true, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < 8; i++) {
		rq = submit(i % 2 ? RZS_SPILL_READ : RZS_SPILL_WRITE, 7);
		T_OK(result(i) == rq);
		rzs_spill_io_put(rq);
	}
	__atomic_store_n(&no_memory_calls, false, __ATOMIC_RELAXED);
	end();
}

T_TEST(there_are_so_many_requests_and_no_more)
{
	struct rzs_spill_request *rq, *last = NULL;

	start();
	for (unsigned i = 0; i < 24; i++)
		last = get(RZS_SPILL_WRITE, 1 + i);
	T_EQ(rzs_spill_io_get(io, RZS_SPILL_WRITE, &rq), -EAGAIN);
	T_OK(!rq);
	/* Writes take nothing from reads. */
	for (unsigned i = 0; i < 4; i++)
		get(RZS_SPILL_READ, 1);
	T_EQ(rzs_spill_io_get(io, RZS_SPILL_READ, &rq), -EAGAIN);
	rzs_spill_io_put(last);
	T_EQ(rzs_spill_io_get(io, RZS_SPILL_WRITE, &rq), 0);
	T_OK(rq == last);
	end();
}

T_TEST(there_are_so_many_places_and_no_more)
{
	struct rzs_spill_request *rq;

	start();
	rq = get(RZS_SPILL_READ, 0);
	T_EQ(rzs_spill_io_submit(rq), -EINVAL);
	rq->place = PLACES;
	T_EQ(rzs_spill_io_submit(rq), -EINVAL);
	T_EQ(disk_calls(), 0);
	end();
}

T_TEST(one_place_has_one_request)
{
	struct rzs_spill_request *w, *r;

	start();
	disk_hold();
	submit(RZS_SPILL_WRITE, 5); /* a thread has it */
	T_WAIT(disk_calls() == 1, 10);
	submit(RZS_SPILL_WRITE, 9); /* it is queued */
	w = get(RZS_SPILL_WRITE, 5);
	r = get(RZS_SPILL_READ, 5);
	T_EQ(rzs_spill_io_submit(w), -EBUSY);
	T_EQ(rzs_spill_io_submit(r), -EBUSY);
	r->place = 9;
	T_EQ(rzs_spill_io_submit(r), -EBUSY);
	r->place = 6;
	T_EQ(rzs_spill_io_submit(r), 0);
	submit(RZS_SPILL_READ, 6); /* both read */
	w->place = 6;
	T_EQ(rzs_spill_io_submit(w), -EBUSY);
	disk_let_all();
	result(3);
	w->place = 5;
	T_EQ(rzs_spill_io_submit(w), 0);
	end();
}

/* ---- order ---- */

/* Red when the queue is one for both. */
T_TEST(reads_go_before_writes)
{
	start();
	disk_hold();
	submit(RZS_SPILL_WRITE, 10);
	T_WAIT(disk_calls() == 1, 10);
	submit(RZS_SPILL_READ, 20);
	T_WAIT(disk_calls() == 2, 10); /* both threads are busy */
	submit(RZS_SPILL_WRITE, 30);
	submit(RZS_SPILL_WRITE, 32);
	submit(RZS_SPILL_READ, 40);
	submit(RZS_SPILL_READ, 50);
	disk_let(RZS_SPILL_WRITE, 1);
	check_result(0, RZS_SPILL_WRITE, 10, 0);
	T_WAIT(disk_calls() == 3, 10);
	check_call(2, RZS_SPILL_READ, 40, 1);
	disk_let(RZS_SPILL_READ, 3);
	result(3);
	T_WAIT(disk_calls() == 5, 10);
	check_call(3, RZS_SPILL_READ, 50, 1);
	check_call(4, RZS_SPILL_WRITE, 30, 1);
	disk_let_all();
	result(5);
	end();
}

/* Red when each thread may write. */
T_TEST(a_disk_slow_to_write_does_not_hold_up_reads)
{
	start();
	disk_hold();
	for (unsigned i = 0; i < 10; i++)
		submit(RZS_SPILL_WRITE, 10 + 2 * i);
	T_WAIT(disk_calls() == 1, 10);
	disk_let(RZS_SPILL_READ, 3);
	for (unsigned i = 0; i < 3; i++) {
		submit(RZS_SPILL_READ, 100 + i);
		check_result(i, RZS_SPILL_READ, 100 + i, 0);
	}
	T_EQ(stats().units[RZS_SPILL_WRITE], 0);
	disk_let_all();
	result(12);
	end();
}

T_TEST(neighbours_are_written_in_one_call)
{
	start();
	disk_hold();
	submit(RZS_SPILL_WRITE, 100);
	T_WAIT(disk_calls() == 1, 10);
	submit(RZS_SPILL_WRITE, 12);
	submit(RZS_SPILL_WRITE, 50);
	submit(RZS_SPILL_WRITE, 10);
	submit(RZS_SPILL_WRITE, 13);
	submit(RZS_SPILL_WRITE, 11);
	disk_let_all();
	result(5);
	check_call(1, RZS_SPILL_WRITE, 10, 4);
	check_call(2, RZS_SPILL_WRITE, 50, 1);
	T_EQ(disk_calls(), 3);
	for (unsigned place = 10; place < 14; place++)
		check(disk.bytes + place * RZS_SPILL_UNIT, place, 1);
	end();
}

T_TEST(a_batch_has_a_limit)
{
	start();
	disk_hold();
	submit(RZS_SPILL_WRITE, 100);
	T_WAIT(disk_calls() == 1, 10);
	for (unsigned i = 0; i < 20; i++)
		submit(RZS_SPILL_WRITE, 40 - i);
	disk_let_all();
	result(20);
	check_call(1, RZS_SPILL_WRITE, 40 - RZS_SPILL_BATCH + 1, (int)RZS_SPILL_BATCH);
	check_call(2, RZS_SPILL_WRITE, 21, 4);
	for (unsigned i = 0; i < 20; i++)
		check(disk.bytes + (40 - i) * RZS_SPILL_UNIT, 40 - i, 1);
	end();
}
