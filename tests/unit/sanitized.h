/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a tool shares this process, whose memory, threads and speed are then not our own. */
#ifndef RZS_TEST_SANITIZED_H
#define RZS_TEST_SANITIZED_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
	__has_feature(memory_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

/* Whether a tool shares this process and with it the numbers that the system keeps about it. */
static inline bool instrumented(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return SANITIZED || (preload && strstr(preload, "vgpreload"));
}

#endif
