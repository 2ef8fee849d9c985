/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The containers of what back ends return; see rzst_backend.h. */
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

void rzst_values_add(struct rzst_values *values, const char *name, uint64_t value)
{
	struct rzst_value *v;

	values->v = rzst_grow(values->v, values->nr, sizeof(*values->v));
	v = &values->v[values->nr++];
	memset(v, 0, sizeof(*v));
	snprintf(v->name, sizeof(v->name), "%s", name);
	v->value = value;
}

void rzst_texts_add(struct rzst_texts *texts, const char *name, const char *text)
{
	struct rzst_text *t;

	texts->v = rzst_grow(texts->v, texts->nr, sizeof(*texts->v));
	t = &texts->v[texts->nr++];
	memset(t, 0, sizeof(*t));
	snprintf(t->name, sizeof(t->name), "%s", name);
	snprintf(t->text, sizeof(t->text), "%s", text);
}

void rzst_stat_infos_add(struct rzst_stat_infos *stats, const char *name, bool of_device,
			 bool counter, const char *help)
{
	struct rzst_stat_info *s;

	stats->v = rzst_grow(stats->v, stats->nr, sizeof(*stats->v));
	s = &stats->v[stats->nr++];
	memset(s, 0, sizeof(*s));
	snprintf(s->name, sizeof(s->name), "%s", name);
	snprintf(s->help, sizeof(s->help), "%s", help);
	s->of_device = of_device;
	s->counter = counter;
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
