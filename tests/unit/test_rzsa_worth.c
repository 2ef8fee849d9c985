/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What compressed swap is worth, swapspace's formula, and the floors of machines of all sizes. */
#include "autoswap_rig.h"

static struct rzsa_config c;

static struct rzsa_worth worth_of(const struct rzsa_inputs *in)
{
	struct rzsa_inputs clamped;
	struct rzsa_worth w;

	rzsa_clamp(in, &clamped);
	rzsa_worth(&c, &clamped, &w);
	return w;
}

/* 4 GiB of RAM, a device of 8 GiB with a limit of 2 GiB: what it can store depends on the ratio. */
T_TEST(capacity_depends_on_the_ratio)
{
	static const struct {
		unsigned ratio;
		uint64_t total; /* RAM and capacity * (1 - 1/ratio) */
	} rows[] = {
		{3000, GIB(4) + GIB(6) * 2 / 3}, /* 6 GiB fit into 2 */
		{2000, GIB(4) + GIB(2)},
		{1200, GIB(4) + 419431}, /* 2.4 GiB stored win 0.4 */
		{1000, GIB(4)},
		{500, GIB(4)},
		{10000, GIB(4) + GIB(8) * 9 / 10}, /* all slots */
		{60000, GIB(4) + GIB(8) * 9 / 10},
	};

	rzsa_config_init(&c);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rzsa_inputs in = {
			.mem_total = GIB(4), .mem_available = GIB(1), .nr_areas = 1};
		struct rzsa_worth w;

		t_note("ratio %u", rows[i].ratio);
		/* 600 MiB are stored, at this ratio. */
		in.area[0] = cram(1, MIB(600), MIB(600) * 1000 / rows[i].ratio);
		w = worth_of(&in);
		T_LE(w.total, rows[i].total + 8);
		T_GE(w.total + 4096, rows[i].total); /* ratios are whole thousandths */
		T_LE(w.free, w.total);
	}
}

T_TEST(the_worse_of_both_ratios_counts)
{
	struct rzsa_area a = cram(1, MIB(600), MIB(200));

	rzsa_config_init(&c);
	T_EQ(rzsa_ratio(&c, &a), 3000);
	a.recent = 1400;
	T_EQ(rzsa_ratio(&c, &a), 1400);
	a.recent = 5000;
	T_EQ(rzsa_ratio(&c, &a), 3000);
	/* Less than 1 MiB tells nothing. */
	a.stored = 1023;
	a.recent = 0;
	T_EQ(rzsa_ratio(&c, &a), 2000);
	a.stored = 1024;
	a.mem = MIB(8);
	T_EQ(rzsa_ratio(&c, &a), 1000);
	a.mem = 0;
	T_EQ(rzsa_ratio(&c, &a), 2000);
}

T_TEST(free_is_what_can_really_be_stored)
{
	struct rzsa_inputs in = {.mem_total = GIB(4), .mem_available = GIB(1), .nr_areas = 1};
	struct rzsa_area *a = &in.area[0];

	rzsa_config_init(&c);
	/* 3 GiB in 1: another 1 GiB of memory stores 3, and wins 2. */
	*a = cram(1, GIB(3), GIB(1));
	T_EQ(worth_of(&in).free, GIB(1) + GIB(2));
	/* The limit is reached: nothing, however many slots are free. */
	a->mem = a->limit;
	a->stored = 3 * a->mem;
	T_EQ(worth_of(&in).free, GIB(1));
	a->mem = a->limit + 1;
	T_EQ(worth_of(&in).free, GIB(1));
	/* Few slots. */
	*a = cram(1, GIB(3), GIB(1));
	a->used = a->size - 3000;
	T_EQ(worth_of(&in).free, GIB(1) + 2000);
	/* A device without a limit ends with the RAM. */
	*a = cram(1, GIB(3), GIB(1));
	a->limit = 0;
	T_EQ(worth_of(&in).free, GIB(1) + (GIB(5) - GIB(5) / 3));
	/* Nothing goes where a swapoff is at work. */
	a->draining = true;
	T_EQ(worth_of(&in).free, GIB(1));
	/* Disks have what they have; zram is counted, too. */
	*a = file(1, GIB(2), MIB(512));
	in.area[1] = cram(2, GIB(3), GIB(1));
	in.area[1].managed = false;
	in.nr_areas = 2;
	T_EQ(worth_of(&in).free, GIB(1) + MIB(1536) + GIB(2));
	T_EQ(worth_of(&in).disk_free, MIB(1536));
	T_EQ(worth_of(&in).slots, 0); /* ours */
}

/* Where there is nothing compressed, the numbers are swapspace's. */
T_TEST(without_compressed_swap_it_is_swapspace)
{
	uint64_t seed = t_seed();

	rzsa_config_init(&c);
	for (unsigned i = 0; i < 10000; i++) {
		struct rzsa_inputs in = {.mem_total = 1 + t_rand(&seed) % GIB(64), .nr_areas = 2};
		int64_t free, total, want;

		in.mem_available = t_rand(&seed) % in.mem_total;
		for (unsigned k = 0; k < 2; k++) {
			in.area[k] = file(k, t_rand(&seed) % GIB(16), 0);
			in.area[k].used = t_rand(&seed) % (in.area[k].size + 1);
		}
		free = (int64_t)(in.mem_available + in.area[0].size - in.area[0].used +
				 in.area[1].size - in.area[1].used);
		total = (int64_t)(in.mem_total + in.area[0].size + in.area[1].size);
		want = (30 * total - 100 * free) / 70;
		T_EQ(worth_of(&in).free, free);
		T_EQ(worth_of(&in).total, total);
		T_EQ(rzsa_request(&c, &(struct rzsa_worth){.free = (uint64_t)free,
							   .total = (uint64_t)total}),
		     want);
	}
	/* At 20 % a seventh is missing; at 60 % there are three sevenths too many. */
	T_EQ(rzsa_request(&c, &(struct rzsa_worth){.free = 200, .total = 1000}), 142);
	T_EQ(rzsa_request(&c, &(struct rzsa_worth){.free = 600, .total = 1000}), -428);
}

/* 64 MiB are a quarter of a machine of 256: below 1 GiB they are a sixteenth. */
T_TEST(floors_suit_machines_of_all_sizes)
{
	static const struct {
		uint64_t ram, floor, critical; /* MiB */
	} rows[] = {
		{256, 16, 16},	 {384, 24, 24},	   {512, 32, 32},	{1024, 64, 64},
		{2048, 102, 64}, {4096, 204, 122}, {65536, 3276, 1966},
	};

	rzsa_config_init(&c);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		t_note("%u MiB", (unsigned)rows[i].ram);
		T_EQ(rzsa_ram_floor(&c, MIB(rows[i].ram)) >> 10, rows[i].floor);
		T_EQ(rzsa_critical(&c, MIB(rows[i].ram)) >> 10, rows[i].critical);
	}
	c.ram_floor = 5;
	c.critical = 6;
	T_EQ(rzsa_ram_floor(&c, GIB(4)), 5);
	T_EQ(rzsa_critical(&c, GIB(4)), 6);
}

/* Nothing overflows, whatever a machine or a trace says: free is never more than the total. */
T_TEST(no_input_overflows)
{
	uint64_t seed = t_seed();

	rzsa_config_init(&c);
	for (unsigned i = 0; i < 20000; i++) {
		struct rzsa_inputs in;
		struct rzsa_worth w;

		for (size_t k = 0; k < sizeof(in) / sizeof(uint64_t); k++) {
			uint64_t n = t_rand(&seed) >> (t_rand(&seed) % 64);

			memcpy((char *)&in + k * sizeof(n), &n, sizeof(n));
		}
		for (unsigned k = 0; k < RZSA_AREAS_MAX; k++) {
			in.area[k].kind = t_rand(&seed) % 2;
			in.area[k].managed = in.area[k].permanent = in.area[k].draining =
				in.area[k].reclaims = false;
		}
		in.psi = in.psi_short = in.psi_critical = in.can_add_device = in.diet_asked = false;
		w = worth_of(&in);
		T_LE(w.free, w.total);
		T_LE(w.free_bp, 10000);
		T_LE(w.total, RZSA_KIB_MAX * (RZSA_AREAS_MAX + 1));
		(void)rzsa_request(&c, &w);
	}
}

/* By a step, or what is left if that is worth it; not for bad pages, nor beyond the floor. */
T_TEST(a_limit_may_be_raised_by)
{
	static const struct {
		uint64_t limit, most, step, by;
		unsigned recent;
	} rows[] = {
		{MIB(256), MIB(512), 0, MIB(64), 0},
		{MIB(480), MIB(512), 0, MIB(32), 0},
		{MIB(496), MIB(512), 0, MIB(16), 0},
		{MIB(497), MIB(512), 0, 0, 0},
		{MIB(508), MIB(512), MIB(4), MIB(4), 0},
		{MIB(510), MIB(512), MIB(4), 0, 0},
		{MIB(512), MIB(512), 0, 0, 0},
		{MIB(600), MIB(512), 0, 0, 0},
		{MIB(256), MIB(512), 0, 0, 1499},
		{MIB(900), GIB(1), 0, 0, 0},
		{0, MIB(512), 0, 0, 0},
	};
	struct rzsa_inputs in = {.mem_total = GIB(1), .nr_areas = 1};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		in.area[0] = cram(1, MIB(600), MIB(200));
		in.area[0].limit = rows[i].limit;
		in.area[0].limit_max = rows[i].most;
		in.area[0].recent = rows[i].recent;
		rzsa_config_init(&c);
		c.limit_step = rows[i].step;
		t_note("row %u", i);
		T_EQ(rzsa_may_raise(&c, &in, &in.area[0]), rows[i].by);
	}
}
