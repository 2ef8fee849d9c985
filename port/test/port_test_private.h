/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the test environment share; see port_test.h.  For any thread. */
#ifndef RZS_PORT_TEST_PRIVATE_H
#define RZS_PORT_TEST_PRIVATE_H

#include "port_test.h"
#include "rzs_port.h"

#include <unistd.h>

#define RZS_TPORT_ALIGN	      64u
#define RZS_TPORT_BLOCK_ALIGN 4096u

/* Count and report damage. */
void rzs_tport_damaged(const char *what, const void *where);
/* Call the function that a test has set for this place. */
void rzs_tport_at(enum rzs_test_place place, const void *p, size_t n);
/* Count a call, and whether it is to fail. */
bool rzs_tport_fails(enum rzs_test_call call);
/* Whether what is allocated now gets guards. */
bool rzs_tport_guards(void);
/* The arena for the source that is opened now, or NULL; it is in use then. */
struct rzs_test_arena *rzs_tport_take_arena(size_t root_bytes);
/* So many blocks more are taken; modulo 2^64. */
void rzs_tport_count_blocks(uint64_t delta);

/* Memory of the heap, for free(); NULL: none. */
void *rzs_tport_heap(size_t align, size_t size);
/* Memory of its own mapping, NULL: none; and make one of its pages inaccessible. */
void *rzs_tport_map(size_t len);
void rzs_tport_fence(void *p);

/* The size of a page that mprotect() can protect. */
static inline size_t rzs_tport_page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

#endif
