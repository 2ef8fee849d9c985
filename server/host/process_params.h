/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parameters of a process around stores that are the same in every form: protect, realtime and
 * ballast.  Complaints as in value.h.  Threading: none; nothing here is shared.
 */
#ifndef RZS_PROCESS_PARAMS_H
#define RZS_PROCESS_PARAMS_H

#include "protect_server.h"
#include "value.h"

/* 0, or -EINVAL with why set and *out unchanged. */
int rzs_process_params_protect(const char *key, const char *value, enum rzs_protect_mode *out,
			       char why[RZS_WHY_MAX]);
int rzs_process_params_realtime(const char *key, const char *value, enum rzs_realtime *out,
				char why[RZS_WHY_MAX]);

/* A ballast in *out (bytes), or *given false: what is right here.  Likewise. */
int rzs_process_params_set_ballast(const char *key, const char *value, uint64_t *out, bool *given,
				   char why[RZS_WHY_MAX]);

/* The default in *ballast (bytes) when none was given; -EINVAL: more than the machine can spare. */
int rzs_process_params_ballast(uint64_t *ballast, bool given, char why[RZS_WHY_MAX]);

/* The lines for --help, "key=<VALUE>   text" each; no \n after the last. */
#define RZS_PROCESS_PARAMS_HELP                                                           \
	"protect=<MODE>          auto (default), require or off: locked memory etc.\n"    \
	"realtime=<WHEN>         swap (default: while any swap is on), always or never\n" \
	"ballast=<SIZE>          memory given back to a system that has none (default: RAM/256)"

#endif
