/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What device_params.c and device_complete.c share.  Pure functions, any thread. */
#ifndef RZS_DEVICE_PARAMS_PRIVATE_H
#define RZS_DEVICE_PARAMS_PRIVATE_H

#include "device_params.h"

/* Whether a device may have this size in bytes.  text: as given.  0; -EINVAL with why set. */
int rzs_device_params_check_size(const char *text, uint64_t size, char why[RZS_WHY_MAX]);

#endif
