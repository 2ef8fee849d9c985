/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * watch: on a terminal a view that is redrawn; elsewhere a line for each device and sample; with
 * --json an object for each sample.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "rzst_json.h"
#include "rzsc_sample.h"
#include "rzsc_show.h"
#include "rzsc_stats.h"

#define TEXT_MAX 32u

/* ---- pieces ---- */

static const char *time_text(const char *format, char out[TEXT_MAX])
{
	time_t now = time(NULL);
	struct tm tm;

	if (!localtime_r(&now, &tm) || !strftime(out, TEXT_MAX, format, &tm))
		out[0] = '\0';
	return out;
}

/* NaN is shown as "-". */
static const char *number(const char *format, double v, char out[TEXT_MAX])
{
	if (v - v != 0)
		snprintf(out, TEXT_MAX, "-");
	else
		/* The formats are those below. */
		snprintf(out, TEXT_MAX, format, v);
	return out;
}

/* Of the pages stored. */
static double percent(const struct rzsc_row *r, uint64_t part)
{
	if (!r->store_known)
		return 0.0 / 0.0;
	return (double)part * 100 / (double)r->pages_stored;
}

static const char *count(const struct rzsc_row *r, uint64_t n, char out[TEXT_MAX])
{
	if (!r->store_known)
		snprintf(out, TEXT_MAX, "-");
	else
		snprintf(out, TEXT_MAX, "%llu", (unsigned long long)n);
	return out;
}

static const char *reserve(const struct rzsc_row *r, char out[RZST_HUMAN_MAX])
{
	return r->store_known ? rzst_human_bytes(r->reserve, out) : "-";
}

static const char *protection_text(const struct rzsc_sample *s, const struct rzsc_row *row,
				   char out[TEXT_MAX])
{
	const struct rzsc_protections *p = s->protections;

	while (p->server != row->server)
		p++; /* each row's server has an entry */
	if (row->info.of_kernel)
		snprintf(out, TEXT_MAX, "-");
	else if (p->refused)
		snprintf(out, TEXT_MAX, "%u refused", p->refused);
	else
		snprintf(out, TEXT_MAX, "%s", p->ok ? "ok" : "off");
	return out;
}

/* ---- lines ---- */

static void print_heads(void)
{
	printf("%-8s %-12s %7s %7s %6s %5s %5s %8s %8s %7s %7s %7s %7s %7s %7s %7s %7s %s\n",
	       "TIME", "DEVICE", "STORED", "RAM", "RATIO", "SAME%", "RAW%", "READ/S", "WRITE/S",
	       "MB/S", "RD-P50", "RD-P99", "WR-P50", "WR-P99", "REFUSED", "RESERVE", "STALE",
	       "PROTECT");
}

static void print_row(const struct rzsc_sample *s, const struct rzsc_row *r)
{
	char t[9][TEXT_MAX], h[8][RZST_HUMAN_MAX];
	double rate = (r->read_bytes_per_second + r->write_bytes_per_second) / 1e6;

	time_text("%H:%M:%S", t[0]);
	if (!r->info.ready) {
		printf("%-8s %-12s %7s\n", t[0], r->info.name, "off");
		return;
	}
	printf("%-8s %-12s %7s %7s %6s %5s %5s %8s %8s %7s %7s %7s %7s %7s %7s %7s %7s %s\n", t[0],
	       r->info.name, rzst_human_bytes(r->info.stored, h[0]),
	       rzst_human_bytes(r->info.mem, h[1]),
	       number("%.2f", rzsc_stats_ratio(r->info.stored, r->info.mem), t[1]),
	       number("%.0f", percent(r, r->pages_same), t[2]),
	       number("%.0f", percent(r, r->pages_raw), t[3]),
	       number("%.0f", r->reads_per_second, t[4]),
	       number("%.0f", r->writes_per_second, t[5]), number("%.1f", rate, t[6]),
	       rzst_human_ns(r->read_p50_ns, h[2]), rzst_human_ns(r->read_p99_ns, h[3]),
	       rzst_human_ns(r->write_p50_ns, h[4]), rzst_human_ns(r->write_p99_ns, h[5]),
	       count(r, r->refused, t[8]), reserve(r, h[6]),
	       r->stale_known ? rzst_human_bytes(r->stale, h[7]) : "-",
	       protection_text(s, r, t[7]));
}

static void show_lines(const struct rzsc_sample *s, bool first)
{
	if (first)
		print_heads();
	for (size_t i = 0; i < s->nr; i++)
		print_row(s, &s->v[i]);
}

/* ---- JSON ---- */

static void json_row(struct rzst_json *j, const struct rzsc_row *r)
{
	bool server = !r->info.of_kernel, known = server || r->store_known;

	rzst_json_object(j, NULL);
	rzst_json_text(j, "device", r->info.name);
	rzst_json_text(j, "socket", server ? r->server->backend->where : NULL);
	rzst_json_bool(j, "ready", r->info.ready);
	rzst_json_text(j, "attached", *r->attached ? r->attached : NULL);
	rzst_json_number(j, "stored_bytes", r->info.stored);
	rzst_json_number(j, "mem_bytes", r->info.mem);
	rzst_json_fraction(j, "ratio", rzsc_stats_ratio(r->info.stored, r->info.mem));
	rzst_json_number(j, "pages_stored", r->pages_stored);
	rzsc_show_number(j, "pages_same", known, r->pages_same);
	rzsc_show_number(j, "pages_raw", known, r->pages_raw);
	rzst_json_fraction(j, "reads_per_second", r->reads_per_second);
	rzst_json_fraction(j, "writes_per_second", r->writes_per_second);
	rzst_json_fraction(j, "read_bytes_per_second", r->read_bytes_per_second);
	rzst_json_fraction(j, "write_bytes_per_second", r->write_bytes_per_second);
	rzsc_show_number(j, "read_p50_ns", server, r->read_p50_ns);
	rzsc_show_number(j, "read_p99_ns", server, r->read_p99_ns);
	rzsc_show_number(j, "write_p50_ns", server, r->write_p50_ns);
	rzsc_show_number(j, "write_p99_ns", server, r->write_p99_ns);
	rzsc_show_number(j, "refused", known, r->refused);
	rzsc_show_number(j, "reserve_bytes", known, r->reserve);
	rzsc_show_number(j, "stale_bytes", r->stale_known, r->stale);
	rzsc_show_number(j, "pages_shared", r->merges, r->pages_shared);
	rzsc_show_number(j, "pages_sharing", r->merges, r->pages_sharing);
	if (r->merges)
		rzst_json_integer(j, "general_profit", r->profit);
	else
		rzst_json_null(j, "general_profit");
	rzst_json_object_end(j);
}

static void show_json(const struct rzsc_sample *s)
{
	char when[TEXT_MAX];
	struct rzst_json j;

	rzst_json_begin(&j, stdout);
	rzst_json_text(&j, "time", time_text("%Y-%m-%dT%H:%M:%S%z", when));
	rzst_json_array(&j, "devices");
	for (size_t i = 0; i < s->nr; i++)
		json_row(&j, &s->v[i]);
	rzst_json_array_end(&j);
	rzst_json_array(&j, "servers");
	for (size_t i = 0; i < s->nr_servers; i++) {
		rzst_json_object(&j, NULL);
		rzsc_show_server(&j, s->protections[i].server);
		rzsc_show_texts(&j, "protections", &s->protections[i].each);
		rzst_json_object_end(&j);
	}
	rzst_json_array_end(&j);
	rzst_json_end(&j);
}

/* ---- the screen ---- */

static void screen_server(FILE *f, const struct rzsc_protections *p)
{
	const struct rzst_server_info *info = &p->server->info;

	if (p->server->backend->of_kernel) {
		fprintf(f, "%s%s%s, in the kernel\n", info->program, *info->version ? " " : "",
			info->version);
		return;
	}
	fprintf(f, "%s %s, process %llu, %s\n  protections: %u in force", info->program,
		info->version, (unsigned long long)info->pid, p->server->backend->where, p->ok);
	if (p->off)
		fprintf(f, ", %u off", p->off);
	if (p->refused)
		fprintf(f, ", REFUSED:");
	for (size_t i = 0; i < p->each.nr; i++)
		if (strcmp(p->each.v[i].text, "refused") == 0)
			fprintf(f, " %s", p->each.v[i].name);
	fputc('\n', f);
}

static void screen_head(FILE *f, const struct rzst_device_info *d, const char *attached)
{
	char h[RZST_HUMAN_MAX];

	fprintf(f, "\n%s: %s", d->name, d->size ? rzst_human_bytes(d->size, h) : "size undecided");
	if (*d->algorithm)
		fprintf(f, ", %s", d->algorithm);
	if (d->memlimit)
		fprintf(f, ", limit %s", rzst_human_bytes(d->memlimit, h));
	if (!d->of_kernel)
		fprintf(f, ", %llu client%s", (unsigned long long)d->connections,
			d->connections == 1 ? "" : "s");
	fprintf(f, "%s%s\n", *attached ? ", " : "", attached);
}

static void screen_row(FILE *f, const struct rzsc_row *r)
{
	char t[4][TEXT_MAX], h[5][RZST_HUMAN_MAX];

	screen_head(f, &r->info, r->attached);
	if (!r->info.ready) {
		fputs("  not initialised\n", f);
		return;
	}
	fprintf(f, "  stored %8s   same-filled %5s%%   incompressible %5s%%   stale  %7s\n",
		rzst_human_bytes(r->info.stored, h[0]),
		number("%.1f", percent(r, r->pages_same), t[0]),
		number("%.1f", percent(r, r->pages_raw), t[1]),
		r->stale_known ? rzst_human_bytes(r->stale, h[1]) : "-");
	fprintf(f, "  in RAM %8s   ratio       %6s   reserve        %6s   refused %6s\n",
		rzst_human_bytes(r->info.mem, h[0]),
		number("%.2f", rzsc_stats_ratio(r->info.stored, r->info.mem), t[0]),
		reserve(r, h[1]), count(r, r->refused, t[1]));
	fprintf(f, "  reads  %6s/s   %8s MB/s   p50 %7s   p99 %7s\n",
		number("%.0f", r->reads_per_second, t[0]),
		number("%.1f", r->read_bytes_per_second / 1e6, t[1]),
		rzst_human_ns(r->read_p50_ns, h[0]), rzst_human_ns(r->read_p99_ns, h[1]));
	fprintf(f, "  writes %6s/s   %8s MB/s   p50 %7s   p99 %7s\n",
		number("%.0f", r->writes_per_second, t[0]),
		number("%.1f", r->write_bytes_per_second / 1e6, t[1]),
		rzst_human_ns(r->write_p50_ns, h[0]), rzst_human_ns(r->write_p99_ns, h[1]));
	if (r->merges)
		fprintf(f, "  merged %8llu pages share %llu objects   profit %s%s\n",
			(unsigned long long)(r->pages_shared + r->pages_sharing),
			(unsigned long long)r->pages_shared, r->profit < 0 ? "-" : "",
			rzst_human_bytes((uint64_t)(r->profit < 0 ? -r->profit : r->profit), h[2]));
}

/* Over what was drawn before, cut to the terminal's size; "..." where lines were left out. */
static void put_screen(const char *text)
{
	struct winsize size = {.ws_row = 24, .ws_col = 80};
	unsigned row = 1;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row < 2 || size.ws_col < 2)
		size = (struct winsize){.ws_row = 24, .ws_col = 80};
	fputs("\033[H", stdout);
	for (; *text; row++) {
		size_t len = strcspn(text, "\n");
		bool last = row + 1 == size.ws_row && text[len] && text[len + 1];

		if (last)
			fputs("...", stdout);
		else
			fwrite(text, 1, len < size.ws_col ? len : size.ws_col, stdout);
		fputs("\033[K\n", stdout);
		if (last)
			break;
		text += text[len] ? len + 1 : len;
	}
	fputs("\033[J", stdout);
}

static int show_screen(const struct rzsc_sample *s, uint64_t interval_ms, bool first)
{
	char when[TEXT_MAX], *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return rzst_fail(RZS_EXIT_FAILED, "no memory");
	fprintf(f, "%s  every %g s\n", time_text("%Y-%m-%d %H:%M:%S", when),
		(double)interval_ms / 1000);
	for (size_t i = 0; i < s->nr_servers; i++) {
		screen_server(f, &s->protections[i]);
		for (size_t k = 0; k < s->nr; k++)
			if (s->v[k].server == s->protections[i].server)
				screen_row(f, &s->v[k]);
		if (i + 1 < s->nr_servers)
			fputc('\n', f);
	}
	if (fclose(f) != 0) {
		free(text);
		return rzst_fail(RZS_EXIT_FAILED, "no memory");
	}
	if (first)
		fputs("\033[2J", stdout);
	put_screen(text);
	free(text);
	return RZS_EXIT_DONE;
}

/* ---- the loop ---- */

static void sleep_until(uint64_t when_ns)
{
	struct timespec ts = {
		.tv_sec = (time_t)(when_ns / 1000000000u),
		.tv_nsec = (long)(when_ns % 1000000000u),
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

static int show(const struct rzsc_options *o, const struct rzsc_sample *s, bool first)
{
	int code = RZS_EXIT_DONE;

	if (o->json)
		show_json(s);
	else if (isatty(STDOUT_FILENO))
		code = show_screen(s, o->interval_ms, first);
	else
		show_lines(s, first);
	if (fflush(stdout) != 0)
		return rzst_fail(RZS_EXIT_FAILED, "cannot write: %s", strerror(errno));
	return code;
}

static int watch(const struct rzsc_options *o, struct rzsc_found *found)
{
	struct rzsc_sample now, before;
	uint64_t next = rzst_now();
	int code = RZS_EXIT_DONE;

	memset(&before, 0, sizeof(before));
	for (uint64_t n = 0; code == RZS_EXIT_DONE && (!o->count || n < o->count); n++) {
		if (n > 0) {
			/* If it is late by a whole interval, skip samples. */
			next += o->interval_ms * 1000000;
			if (next < rzst_now())
				next = rzst_now();
			sleep_until(next);
		}
		code = rzsc_sample_take(&found->all, found->server,
					*found->name ? found->name : NULL, &now);
		if (code == RZS_EXIT_DONE) {
			rzsc_sample_rates(&now, &before);
			code = show(o, &now, n == 0);
		}
		rzsc_sample_free(&before);
		before = now;
	}
	rzsc_sample_free(&before);
	return code;
}

int rzsc_cmd_watch(const struct rzsc_options *o)
{
	struct rzsc_found found;
	int code;

	memset(&found, 0, sizeof(found));
	code = o->device || o->name ? rzsc_device_find(o, o->device, &found)
				    : rzsc_servers_find(o, &found.all);
	if (code == RZS_EXIT_DONE)
		code = watch(o, &found);
	rzsc_found_free(&found);
	return code;
}
