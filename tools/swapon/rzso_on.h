/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One area that is to be on. */
#ifndef RZSO_ON_H
#define RZSO_ON_H

#include <stdint.h>

#include "rzso.h"

struct rzso_request {
	const char *given; /* as the user names it */
	struct rzso_want want;
	bool discard_given;
	enum rzst_discard discard; /* without discard_given that of the device's kind */
	bool if_exists;		   /* that there is no such device is no failure */
	bool unless_on;		   /* neither is that it is on already */
	bool permanent;		   /* it stands in fstab */
	bool rules_only_said;	   /* what breaks a rule is on all the same, and that is said */
};

/*
 * Look for it, check it, choose its place and swap to it.  0; 1: there was nothing to do; or a
 * negative errno.  What was done or is wrong is printed.  *made gets the bytes that were made
 * available, 0 unless 0 is returned.
 */
int rzso_on(const struct rzso_options *o, const struct rzso_request *r, uint64_t *made);

#endif
