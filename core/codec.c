/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The list of codecs compiled in.  It is constant, so any thread may read it at any time.
 */
#include "codec.h"
#include "rzs_port_codec.h"

static const struct rzs_codec *const codec_list[] = {
	&rzs_codec_lzo, /* first: the default, and never missing */
#if RZS_HAVE_LZ4
	&rzs_codec_lz4,
#endif
#if RZS_HAVE_ZSTD
	&rzs_codec_zstd,
#endif
};

#define CODEC_LIST_LEN (sizeof(codec_list) / sizeof(codec_list[0]))

const struct rzs_codec *rzs_codec_lookup(const char *name)
{
	if (!name)
		return codec_list[0];
	for (size_t i = 0; i < CODEC_LIST_LEN; i++)
		if (strcmp(codec_list[i]->name, name) == 0)
			return codec_list[i];
	return NULL;
}

const char *rzs_codec_name(unsigned i)
{
	return i < CODEC_LIST_LEN ? codec_list[i]->name : NULL;
}
