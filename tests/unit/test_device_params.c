/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a device is to be: each key, completion, and the store that comes of it. */
#include "t.h"

#include <limits.h>

#include "device_params.h"
#include "port_test.h"
#include "ram.h"
#include "target.h"

#define UUID "01234567-89ab-cdef-0123-456789abcdef"

static struct rzs_device_params p;
static char why[RZS_WHY_MAX];
static char warned[1024];

static void warn(const char *text)
{
	strncat(warned, text, sizeof(warned) - strlen(warned) - 1);
}

static void set(const char *key, const char *value)
{
	if (rzs_device_params_set(&p, key, value, why))
		T_FAIL("%s=%s: refused: %s", key, value, why);
}

static void says(const char *part)
{
	if (!strstr(why, part))
		T_FAIL("\"%s\" does not say \"%s\"", why, part);
}

/* Refused by itself, in words that begin with key=value, and nothing has changed. */
static void refuse(const char *key, const char *value, const char *part)
{
	struct rzs_device_params before = p;
	char begin[512];

	memset(why, 0, sizeof(why));
	T_EQ(rzs_device_params_set(&p, key, value, why), -EINVAL);
	snprintf(begin, sizeof(begin), "%s=%s: ", key, value);
	if (strncmp(why, begin, strlen(begin)) != 0)
		T_FAIL("\"%s\" does not begin with \"%s\"", why, begin);
	says(part);
	T_MEM_EQ(&p, &before, sizeof(p));
}

static void fresh(const char *size)
{
	rzs_device_params_init(&p);
	if (size)
		set("size", size);
}

static void complete(void)
{
	warned[0] = '\0';
	if (rzs_device_params_complete(&p, 3, warn, why))
		T_FAIL("not completed: %s", why);
	T_STR_EQ(why, "");
	T_EQ(p.store.nr_workers, 3);
}

/* Red when a key shows another's value, or one that cannot be given back. */
T_TEST(each_key_shows_what_it_was_given)
{
	static const char *const given[RZS_DEVICE_PARAMS_KEYS][2] = {
		{"1048576", "2097152"}, {"lzo", "lzo"},	   {"0", "-3"},		{"0", "67108864"},
		{"0", "524288"},	{"true", "false"}, {"", "swap0"},	{UUID, UUID},
		{"true", "false"},	{"false", "true"}, {"false", "true"},	{"0", "2"},
		{"100", "0"},		{"20", "5"},	   {"256", "2"},	{"true", "false"},
		{"0", "65536"},		{"false", "true"}, {"lzo", "off"},	{"60", "0"},
		{"10", "100"},		{"4", "1"},	   {"0", "86400"},	{"off", "/dev/x"},
		{"0", "3600"},		{"0", "32768"},	   {"0", "1073741824"},
	};
	char text[RZS_VALUE_SIZE_MAX];

	for (unsigned i = 0; i < RZS_DEVICE_PARAMS_KEYS; i++)
		for (unsigned k = 0; k < 2; k++) {
			fresh(NULL);
			set(rzs_device_params_keys[i], given[i][k]);
			rzs_device_params_show(&p, i, text);
			T_STR_EQ(text, given[i][k]);
		}
	/* What is decided when the store is made. */
	fresh(NULL);
	rzs_device_params_show(&p, RZS_DEVICE_KEY_size, text);
	T_STR_EQ(text, "");
	rzs_device_params_show(&p, RZS_DEVICE_KEY_swap_header, text);
	T_STR_EQ(text, "");
	rzs_device_params_show(&p, RZS_DEVICE_KEY_uuid, text);
	T_STR_EQ(text, "");
}

static void refuse_whole(const char *part)
{
	T_EQ(rzs_device_params_complete(&p, 3, NULL, why), -EINVAL);
	says(part);
}

T_TEST(every_key_is_known)
{
	static const char *const values[RZS_DEVICE_PARAMS_KEYS] = {
		"1M",  "lzo", "0",  "64M",  "1M", "yes",	"swap0", UUID,	"off",
		"on",  "yes", "1",  "0x10", "0",  "2147483647", "no",	 "64K", "yes",
		"off", "5",   "7%", "8",    "3",  "/x",		"60",	 "1M",	"1G",
	};
	static const struct rzs_merge_knobs merge = {1, 16, 0, INT_MAX, false, 64 << 10, true};

	fresh(NULL);
	T_EQ(rzs_device_params_keys[RZS_DEVICE_PARAMS_KEYS], NULL);
	for (unsigned i = 0; i < RZS_DEVICE_PARAMS_KEYS; i++) {
		set(rzs_device_params_keys[i], values[i]);
		T_NE(strstr(rzs_device_params_help, rzs_device_params_keys[i]), NULL);
	}
	T_EQ(rzs_device_params_is_live("memlimit"), true);
	T_EQ(rzs_device_params_is_live("merge-run"), true);
	T_EQ(rzs_device_params_is_live("merge-index"), false);
	T_EQ(rzs_device_params_is_live("merge-inline"), true);
	T_EQ(rzs_device_params_is_live("recompress"), true);
	T_EQ(rzs_device_params_is_live("spill"), false);
	T_EQ(rzs_device_params_is_live("spill-after"), true);
	T_EQ(rzs_device_params_is_live("spill-rate"), true);
	T_EQ(rzs_device_params_is_live("spill-daily"), true);
	T_EQ(rzs_device_params_is_live("size"), false);
	T_EQ(rzs_device_params_is_live("x"), false);
	complete();
	T_EQ(p.size, 1u << 20);
	T_EQ(p.store.nr_pages, 256);
	T_EQ(p.store.limit_bytes, 64u << 20);
	T_EQ(p.store.reserve_bytes, 1u << 20);
	T_STR_EQ(p.store.codec, "lzo");
	T_STR_EQ(p.size_text, "1M");
	T_STR_EQ(p.memlimit_text, "64M");
	T_STR_EQ(p.reserve_text, "1M");
	T_STR_EQ(p.label, "swap0");
	T_MEM_EQ(p.uuid, "\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef", 16);
	T_OK(p.swap_header && p.store.no_checksum && p.store.wipe && p.shared);
	T_EQ(p.merge.run, merge.run);
	T_EQ(p.merge.pages_to_scan, merge.pages_to_scan);
	T_EQ(p.merge.sleep_millisecs, merge.sleep_millisecs);
	T_EQ(p.merge.max_page_sharing, merge.max_page_sharing);
	T_EQ(p.merge.smart_scan, merge.smart_scan);
	T_EQ(p.merge.index_bytes, merge.index_bytes);
	T_EQ(p.merge.inline_writes, merge.inline_writes);
}

/* As KSM's are: red when a value out of range is taken, or a good one is not. */
T_TEST(knobs_of_merging)
{
	fresh("1M");
	refuse("merge-run", "3", "expected 0 to 2");
	refuse("merge-run", "-1", "expected 0 to 2");
	refuse("merge-run", "", "expected a number");
	refuse("merge-run", "on", "expected a number");
	refuse("merge-run", "1 ", "expected a number");
	refuse("merge-pages-to-scan", "-1", "expected 0 to 2147483647");
	refuse("merge-pages-to-scan", "2147483648", "expected 0 to 2147483647");
	refuse("merge-pages-to-scan", "99999999999999999999", "expected 0 to 2147483647");
	refuse("merge-pages-to-scan", "1e3", "expected a number");
	refuse("merge-sleep-millisecs", "-20", "expected 0 to 2147483647");
	refuse("merge-sleep-millisecs", "20ms", "expected a number");
	refuse("merge-max-page-sharing", "1", "expected 2 to 2147483647");
	refuse("merge-max-page-sharing", "0", "expected 2 to 2147483647");
	refuse("merge-smart-scan", "2", "expected true or false");
	refuse("merge-index", "1Q", "");
	set("merge-run", "2");
	set("merge-max-page-sharing", "2");
	set("merge-smart-scan", "0");
	T_EQ(p.merge.run, RZS_MERGE_UNDO);
	T_EQ(p.merge.max_page_sharing, 2);
	T_EQ(p.merge.smart_scan, false);
	T_EQ(rzs_device_params_set(&p, "merge-runs", "1", why), -ENOENT);
	says("did you mean merge-run?");
}

T_TEST(unknown_keys_come_with_the_nearest)
{
	fresh(NULL);
	T_EQ(rzs_device_params_set(&p, "sise", "1M", why), -ENOENT);
	says("sise=1M: ");
	says("did you mean size?");
	T_EQ(rzs_device_params_set(&p, "mem-limit", "1M", why), -ENOENT);
	says("did you mean memlimit?");
	T_EQ(rzs_device_params_set(&p, "workers", "1", why), -ENOENT);
	T_EQ(strstr(why, "did you mean"), NULL);
	T_EQ(rzs_device_params_set(&p, "", "", why), -ENOENT);
	T_EQ(rzs_device_params_set(&p, "Size", "1M", why), -ENOENT);
}

T_TEST(bad_values_are_refused_and_change_nothing)
{
	fresh("1M");
	set("uuid", UUID);
	refuse("size", "lots", "not a size");
	refuse("size", "min(ram / 2, 40x6)", "at \"x6)\"");
	refuse("size", "min(ram / 2", "at its end");
	refuse("memlimit", "-1", "not a size");
	refuse("algorithm", "deflate", "lzo");
	refuse("level", "high", "a number");
	refuse("level", "", "a number");
	refuse("level", " 3", "a number");
	refuse("level", "3 ", "a number");
	refuse("level", "99999999999999999999", "smaller");
	refuse("checksum", "maybe", "true or false");
	refuse("wipe", "", "true or false");
	refuse("shared", "2", "true or false");
	refuse("swap-header", "2", "true or false");
	refuse("label", "seventeen letters", "16 bytes");
	refuse("uuid", "f1234567-89ab-cdef-0123-456789abcdeg", UUID);
	refuse("uuid", "", UUID);
}

T_TEST(words_and_numbers)
{
	static const char *const yes[] = {"1", "true", "t", "yes", "Y", "ON"};
	static const char *const no[] = {"0", "false", "F", "No", "n", "off"};

	fresh(NULL);
	for (unsigned i = 0; i < 6; i++) {
		set("wipe", yes[i]);
		T_OK(p.store.wipe);
		set("wipe", no[i]);
		T_OK(!p.store.wipe);
	}
	set("level", "-5");
	T_EQ(p.store.level, -5);
	set("level", "0x10");
	T_EQ(p.store.level, 16);
	set("level", "+3");
	T_EQ(p.store.level, 3);
}

/* A complaint is one line of bounded length, whatever the value. */
T_TEST(complaints_are_tame)
{
	char value[600];

	fresh(NULL);
	memset(value, 'x', sizeof(value));
	memcpy(value + 78, "\xe2\x82\xac", 3); /* a character across the place of the cut */
	value[sizeof(value) - 1] = '\0';
	T_EQ(rzs_device_params_set(&p, "label", value, why), -EINVAL);
	says("x...: longer than 16 bytes");
	T_EQ(strchr(why, '\xe2'), NULL);
	T_EQ(rzs_device_params_set(&p, value, value, why), -ENOENT);
	says("no parameter");
	T_EQ(rzs_device_params_set(&p, "algorithm", "a\nb\x1b[0m\x7f", why), -EINVAL);
	says("algorithm=a?b?[0m?: ");
	T_EQ(rzs_device_params_set(&p, "algorithm", "a\xc2\x9bm", why), -EINVAL);
	says("algorithm=a??m: "); /* to a terminal U+009B is ESC [ */
	T_EQ(rzs_device_params_set(&p, "size", value, why), -EINVAL);
	says("longer than 127 bytes");
}

T_TEST(size_is_whole_pages)
{
	/* At once, not when a device is made ready. */
	fresh("1M");
	refuse("size", "1000", "not a multiple of 4096; the nearest are 0 and 4096");
	says("for MiB give 1000M");
	refuse("size", "41K", "the nearest are 40960 and 45056");
	T_EQ(strstr(why, "MiB"), NULL);
	refuse("size", "10000000", "the nearest are 9998336 and 10002432");
	T_EQ(strstr(why, "MiB"), NULL);
	refuse("size", "0", "at least one page");
	refuse("size", "0%", "at least one page");
	refuse("size", "16T", "the largest possible is 17592184995840");
	fresh("17592184995840");
	complete();
	fresh("1.0001M"); /* not meant to be exact */
	complete();
	T_EQ(p.size, 1u << 20);
	fresh("33%");
	complete();
	T_EQ(p.size % RZS_PAGE_SIZE, 0);
	T_LE(p.size, rzs_ram_usable() / 100 * 34);
	fresh("min(ram / 2, 64)");
	complete();
	T_EQ(p.size, 64u << 20);
	fresh(NULL);
	complete();
	T_EQ(p.size, rzs_ram_usable() / 4 / RZS_PAGE_SIZE * RZS_PAGE_SIZE);
	T_STR_EQ(p.size_text, "25%");
}

T_TEST(limits)
{
	fresh("1M");
	set("memlimit", "1");
	refuse_whole("memlimit=1: a store of this size and with these workers needs at least ");
	says("for MiB give 1M");
	set("memlimit", "900T");
	refuse_whole("more than this machine's RAM");
	set("memlimit", "0");
	set("reserve", "900T");
	refuse_whole("reserve=900T: more than half");
	set("memlimit", "8M");
	set("reserve", "8M");
	refuse_whole("reserve=8M: leaves nothing of memlimit=8M");
	set("reserve", "1M");
	complete();
	set("level", "77");
	refuse_whole("level=77: not a level of algorithm=lzo");
}

T_TEST(swap_headers)
{
	uint8_t first[16];

	fresh("36K");
	complete();
	T_OK(!p.swap_header);
	set("swap-header", "true");
	refuse_whole("swap-header=true: needs size=40960");
	fresh("36864");
	set("swap-header", "true");
	refuse_whole("for MiB give 36864M");
	fresh("36K");
	set("label", "x");
	refuse_whole("label: there is no swap header");
	set("label", ""); /* none after all */
	complete();
	set("uuid", UUID);
	refuse_whole("uuid: there is no swap header");
	fresh("40K");
	complete();
	T_EQ(p.swap_header, sysconf(_SC_PAGESIZE) == (long)RZS_PAGE_SIZE);
	T_EQ(p.uuid[6] >> 4, 4);
	T_EQ(p.uuid[8] >> 6, 2);
	memcpy(first, p.uuid, 16);
	complete(); /* another device, another UUID */
	T_NE(memcmp(first, p.uuid, 16), 0);
	/* What follows from the size does so again when that changes. */
	set("size", "36K");
	complete();
	T_OK(!p.swap_header);
}

/* The words that a default goes by, over what was said before. */
T_TEST(back_to_the_default)
{
	fresh("40K");
	set("uuid", UUID);
	set("uuid", "random");
	complete();
	T_OK(!p.uuid_given);
	T_EQ(p.uuid[6] >> 4, 4);
	set("swap-header", "no");
	set("swap-header", "auto");
	complete();
	T_EQ(p.swap_header, sysconf(_SC_PAGESIZE) == (long)RZS_PAGE_SIZE);
	fresh("36K");
	set("swap-header", "yes");
	set("swap-header", "auto");
	complete();
	T_OK(!p.swap_header);
}

T_TEST(advice)
{
	if (rzs_ram_usable() > 3ull << 40)
		T_SKIP("no size is four times this RAM");
	fresh("15T");
	complete();
	T_NE(strstr(warned, "size=15T: more than 4 times the RAM"), NULL);
	T_NE(strstr(warned, "give a memlimit"), NULL);
	T_EQ(rzs_device_params_complete(&p, 3, NULL, why), 0);
	set("memlimit", "50%");
	complete();
	T_STR_EQ(warned, "");
	fresh("4096");
	complete();
	T_NE(strstr(warned, "for MiB give 4096M"), NULL);
	set("swap-header", "false");
	complete();
	T_STR_EQ(warned, "");
	fresh("36K");
	complete();
	T_STR_EQ(warned, "");
}

T_TEST(names_of_devices)
{
	char name[RZS_DEVICE_NAME_MAX + 2];

	memset(name, 'x', sizeof(name));
	name[RZS_DEVICE_NAME_MAX + 1] = '\0';
	T_OK(!rzs_device_name_ok(name));
	name[RZS_DEVICE_NAME_MAX] = '\0';
	T_OK(rzs_device_name_ok(name));
	T_OK(rzs_device_name_ok("A-z_0.9"));
	T_OK(rzs_device_name_ok("..."));
	T_OK(!rzs_device_name_ok(""));
	T_OK(!rzs_device_name_ok("."));
	T_OK(!rzs_device_name_ok(".."));
	T_OK(!rzs_device_name_ok("a/b"));
	T_OK(!rzs_device_name_ok("a b"));
	T_OK(!rzs_device_name_ok("\xc3\xa4"));
}

static void check_page_0(struct rzs_store *store, bool header)
{
	uint8_t want[RZS_PAGE_SIZE] = {0}, page[RZS_PAGE_SIZE];
	struct rzs_worker *worker = rzs_worker_get(store, 0);

	if (header)
		T_EQ(rzs_swap_header(want, p.store.nr_pages, p.label[0] ? p.label : NULL, p.uuid),
		     0);
	T_EQ(rzs_store_read(store, worker, 0, page), 0);
	T_MEM_EQ(page, want, RZS_PAGE_SIZE);
	rzs_worker_put(store, worker);
}

T_TEST(a_store_is_made)
{
	struct rzs_store *store;

	fresh("1M");
	set("swap-header", "true");
	set("label", "swap0");
	complete();
	T_EQ(rzs_device_params_make(&p, &store), 0);
	T_EQ(rzs_store_pages(store), 256);
	check_page_0(store, true);
	rzs_store_destroy(store);
	fresh("1M");
	set("swap-header", "false");
	complete();
	T_EQ(rzs_device_params_make(&p, &store), 0);
	check_page_0(store, false);
	rzs_store_destroy(store);
	T_EQ(rzs_test_live_bytes(), 0);
}

/* Wherever memory ends, there is no store and nothing is left of it. */
static void relimit(struct rzs_store *store, const char *value, bool want)
{
	atomic_bool limited = !want;
	struct rzs_stats stats;

	if (rzs_device_params_relimit(&p, store, value, &limited, why) != 0)
		T_FAIL("memlimit=%s: refused: %s", value, why);
	T_EQ(limited, want);
	rzs_store_stats(store, &stats);
	T_EQ(stats.limit_bytes, p.store.limit_bytes);
	T_EQ(stats.limit_bytes != 0, want);
}

static void no_relimit(struct rzs_store *store, const char *value, int err, const char *part)
{
	struct rzs_device_params before = p;
	atomic_bool limited = p.store.limit_bytes == 0;
	struct rzs_stats stats;

	T_EQ(rzs_device_params_relimit(&p, store, value, &limited, why), err);
	says("memlimit");
	says(part);
	T_MEM_EQ(&p, &before, sizeof(p));
	rzs_store_stats(store, &stats);
	T_EQ(stats.limit_bytes, p.store.limit_bytes);
	/* A value that is none says nothing about what is in force. */
	T_EQ(limited, err == -ENOSPC ? p.store.limit_bytes != 0 : p.store.limit_bytes == 0);
}

T_TEST(another_limit_for_a_store_in_use)
{
	struct rzs_store *store;
	uint8_t page[RZS_PAGE_SIZE];
	struct rzs_worker *worker;
	uint64_t rng = t_seed();

	fresh("16M");
	complete();
	T_EQ(rzs_device_params_make(&p, &store), 0);
	relimit(store, "8M", true);
	T_EQ(p.store.limit_bytes, 8 << 20);
	relimit(store, "12M", true);
	relimit(store, "0", false);
	no_relimit(store, "x", -EINVAL, "memlimit=x");
	no_relimit(store, "1", -EINVAL, "needs at least");
	worker = rzs_worker_get(store, 0);
	for (rzs_slot_t slot = 0; slot < 1500; slot++) {
		for (unsigned i = 0; i < sizeof(page); i++)
			page[i] = (uint8_t)t_rand(&rng);
		T_EQ(rzs_store_write(store, worker, slot, page), 0);
	}
	rzs_worker_put(store, worker);
	no_relimit(store, "4M", -ENOSPC, "bytes are held now");
	relimit(store, "12M", true);
	no_relimit(store, "4M", -ENOSPC, "bytes are held now");
	rzs_store_destroy(store);
}

T_TEST(no_memory_for_a_store)
{
	static const enum rzs_test_call calls[] = {RZS_TEST_ALLOC, RZS_TEST_TAKE};
	struct rzs_store *store;

	fresh("1M");
	set("swap-header", "true");
	complete();
	for (unsigned i = 0; i < 2; i++) {
		unsigned refused = 0;
		int err;

		for (uint64_t nth = 1;; nth++) {
			rzs_test_fail(calls[i], nth, UINT64_MAX);
			store = (void *)&p;
			err = rzs_device_params_make(&p, &store);
			if (err == 0)
				break;
			refused++;
			T_EQ(err, -ENOMEM);
			T_EQ(store, NULL);
			T_EQ(rzs_test_live_bytes(), 0);
		}
		T_GT(refused, 0);
		rzs_test_fail(calls[i], 0, 0);
		check_page_0(store, true);
		rzs_store_destroy(store);
	}
}

static void shows(unsigned key, const char *value)
{
	char text[RZS_VALUE_SIZE_MAX];

	rzs_device_params_show(&p, key, text);
	T_STR_EQ(text, value);
}

T_TEST(recompression)
{
	fresh(NULL);
	shows(RZS_DEVICE_KEY_recompress, "off");
	shows(RZS_DEVICE_KEY_recompress_after, "60");
	shows(RZS_DEVICE_KEY_recompress_cpu, "10");
	shows(RZS_DEVICE_KEY_idle_step, "0");
	set("recompress", "lzo");
	shows(RZS_DEVICE_KEY_recompress, "lzo");
	set("recompress", "lzo:-3");
	shows(RZS_DEVICE_KEY_recompress, "lzo:-3");
	T_EQ(rzs_device_params_set(&p, "recompress", "lz", why), -EINVAL);
	T_EQ(rzs_device_params_set(&p, "recompress", "lzox", why), -EINVAL);
	T_EQ(rzs_device_params_set(&p, "recompress", "lzo:", why), -EINVAL);
	T_EQ(rzs_device_params_set(&p, "recompress", "lzo:100", why), -EINVAL);
	shows(RZS_DEVICE_KEY_recompress, "lzo:-3");
	set("recompress", "off");
	shows(RZS_DEVICE_KEY_recompress, "off");
	set("recompress-cpu", "25%");
	shows(RZS_DEVICE_KEY_recompress_cpu, "25");
	set("recompress-cpu", "100");
	shows(RZS_DEVICE_KEY_recompress_cpu, "100");
	T_EQ(rzs_device_params_set(&p, "recompress-cpu", "0", why), -EINVAL);
	T_EQ(rzs_device_params_set(&p, "recompress-cpu", "101%", why), -EINVAL);
	T_EQ(rzs_device_params_set(&p, "recompress-cpu", "%", why), -EINVAL);
	T_EQ(rzs_device_params_set(&p, "recompress-after", "-1", why), -EINVAL);
	shows(RZS_DEVICE_KEY_recompress_unit, "4");
	set("recompress-unit", "8");
	T_EQ(rzs_device_params_set(&p, "recompress-unit", "3", why), -EINVAL);
	T_EQ(rzs_device_params_set(&p, "recompress-unit", "0", why), -EINVAL);
	T_EQ(rzs_device_params_set(&p, "recompress-unit", "16", why), -EINVAL);
	shows(RZS_DEVICE_KEY_recompress_unit, "8");
	set("recompress-unit", "1");
	shows(RZS_DEVICE_KEY_recompress_unit, "1");
	T_EQ(rzs_device_params_set(&p, "idle-step", "86401", why), -EINVAL);
}
