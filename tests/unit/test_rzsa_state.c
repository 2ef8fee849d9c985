/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rzs-autoswap's machine: each transition, with a made clock.  A story is a table of ticks; each
 * says what is seen, and which state and actions follow.  The guard looks at each of them.
 */
#include "autoswap_rig.h"

/* ---- stories ---- */

#define DID(a)                         \
	{                              \
		RZSA_##a, RZSA_DONE, 0 \
	}
#define FAILED(a, o)                  \
	{                             \
		RZSA_##a, RZSA_##o, 0 \
	}

struct tick {
	double at;	 /* seconds */
	unsigned avail;	 /* percent of RAM */
	const char *see; /* words, see look() */
	struct rzsa_result result[2];
	enum rzsa_mode mode;
	const char *actions;
};

static void look_at_pools(const char *see, struct rzsa_inputs *in)
{
	/* Full at 3:1; with few slots left; at a bad ratio; idle; full, and can spill. */
	if (strstr(see, "full-pool")) {
		in->area[in->nr_areas] = cram(6, MIB(600), MIB(200));
		in->area[in->nr_areas].size = MIB(660);
		in->area[in->nr_areas].limit = MIB(210);
		in->area[in->nr_areas].limit_min = MIB(64);
		in->area[in->nr_areas++].limit_max = strstr(see, "full-pool-most")    ? MIB(210)
						     : strstr(see, "full-pool-crumb") ? MIB(211)
										      : MIB(512);
	}
	if (strstr(see, "half-pool")) {
		in->area[in->nr_areas] = cram(12, MIB(300), MIB(100));
		in->area[in->nr_areas].size = MIB(660);
		in->area[in->nr_areas].limit = in->area[in->nr_areas].limit_max = MIB(210);
		in->area[in->nr_areas++].limit_min = MIB(64);
	}
	if (strstr(see, "full-slots")) {
		in->area[in->nr_areas] = cram(7, MIB(1000), MIB(250));
		in->area[in->nr_areas].size = MIB(1024);
		in->area[in->nr_areas++].limit = MIB(512);
	}
	if (strstr(see, "bad-ratio")) {
		in->area[in->nr_areas - 1].recent = 1250;
	}
	if (strstr(see, "idle-pool")) {
		in->area[in->nr_areas] = cram(8, MIB(30), MIB(10));
		in->area[in->nr_areas].size = MIB(512);
		in->area[in->nr_areas].limit = MIB(300);
		in->area[in->nr_areas++].limit_min = MIB(64);
	}
	if (strstr(see, "spills"))
		in->area[in->nr_areas - 1].reclaims = true;
}

/* A machine of 1 GiB; words add areas and the like to it. */
static void look(const struct tick *t, struct rzsa_inputs *in)
{
	const char *see = t->see ? t->see : "";

	memset(in, 0, sizeof(*in));
	in->mem_total = GIB(1);
	in->mem_available = in->mem_total * t->avail / 100;
	in->psi = !strstr(see, "nopsi");
	in->psi_short = strstr(see, "some!");
	in->psi_critical = strstr(see, "full!");
	in->psi_avg60 = strstr(see, "waits") ? 100 : 0;
	in->swapins = strstr(see, "swapins") ? 1024 : strstr(see, "reads") ? 8192 : 0;
	in->stalls = strstr(see, "stalls") ? 200 : 0;
	in->disk_free = strstr(see, "nodisk") ? 1000 : GIB(100);
	in->spare = strstr(see, "spare") ? MIB(256) : 0;
	in->can_add_device = strstr(see, "server");
	in->diet_asked = strstr(see, "order");
	if (strstr(see, "file "))
		in->area[in->nr_areas++] = file(1, MIB(256), MIB(10));
	if (strstr(see, "first-file"))
		in->area[in->nr_areas++] = (struct rzsa_area){
			.id = 10, .managed = true, .first = true, .size = MIB(256)};
	if (strstr(see, "first-full"))
		in->area[in->nr_areas++] = (struct rzsa_area){
			.id = 11, .managed = true, .first = true, .size = 1000, .used = 950};
	if (strstr(see, "file2"))
		in->area[in->nr_areas++] = file(2, MIB(256), MIB(5));
	if (strstr(see, "root"))
		in->area[in->nr_areas++] = (struct rzsa_area){
			.id = 3, .managed = true, .permanent = true, .size = MIB(128)};
	if (strstr(see, "others"))
		in->area[in->nr_areas++] = (struct rzsa_area){.id = 4, .size = MIB(128)};
	if (strstr(see, "one"))
		in->area[in->nr_areas++] = (struct rzsa_area){.id = 9, .size = 100, .used = 100};
	if (strstr(see, "draining"))
		in->area[in->nr_areas++] = (struct rzsa_area){
			.id = 5, .draining = true, .size = MIB(128), .used = MIB(100)};
	look_at_pools(see, in);
	while (in->nr_results < 2 && t->result[in->nr_results].act != RZSA_STARVED)
		in->nr_results++;
	memcpy(in->result, t->result, sizeof(t->result));
	for (unsigned i = 0; i < 24 && strstr(see, "many"); i++)
		if (in->nr_areas < 24)
			in->area[in->nr_areas++] =
				(struct rzsa_area){.id = 100 + i, .size = 100, .used = 100};
}

static void run(const char *title, const struct tick *ticks, unsigned nr, bool files)
{
	struct rzsa_config c;
	struct rzsa_state s;
	struct rzsa_guard g = {0};

	rzsa_config_init(&c);
	c.files = files;
	rzsa_state_init(&s);
	for (unsigned i = 0; i < nr; i++) {
		const struct tick *t = &ticks[i];
		struct rzsa_actions actions;
		struct rzsa_inputs in;
		const char *broken;
		unsigned which;

		look(t, &in);
		rzsa_step(&c, &s, &in, (int64_t)(t->at * 1000), &actions);
		t_note("%s: %g s: %s [%s]", title, t->at, rzsa_mode_name(s.mode),
		       actions_text(&actions));
		T_STR_EQ(rzsa_mode_name(s.mode), rzsa_mode_name(t->mode));
		T_STR_EQ(actions_text(&actions), t->actions ? t->actions : "");
		broken = rzsa_guard(&g, &c, &in, (int64_t)(t->at * 1000), &actions, &which);
		if (broken)
			T_FAIL("%s", broken);
	}
}

#define STORY(name, files, ...)                                             \
	T_TEST(name)                                                        \
	{                                                                   \
		static const struct tick ticks[] = {__VA_ARGS__};           \
		run(#name, ticks, sizeof(ticks) / sizeof(ticks[0]), files); \
	}

#define STEADY	RZSA_STEADY
#define HUNGRY	RZSA_HUNGRY
#define OVERFED RZSA_OVERFED
#define DIET	RZSA_DIET
#define NONE              \
	{                 \
		{         \
			0 \
		}         \
	}

#define AMPLE 90
#define SOME  40
#define LOW   9
#define CRIT  5

/* ---- swapspace's rows, on a machine that has nothing but disks ---- */

/* The first state is hungry, with its time over; then nothing is done while there is enough. */
STORY(it_begins_hungry_and_gets_steady, true, {0, SOME, "", NONE, STEADY, NULL},
      {1, SOME, "", NONE, STEADY, NULL}, {5000, SOME, "", NONE, STEADY, NULL})

/* Row 3: a file is swapped to, and the next one is made; each starts the time anew. */
STORY(it_grows_when_memory_is_short, true, {0, SOME, "", NONE, STEADY, NULL},
      {1, LOW, "", NONE, HUNGRY, "prepare-file 314574"}, {2, LOW, "", NONE, HUNGRY, NULL},
      {3, LOW, "spare", {DID(PREPARE_FILE)}, HUNGRY, "add-file 262144"},
      {4, LOW, "spare", NONE, HUNGRY, NULL},
      {5, LOW, "file ", {DID(ADD_FILE)}, HUNGRY, "prepare-file 187245"},
      {6, SOME, "file ", NONE, HUNGRY, NULL}, {602.9, SOME, "file ", NONE, HUNGRY, NULL},
      {603, SOME, "file ", NONE, STEADY, NULL})

/* Row 6: what has just grown gives nothing back. */
STORY(hungry_gives_nothing_back, true, {0, LOW, "spare", NONE, HUNGRY, "add-file 262144"},
      {1, AMPLE, "file ", {DID(ADD_FILE)}, HUNGRY, NULL}, {599, AMPLE, "file ", NONE, HUNGRY, NULL},
      {600, AMPLE, "file ", NONE, STEADY, NULL}, {601, AMPLE, "file ", NONE, OVERFED, NULL})

/* Rows 7 and 4: after a cooldown of plenty one file goes, the least used; then it begins anew. */
STORY(overfed_gives_back_one_at_a_time, true, {0, AMPLE, "file file2", NONE, STEADY, NULL},
      {1, AMPLE, "file file2", NONE, OVERFED, NULL},
      {600, AMPLE, "file file2", NONE, OVERFED, NULL},
      {601, AMPLE, "file file2", NONE, STEADY, "retire-area 2 5120"},
      {602, AMPLE, "file ", {DID(RETIRE)}, OVERFED, NULL},
      {1201, AMPLE, "file ", NONE, OVERFED, NULL},
      {1202, AMPLE, "file ", NONE, STEADY, "retire-area 1 10240"},
      {1203, AMPLE, "", {DID(RETIRE)}, OVERFED, NULL}, {1803, AMPLE, "", NONE, STEADY, NULL})

/* Row 8. */
STORY(overfed_ends_with_the_plenty, true, {0, AMPLE, "file ", NONE, STEADY, NULL},
      {1, AMPLE, "file ", NONE, OVERFED, NULL}, {2, SOME, "file ", NONE, STEADY, NULL},
      {3, AMPLE, "file ", NONE, OVERFED, NULL}, {4, LOW, "spare", NONE, HUNGRY, "add-file 262144"})

/* Rows 1 and 5, by order: no growth, one file after the other goes, and that for a cooldown. */
STORY(an_ordered_diet_gives_back_at_once, true, {0, AMPLE, "file file2", NONE, STEADY, NULL},
      {1, AMPLE, "file file2 order", NONE, DIET, "retire-area 2 5120"},
      {2, AMPLE, "file file2", NONE, DIET, NULL},
      {3, AMPLE, "file ", {DID(RETIRE)}, DIET, "retire-area 1 10240"},
      {4, LOW, "spare", {DID(RETIRE)}, DIET, NULL}, {600, LOW, "spare", NONE, DIET, "starved"},
      {601, LOW, "spare", NONE, HUNGRY, "add-file 262144"})

/* Row 1, by a failure: the disk is left alone for a cooldown, and a failure starts it anew. */
STORY(a_full_disk_is_left_alone, true, {0, LOW, "", NONE, HUNGRY, "prepare-file 314574"},
      {1, LOW, "", {FAILED(PREPARE_FILE, NO_SPACE)}, DIET, NULL}, {5, LOW, "", NONE, DIET, NULL},
      {11, LOW, "", NONE, DIET, "starved"}, {70.9, LOW, "", NONE, DIET, NULL},
      {71, LOW, "", NONE, DIET, "starved"}, {600, SOME, "", NONE, DIET, NULL},
      {601, SOME, "", NONE, STEADY, NULL}, {602, LOW, "", NONE, HUNGRY, "prepare-file 314574"},
      {603, LOW, "", {FAILED(PREPARE_FILE, NO_SPACE)}, DIET, NULL},
      {1202, SOME, "", NONE, DIET, NULL}, {1203, SOME, "", NONE, STEADY, NULL})

/* In diet something may be given back, but not more often than anywhere else. */
STORY(a_diet_gives_back_once, true, {0, SOME, "file file2", NONE, STEADY, NULL},
      {1, AMPLE, "file file2", {FAILED(PREPARE_FILE, NO_SPACE)}, DIET, "retire-area 2 5120"},
      {2, AMPLE, "file file2", NONE, DIET, NULL}, {3, AMPLE, "file ", {DID(RETIRE)}, DIET, NULL},
      {600, AMPLE, "file ", NONE, DIET, NULL}, {601, AMPLE, "file ", NONE, OVERFED, NULL},
      {1201, AMPLE, "file ", NONE, STEADY, "retire-area 1 10240"})

/* ---- when memory is short ---- */

STORY(pressure_counts_below_the_target, true, {0, 35, "spare some!", NONE, STEADY, NULL},
      {1, 29, "spare", NONE, STEADY, NULL}, {2, 29, "spare some!", NONE, HUNGRY, "add-file 262144"},
      /* Without PSI, rates say it. */
      {3, 29, "nopsi spare", {DID(ADD_FILE)}, HUNGRY, NULL},
      {4, 29, "nopsi spare reads", NONE, HUNGRY, "add-file 262144"},
      {5, 29, "nopsi", {DID(ADD_FILE)}, HUNGRY, "prepare-file 149796"},
      {6, 40, "nopsi stalls", NONE, HUNGRY, NULL})

STORY(a_spare_is_made_ahead_of_need, true, {0, 31, "", NONE, STEADY, NULL},
      {1, 29, "", NONE, STEADY, "prepare-file 149796"}, {2, 29, "", NONE, STEADY, NULL},
      {3, 29, "spare", {DID(PREPARE_FILE)}, STEADY, NULL},
      {4, LOW, "spare", NONE, HUNGRY, "add-file 262144"},
      {5, 25, "file ", {DID(ADD_FILE)}, HUNGRY, NULL})

/* 90 % that will be gone in half a minute are too little. */
STORY(memory_that_ends_soon_is_short, true, {0, 90, "spare", NONE, STEADY, NULL},
      {1, 88, "spare", NONE, OVERFED, NULL}, {2, 84, "spare", NONE, OVERFED, NULL},
      {3, 80, "spare", NONE, OVERFED, NULL}, {4, 76, "spare", NONE, OVERFED, NULL},
      {5, 72, "spare", NONE, OVERFED, NULL}, {6, 68, "spare", NONE, OVERFED, NULL},
      {7, 64, "spare", NONE, OVERFED, NULL}, {8, 61, "spare", NONE, OVERFED, NULL},
      {9, 58, "spare", NONE, HUNGRY, "add-file 262144"})

/* The same, with a pause: a machine that slept says nothing about a slope. */
STORY(a_slope_does_not_reach_over_a_pause, true, {0, 90, "spare", NONE, STEADY, NULL},
      {1, 88, "spare", NONE, OVERFED, NULL}, {2, 84, "spare", NONE, OVERFED, NULL},
      {3, 80, "spare", NONE, OVERFED, NULL}, {4, 76, "spare", NONE, OVERFED, NULL},
      {5, 72, "spare", NONE, OVERFED, NULL}, {6, 68, "spare", NONE, OVERFED, NULL},
      {7, 64, "spare", NONE, OVERFED, NULL}, {13, 61, "spare", NONE, OVERFED, NULL},
      {14, 58, "spare", NONE, STEADY, NULL})

/* ---- the ladder ---- */

STORY(a_limit_is_raised_first, true,
      {0, 15, "full-pool server spare", NONE, HUNGRY, "raise-limit 6 280576"},
      /* Its effect is waited for; then again. */
      {1, 15, "full-pool server spare", {DID(RAISE_LIMIT)}, HUNGRY, NULL},
      {1.9, 15, "full-pool server spare", NONE, HUNGRY, NULL},
      {2, 15, "full-pool server spare", NONE, HUNGRY, "raise-limit 6 280576"})

/* However little is available: what is stored makes room.  Not for what hardly compresses. */
STORY(a_limit_is_raised_for_what_makes_room, true,
      {0, 12, "full-pool spare", NONE, HUNGRY, "raise-limit 6 280576"},
      {1, 15, "full-pool bad-ratio spare", {DID(ADD_FILE)}, HUNGRY, "add-file 6 262144"},
      {2, 15, "full-pool-most spare", {DID(ADD_FILE)}, HUNGRY, "add-file 6 262144"})

/*
 * A pool that is full and has slots refuses what the kernel goes on to write there, however much
 * is free on a disk that comes after it.  So the file comes first; and the next one before that one
 * is full.
 */
STORY(a_full_pool_is_passed_by, true,
      {0, SOME, "full-pool-most file ", NONE, HUNGRY, "prepare-file 248685"},
      {1, SOME, "full-pool-most spare", {DID(PREPARE_FILE)}, HUNGRY, "add-file 6 262144"},
      {2, SOME, "full-pool-most first-file", {DID(ADD_FILE)}, HUNGRY, "prepare-file 248685"},
      {3, SOME, "full-pool-most first-file spare", {DID(PREPARE_FILE)}, HUNGRY, NULL},
      {4, SOME, "full-pool-most first-full spare", NONE, HUNGRY, "add-file 6 262144"})

/* What is swapped to makes tasks wait, not a want of it. */
STORY(a_slow_disk_gets_no_more_files, true, {0, SOME, "first-file spare full!", NONE, HUNGRY, NULL},
      {30, SOME, "first-file spare full!", NONE, HUNGRY, NULL},
      {31, SOME, "full-pool-most first-file spare full!", NONE, HUNGRY, NULL})

/* What hardly compresses goes to the disk; but the first pages of a device tell little. */
STORY(bad_pages_pass_the_pool, true, {0, 10, "half-pool bad-ratio spare", NONE, HUNGRY, NULL},
      {9.9, 10, "half-pool bad-ratio spare", NONE, HUNGRY, NULL},
      {10, 10, "half-pool bad-ratio spare", NONE, HUNGRY, "add-file 12 262144"})

/* Nor is a limit raised by what is left of RAM / 2 when half of the RAM was given in MiB. */
STORY(a_crumb_is_not_waited_for, true,
      {0, SOME, "full-pool-crumb spare", NONE, HUNGRY, "add-file 6 262144"})

/* One that the kernel would not use yet is kept. */
STORY(a_pool_with_room_needs_no_file, true, {0, 10, "half-pool spare", NONE, STEADY, NULL},
      {1, 10, "half-pool spare full!", NONE, STEADY, NULL},
      {2, 10, "full-slots spare", NONE, HUNGRY, "add-file 262144"})

STORY(a_device_is_added_when_slots_end, true,
      {0, 10, "full-slots server spare", NONE, HUNGRY, "add-device"},
      {1, 10, "full-slots server spare", NONE, HUNGRY, NULL},
      {2, 10, "full-slots server spare", {DID(ADD_DEVICE)}, HUNGRY, "add-device"},
      {3, 10, "full-slots spare", {DID(ADD_DEVICE)}, HUNGRY, "add-file 262144"})

/* Nor a device, when a minute of pages has hardly been compressed. */
STORY(bad_pages_get_no_more_memory, true,
      {0, 8, "full-slots bad-ratio server spare", NONE, HUNGRY, "add-device"},
      {59.9, 8, "full-slots bad-ratio server spare", {DID(ADD_DEVICE)}, HUNGRY, "add-device"},
      {60, 8, "full-slots bad-ratio server spare", {DID(ADD_DEVICE)}, HUNGRY, "add-file 7 262144"},
      {61, 8, "full-slots server spare", {DID(ADD_FILE)}, HUNGRY, "add-device"},
      {62, 8, "full-slots bad-ratio server spare", {DID(ADD_DEVICE)}, HUNGRY, "add-device"})

STORY(idle_pages_come_last, false, {0, 10, "full-pool-most spills", NONE, HUNGRY, "reclaim 6"},
      {1, 10, "full-pool-most spills", {DID(RECLAIM)}, HUNGRY, NULL},
      {59, 10, "full-pool-most spills", NONE, HUNGRY, NULL},
      {60, 10, "full-pool-most spills", NONE, HUNGRY, "reclaim 6"},
      /* A server that cannot do it gives no reason for a diet. */
      {61, 10, "full-pool-most", {FAILED(RECLAIM, REFUSED)}, HUNGRY, NULL})

STORY(compaction_comes_with_each_step, false,
      {0, 10, "full-pool spills", NONE, HUNGRY, "raise-limit 6 280576, reclaim 6"},
      {1, AMPLE, "idle-pool spills", {DID(RAISE_LIMIT), DID(RECLAIM)}, HUNGRY, NULL},
      {600, AMPLE, "idle-pool spills", NONE, STEADY, NULL},
      {601, AMPLE, "idle-pool spills", NONE, OVERFED, NULL},
      {1201, AMPLE, "idle-pool spills", NONE, STEADY, "lower-limit 8 65536, reclaim 8"})

STORY(an_emergency_takes_all_steps_at_once, true,
      {0, 14, "full-pool full-slots spills server spare full!", NONE, HUNGRY,
       "raise-limit 6 280576, add-device, add-file 262144, reclaim 7"},
      {1, 14, "full-pool full-slots spills server spare full!", NONE, HUNGRY, NULL},
      /* So does very little memory. */
      {2, CRIT, "spare", {DID(ADD_FILE), DID(RAISE_LIMIT)}, HUNGRY, "add-file 262144"})

STORY(a_machine_without_steps_says_so, false, {0, LOW, "", NONE, HUNGRY, NULL},
      {9, LOW, "", NONE, HUNGRY, NULL}, {10, LOW, "", NONE, HUNGRY, "starved"},
      {69, LOW, "", NONE, HUNGRY, NULL}, {70, LOW, "", NONE, HUNGRY, "starved"},
      /* What passes by itself is not reported, nor what comes back at once. */
      {71, SOME, "", NONE, STEADY, NULL}, {72, LOW, "", NONE, STEADY, NULL},
      {81, LOW, "", NONE, STEADY, NULL})

/* ---- diets of one resource ---- */

STORY(without_memory_the_disk_is_left, true,
      {0, 10, "full-slots server spare", NONE, HUNGRY, "add-device"},
      {1, 10, "full-slots server spare", {FAILED(ADD_DEVICE, NO_MEMORY)}, DIET, "add-file 262144"},
      {2, 15, "full-pool full-slots server", {DID(ADD_FILE)}, DIET, "prepare-file 690469"},
      {601, AMPLE, "full-slots", {DID(PREPARE_FILE)}, STEADY, NULL})

STORY(without_a_slot_limits_are_left, true, {0, LOW, "one spare", NONE, HUNGRY, "add-file 262144"},
      {1,
       15,
       "one full-pool server spare",
       {FAILED(ADD_FILE, NO_SLOT)},
       DIET,
       "raise-limit 6 280576"},
      {2, 15, "one full-pool server spare", {DID(RAISE_LIMIT)}, DIET, NULL},
      /* The kernel's number stays known: two were on, no third is tried. */
      {601, 10, "one full-pool-most spare", NONE, STEADY, NULL},
      {611, 10, "one full-pool-most spare", NONE, STEADY, "starved"},
      {612, 10, "one spare", NONE, HUNGRY, "add-file 262144"})

STORY(some_slots_are_left_to_others, true, {0, LOW, "spare many", NONE, HUNGRY, NULL})

STORY(a_killed_helper_is_a_diet, true, {0, AMPLE, "file ", NONE, STEADY, NULL},
      {1, AMPLE, "file ", NONE, OVERFED, NULL},
      {601, AMPLE, "file ", NONE, STEADY, "retire-area 1 10240"},
      {602, AMPLE, "file ", {FAILED(RETIRE, INTERRUPTED)}, DIET, NULL},
      {1200, AMPLE, "file ", NONE, DIET, NULL},
      {1201, AMPLE, "file ", NONE, DIET, "retire-area 1 10240"},
      {1202, AMPLE, "", {DID(RETIRE)}, OVERFED, NULL})

STORY(a_limit_that_could_not_be_lowered_is_none, true, {0, AMPLE, "idle-pool", NONE, STEADY, NULL},
      {1, AMPLE, "idle-pool", NONE, OVERFED, NULL},
      {601, AMPLE, "idle-pool", NONE, STEADY, "lower-limit 8 65536"},
      {602, AMPLE, "idle-pool", {FAILED(LOWER_LIMIT, REFUSED)}, OVERFED, NULL})

/* ---- giving back ---- */

STORY(limits_go_before_areas, true, {0, AMPLE, "file idle-pool spare", NONE, STEADY, NULL},
      {1, AMPLE, "file idle-pool spare", NONE, OVERFED, NULL},
      {601, AMPLE, "file idle-pool spare", NONE, STEADY, "lower-limit 8 65536"},
      {602, AMPLE, "file spare", {DID(LOWER_LIMIT)}, OVERFED, NULL},
      {1202, AMPLE, "file spare", NONE, STEADY, "retire-area 1 10240"},
      {1203, AMPLE, "spare", {DID(RETIRE)}, OVERFED, NULL},
      {1803, AMPLE, "spare", NONE, STEADY, "drop-file 262144"})

/* Not even by order: what was raised a moment ago is about to be filled. */
STORY(a_limit_raised_just_now_is_not_lowered, false,
      {0, LOW, "full-pool", NONE, HUNGRY, "raise-limit 6 280576"},
      {3, AMPLE, "idle-pool order", {DID(RAISE_LIMIT)}, DIET, NULL},
      {9, AMPLE, "idle-pool", NONE, DIET, NULL},
      {10, AMPLE, "idle-pool", NONE, DIET, "lower-limit 8 65536"})

STORY(others_and_permanent_areas_stay, true, {0, AMPLE, "root others", NONE, STEADY, NULL},
      {1, AMPLE, "root others", NONE, OVERFED, NULL},
      {601, AMPLE, "root others", NONE, STEADY, NULL},
      {602, AMPLE, "root others order", NONE, DIET, NULL})

/* One swapoff at a time, whoever began the other. */
STORY(a_swapoff_is_waited_for, true, {0, AMPLE, "file draining", NONE, STEADY, NULL},
      {1, AMPLE, "file draining", NONE, OVERFED, NULL},
      {601, AMPLE, "file draining", NONE, OVERFED, NULL},
      {700, AMPLE, "file draining", NONE, OVERFED, NULL},
      {701, AMPLE, "file ", NONE, STEADY, "retire-area 1 10240"},
      /* Ours, of which no result has come; nor by order. */
      {702, AMPLE, "file file2", NONE, OVERFED, NULL},
      {1400, AMPLE, "file file2", NONE, OVERFED, NULL},
      {1401, AMPLE, "file file2 order", NONE, DIET, NULL},
      {1402, AMPLE, "file file2", {DID(RETIRE)}, DIET, "retire-area 2 5120"})

/* Free memory that tasks wait for, or that is being swapped in to, is not too much. */
STORY(pressure_is_not_plenty, true, {0, AMPLE, "file ", NONE, STEADY, NULL},
      {1, AMPLE, "file waits", NONE, STEADY, NULL}, {2, AMPLE, "file swapins", NONE, STEADY, NULL},
      {3, AMPLE, "file ", NONE, OVERFED, NULL}, {4, AMPLE, "file waits", NONE, STEADY, NULL})

/* ---- clocks ---- */

STORY(a_clock_that_goes_back_stands_still, true,
      {1000, LOW, "spare", NONE, HUNGRY, "add-file 262144"},
      {10, SOME, "file ", {DID(ADD_FILE)}, HUNGRY, NULL}, {1599, SOME, "file ", NONE, HUNGRY, NULL},
      {1600, SOME, "file ", NONE, STEADY, NULL})

/* ---- swapspace's defects, as far as they are decisions ---- */

/* It asks for a file each second, for ever, where the disk has no room, and says nothing. */
STORY(no_room_is_no_file_and_is_said, true, {0, LOW, "nodisk", NONE, HUNGRY, NULL},
      {1, LOW, "nodisk", NONE, HUNGRY, NULL}, {10, LOW, "nodisk", NONE, HUNGRY, "starved"})

/* It takes the largest file that it may, however much is in it. */
T_TEST(the_least_used_area_goes_not_the_largest)
{
	struct rzsa_inputs in = {.mem_total = GIB(1), .mem_available = MIB(900), .nr_areas = 3};
	struct rzsa_actions actions;
	struct rzsa_config c;
	struct rzsa_state s;

	in.area[0] = file(1, MIB(256), MIB(60));
	in.area[1] = file(2, MIB(64), MIB(1));
	in.area[2] = file(3, MIB(128), MIB(1));
	in.diet_asked = true;
	rzsa_config_init(&c);
	rzsa_state_init(&s);
	rzsa_step(&c, &s, &in, 0, &actions);
	T_STR_EQ(actions_text(&actions), "retire-area 3 1024");
	/* What would not come back with ease, and what is needed, stay. */
	in.area[1].used = in.area[2].used = MIB(30);
	in.mem_available = MIB(50);
	in.area[1].size = in.area[2].size = GIB(4);
	rzsa_state_init(&s);
	rzsa_step(&c, &s, &in, 0, &actions);
	T_STR_EQ(actions_text(&actions), "");
}

/* It learns from EFBIG how large a file may be. */
T_TEST(a_file_is_no_larger_than_the_disk_takes)
{
	struct rzsa_inputs in = {.mem_total = GIB(1), .mem_available = MIB(100)};
	struct rzsa_actions actions;
	struct rzsa_config c;
	struct rzsa_state s;

	rzsa_config_init(&c);
	c.files = true;
	in.disk_free = GIB(1);
	rzsa_state_init(&s);
	rzsa_step(&c, &s, &in, 0, &actions);
	T_STR_EQ(actions_text(&actions), "prepare-file 303104");
	in.nr_results = 1;
	in.result[0] = (struct rzsa_result){RZSA_PREPARE_FILE, RZSA_TOO_BIG, MIB(100)};
	rzsa_step(&c, &s, &in, 1000, &actions);
	T_EQ(s.mode, RZSA_DIET);
	in.nr_results = 0;
	rzsa_step(&c, &s, &in, 601000, &actions);
	T_STR_EQ(actions_text(&actions), "prepare-file 102400");
	/* A tenth of the disk's room is left; what is less than min_swapsize is none. */
	rzsa_state_init(&s);
	in.disk_free = 10000;
	rzsa_step(&c, &s, &in, 0, &actions);
	T_STR_EQ(actions_text(&actions), "prepare-file 9000");
	in.disk_free = 4500;
	rzsa_state_init(&s);
	rzsa_step(&c, &s, &in, 0, &actions);
	T_STR_EQ(actions_text(&actions), "");
}

T_TEST(words_are_there_for_all)
{
	for (unsigned i = 0; i < RZSA_MODES; i++)
		T_NE(*rzsa_mode_name(i), '?');
	for (unsigned i = 0; i < RZSA_ACTS; i++)
		T_NE(*rzsa_act_name(i), '?');
	for (unsigned i = 0; i < RZSA_OUTCOMES; i++)
		T_NE(*rzsa_outcome_name(i), '?');
	T_STR_EQ(rzsa_mode_name(RZSA_MODES), "?");
	T_STR_EQ(rzsa_act_name(RZSA_ACTS), "?");
	T_STR_EQ(rzsa_outcome_name(RZSA_OUTCOMES), "?");
}
