/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Methods of compression: an algorithm at a level, on units of one or several pages, for zstd also
 * with a dictionary.  They are written
 *
 *     NAME[:LEVEL][+dict][@KIB]        lzo  lz4:4  lz4hc:9  zstd:3+dict  zstd:3@32
 *
 * Threading: one thread for each method.
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
	char text[24]; /* as the user wrote it */
	int level;
	bool dictionary;
	unsigned unit; /* bytes, a multiple of a page */
	void *context;
};

/* Name of algorithm i of this build; NULL after the last. */
const char *rzsb_algorithm_name(unsigned i);

/* 0; -EINVAL: *why, a constant string, says what is wrong. */
int rzsb_method_parse(struct rzsb_method *m, const char *text, const char **why);

/*
 * Allocate its contexts, and train a dictionary of at most 32 KiB on nr samples of one unit each if
 * it takes one.  0, -ENOMEM; -EINVAL: no dictionary can be trained on these samples.
 */
int rzsb_method_open(struct rzsb_method *m, const uint8_t *samples, size_t nr);
void rzsb_method_close(struct rzsb_method *m);

/* The name of its algorithm. */
const char *rzsb_method_algorithm(const struct rzsb_method *m);

/* One unit.  dst: rzsb_method_bound() bytes.  The compressed size; 0: the library has failed. */
size_t rzsb_method_compress(struct rzsb_method *m, const void *unit, void *dst);
/* false: the library has failed, or the result is not one unit. */
bool rzsb_method_decompress(struct rzsb_method *m, const void *src, size_t size, void *unit);
size_t rzsb_method_bound(const struct rzsb_method *m);

#endif
