/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rzs-autoswap's configuration: swapspace's and its own, and all that can be wrong with it. */
#include "t.h"
#include "t_scratch.h"

#include <sys/stat.h>

#include "rzsa_settings.h"

static struct rzsa_settings s;
static char said[16][RZSA_COMPLAINT];
static unsigned nr_said;
static struct rzsa_hearer h;

static void hear(void *arg, bool error, const char *text)
{
	T_EQ(arg, &s);
	T_LT(nr_said, 16);
	snprintf(said[nr_said++], sizeof(said[0]), "%s%s", error ? "" : "note: ", text);
}

static const char *path(const char *name)
{
	static char buf[2][PATH_MAX];
	static unsigned next;
	char *p = buf[next++ % 2];

	snprintf(p, sizeof(buf[0]), "%s/%s", t_scratch(), name);
	return p;
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(path(name), "w");

	T_OK(f);
	T_GE(fputs(text, f), 0);
	T_EQ(fclose(f), 0);
}

/* The file as it is; the number of errors. */
static unsigned load(const char *text)
{
	nr_said = 0;
	h = (struct rzsa_hearer){.hear = hear, .arg = &s};
	rzsa_settings_init(&s);
	put("conf", text);
	rzsa_settings_read(&s, path("conf"), &h);
	rzsa_settings_check(&s, &h);
	for (unsigned i = 0; i < nr_said; i++)
		t_note("%s", said[i]);
	return h.errors;
}

/* Debian's file, with each line in force, and other ways to write the same. */
T_TEST(swapspaces_file_is_understood)
{
	T_EQ(load("# Sample configuration for the dynamic swapspace manager\n"
		  "swappath=\"/var/lib/swapspace\"\n"
		  "lower_freelimit=25\n"
		  "upper_freelimit=50\n"
		  "freetarget=35 # percent\n"
		  "min_swapsize=8m\n"
		  "max_swapsize=1t\n"
		  "cooldown=300\n"
		  "buffer_elasticity=30\n"
		  "cache_elasticity=80\n"
		  "paranoid\n"
		  "quiet # nothing\n"),
	     0);
	T_STR_EQ(s.swappath, "/var/lib/swapspace");
	T_OK(s.rules.files);
	T_EQ(s.rules.lower_freelimit, 25);
	T_EQ(s.rules.upper_freelimit, 50);
	T_EQ(s.rules.freetarget, 35);
	T_EQ(s.rules.min_file, 8192);
	T_EQ(s.rules.max_file, UINT64_C(1) << 30);
	T_EQ(s.rules.cooldown, 300000);
	T_OK(s.paranoid && s.quiet && !s.verbose);
	T_EQ(nr_said, 2);
	T_OK(strstr(said[0], "note: ") && strstr(said[0], "conf:9: buffer_elasticity: has no"));
	T_OK(strstr(said[1], "conf:10: cache_elasticity: has no effect"));
}

T_TEST(the_defaults_are_swapspaces)
{
	T_EQ(load(""), 0);
	T_EQ(s.rules.lower_freelimit, 20);
	T_EQ(s.rules.freetarget, 30);
	T_EQ(s.rules.upper_freelimit, 60);
	T_EQ(s.rules.cooldown, 600000);
	T_EQ(s.rules.min_file, 4096);
	T_EQ(s.rules.max_file, UINT64_C(2) << 30);
	T_STR_EQ(s.swappath, RZSA_SWAPPATH);
}

T_TEST(our_own_keys)
{
	T_EQ(load("[autoswap]\n"
		  "swappath = none\n"
		  "max-areas = 10\n"
		  "manage = none\n"
		  "limit_min = 16M\nlimit_max = 1G\nlimit_step = 32 * 1M\n"
		  "ram-floor = 5M ; comment\ncritical_memory = 6M\n"
		  "assumed_ratio = 3\nleast_ratio = 1.25\nlower_freelimit = 10%\n"),
	     0);
	T_EQ(s.swappath[0], '\0');
	T_EQ(s.rules.files, false);
	T_EQ(s.rules.max_areas, 10);
	T_EQ(s.manage, false);
	T_EQ(s.limit_min, 16384);
	T_EQ(s.limit_max, 1048576);
	T_EQ(s.rules.limit_step, 32768);
	T_EQ(s.rules.ram_floor, 5120);
	T_EQ(s.rules.critical, 6144);
	T_EQ(s.rules.assumed_ratio, 3000);
	T_EQ(s.rules.least_ratio, 1250);
	T_EQ(s.rules.lower_freelimit, 10);
}

T_TEST(what_is_wrong_is_said_with_its_place)
{
	static const char *const rows[][2] = {
		{"lower_freelimit=100", "1: lower_freelimit=100: expected 0 to 99 percent"},
		{"upper_freelimit=x", "1: upper_freelimit=x: expected 0 to 100 percent"},
		{"freetarget=1", "1: freetarget=1: expected 2 to 99 percent"},
		{"\nfreetarget=10", "2: freetarget=10: expected 20 to 60, between"},
		{"freetarget=61", "1: freetarget=61: expected 20 to 60"},
		{"lower_freelimit=61\n", "1: lower_freelimit=61 is more than upper_freelimit=60"},
		{"upper_freelimit=10\n", "1: lower_freelimit=20 is more than upper_freelimit=10"},
		{"min_swapsize=40959", "1: min_swapsize=40959: expected at least 40960 bytes"},
		{"max_swapsize=1025T", "1: max_swapsize=1025T: expected at most 1024T"},
		{"max_swapsize=1m", "1: min_swapsize is more than max_swapsize"},
		{"min_swapsize=5 apples", "1: min_swapsize=5 apples: "},
		{"limit_min=2G\nlimit_max=1G", "2: limit_min is more than limit_max"},
		{"swappath=swap", "1: swappath=swap: expected a path that begins with /"},
		{"cooldown=-1", "1: cooldown=-1: expected 0 to 2147483647"},
		{"cooldown", "1: cooldown: needs a value: cooldown = ..."},
		{"max_areas=33", "1: max_areas=33: expected 1 to 32"},
		{"manage=some", "1: manage=some: expected auto or none"},
		{"least_ratio=0.9", "1: least_ratio=0.9: expected 1 to 10, as in 1.5"},
		{"least_ratio=10.001", "expected 1 to 10"},
		{"least_ratio=1.2345", "expected 1 to 10"},
		{"least_ratio=", "expected 1 to 10"},
		{"paranoid=perhaps", "1: paranoid=perhaps: expected true or false"},
		{"quiet\nverbose", "2: quiet and verbose exclude each other"},
		{"swap_path=/x", "1: swap_path=/x: there is no such key; did you mean swappath?"},
		{"nonsense", "1: nonsense: there is no such key"},
		{"some words", "1: expected KEY = VALUE, [autoswap], or #"},
		{"[server]\nlisten=/x", "1: [server]: expected [autoswap], or no section"},
		{"cooldown=\033[31m", "1: cooldown=?[31m: expected a number"},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		T_EQ(load(rows[i][0]), 1);
		if (!strstr(said[0], rows[i][1]))
			T_FAIL("\"%s\" does not say \"%s\"", said[0], rows[i][1]);
		T_OK(strstr(said[0], "/conf:"));
	}
	/* All of it, not only the first. */
	T_EQ(load("lower_freelimit=100\nnonsense=1\nmanage=x\n"), 3);
	/* Of the command line there is no line. */
	load("");
	s.now = (struct rzsa_place){0, 1};
	T_EQ(rzsa_settings_set(&s, "freetarget", "5", said[15]), 0);
	rzsa_settings_check(&s, &h);
	T_STR_EQ(said[0], "freetarget=5: expected 20 to 60, between lower_freelimit and "
			  "upper_freelimit");
}

T_TEST(later_files_override_key_by_key)
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s.d", path("conf"));
	T_EQ(mkdir(dir, 0700), 0);
	put("conf.d/2.conf", "lower_freelimit=12\n");
	put("conf.d/1.conf", "lower_freelimit=11\nupper_freelimit=55\n");
	put("conf.d/no", "lower_freelimit=1\n");
	T_EQ(load("lower_freelimit=10\nfreetarget=31\n"), 0);
	T_EQ(s.rules.lower_freelimit, 12);
	T_EQ(s.rules.upper_freelimit, 55);
	T_EQ(s.rules.freetarget, 31);
	put("conf.d/2.conf", "\nlower_freelimit=56\n");
	T_EQ(load(""), 1);
	T_OK(strstr(said[0], "conf.d/2.conf:2: lower_freelimit=56 is more than"));
}

T_TEST(a_file_that_was_named_must_exist)
{
	nr_said = 0;
	h = (struct rzsa_hearer){.hear = hear, .arg = &s};
	rzsa_settings_init(&s);
	rzsa_settings_read(&s, path("none"), &h);
	T_EQ(h.errors, 1);
	T_OK(strstr(said[0], "none: cannot be read: No such file"));
}
