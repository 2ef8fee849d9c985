/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plots of a report.  Their colours can be seen on white and on black; the page sets that of
 * the text.  gnuplot gets nothing but numbers and names of methods.
 */
#define _GNU_SOURCE
#include "rzsb_report.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "rzsb_plot.h"

#define BUCKETS 32u
#define OURS	"#2a7fd4"
#define OTHERS	"#c77a12"
#define RAW	"#c8443c"
#define GREY	"#8a8a8a"

static void look(FILE *f)
{
	fputs("set border 3 lc rgb '" GREY "'\n"
	      "set tics nomirror out scale 0.5\n"
	      "set grid lt 1 lc rgb '" GREY "' lw 0.4\n"
	      "set style fill solid 1\n",
	      f);
}

static void shares(const struct rzsb_result *r, double out[BUCKETS])
{
	rzsb_size_ranges(r, BUCKETS, rzsb_percent_of_used(r), out);
}

/* The same height for all, so that they can be compared. */
static double highest_share(const struct rzsb_pages *p)
{
	double v[BUCKETS], most = 1;

	for (unsigned k = 0; k < p->nr; k++) {
		shares(&p->result[k], v);
		for (unsigned i = 0; i < BUCKETS; i++)
			most = fmax(most, v[i]);
	}
	return most;
}

/* The distance of tics on an axis of this length. */
static double step_of(double length)
{
	return length > 50 ? 25 : length > 20 ? 10 : length > 10 ? 5 : length > 4 ? 2 : 1;
}

char *rzsb_draw_sizes(const struct rzsb_pages *p, unsigned method)
{
	struct rzsb_plot plot;
	char name[24];
	double v[BUCKETS], most = highest_share(p);
	FILE *f;

	snprintf(name, sizeof(name), "sizes%u", method);
	f = rzsb_plot_begin(&plot, name, 360, 220);
	if (!f)
		return NULL;
	look(f);
	shares(&p->result[method], v);
	fprintf(f,
		"set title '%s' offset 0,-0.5\nset xrange [0:4096]\nset xtics 1024\n"
		"set yrange [0:%.3g]\nset ytics %g format '%%g %%%%'\nset boxwidth %u\n"
		"set tmargin 1.6\nset bmargin 1.8\nunset key\n$sizes << EOD\n",
		p->method[method].text, most * 1.05, step_of(most), 4096 / BUCKETS - 16);
	for (unsigned i = 0; i < BUCKETS; i++)
		fprintf(f, "%u %.4f\n", i * (4096 / BUCKETS) + 2048 / BUCKETS, v[i]);
	fprintf(f,
		"EOD\nplot $sizes using 1:($1 < %u ? $2 : 0) with boxes lc rgb '" OURS
		"', '' using 1:($1 > %u ? $2 : 0) with boxes lc rgb '" RAW "'\n",
		4096 - 4096 / BUCKETS, 4096 - 4096 / BUCKETS);
	return rzsb_plot_end(&plot);
}

double rzsb_speed(double ns)
{
	return RZSB_PAGE / ns * 1e9 / 1048576;
}

/* Tics: some in a range of less than a decade, not too many in one of several decades. */
static void speed_axis(FILE *f, double least, double most)
{
	static const double few[] = {1, 2, 5}, many[] = {1, 3, 10};
	const double *steps = most / least < 60 ? few : many;
	const char *comma = "";

	fprintf(f, "set logscale x\nset xrange [%g:%g]\nset xtics (", least, most);
	for (double decade = 0.1; decade < 1e7; decade *= 10)
		for (unsigned i = 0; i < 3; i++) {
			double at = decade * steps[i];

			if (at < least || at > most || steps[i] >= 10)
				continue;
			fprintf(f, "%s%g", comma, at);
			comma = ", ";
		}
	fputs(")\n", f);
}

/* The range of the plot, by which labels are kept apart. */
struct field {
	double least, most, highest; /* speeds; ratio */
};

/* A label beside its point: at the left for compression, at the right for decompression. */
struct label {
	double x, y; /* in parts of the field */
	double speed, ratio;
	const char *text;
};

static bool apart(const struct label *a, const struct label *b)
{
	return fabs(a->x - b->x) > 0.2 || fabs(a->y - b->y) > 0.055;
}

/* Moves label i down until it is apart from those before it. */
static void place(struct label *v, unsigned i)
{
	for (unsigned k = 0; k < i;) {
		if (apart(&v[i], &v[k])) {
			k++;
			continue;
		}
		v[i].y = v[k].y - 0.056;
		k = 0;
	}
}

/* A block of data: speed, ratio, height of the label, label. */
static void speed_data(FILE *f, const struct rzsb_pages *p, const struct field *in, bool decompress)
{
	struct label v[RZSB_MAX_METHODS];
	unsigned nr = 0;

	fprintf(f, "$%s << EOD\n", decompress ? "decompress" : "compress");
	for (unsigned i = 0; i < p->nr; i++) {
		const struct rzsb_result *r = &p->result[i];
		struct label *l = &v[nr];

		l->speed = rzsb_speed(decompress ? r->decompress_ns : r->compress_ns);
		l->ratio = rzsb_ratio(r);
		if (!isfinite(l->speed) || !isfinite(l->ratio))
			continue;
		l->x = log(l->speed / in->least) / log(in->most / in->least);
		l->y = (l->ratio - 1) / (in->highest - 1);
		l->text = r->method->text;
		place(v, nr++);
		fprintf(f, "%g %g %g %s\n", l->speed, l->ratio, 1 + l->y * (in->highest - 1),
			l->text);
	}
	/* gnuplot refuses an empty block. */
	fputs("NaN NaN NaN -\nEOD\n", f);
}

bool rzsb_has_speeds(const struct rzsb_pages *p)
{
	for (unsigned i = 0; i < p->nr; i++)
		if (p->result[i].used > 0)
			return true;
	return false;
}

static struct field speed_field(const struct rzsb_pages *p)
{
	struct field in = {.least = INFINITY, .highest = 1};

	for (unsigned i = 0; i < p->nr; i++) {
		double a = rzsb_speed(p->result[i].compress_ns),
		       b = rzsb_speed(p->result[i].decompress_ns);

		in.least = fmin(in.least, fmin(a, b));
		in.most = fmax(in.most, fmax(a, b));
		in.highest = fmax(in.highest, rzsb_ratio(&p->result[i]));
	}
	if (!isfinite(in.least) || !isfinite(in.most) || in.most <= 0)
		in.least = in.most = 100;
	in.least /= 4; /* labels are left of these points */
	in.most *= 3;
	in.highest = 1 + (in.highest - 1) * 1.15 + 0.05;
	return in;
}

char *rzsb_draw_speeds(const struct rzsb_pages *p)
{
	struct rzsb_plot plot;
	struct field in = speed_field(p);
	FILE *f = rzsb_plot_begin(&plot, "speeds", 480, 380);

	if (!f)
		return NULL;
	look(f);
	fputs("set xlabel 'MiB a second, on one processor'\nset ylabel 'ratio'\n"
	      "set key top outside horizontal center samplen 1\n",
	      f);
	speed_axis(f, in.least, in.most);
	fprintf(f, "set yrange [1:%g]\n", in.highest);
	speed_data(f, p, &in, false);
	speed_data(f, p, &in, true);
	fputs("plot $compress using 1:2 with points pt 7 ps 1.1 lc rgb '" OURS
	      "' title 'to compress', $decompress using 1:2 with points pt 5 ps 1.1 lc rgb '" OTHERS
	      "' title 'to decompress', $compress using 1:3:4 with labels right offset -1,0 notitle"
	      ", $decompress using 1:3:4 with labels left offset 1,0 notitle\n",
	      f);
	return rzsb_plot_end(&plot);
}

/* ---- RAM ---- */

struct bars {
	FILE *f;
	double scale;
	const char *unit;
	unsigned rows, nr;
	char names[4096]; /* of the axis, for gnuplot */
	size_t len;
};

static void bar(struct bars *b, const char *name, double bytes, unsigned colour)
{
	if (!isfinite(bytes))
		return;
	fprintf(b->f, "%.4g %u %u\n", bytes / b->scale, b->rows, colour);
	if (name && b->len + 64 < sizeof(b->names))
		b->len += (size_t)snprintf(b->names + b->len, sizeof(b->names) - b->len,
					   "%s'%s' %u", b->len ? ", " : "", name, b->rows);
	b->rows++;
}

static void ram_data(struct bars *b, const struct rzsb_pages *p)
{
	double whole = (double)p->corpus.whole * RZSB_PAGE;
	char name[64];

	fputs("$ram << EOD\n", b->f);
	bar(b, "uncompressed", whole, 0);
	for (unsigned i = 0; i < p->nr; i++) {
		snprintf(name, sizeof(name), "ramzswap %s", p->method[i].text);
		bar(b, name, p->store_bytes[i], 1);
		snprintf(name, sizeof(name), "zram %s", p->method[i].text);
		bar(b, name, p->zsmalloc_bytes[i], 2);
	}
	bar(b, "nbdkit zstd", p->nbdkit_bytes, 2);
	fputs("EOD\n", b->f);
	fprintf(b->f, "set xrange [0:%.4g]\nset yrange [%g:-0.6]\nset ytics (%s)\n",
		whole / b->scale * 1.18, b->rows - 0.4, b->names);
}

static void ram_scale(struct bars *b, double whole)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
	unsigned u = 0;

	for (b->scale = 1024; u < 3 && whole / b->scale >= 1024; u++)
		b->scale *= 1024;
	b->unit = units[u];
}

static unsigned count_bars(const struct rzsb_pages *p)
{
	unsigned n = 1u + !!isfinite(p->nbdkit_bytes);

	for (unsigned i = 0; i < p->nr; i++)
		n += !!isfinite(p->store_bytes[i]) + !!isfinite(p->zsmalloc_bytes[i]);
	return n;
}

char *rzsb_draw_ram(const struct rzsb_pages *p)
{
	struct bars b = {0};
	struct rzsb_plot plot;
	FILE *f = rzsb_plot_begin(&plot, "ram", 480, 70 + 24 * count_bars(p));

	if (!f)
		return NULL;
	b.f = f;
	look(f);
	ram_scale(&b, (double)p->corpus.whole * RZSB_PAGE);
	fputs("set ytics scale 0\nset grid noytics\nunset key\n", f);
	ram_data(&b, p);
	fprintf(f,
		"set xlabel '%s' offset 0,0.3\ncolour(n) = n == 0 ? 0x8a8a8a : n == 1 ? 0x2a7fd4 : "
		"0xc77a12\n"
		"plot $ram using (0):2:(0):1:($2 - 0.38):($2 + 0.38):(colour($3)) "
		"with boxxyerror lc rgb variable"
		", '' using 1:2:(sprintf('%%.3g', $1)) with labels left offset 0.4,0\n",
		b.unit);
	return rzsb_plot_end(&plot);
}
