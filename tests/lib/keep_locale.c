/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Preloaded into nbdkit together with a sanitizer's runtime, whose early calls leave glibc's lock
 * of locales unlocked more often than it was locked, in any program that is not linked to it.  What
 * the lock then counts may look like a writer's, for whom the next freelocale() waits for ever:
 * that of a library of nbdkit's, at exit.  A process that ends can do without.
 */
#include <locale.h>

__attribute__((visibility("default"))) void freelocale(locale_t unused)
{
	(void)unused;
}
