/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The second codec of tests about recompression. */
#ifndef RZS_TEST_ZSTD_NAME_H
#define RZS_TEST_ZSTD_NAME_H

#include <string.h>

#include "rzs_store.h"

/* "zstd" as the store calls it; NULL: it is not built in. */
static inline const char *zstd_name(void)
{
	const char *name;

	for (unsigned i = 0; (name = rzs_codec_name(i)); i++)
		if (strcmp(name, "zstd") == 0)
			return name;
	return NULL;
}

#endif
