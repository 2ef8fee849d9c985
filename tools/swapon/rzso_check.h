/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is looked at, and maybe repaired, before an area is on. */
#ifndef RZSO_CHECK_H
#define RZSO_CHECK_H

#include "rzso.h"

/*
 * Refuse what is not swap or must not be swapped to, unless -F leaves that out; make the signature
 * of a suspended machine swap again; with --fixpgsz make a header for this machine's page size.
 * Prints what is wrong and what is changed.  0, or a negative errno: name is not to be swapped to;
 * -ENODATA: nothing is stored there at all, and nothing else is wrong.
 */
int rzso_check_area(const struct rzso_options *o, const char *name);

#endif
