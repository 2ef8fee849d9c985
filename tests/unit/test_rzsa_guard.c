/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guard: each rule breaks, and what keeps it does not. */
#include "autoswap_rig.h"

struct row {
	const char *title;
	struct rzsa_actions actions;
	const char *broken; /* NULL: allowed */
};

static struct rzsa_config c;
static struct rzsa_inputs in;
static struct rzsa_guard g;

/* 4 GiB, half of them available: a device of ours, a zram, a file of ours, a permanent one. */
static void begin(void)
{
	rzsa_config_init(&c);
	c.files = true;
	memset(&g, 0, sizeof(g));
	memset(&in, 0, sizeof(in));
	in.mem_total = GIB(4);
	in.mem_available = GIB(2);
	in.disk_free = GIB(1);
	in.nr_areas = 4;
	in.area[0] = cram(1, GIB(3), MIB(1500));
	in.area[1] = cram(2, GIB(3), GIB(1));
	in.area[1].managed = false;
	in.area[1].limit = GIB(1);
	in.area[2] = file(3, GIB(1), MIB(100));
	in.area[3] = file(4, GIB(1), 0);
	in.area[3].permanent = true;
}

static const char *judge(int64_t at, const struct rzsa_actions *a)
{
	unsigned which;

	return rzsa_guard(&g, &c, &in, at, a, &which);
}

#define ONE(...)                            \
	{                                   \
		1,                          \
		{                           \
			{                   \
				__VA_ARGS__ \
			}                   \
		}                           \
	}
#define TWO(...)                    \
	{                           \
		2,                  \
		{                   \
			__VA_ARGS__ \
		}                   \
	}

T_TEST(each_rule_is_seen)
{
	static const struct row rows[] = {
		{"nothing", {0}, NULL},
		{"raise", ONE(RZSA_RAISE_LIMIT, 1, MIB(2300)), NULL},
		{"to less", ONE(RZSA_RAISE_LIMIT, 1, GIB(2)), "raised to less"},
		{"too high", ONE(RZSA_RAISE_LIMIT, 1, GIB(3) + 1), "above the most"},
		{"of zram", ONE(RZSA_RAISE_LIMIT, 2, MIB(2300)), "not a managed"},
		{"of a file", ONE(RZSA_RAISE_LIMIT, 3, GIB(2)), "not a managed"},
		{"of nothing", ONE(RZSA_RAISE_LIMIT, 9, GIB(2)), "not a managed"},
		{"lower", ONE(RZSA_LOWER_LIMIT, 1, MIB(1650)), NULL},
		{"to more", ONE(RZSA_LOWER_LIMIT, 1, MIB(2048)), "lowered to more"},
		{"below", ONE(RZSA_LOWER_LIMIT, 1, MIB(1400)), "below what is held"},
		{"two limits",
		 TWO({RZSA_RAISE_LIMIT, 1, MIB(2300)}, {RZSA_LOWER_LIMIT, 1, MIB(1650)}),
		 "too soon"},
		{"device", ONE(RZSA_ADD_DEVICE, 0, 0), NULL},
		{"file", ONE(RZSA_ADD_FILE, 0, MIB(64)), "has not been prepared"},
		{"before a disk", ONE(RZSA_ADD_FILE, 3, MIB(64)), "not compressed"},
		{"prepare", ONE(RZSA_PREPARE_FILE, 0, MIB(64)), NULL},
		{"small", ONE(RZSA_PREPARE_FILE, 0, 4095), "of bad size"},
		{"large", ONE(RZSA_PREPARE_FILE, 0, GIB(1) + 1), "no room"},
		{"drop", ONE(RZSA_DROP_FILE, 0, 0), "has not been prepared"},
		{"retire", ONE(RZSA_RETIRE, 3, 0), NULL},
		{"permanent", ONE(RZSA_RETIRE, 4, 0), "permanent"},
		{"of others", ONE(RZSA_RETIRE, 2, 0), "of others"},
		{"what is not", ONE(RZSA_RETIRE, 9, 0), "not there"},
		{"what does not fit", ONE(RZSA_RETIRE, 1, 0), "does not fit"},
		{"two", TWO({RZSA_RETIRE, 3, 0}, {RZSA_RETIRE, 3, 0}), "two swapoffs"},
		{"two releases", TWO({RZSA_RETIRE, 3, 0}, {RZSA_LOWER_LIMIT, 1, MIB(1650)}),
		 "two releases in a tick"},
		{"both ways", TWO({RZSA_RETIRE, 3, 0}, {RZSA_ADD_DEVICE, 0, 0}), "grows and gives"},
		{"twice", TWO({RZSA_ADD_DEVICE, 0, 0}, {RZSA_ADD_DEVICE, 0, 0}), "under way"},
		{"unknown", ONE(RZSA_ACTS, 0, 0), "unknown"},
		{"starved", ONE(RZSA_STARVED, 0, 0), NULL},
		{"reclaim", ONE(RZSA_RECLAIM, 1, 0), NULL},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *why;

		t_note("%s", rows[i].title);
		begin();
		why = judge(0, &rows[i].actions);
		if (!rows[i].broken)
			T_STR_EQ(why, NULL);
		else if (!why || !strstr(why, rows[i].broken))
			T_FAIL("\"%s\", not \"%s\"", why ? why : "nothing", rows[i].broken);
	}
}

/* The fault that the test of the whole machine is there for: it must not need luck to see it. */
T_TEST(a_second_swapoff_is_seen)
{
	const struct rzsa_actions retire = ONE(RZSA_RETIRE, 3, 0);

	/* Another program's. */
	begin();
	in.area[1].draining = true;
	T_STR_EQ(judge(0, &retire), "two swapoffs at once");
	/* Ours of hours ago, of which nothing has come back. */
	begin();
	T_STR_EQ(judge(0, &retire), NULL);
	T_STR_EQ(judge(INT64_C(36000000), &retire), "two swapoffs at once");
	/* A result of something else does not end it; its own does. */
	in.nr_results = 1;
	in.result[0] = (struct rzsa_result){RZSA_PREPARE_FILE, RZSA_DONE, 0};
	T_STR_EQ(judge(INT64_C(36001000), &retire), "two swapoffs at once");
	in.result[0].act = RZSA_RETIRE;
	in.result[0].outcome = RZSA_INTERRUPTED;
	T_STR_EQ(judge(INT64_C(36002000), &retire), NULL);
}

T_TEST(one_release_for_each_cooldown)
{
	const struct rzsa_actions lower = ONE(RZSA_LOWER_LIMIT, 1, MIB(1650));
	const struct rzsa_actions retire = ONE(RZSA_RETIRE, 3, 0);

	begin();
	T_STR_EQ(judge(0, &lower), NULL);
	T_STR_EQ(judge(c.cooldown - 1, &retire), "two releases within a cooldown");
	begin();
	T_STR_EQ(judge(0, &lower), NULL);
	T_STR_EQ(judge(c.cooldown, &retire), NULL);
	/* By order, for a cooldown. */
	begin();
	in.diet_asked = true;
	T_STR_EQ(judge(0, &lower), NULL);
	in.diet_asked = false;
	T_STR_EQ(judge(1000, &retire), NULL);
	in.nr_results = 1;
	in.result[0] = (struct rzsa_result){RZSA_RETIRE, RZSA_DONE, 0};
	T_STR_EQ(judge(c.cooldown, &retire), "two releases within a cooldown");
}

T_TEST(the_floor_of_memory_holds)
{
	const struct rzsa_actions raise = ONE(RZSA_RAISE_LIMIT, 1, MIB(2048 + 256));

	/* What is available now says nothing: what is stored there makes room. */
	begin();
	in.mem_available = 0;
	in.area[1].limit = in.mem_total - MIB(2048 + 256) - rzsa_ram_floor(&c, in.mem_total);
	T_STR_EQ(judge(0, &raise), NULL);
	begin();
	in.area[1].limit = in.mem_total - MIB(2048 + 256) - rzsa_ram_floor(&c, in.mem_total) + 1;
	T_STR_EQ(judge(0, &raise), "limits that leave less than the floor of memory");
	/* One without a limit takes what it holds. */
	begin();
	in.area[1].limit = 0;
	in.area[1].mem = GIB(2);
	T_STR_EQ(judge(0, &raise), "limits that leave less than the floor of memory");
	/* But only if it makes room. */
	begin();
	in.area[0].recent = c.least_ratio - 1;
	T_STR_EQ(judge(0, &raise), "a limit raised for what hardly compresses");
	begin();
	T_STR_EQ(judge(0, &raise), NULL);
	in.nr_results = 1;
	in.result[0] = (struct rzsa_result){RZSA_RAISE_LIMIT, RZSA_DONE, 0};
	T_STR_EQ(judge(1999, &raise), "a limit too soon after another");
}

T_TEST(areas_that_are_not_seen_yet_count)
{
	const struct rzsa_actions both = TWO({RZSA_ADD_DEVICE, 0, 0}, {RZSA_ADD_FILE, 0, MIB(64)});

	begin();
	in.spare = MIB(64);
	c.max_areas = 6;
	T_STR_EQ(judge(0, &both), NULL);
	begin();
	in.spare = MIB(64);
	c.max_areas = 5;
	T_STR_EQ(judge(0, &both), "more areas than there may be");
	begin();
	c.files = false;
	in.spare = MIB(64);
	T_STR_EQ(judge(0, &(const struct rzsa_actions)ONE(RZSA_ADD_FILE, 0, 0)),
		 "a file where none may be made");
	T_STR_EQ(judge(0, &(const struct rzsa_actions)ONE(RZSA_DROP_FILE, 0, 0)), NULL);
}
