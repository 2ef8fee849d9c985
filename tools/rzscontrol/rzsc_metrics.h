/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Statistics as OpenMetrics text (prometheus.io/docs/specs/om/open_metrics_spec), of no types but
 * gauge, counter, summary and histogram and without times, so that the older text format's readers,
 * such as the node exporter's textfile collector, take it too.
 *
 * Threading: one thread.
 */
#ifndef RZSC_METRICS_H
#define RZSC_METRICS_H

#include "rzst_backend.h"

/* A device, and what was measured of it. */
struct rzs_metric_device {
	const char *socket; /* its server's control socket */
	struct rzs_device_info info;
	struct rzs_values stats;	  /* empty when it is not initialised */
	struct rzs_latency_infos latency; /* likewise */
	struct rzs_histograms histograms; /* likewise */
	bool stale_known;
	uint64_t stale;
};

struct rzs_metric_server {
	const char *socket;
	bool up;
	struct rzs_values process;
	struct rzs_texts protections;
};

struct rzs_metrics {
	struct rzs_stat_infos table; /* what the statistics mean */
	struct rzs_metric_server *servers;
	size_t nr_servers;
	struct rzs_metric_device *devices;
	size_t nr_devices;
};

/* The whole text, up to its "# EOF". */
void rzs_metrics_print(FILE *f, const struct rzs_metrics *m);

#endif
