/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine to decide for: programs that want memory, a kernel that swaps, and actions that take
 * their time and now and then fail.  One tick is a second.  KiB, as everywhere here.
 */
#ifndef RZS_AUTOSWAP_MACHINE_H
#define RZS_AUTOSWAP_MACHINE_H

#include "autoswap_rig.h"

#define DISK_RATE MIB(80)  /* a second of writing or swapping */
#define POOL_RATE MIB(300) /* of compressing */

struct load {
	const char *name;
	uint64_t (*wants)(uint64_t ram, unsigned second, uint64_t *seed); /* anonymous memory */
	unsigned ratio;							  /* thousandths */
};

struct machine {
	uint64_t ram, base, wants, disk_free, spare;
	unsigned ratio;
	uint64_t seed;
	unsigned faults; /* one action in so many fails; 0: none */
	unsigned nr;
	struct rzsa_area area[RZSA_AREAS_MAX];
	uint32_t next_id;
	unsigned pressed; /* 0 to 10000, as avg60 */
	uint64_t moved_in;
	bool some, full;
	/* Under way: when it ends, by action; 0: nothing is. */
	unsigned ends[RZSA_ACTS];
	struct rzsa_action what[RZSA_ACTS];
	unsigned nr_results;
	struct rzsa_result result[RZSA_RESULTS_MAX];
	/* What came of it. */
	unsigned kills, starved, acts[RZSA_ACTS];
};

static inline uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t minus(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* ---- memory ---- */

static inline void pools_are(struct machine *m)
{
	for (unsigned i = 0; i < m->nr; i++) {
		struct rzsa_area *a = &m->area[i];

		if (a->kind != RZSA_COMPRESSED)
			continue;
		a->stored = a->used;
		a->mem = 512 + a->used * 1000 / m->ratio;
		a->recent = a->used > 4096 ? m->ratio : 0;
	}
}

static inline uint64_t swapped(const struct machine *m)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < m->nr; i++)
		sum += m->area[i].used;
	return sum;
}

/* Memory that is free; negative: there is less than is needed. */
static inline int64_t left(struct machine *m)
{
	int64_t n = (int64_t)m->ram - (int64_t)m->base - (int64_t)minus(m->wants, swapped(m));

	pools_are(m);
	for (unsigned i = 0; i < m->nr; i++)
		n -= m->area[i].kind == RZSA_COMPRESSED ? (int64_t)m->area[i].mem : 0;
	return n;
}

/* Programs that end take what they have swapped with them. */
static inline void forget(struct machine *m)
{
	uint64_t most = m->wants, sum = swapped(m);

	for (unsigned i = 0; i < m->nr && sum > most; i++) {
		uint64_t n = smaller(m->area[i].used, sum - most);

		m->area[i].used -= n;
		sum -= n;
	}
}

/* To areas of that kind; of disks to those that come first, or to the others. */
static inline uint64_t swap_out(struct machine *m, enum rzsa_kind kind, bool first, uint64_t most)
{
	uint64_t done = 0;

	for (unsigned i = 0; i < m->nr && done < most; i++) {
		struct rzsa_area *a = &m->area[i];
		uint64_t room = minus(a->size, a->used);

		if (a->kind != kind || a->first != first || a->draining)
			continue;
		if (kind == RZSA_COMPRESSED && a->limit)
			room = smaller(room, minus(a->limit, a->mem) * m->ratio / 1000);
		room = smaller(smaller(room, most - done), minus(m->wants, swapped(m)));
		a->used += room;
		done += room;
	}
	return done;
}

static inline bool slots_left(const struct machine *m, enum rzsa_kind kind, bool first)
{
	for (unsigned i = 0; i < m->nr; i++)
		if (m->area[i].kind == kind && m->area[i].first == first && !m->area[i].draining &&
		    m->area[i].used < m->area[i].size)
			return true;
	return false;
}

/*
 * As the kernel does it: in the order of priorities, and one that has a slot is not left because
 * what is written there is refused.
 */
static inline void swap_some(struct machine *m, int64_t high, uint64_t *out, uint64_t *disk)
{
	*disk = swap_out(m, RZSA_DISK, true, DISK_RATE);
	if (!slots_left(m, RZSA_DISK, true))
		*out = swap_out(m, RZSA_COMPRESSED, false, POOL_RATE);
	if (left(m) < high && !slots_left(m, RZSA_DISK, true) &&
	    !slots_left(m, RZSA_COMPRESSED, false))
		*disk += swap_out(m, RZSA_DISK, false, DISK_RATE - *disk);
}

static inline void press(struct machine *m)
{
	int64_t low = (int64_t)m->ram / 40, high = (int64_t)m->ram / 20;
	uint64_t out = 0, disk = 0;

	if (left(m) < low)
		swap_some(m, high, &out, &disk);
	m->some = disk > DISK_RATE / 4 || left(m) < low;
	m->full = left(m) < low / 4;
	m->pressed = (m->pressed * 59 + (m->full ? 6000 : m->some ? 1500 : out ? 50 : 0)) / 60;
	/* Where there is room to swap to, programs wait for it. */
	if (left(m) < 0 && disk == DISK_RATE) {
		m->wants -= smaller(m->wants, (uint64_t)-left(m));
		m->some = m->full = true;
	} else if (left(m) < 0) {
		m->wants -= smaller(m->wants, m->wants / 4 + (uint64_t)-left(m));
		m->kills++;
		forget(m);
	}
}

/* With room, pages come back as they are used. */
static inline void swap_in(struct machine *m)
{
	m->moved_in = 0;
	for (unsigned i = 0; i < m->nr && left(m) > (int64_t)m->ram / 5; i++) {
		uint64_t n = smaller(m->area[i].used / 400 + 1, m->area[i].used);

		m->area[i].used -= n;
		m->moved_in += n;
	}
}

/* ---- actions ---- */

static inline struct rzsa_area *area_of(struct machine *m, uint32_t id)
{
	for (unsigned i = 0; i < m->nr; i++)
		if (m->area[i].id == id)
			return &m->area[i];
	T_FAIL("there is no area %u", id);
}

static inline void gone(struct machine *m, uint32_t id)
{
	struct rzsa_area *a = area_of(m, id);

	T_OK(!a->permanent);
	if (a->kind == RZSA_DISK)
		m->disk_free += a->size;
	m->nr--;
	memmove(a, a + 1, (size_t)(m->area + m->nr - a) * sizeof(*a));
}

static inline void report(struct machine *m, enum rzsa_act act, enum rzsa_outcome outcome,
			  uint64_t kib)
{
	T_LT(m->nr_results, RZSA_RESULTS_MAX);
	m->result[m->nr_results++] = (struct rzsa_result){act, outcome, kib};
	m->ends[act] = 0;
}

static inline void succeed(struct machine *m, const struct rzsa_action *a)
{
	struct rzsa_area like = {0};

	switch (a->act) {
	case RZSA_RAISE_LIMIT:
	case RZSA_LOWER_LIMIT:
		area_of(m, a->area)->limit = a->kib;
		break;
	case RZSA_ADD_DEVICE:
		for (unsigned i = 0; i < m->nr; i++)
			if (m->area[i].kind == RZSA_COMPRESSED && m->area[i].managed)
				like = m->area[i];
		like.id = m->next_id++;
		like.permanent = like.draining = false;
		like.used = 0;
		m->area[m->nr++] = like;
		break;
	case RZSA_ADD_FILE:
		T_EQ(a->kib, m->spare);
		m->area[m->nr] = file(m->next_id++, m->spare, 0);
		m->area[m->nr++].first = a->area != 0;
		m->spare = 0;
		break;
	case RZSA_PREPARE_FILE:
		T_EQ(m->spare, 0);
		T_LE(a->kib, m->disk_free);
		m->spare = a->kib;
		m->disk_free -= a->kib;
		break;
	case RZSA_DROP_FILE:
		m->disk_free += m->spare;
		m->spare = 0;
		break;
	default:
		break;
	}
	report(m, a->act, RZSA_DONE, a->kib);
}

/* A swapoff: so much each second, as long as there is memory. */
static inline void drain(struct machine *m)
{
	const struct rzsa_action *a = &m->what[RZSA_RETIRE];
	struct rzsa_area *area;
	uint64_t n;

	if (!m->ends[RZSA_RETIRE])
		return;
	area = area_of(m, a->area);
	n = smaller(area->used, DISK_RATE / 8);
	area->used -= n;
	if (left(m) < (int64_t)m->ram / 80 || (m->faults && t_rand(&m->seed) % 4000 == 0)) {
		area->used += n;
		area->draining = false;
		report(m, RZSA_RETIRE, RZSA_INTERRUPTED, 0);
	} else if (area->used == 0) {
		gone(m, a->area);
		report(m, RZSA_RETIRE, RZSA_DONE, 0);
	}
}

static inline void begin_action(struct machine *m, const struct rzsa_action *a, unsigned second)
{
	unsigned draining = 0;

	m->acts[a->act]++;
	m->starved += a->act == RZSA_STARVED;
	if (a->act == RZSA_STARVED)
		return;
	T_EQ(m->ends[a->act], 0);
	m->what[a->act] = *a;
	m->ends[a->act] = second + 1;
	if (a->act == RZSA_PREPARE_FILE)
		m->ends[a->act] += (unsigned)(a->kib / DISK_RATE);
	if (a->act != RZSA_RETIRE)
		return;
	/* The machine counts for itself: it does not ask the guard. */
	area_of(m, a->area)->draining = true;
	for (unsigned i = 0; i < m->nr; i++)
		draining += m->area[i].draining;
	if (draining > 1)
		T_FAIL("%u swapoffs at once", draining);
}

/* What is due; some of it fails. */
static inline void go_on(struct machine *m, unsigned second)
{
	m->nr_results = 0;
	drain(m);
	for (unsigned i = 1; i < RZSA_ACTS; i++) {
		const struct rzsa_action a = m->what[i];

		if (i == RZSA_RETIRE || !m->ends[i] || m->ends[i] > second)
			continue;
		if (m->nr >= 26 && (i == RZSA_ADD_FILE || i == RZSA_ADD_DEVICE))
			report(m, i, RZSA_NO_SLOT, 0);
		else if (m->faults && t_rand(&m->seed) % m->faults == 0)
			report(m, i,
			       (enum rzsa_outcome)(1 + t_rand(&m->seed) % (RZSA_OUTCOMES - 1)),
			       MIB(64));
		else
			succeed(m, &a);
	}
}

/* Another program's swapoff of an area of its own. */
static inline void others_drain(struct machine *m, unsigned second)
{
	for (unsigned i = 0; i < m->nr; i++)
		if (!m->area[i].managed && !m->ends[RZSA_RETIRE])
			m->area[i].draining = second % 7200 > 6000;
}

/* ---- a second ---- */

static inline void machine_tick(struct machine *m, const struct load *load, unsigned second,
				struct rzsa_inputs *in)
{
	m->wants = load->wants(m->ram, second, &m->seed);
	go_on(m, second);
	if (m->faults)
		others_drain(m, second);
	forget(m);
	press(m);
	swap_in(m);
	pools_are(m);
	memset(in, 0, sizeof(*in));
	in->mem_total = m->ram;
	in->mem_available = left(m) > 0 ? (uint64_t)left(m) : 0;
	in->psi = true;
	in->psi_short = m->some;
	in->psi_critical = m->full;
	in->psi_avg60 = m->pressed;
	in->swapins = m->moved_in;
	in->can_add_device = true;
	in->disk_free = m->disk_free;
	in->spare = m->spare;
	in->nr_areas = m->nr;
	memcpy(in->area, m->area, sizeof(in->area));
	/* A swapoff is seen some seconds after it was asked for. */
	for (unsigned i = 0; m->ends[RZSA_RETIRE] + 3 > second && i < m->nr; i++)
		if (m->ends[RZSA_RETIRE] && in->area[i].id == m->what[RZSA_RETIRE].area)
			in->area[i].draining = false;
	in->nr_results = m->nr_results;
	memcpy(in->result, m->result, sizeof(in->result));
}

/* Half of the RAM as limit, twice the RAM as size. */
static inline void machine_make(struct machine *m, uint64_t ram, uint64_t disk, unsigned ratio,
				uint64_t seed, unsigned faults)
{
	memset(m, 0, sizeof(*m));
	m->ram = ram;
	m->base = MIB(40) + ram / 20;
	m->disk_free = disk;
	m->ratio = ratio;
	m->seed = seed;
	m->faults = faults;
	m->area[0] = cram(1, 0, 512);
	m->area[0].permanent = true;
	m->area[0].size = 2 * ram;
	m->area[0].limit = m->area[0].limit_min = ram / 4;
	m->area[0].limit_max = ram / 2;
	m->nr = 1;
	m->next_id = 2;
	if (faults)
		m->area[m->nr++] =
			(struct rzsa_area){.id = m->next_id++, .size = ram / 8, .permanent = true};
}

#endif
