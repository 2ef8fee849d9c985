/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How large the stacks of a process that serves swap are: all of each is locked into RAM. */
#ifndef RZS_STACK_H
#define RZS_STACK_H

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define RZS_STACK (4u * 1024 * 1024) /* a sanitizer keeps much of its own there */
#else
#define RZS_STACK (256u * 1024)
#endif

#endif
