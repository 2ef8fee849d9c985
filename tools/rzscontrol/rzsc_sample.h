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
struct rzs_row {
	const struct rzs_found_server *server;
	/* One of the kernel's has none of: pages_same, pages_raw, times, refused, reserve. */
	struct rzs_device_info info;
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
struct rzs_protections {
	const struct rzs_found_server *server;
	unsigned ok, refused, off;
	struct rzs_texts each;
};

struct rzs_sample {
	uint64_t when_ns;
	struct rzs_row *v;
	size_t nr;
	struct rzs_protections *protections;
	size_t nr_servers;
};

/*
 * Ask all servers, or only_server if that is not NULL; of its devices only the one named, if name
 * is not NULL.  Says what is wrong; gives an enum rzs_exit.  Free also after a failure.
 */
int rzs_sample_take(struct rzs_servers *all, const struct rzs_found_server *only_server,
		    const char *name, struct rzs_sample *out);
void rzs_sample_free(struct rzs_sample *s);

/* A row's numbers, of the statistics that a back end gives. */
void rzs_row_fill(struct rzs_row *row, const struct rzs_values *values);

/* Set the rates of now's rows, where before has the same device and it was not made anew since. */
void rzs_sample_rates(struct rzs_sample *now, const struct rzs_sample *before);

#endif
