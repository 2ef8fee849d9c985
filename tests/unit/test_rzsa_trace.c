/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Traces: lines that are read and written, and what is refused; and their replay. */
#include "autoswap_rig.h"

#include "rzsa_simulate.h"
#include "rzsa_trace.h"

static struct rzsa_inputs in;
static int64_t at;
static char why[256];

static int take(const char *text)
{
	char line[RZSA_TRACE_LINE];

	snprintf(line, sizeof(line), "%s", text);
	why[0] = '\0';
	return rzsa_trace_read(line, &at, &in, why, sizeof(why));
}

T_TEST(a_line_says_what_was_seen)
{
	T_EQ(take("t=1500 mem=1000 avail=400 psi=123:sc swapins=1 refaults=2 stalls=3 disk=4 "
		  "spare=5 device diet area=7:zmpsr:80:70:60:50:40:30:45:2500 area=0:d:9:8 "
		  "result=retire-area:interrupted result=prepare-file:too-big:77"),
	     1);
	T_EQ(at, 1500);
	T_EQ(in.mem_total, 1000);
	T_EQ(in.mem_available, 400);
	T_OK(in.psi && in.psi_short && in.psi_critical && in.can_add_device && in.diet_asked);
	T_EQ(in.psi_avg60, 123);
	T_EQ(in.swapins, 1);
	T_EQ(in.refaults, 2);
	T_EQ(in.stalls, 3);
	T_EQ(in.disk_free, 4);
	T_EQ(in.spare, 5);
	T_EQ(in.nr_areas, 2);
	T_EQ(in.area[0].id, 7);
	T_EQ(in.area[0].kind, RZSA_COMPRESSED);
	T_OK(in.area[0].managed && in.area[0].permanent && in.area[0].draining &&
	     in.area[0].reclaims);
	T_EQ(in.area[0].size, 80);
	T_EQ(in.area[0].used, 70);
	T_EQ(in.area[0].stored, 60);
	T_EQ(in.area[0].mem, 50);
	T_EQ(in.area[0].limit, 40);
	T_EQ(in.area[0].limit_min, 30);
	T_EQ(in.area[0].limit_max, 45);
	T_EQ(in.area[0].recent, 2500);
	T_EQ(in.area[1].kind, RZSA_DISK);
	T_EQ(in.area[1].managed, false);
	T_EQ(in.nr_results, 2);
	T_EQ(in.result[0].act, RZSA_RETIRE);
	T_EQ(in.result[0].outcome, RZSA_INTERRUPTED);
	T_EQ(in.result[1].kib, 77);
	/* The least; without PSI. */
	T_EQ(take("  mem=1\tt=0 \r"), 1);
	T_EQ(in.psi, false);
	T_EQ(in.nr_areas, 0);
	T_EQ(take(""), 0);
	T_EQ(take("  # t=1"), 0);
}

T_TEST(what_is_no_trace_is_refused)
{
	static const char *const rows[][2] = {
		{"mem=1", "t= is missing"},
		{"t=1", "mem= is missing"},
		{"t=1 mem=x", "mem=x: expected a number"},
		{"t=-1 mem=1", "t=-1"},
		{"t=9223372036854775807 mem=1", "t=9223372036854775807: expected a number from 0"},
		{"t=1 mem=18446744073709551616", "expected a number"},
		{"t=1 mem=1 rain=5", "rain: no such key"},
		{"t=1 mem=1 rain", "rain: expected KEY=VALUE"},
		{"t=1 mem=1 psi=", "psi=: expected"},
		{"t=1 mem=1 psi=10001", "psi=10001"},
		{"t=1 mem=1 psi=1:x", "psi: x: expected s or c"},
		{"t=1 mem=1 area=", "expected ID"},
		{"t=1 mem=1 area=1", "expected ID"},
		{"t=1 mem=1 area=1:d", "expected SIZE:USED"},
		{"t=1 mem=1 area=1:d:5", "expected SIZE:USED"},
		{"t=1 mem=1 area=1:x:5:5", "expected d or z"},
		{"t=1 mem=1 area=1:dy:5:5", "y: expected m, p, s, r or f"},
		{"t=1 mem=1 area=4294967296:d:5:5", "expected a number"},
		{"t=1 mem=1 area=1:d:5:5 area=1:d:5:5", "area 1 is there twice"},
		{"t=1 mem=1 area=1:z:1:1:1:1:1:1:1:1:1", "more than 8 numbers"},
		{"t=1 mem=1 result=", "expected ACTION:OUTCOME"},
		{"t=1 mem=1 result=retire-area", "expected ACTION:OUTCOME"},
		{"t=1 mem=1 result=eat:done", "expected ACTION:OUTCOME"},
		{"t=1 mem=1 result=retire-area:eaten", "expected ACTION:OUTCOME"},
		{"t=1 mem=1 result=retire-area:done:x", "expected a number"},
		{"t=1 mem=1 \033[31m", "?[31m"},
	};
	char many[RZSA_TRACE_LINE] = "t=1 mem=1";

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(&in, 0x55, sizeof(in));
		T_EQ(take(rows[i][0]), -EINVAL);
		if (!strstr(why, rows[i][1]))
			T_FAIL("\"%s\": \"%s\" does not say \"%s\"", rows[i][0], why, rows[i][1]);
		T_EQ(in.mem_total, 0);
		T_EQ(in.nr_areas, 0);
	}
	for (unsigned i = 0; i < 33; i++)
		snprintf(many + strlen(many), sizeof(many) - strlen(many), " area=%u:d:1:1", i);
	T_EQ(take(many), -EINVAL);
	T_STR_EQ(why, "more than 32 areas");
	strcpy(many, "t=1 mem=1");
	for (unsigned i = 0; i < 9; i++)
		strcat(many, " result=reclaim:done");
	T_EQ(take(many), -EINVAL);
	T_STR_EQ(why, "more than 8 results");
}

/* All that can be seen is written and read again as it was; the longest line has room. */
T_TEST(what_is_written_is_read_again)
{
	uint64_t seed = t_seed();
	char line[RZSA_TRACE_LINE];

	for (unsigned i = 0; i < 3000; i++) {
		const unsigned bits = 1 + t_rand(&seed) % 64;
		struct rzsa_inputs made = {0};
		int64_t then = (int64_t)(t_rand(&seed) % RZSA_TIME_MAX);

#define RANDOM (t_rand(&seed) >> (64 - bits))
		made.mem_total = RANDOM | 1;
		made.mem_available = RANDOM;
		made.psi = t_rand(&seed) & 1;
		if (made.psi) {
			made.psi_avg60 = t_rand(&seed) % 10001;
			made.psi_short = t_rand(&seed) & 1;
			made.psi_critical = t_rand(&seed) & 1;
		}
		made.swapins = RANDOM;
		made.refaults = RANDOM;
		made.stalls = RANDOM;
		made.disk_free = RANDOM;
		made.spare = RANDOM;
		made.can_add_device = t_rand(&seed) & 1;
		made.diet_asked = t_rand(&seed) & 1;
		made.nr_areas = t_rand(&seed) % (RZSA_AREAS_MAX + 1);
		for (unsigned k = 0; k < made.nr_areas; k++) {
			struct rzsa_area *a = &made.area[k];

			a->id = UINT32_MAX - k;
			a->managed = t_rand(&seed) & 1;
			a->permanent = t_rand(&seed) & 1;
			a->draining = t_rand(&seed) & 1;
			a->reclaims = t_rand(&seed) & 1;
			a->size = RANDOM;
			a->used = RANDOM;
			a->kind = t_rand(&seed) & 1;
			if (a->kind == RZSA_DISK)
				continue;
			a->stored = RANDOM;
			a->mem = RANDOM;
			a->limit = RANDOM;
			a->limit_min = RANDOM;
			a->limit_max = RANDOM;
			a->recent = (unsigned)RANDOM;
		}
		made.nr_results = t_rand(&seed) % (RZSA_RESULTS_MAX + 1);
		for (unsigned k = 0; k < made.nr_results; k++)
			made.result[k] = (struct rzsa_result){
				t_rand(&seed) % RZSA_ACTS, t_rand(&seed) % RZSA_OUTCOMES, RANDOM};
		T_GT(rzsa_trace_write(line, sizeof(line), then, &made), 0);
		T_EQ(take(line), 1);
		T_EQ(at, then);
		T_MEM_EQ(&in, &made, sizeof(in));
	}
	T_EQ(rzsa_trace_write(line, 20, 1, &in), -ENOSPC);
}

/* ---- replay ---- */

static char out[65536];

static int replay(const char *trace, bool json)
{
	FILE *f = fmemopen((void *)(uintptr_t)trace, strlen(trace) + !*trace, "r");
	FILE *to = fmemopen(out, sizeof(out), "w");
	struct rzsa_config c;
	int err;

	T_OK(f && to);
	if (!*trace)
		T_EQ(getc(f), 0);
	rzsa_config_init(&c);
	c.files = true;
	why[0] = '\0';
	err = rzsa_simulate(&c, f, "x.trace", json, to, why, sizeof(why));
	fclose(f);
	fclose(to);
	return err;
}

#define HEAD RZSA_TRACE_HEAD "\n"

/* What a decision changes is seen by the next: a file is made, swapped to, and is there. */
T_TEST(a_replay_goes_on_with_what_it_decided)
{
	static const char trace[] =
		HEAD "# a shortage that passes\n"
		     "t=0 mem=1048576 avail=500000 psi=0 disk=100000000\n"
		     "t=1000 mem=1048576 avail=90000 psi=0 disk=100000000\n"
		     "t=2000 mem=1048576 avail=90000 psi=0 disk=100000000\n"
		     "t=3000 mem=1048576 avail=90000 psi=0 disk=100000000\n"
		     "t=4000 mem=1048576 avail=900000 psi=0 disk=100000000\n"
		     "\n"
		     "t=604000 mem=1048576 avail=900000 psi=0 disk=100000000\n"
		     "t=605000 mem=1048576 avail=900000 psi=0 disk=100000000\n"
		     "t=1205000 mem=1048576 avail=900000 psi=0 disk=100000000\n"
		     "t=1206000 mem=1048576 avail=900000 psi=0 disk=100000000\n";

	T_EQ(replay(trace, false), 0);
	T_STR_EQ(out, "0.000 s: hungry -> steady\n"
		      "1.000 s: steady -> hungry; prepare-file 313 MiB\n"
		      "2.000 s: hungry; add-file 313 MiB\n"
		      "3.000 s: hungry; prepare-file 191 MiB\n"
		      "604.000 s: hungry -> steady\n"
		      "605.000 s: steady -> overfed\n"
		      "1205.000 s: overfed -> steady; retire-area 4026531840\n"
		      "1206.000 s: steady -> overfed\n"
		      "9 ticks, 1206 s, 6 transitions\n"
		      "  3 s steady\n"
		      "  603 s hungry\n"
		      "  600 s overfed\n"
		      "  1 x add-file\n"
		      "  2 x prepare-file\n"
		      "  1 x retire-area\n");
	T_EQ(replay(trace, true), 0);
	T_OK(strstr(
		out,
		"{\"events\":[{\"ms\":0,\"state\":\"steady\",\"actions\":[]},"
		"{\"ms\":1000,\"state\":\"hungry\",\"actions\":[{\"action\":\"prepare-file\","));
	T_OK(strstr(out, "\"retire-area\":1"));
	/* A result of the trace counts for more than the hope that it went well. */
	T_EQ(replay(HEAD
		    "t=1 mem=1048576 avail=90000 disk=100000000\n"
		    "t=2 mem=1048576 avail=90000 disk=100000000 result=prepare-file:no-space\n",
		    false),
	     0);
	T_OK(strstr(out, "0.002 s: hungry -> diet\n"));
}

T_TEST(a_limit_and_a_device_are_laid_over)
{
	T_EQ(replay(HEAD "t=1000 mem=1048576 avail=150000 device "
			 "area=1:zm:700000:650000:650000:200000:210000:0:300000:3000\n"
			 "t=20000 mem=1048576 avail=150000 device "
			 "area=1:zm:700000:650000:650000:200000:210000:0:300000:3000\n"
			 "t=21000 mem=1048576 avail=60000 device "
			 "area=1:zm:700000:690000:690000:150000:210000:0:300000:3000\n"
			 "t=22000 mem=1048576 avail=60000 device "
			 "area=1:zm:700000:690000:690000:150000:210000:0:300000:3000\n",
		    false),
	     0);
	T_OK(strstr(out, "1.000 s: hungry; raise-limit 1 269 MiB\n"));
	T_OK(strstr(out, "; add-device\n"));
	T_EQ(strstr(strstr(out, "; add-device\n") + 1, "; add-device\n"), NULL);
}

T_TEST(what_cannot_be_replayed_says_where)
{
	static const char *const rows[][2] = {
		{"", "x.trace:1: not a trace: it is empty"},
		{"t=1 mem=1\n", "x.trace:1: not a trace: expected \"rzs-autoswap-trace 1\""},
		{HEAD "t=1 mem=1\n\nt=1 mem=1\n", "x.trace:4: t=1: not later than the tick before"},
		{HEAD "t=1 mem=1\nx\n", "x.trace:3: x: expected KEY=VALUE, device or diet"},
	};
	static char longer[RZSA_TRACE_LINE + 100];

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		T_EQ(replay(rows[i][0], i & 1), -EINVAL);
		T_STR_EQ(why, rows[i][1]);
	}
	strcpy(longer, HEAD);
	memset(longer + strlen(longer), ' ', sizeof(longer) - 1 - strlen(longer));
	longer[sizeof(longer) - 2] = '\n';
	T_EQ(replay(longer, false), -EINVAL);
	T_STR_EQ(why, "x.trace:2: longer than 8190 bytes");
}
