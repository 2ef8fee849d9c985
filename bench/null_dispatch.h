/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device of null_dispatch.c. */
#ifndef RZS_BENCH_NULL_DISPATCH_H
#define RZS_BENCH_NULL_DISPATCH_H

#include <stdint.h>

struct rzs_device;

/* Make it: size bytes, for nr_threads threads.  Ends the program when there is no memory. */
struct rzs_device *null_device(uint64_t size, unsigned nr_threads);

#endif
