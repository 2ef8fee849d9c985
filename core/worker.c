/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Creating, wiping and destroying workers.  store_admin.c hands them out. */
#include "worker.h"

static size_t worker_head(void)
{
	return (sizeof(struct rzs_worker) + 63) & ~(size_t)63;
}

/* Bytes of a context, rounded up so that what follows is aligned; 0: no such level. */
static size_t worker_ctx(const struct rzs_codec *codec, int level)
{
	return (codec->ctx_size(level) + 63) & ~(size_t)63;
}

static size_t worker_ahead(const struct rzs_codec *codec)
{
	return codec->compress_pages ? RZS_PREPARE_MAX * (size_t)RZS_PAGE_SIZE : 0;
}

size_t rzs_worker_bytes(const struct rzs_codec *codec, int level)
{
	size_t ctx = worker_ctx(codec, level);

	return ctx ? worker_head() + ctx + worker_ahead(codec) : 0;
}

int rzs_worker_create(const struct rzs_store *store, const struct rzs_codec *codec, int level,
		      unsigned index, struct rzs_worker **out)
{
	size_t bytes = rzs_worker_bytes(codec, level);
	struct rzs_worker *w;

	*out = NULL;
	if (!bytes)
		return -EINVAL;
	w = rzs_port_alloc(bytes);
	if (!w)
		return -ENOMEM;
	rzs_mutex_init(&w->mutex);
	w->index = index;
	w->store = store;
	w->codec = codec;
	w->level = level;
	w->codec_ctx = (uint8_t *)w + worker_head();
	w->bytes = bytes;
	if (codec->compress_pages)
		w->ahead = (uint8_t *)w->codec_ctx + worker_ctx(codec, level);
	if (codec->ctx_init(w->codec_ctx, worker_ctx(codec, level), level)) {
		rzs_worker_destroy(w, false);
		return -EINVAL;
	}
	*out = w;
	return 0;
}

void rzs_worker_wipe(struct rzs_worker *w)
{
	rzs_port_wipe(w->out, sizeof(w->out));
	rzs_port_wipe(w->in, sizeof(w->in));
	rzs_port_wipe(w->page, sizeof(w->page));
	if (w->codec->ctx_wipe)
		w->codec->ctx_wipe(w->codec_ctx, worker_ctx(w->codec, w->level), w->level);
	if (w->codec2_bytes) {
		rzs_port_wipe(w->codec2_ctx, w->codec2_bytes);
		/* A context that could be made once can be made again. */
		(void)w->codec2->decoder_init(w->codec2_ctx, w->codec2_bytes);
	}
	if (w->unit_pages)
		rzs_port_wipe(w->unit, w->unit_pages * (size_t)RZS_PAGE_SIZE);
	w->unit_pages = 0;
}

/* Bytes of a decoder's context, rounded up; 0: that of the first codec will do. */
static size_t second_ctx(const struct rzs_codec *codec, const struct rzs_codec *second)
{
	if (second == codec || !second->decoder_size)
		return 0;
	return (second->decoder_size() + 63) & ~(size_t)63;
}

size_t rzs_worker_second_bytes(const struct rzs_codec *codec, const struct rzs_codec *second,
			       bool units)
{
	return second_ctx(codec, second) + (units ? RZS_UNIT_MAX * (size_t)RZS_PAGE_SIZE : 0);
}

int rzs_worker_second(struct rzs_worker *w, const struct rzs_codec *second, bool units)
{
	size_t bytes = rzs_worker_second_bytes(w->codec, second, units);
	size_t ctx = second_ctx(w->codec, second);
	uint8_t *mem = bytes ? rzs_port_alloc(bytes) : NULL;
	int err = mem || !bytes ? 0 : -ENOMEM;

	if (!err && ctx)
		err = second->decoder_init(mem, ctx);
	if (err) {
		rzs_port_free(mem, bytes);
		return err;
	}
	rzs_mutex_lock(&w->mutex);
	w->second = mem;
	w->second_bytes = bytes;
	w->codec2_ctx = ctx ? mem : w->codec_ctx;
	w->codec2_bytes = ctx;
	w->unit = bytes > ctx ? mem + ctx : NULL;
	w->unit_pages = 0;
	w->codec2 = second;
	rzs_mutex_unlock(&w->mutex);
	return 0;
}

static void second_free(struct rzs_worker *w, bool wipe)
{
	if (wipe && w->second)
		rzs_port_wipe(w->second, w->second_bytes);
	rzs_port_free(w->second, w->second_bytes);
	w->second = NULL;
	w->second_bytes = 0;
	w->codec2 = NULL;
	w->codec2_ctx = NULL;
	w->codec2_bytes = 0;
	w->unit = NULL;
	w->unit_pages = 0;
}

void rzs_worker_no_second(struct rzs_worker *w, bool wipe)
{
	rzs_mutex_lock(&w->mutex);
	second_free(w, wipe);
	rzs_mutex_unlock(&w->mutex);
}

void rzs_worker_destroy(struct rzs_worker *w, bool wipe)
{
	size_t bytes = w ? w->bytes : 0;

	if (w)
		second_free(w, wipe);
	if (wipe && w)
		rzs_port_wipe(w, bytes);
	rzs_port_free(w, bytes);
}
