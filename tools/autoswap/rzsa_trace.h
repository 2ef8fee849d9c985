/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Traces: what was seen of a machine, a line for each tick, to be replayed.  rzs-autoswap(8)
 * describes the format.
 *
 * Pure functions on the caller's memory; any thread.
 */
#ifndef RZSA_TRACE_H
#define RZSA_TRACE_H

#include <stddef.h>

#include "rzsa.h"

#define RZSA_TRACE_HEAD "rzs-autoswap-trace 1" /* the first line */
#define RZSA_TRACE_LINE 8192u		       /* bytes of a line, with its 0: all areas fit */

/*
 * Read a line, without its end; it is changed.  1: a tick, in *now and *out; 0: a blank line or a
 * comment; -EINVAL: neither, and why says what is wrong.  Otherwise than with 1, *out is zeroed.
 */
int rzsa_trace_read(char *line, int64_t *now, struct rzsa_inputs *out, char *why, size_t why_size);

/*
 * Write a tick as a line, without its end.  Its length, or -ENOSPC: it does not fit into size
 * bytes, as it always does into RZSA_TRACE_LINE.
 */
int rzsa_trace_write(char *out, size_t size, int64_t now, const struct rzsa_inputs *in);

#endif
