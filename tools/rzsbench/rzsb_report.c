/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The page: a summary in words, the plots, the table, the sources.  The name of a process can be
 * any text, so everything that is not a constant is escaped by put().
 */
#define _GNU_SOURCE
#include "rzsb_report.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rzsb_files.h"
#include "rzsb_plot.h"

/*
 * The beginning of a report, by which an earlier one is recognized, which may be replaced.  The
 * policy forbids the browser to load anything.
 */
static const char mark[] =
	"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	"style-src 'unsafe-inline'\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<meta name=\"color-scheme\" content=\"light dark\">\n"
	"<title>What swapping these pages out would save</title>\n";

static const char style[] =
	"<style>\n"
	":root{color-scheme:light dark;--fg:#1c1c1e;--dim:#5c5c63;--bg:#fff;--box:#f1f4f8;"
	"--line:#d5d9df;--accent:#1f6cb8}\n"
	"@media(prefers-color-scheme:dark){:root{--fg:#e8e8ea;--dim:#a4a4ac;--bg:#16171a;"
	"--box:#22252b;--line:#3a3e46;--accent:#6db1f2}}\n"
	"*{box-sizing:border-box}\n"
	"body{margin:0 auto;padding:1rem;max-width:62rem;background:var(--bg);color:var(--fg);"
	"font:16px/1.5 system-ui,sans-serif}\n"
	"h1{font-size:1.5rem;line-height:1.25;margin:.5rem 0 1rem}\n"
	"h2{font-size:1.15rem;margin:2rem 0 .5rem}\n"
	"p,li{max-width:46rem}\n"
	".advice{background:var(--box);border-left:4px solid var(--accent);border-radius:4px;"
	"padding:.75rem 1rem;margin:1rem 0}\n"
	".advice p{margin:.3rem 0}.advice ul{margin:.3rem 0;padding-left:1.2rem}\n"
	".note,figcaption{color:var(--dim);font-size:.875rem}\n"
	".grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,18rem),1fr));"
	"gap:1rem}\n"
	".pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));"
	"gap:0 2rem}\n"
	"figure{margin:0;min-width:0;max-width:34rem}\n"
	"svg{display:block;width:100%;height:auto}\n"
	"svg text{fill:var(--fg)}svg .gridline{stroke:var(--line)}\n"
	".scroll{overflow-x:auto}\n"
	"table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.9rem}\n"
	"th,td{padding:.3rem .7rem;text-align:right;border-bottom:1px solid var(--line);"
	"white-space:nowrap}\n"
	"th:first-child,td:first-child{text-align:left}\n"
	"tr.best td:first-child{font-weight:600;color:var(--accent)}\n"
	"</style>\n</head>\n<body>\n";

/* Escapes a text.  What is not ASCII may not even be UTF-8, and becomes a question mark. */
static void put(FILE *f, const char *text)
{
	for (const char *s = text; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '<')
			fputs("&lt;", f);
		else if (c == '>')
			fputs("&gt;", f);
		else if (c == '&')
			fputs("&amp;", f);
		else if (c == '"')
			fputs("&quot;", f);
		else if (c == '\'')
			fputs("&#39;", f);
		else if (c == ' ' && s[1] == '%')
			fputs("&#160;", f); /* no line break here */
		else
			fputc(c < 0x20 || c >= 0x7f ? '?' : c, f);
	}
}

static void putf(FILE *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void putf(FILE *f, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put(f, text);
}

/* ---- in words ---- */

static void write_answer(FILE *f, const struct rzsb_pages *p, unsigned i)
{
	double whole = (double)p->corpus.whole * RZSB_PAGE;
	char all[RZST_HUMAN_MAX], held[RZST_HUMAN_MAX], less[RZST_HUMAN_MAX];

	fputs("<p>", f);
	putf(f, "Swap would store these %s in %s of RAM with %s: ", rzst_size_text(whole, all),
	     rzst_size_text(p->store_bytes[i], held), p->method[i].text);
	if (rzsb_gain(p, i) > 0)
		putf(f, "%s (%.0f %%) saved. ", rzst_size_text(rzsb_gain(p, i), less),
		     100 * rzsb_gain(p, i) / whole);
	else
		putf(f, "nothing saved. ");
	if (p->result[i].used > 0)
		putf(f, "To swap a page out and in takes %.1f microseconds of one processor. ",
		     (p->result[i].compress_ns + p->result[i].decompress_ns) / 1000);
	putf(f, "A store takes %s more for itself, whatever it contains.",
	     rzst_size_text(p->store_itself[i], held));
	fputs("</p>\n", f);
}

static void write_reasons(FILE *f, const struct rzsb_pages *p, const struct rzsb_choice *choice,
			  const struct rzsb_advice *a)
{
	char text[500];

	fputs("<p><strong>", f);
	putf(f, "Choose %s", choice[a->best].name);
	fputs(p->nr > 1 ? "</strong>, because " RZSB_RULE ", and</p>\n<ul>\n"
			: "</strong>: nothing else was measured.</p>\n",
	      f);
	for (unsigned i = 0; i < p->nr; i++) {
		if ((int)i == a->best)
			continue;
		rzsb_advice_compare(&choice[a->best], &choice[i], text, sizeof(text));
		fputs("<li>", f);
		put(f, text);
		fputs("</li>\n", f);
	}
	if (p->nr > 1)
		fputs("</ul>\n", f);
	if (a->close) {
		rzsb_advice_close(a, choice, p->nr, text, sizeof(text));
		fputs("<p>It is a close decision: by these rounds ", f);
		put(f, text);
		fputs(" may be as good.</p>\n", f);
	}
}

/* The same pages in other stores. */
static void write_others(FILE *f, const struct rzsb_pages *p, unsigned best)
{
	char text[RZST_HUMAN_MAX];

	if (isfinite(p->zsmalloc_bytes[best])) {
		putf(f, "The kernel's zram would take %s for them with %s",
		     rzst_size_text(p->zsmalloc_bytes[best], text), p->method[best].text);
		putf(f, ", its zswap, which needs a disk, %s",
		     rzst_size_text(p->zswap_bytes[best], text));
		if (isfinite(p->nbdkit_bytes))
			putf(f, ", nbdkit's memory plugin with allocator=zstd %s",
			     rzst_size_text(p->nbdkit_bytes, text));
		fputs(" (computed, not measured).\n", f);
	}
}

static void write_doubts(FILE *f, const struct rzsb_pages *p)
{
	struct rzsb_doubts d = rzsb_pages_doubts(p);

	if (p->corpus.nr < p->corpus.whole)
		putf(f, "This was estimated from a sample of %.1f %% of the pages. ",
		     100 * (double)p->corpus.nr / (double)p->corpus.whole);
	if (d.part)
		fputs("The slowest methods were measured on a random part of the sample. ", f);
	if (d.error > 0)
		putf(f, "The ratios may be off by %.1f %% (half of the 95 %% interval). ",
		     100 * d.error);
	if (d.noisy)
		putf(f,
		     "The rounds' times differ by more than %.0f %%: there was other work on this "
		     "machine, and the times are rough. ",
		     100 * RZSB_NOISY);
	if (p->rounds == 1)
		fputs("There was only one round: the times are not reliable. ", f);
	if (p->denied)
		putf(f, "Left out, as their memory may not be read: %zu process%s. ", p->denied,
		     p->denied == 1 ? "" : "es");
	if (p->gone || p->lost)
		putf(f, "Gone before they could be read: %zu process%s and %zu page%s. ", p->gone,
		     p->gone == 1 ? "" : "es", p->lost, p->lost == 1 ? "" : "s");
}

static void write_summary(FILE *f, const struct rzsb_pages *p)
{
	struct rzsb_choice choice[RZSB_MAX_METHODS];
	struct rzsb_advice a = rzsb_pages_advise(p, choice);
	double nr = (double)p->corpus.nr;
	int example = rzsb_pages_example(p, &a);

	fputs("<h1>What swapping these pages out would save</h1>\n<div class=\"advice\">\n", f);
	if (example >= 0)
		write_answer(f, p, (unsigned)example);
	if (p->corpus.nr_busy == 0)
		fputs("<p><strong>Any method will do</strong>: every page is one repeated "
		      "word.</p>\n",
		      f);
	else if (a.best < 0)
		fputs("<p>The store has none of the methods measured: no recommendation.</p>\n", f);
	else if (a.worthwhile)
		write_reasons(f, p, choice, &a);
	else
		fputs("<p><strong>These pages hardly shrink</strong>: less than a tenth of "
		      "their RAM would be saved. Swap to a disk, or do not swap.</p>\n",
		      f);
	fputs("</div>\n<p>", f);
	putf(f,
	     "%.1f %% of the pages are one repeated word (%.1f %% are zeros) and cost next to "
	     "nothing; %.1f %% are duplicates of another page. ",
	     100 * (double)p->same / nr, 100 * (double)p->zero / nr,
	     100 * (double)p->duplicates / nr);
	if (example >= 0)
		write_others(f, p, (unsigned)example);
	fputs("</p>\n<p class=\"note\">", f);
	write_doubts(f, p);
	fputs("</p>\n", f);
}

/* ---- plots and tables ---- */

/*
 * Write a plot up to its description, which the caller writes for those who cannot see it.  name:
 * no other plot has it; label: what it shows.  false: there is no plot.
 */
static bool begin_figure(FILE *f, const char *svg, const char *name, const char *label)
{
	const char *in = svg ? strchr(svg, '>') : NULL;

	if (!in)
		return false;
	fprintf(f, "<figure>\n<svg role=\"img\" aria-label=\"");
	put(f, label);
	fprintf(f, "\" aria-describedby=\"%s-words\"%.*s><desc id=\"%s-words\">", name,
		(int)(in - svg - 4), svg + 4, name);
	return true;
}

/* The rest.  Frees svg. */
static void end_figure(FILE *f, char *svg, const char *caption)
{
	fprintf(f, "</desc>%s", strchr(svg, '>') + 1);
	if (caption)
		fprintf(f, "<figcaption>%s</figcaption>", caption);
	fputs("</figure>\n", f);
	free(svg);
}

static int write_ram(FILE *f, const struct rzsb_pages *p)
{
	char *svg = rzsb_draw_ram(p), size[RZST_HUMAN_MAX];

	if (!begin_figure(f, svg, "ram", "RAM needed, a bar for each choice"))
		return -EIO;
	putf(f, "The pages uncompressed: %s.",
	     rzst_size_text((double)p->corpus.whole * RZSB_PAGE, size));
	for (unsigned i = 0; i < p->nr; i++) {
		if (isfinite(p->store_bytes[i]))
			putf(f, " ramzswap %s: %s.", p->method[i].text,
			     rzst_size_text(p->store_bytes[i], size));
		if (isfinite(p->zsmalloc_bytes[i]))
			putf(f, " zram %s: %s.", p->method[i].text,
			     rzst_size_text(p->zsmalloc_bytes[i], size));
	}
	if (isfinite(p->nbdkit_bytes))
		putf(f, " nbdkit zstd: %s.", rzst_size_text(p->nbdkit_bytes, size));
	end_figure(f, svg,
		   "What all of the pages add, including tables. ramzswap: measured in its store; "
		   "zram and nbdkit: computed from the rules of their allocators, without "
		   "fragmentation. nbdkit compresses 32 KiB at once, which it must also "
		   "decompress to read one page.");
	return 0;
}

static int write_speeds(FILE *f, const struct rzsb_pages *p)
{
	char *svg;

	if (!rzsb_has_speeds(p)) {
		fputs("<p>Nothing was compressed: there is nothing to draw.</p>\n", f);
		return 0;
	}
	svg = rzsb_draw_speeds(p);
	if (!begin_figure(f, svg, "speeds", "Ratio against speed, two points for each method"))
		return -EIO;
	for (unsigned i = 0; i < p->nr; i++) {
		const struct rzsb_result *r = &p->result[i];

		if (r->used > 0)
			putf(f,
			     "%s: ratio %.2f, %.0f MiB a second to compress, %.0f MiB a second to "
			     "decompress. ",
			     r->method->text, rzsb_ratio(r), rzsb_speed(r->compress_ns),
			     rzsb_speed(r->decompress_ns));
	}
	end_figure(f, svg,
		   "Higher is smaller, further right is faster. Ratio: of the pages "
		   "that are not one repeated word.");
	return 0;
}

static int write_sizes(FILE *f, const struct rzsb_pages *p, unsigned i)
{
	const struct rzsb_result *r = &p->result[i];
	double quarter[4];
	char name[24], label[64], *svg;

	if (r->used == 0)
		return 0;
	rzsb_size_ranges(r, 4, rzsb_percent_of_used(r), quarter);
	snprintf(name, sizeof(name), "sizes%u", i);
	snprintf(label, sizeof(label), "Sizes after compression with %s", r->method->text);
	svg = rzsb_draw_sizes(p, i);
	if (!begin_figure(f, svg, name, label))
		return -EIO;
	putf(f,
	     "%.1f %% of the pages become a quarter or less, %.1f %% up to a half, %.1f %% up to "
	     "three quarters, %.1f %% more.",
	     quarter[0], quarter[1], quarter[2], quarter[3]);
	end_figure(f, svg, NULL);
	return 0;
}

/* 0, or -EIO if there is no plot. */
static int write_plots(FILE *f, const struct rzsb_pages *p)
{
	int err;

	fputs("<div class=\"pair\">\n<section>\n<h2>RAM needed</h2>\n", f);
	err = write_ram(f, p);
	fputs("</section>\n<section>\n<h2>Ratio against speed</h2>\n", f);
	if (!err)
		err = write_speeds(f, p);
	fputs("</section>\n</div>\n", f);
	if (err || !rzsb_has_speeds(p))
		return err;
	fputs("<h2>Sizes after compression</h2>\n<div class=\"grid\">\n", f);
	for (unsigned i = 0; i < p->nr && !err; i++)
		err = write_sizes(f, p, i);
	fputs("</div>\n<p class=\"note\">The share of the pages by the bytes that 4096 become. The "
	      "last bar has those that hardly shrink or do not.</p>\n",
	      f);
	return err;
}

static void write_cell(FILE *f, const char *fmt, double value)
{
	fputs("<td>", f);
	if (isfinite(value))
		fprintf(f, fmt, value);
	else
		fputs("-", f);
	fputs("</td>", f);
}

static void write_table(FILE *f, const struct rzsb_pages *p)
{
	struct rzsb_choice choice[RZSB_MAX_METHODS];
	struct rzsb_advice a = rzsb_pages_advise(p, choice);
	char text[RZST_HUMAN_MAX];

	fputs("<h2>Values</h2>\n<div class=\"scroll\"><table>\n<tr><th>method</th>"
	      "<th>ratio</th><th>half or less</th><th>raw</th><th>compress</th><th>decompress</th>"
	      "<th>ramzswap</th><th>zram</th></tr>\n",
	      f);
	for (unsigned i = 0; i < p->nr; i++) {
		const struct rzsb_result *r = &p->result[i];

		fprintf(f, "<tr%s><td>", (int)i == a.best ? " class=\"best\"" : "");
		put(f, r->method->text);
		fputs("</td>", f);
		write_cell(f, "%.2f", rzsb_ratio(r));
		write_cell(f, "%.1f %%", 100 * (double)r->good / (double)r->used);
		write_cell(f, "%.1f %%", 100 * (double)r->raw / (double)r->used);
		write_cell(f, "%.0f ns", r->compress_ns);
		write_cell(f, "%.0f ns", r->decompress_ns);
		fprintf(f, "<td>%s</td>", rzst_size_text(p->store_bytes[i], text));
		fprintf(f, "<td>%s</td></tr>\n", rzst_size_text(p->zsmalloc_bytes[i], text));
	}
	fputs("</table></div>\n<p class=\"note\">Times are for 4 KiB, on one processor.</p>\n", f);
}

static void write_sources(FILE *f, const struct rzsb_corpus *c)
{
	char size[RZST_HUMAN_MAX];

	fputs("<h2>Sources</h2>\n<div class=\"scroll\"><table>\n"
	      "<tr><th>source</th><th>examined</th></tr>\n",
	      f);
	for (unsigned i = 0; i < c->nr_parts; i++) {
		fputs("<tr><td>", f);
		put(f, c->parts[i].name);
		fprintf(f, "</td><td>%s</td></tr>\n",
			rzst_size_text((double)c->parts[i].nr * RZSB_PAGE, size));
	}
	fputs("</table></div>\n", f);
}

static void write_end(FILE *f, const struct rzsb_pages *p)
{
	time_t now = time(NULL);
	struct rzsb_machine m;
	char when[40] = "";
	struct tm tm;

	if (localtime_r(&now, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M %Z", &tm);
	rzsb_machine_read(&m);
	fputs("<p class=\"note\">", f);
	putf(f, "Measured on %s (%u processor%s), Linux %s. ", m.cpu, m.cpus,
	     m.cpus == 1 ? "" : "s", m.kernel);
	putf(f,
	     "rzsbench %s, %s; medians of %u rounds, seed %llu. This page holds statistics and "
	     "names of processes, none of their memory.",
	     PACKAGE_VERSION, when, p->rounds, (unsigned long long)p->seed);
	fputs("</p>\n</body>\n</html>\n", f);
}

/* ---- the file ---- */

static int complain(const char *path, const char *why)
{
	rzst_say("pages: --report %s: %s", path, why);
	return -EINVAL;
}

int rzsb_report_check(const char *path)
{
	struct rzsb_place place;
	const char *why;
	char what[300];
	FILE *f;

	if (!*path || strcmp(path, "-") == 0)
		return complain(path, "expected the name of a file");
	if (rzsb_place_find(&place, path, mark, &why) < 0)
		return complain(path, why);
	/* The way to know whether a file can be created there is to create one. */
	f = rzsb_place_open(&place);
	if (!f)
		return complain(path, strerror(errno));
	rzsb_place_close(&place, -ECANCELED);
	snprintf(what, sizeof(what), "pages: --report %s", path);
	return rzsb_plot_check(what);
}

static int write_page(FILE *f, const struct rzsb_pages *p)
{
	int err;

	fputs(mark, f);
	fputs(style, f);
	write_summary(f, p);
	err = write_plots(f, p);
	write_table(f, p);
	write_sources(f, &p->corpus);
	write_end(f, p);
	return err;
}

int rzsb_report_write(const struct rzsb_pages *p, const char *path)
{
	struct rzsb_place place;
	const char *why;
	FILE *f;
	int err;

	if (rzsb_place_find(&place, path, mark, &why) < 0)
		return complain(path, why);
	f = rzsb_place_open(&place);
	if (!f)
		return complain(path, strerror(errno));
	err = rzsb_place_close(&place, write_page(f, p));
	if (err)
		complain(path, strerror(-err));
	return err;
}
