/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How large the stacks of a process that serves swap are: all of each is locked into RAM. */
#ifndef RZS_STACK_H
#define RZS_STACK_H

#include <stddef.h>

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define RZS_STACK (4u * 1024 * 1024) /* a sanitizer keeps much of its own there */
#else
/* The deepest thread of rzsd uses 6 KiB of it when it serves requests. */
#define RZS_STACK (128u * 1024)
#endif

/*
 * Touch that many bytes of the calling thread's stack, fewer than RZS_STACK: they are in RAM then,
 * and no later call faults them in.
 */
static __attribute__((noinline, unused)) void rzs_stack_touch(size_t bytes)
{
	volatile char *stack = __builtin_alloca(bytes);

	for (size_t i = 0; i < bytes; i += 1024)
		stack[i] = 0;
}

#endif
