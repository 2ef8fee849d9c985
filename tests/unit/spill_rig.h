/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For the tests of the spill engine: a disk that is made of memory.  It can hold calls back, fail,
 * do less than it is asked to, and it records the calls.
 *
 * Threading: the engine's threads call it; the rest is for the test's thread.
 */
#ifndef SPILL_RIG_H
#define SPILL_RIG_H

#include "t.h"

#include <pthread.h>

#include "spill_io.h"

#define PLACES 256u
#define LOG    4096u

struct call {
	enum rzs_spill_op op;
	uint64_t place;
	int nr; /* buffers */
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t let;
	uint8_t bytes[PLACES * RZS_SPILL_UNIT];

	bool holds;		     /* calls wait for let_go() */
	unsigned may[RZS_SPILL_OPS]; /* calls that need not wait */
	struct call log[LOG];
	unsigned calls;	   /* that have begun */
	unsigned refusals; /* errors that were returned, but for EINTR */

	size_t most;			     /* bytes in one call; 0: all */
	unsigned interrupts;		     /* calls that are interrupted */
	enum rzs_spill_op fail_op;	     /* calls of this kind, */
	uint64_t fail_from, fail_to;	     /* that begin or end here, fail */
	unsigned fail_times;		     /* so often */
	int fail_with;			     /* 0: nothing is done */
	unsigned fail_one_in[RZS_SPILL_OPS]; /* at random; 0: never */
	unsigned interrupt_one_in;	     /* likewise; 0: never */
	bool refused[PLACES];		     /* the last write of this place alone */
	bool logs_not;
	uint64_t random;
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER, .let = PTHREAD_COND_INITIALIZER};

static inline bool disk_touches(uint64_t place, int nr)
{
	return place <= disk.fail_to && place + (uint64_t)nr > disk.fail_from;
}

/* At random; but a write of one place does not fail twice, or the target would be bad. */
static inline bool disk_fails(enum rzs_spill_op op, uint64_t place, int nr)
{
	bool fails = disk.fail_one_in[op] && t_rand(&disk.random) % disk.fail_one_in[op] == 0;

	if (op == RZS_SPILL_WRITE && nr == 1) {
		fails = fails && !disk.refused[place];
		disk.refused[place] = fails;
	}
	return fails;
}

/* What a call returns; 1: it is done.  Under the lock. */
static inline ssize_t disk_outcome(enum rzs_spill_op op, uint64_t place, int nr)
{
	if (disk.interrupts) {
		disk.interrupts--;
		return -EINTR;
	}
	if (op == disk.fail_op && disk.fail_times && disk_touches(place, nr)) {
		disk.fail_times--;
		disk.refusals++;
		return disk.fail_with;
	}
	if (disk.interrupt_one_in && t_rand(&disk.random) % disk.interrupt_one_in == 0)
		return -EINTR;
	if (disk_fails(op, place, nr)) {
		disk.refusals++;
		return -EIO;
	}
	return 1;
}

static inline ssize_t disk_copy(enum rzs_spill_op op, const struct iovec *iov, int nr, uint64_t at)
{
	size_t done = 0;

	for (int i = 0; i < nr; i++) {
		size_t len = iov[i].iov_len;

		if (disk.most && len > disk.most - done)
			len = disk.most - done;
		if (op == RZS_SPILL_READ)
			memcpy(iov[i].iov_base, disk.bytes + at + done, len);
		else
			memcpy(disk.bytes + at + done, iov[i].iov_base, len);
		done += len;
	}
	return (ssize_t)done;
}

static inline ssize_t disk_call(enum rzs_spill_op op, const struct iovec *iov, int nr, uint64_t at)
{
	uint64_t place = at / RZS_SPILL_UNIT;
	ssize_t got;

	pthread_mutex_lock(&disk.lock);
	if (!disk.logs_not) {
		T_LT(disk.calls, LOG);
		disk.log[disk.calls++] = (struct call){op, place, nr};
	}
	while (disk.holds && !disk.may[op])
		pthread_cond_wait(&disk.let, &disk.lock);
	if (disk.holds)
		disk.may[op]--;
	got = disk_outcome(op, place, nr);
	pthread_mutex_unlock(&disk.lock);
	/* Outside the lock, so that ThreadSanitizer sees what the engine itself keeps apart. */
	return got == 1 ? disk_copy(op, iov, nr, at) : got;
}

static inline ssize_t disk_read(void *arg, const struct iovec *iov, int nr, uint64_t at)
{
	(void)arg;
	return disk_call(RZS_SPILL_READ, iov, nr, at);
}

static inline ssize_t disk_write(void *arg, const struct iovec *iov, int nr, uint64_t at)
{
	(void)arg;
	return disk_call(RZS_SPILL_WRITE, iov, nr, at);
}

static inline void disk_hold(void)
{
	pthread_mutex_lock(&disk.lock);
	disk.holds = true;
	pthread_mutex_unlock(&disk.lock);
}

static inline void disk_let(enum rzs_spill_op op, unsigned nr)
{
	pthread_mutex_lock(&disk.lock);
	disk.may[op] += nr;
	pthread_cond_broadcast(&disk.let);
	pthread_mutex_unlock(&disk.lock);
}

static inline void disk_let_all(void)
{
	pthread_mutex_lock(&disk.lock);
	disk.holds = false;
	pthread_cond_broadcast(&disk.let);
	pthread_mutex_unlock(&disk.lock);
}

static inline void disk_fail(enum rzs_spill_op op, uint64_t from, uint64_t to, unsigned times,
			     int with)
{
	pthread_mutex_lock(&disk.lock);
	disk.fail_op = op;
	disk.fail_from = from;
	disk.fail_to = to;
	disk.fail_times = times;
	disk.fail_with = with;
	pthread_mutex_unlock(&disk.lock);
}

static inline unsigned disk_calls(void)
{
	unsigned calls;

	pthread_mutex_lock(&disk.lock);
	calls = disk.calls;
	pthread_mutex_unlock(&disk.lock);
	return calls;
}

static inline void check_call(unsigned i, enum rzs_spill_op op, uint64_t place, int nr)
{
	pthread_mutex_lock(&disk.lock);
	T_LT(i, disk.calls);
	T_EQ(disk.log[i].op, op);
	T_EQ(disk.log[i].place, place);
	T_EQ(disk.log[i].nr, nr);
	pthread_mutex_unlock(&disk.lock);
}

/* ---- what is written: each 8 bytes say the place and the version ---- */

static inline void fill(void *data, uint64_t place, uint64_t version)
{
	uint64_t *words = data;

	for (unsigned i = 0; i < RZS_SPILL_UNIT / 8; i++)
		words[i] = place << 48 | version << 16 | i;
}

static inline void check(const void *data, uint64_t place, uint64_t version)
{
	const uint64_t *words = data;

	for (unsigned i = 0; i < RZS_SPILL_UNIT / 8; i++)
		if (words[i] != (place << 48 | version << 16 | i))
			T_FAIL("place %llu, version %llu: word %u is %llx",
			       (unsigned long long)place, (unsigned long long)version, i,
			       (unsigned long long)words[i]);
}

/* ---- the clock ---- */

static uint64_t clock_ms = 1000;

static inline uint64_t made_clock(void)
{
	return __atomic_load_n(&clock_ms, __ATOMIC_RELAXED);
}

/* ---- an engine; finished[] has its requests in the order of done() ---- */

static struct rzs_spill_io *io;
static struct rzs_spill_request *finished[LOG];
static unsigned nr_finished;

static inline void done(void *arg, struct rzs_spill_request *rq)
{
	unsigned at = __atomic_load_n(&nr_finished, __ATOMIC_RELAXED);

	T_OK(arg == &finished);
	do
		T_LT(at, LOG);
	while (!__atomic_compare_exchange_n(&nr_finished, &at, at + 1, false, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED));
	__atomic_store_n(&finished[at], rq, __ATOMIC_RELEASE);
}

static inline struct rzs_spill_config base(void)
{
	return (struct rzs_spill_config){
		.disk = {disk_read, disk_write, NULL},
		.name = "the disk",
		.places = PLACES,
		.threads = 2,
		.reads = 4,
		.writes = 24,
		.now_ms = made_clock,
		.done = done,
		.arg = &finished,
	};
}

static inline void start(void)
{
	struct rzs_spill_config c = base();

	T_EQ(rzs_spill_io_start(&c, &io), 0);
}

static inline void end(void)
{
	rzs_spill_io_stop(io);
	rzs_spill_io_free(io);
}

static inline struct rzs_spill_request *get(enum rzs_spill_op op, uint64_t place)
{
	struct rzs_spill_request *rq;

	T_EQ(rzs_spill_io_get(io, op, &rq), 0);
	rq->place = place;
	if (op == RZS_SPILL_WRITE)
		fill(rq->data, place, 1);
	return rq;
}

static inline struct rzs_spill_request *submit(enum rzs_spill_op op, uint64_t place)
{
	struct rzs_spill_request *rq = get(op, place);

	T_EQ(rzs_spill_io_submit(rq), 0);
	return rq;
}

static inline struct rzs_spill_request *result(unsigned i)
{
	T_WAIT(__atomic_load_n(&finished[i], __ATOMIC_ACQUIRE), 10);
	return finished[i];
}

/* The i-th request that was over. */
static inline void check_result(unsigned i, enum rzs_spill_op op, uint64_t place, int err)
{
	struct rzs_spill_request *rq = result(i);

	T_EQ(rq->op, op);
	T_EQ(rq->place, place);
	T_EQ(rq->err, err);
}

static inline struct rzs_spill_stats stats(void)
{
	struct rzs_spill_stats s;

	rzs_spill_io_stats(io, &s);
	return s;
}

#endif
