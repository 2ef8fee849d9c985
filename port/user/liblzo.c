/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The version of liblzo2; see liblzo.h. */
#include <lzo/lzoconf.h>

#include "liblzo.h"

const char *rzs_liblzo_version(void)
{
	return lzo_version_string();
}
