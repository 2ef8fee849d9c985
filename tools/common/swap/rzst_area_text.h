/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file of what is noted of the swap areas, as text:
 *
 *	rzs-areas 1 BOOT_ID
 *	STATE EXCLUSIVE PERMANENT HELPER HELPER_START SINCE USED_AT_START ERROR RETRY_AT NAME
 *	end
 *
 * Circle: rzst_area reads and writes this file, and has the struct that it is.
 *
 * A name is written as /proc/swaps writes it.  Any thread; the stream's functions may sleep.
 */
#ifndef RZST_AREA_TEXT_H
#define RZST_AREA_TEXT_H

#include <stdio.h>

#include "rzst_area.h"
#include "rzst_lines.h"

#define RZST_BOOT_ID_MAX 40u /* bytes, with its 0 */

/* Cannot fail: errors are left in the stream. */
void rzst_areas_write(FILE *f, const char *boot, const struct rzst_areas *areas);

/*
 * What rzst_areas_write() wrote.  0; or -ESTALE: of another boot; -EILSEQ: not understood, or not
 * all of it is there; or that of rzst_lines_next().  *line is then the line, from 1; and *out has
 * no areas.
 */
int rzst_areas_parse(struct rzst_lines *l, const char *boot, struct rzst_areas *out,
		     unsigned *line);

#endif
