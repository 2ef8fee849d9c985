/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Populating addresses with memory; see memory.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "memory.h"

#include <errno.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif

#define MEMORY_TOUCH_STEP 4096u /* no page is smaller */
#define MEMORY_RETRIES	  100u	/* of a call that a signal interrupted */

int rzs_memory_fill(void *p, size_t len)
{
	for (unsigned i = 0; i < MEMORY_RETRIES; i++) {
		if (madvise(p, len, MADV_POPULATE_WRITE) == 0)
			return 0;
		if (errno == EINVAL) { /* before Linux 5.14 */
			for (size_t at = 0; at < len; at += MEMORY_TOUCH_STEP)
				*((volatile char *)p + at) = 0;
			return 0;
		}
		if (errno != EINTR)
			break;
	}
	return -ENOMEM;
}

int rzs_memory_drop(void *p, size_t len, int *lock_err)
{
	if (madvise(p, len, MADV_DONTNEED_LOCKED) == 0)
		return 0;
	if (errno != EINVAL)
		return -errno;
	if (munlock(p, len) || madvise(p, len, MADV_DONTNEED)) /* before Linux 5.18 */
		return -errno;
	if (!*lock_err && mlock2(p, len, MLOCK_ONFAULT))
		*lock_err = errno;
	return 0;
}
