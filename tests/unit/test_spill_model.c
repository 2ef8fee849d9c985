/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random requests from several threads against a plain array, on a disk that is interrupted, does
 * less than it is asked to, fails, and answers in any order.
 *
 * Each thread has places of its own, so it knows what a read must give.  It also asks for a place
 * while a request for it may be outstanding: that is refused, or it is over by then.
 */
#include "spill_rig.h"

#include <sched.h>

#define SUBMITTERS 3u
#define MINE	   16u /* places of one thread: few, so that requests meet, and have neighbours */

/* Of one place.  A write is the only request for it, so what it changes needs no lock. */
struct place {
	uint64_t version;		     /* on the disk; 0: nothing was written */
	uint64_t next;			     /* of the write that is outstanding */
	unsigned outstanding[RZS_SPILL_OPS]; /* atomic: done() is in another thread */
};

/* What a request carries. */
struct ticket {
	struct submitter *of;
	bool met; /* another one may have been outstanding: nothing is known of the bytes */
};

struct submitter {
	pthread_t thread;
	uint64_t random, first;
	unsigned nr, busy, full;
	unsigned done, failed; /* atomic */
	struct ticket plain, met;
	struct place places[MINE];
};

static struct submitter submitters[SUBMITTERS];

static void over(void *unused, struct rzs_spill_request *rq)
{
	const struct ticket *t = rq->ticket;
	struct place *p = &t->of->places[rq->place - t->of->first];

	(void)unused;
	if (rq->err < 0) {
		T_EQ(rq->op, RZS_SPILL_READ); /* writes are tried again */
		__atomic_add_fetch(&t->of->failed, 1, __ATOMIC_RELAXED);
	} else if (rq->op == RZS_SPILL_WRITE) {
		p->version = p->next;
	} else if (!t->met && p->version) {
		check(rq->data, rq->place, p->version);
	}
	__atomic_sub_fetch(&p->outstanding[rq->op], 1, __ATOMIC_RELEASE);
	__atomic_add_fetch(&t->of->done, 1, __ATOMIC_RELEASE);
	rzs_spill_io_put(rq);
}

static bool is_outstanding(const struct place *p, enum rzs_spill_op op)
{
	return __atomic_load_n(&p->outstanding[op], __ATOMIC_ACQUIRE) > 0;
}

/* A read while a write may be outstanding; a write is never risked. */
static void submit_one(struct submitter *s)
{
	enum rzs_spill_op op = t_rand(&s->random) % 2 ? RZS_SPILL_READ : RZS_SPILL_WRITE;
	struct place *p = &s->places[t_rand(&s->random) % MINE];
	bool meets = is_outstanding(p, RZS_SPILL_WRITE);
	struct rzs_spill_request *rq;
	int err;

	if (op == RZS_SPILL_WRITE && (meets || is_outstanding(p, RZS_SPILL_READ)))
		return;
	err = rzs_spill_io_get(io, op, &rq);
	s->full += err == -EAGAIN;
	if (err == -EAGAIN) {
		sched_yield();
		return;
	}
	T_EQ(err, 0);
	rq->place = s->first + (uint64_t)(p - s->places);
	rq->ticket = meets ? &s->met : &s->plain;
	if (op == RZS_SPILL_WRITE) {
		p->next = s->nr + 1;
		fill(rq->data, rq->place, p->next);
	}
	__atomic_add_fetch(&p->outstanding[op], 1, __ATOMIC_RELAXED);
	err = rzs_spill_io_submit(rq);
	s->nr += err == 0;
	if (err == 0)
		return;
	T_EQ(err, -EBUSY);
	T_OK(meets);
	s->busy++;
	__atomic_sub_fetch(&p->outstanding[op], 1, __ATOMIC_RELEASE);
	rzs_spill_io_put(rq);
}

static void *submit_all(void *arg)
{
	struct submitter *s = arg;
	unsigned nr = (unsigned)(6000 / t_scale());

	while (s->nr < nr)
		submit_one(s);
	return NULL;
}

static void run(unsigned threads, uint64_t seed)
{
	struct rzs_spill_config c = base();
	unsigned failed = 0, nr = 0;
	struct rzs_spill_stats st;

	c.threads = threads;
	c.done = over;
	T_EQ(rzs_spill_io_start(&c, &io), 0);
	for (unsigned i = 0; i < SUBMITTERS; i++) {
		struct submitter *s = &submitters[i];

		*s = (struct submitter){.random = seed + i, .first = 1 + i * MINE};
		s->plain = (struct ticket){s, false};
		s->met = (struct ticket){s, true};
		T_EQ(pthread_create(&s->thread, NULL, submit_all, s), 0);
	}
	for (unsigned i = 0; i < SUBMITTERS; i++) {
		struct submitter *s = &submitters[i];

		T_EQ(pthread_join(s->thread, NULL), 0);
		T_WAIT(__atomic_load_n(&s->done, __ATOMIC_ACQUIRE) == s->nr, 30);
		t_note("%u: %u requests, %u failed; refused: %u met another, %u found none left", i,
		       s->nr, s->failed, s->busy, s->full);
		failed += s->failed;
		nr += s->nr;
	}
	rzs_spill_io_stop(io); /* put() of the last one may be still to come */
	st = stats();
	T_EQ(st.failed[RZS_SPILL_READ], failed);
	T_EQ(st.units[RZS_SPILL_READ] + st.units[RZS_SPILL_WRITE], nr - failed);
	T_EQ(st.bad, 0);
	T_EQ(st.taken[RZS_SPILL_READ] + st.taken[RZS_SPILL_WRITE], 0);
	T_GE(disk.refusals, failed);
	rzs_spill_io_free(io);
}

T_TEST(random_requests_are_as_an_array)
{
	uint64_t seed = t_seed();

	disk.logs_not = true;
	disk.random = seed;
	disk.most = 3 * RZS_SPILL_UNIT / 2;
	disk.fail_one_in[RZS_SPILL_READ] = 7;
	disk.fail_one_in[RZS_SPILL_WRITE] = 4;
	disk.interrupt_one_in = 5;
	run(2, seed);
	run(5, seed + 100);
}
