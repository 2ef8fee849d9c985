/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What watch shows: all devices of interest at one moment, and how fast they went since the one
 * before.
 *
 * Threading: one thread.
 */
#ifndef RZSC_SAMPLE_H
#define RZSC_SAMPLE_H

#include "rzsc_find.h"

/* A device at one moment.  Rates are not a number while there is nothing to compare with. */
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

	char attached[24]; /* /dev/nbdN; empty: not as far as is known */
	bool stale_known;
	uint64_t stale; /* bytes */

	double reads_per_second, writes_per_second;
	double read_bytes_per_second, write_bytes_per_second;
};

/* A server's protections at that moment, counted, and as they are. */
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
 * Ask all servers, or only_server if that is not NULL; of its devices only the one named, if name
 * is not NULL.  Says what is wrong; gives an enum rzs_exit.  Free also after a failure.
 */
int rzsc_sample_take(struct rzsc_servers *all, const struct rzsc_found_server *only_server,
		     const char *name, struct rzsc_sample *out);
void rzsc_sample_free(struct rzsc_sample *s);

/* A row's numbers, of the statistics that a back end gives. */
void rzsc_row_fill(struct rzsc_row *row, const struct rzst_values *values);

/* Set the rates of now's rows, where before has the same device and it was not made anew since. */
void rzsc_sample_rates(struct rzsc_sample *now, const struct rzsc_sample *before);

#endif
