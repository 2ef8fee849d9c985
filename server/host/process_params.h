/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parameters of a server's process that rzsd and the plugin share: protect, realtime, ballast.
 * Error messages are as in value.h.
 *
 * Threading: any thread; no state.
 */
#ifndef RZS_PROCESS_PARAMS_H
#define RZS_PROCESS_PARAMS_H

#include "protect_server.h"
#include "value.h"

/* Parse a value.  0; -EINVAL with why set, and *out has not changed. */
int rzs_process_params_protect(const char *key, const char *value, enum rzs_protect_mode *out,
			       char why[RZS_WHY_MAX]);
int rzs_process_params_realtime(const char *key, const char *value, enum rzs_realtime *out,
				char why[RZS_WHY_MAX]);

/*
 * Parse a ballast: *given, and bytes in *out; "auto": not *given.  0; -EINVAL with why set, and
 * *out and *given have not changed.
 */
int rzs_process_params_set_ballast(const char *key, const char *value, uint64_t *out, bool *given,
				   char why[RZS_WHY_MAX]);

/*
 * Set *ballast (bytes) to the default unless it was given, and check it.  0; -EINVAL with why set:
 * more than the machine can spare.
 */
int rzs_process_params_ballast(uint64_t *ballast, bool given, char why[RZS_WHY_MAX]);

/* Lines for --help, "key=<VALUE>   text"; no newline after the last. */
#define RZS_PROCESS_PARAMS_HELP                                                           \
	"protect=<MODE>          auto (default), require or off: locked memory etc.\n"    \
	"realtime=<WHEN>         swap (default: while any swap is on), always or never\n" \
	"ballast=<SIZE>          memory given back to a system that has none (default: RAM/256)"

#endif
