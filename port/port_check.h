/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every rzs_port.h includes this last.  It names each function of CONTRACT once, with its type.  So
 * one that is missing or has another type is a compile error here, rather than one in the core.
 */
#ifndef RZS_PORT_CHECK_H
#define RZS_PORT_CHECK_H

#ifndef RZS_BLOCK_SIZE
#error "rzs_port.h must define RZS_BLOCK_SIZE"
#endif
#if RZS_BLOCK_SIZE != 32768
#error "RZS_BLOCK_SIZE must be 32768"
#endif
#ifndef RZS_RESERVE_DEFAULT
#error "rzs_port.h must define RZS_RESERVE_DEFAULT"
#endif
#ifndef RZS_HAVE_ADOPT
#error "rzs_port.h must define RZS_HAVE_ADOPT"
#endif
#ifndef RZS_HAVE_WIDE
#error "rzs_port.h must define RZS_HAVE_WIDE"
#endif
#if !defined(likely) || !defined(unlikely)
#error "rzs_port.h must define likely() and unlikely()"
#endif
#if !defined(EINVAL) || !defined(EIO) || !defined(ENOMEM) || !defined(ENOSPC) ||             \
	!defined(EAGAIN) || !defined(E2BIG) || !defined(ENODATA) || !defined(EINPROGRESS) || \
	!defined(ENOENT)
#error "rzs_port.h must define the errno values"
#endif

/* Never called: only type-checked. */
static inline void rzs_port_check(struct rzs_blocks *b, rzs_lock_t *l, rzs_mutex_t *m, uint64_t *w,
				  uint32_t *h)
{
	void *(*alloc)(size_t) = rzs_port_alloc;
	void (*release)(void *, size_t) = rzs_port_free;
	void (*wipe)(void *, size_t) = rzs_port_wipe;
	int (*open)(struct rzs_blocks **, uint64_t, uint64_t, uint64_t, uint32_t *, unsigned) =
		rzs_blocks_open;
	void *(*root)(const struct rzs_blocks *) = rzs_blocks_root;
	void (*close)(struct rzs_blocks *) = rzs_blocks_close;
	uint32_t (*take)(struct rzs_blocks *, bool *) = rzs_blocks_take;
	void *(*at)(const struct rzs_blocks *, uint32_t) = rzs_blocks_at;
	void (*give)(struct rzs_blocks *, uint32_t) = rzs_blocks_give;
	void (*count)(struct rzs_blocks *, uint64_t *, uint64_t *, uint64_t *) = rzs_blocks_count;
	int (*set_max)(struct rzs_blocks *, uint64_t, uint64_t) = rzs_blocks_set_max;
#if RZS_HAVE_ADOPT
	bool (*claim)(struct rzs_blocks *, uint32_t) = rzs_blocks_claim;
	void (*settle)(struct rzs_blocks *) = rzs_blocks_settle;
#endif
#if RZS_HAVE_WIDE
	bool (*usable)(void) = rzs_wide_usable;
#endif
	uint64_t seen = 0;
	uint32_t seen32 = 0;

#if RZS_HAVE_ADOPT
	(void)claim, (void)settle;
#endif
#if RZS_HAVE_WIDE
	(void)usable;
#endif
	(void)b, (void)alloc, (void)release, (void)open, (void)close, (void)take, (void)give;
	(void)count, (void)set_max, (void)wipe, (void)at, (void)root;
	rzs_lock_init(l);
	rzs_lock(l);
	rzs_unlock(l);
	if (rzs_trylock(l))
		rzs_unlock(l);
	rzs_mutex_init(m);
	rzs_mutex_lock(m);
	rzs_mutex_unlock(m);
	if (rzs_mutex_trylock(m))
		rzs_mutex_unlock(m);
	rzs_set(w, rzs_load(w) + rzs_load_relaxed(w));
	(void)rzs_cas(w, &seen, 1);
	rzs_add(w, 1);
	rzs_set32(h, rzs_load32(h));
	(void)rzs_cas32(h, &seen32, 1);
	rzs_wait(w, seen);
	rzs_wake(w);
}

#endif
