/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "rzsbench device" in a build without libnbd. */
#include "rzsb_cmd.h"
#include "rzst.h"

int rzsb_cmd_device(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return rzst_fail(RZSB_NOTHING, "device: this rzsbench was built without libnbd (Debian "
				       "package: libnbd-dev)");
}
