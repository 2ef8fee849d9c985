/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The image of a store: what is in its source of blocks, the root included (rzs_blocks_root()).
 *
 * The root begins with a header, and after it come the tables of the chunks of slots, of block
 * descriptors and of shares: numbers of blocks, 0 where there is no chunk yet.  So all that leads
 * to the pages is in the image, and there is no address in it.  The rest of a store, its handle, is
 * one process's: codec, workers, lists, counters, the index of merging.
 *
 * An image is for machines of one byte order: with another one the magic does not match.
 *
 * Pure functions on memory of the caller.
 */
#ifndef RZS_IMAGE_H
#define RZS_IMAGE_H

#include "rzs_store.h"

/* Goes up with each change of a format: words, descriptors, directories, shares, this header. */
#define RZS_IMAGE_VERSION 2u

#define RZS_IMAGE_CODEC_MAX 16u

/* What an image is for; what is not in here may change while it is in use. */
struct rzs_image_form {
	uint64_t nr_pages;
	uint64_t max_blocks; /* of objects */
	const char *codec;
	bool checksum;
	bool backed;
};

/* The header.  What is before sum is constant. */
struct rzs_image {
	uint64_t magic;
	uint32_t version;
	uint32_t header_bytes;
	uint32_t block_bytes;
	uint32_t page_bytes;
	uint32_t descriptor_bytes; /* a lock is in it, whose size depends on the environment */
	uint32_t flags;
	uint64_t nr_pages;
	uint64_t max_blocks;
	uint64_t slots_at, pool_at, shares_at; /* where the tables begin, in bytes of the root */
	uint64_t root_bytes;
	uint8_t codec[RZS_IMAGE_CODEC_MAX]; /* its name, and zeros */
	uint64_t sum;			    /* hash of what is before it */
	uint64_t generation;		    /* how many processes have adopted it */
	uint64_t codec2; /* which is the second codec: rzs_image_codec2(); 0: none so far */
};

/* The size of the root. */
uint64_t rzs_image_root_bytes(const struct rzs_image_form *form);

/* Write the header.  The tables are as they were. */
void rzs_image_make(struct rzs_image *im, const struct rzs_image_form *form);

/*
 * Whether im is the header of an image of this form: NULL, or why not (a constant string).  Only
 * the header is read.
 */
const char *rzs_image_refuse(const struct rzs_image *im, const struct rzs_image_form *form);

/*
 * A codec by one word, so that it is stored at once: a hash of its name, not 0.  Whoever finds the
 * word tries the codecs there are, so a damaged word is none of them.
 */
uint64_t rzs_image_codec2(const char *name);

/* The table at one of the three places of a header that was made or is not refused. */
static inline uint32_t *rzs_image_table(struct rzs_image *im, uint64_t at)
{
	return (uint32_t *)(void *)((uint8_t *)im + at);
}

#endif
