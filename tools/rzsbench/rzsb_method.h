/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ways to compress: the libraries' own calls, an algorithm at a level on units of one or several
 * pages, for zstd with a dictionary if wanted.  Written
 *
 *     NAME[:LEVEL][+dict][@KIB]        lzo  lz4:4  lz4hc:9  zstd:3+dict  zstd:3@32
 *
 * A method's context belongs to one thread.
 */
#ifndef RZSB_METHOD_H
#define RZSB_METHOD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RZSB_MAX_UNIT (64u * 1024)

struct rzsb_algorithm;

struct rzsb_method {
	const struct rzsb_algorithm *algorithm;
	char text[24]; /* as it was written */
	int level;
	bool dictionary;
	unsigned unit; /* bytes, a multiple of a page */
	void *context;
};

/* Algorithms of this build: the name of the i-th, NULL past the last. */
const char *rzsb_algorithm_name(unsigned i);

/* 0; -EINVAL: no such method, and why (a constant string) says what is wrong with it. */
int rzsb_method_parse(struct rzsb_method *m, const char *text, const char **why);

/*
 * Get ready, with a dictionary of at most 32 KiB trained on nr samples of one unit each if the
 * method is to have one.  0 or -ENOMEM, -EINVAL: the samples are too few or too alike to train on.
 */
int rzsb_method_open(struct rzsb_method *m, const uint8_t *samples, size_t nr);
void rzsb_method_close(struct rzsb_method *m);

/* Name of the algorithm alone, and whether this is it. */
const char *rzsb_method_algorithm(const struct rzsb_method *m);

/*
 * One unit.  dst: rzsb_method_bound() bytes.  The compressed size, 0 when the library gave up on
 * it.
 */
size_t rzsb_method_compress(struct rzsb_method *m, const void *unit, void *dst);
/* false: the library refused it, or made another number of bytes of it. */
bool rzsb_method_decompress(struct rzsb_method *m, const void *src, size_t size, void *unit);
size_t rzsb_method_bound(const struct rzsb_method *m);

#endif
