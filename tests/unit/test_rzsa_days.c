/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Days of made machines, a decision each second: no rule is ever broken, whatever fails, and what
 * comes of it is what docs/AUTOSWAP promises.
 */
#include "autoswap_machine.h"

#define DAY 86400u

/* ---- what programs want, of the RAM ---- */

/* Jobs that come every 40 minutes for 10, and at their height want 1.1 times the RAM. */
static uint64_t build(uint64_t ram, unsigned second, uint64_t *seed)
{
	unsigned in_job = second % 2400, rest = ram / 4 > MIB(96) ? 25 : 30;

	(void)seed;
	if (in_job >= 600)
		return ram * rest / 100;
	return ram * (rest + (110 - rest) * (in_job < 300 ? in_job : 600 - in_job) / 300) / 100;
}

/* From a quarter to three times the RAM in 6 hours; then it ends, and begins again. */
static uint64_t leak(uint64_t ram, unsigned second, uint64_t *seed)
{
	(void)seed;
	return ram / 4 + ram * 11 / 4 * (second % 21600) / 21600;
}

/* Many small ones: up and down, between a third and 1.1 times the RAM. */
static uint64_t many(uint64_t ram, unsigned second, uint64_t *seed)
{
	uint64_t wave = second % 5000 < 2500 ? second % 2500 : 2500 - second % 2500;

	return ram / 3 + ram * 7 / 10 * wave / 2500 + t_rand(seed) % (ram / 15);
}

/* Nothing to do but a third of the RAM. */
static uint64_t idle(uint64_t ram, unsigned second, uint64_t *seed)
{
	(void)second;
	(void)seed;
	return ram / 3;
}

static const struct load loads[] = {{"build", build, 3000},
				    {"leak", leak, 2500},
				    {"many", many, 2200},
				    {"idle", idle, 3000},
				    {"random data", build, 1050}};

#define BUILD  0
#define LEAK   1
#define MANY   2
#define IDLE   3
#define RANDOM 4

static const uint64_t sizes[] = {MIB(256), MIB(384), MIB(512), GIB(2), GIB(16)};

#define NR_SIZES (sizeof(sizes) / sizeof(sizes[0]))

/* ---- a day ---- */

struct day {
	unsigned shifts; /* of state */
	unsigned most_areas;
};

static void live(struct machine *m, const struct load *load, unsigned seconds, struct day *day)
{
	struct rzsa_config c;
	struct rzsa_state s;
	struct rzsa_guard g = {0};

	memset(day, 0, sizeof(*day));
	rzsa_config_init(&c);
	c.files = m->disk_free > 0;
	rzsa_state_init(&s);
	for (unsigned t = 0; t < seconds; t++) {
		const enum rzsa_mode before = s.mode;
		struct rzsa_actions actions;
		struct rzsa_inputs in;
		const char *broken;
		unsigned which;

		machine_tick(m, load, t, &in);
		in.diet_asked = m->faults && t % 7001 == 7000;
		rzsa_step(&c, &s, &in, (int64_t)t * 1000, &actions);
		broken = rzsa_guard(&g, &c, &in, (int64_t)t * 1000, &actions, &which);
		if (broken)
			T_FAIL("%s, %u MiB, second %u: %s: %s", load->name,
			       (unsigned)(m->ram >> 10), t, rzsa_act_name(actions.v[which].act),
			       broken);
		for (unsigned i = 0; i < actions.nr; i++)
			begin_action(m, &actions.v[i], t);
		day->shifts += before != s.mode;
		if (m->nr > day->most_areas)
			day->most_areas = m->nr;
	}
	t_note("%5u MiB, disk %5u MiB, %-11s: %u kills, %u x starved, %u shifts, %u areas at most, "
	       "%u files, %u limits, %u releases",
	       (unsigned)(m->ram >> 10), (unsigned)(m->disk_free >> 10), load->name, m->kills,
	       m->starved, day->shifts, day->most_areas, m->acts[RZSA_ADD_FILE],
	       m->acts[RZSA_RAISE_LIMIT], m->acts[RZSA_RETIRE] + m->acts[RZSA_LOWER_LIMIT]);
}

static struct machine m;
static struct day day;

/* What fits is never reported as starved, on the smallest machines as on large ones. */
T_TEST_TIMEOUT(what_fits_starves_nobody, 300)
{
	for (unsigned i = 0; i < NR_SIZES; i++) {
		for (unsigned disk = 0; disk < 2; disk++) {
			for (unsigned load = 0; load < 4; load++) {
				if (load == LEAK)
					continue;
				machine_make(&m, sizes[i], disk ? 4 * sizes[i] : 0,
					     loads[load].ratio, 1, 0);
				live(&m, &loads[load], DAY, &day);
				T_EQ(m.starved, 0);
				T_EQ(m.kills, 0);
				/* Nor is it busy with itself. */
				T_LE(m.acts[RZSA_RETIRE] + m.acts[RZSA_LOWER_LIMIT], DAY / 600);
				T_LE(m.acts[RZSA_ADD_FILE], DAY / 600);
				T_LE(m.acts[RZSA_RAISE_LIMIT], DAY / 600);
			}
		}
	}
}

/* A leak to three times the RAM: without a disk it is said, with one it is lived through. */
T_TEST_TIMEOUT(a_leak_ends_on_the_disk, 300)
{
	for (unsigned i = 0; i < NR_SIZES; i++) {
		machine_make(&m, sizes[i], 0, loads[LEAK].ratio, 1, 0);
		live(&m, &loads[LEAK], DAY, &day);
		T_GT(m.starved, 0);
		T_LE(m.starved, DAY / 60);
		machine_make(&m, sizes[i], 8 * sizes[i], loads[LEAK].ratio, 1, 0);
		live(&m, &loads[LEAK], DAY, &day);
		T_EQ(m.kills, 0);
		T_LT(day.most_areas, 24);
	}
}

/* What does not compress gets no more memory for its pool: it goes to the disk. */
T_TEST_TIMEOUT(random_data_goes_to_the_disk, 300)
{
	for (unsigned i = 0; i < NR_SIZES; i++) {
		machine_make(&m, sizes[i], 8 * sizes[i], loads[RANDOM].ratio, 1, 0);
		live(&m, &loads[RANDOM], DAY, &day);
		T_EQ(m.acts[RZSA_RAISE_LIMIT], 0);
		T_EQ(m.acts[RZSA_ADD_DEVICE], 0);
		T_GT(m.acts[RZSA_ADD_FILE], 0);
		T_EQ(m.kills, 0);
	}
}

/* After a burst all of it is given back within some cooldowns. */
T_TEST(memory_comes_back_after_a_burst)
{
	for (unsigned i = 0; i < NR_SIZES; i++) {
		machine_make(&m, sizes[i], 8 * sizes[i], loads[LEAK].ratio, 1, 0);
		live(&m, &loads[LEAK], 20000, &day);
		T_GT(m.nr, 1);
		live(&m, &loads[IDLE], 30000, &day);
		T_EQ(m.nr, 1);
		/* Of the smallest 56 % are free even so: that is not too much. */
		if (sizes[i] > MIB(256))
			T_EQ(m.spare, 0);
		T_LE(m.area[0].limit, m.area[0].limit_max);
	}
}

/* Everything fails now and then, others swap off as well, and the administrator wants memory. */
T_TEST_TIMEOUT(no_rule_is_broken_whatever_fails, 300)
{
	uint64_t seed = t_seed();

	for (unsigned i = 0; i < NR_SIZES; i++) {
		for (unsigned load = 0; load < sizeof(loads) / sizeof(loads[0]); load++) {
			machine_make(&m, sizes[i], 6 * sizes[i], loads[load].ratio, t_rand(&seed),
				     2 + (unsigned)(t_rand(&seed) % 10));
			live(&m, &loads[load], DAY, &day);
		}
	}
}
