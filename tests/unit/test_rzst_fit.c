/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether what an area holds fits elsewhere: the sums, by tables; and what of the machine is looked
 * at, on one made of files.
 */
#include "t_scratch.h"

#include <limits.h>
#include <sys/stat.h>

#include "rzst_fit.h"

#define MIB (UINT64_C(1) << 20)

T_TEST(judge)
{
	static const struct {
		uint64_t used, cached, available, floor, elsewhere, need, have;
		bool fits;
	} rows[] = {
		{0, 0, 0, 0, 0, 0, 0, true},
		{0, 0, 10, 20, 0, 0, 0, true},
		{1, 0, 10, 20, 0, 1, 0, false},
		{100, 0, 120, 20, 0, 100, 100, true},
		{101, 0, 120, 20, 0, 101, 100, false},
		{101, 1, 120, 20, 0, 100, 100, true},
		{100, 200, 0, 0, 0, 0, 0, true},
		{150, 0, 120, 20, 50, 150, 150, true},
		{30, 0, 10, 20, 30, 30, 30, true},
		{31, 0, 10, 20, 30, 31, 30, false},
		{UINT64_MAX, 0, UINT64_MAX, 0, UINT64_MAX, UINT64_MAX, UINT64_MAX, true},
		{UINT64_MAX, 0, UINT64_MAX - 1, 0, 0, UINT64_MAX, UINT64_MAX - 1, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rzst_fit fit = {.used = rows[i].used,
				       .cached = rows[i].cached,
				       .available = rows[i].available,
				       .floor = rows[i].floor,
				       .elsewhere = rows[i].elsewhere};

		rzst_fit_judge(&fit);
		if (fit.need != rows[i].need || fit.have != rows[i].have ||
		    fit.fits != rows[i].fits)
			T_FAIL("row %zu: need %llu have %llu fits %d", i,
			       (unsigned long long)fit.need, (unsigned long long)fit.have,
			       fit.fits);
	}
}

T_TEST(floor_by_size_of_machine)
{
	static const uint64_t rows[][2] = {
		{0, 0},
		{64 * MIB, 8 * MIB},
		{128 * MIB, 16 * MIB},
		{512 * MIB, 16 * MIB},
		{4096 * MIB, 128 * MIB},
		{16384 * MIB, 512 * MIB},
		{1024 * 1024 * MIB, 512 * MIB},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		T_EQ(rzst_fit_floor(rows[i][0]), rows[i][1]);
}

T_TEST(gain)
{
	static const struct {
		struct rzst_fit_other other;
		uint64_t spare, gain, left;
	} rows[] = {
		/* A disk takes what its free slots take. */
		{{100, false, 0, 0, 0, 0}, 50, 100, 50},
		/* Nothing is known of an area that is empty: it takes memory, and wins none. */
		{{100 * MIB, true, 0, 0, 0, 0}, 50 * MIB, 0, 0},
		{{20 * MIB, true, 0, 0, 0, 0}, 50 * MIB, 0, 30 * MIB},
		{{20 * MIB, true, MIB - 1, 1, 0, 0}, 50 * MIB, 0, 30 * MIB},
		/* Two to one: half is won; bounded by its slots, by memory, by its limit. */
		{{40 * MIB, true, 8 * MIB, 4 * MIB, 0, 0}, 50 * MIB, 20 * MIB, 30 * MIB},
		{{400 * MIB, true, 8 * MIB, 4 * MIB, 0, 0}, 50 * MIB, 50 * MIB, 0},
		{{400 * MIB, true, 8 * MIB, 4 * MIB, 4 * MIB, 14 * MIB},
		 50 * MIB,
		 10 * MIB,
		 40 * MIB},
		/* At its limit, or above. */
		{{400 * MIB, true, 8 * MIB, 4 * MIB, 14 * MIB, 14 * MIB}, 50 * MIB, 0, 50 * MIB},
		{{400 * MIB, true, 8 * MIB, 4 * MIB, 15 * MIB, 14 * MIB}, 50 * MIB, 0, 50 * MIB},
		/* No memory is left. */
		{{400 * MIB, true, 8 * MIB, 4 * MIB, 0, 0}, 0, 0, 0},
		/* Pages that grew win nothing; of zeros, ten to one at most. */
		{{40 * MIB, true, 8 * MIB, 9 * MIB, 0, 0}, 50 * MIB, 0, 10 * MIB},
		{{40 * MIB, true, 8 * MIB, 0, 0, 0}, 50 * MIB, 36 * MIB, 46 * MIB},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t spare = rows[i].spare;
		uint64_t gain = rzst_fit_gain(&rows[i].other, &spare);

		if (gain != rows[i].gain || spare != rows[i].left)
			T_FAIL("row %zu: gain %llu, left %llu", i, (unsigned long long)gain,
			       (unsigned long long)spare);
	}
}

/* Whatever the numbers: it wins no more than its slots, and takes no more than there is. */
T_TEST(gain_never_overflows)
{
	static const uint64_t n[] = {0, 1, MIB, UINT64_C(1) << 44, UINT64_MAX / 2, UINT64_MAX};
	enum { N = sizeof(n) / sizeof(n[0]) };

	for (unsigned i = 0; i < N * N * N * N * N; i++) {
		struct rzst_fit_other o = {
			.room = n[i % N],
			.in_memory = true,
			.stored = n[i / N % N],
			.packed = n[i / N / N % N],
			.held = n[(i + 1) % N],
			.limit = n[i / N / N / N % N],
		};
		uint64_t before = n[i / N / N / N / N], spare = before;
		uint64_t gain = rzst_fit_gain(&o, &spare);

		T_LE(gain, o.room);
		T_LE(spare, before);
	}
}

/* ---- on a machine made of files ---- */

static struct rzst_areas areas;

static struct rzst_area *add(const char *name, uint64_t size_mib, uint64_t used_mib)
{
	struct rzst_area *a = &areas.v[areas.nr++];

	strcpy(a->name, name);
	a->on = true;
	a->size = size_mib * MIB;
	a->used = used_mib * MIB;
	return a;
}

static void make_machine(void)
{
	T_EQ(setenv("RZS_SYSROOT", t_scratch(), 1), 0);
	t_scratch_put("/proc/meminfo",
		      "MemTotal: 524288 kB\nMemAvailable: 102400 kB\nSwapCached: 3072 kB\n");
}

static uint64_t elsewhere_mib(void)
{
	struct rzst_fit fit;

	T_EQ(rzst_fit_look(&areas, "/dev/sda2", &fit), 0);
	return fit.elsewhere / MIB;
}

T_TEST(look)
{
	struct rzst_fit fit;

	make_machine();
	add("/dev/sda2", 200, 85);
	T_EQ(rzst_fit_look(&areas, "/dev/sda3", &fit), -ENODEV);
	T_EQ(fit.used, 0);
	T_EQ(rzst_fit_look(&areas, "/dev/sda2", &fit), 0);
	T_EQ(fit.used, 85 * MIB);
	T_EQ(fit.cached, 3 * MIB);
	T_EQ(fit.available, 100 * MIB);
	T_EQ(fit.floor, 16 * MIB);
	T_EQ(fit.elsewhere, 0);
	T_EQ(fit.need, 82 * MIB);
	T_EQ(fit.have, 84 * MIB);
	T_OK(fit.fits);
	/* The swap cache may be another's. */
	add("/swap file", 10, 2);
	T_EQ(rzst_fit_look(&areas, "/dev/sda2", &fit), 0);
	T_EQ(fit.cached, MIB);
	T_EQ(fit.elsewhere, 8 * MIB);
	/* One that is off, or will be, takes nothing. */
	areas.v[1].state = RZST_AREA_SWAPOFF;
	T_EQ(elsewhere_mib(), 0);
	areas.v[1].state = RZST_AREA_COMPLETE;
	areas.v[1].on = false;
	T_EQ(elsewhere_mib(), 0);
	T_EQ(rzst_fit_look(&areas, "/swap file", &fit), -ENODEV);
	/* More in the cache than it holds. */
	areas.v[0].used = MIB;
	T_EQ(rzst_fit_look(&areas, "/dev/sda2", &fit), 0);
	T_EQ(fit.need, 0);
}

T_TEST(others_that_are_compressed)
{
	make_machine();
	add("/dev/sda2", 200, 85);
	add("/dev/zram0", 64, 8);
	/* Its statistics cannot be read, then they say 2:1 without limit, then 6 MiB more. */
	T_EQ(elsewhere_mib(), 0);
	t_scratch_put("/sys/block/zram0/mm_stat", "8388608 4000000 4194304 0 4194304 0 0 0\n");
	T_EQ(elsewhere_mib(), 28);
	t_scratch_put("/sys/block/zram0/mm_stat",
		      " 8388608 4000000 4194304 10485760 4194304 0 0 0\n");
	T_EQ(elsewhere_mib(), 6);
	t_scratch_put("/sys/block/zram0/mm_stat", "damaged\n");
	T_EQ(elsewhere_mib(), 0);

	strcpy(areas.v[1].name, "/dev/ramzswap3");
	t_scratch_put(
		"/sys/block/ramzswap3/store_stat",
		"orig_bytes 8388608\nobject_bytes 4194304\nmem_bytes 6291456\nlimit_bytes 0\n");
	t_scratch_put("/sys/block/ramzswap3/initstate", "1\n");
	T_EQ(elsewhere_mib(), 28);

	/* Nobody answers for an nbd device: nothing is promised. */
	strcpy(areas.v[1].name, "/dev/nbd7");
	T_EQ(elsewhere_mib(), 0);
	t_scratch_put("/run/rzs/nbd7.state", "socket /run/rzs/nbd.sock\nserver_pid 1\n");
	T_EQ(elsewhere_mib(), 0);

	/* A file takes what its slots take, whatever it is called. */
	areas.v[1].is_file = true;
	T_EQ(elsewhere_mib(), 56);
}
