/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * This machine's zram, to be measured beside others.  It is set up unless it is in use, and reset
 * in the end.  Threading: one thread; all functions may sleep.
 */
#ifndef RZSB_ZRAM_H
#define RZSB_ZRAM_H

#include <stddef.h>
#include <stdint.h>

/*
 * Set up /dev/zram0 with size bytes.  A descriptor for whole blocks of memory that is aligned
 * (O_DIRECT), or -1 with the reason in why.
 */
int rzsb_zram_open(uint64_t size, const char *algorithm, char *why, size_t why_size);
/* Close it (-1: it is not open) and reset the device. */
void rzsb_zram_close(int fd);
/* Bytes of memory for objects, as it says itself; 0: unknown. */
uint64_t rzsb_zram_used(void);

#endif
