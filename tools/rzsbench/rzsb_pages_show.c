/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The results of "rzsbench pages" as tables and as JSON lines; what they have in common with the
 * report. */
#define _GNU_SOURCE
#include "rzsb_pages.h"

#include <math.h>
#include <string.h>

#define BUCKETS 16u
#define BAR	40u

static double share(double part, double all)
{
	return all > 0 ? part / all : NAN;
}

double rzsb_ratio(const struct rzsb_result *r)
{
	return share((double)r->used * r->method->unit, (double)r->bytes);
}

double rzsb_gain(const struct rzsb_pages *p, unsigned method)
{
	return fmax((double)p->corpus.whole * RZSB_PAGE - p->store_bytes[method], 0);
}

struct rzsb_advice rzsb_pages_advise(const struct rzsb_pages *p, struct rzsb_choice *choice)
{
	for (unsigned i = 0; i < p->nr; i++)
		choice[i] = (struct rzsb_choice){
			.name = p->method[i].text,
			.ram = p->store_bytes[i],
			.ns = p->result[i].compress_ns + p->result[i].decompress_ns,
			.least_ns = p->result[i].least_ns,
			.most_ns = p->result[i].most_ns,
		};
	return rzsb_advise(choice, p->nr, (double)p->corpus.whole * RZSB_PAGE);
}

struct rzsb_doubts rzsb_pages_doubts(const struct rzsb_pages *p)
{
	struct rzsb_doubts d = {0};

	for (unsigned i = 0; i < p->nr; i++) {
		const struct rzsb_result *r = &p->result[i];

		d.noisy |= r->compress_spread > RZSB_NOISY || r->decompress_spread > RZSB_NOISY;
		d.part |= r->used < r->units;
		d.error = fmax(d.error, r->error);
	}
	return d;
}

void rzsb_size_ranges(const struct rzsb_result *r, unsigned nr, double each, double *out)
{
	for (unsigned i = 0; i < nr; i++)
		out[i] = 0;
	for (unsigned n = 1; n <= r->method->unit; n++)
		out[(n - 1) / (r->method->unit / nr)] += each * (double)r->count[n];
}

static void show_pages(const struct rzsb_pages *p)
{
	const struct rzsb_corpus *c = &p->corpus;
	double nr = (double)c->nr;
	char all[RZST_HUMAN_MAX], some[RZST_HUMAN_MAX];

	printf("%s of %s from %u %s%s", rzst_size_text((double)c->whole * RZSB_PAGE, all),
	       p->images ? "pages" : "anonymous memory", c->nr_parts,
	       p->images >= c->nr_parts ? "file" : "source", c->nr_parts == 1 ? "" : "s");
	if (c->nr < c->whole)
		printf(", %s of it examined (%.1f %%)", rzst_size_text(nr * RZSB_PAGE, some),
		       100 * nr / (double)c->whole);
	printf("\none repeated word: %.1f %% of the pages (zeros %.1f %%)",
	       100 * (double)p->same / nr, 100 * (double)p->zero / nr);
	printf("; duplicates of another page%s: %.1f %%\n", c->nr < c->whole ? " examined" : "",
	       100 * (double)p->duplicates / nr);
	if (p->denied)
		printf("%zu processes left out: reading their memory takes CAP_SYS_PTRACE\n",
		       p->denied);
	if (p->gone || p->lost)
		printf("%zu processes and %zu pages were gone before they could be read\n", p->gone,
		       p->lost);
}

static void show_time(double ns, double spread)
{
	putchar(' ');
	rzsb_cell(9, 0, ns, spread > RZSB_NOISY ? "~" : " ");
}

static void show_methods(const struct rzsb_pages *p)
{
	struct rzsb_doubts doubts = rzsb_pages_doubts(p);
	char a[RZST_HUMAN_MAX], b[RZST_HUMAN_MAX];

	printf("\n%-16s %6s %7s %6s %6s  %9s  %9s   %9s %10s\n", "", "", "sample", "good", "raw",
	       "compress", "decompr.", "ramzswap", "zram");
	printf("%-16s %6s %7s %6s %6s  %9s  %9s   %9s %10s\n", "method", "ratio", "+- %", "%", "%",
	       "ns/4KiB", "ns/4KiB", "RAM", "RAM");
	for (unsigned i = 0; i < p->nr; i++) {
		const struct rzsb_result *r = &p->result[i];
		double used = (double)r->used;
		bool less = r->used < r->units;

		printf("%-16s ", r->method->text);
		rzsb_cell(6, 2, rzsb_ratio(r), " ");
		rzsb_cell(6, 1, 100 * r->error, less ? "* " : "  ");
		rzsb_cell(6, 1, 100 * share((double)r->good, used), " ");
		rzsb_cell(6, 1, 100 * share((double)r->raw, used), " ");
		show_time(r->compress_ns, r->compress_spread);
		show_time(r->decompress_ns, r->decompress_spread);
		printf("  %9s %10s\n", rzst_size_text(p->store_bytes[i], a),
		       rzst_size_text(p->zsmalloc_bytes[i], b));
	}
	if (doubts.noisy)
		printf("~ the rounds differ by more than %.0f %%: is there other work on this "
		       "machine? Try more rounds (--rounds)\n",
		       100 * RZSB_NOISY);
	if (doubts.part)
		puts("* too slow for all pages in the given time: measured on a random part of "
		     "them (--patience)");
	if (p->rounds == 1)
		puts("One round only: the times are not reliable.");
}

/* Bytes of merging's index for each page, and of its table for each object that pages share. */
#define MERGE_INDEX_BYTES 8
#define MERGE_SHARE_BYTES 16

/* What merge-run=1 would save of what method i takes in the store, and what it needs itself. */
static void show_merging(const struct rzsb_pages *p, unsigned i)
{
	double equal = share((double)p->duplicates, (double)p->corpus.nr_busy);
	double whole = (double)p->corpus.whole;
	double found = whole * (double)p->duplicates / (double)p->corpus.nr;
	char less[RZST_HUMAN_MAX], more[RZST_HUMAN_MAX];

	printf("Merging equal pages (merge-run=1) would save %s%s of it, and take up to %s for "
	       "itself.\n",
	       p->corpus.nr < p->corpus.whole ? "at least " : "",
	       rzst_size_text(equal * p->store_bytes[i], less),
	       rzst_size_text(whole * MERGE_INDEX_BYTES + found * MERGE_SHARE_BYTES, more));
}

/* The result of a method by its name, or NULL if it was not measured. */
static const struct rzsb_result *result_of(const struct rzsb_pages *p, const char *method,
					   double *bytes)
{
	for (unsigned i = 0; i < p->nr; i++)
		if (strcmp(p->result[i].method->text, method) == 0 && p->result[i].units) {
			*bytes = p->store_bytes[i];
			return &p->result[i];
		}
	return NULL;
}

/* What recompress=zstd would save of the store's default once everything is idle. */
static void show_recompression(const struct rzsb_pages *p)
{
	double before, after;
	const struct rzsb_result *first = result_of(p, "lzo", &before);
	const struct rzsb_result *second = result_of(p, "zstd:1", &after);
	char from[RZST_HUMAN_MAX], to[RZST_HUMAN_MAX];

	if (!first || !second || !(after < before))
		return;
	printf("With lzo, recompressing idle pages (recompress=zstd) brings %s down to %s once all "
	       "are idle; to swap such a page in takes %.1f us instead of %.1f.\n",
	       rzst_size_text(before, from), rzst_size_text(after, to),
	       second->decompress_ns / 1000, first->decompress_ns / 1000);
}

static void show_gain(const struct rzsb_pages *p, unsigned i)
{
	double whole = (double)p->corpus.whole * RZSB_PAGE;
	char all[RZST_HUMAN_MAX], held[RZST_HUMAN_MAX], less[RZST_HUMAN_MAX], other[RZST_HUMAN_MAX];

	printf("\nSwapped out with %s, these %s would take %s of RAM in ramzswap: ",
	       p->result[i].method->text, rzst_size_text(whole, all),
	       rzst_size_text(p->store_bytes[i], held));
	if (rzsb_gain(p, i) > 0)
		printf("%s saved", rzst_size_text(rzsb_gain(p, i), less));
	else
		printf("nothing saved");
	printf(" (zram: %s", rzst_size_text(p->zsmalloc_bytes[i], other));
	printf("; zswap, which needs a disk: %s", rzst_size_text(p->zswap_bytes[i], other));
	if (isfinite(p->nbdkit_bytes))
		printf("; nbdkit memory allocator=zstd: %s",
		       rzst_size_text(p->nbdkit_bytes, other));
	puts(").");
	if (p->duplicates)
		show_merging(p, i);
	show_recompression(p);
	printf("A store takes %s more for itself, whatever it contains.\n",
	       rzst_size_text(p->store_itself[i], held));
	if (p->result[i].units > 0)
		printf("The processor takes %.1f us to compress a page that is swapped out and "
		       "%.1f us to decompress it when it is swapped in.\n",
		       p->result[i].compress_ns / 1000, p->result[i].decompress_ns / 1000);
}

int rzsb_pages_example(const struct rzsb_pages *p, const struct rzsb_advice *a)
{
	if (a->best >= 0)
		return a->best;
	/* Nothing to choose from, as when all pages are one repeated word. */
	for (unsigned i = 0; i < p->nr; i++)
		if (isfinite(p->store_bytes[i]))
			return (int)i;
	return -1;
}

/* The answer to the question that the program is for, with the method to choose. */
static void show_summary(const struct rzsb_pages *p)
{
	struct rzsb_choice choice[RZSB_MAX_METHODS];
	struct rzsb_advice a = rzsb_pages_advise(p, choice);
	int i;

	puts("\nratio: of the pages that are not one repeated word; a page that does not shrink "
	     "counts as it is.\n"
	     "RAM: what all pages add, including tables.  ramzswap: measured in its store; zram "
	     "and zswap:\n"
	     "computed for zsmalloc with chains of 8 pages, as after a fill.");
	i = rzsb_pages_example(p, &a);
	if (i >= 0)
		show_gain(p, (unsigned)i);
}

static void show_advice(const struct rzsb_pages *p)
{
	struct rzsb_choice choice[RZSB_MAX_METHODS];
	struct rzsb_advice a = rzsb_pages_advise(p, choice);
	char text[500];

	if (a.best < 0 && p->corpus.nr_busy == 0)
		puts("Any method will do: every page is one repeated word.");
	if (a.best < 0)
		return;
	if (!a.worthwhile) {
		puts("These pages hardly shrink: less than a tenth of their RAM would be saved.");
		return;
	}
	printf("Choose %s (" RZSB_RULE ")%s\n", choice[a.best].name,
	       p->nr > 1 ? ", of these:" : ".");
	for (unsigned i = 0; i < p->nr; i++) {
		if ((int)i == a.best)
			continue;
		rzsb_advice_compare(&choice[a.best], &choice[i], text, sizeof(text));
		printf("  %s\n", text);
	}
	rzsb_advice_close(&a, choice, p->nr, text, sizeof(text));
	if (a.close)
		printf("It is a close decision: by these rounds %s may be as good.\n", text);
}

static void show_histogram(const struct rzsb_result *r)
{
	double v[BUCKETS], most = 0;

	rzsb_size_ranges(r, BUCKETS, rzsb_percent_of_used(r), v);
	for (unsigned i = 0; i < BUCKETS; i++)
		most = fmax(most, v[i]);
	printf("\n%s: bytes after compression, %% of the pages\n", r->method->text);
	for (unsigned i = 0; i < BUCKETS; i++) {
		printf("%6u %5.1f ", (i + 1) * r->method->unit / BUCKETS, v[i]);
		for (unsigned k = 0; k < (unsigned)(v[i] * BAR / fmax(most, 1)); k++)
			putchar('#');
		putchar('\n');
	}
}

void rzsb_pages_show(const struct rzsb_pages *p, bool histogram)
{
	show_pages(p);
	show_methods(p);
	for (unsigned i = 0; histogram && i < p->nr; i++)
		show_histogram(&p->result[i]);
	show_summary(p);
	show_advice(p);
}

static void json_method(const struct rzsb_pages *p, unsigned i, struct rzsb_json *j)
{
	const struct rzsb_result *r = &p->result[i];
	double in[64];

	rzsb_size_ranges(r, 64, 1, in);
	rzsb_json_begin(j, "pages_method");
	rzsb_json_str(j, "method", r->method->text);
	rzsb_json_int(j, "unit_bytes", r->method->unit);
	rzsb_json_int(j, "units", r->units);
	rzsb_json_int(j, "units_used", r->used);
	rzsb_json_int(j, "object_bytes", r->bytes);
	rzsb_json_num(j, "ratio", rzsb_ratio(r));
	rzsb_json_num(j, "sampling_error", r->error);
	rzsb_json_int(j, "units_raw", r->raw);
	rzsb_json_int(j, "units_good", r->good);
	rzsb_json_int(j, "rounds", p->rounds);
	rzsb_json_num(j, "compress_ns_per_4k", r->compress_ns);
	rzsb_json_num(j, "compress_spread", r->compress_spread);
	rzsb_json_num(j, "decompress_ns_per_4k", r->decompress_ns);
	rzsb_json_num(j, "decompress_spread", r->decompress_spread);
	rzsb_json_num(j, "store_ram_bytes", p->store_bytes[i]);
	rzsb_json_num(j, "store_itself_bytes", p->store_itself[i]);
	rzsb_json_num(j, "zram_ram_bytes_modelled", p->zsmalloc_bytes[i]);
	rzsb_json_num(j, "zswap_ram_bytes_modelled", p->zswap_bytes[i]);
	rzsb_json_list(j, "units_by_64th_of_size", in, 64);
	rzsb_json_end(j);
}

static void json_advice(const struct rzsb_pages *p, struct rzsb_json *j)
{
	struct rzsb_choice choice[RZSB_MAX_METHODS];
	struct rzsb_advice a = rzsb_pages_advise(p, choice);

	if (a.best < 0)
		return;
	rzsb_json_begin(j, "pages_advice");
	rzsb_json_str(j, "method", choice[a.best].name);
	rzsb_json_num(j, "store_ram_bytes", choice[a.best].ram);
	rzsb_json_num(j, "out_and_in_ns_per_4k", choice[a.best].ns);
	rzsb_json_int(j, "worthwhile", a.worthwhile);
	rzsb_json_int(j, "close", a.close != 0);
	rzsb_json_end(j);
}

void rzsb_pages_json(const struct rzsb_pages *p, struct rzsb_json *j)
{
	rzsb_json_begin(j, "pages");
	rzsb_json_int(j, "pages_found", p->corpus.whole);
	rzsb_json_int(j, "pages_used", p->corpus.nr);
	rzsb_json_int(j, "pages_same_filled", p->same);
	rzsb_json_int(j, "pages_zero", p->zero);
	rzsb_json_int(j, "pages_duplicate", p->duplicates);
	rzsb_json_int(j, "processes_denied", p->denied);
	rzsb_json_int(j, "processes_gone", p->gone);
	rzsb_json_int(j, "pages_lost", p->lost);
	rzsb_json_num(j, "nbdkit_zstd_ram_bytes_modelled", p->nbdkit_bytes);
	rzsb_json_end(j);
	for (unsigned i = 0; i < p->nr; i++)
		json_method(p, i, j);
	json_advice(p, j);
}
