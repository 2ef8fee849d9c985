/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rzscontrol's pure parts: numbers, the original's lines, JSON, OpenMetrics, rates.  What goes over
 * a socket is tests/e2e/rzscontrol.sh's part.
 */
#include "t.h"

#include "ramzswap_stats.h"
#include "rzst_json.h"
#include "rzsc_metrics.h"
#include "rzsc_nbd.h"
#include "rzsc_sample.h"
#include "rzsc_stats.h"

#define MANY UINT64_C(18446744073709551615)

/* ---- numbers ---- */

static int parse(const char *text)
{
	uint64_t n = 77;
	int err = rzst_number_parse(text, &n);

	if (err < 0)
		T_EQ(n, 0);
	return err;
}

T_TEST(numbers_have_nothing_around_them)
{
	uint64_t n;

	T_EQ(rzst_number_parse("0", &n), 0);
	T_EQ(n, 0);
	T_EQ(rzst_number_parse("00012", &n), 0);
	T_EQ(n, 12);
	T_EQ(rzst_number_parse("18446744073709551615", &n), 0);
	T_EQ(n, MANY);
	T_EQ(parse("18446744073709551616"), -ERANGE);
	T_EQ(parse("99999999999999999999999"), -ERANGE);
	T_EQ(parse(""), -EINVAL);
	T_EQ(parse("12abc"), -EINVAL);
	T_EQ(parse("-1"), -EINVAL);
	T_EQ(parse("+1"), -EINVAL);
	T_EQ(parse(" 1"), -EINVAL);
	T_EQ(parse("1 "), -EINVAL);
	T_EQ(parse("0x10"), -EINVAL);
}

T_TEST(a_refused_option_says_what_and_how)
{
	char why[200];
	uint64_t n;

	T_EQ(rzst_number_option("--disksize_kb", "40", "a number of KiB", 40, 99, &n, why,
				sizeof(why)),
	     0);
	T_EQ(n, 40);
	T_EQ(rzst_number_option("--disksize_kb", "99", "a number of KiB", 40, 99, &n, why,
				sizeof(why)),
	     0);
	T_EQ(n, 99);
	T_EQ(rzst_number_option("--disksize_kb", "39", "a number of KiB", 40, 99, &n, why,
				sizeof(why)),
	     -EINVAL);
	T_EQ(n, 0);
	T_STR_EQ(why, "--disksize_kb 39: expected a number of KiB, from 40 to 99");
	T_EQ(rzst_number_option("--disksize_kb", "100", "x", 40, 99, &n, why, sizeof(why)),
	     -EINVAL);
	T_EQ(rzst_number_option("--disksize_kb", "12abc", "x", 0, 99, &n, why, sizeof(why)),
	     -EINVAL);
}

T_TEST(seconds_may_have_a_fraction)
{
	static const char *const bad[] = {"",	 "0",	  "0.05", "-1",	  "1e3", "nan",
					  "inf", "1.2.3", ".",	  "0x10", " 1",	 "86401"};
	uint64_t ms;

	T_EQ(rzst_number_seconds("1", &ms), 0);
	T_EQ(ms, 1000);
	T_EQ(rzst_number_seconds("0.1", &ms), 0);
	T_EQ(ms, 100);
	T_EQ(rzst_number_seconds("2.25", &ms), 0);
	T_EQ(ms, 2250);
	T_EQ(rzst_number_seconds("86400", &ms), 0);
	T_EQ(ms, 86400000);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (rzst_number_seconds(bad[i], &ms) != -EINVAL)
			T_FAIL("\"%s\" was taken", bad[i]);
		T_EQ(ms, 0);
	}
}

T_TEST(sizes_for_people_keep_to_their_column)
{
	uint64_t seed = t_seed();
	char out[RZST_HUMAN_MAX];

	T_STR_EQ(rzst_human_bytes(0, out), "0");
	T_STR_EQ(rzst_human_bytes(1023, out), "1023");
	T_STR_EQ(rzst_human_bytes(1024, out), "1.0K");
	T_STR_EQ(rzst_human_bytes(1536, out), "1.5K");
	T_STR_EQ(rzst_human_bytes(16 << 20, out), "16.0M");
	/* Not 1024.0K. */
	T_STR_EQ(rzst_human_bytes((1 << 20) - 1, out), "1.0M");
	T_STR_EQ(rzst_human_bytes(MANY, out), "16.0E");
	T_STR_EQ(rzst_size_text(512, out), "512 B");
	T_STR_EQ(rzst_size_text(1536, out), "1.5 KiB");
	T_STR_EQ(rzst_size_text(160 << 20, out), "160 MiB");
	T_STR_EQ(rzst_size_text(0x1p60, out), "1048576 TiB");
	T_STR_EQ(rzst_size_text(0.0 / 0.0, out), "-");
	T_STR_EQ(rzst_size_text(1e308 * 10, out), "-");
	T_STR_EQ(rzst_human_ns(0, out), "-");
	T_STR_EQ(rzst_human_ns(850, out), "850ns");
	T_STR_EQ(rzst_human_ns(12000, out), "12us");
	T_STR_EQ(rzst_human_ns(999999, out), "1.0ms");
	T_STR_EQ(rzst_human_ns(1500000, out), "1.5ms");
	T_STR_EQ(rzst_human_ns(999999999, out), "1.0s");
	T_STR_EQ(rzst_human_ns(17000000000, out), "17.0s");
	/* Not 100000.0s. */
	T_STR_EQ(rzst_human_ns(99999999999999, out), "100000s");
	for (unsigned i = 0; i < 100000; i++) {
		uint64_t n = t_rand(&seed) >> (t_rand(&seed) % 64);

		T_LE(strlen(rzst_human_bytes(n, out)), 7);
		T_LE(strlen(rzst_human_ns(n % 100000000000000, out)), 8);
	}
}

T_TEST(what_others_say_cannot_speak_to_the_terminal)
{
	char text[] = "a\x1b[2Jb\n\x7f\xc2\x9b.\xc3\xa4";

	rzst_tame(text);
	T_STR_EQ(text, "a?[2Jb????.\xc3\xa4");
}

/* ---- text made into memory ---- */

static char made[65536];

/* The stream to print to, and afterwards its text in made. */
static FILE *begin_text(void)
{
	FILE *f = fmemopen(made, sizeof(made), "w");

	T_OK(f);
	return f;
}

static const char *end_text(FILE *f)
{
	T_EQ(fclose(f), 0);
	return made;
}

static struct rzst_value stats[] = {
	{"nr_pages", 16384},	   {"limit_bytes", 33554432}, {"pages_stored", 1024},
	{"pages_same", 124},	   {"pages_zero", 24},	      {"pages_compressed", 850},
	{"pages_raw", 50},	   {"pages_good", 700},	      {"orig_bytes", 4194304},
	{"object_bytes", 1638400}, {"mem_bytes", 2097152},    {"reads", 101},
	{"writes", 2000},	   {"discards", 3},	      {"failed_reads", 1},
	{"failed_writes", 6},
};

T_TEST(the_originals_lines)
{
	struct rzst_values values = {stats, sizeof(stats) / sizeof(stats[0])};
	FILE *f = begin_text();

	rzsc_stats_classic(f, &values, NULL);
	T_STR_EQ(end_text(f), "DiskSize:\t   65536 kB\n"
			      "MemLimit:\t   32768 kB\n"
			      "NumReads:\t     101\n"
			      "NumWrites:\t    2000\n"
			      "FailedReads:\t       1\n"
			      "FailedWrites:\t       6\n"
			      "InvalidIO:\t       0\n"
			      "NotifyFree:\t       3\n"
			      "ZeroPages:\t      24\n"
			      "GoodCompress:\t      80 %\n"
			      "NoCompress:\t       5 %\n"
			      "PagesStored:\t    1000\n"
			      "PagesUsed:\t     512\n"
			      "OrigDataSize:\t    4000 kB\n"
			      "ComprDataSize:\t    1600 kB\n"
			      "MemUsedTotal:\t    2048 kB\n");
}

/* No limit: no line of it.  Nothing stored: no division.  Numbers that do not fit: no nonsense. */
T_TEST(the_originals_lines_of_odd_numbers)
{
	struct rzst_value odd[] = {{"nr_pages", 4294967040},
				   {"pages_stored", 10},
				   {"pages_zero", 11},
				   {"pages_good", 5},
				   {"reads", MANY}};
	struct rzst_values values = {odd, sizeof(odd) / sizeof(odd[0])};
	FILE *f = begin_text();

	rzsc_stats_classic(f, &values, NULL);
	end_text(f);
	T_OK(strstr(made, "DiskSize:\t17179868160 kB\nNumReads:\t18446744073709551615\n"));
	T_OK(strstr(made, "GoodCompress:\t       0 %\n"));
	T_OK(strstr(made, "PagesStored:\t       0\n"));
	T_OK(!strstr(made, "MemLimit"));
}

/* The kernel's side of it cannot divide numbers of 64 bits. */
T_TEST(percent_is_exact)
{
	uint64_t state = t_seed(), whole, part;

	for (unsigned i = 0; i < 100000; i++) {
		state = state * 6364136223846793005ull + 1442695040888963407ull;
		whole = state >> (32 + i % 32);
		part = whole ? (state & 0xffffffff) % (whole + 1) : 0;
		T_EQ(ramzswap_percent(part, whole), whole ? part * 100 / whole : 0);
	}
}

/* A page of one repeated word is stored, and well compressed; one of zeros is neither. */
T_TEST(same_filled_pages_are_the_originals_good_ones)
{
	const struct ramzswap_store_stats counts = {
		.pages_stored = 10,
		.pages_same = 6,
		.pages_zero = 2,
		.pages_good = 1,
		.pages_raw = 2,
		.mem_bytes = 8191,
	};
	const struct ramzswap_orig_stats f = ramzswap_orig_stats(&counts);

	T_EQ(f.pages_stored, 8);
	T_EQ(f.orig_bytes, 8 * 4096);
	T_EQ(f.good_percent, 62);
	T_EQ(f.raw_percent, 25);
	T_EQ(f.pages_used, 1);
}

T_TEST(json_is_valid_whatever_the_text)
{
	struct rzst_json j;
	FILE *f = begin_text();

	rzst_json_begin(&j, f);
	rzst_json_text(&j, "a\"b", "\\ \n\x01 \xc3\xa4 \xf0\x9f\x90\x98");
	rzst_json_text(&j, "bad", "\xff.\xc3.\xed\xa0\x80.\xf4\x90\x80\x80.\xc0\x80");
	rzst_json_number(&j, "n", MANY);
	rzst_json_fraction(&j, "half", 0.5);
	rzst_json_fraction(&j, "nan", 0.0 / 0.0);
	rzst_json_fraction(&j, "inf", 1.0 / 0.0);
	rzst_json_array(&j, "list");
	rzst_json_bool(&j, NULL, true);
	rzst_json_null(&j, NULL);
	rzst_json_object(&j, NULL);
	rzst_json_object_end(&j);
	rzst_json_array_end(&j);
	rzst_json_end(&j);
	T_STR_EQ(end_text(f),
		 "{\"a\\\"b\":\"\\\\ \\u000a\\u0001 \xc3\xa4 \xf0\x9f\x90\x98\","
		 "\"bad\":\"\\ufffd.\\ufffd.\\ufffd\\ufffd\\ufffd.\\ufffd\\ufffd\\ufffd\\ufffd."
		 "\\ufffd\\ufffd\","
		 "\"n\":18446744073709551615,\"half\":0.5,\"nan\":null,\"inf\":null,"
		 "\"list\":[true,null,{}]}\n");
}

/* ---- OpenMetrics ---- */

static struct rzst_stat_info table[] = {
	{"reads", true, true, "pages read"},
	{"reads", true, true, "the same again"},
	{"mem_bytes", true, false, "all memory held"},
	{"read_p50_ns", true, false, "said by the summary"},
	{"idle_ns", true, true, "time without work"},
	{"up", true, false, "a name that is ours"},
	{"Bad-Name", true, false, "no metric's name"},
	{"threads_stuck", false, true, "a \"quoted\" back\\slash"},
};

/* On a bound, one beyond it, below the first and above the last; and of a kind with no request. */
static struct rzst_bucket buckets[] = {{15, 1}, {1023, 2}, {1087, 4}, {1151, 8}, {1140850687, 16}};
static struct rzst_histogram histograms[] = {
	{"read", 31, 18000000003, buckets, 5},
	{"write", 0, 0, NULL, 0},
};

T_TEST(requests_within_a_time)
{
	T_EQ(rzst_histogram_within(&histograms[0], 0), 0);
	T_EQ(rzst_histogram_within(&histograms[0], 15), 1);
	T_EQ(rzst_histogram_within(&histograms[0], 1022), 1);
	T_EQ(rzst_histogram_within(&histograms[0], 1023), 3);
	T_EQ(rzst_histogram_within(&histograms[0], UINT64_MAX), 31);
	T_EQ(rzst_histogram_within(&histograms[1], UINT64_MAX), 0);
}

#define LATENCY_HEAD                                                                          \
	"# TYPE ramzswap_request_latency_seconds histogram\n"                                 \
	"# UNIT ramzswap_request_latency_seconds seconds\n"                                   \
	"# HELP ramzswap_request_latency_seconds how many requests took how long, since the " \
	"device was initialised\n"
#define BUCKET	  "ramzswap_request_latency_seconds_bucket{device=\"d\",socket=\"s\",op="
#define LE(le, n) BUCKET "\"read\",le=\"" le "\"} " n "\n"

/* clang-format off */
static const char histogram_text[] =
	LATENCY_HEAD
	LE("0.000001023", "3")
	LE("0.000002047", "15")
	LE("0.000004095", "15")
	LE("0.000008191", "15")
	LE("0.000016383", "15")
	LE("0.000032767", "15")
	LE("0.000065535", "15")
	LE("0.000131071", "15")
	LE("0.000262143", "15")
	LE("0.000524287", "15")
	LE("0.001048575", "15")
	LE("0.002097151", "15")
	LE("0.004194303", "15")
	LE("0.008388607", "15")
	LE("0.016777215", "15")
	LE("0.033554431", "15")
	LE("0.067108863", "15")
	LE("0.134217727", "15")
	LE("0.268435455", "15")
	LE("0.536870911", "15")
	LE("1.073741823", "15")
	LE("+Inf", "31")
	"ramzswap_request_latency_seconds_count{device=\"d\",socket=\"s\",op=\"read\"} 31\n"
	"ramzswap_request_latency_seconds_sum{device=\"d\",socket=\"s\",op=\"read\"} 18.000000003\n"
	BUCKET "\"write\",le=\"0.000001023\"} 0\n";
/* clang-format on */

T_TEST(a_histogram_has_the_same_bounds_always)
{
	struct rzsc_metric_device device = {.socket = "s", .info = {.name = "d", .ready = true}};
	struct rzsc_metrics m = {.devices = &device, .nr_devices = 1};
	FILE *f = begin_text();

	memcpy(device.histograms.v, histograms, sizeof(histograms));
	device.histograms.nr = 2;
	rzsc_metrics_print(f, &m);
	if (!strstr(end_text(f), histogram_text))
		T_FAIL("not as expected");
}

static const char metrics_text[] =
	"# TYPE ramzswap_up gauge\n"
	"# HELP ramzswap_up 1 when the server answers on its control socket\n"
	"ramzswap_up{socket=\"s\"} 1\n"
	"# TYPE ramzswap_protection gauge\n"
	"# HELP ramzswap_protection which state a protection of the server is in\n"
	"ramzswap_protection{socket=\"s\",protection=\"lock\",state=\"ok\"} 0\n"
	"ramzswap_protection{socket=\"s\",protection=\"lock\",state=\"refused\"} 1\n"
	"ramzswap_protection{socket=\"s\",protection=\"lock\",state=\"off\"} 0\n"
	"# TYPE ramzswap_process_threads_stuck counter\n"
	"# HELP ramzswap_process_threads_stuck a 'quoted' back\\\\slash\n"
	"ramzswap_process_threads_stuck_total{socket=\"s\"} 2\n"
	"# TYPE ramzswap_ready gauge\n"
	"# HELP ramzswap_ready 1 when the device is initialised\n"
	"ramzswap_ready{device=\"swap0\",socket=\"/a\\\"b\\\\c\\nd\"} 1\n"
	"ramzswap_ready{device=\"swap1\",socket=\"s\"} 0\n"
	"# TYPE ramzswap_stale_bytes gauge\n"
	"# UNIT ramzswap_stale_bytes bytes\n"
	"# HELP ramzswap_stale_bytes bytes stored that the kernel, which swaps to the "
	"device, no longer needs\n"
	"ramzswap_stale_bytes{device=\"swap0\",socket=\"/a\\\"b\\\\c\\nd\"} 8192\n"
	"# TYPE ramzswap_request_duration_seconds summary\n"
	"# UNIT ramzswap_request_duration_seconds seconds\n"
	"# HELP ramzswap_request_duration_seconds how long requests took, since the device "
	"was initialised\n"
#define READ "{device=\"swap0\",socket=\"/a\\\"b\\\\c\\nd\",op=\"read\""
	"ramzswap_request_duration_seconds" READ ",quantile=\"0.5\"} 0.000020000\n"
	"ramzswap_request_duration_seconds" READ ",quantile=\"0.9\"} 0.000040000\n"
	"ramzswap_request_duration_seconds" READ ",quantile=\"0.99\"} 0.000050000\n"
	"ramzswap_request_duration_seconds" READ ",quantile=\"0.999\"} 0.000050000\n"
	"ramzswap_request_duration_seconds_count" READ "} 3\n"
	"ramzswap_request_duration_seconds_sum" READ "} 0.000090000\n"
	"# TYPE ramzswap_request_bytes counter\n"
	"# UNIT ramzswap_request_bytes bytes\n"
	"# HELP ramzswap_request_bytes bytes of data in requests\n"
	"ramzswap_request_bytes_total" READ "} 12288\n" LATENCY_HEAD
	"# TYPE ramzswap_reads counter\n"
	"# HELP ramzswap_reads pages read\n"
	"ramzswap_reads_total{device=\"swap0\",socket=\"/a\\\"b\\\\c\\nd\"} 7\n"
	"# TYPE ramzswap_mem_bytes gauge\n"
	"# UNIT ramzswap_mem_bytes bytes\n"
	"# HELP ramzswap_mem_bytes all memory held\n"
	"ramzswap_mem_bytes{device=\"swap0\",socket=\"/a\\\"b\\\\c\\nd\"} 4096\n"
	"# TYPE ramzswap_idle_seconds counter\n"
	"# UNIT ramzswap_idle_seconds seconds\n"
	"# HELP ramzswap_idle_seconds time without work\n"
	"ramzswap_idle_seconds_total{device=\"swap0\",socket=\"/a\\\"b\\\\c\\nd\"} "
	"1.500000001\n"
	"# EOF\n";

T_TEST(metrics_follow_the_rules_of_openmetrics)
{
	struct rzst_value device[] = {{"reads", 7}, {"mem_bytes", 4096}, {"idle_ns", 1500000001}};
	struct rzst_value process[] = {{"threads_stuck", 2}};
	struct rzst_text protections[] = {{"lock", "refused"}};
	struct rzsc_metric_device devices[] = {
		{.socket = "/a\"b\\c\nd",
		 .info = {.name = "swap0", .ready = true},
		 .stats = {device, 3},
		 .latency = {.v = {{"read", 3, 12288, 90000, 50000, 20000, 40000, 50000, 50000}},
			     .nr = 1},
		 .stale_known = true,
		 .stale = 8192},
		{.socket = "s", .info = {.name = "swap1"}},
	};
	struct rzsc_metric_server server = {.socket = "s",
					    .up = true,
					    .process = {process, 1},
					    .protections = {protections, 1}};
	struct rzsc_metrics m = {
		.table = {table, sizeof(table) / sizeof(table[0])},
		.servers = &server,
		.nr_servers = 1,
		.devices = devices,
		.nr_devices = 2,
	};
	FILE *f = begin_text();

	rzsc_metrics_print(f, &m);
	T_STR_EQ(end_text(f), metrics_text);
}

/* ---- devices and rates ---- */

T_TEST(nbd_devices_are_told_from_other_paths)
{
	unsigned n;

	T_OK(rzst_nbd_is("/dev/nbd0", &n));
	T_EQ(n, 0);
	T_OK(rzst_nbd_is("/dev/nbd15", &n));
	T_EQ(n, 15);
	T_OK(!rzst_nbd_is("/dev/nbd", &n));
	T_OK(!rzst_nbd_is("/dev/nbd0p1", &n));
	T_OK(!rzst_nbd_is("/dev/nbd-1", &n));
	T_OK(!rzst_nbd_is("nbd0", &n));
	T_OK(!rzst_nbd_is("/dev/nbd10000", &n));
}

T_TEST(stale_is_what_the_kernel_does_not_use)
{
	struct rzsc_nbd nbd = {.used = 10 * 4096};

	/* The swap header's page is nobody's. */
	T_EQ(rzsc_nbd_stale(&nbd, 11 * 4096), 0);
	T_EQ(rzsc_nbd_stale(&nbd, 14 * 4096), 3 * 4096);
	T_EQ(rzsc_nbd_stale(&nbd, 0), 0);
}

T_TEST(rates_are_differences_over_time)
{
	struct rzsc_row old[2] = {{.info = {.name = "a", .ready = true},
				   .reads = 100,
				   .writes = 10,
				   .read_bytes = 4096,
				   .write_bytes = 0}};
	struct rzsc_row new[2] = {
		{.info = {.name = "b", .ready = true}, .reads_per_second = 0.0 / 0.0},
		{.info = {.name = "a", .ready = true},
		 .reads = 110,
		 .writes = 10,
		 .read_bytes = 8192,
		 .write_bytes = 2000,
		 .reads_per_second = 0.0 / 0.0}};
	struct rzsc_sample before = {.when_ns = 1000, .v = old, .nr = 1};
	struct rzsc_sample now = {.when_ns = 1000 + 500000000, .v = new, .nr = 2};

	rzsc_sample_rates(&now, &before);
	T_OK(new[0].reads_per_second != new[0].reads_per_second);
	T_OK(new[1].reads_per_second == 20);
	T_OK(new[1].writes_per_second == 0);
	T_OK(new[1].read_bytes_per_second == 8192);
	T_OK(new[1].write_bytes_per_second == 4000);

	/* Made anew in between: it has nothing to do with the old one. */
	new[1].reads_per_second = 0.0 / 0.0;
	old[0].writes = 11;
	rzsc_sample_rates(&now, &before);
	T_OK(new[1].reads_per_second != new[1].reads_per_second);
}
