/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What watch shows: the devices at one moment, and their rates since the moment before.
 *
 * Threading: one thread.
 */
#ifndef RZSC_SAMPLE_H
#define RZSC_SAMPLE_H

#include "rzsc_find.h"

/* A device at one moment.  Rates are NaN in the first sample. */
struct rzsc_row {
	const struct rzsc_found_server *server;
	/* One of the kernel's has no times. */
	struct rzst_device_info info;
	/* False: the driver is too old to say pages_same, pages_raw, refused and reserve. */
	bool store_known;
	uint64_t pages_stored, pages_same, pages_raw;
	uint64_t reads, writes; /* requests; of the kernel's, pages */
	uint64_t read_bytes, write_bytes;
	uint64_t read_p50_ns, read_p99_ns, write_p50_ns, write_p99_ns; /* 0: none yet */
	uint64_t refused;					       /* writes */
	uint64_t reserve;					       /* bytes */
	uint64_t pages_shared, pages_sharing;
	bool merges;	/* has merging's tables: it is on, or was */
	int64_t profit; /* bytes that merging gains */

	char attached[24]; /* /dev/nbdN; empty: not attached, or not known */
	bool stale_known;
	uint64_t stale; /* bytes */

	double reads_per_second, writes_per_second;
	double read_bytes_per_second, write_bytes_per_second;
};

/* A server's protections at that moment: how many are in each state, and each of them. */
struct rzsc_protections {
	const struct rzsc_found_server *server;
	unsigned ok, refused, off;
	struct rzst_texts each;
};

struct rzsc_sample {
	uint64_t when_ns;
	struct rzsc_row *v;
	size_t nr;
	struct rzsc_protections *protections;
	size_t nr_servers;
};

/*
 * Ask all servers, or only_server if that is not NULL; if name is not NULL, only for that device.
 * Prints what is wrong and returns an enum rzs_exit.  Free also after a failure.
 */
int rzsc_sample_take(struct rzsc_servers *all, const struct rzsc_found_server *only_server,
		     const char *name, struct rzsc_sample *out);
void rzsc_sample_free(struct rzsc_sample *s);

/* Set a row's numbers from the statistics of a back end.  Cannot fail. */
void rzsc_row_fill(struct rzsc_row *row, const struct rzst_values *values);

/* Set the rates of the rows of now that before has too, if they are still the same devices. */
void rzsc_sample_rates(struct rzsc_sample *now, const struct rzsc_sample *before);

#endif
