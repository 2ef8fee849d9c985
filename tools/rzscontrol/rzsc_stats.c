/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzsc_stats.h. */
#include "ramzswap_stats.h"
#include "rzsc_stats.h"

#define PAGE_KB ((1u << RAMZSWAP_PAGE_SHIFT) / 1024)

static unsigned long long of(const struct rzst_values *values, const char *name)
{
	return rzst_value_of(values, name, NULL);
}

/* The back end's own number if it has one, else otherwise. */
static unsigned long long own_or(const struct rzst_values *values, const char *name,
				 unsigned long long otherwise)
{
	bool found;
	unsigned long long value = rzst_value_of(values, name, &found);

	return found ? value : otherwise;
}

void rzsc_stats_classic(FILE *f, const struct rzst_values *values, const char *backing_swap)
{
	const struct ramzswap_store_stats counts = {
		.pages_stored = of(values, "pages_stored"),
		.pages_same = of(values, "pages_same"),
		.pages_zero = of(values, "pages_zero"),
		.pages_good = of(values, "pages_good"),
		.pages_raw = of(values, "pages_raw"),
		.mem_bytes = of(values, "mem_bytes"),
	};
	const struct ramzswap_orig_stats orig = ramzswap_orig_stats(&counts);
	unsigned long long limit = of(values, "limit_bytes");
	int64_t profit;

	if (backing_swap && *backing_swap)
		fprintf(f, "BackingSwap:\t%s\n", backing_swap);
	fprintf(f, "DiskSize:\t%8llu kB\n", of(values, "nr_pages") * PAGE_KB);
	if (limit)
		fprintf(f, "MemLimit:\t%8llu kB\n", limit / 1024);
	fprintf(f, "NumReads:\t%8llu\n", of(values, "reads"));
	fprintf(f, "NumWrites:\t%8llu\n", of(values, "writes"));
	fprintf(f, "FailedReads:\t%8llu\n", of(values, "failed_reads"));
	fprintf(f, "FailedWrites:\t%8llu\n", of(values, "failed_writes"));
	fprintf(f, "InvalidIO:\t%8llu\n", of(values, "invalid_io"));
	fprintf(f, "NotifyFree:\t%8llu\n", of(values, "discards"));
	fprintf(f, "ZeroPages:\t%8llu\n", of(values, "pages_zero"));
	fprintf(f, "GoodCompress:\t%8llu %%\n", own_or(values, "good_percent", orig.good_percent));
	fprintf(f, "NoCompress:\t%8llu %%\n", own_or(values, "raw_percent", orig.raw_percent));
	fprintf(f, "PagesStored:\t%8llu\n", (unsigned long long)orig.pages_stored);
	fprintf(f, "PagesUsed:\t%8llu\n", own_or(values, "pages_used", orig.pages_used));
	fprintf(f, "OrigDataSize:\t%8llu kB\n", (unsigned long long)orig.orig_bytes / 1024);
	fprintf(f, "ComprDataSize:\t%8llu kB\n", of(values, "object_bytes") / 1024);
	fprintf(f, "MemUsedTotal:\t%8llu kB\n", of(values, "mem_bytes") / 1024);
	if (of(values, "merge_bytes") && rzsc_stats_profit(values, &profit)) {
		fprintf(f, "MergeShared:\t%8llu\n", of(values, "pages_shared"));
		fprintf(f, "MergeSharing:\t%8llu\n", of(values, "pages_sharing"));
		fprintf(f, "MergeProfit:\t%8lld kB\n", (long long)profit / 1024);
	}
	if (backing_swap && *backing_swap) {
		fprintf(f, "BDevNumReads:\t%8llu\n", of(values, "backing_reads"));
		fprintf(f, "BDevNumWrites:\t%8llu\n", of(values, "backing_writes"));
	}
}

bool rzsc_stats_profit(const struct rzst_values *values, int64_t *out)
{
	bool found;

	*out = (int64_t)(rzst_value_of(values, "merge_saved_bytes", &found) -
			 of(values, "merge_bytes"));
	return found;
}

double rzsc_stats_ratio(uint64_t stored, uint64_t mem)
{
	return (double)stored / (double)mem;
}
