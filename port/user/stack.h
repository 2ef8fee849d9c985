/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stacks of a process that serves swap.  They are small, because all of each is locked into RAM. */
#ifndef RZS_STACK_H
#define RZS_STACK_H

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define RZS_STACK (4u * 1024 * 1024) /* sanitizers use much of it themselves */
#else
#define RZS_STACK (256u * 1024)
#endif

#define RZS_STACK_TOUCH (128u * 1024) /* of it, what the calls of a thread may reach */

#endif
