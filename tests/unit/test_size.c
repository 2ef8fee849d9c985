/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sizes as people write them, and how much memory there is. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "t_scratch.h"

#include "ram.h"
#include "size.h"

#include <sys/stat.h>

static uint64_t parse(const char *text, uint64_t whole)
{
	const char *why = "unset";
	uint64_t n = 1;
	int err = rzs_size_parse(text, whole, &n, &why);

	if (err)
		T_FAIL("\"%s\": %s", text, why);
	T_EQ(why, NULL);
	return n;
}

static void refuse(const char *text, uint64_t whole, int err, const char *part)
{
	const char *why = NULL;
	uint64_t n = 1;

	if (rzs_size_parse(text, whole, &n, &why) != err)
		T_FAIL("\"%s\" is not refused with %d", text, err);
	T_EQ(n, 0);
	T_NE(why, NULL);
	if (!strstr(why, part))
		T_FAIL("\"%s\": \"%s\" does not say \"%s\"", text, why, part);
}

T_TEST(plain_numbers_and_suffixes)
{
	T_EQ(parse("0", 0), 0);
	T_EQ(parse("4096", 0), 4096);
	T_EQ(parse("4096B", 0), 4096);
	T_EQ(parse("1K", 0), 1024);
	T_EQ(parse("1k", 0), 1024);
	T_EQ(parse("512M", 0), 512ull << 20);
	T_EQ(parse("512MiB", 0), 512ull << 20);
	T_EQ(parse("512MB", 0), 512ull << 20);
	T_EQ(parse("3g", 0), 3ull << 30);
	T_EQ(parse("2T", 0), 2ull << 40);
	T_EQ(parse("1PiB", 0), 1ull << 50);
	T_EQ(parse("15E", 0), 15ull << 60);
	T_EQ(parse("18446744073709551615", 0), UINT64_MAX);
	T_EQ(parse("007", 0), 7);
}

T_TEST(shares_of_a_whole)
{
	T_EQ(parse("25%", 1000), 250);
	T_EQ(parse("0%", 1000), 0);
	T_EQ(parse("100%", 12345), 12345);
	T_EQ(parse("33%", 10), 3);
	T_EQ(parse("150%", 1000), 1500);
	/* No overflow on the way to a result that fits. */
	T_EQ(parse("100%", UINT64_MAX), UINT64_MAX);
	T_EQ(parse("50%", UINT64_MAX - 1), UINT64_MAX / 2);
}

T_TEST(nonsense_is_refused_with_a_reason)
{
	static const char *const bad[] = {
		"",   " ",   "M",   "%",   "-1",   "+1",   " 1",   "1 ",  "1 M",   "1.5G", "0x10",
		"1Q", "1Mi", "1MM", "1iB", "1KBB", "10%%", "10%M", "1M%", "1,000", "1e3",  "5\n",
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refuse(bad[i], 1000, -EINVAL, "not a size");
	refuse("25%", 0, -EINVAL, "percentage");
}

T_TEST(overflow_is_refused)
{
	refuse("18446744073709551616", 0, -ERANGE, "too large");
	refuse("99999999999999999999999999999", 0, -ERANGE, "too large");
	refuse("16E", 0, -ERANGE, "too large");
	refuse("18014398509481984K", 0, -ERANGE, "too large");
	refuse("101%", UINT64_MAX, -ERANGE, "too large");
	refuse("18446744073709551615%", 1000, -ERANGE, "too large");
}

T_TEST(ram_is_plausible)
{
	T_GT(rzs_ram_machine(), 16ull << 20);
	T_GT(rzs_ram_usable(), 1ull << 20);
	T_LE(rzs_ram_usable(), rzs_ram_machine());
}

static void put(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", t_scratch(), name);
	f = fopen(path, "w");
	T_NE(f, NULL);
	T_GE(fputs(text, f), 0);
	T_EQ(fclose(f), 0);
}

static void directory(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", t_scratch(), name);
	T_EQ(mkdir(path, 0700), 0);
}

static uint64_t limit(void)
{
	char self[128], mount[128];

	snprintf(self, sizeof(self), "%s/self", t_scratch());
	snprintf(mount, sizeof(mount), "%s/mount", t_scratch());
	return rzs_ram_cgroup_limit(self, mount);
}

/*
 * The lowest limit on the way from the group to the root counts; "max", missing files and other
 * hierarchies do not.
 */
T_TEST(control_group_limits)
{
	T_EQ(limit(), UINT64_MAX);
	directory("mount");
	directory("mount/a");
	directory("mount/a/b");
	put("self", "12:memory:/elsewhere\n0::/a/b\n");
	T_EQ(limit(), UINT64_MAX);
	put("mount/a/b/memory.max", "max\n");
	T_EQ(limit(), UINT64_MAX);
	put("mount/a/memory.max", "104857600\n");
	T_EQ(limit(), 104857600);
	put("mount/a/b/memory.max", "209715200\n");
	T_EQ(limit(), 104857600);
	put("mount/a/b/memory.max", "1048576\n");
	T_EQ(limit(), 1048576);
	put("self", "0::/\n");
	T_EQ(limit(), UINT64_MAX);
	put("self", "4:memory:/a/b\n");
	T_EQ(limit(), UINT64_MAX);
	put("self", "");
	T_EQ(limit(), UINT64_MAX);
}
