/* SPDX-License-Identifier: GPL-2.0-or-later */
/* UUIDs, as RFC 4122 has them: for servers and tools.  Pure; any thread. */
#ifndef RZS_UUID_H
#define RZS_UUID_H

#include <stdint.h>

/* Make 16 random bytes a UUID of version 4 (random) and the usual variant. */
static inline void rzs_uuid_mark_random(uint8_t uuid[16])
{
	uuid[6] = (uuid[6] & 0x0f) | 0x40;
	uuid[8] = (uuid[8] & 0x3f) | 0x80;
}

#endif
