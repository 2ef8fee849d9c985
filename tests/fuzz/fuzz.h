/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a fuzz target is: one function that takes any bytes and returns 0, or does not return when
 * it has found something; and one that makes inputs to begin with from seeds, so that no corpus
 * need be kept with the sources. libFuzzer calls the first; replay_main.c calls both.
 */
#ifndef RZS_TEST_FUZZ_H
#define RZS_TEST_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input of this seed in buf; returns its length, at most size. */
size_t fuzz_seed(uint64_t seed, uint8_t *buf, size_t size);

#endif
