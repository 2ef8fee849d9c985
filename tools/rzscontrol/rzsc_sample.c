/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzsc_sample.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rzsc_sample.h"
#include "rzsc_stats.h"

#define PAGE_SIZE 4096u

void rzsc_row_fill(struct rzsc_row *row, const struct rzst_values *values)
{
	const struct {
		const char *name;
		uint64_t *to;
	} all[] = {
		{"pages_stored", &row->pages_stored},
		{"pages_same", &row->pages_same},
		{"pages_raw", &row->pages_raw},
		/* Requests; the store's reads also count those of the server's own. */
		{"read_requests", &row->reads},
		{"write_requests", &row->writes},
		{"read_bytes", &row->read_bytes},
		{"write_bytes", &row->write_bytes},
		{"read_p50_ns", &row->read_p50_ns},
		{"read_p99_ns", &row->read_p99_ns},
		{"write_p50_ns", &row->write_p50_ns},
		{"write_p99_ns", &row->write_p99_ns},
		{"reserve_bytes", &row->reserve},
		{"pages_shared", &row->pages_shared},
		{"pages_sharing", &row->pages_sharing},
		{"orig_bytes", &row->info.stored},
		{"mem_bytes", &row->info.mem},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		*all[i].to = rzst_value_of(values, all[i].name, NULL);
	(void)rzst_value_of(values, "pages_same", &row->store_known);
	row->merges = rzsc_stats_profit(values, &row->profit) &&
		      rzst_value_of(values, "merge_bytes", NULL);
	row->refused = rzst_value_of(values, "refused_limit", NULL) +
		       rzst_value_of(values, "refused_reserve", NULL);
	if (row->info.of_kernel) {
		row->reads = rzst_value_of(values, "reads", NULL);
		row->writes = rzst_value_of(values, "writes", NULL);
		row->read_bytes = row->reads * PAGE_SIZE;
		row->write_bytes = row->writes * PAGE_SIZE;
	}
}

static void no_rates(struct rzsc_row *row)
{
	row->reads_per_second = row->writes_per_second = 0.0 / 0.0;
	row->read_bytes_per_second = row->write_bytes_per_second = 0.0 / 0.0;
}

static int take_device(struct rzsc_found_server *s, const struct rzst_device_info *d,
		       const struct rzsc_nbds *nbds, struct rzsc_sample *out)
{
	const struct rzsc_nbd *nbd = rzsc_nbds_of(nbds, &s->info, d, s->devices.nr);
	struct rzst_values values = {NULL, 0};
	struct rzsc_row *row;
	int err = 0;

	if (d->ready)
		err = s->backend->ops->stats(s->backend, d->name, &values);
	if (err == -ENODEV || err == -ENOENT)
		return RZS_EXIT_DONE; /* it was removed after the list was made */
	if (err < 0)
		return rzst_fail(rzst_exit(err), "%s", s->backend->why);
	out->v = rzst_grow(out->v, out->nr, sizeof(*out->v));
	row = &out->v[out->nr++];
	memset(row, 0, sizeof(*row));
	row->server = s;
	row->info = *d;
	no_rates(row);
	if (d->ready)
		rzsc_row_fill(row, &values);
	rzst_values_free(&values);
	if (nbd) {
		snprintf(row->attached, sizeof(row->attached), "%s", nbd->device);
		row->stale_known = nbd->swapped_to && d->ready;
		row->stale = row->stale_known ? rzsc_nbd_stale(nbd, row->info.stored) : 0;
	}
	return RZS_EXIT_DONE;
}

static int take_protections(struct rzsc_found_server *s, struct rzsc_sample *out)
{
	struct rzsc_protections *p;
	struct rzst_values values;
	int err;

	out->protections = rzst_grow(out->protections, out->nr_servers, sizeof(*out->protections));
	p = &out->protections[out->nr_servers++];
	memset(p, 0, sizeof(*p));
	p->server = s;
	err = s->backend->ops->process(s->backend, &values, &p->each);
	if (err < 0)
		return rzst_fail(rzst_exit(err), "%s", s->backend->why);
	rzst_values_free(&values);
	for (size_t i = 0; i < p->each.nr; i++) {
		const char *state = p->each.v[i].text;

		p->ok += strcmp(state, "ok") == 0;
		p->refused += strcmp(state, "refused") == 0;
		p->off += strcmp(state, "off") == 0;
	}
	return RZS_EXIT_DONE;
}

static int take_server(struct rzsc_found_server *s, const char *name, const struct rzsc_nbds *nbds,
		       struct rzsc_sample *out)
{
	int code, err = rzsc_server_refresh(s);
	bool found = name == NULL;

	if (err < 0)
		return rzst_fail(rzst_exit(err), "%s", s->backend->why);
	code = take_protections(s, out);
	for (size_t i = 0; code == RZS_EXIT_DONE && i < s->devices.nr; i++) {
		if (name && strcmp(s->devices.v[i].name, name) != 0)
			continue;
		found = true;
		code = take_device(s, &s->devices.v[i], nbds, out);
	}
	s->backend->ops->rest(s->backend);
	if (code == RZS_EXIT_DONE && !found)
		return rzst_fail(RZS_EXIT_NONE, "%s: there is no such device any more", name);
	return code;
}

int rzsc_sample_take(struct rzsc_servers *all, const struct rzsc_found_server *only_server,
		     const char *name, struct rzsc_sample *out)
{
	struct rzsc_nbds nbds;
	int code = RZS_EXIT_DONE;

	memset(out, 0, sizeof(*out));
	rzsc_nbds_read(&nbds);
	out->when_ns = rzst_now();
	for (size_t i = 0; code == RZS_EXIT_DONE && i < all->nr; i++)
		if (!only_server || only_server == &all->v[i])
			code = take_server(&all->v[i], name, &nbds, out);
	rzsc_nbds_free(&nbds);
	return code;
}

void rzsc_sample_free(struct rzsc_sample *s)
{
	for (size_t i = 0; i < s->nr_servers; i++)
		rzst_texts_free(&s->protections[i].each);
	free(s->protections);
	free(s->v);
	memset(s, 0, sizeof(*s));
}

static const struct rzsc_row *row_of(const struct rzsc_sample *s, const struct rzsc_row *like)
{
	for (size_t i = 0; i < s->nr; i++)
		if (s->v[i].server == like->server &&
		    strcmp(s->v[i].info.name, like->info.name) == 0)
			return &s->v[i];
	return NULL;
}

void rzsc_sample_rates(struct rzsc_sample *now, const struct rzsc_sample *before)
{
	double seconds = (double)(now->when_ns - before->when_ns) / 1e9;

	for (size_t i = 0; seconds > 0 && i < now->nr; i++) {
		struct rzsc_row *row = &now->v[i];
		const struct rzsc_row *old = row_of(before, row);

		/* If a counter has gone back, this is a new device of the same name. */
		if (!old || !old->info.ready || !row->info.ready || row->reads < old->reads ||
		    row->writes < old->writes || row->read_bytes < old->read_bytes ||
		    row->write_bytes < old->write_bytes)
			continue;
		row->reads_per_second = (double)(row->reads - old->reads) / seconds;
		row->writes_per_second = (double)(row->writes - old->writes) / seconds;
		row->read_bytes_per_second = (double)(row->read_bytes - old->read_bytes) / seconds;
		row->write_bytes_per_second =
			(double)(row->write_bytes - old->write_bytes) / seconds;
	}
}
