// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory for the store: blocks, some of them allocated ahead of writes.
 *
 * A block is eight contiguous pages if the kernel has them available, without reclaim and without
 * its reserves.  Otherwise it is eight single pages, mapped side by side.  A contiguous block needs
 * no TLB entries and no page tables.  A mapped one can be allocated as long as there are pages at
 * all, which is what matters under memory pressure.
 *
 * The core takes blocks under its spinlocks, where it may not wait.  So whoever submits a write
 * fills the list of ready blocks before it calls the store (rzs_blocks_refill).  The submitter may
 * be kswapd.  Its allocations may then use the kernel's reserves, as with any swap device that
 * frees more than it takes.  They never start I/O, which could be a write to this same device.
 *
 * A table has each block's address, by its number.  It has two levels and is read without a lock
 * (rzs_blocks_at).  An entry without a block has the next number without one, shifted, and bit 0 as
 * a mark.  rzs_blocks_close() finds there the blocks that the core still has.
 *
 * Unmapping may sleep, so a work item frees mapped blocks.  Until then a refill may use them again,
 * because the work item may not run when memory is scarce.
 *
 * Invariants, under lock:  taken + ready + coming <= held <= max (after rzs_blocks_set_max() has
 * lowered max: once it has returned).  The rest of held is waiting to be freed.
 */
#include <linux/gfp.h>
#include <linux/llist.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

#include "ramzswap.h"

#define BLOCK_ORDER 3
#define BLOCK_PAGES (1u << BLOCK_ORDER)
#define BLOCK_ALIGN 64u

/* No direct reclaim, and kswapd is not woken: single pages will do as well. */
#define GFP_CONTIGUOUS (__GFP_NOWARN | __GFP_NOMEMALLOC | __GFP_NORETRY)
/*
 * Fails when reclaim finds nothing any more.  Without __GFP_RETRY_MAYFAIL a submitter that is not
 * in reclaim would retry forever, because without __GFP_FS it may not invoke the OOM killer.
 */
#define GFP_INDEX  (GFP_NOIO | __GFP_NOWARN | __GFP_RETRY_MAYFAIL)
#define GFP_SINGLE (GFP_INDEX | __GFP_HIGHMEM)

#define RESERVE_DEFAULT 64u

/* The contents of a block that is ready or waits to be freed. */
struct block_link {
	u32 next;   /* ready: the next one, or 0 */
	u32 number; /* to be freed */
	struct llist_node unmap;
};

struct rzs_blocks {
	struct rzs_blocks_head head; /* constant, but for its leaves */
	u64 most;		     /* constant: the numbers that the table has entries for */
	void *root;		     /* constant; root_bytes of it */
	u64 root_bytes;

	spinlock_t lock ____cacheline_aligned_in_smp;
	u32 list;	 /* the first ready block, or 0 */
	u32 next_number; /* numbers below have been used, and 0 */
	u32 unused;	 /* the first number below that has no block, or 0 */
	u64 taken, ready, coming, held, peak, max, reserve;

	struct llist_head unmap;
	struct work_struct unmap_work;
};

/* For control structures.  May sleep; never called on the data path. */
void *rzs_port_alloc(size_t n)
{
	/* kmalloc() aligns powers of two to their size, and all else from a page on to a page. */
	size_t size = n < PAGE_SIZE ? roundup_pow_of_two(max_t(size_t, n, BLOCK_ALIGN)) : n;

	return kvzalloc(size, GFP_KERNEL);
}

void rzs_port_free(void *p, size_t n)
{
	kvfree(p);
}

static struct page *block_page(void *block, unsigned int i)
{
	void *at = block + i * PAGE_SIZE;

	return is_vmalloc_addr(at) ? vmalloc_to_page(at) : virt_to_page(at);
}

static void *block_alloc_singles(gfp_t gfp)
{
	struct page *pages[BLOCK_PAGES];
	unsigned int n = 0;
	void *block = NULL;

	while (n < BLOCK_PAGES && (pages[n] = alloc_page(gfp)))
		n++;
	if (n == BLOCK_PAGES)
		block = vm_map_ram(pages, BLOCK_PAGES, NUMA_NO_NODE);
	while (!block && n)
		__free_page(pages[--n]);
	return block;
}

static void block_free(void *block)
{
	struct page *pages[BLOCK_PAGES];
	unsigned int i;

	for (i = 0; i < BLOCK_PAGES; i++)
		pages[i] = block_page(block, i);
	if (!is_vmalloc_addr(block)) {
		__free_pages(pages[0], BLOCK_ORDER);
		return;
	}
	vm_unmap_ram(block, BLOCK_PAGES);
	for (i = 0; i < BLOCK_PAGES; i++)
		__free_page(pages[i]);
}

static void **table_entry(struct rzs_blocks *b, u32 number)
{
	return &b->head.leaves[number / RZS_BLOCKS_PER_LEAF][number % RZS_BLOCKS_PER_LEAF];
}

/*
 * Give a block a number.  Under lock.  0: the table needs another leaf.  *leaf: a zeroed one, or
 * NULL; it is NULL again when the table has it.
 */
static u32 table_add(struct rzs_blocks *b, void *block, void ***leaf)
{
	u32 number = b->unused;
	void ***where;

	if (number) {
		b->unused = (unsigned long)*table_entry(b, number) >> 1;
	} else {
		where = &b->head.leaves[b->next_number / RZS_BLOCKS_PER_LEAF];
		if (!*where) {
			*where = *leaf;
			*leaf = NULL;
		}
		if (!*where)
			return 0;
		number = b->next_number++;
	}
	WRITE_ONCE(*table_entry(b, number), block);
	return number;
}

/* Allocate a block; its number, or 0: no memory. */
static u32 block_new(struct rzs_blocks *b, gfp_t gfp)
{
	struct page *page = alloc_pages(GFP_CONTIGUOUS, BLOCK_ORDER);
	void *block = page ? page_address(page) : block_alloc_singles(gfp), **leaf = NULL;
	u32 number;

	if (!block)
		return 0;
	do {
		spin_lock(&b->lock);
		number = table_add(b, block, &leaf);
		spin_unlock(&b->lock);
	} while (!number && (leaf = (void **)get_zeroed_page(GFP_INDEX)));
	free_page((unsigned long)leaf); /* another thread's leaf was first */
	if (!number)
		block_free(block);
	return number;
}

static void block_remove(struct rzs_blocks *b, u32 number)
{
	void **entry = table_entry(b, number);

	block_free(*entry);
	spin_lock(&b->lock);
	WRITE_ONCE(*entry, (void *)((unsigned long)b->unused << 1 | 1));
	b->unused = number;
	b->held--;
	spin_unlock(&b->lock);
}

static void blocks_unmap(struct work_struct *work)
{
	struct rzs_blocks *b = container_of(work, struct rzs_blocks, unmap_work);
	struct llist_node *list = llist_del_all(&b->unmap);
	struct block_link *link, *next;

	llist_for_each_entry_safe(link, next, list, unmap) {
		block_remove(b, link->number);
		cond_resched();
	}
}

/* Free a block that is neither taken nor ready, now or later.  Never sleeps. */
static void block_release(struct rzs_blocks *b, u32 number)
{
	struct block_link *link = rzs_blocks_at(b, number);

	if (!is_vmalloc_addr(link)) {
		block_remove(b, number);
		return;
	}
	link->number = number;
	if (llist_add(&link->unmap, &b->unmap))
		queue_work(rzs_workqueue, &b->unmap_work);
}

/* Under lock. */
static void ready_push(struct rzs_blocks *b, u32 number)
{
	struct block_link *link = rzs_blocks_at(b, number);

	link->next = b->list;
	b->list = number;
	b->ready++;
}

/* Under lock; 0 if there is none. */
static u32 ready_pop(struct rzs_blocks *b)
{
	u32 number = b->list;

	if (number) {
		b->list = ((struct block_link *)rzs_blocks_at(b, number))->next;
		b->ready--;
	}
	return number;
}

/* Use blocks that wait to be unmapped, as many as the reserve needs. */
static void blocks_reuse(struct rzs_blocks *b)
{
	struct llist_node *list = llist_del_all(&b->unmap);
	struct block_link *link, *next;
	bool keep;

	llist_for_each_entry_safe(link, next, list, unmap) {
		u32 number = link->number;

		spin_lock(&b->lock);
		keep = b->ready < b->reserve && b->held <= b->max;
		if (keep)
			ready_push(b, number);
		spin_unlock(&b->lock);
		if (!keep)
			block_release(b, number);
	}
}

/* Whether another block is needed and allowed.  It counts as held from now on. */
static bool blocks_begin_new(struct rzs_blocks *b)
{
	bool wanted;

	spin_lock(&b->lock);
	wanted = b->ready + b->coming < b->reserve && b->held < b->max;
	if (wanted) {
		b->coming++;
		b->held++;
		b->peak = max(b->peak, b->held);
	}
	spin_unlock(&b->lock);
	return wanted;
}

bool rzs_blocks_refill(struct rzs_blocks *b, bool nomemalloc)
{
	gfp_t gfp = nomemalloc ? GFP_SINGLE | __GFP_NOMEMALLOC : GFP_SINGLE;
	unsigned int noio;
	bool ok = true;
	u32 number;

	if (likely(READ_ONCE(b->ready) >= READ_ONCE(b->reserve)))
		return true;
	if (!llist_empty(&b->unmap))
		blocks_reuse(b);
	/* For the allocations of vm_map_ram() too. */
	noio = memalloc_noio_save();
	while (ok && blocks_begin_new(b)) {
		number = block_new(b, gfp);
		ok = number;
		spin_lock(&b->lock);
		b->coming--;
		if (ok)
			ready_push(b, number);
		else
			b->held--;
		spin_unlock(&b->lock);
	}
	memalloc_noio_restore(noio);
	return ok;
}

static u64 blocks_reserve(u64 asked)
{
	return asked == RZS_RESERVE_DEFAULT ? RESERVE_DEFAULT : asked;
}

/* A table for twice the RAM that there is now, since more may be plugged in. */
static int table_open(struct rzs_blocks *b)
{
	u64 leaves = (u64)totalram_pages() * 2 / BLOCK_PAGES / RZS_BLOCKS_PER_LEAF + 1;

	b->head.leaves = kvcalloc(leaves, sizeof(*b->head.leaves), GFP_KERNEL);
	b->next_number = 1;
	b->most = leaves * RZS_BLOCKS_PER_LEAF - 1;
	return b->head.leaves ? 0 : -ENOMEM;
}

/* Free the table, and all blocks that it has. */
static void table_close(struct rzs_blocks *b)
{
	void *block;
	u64 i;

	for (i = 1; i < b->next_number; i++) {
		block = *table_entry(b, i);
		if (!((unsigned long)block & 1))
			block_free(block);
		cond_resched();
	}
	for (i = 0; i < b->next_number; i += RZS_BLOCKS_PER_LEAF)
		free_page((unsigned long)b->head.leaves[i / RZS_BLOCKS_PER_LEAF]);
	kvfree(b->head.leaves);
}

int rzs_blocks_open(struct rzs_blocks **out, uint64_t max_blocks, uint64_t reserve_blocks,
		    uint64_t root_bytes, uint32_t *taken, unsigned nr_taken)
{
	struct rzs_blocks *b;
	bool limit;

	*out = NULL;
	if (!max_blocks)
		return -EINVAL;
	b = kzalloc(sizeof(*b), GFP_KERNEL);
	if (!b)
		return -ENOMEM;
	spin_lock_init(&b->lock);
	init_llist_head(&b->unmap);
	INIT_WORK(&b->unmap_work, blocks_unmap);
	b->root_bytes = root_bytes;
	b->root = rzs_port_alloc(root_bytes);
	if (!b->root || table_open(b)) {
		rzs_port_free(b->root, root_bytes);
		kfree(b);
		return -ENOMEM;
	}
	b->max = min_t(u64, max_blocks, b->most);
	b->reserve = blocks_reserve(reserve_blocks) + nr_taken;
	if (!rzs_blocks_refill(b, false) || b->ready < nr_taken) {
		rzs_blocks_close(b);
		return -ENOMEM;
	}
	b->reserve -= nr_taken;
	while (nr_taken--)
		taken[nr_taken] = rzs_blocks_take(b, &limit);
	*out = b;
	return 0;
}

void rzs_blocks_close(struct rzs_blocks *b)
{
	if (!b)
		return;
	cancel_work_sync(&b->unmap_work);
	table_close(b);
	rzs_port_free(b->root, b->root_bytes);
	kfree(b);
}

void *rzs_blocks_root(const struct rzs_blocks *b)
{
	return b->root;
}

uint32_t rzs_blocks_take(struct rzs_blocks *b, bool *out_limit)
{
	u32 number;

	spin_lock(&b->lock);
	number = ready_pop(b);
	if (number)
		b->taken++;
	*out_limit = b->taken >= b->max;
	spin_unlock(&b->lock);
	return number;
}

void rzs_blocks_give(struct rzs_blocks *b, uint32_t block)
{
	bool keep;

	spin_lock(&b->lock);
	b->taken--;
	keep = b->ready < b->reserve && b->held <= b->max;
	if (keep)
		ready_push(b, block);
	spin_unlock(&b->lock);
	if (!keep)
		block_release(b, block);
}

void rzs_blocks_count(struct rzs_blocks *b, uint64_t *out_taken, uint64_t *out_ready,
		      uint64_t *out_peak)
{
	spin_lock(&b->lock);
	*out_taken = b->taken;
	*out_ready = b->held - b->taken;
	*out_peak = b->peak;
	spin_unlock(&b->lock);
}

int rzs_blocks_set_max(struct rzs_blocks *b, uint64_t max_blocks, uint64_t reserve_blocks)
{
	u32 number;
	int err = 0;

	spin_lock(&b->lock);
	if (b->taken > max_blocks) {
		err = -ENOSPC;
	} else {
		b->max = min_t(u64, max_blocks, b->most);
		b->reserve = blocks_reserve(reserve_blocks);
	}
	spin_unlock(&b->lock);
	while (!err) {
		spin_lock(&b->lock);
		number = b->taken + b->ready > max_blocks ? ready_pop(b) : 0;
		spin_unlock(&b->lock);
		if (!number)
			break;
		block_release(b, number);
	}
	flush_work(&b->unmap_work);
	return err;
}
