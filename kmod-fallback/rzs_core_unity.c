// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The store, compiled as one unit from the same files that the programs use.  And the only thing
 * that the driver must know about the inside of a store: where its blocks come from, so that it can
 * fill the reserve before a write.
 */
#include "ramzswap.h"

#include "../core/adopt.c"
#include "../core/codec.c"
#include "../core/codec_lz4.c"
#include "../core/codec_lzo.c"
#include "../core/codec_zstd.c"
#include "../core/idle.c"
#include "../core/image.c"
#include "../core/lzo_decode.c"
#include "../core/lzo_encode.c"
#include "../core/merge.c"
#include "../core/merge_find.c"
#include "../core/packed.c"
#include "../core/pool.c"
#include "../core/pool_block.c"
#include "../core/pool_compact.c"
#include "../core/pool_lists.c"
#include "../core/range.c"
#include "../core/recompress.c"
#include "../core/recompress_group.c"
#include "../core/sealed.c"
#include "../core/share.c"
#include "../core/slot.c"
#include "../core/spill_gather.c"
#include "../core/spill_in.c"
#include "../core/spill_out.c"
#include "../core/stats.c"
#include "../core/store.c"
#include "../core/store_admin.c"
#include "../core/store_read.c"
#include "../core/swap_header.c"
#include "../core/unit.c"
#include "../core/verify.c"
#include "../core/walk.c"
#include "../core/worker.c"

struct rzs_blocks *rzs_store_blocks(struct rzs_store *store)
{
	return store->blocks;
}
