/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON lines: a flat object for each result, and one for the machine at the start of a run. */
#define _GNU_SOURCE
#include "rzsb.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

void rzsb_json_str(struct rzsb_json *j, const char *key, const char *value)
{
	if (j->f)
		rzst_json_text(&j->line, key, value);
}

void rzsb_json_int(struct rzsb_json *j, const char *key, uint64_t value)
{
	if (j->f)
		rzst_json_number(&j->line, key, value);
}

void rzsb_json_num(struct rzsb_json *j, const char *key, double value)
{
	if (j->f)
		rzst_json_fraction(&j->line, key, value);
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
	rzst_json_array(&j->line, key);
	for (size_t i = 0; i < n; i++)
		rzst_json_fraction(&j->line, NULL, v[i]);
	rzst_json_array_end(&j->line);
}

void rzsb_json_begin(struct rzsb_json *j, const char *bench)
{
	if (!j->f)
		return;
	rzst_json_begin(&j->line, j->f);
	j->line.digits = 6;
	rzst_json_text(&j->line, "run", j->run);
	rzst_json_text(&j->line, "bench", bench);
}

/* With a message at once: the run may take another half an hour. */
static void failed(struct rzsb_json *j)
{
	j->failed = true;
	rzst_say("cannot write %s: %s", j->path, strerror(errno));
}

void rzsb_json_end(struct rzsb_json *j)
{
	if (!j->f)
		return;
	rzst_json_end(&j->line);
	if ((fflush(j->f) != 0 || ferror(j->f)) && !j->failed)
		failed(j);
}

#define UNKNOWN "unknown"

/* The text after the first colon of the first line that starts with key. */
static void proc_line(const char *path, const char *key, char *out, size_t size)
{
	char line[512], *s;
	FILE *f = fopen(path, "re");

	snprintf(out, size, UNKNOWN);
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

void rzsb_machine_read(struct rzsb_machine *m)
{
	struct utsname u;

	*m = (struct rzsb_machine){.cpus = (unsigned)sysconf(_SC_NPROCESSORS_ONLN)};
	proc_line("/proc/cpuinfo", "model name", m->cpu, sizeof(m->cpu));
	if (uname(&u) < 0)
		return;
	snprintf(m->kernel, sizeof(m->kernel), "%s", u.release);
	/* Not on every architecture does the kernel name the model. */
	if (strcmp(m->cpu, UNKNOWN) == 0)
		snprintf(m->cpu, sizeof(m->cpu), "%s processor", u.machine);
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

/* A block device has no end to append to: its beginning would be overwritten. */
static FILE *open_append(const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && S_ISBLK(st.st_mode)) {
		errno = EINVAL;
		return NULL;
	}
	return fopen(path, "ae");
}

int rzsb_json_open(struct rzsb_json *j, const struct rzsb_record *r, const char *program,
		   const struct rzsb_corpus *c)
{
	struct rzsb_machine machine;
	double load = 0;
	char text[40];
	time_t t = time(NULL);
	struct tm tm;

	*j = (struct rzsb_json){.path = r->path};
	if (!r->path)
		return 0;
	j->f = strcmp(r->path, "-") == 0 ? stdout : open_append(r->path);
	if (!j->f) {
		failed(j);
		return -errno;
	}
	rzsb_machine_read(&machine);
	gmtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	snprintf(j->run, sizeof(j->run), "%llx-%x", (unsigned long long)t, (unsigned)getpid());
	rzsb_json_begin(j, "machine");
	rzsb_json_str(j, "program", program);
	rzsb_json_str(j, "time", text);
	rzsb_json_str(j, "cpu", machine.cpu);
	rzsb_json_int(j, "cpus", machine.cpus);
	rzsb_json_int(j, "ram_bytes",
		      (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE));
	rzsb_json_str(j, "kernel", machine.kernel);
	rzsb_json_str(j, "compiler", __VERSION__);
	rzsb_json_num(j, "load", getloadavg(&load, 1) == 1 ? load : (double)NAN);
	if (r->versions)
		rzsb_json_str(j, "versions", r->versions);
	corpus_fields(j, c);
	rzsb_json_int(j, "seed", r->seed);
	rzsb_json_end(j);
	return 0;
}

int rzsb_json_close(struct rzsb_json *j)
{
	if (j->f && j->f != stdout && fclose(j->f) != 0 && !j->failed)
		failed(j);
	j->f = NULL;
	return j->failed ? -EIO : 0;
}
