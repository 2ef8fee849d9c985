/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The header of an image; see image.h. */
#include "image.h"
#include "hash.h"
#include "pool_internal.h"
#include "share.h"

#define IMAGE_MAGIC 0x0a6567616d697a72ull /* "rzimage\n" where the low byte comes first */

#define IMAGE_CHECKSUM 1u
#define IMAGE_BACKED   2u

/* What is before the sum. */
#define IMAGE_COVERED offsetof(struct rzs_image, sum)

static uint64_t image_round(uint64_t bytes, uint64_t to)
{
	return (bytes + to - 1) / to * to;
}

static void image_layout(struct rzs_image *im, const struct rzs_image_form *form)
{
	im->header_bytes = sizeof(*im);
	im->slots_at = image_round(sizeof(*im), 64);
	im->pool_at = image_round(im->slots_at + rzs_slots_table_bytes(form->nr_pages), 64);
	im->shares_at = image_round(im->pool_at + rzs_pool_table_bytes(form->max_blocks), 64);
	/* Whole pages, as the environment may round up to them. */
	im->root_bytes = image_round(im->shares_at + rzs_shares_table_bytes(form->nr_pages),
				     RZS_PAGE_SIZE);
}

uint64_t rzs_image_root_bytes(const struct rzs_image_form *form)
{
	struct rzs_image im;

	image_layout(&im, form);
	return im.root_bytes;
}

/* A codec's name, and zeros. */
static void image_put_name(uint8_t out[RZS_IMAGE_CODEC_MAX], const char *name)
{
	unsigned i;

	memset(out, 0, RZS_IMAGE_CODEC_MAX);
	for (i = 0; i < RZS_IMAGE_CODEC_MAX && name[i]; i++)
		out[i] = (uint8_t)name[i];
}

void rzs_image_make(struct rzs_image *im, const struct rzs_image_form *form)
{
	memset(im, 0, sizeof(*im));
	image_layout(im, form);
	im->magic = IMAGE_MAGIC;
	im->version = RZS_IMAGE_VERSION;
	im->block_bytes = RZS_BLOCK_SIZE;
	im->page_bytes = RZS_PAGE_SIZE;
	im->descriptor_bytes = sizeof(struct rzs_block);
	im->flags = (form->checksum ? IMAGE_CHECKSUM : 0) | (form->backed ? IMAGE_BACKED : 0);
	im->nr_pages = form->nr_pages;
	im->max_blocks = form->max_blocks;
	image_put_name(im->codec, form->codec);
	im->sum = rzs_hash64(im, IMAGE_COVERED, 0);
}

uint64_t rzs_image_codec2(const char *name)
{
	uint8_t padded[RZS_IMAGE_CODEC_MAX];

	image_put_name(padded, name);
	return rzs_hash64(padded, sizeof(padded), IMAGE_MAGIC) | 1;
}

const char *rzs_image_refuse(const struct rzs_image *im, const struct rzs_image_form *form)
{
	struct rzs_image want;

	rzs_image_make(&want, form);
	if (im->magic != want.magic)
		return "image: not one of a store on this machine";
	if (im->version != want.version)
		return "image: another version of the format";
	if (im->sum != rzs_hash64(im, IMAGE_COVERED, 0))
		return "image: its header is damaged";
	if (im->nr_pages != want.nr_pages)
		return "image: another size of the device";
	if (memcmp(im->codec, want.codec, sizeof(im->codec)))
		return "image: another codec";
	if (im->flags != want.flags)
		return "image: with checksums or a backing device, or without";
	return memcmp(im, &want, IMAGE_COVERED) ? "image: another layout" : NULL;
}
