/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The original's options, in the original's order whatever the order on the line: backing swap,
 * memlimit, disksize, init, reset, stats.  The first that fails ends it.
 */
#include <errno.h>

#include "rzsc_find.h"
#include "rzsc_show.h"
#include "rzsc_stats.h"

static int failed(const struct rzsc_found *found, int err)
{
	return rzst_fail(rzst_exit(err), "%s", found->server->backend->why);
}

static int set_text(const struct rzsc_options *o, struct rzsc_found *found, const char *setting)
{
	struct rzst_backend *b = found->server->backend;
	int err;

	if (o->verbose)
		rzst_say("%s: %s: set %s", b->where, found->name, setting);
	err = b->ops->set(b, found->name, &setting, 1);
	return err < 0 ? failed(found, err) : RZS_EXIT_DONE;
}

static int set(const struct rzsc_options *o, struct rzsc_found *found, const char *key, uint64_t kb)
{
	char setting[64];

	/* In the unit of the command line: what is said of it then fits what was given. */
	snprintf(setting, sizeof(setting), "%s=%llu%s", key, (unsigned long long)kb, kb ? "K" : "");
	return set_text(o, found, setting);
}

/* Before anything is changed, where there can be none. */
static int set_backing(const struct rzsc_options *o, struct rzsc_found *found)
{
	char setting[RZST_PATH_MAX];

	if (!found->server->backend->of_kernel)
		return rzst_fail(
			RZS_EXIT_UNSUPPORTED,
			"--backing_swap %s: a server cannot write to a backing swap; nothing was "
			"changed.  Leave the option out, and swap to it as well, with a lower "
			"priority",
			o->backing_swap);
	if (snprintf(setting, sizeof(setting), "backing_swap=%s", o->backing_swap) >=
	    (int)sizeof(setting))
		return rzst_fail(RZS_EXIT_USAGE, "--backing_swap: a path of more than 127 "
						 "bytes");
	return set_text(o, found, setting);
}

static int act(const struct rzsc_options *o, struct rzsc_found *found, const char *what,
	       int (*fn)(struct rzst_backend *b, const char *name))
{
	struct rzst_backend *b = found->server->backend;
	int err;

	if (o->verbose)
		rzst_say("%s: %s: %s", b->where, found->name, what);
	err = fn(b, found->name);
	return err < 0 ? failed(found, err) : RZS_EXIT_DONE;
}

/* h is NULL when the server has no histograms. */
static void buckets_json(struct rzst_json *j, const struct rzst_histogram *h)
{
	if (!h) {
		rzst_json_null(j, "buckets");
		return;
	}
	rzst_json_array(j, "buckets");
	for (size_t i = 0; i < h->nr; i++) {
		rzst_json_object(j, NULL);
		rzst_json_number(j, "le_ns", h->v[i].le_ns);
		rzst_json_number(j, "count", h->v[i].count);
		rzst_json_object_end(j);
	}
	rzst_json_array_end(j);
}

static void latency_json(struct rzst_json *j, const struct rzst_latency_infos *latency,
			 const struct rzst_histograms *histograms)
{
	rzst_json_object(j, "latency");
	for (unsigned i = 0; i < latency->nr; i++) {
		const struct rzst_latency_info *l = &latency->v[i];

		rzst_json_object(j, l->op);
		rzst_json_number(j, "count", l->count);
		rzst_json_number(j, "bytes", l->bytes);
		rzst_json_number(j, "sum_ns", l->sum_ns);
		rzst_json_number(j, "max_ns", l->max_ns);
		rzst_json_number(j, "p50_ns", l->p50_ns);
		rzst_json_number(j, "p90_ns", l->p90_ns);
		rzst_json_number(j, "p99_ns", l->p99_ns);
		rzst_json_number(j, "p999_ns", l->p999_ns);
		buckets_json(j, rzst_histogram_of(histograms, l->op));
		rzst_json_object_end(j);
	}
	rzst_json_object_end(j);
}

static int stats_json(struct rzsc_found *found, const struct rzst_values *values)
{
	const struct rzsc_found_server *s = found->server;
	uint64_t stored = rzst_value_of(values, "orig_bytes", NULL);
	struct rzst_latency_infos latency;
	struct rzst_histograms histograms;
	const struct rzsc_nbd *nbd;
	struct rzsc_nbds nbds;
	struct rzst_json j;
	int64_t profit;
	int err = s->backend->ops->latency(s->backend, found->name, &latency);

	if (err == 0)
		err = s->backend->ops->histograms(s->backend, found->name, &histograms);
	if (err < 0)
		return failed(found, err);
	rzsc_nbds_read(&nbds);
	nbd = rzsc_nbds_of(&nbds, &s->info, found->device, s->devices.nr);
	rzst_json_begin(&j, stdout);
	rzst_json_text(&j, "device", found->name);
	rzsc_show_server(&j, s);
	rzst_json_text(&j, "attached", nbd ? nbd->device : NULL);
	if (found->device->of_kernel)
		rzst_json_text(&j, "backing_swap",
			       *found->device->backing_swap ? found->device->backing_swap : NULL);
	rzst_json_fraction(&j, "ratio",
			   rzsc_stats_ratio(stored, rzst_value_of(values, "mem_bytes", NULL)));
	if (rzsc_stats_profit(values, &profit))
		rzst_json_integer(&j, "general_profit", profit);
	else
		rzst_json_null(&j, "general_profit");
	if (nbd && nbd->swapped_to) {
		rzst_json_number(&j, "used_bytes", nbd->used);
		rzst_json_number(&j, "stale_bytes", rzsc_nbd_stale(nbd, stored));
	} else {
		rzst_json_null(&j, "used_bytes");
		rzst_json_null(&j, "stale_bytes");
	}
	rzsc_show_values(&j, "stats", values);
	if (!found->device->of_kernel)
		latency_json(&j, &latency, &histograms);
	rzst_json_end(&j);
	rzsc_nbds_free(&nbds);
	rzst_histograms_free(&histograms);
	return RZS_EXIT_DONE;
}

static int stats(const struct rzsc_options *o, struct rzsc_found *found)
{
	struct rzst_backend *b = found->server->backend;
	struct rzst_values values;
	int code = RZS_EXIT_DONE, err = b->ops->stats(b, found->name, &values);

	/* What was known of it was before --init. */
	if (err == 0 && o->init) {
		err = rzsc_found_refresh(found);
		if (err < 0)
			rzst_values_free(&values);
	}
	if (err == -ENODEV)
		return rzst_fail(RZS_EXIT_FAILED,
				 "%s: not initialised, there are no statistics; 'rzscontrol %s "
				 "--init' does that",
				 found->name, found->name);
	if (err < 0)
		return failed(found, err);
	if (o->json)
		code = stats_json(found, &values);
	else
		rzsc_stats_classic(stdout, &values, found->device->backing_swap);
	rzst_values_free(&values);
	return code;
}

int rzsc_cmd_device(const struct rzsc_options *o)
{
	struct rzsc_found found;
	int code;

	code = rzsc_device_find(o, o->device, &found);
	if (code == RZS_EXIT_DONE && o->backing_swap)
		code = set_backing(o, &found);
	if (code == RZS_EXIT_DONE && o->memlimit_given)
		code = set(o, &found, "memlimit", o->memlimit_kb);
	if (code == RZS_EXIT_DONE && o->disksize_given)
		code = set(o, &found, "size", o->disksize_kb);
	if (code == RZS_EXIT_DONE && o->init)
		code = act(o, &found, "init", found.server->backend->ops->init);
	if (code == RZS_EXIT_DONE && o->reset)
		code = act(o, &found, "reset", found.server->backend->ops->reset);
	if (code == RZS_EXIT_DONE && o->stats)
		code = stats(o, &found);
	rzsc_found_free(&found);
	return code;
}
