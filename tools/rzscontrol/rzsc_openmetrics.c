/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The text of metrics; see rzsc_metrics.h.  The name of a family is "ramzswap_", for statistics of
 * the process "ramzswap_process_", and the name of the statistic.  As the specification demands,
 * nanoseconds become seconds, and samples of a counter end in _total.
 */
#include <string.h>

#include "rzsc_metrics.h"
#include "rzsc_stats.h"

#define FAMILY_MAX 128u

/*
 * Bounds of buckets, from 1 us to 1 s.  Powers of two less one also end a bucket of the server's.
 */
#define FIRST_BOUND_BITS 10u
#define LAST_BOUND_BITS	 30u

enum type { GAUGE, COUNTER, SUMMARY, HISTOGRAM };

/* ---- lines ---- */

/* quote: what a quote is replaced by; readers differ on quotes outside of labels. */
static void put_escaped(FILE *f, const char *text, const char *quote)
{
	for (; *text; text++) {
		if (*text == '\\')
			fputs("\\\\", f);
		else if (*text == '\n')
			fputs("\\n", f);
		else if (*text == '"')
			fputs(quote, f);
		else
			fputc(*text, f);
	}
}

static void put_label(FILE *f, const char *key, const char *value, bool last)
{
	fprintf(f, "%s=\"", key);
	put_escaped(f, value, "\\\"");
	fputs(last ? "\"" : "\",", f);
}

static bool ends_in(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len > end_len && strcmp(text + len - end_len, end) == 0;
}

static void put_family(FILE *f, const char *family, enum type type, const char *help)
{
	static const char *const types[] = {"gauge", "counter", "summary", "histogram"};

	fprintf(f, "# TYPE %s %s\n", family, types[type]);
	if (ends_in(family, "_bytes"))
		fprintf(f, "# UNIT %s bytes\n", family);
	if (ends_in(family, "_seconds"))
		fprintf(f, "# UNIT %s seconds\n", family);
	fprintf(f, "# HELP %s ", family);
	put_escaped(f, help, "'");
	fputc('\n', f);
}

/* Nanoseconds as seconds, exactly. */
static void put_seconds(FILE *f, uint64_t ns)
{
	fprintf(f, "%llu.%09llu\n", (unsigned long long)(ns / 1000000000u),
		(unsigned long long)(ns % 1000000000u));
}

static void put_number(FILE *f, uint64_t value)
{
	fprintf(f, "%llu\n", (unsigned long long)value);
}

/* NAME{device="...",socket="..."} without the value. */
static void put_device(FILE *f, const char *sample, const struct rzsc_metric_device *d)
{
	fprintf(f, "%s{", sample);
	put_label(f, "device", d->info.name, false);
	put_label(f, "socket", d->socket, true);
	fputs("} ", f);
}

static void put_server(FILE *f, const char *sample, const struct rzsc_metric_server *s)
{
	fprintf(f, "%s{", sample);
	put_label(f, "socket", s->socket, true);
	fputs("} ", f);
}

/* ---- the statistics of the table ---- */

/* Whether the name is valid, has no family of its own below, and was not seen before. */
static bool is_fit(const struct rzst_stat_infos *table, size_t i)
{
	static const char *const own[] = {
		"up",
		"ready",
		"stale_bytes",
		"general_profit_bytes",
		"protection",
		"request_duration_seconds",
		"request_latency_seconds",
		"request_bytes",
	};
	const struct rzst_stat_info *s = &table->v[i];

	if (!*s->name || s->name[strspn(s->name, "abcdefghijklmnopqrstuvwxyz0123456789_")] != '\0')
		return false;
	for (size_t k = 0; k < sizeof(own) / sizeof(own[0]); k++)
		if (strcmp(s->name, own[k]) == 0)
			return false;
	for (size_t k = 0; k < i; k++)
		if (table->v[k].of_device == s->of_device && strcmp(table->v[k].name, s->name) == 0)
			return false;
	return true;
}

/* Whether the summary has it already: read_requests, read_ns, ... */
static bool is_in_summary(const struct rzsc_metrics *m, const char *name)
{
	static const char *const ends[] = {"_requests", "_bytes", "_ns", "_p50_ns", "_p99_ns"};

	for (size_t i = 0; i < m->nr_devices; i++)
		for (unsigned k = 0; k < m->devices[i].latency.nr; k++) {
			const char *op = m->devices[i].latency.v[k].op;
			size_t len = strlen(op);

			if (strncmp(name, op, len) != 0)
				continue;
			for (size_t e = 0; e < sizeof(ends) / sizeof(ends[0]); e++)
				if (strcmp(name + len, ends[e]) == 0)
					return true;
		}
	return false;
}

/* A family without samples is left out: an old driver does not have all statistics. */
static void put_stat(FILE *f, const struct rzsc_metrics *m, const struct rzst_stat_info *s)
{
	char family[FAMILY_MAX], sample[FAMILY_MAX + 8];
	bool time = ends_in(s->name, "_ns"), found, begun = false;
	size_t nr = s->of_device ? m->nr_devices : m->nr_servers;

	snprintf(family, sizeof(family), "ramzswap_%s%.*s%s", s->of_device ? "" : "process_",
		 (int)(strlen(s->name) - (time ? 3 : 0)), s->name, time ? "_seconds" : "");
	snprintf(sample, sizeof(sample), "%s%s", family, s->counter ? "_total" : "");
	for (size_t i = 0; i < nr; i++) {
		uint64_t value =
			rzst_value_of(s->of_device ? &m->devices[i].stats : &m->servers[i].process,
				      s->name, &found);

		if (!found)
			continue;
		if (!begun)
			put_family(f, family, s->counter ? COUNTER : GAUGE, s->help);
		begun = true;
		if (s->of_device)
			put_device(f, sample, &m->devices[i]);
		else
			put_server(f, sample, &m->servers[i]);
		if (time)
			put_seconds(f, value);
		else
			put_number(f, value);
	}
}

/* ---- families of our own ---- */

static void put_up(FILE *f, const struct rzsc_metrics *m)
{
	put_family(f, "ramzswap_up", GAUGE, "1 when the server answers on its control socket");
	for (size_t i = 0; i < m->nr_servers; i++) {
		put_server(f, "ramzswap_up", &m->servers[i]);
		put_number(f, m->servers[i].up);
	}
}

/* A state set, written as gauges: one for each state. */
static void put_protections(FILE *f, const struct rzsc_metrics *m)
{
	static const char *const states[] = {"ok", "refused", "off"};

	put_family(f, "ramzswap_protection", GAUGE, "which state a protection of the server is in");
	for (size_t i = 0; i < m->nr_servers; i++)
		for (size_t k = 0; k < m->servers[i].protections.nr; k++) {
			const struct rzst_text *p = &m->servers[i].protections.v[k];

			for (size_t n = 0; n < sizeof(states) / sizeof(states[0]); n++) {
				fputs("ramzswap_protection{", f);
				put_label(f, "socket", m->servers[i].socket, false);
				put_label(f, "protection", p->name, false);
				put_label(f, "state", states[n], true);
				fprintf(f, "} %d\n", strcmp(p->text, states[n]) == 0);
			}
		}
}

static void put_ready(FILE *f, const struct rzsc_metrics *m)
{
	put_family(f, "ramzswap_ready", GAUGE, "1 when the device is initialised");
	for (size_t i = 0; i < m->nr_devices; i++) {
		put_device(f, "ramzswap_ready", &m->devices[i]);
		put_number(f, m->devices[i].info.ready);
	}
}

static void put_stale(FILE *f, const struct rzsc_metrics *m)
{
	put_family(f, "ramzswap_stale_bytes", GAUGE,
		   "bytes stored that the kernel, which swaps to the device, no longer needs");
	for (size_t i = 0; i < m->nr_devices; i++) {
		if (!m->devices[i].stale_known)
			continue;
		put_device(f, "ramzswap_stale_bytes", &m->devices[i]);
		put_number(f, m->devices[i].stale);
	}
}

static void put_profit(FILE *f, const struct rzsc_metrics *m)
{
	int64_t profit;
	bool begun = false;

	for (size_t i = 0; i < m->nr_devices; i++) {
		if (!rzsc_stats_profit(&m->devices[i].stats, &profit))
			continue;
		if (!begun)
			put_family(f, "ramzswap_general_profit_bytes", GAUGE,
				   "what merging saves, less the memory it needs");
		begun = true;
		put_device(f, "ramzswap_general_profit_bytes", &m->devices[i]);
		fprintf(f, "%lld\n", (long long)profit);
	}
}

/* label: one more label; NULL: none. */
static void put_request(FILE *f, const char *sample, const struct rzsc_metric_device *d,
			const char *op, const char *label, const char *value)
{
	fprintf(f, "%s{", sample);
	put_label(f, "device", d->info.name, false);
	put_label(f, "socket", d->socket, false);
	put_label(f, "op", op, !label);
	if (label)
		put_label(f, label, value, true);
	fputs("} ", f);
}

static void put_durations(FILE *f, const struct rzsc_metrics *m)
{
	static const char family[] = "ramzswap_request_duration_seconds";

	put_family(f, family, SUMMARY, "how long requests took, since the device was initialised");
	for (size_t i = 0; i < m->nr_devices; i++)
		for (unsigned k = 0; k < m->devices[i].latency.nr; k++) {
			const struct rzsc_metric_device *d = &m->devices[i];
			const struct rzst_latency_info *l = &d->latency.v[k];
			const struct {
				const char *quantile;
				uint64_t ns;
			} all[] = {
				{"0.5", l->p50_ns},
				{"0.9", l->p90_ns},
				{"0.99", l->p99_ns},
				{"0.999", l->p999_ns},
			};

			for (size_t n = 0; n < sizeof(all) / sizeof(all[0]); n++) {
				put_request(f, family, d, l->op, "quantile", all[n].quantile);
				put_seconds(f, all[n].ns);
			}
			put_request(f, "ramzswap_request_duration_seconds_count", d, l->op, NULL,
				    NULL);
			put_number(f, l->count);
			put_request(f, "ramzswap_request_duration_seconds_sum", d, l->op, NULL,
				    NULL);
			put_seconds(f, l->sum_ns);
		}
	put_family(f, "ramzswap_request_bytes", COUNTER, "bytes of data in requests");
	for (size_t i = 0; i < m->nr_devices; i++)
		for (unsigned k = 0; k < m->devices[i].latency.nr; k++) {
			put_request(f, "ramzswap_request_bytes_total", &m->devices[i],
				    m->devices[i].latency.v[k].op, NULL, NULL);
			put_number(f, m->devices[i].latency.v[k].bytes);
		}
}

/* All devices have the same buckets at all times, so histograms can be added and subtracted. */
static void put_histogram(FILE *f, const struct rzsc_metric_device *d,
			  const struct rzst_histogram *h)
{
	static const char bucket[] = "ramzswap_request_latency_seconds_bucket";

	for (unsigned bits = FIRST_BOUND_BITS; bits <= LAST_BOUND_BITS; bits++) {
		uint64_t le_ns = (UINT64_C(1) << bits) - 1;
		char le[16];

		snprintf(le, sizeof(le), "%u.%09u", (unsigned)(le_ns / 1000000000u),
			 (unsigned)(le_ns % 1000000000u));
		put_request(f, bucket, d, h->op, "le", le);
		put_number(f, rzst_histogram_within(h, le_ns));
	}
	put_request(f, bucket, d, h->op, "le", "+Inf");
	put_number(f, h->count);
	put_request(f, "ramzswap_request_latency_seconds_count", d, h->op, NULL, NULL);
	put_number(f, h->count);
	put_request(f, "ramzswap_request_latency_seconds_sum", d, h->op, NULL, NULL);
	put_seconds(f, h->sum_ns);
}

static void put_histograms(FILE *f, const struct rzsc_metrics *m)
{
	put_family(f, "ramzswap_request_latency_seconds", HISTOGRAM,
		   "how many requests took how long, since the device was initialised");
	for (size_t i = 0; i < m->nr_devices; i++)
		for (unsigned k = 0; k < m->devices[i].histograms.nr; k++)
			put_histogram(f, &m->devices[i], &m->devices[i].histograms.v[k]);
}

void rzsc_metrics_print(FILE *f, const struct rzsc_metrics *m)
{
	put_up(f, m);
	put_protections(f, m);
	for (size_t i = 0; i < m->table.nr; i++)
		if (!m->table.v[i].of_device && is_fit(&m->table, i))
			put_stat(f, m, &m->table.v[i]);
	put_ready(f, m);
	put_stale(f, m);
	put_profit(f, m);
	put_durations(f, m);
	put_histograms(f, m);
	for (size_t i = 0; i < m->table.nr; i++)
		if (m->table.v[i].of_device && is_fit(&m->table, i) &&
		    !is_in_summary(m, m->table.v[i].name))
			put_stat(f, m, &m->table.v[i]);
	fputs("# EOF\n", f);
}
