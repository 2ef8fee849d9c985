/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Statistics as OpenMetrics text (prometheus.io/docs/specs/om/open_metrics_spec).  It has only
 * gauges, counters, summaries and histograms, and no times, so that readers of the older text
 * format accept it too, such as the node exporter's textfile collector.
 *
 * Threading: one thread.
 */
#ifndef RZSC_METRICS_H
#define RZSC_METRICS_H

#include "rzst_backend.h"

/* A device and its statistics, which are empty when it is not initialised. */
struct rzsc_metric_device {
	const char *socket; /* its server's control socket */
	struct rzst_device_info info;
	struct rzst_values stats;
	struct rzst_latency_infos latency;
	struct rzst_histograms histograms;
	bool stale_known;
	uint64_t stale;
};

struct rzsc_metric_server {
	const char *socket;
	bool up;
	struct rzst_values process;
	struct rzst_texts protections;
};

struct rzsc_metrics {
	struct rzst_stat_infos table; /* what the statistics mean */
	struct rzsc_metric_server *servers;
	size_t nr_servers;
	struct rzsc_metric_device *devices;
	size_t nr_devices;
};

/* Print the whole text, up to "# EOF".  Errors are left in f. */
void rzsc_metrics_print(FILE *f, const struct rzsc_metrics *m);

#endif
