/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What back ends give, and letting go of it; see rzst_backend.h. */
#include <stdlib.h>
#include <string.h>

#include "rzst_backend.h"

uint64_t rzst_value_of(const struct rzst_values *values, const char *name, bool *found)
{
	size_t i;

	for (i = 0; i < values->nr; i++)
		if (strcmp(values->v[i].name, name) == 0)
			break;
	if (found)
		*found = i < values->nr;
	return i < values->nr ? values->v[i].value : 0;
}

void rzst_values_free(struct rzst_values *values)
{
	free(values->v);
	memset(values, 0, sizeof(*values));
}

void rzst_texts_free(struct rzst_texts *texts)
{
	free(texts->v);
	memset(texts, 0, sizeof(*texts));
}

void rzst_device_infos_free(struct rzst_device_infos *devices)
{
	free(devices->v);
	memset(devices, 0, sizeof(*devices));
}

void rzst_stat_infos_free(struct rzst_stat_infos *stats)
{
	free(stats->v);
	memset(stats, 0, sizeof(*stats));
}

void rzst_histograms_free(struct rzst_histograms *histograms)
{
	for (unsigned i = 0; i < histograms->nr; i++)
		free(histograms->v[i].v);
	memset(histograms, 0, sizeof(*histograms));
}

const struct rzst_histogram *rzst_histogram_of(const struct rzst_histograms *histograms,
					       const char *op)
{
	for (unsigned i = 0; i < histograms->nr; i++)
		if (strcmp(histograms->v[i].op, op) == 0)
			return &histograms->v[i];
	return NULL;
}

uint64_t rzst_histogram_within(const struct rzst_histogram *h, uint64_t le_ns)
{
	uint64_t within = 0;

	for (size_t i = 0; i < h->nr && h->v[i].le_ns <= le_ns; i++)
		within += h->v[i].count;
	return within;
}
