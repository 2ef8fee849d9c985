/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "rzsbench device" in a build without libnbd.
 */
#include <stdio.h>

#include "rzsb_cmd.h"

int rzsb_cmd_device(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	fputs("rzsbench: device: this rzsbench was built without libnbd (Debian package: "
	      "libnbd-dev)\n",
	      stderr);
	return RZSB_NOTHING;
}
