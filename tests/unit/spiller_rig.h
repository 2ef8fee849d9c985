/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For tests of a spiller (server/host/spiller.h) below server/dispatch.h: a device whose pages go
 * to the made disk of spill_rig.h, a plain array beside it, and requests as a connection has them.
 *
 * Threading: the test's thread is the I/O thread and upkeep; the engine has threads of its own.
 */
#ifndef SPILLER_RIG_H
#define SPILLER_RIG_H

#include "spill_rig.h"

#include <poll.h>
#include <sys/eventfd.h>

#include "devices.h"
#include "dispatch.h"
#include "pages.h"
#include "spiller.h"

#define PAGE	    RZS_PAGE_SIZE
#define NR_REQUESTS 24u
#define UPKEEP	    1u /* worker number */

enum op { READ_IT, WRITE_IT, ZERO_IT };

/* A request, and what the test knows of it. */
struct job {
	struct rzs_request rq;
	enum op op;
	bool used, parked;
	uint64_t offset;
	uint32_t len;
	int err;
	uint8_t buf[PAGE];
};

static struct {
	struct rzs_device device;
	struct rzs_dispatch dispatch;
	struct rzs_request_inbox inbox;
	uint64_t nr, now;
	uint8_t (*model)[PAGE];
	struct job jobs[NR_REQUESTS];
	unsigned nr_parked;
} rig;

static inline void rig_open(const struct rzs_config *cfg, const struct rzs_spiller_config *spiller)
{
	struct rzs_spiller_config c = *spiller;

	rig.nr = cfg->nr_pages;
	rig.now = 10000;
	rig.model = calloc(rig.nr, PAGE);
	T_NE(rig.model, NULL);
	T_EQ(rzs_store_create(cfg, &rig.device.store), 0);
	c.store = rig.device.store;
	c.disk = (struct rzs_spill_disk){disk_read, disk_write, NULL};
	c.name = "the disk";
	c.places = PLACES;
	c.now_ms = made_clock;
	T_EQ(rzs_spiller_open(&c, &rig.device.spiller), 0);
	rzs_hold_init(&rig.device.hold);
	rzs_request_inbox_init(&rig.inbox, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	T_GE(rig.inbox.wake, 0);
	rzs_dispatch_begin(&rig.dispatch, &rig.device, 0);
}

static inline struct rzs_stats rig_stats(void)
{
	struct rzs_stats st;

	rzs_store_stats(rig.device.store, &st);
	T_EQ(st.impossible, 0);
	return st;
}

static inline void rig_close(void)
{
	struct rzs_worker *w = rzs_worker_get_own(rig.device.store, UPKEEP);
	const char *what;

	(void)rig_stats();
	T_EQ(rig.nr_parked, 0);
	rzs_spiller_close(rig.device.spiller, w);
	if (rzs_store_verify(rig.device.store, w, false, &what))
		T_FAIL("verify: %s", what);
	rzs_worker_put(rig.device.store, w);
	rzs_store_destroy(rig.device.store);
	rzs_hold_destroy(&rig.device.hold);
	close(rig.inbox.wake);
	free(rig.model);
}

/* What upkeep does, ms later.  compact: and that as well. */
static inline void rig_step(uint64_t ms, bool compact)
{
	struct rzs_worker *w = rzs_worker_get_own(rig.device.store, UPKEEP);
	uint64_t blocks;
	bool more = compact;

	rig.now += ms;
	rzs_spiller_step(rig.device.spiller, w, rig.now);
	while (more)
		T_EQ(rzs_store_compact(rig.device.store, w, 256, &blocks, &more), 0);
	rzs_worker_put(rig.device.store, w);
}

/* ---- requests ---- */

static inline int job_make(struct job *j)
{
	struct rzs_dispatch *d = &rig.dispatch;
	int err;

	rzs_dispatch_get(d);
	if (j->op == READ_IT)
		err = rzs_dispatch_read(d, j->buf, j->len, j->offset, &j->rq);
	else if (j->op == WRITE_IT)
		err = rzs_dispatch_write(d, j->buf, j->len, j->offset, &j->rq);
	else
		err = rzs_dispatch_zero(d, j->len, j->offset, &j->rq);
	rzs_dispatch_put(d);
	return err;
}

/* Make the call, for the first time or again.  -EINPROGRESS: it is parked. */
static inline int job_call(struct job *j)
{
	while ((j->err = job_make(j)) == -ENOMEM)
		t_pause(); /* the thread that refills the reserve is behind */
	j->parked = j->err == -EINPROGRESS;
	rig.nr_parked += j->parked;
	return j->err;
}

static inline struct job *job_new(enum op op, uint64_t offset, uint32_t len)
{
	struct job *j = rig.jobs;

	while (j->used)
		T_LT(++j, rig.jobs + NR_REQUESTS);
	j->used = true;
	j->op = op;
	j->offset = offset;
	j->len = len;
	j->rq.ticket = NULL;
	j->rq.inbox = &rig.inbox;
	return j;
}

/* Where the model has the bytes of the job. */
static inline uint8_t *job_model(const struct job *j)
{
	return &rig.model[0][0] + j->offset;
}

/* It was answered: compare a read, and do a change to the model. */
static inline void job_end(struct job *j)
{
	T_EQ(j->parked, false);
	if (j->err == 0 && j->op == READ_IT)
		T_MEM_EQ(j->buf, job_model(j), j->len);
	else if (j->err == 0 && j->op == WRITE_IT)
		memcpy(job_model(j), j->buf, j->len);
	else if (j->err == 0)
		memset(job_model(j), 0, j->len);
	j->used = false;
}

/* Wait for requests that come back, and make their calls again.  How many came. */
static inline unsigned rig_collect(int wait_ms)
{
	struct pollfd fd = {.fd = rig.inbox.wake, .events = POLLIN};
	struct rzs_request *rq, *next;
	unsigned nr = 0;
	uint64_t n;

	if (poll(&fd, 1, wait_ms) <= 0)
		return 0;
	T_EQ(read(rig.inbox.wake, &n, sizeof(n)), sizeof(n));
	for (rq = rzs_request_inbox_take(&rig.inbox); rq; rq = next, nr++) {
		struct job *j = (struct job *)rq; /* its first member */

		next = rq->next;
		T_EQ(j->parked, true);
		rig.nr_parked--;
		(void)job_call(j);
	}
	return nr;
}

/* Until a job is answered. */
static inline int job_wait(struct job *j)
{
	while (j->parked)
		T_OK(rig_collect((int)(20000 * t_scale())) > 0);
	return j->err;
}

static inline void rig_write(uint64_t slot, enum pages_kind kind, uint64_t seed)
{
	struct job *j = job_new(WRITE_IT, slot * PAGE, PAGE);

	pages_make(j->buf, kind, seed);
	T_EQ(job_call(j), 0);
	job_end(j);
}

/* A read that is answered at once or later; its error. */
static inline int rig_read(uint64_t slot)
{
	struct job *j = job_new(READ_IT, slot * PAGE, PAGE);
	int err = job_call(j);

	if (err == -EINPROGRESS)
		err = job_wait(j);
	job_end(j);
	return err;
}

/* A read that has to be parked. */
static inline struct job *rig_park(uint64_t slot)
{
	struct job *j = job_new(READ_IT, slot * PAGE, PAGE);

	T_EQ(job_call(j), -EINPROGRESS);
	return j;
}

#endif
