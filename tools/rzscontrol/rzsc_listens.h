/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a process listens, for servers that do not know: nbdkit does not tell its plugins.
 *
 * Threading: one thread.
 */
#ifndef RZSC_LISTENS_H
#define RZSC_LISTENS_H

#include "rzsc.h"

/*
 * The path of the unix socket at which process pid listens, other than not_at.  -ENOENT: none, or
 * not for us to see; -ENOTUNIQ: several.  out is then empty.
 */
int rzsc_listens_at(uint64_t pid, const char *not_at, char *out, size_t size);

#endif
