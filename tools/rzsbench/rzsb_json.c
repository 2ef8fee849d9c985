/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON lines: one flat object per measured case, one line about the machine at the start of each
 * run.
 */
#define _GNU_SOURCE
#include "rzsb.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static void put_string(FILE *f, const char *s)
{
	fputc('"', f);
	for (; *s; s++) {
		unsigned char ch = (unsigned char)*s;

		if (ch == '"' || ch == '\\')
			fprintf(f, "\\%c", ch);
		else if (ch < 0x20)
			fprintf(f, "\\u%04x", ch);
		else
			fputc(ch, f);
	}
	fputc('"', f);
}

void rzsb_json_str(struct rzsb_json *j, const char *key, const char *value)
{
	if (!j->f)
		return;
	fprintf(j->f, ",\"%s\":", key);
	put_string(j->f, value);
}

void rzsb_json_int(struct rzsb_json *j, const char *key, uint64_t value)
{
	if (j->f)
		fprintf(j->f, ",\"%s\":%llu", key, (unsigned long long)value);
}

void rzsb_json_num(struct rzsb_json *j, const char *key, double value)
{
	if (!j->f)
		return;
	if (isfinite(value))
		fprintf(j->f, ",\"%s\":%.6g", key, value);
	else
		fprintf(j->f, ",\"%s\":null", key);
}

void rzsb_json_latency(struct rzsb_json *j, const char *prefix, const struct rzsb_latency *l)
{
	const struct {
		const char *name;
		double us;
	} fields[] = {
		{"p50", l->p50},   {"p90", l->p90},  {"p99", l->p99},
		{"p999", l->p999}, {"max", l->most},
	};
	char key[40];

	for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		snprintf(key, sizeof(key), "%s%s_us", prefix, fields[i].name);
		rzsb_json_num(j, key, fields[i].us);
	}
}

void rzsb_json_list(struct rzsb_json *j, const char *key, const double *v, size_t n)
{
	if (!j->f)
		return;
	fprintf(j->f, ",\"%s\":[", key);
	for (size_t i = 0; i < n; i++)
		fprintf(j->f, "%s%.6g", i ? "," : "", v[i]);
	fputc(']', j->f);
}

void rzsb_json_begin(struct rzsb_json *j, const char *bench)
{
	if (!j->f)
		return;
	fprintf(j->f, "{\"run\":\"%s\"", j->run);
	rzsb_json_str(j, "bench", bench);
}

void rzsb_json_end(struct rzsb_json *j)
{
	if (j->f) {
		fputs("}\n", j->f);
		fflush(j->f);
	}
}

/* The text after the first colon of the first line that starts with key. */
static void proc_line(const char *path, const char *key, char *out, size_t size)
{
	char line[512], *s;
	FILE *f = fopen(path, "re");

	snprintf(out, size, "unknown");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		s = strchr(line, ':');
		if (!s || strncmp(line, key, strlen(key)) != 0)
			continue;
		s += 1 + strspn(s + 1, " \t");
		s[strcspn(s, "\n")] = 0;
		snprintf(out, size, "%s", s);
		break;
	}
	fclose(f);
}

static void corpus_fields(struct rzsb_json *j, const struct rzsb_corpus *c)
{
	char text[RZSB_MAX_PARTS * (RZSB_NAME_MAX + 12)];
	size_t n = 0;

	text[0] = 0;
	for (unsigned i = 0; i < c->nr_parts; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s=%zu", i ? " " : "",
				      c->parts[i].name, c->parts[i].nr);
	rzsb_json_str(j, "corpus", text);
	rzsb_json_int(j, "corpus_pages", c->nr);
	rzsb_json_int(j, "corpus_same_filled_pages", c->nr - c->nr_busy);
}

int rzsb_json_open(struct rzsb_json *j, const char *path, const char *program, const char *versions,
		   const struct rzsb_corpus *c, uint64_t seed)
{
	char text[256];
	struct utsname u;
	double load = 0;
	time_t t = time(NULL);
	struct tm tm;

	memset(j, 0, sizeof(*j));
	if (!path)
		return 0;
	j->f = strcmp(path, "-") == 0 ? stdout : fopen(path, "ae");
	if (!j->f)
		return -errno;
	gmtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	snprintf(j->run, sizeof(j->run), "%llx-%x", (unsigned long long)t, (unsigned)getpid());
	rzsb_json_begin(j, "machine");
	rzsb_json_str(j, "program", program);
	rzsb_json_str(j, "time", text);
	proc_line("/proc/cpuinfo", "model name", text, sizeof(text));
	rzsb_json_str(j, "cpu", text);
	rzsb_json_int(j, "cpus", (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
	rzsb_json_int(j, "ram_bytes",
		      (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE));
	if (uname(&u) == 0)
		rzsb_json_str(j, "kernel", u.release);
	rzsb_json_str(j, "compiler", __VERSION__);
	rzsb_json_num(j, "load", getloadavg(&load, 1) == 1 ? load : 0.0 / 0.0);
	if (versions)
		rzsb_json_str(j, "versions", versions);
	corpus_fields(j, c);
	rzsb_json_int(j, "seed", seed);
	rzsb_json_end(j);
	return 0;
}

int rzsb_json_close(struct rzsb_json *j)
{
	int err = 0;

	if (j->f && (ferror(j->f) || (j->f != stdout && fclose(j->f) != 0)))
		err = -EIO;
	j->f = NULL;
	return err;
}
