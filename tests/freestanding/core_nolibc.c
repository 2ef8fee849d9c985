/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The core without libc: compiled -ffreestanding, linked -nostdlib -static, started at _start and
 * ended by the exit system call.  If it links, the core needs nothing beyond port/CONTRACT.  If it
 * ends with status 0, the core also works there.  It prints TAP, with one test.
 *
 * Build: cc -ffreestanding -fno-stack-protector -nostdlib -static -I. -Icore core_nolibc.c core/X.c
 *
 * Threading: none.
 */
#include "hash.h"
#include "lzo_decode.h"
#include "lzo_encode.h"
#include "rzs_store.h"

#define PAGE	   RZS_PAGE_SIZE
#define NR_PAGES   600u
#define NR_BLOCKS  40u
#define HEAP_BYTES (1u << 20)

/* The system: two calls and an entry point */

#if defined(__x86_64__)
#define SYS_WRITE 1
#define SYS_EXIT  231 /* exit_group */
static long sys3(long nr, long a, long b, long c)
{
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return ret;
}
__asm__(".globl _start\n"
	"_start:\n"
	"	xor %ebp, %ebp\n"
	"	and $-16, %rsp\n"
	"	call free_main\n");
#elif defined(__aarch64__)
#define SYS_WRITE 64
#define SYS_EXIT  94
static long sys3(long nr, long a, long b, long c)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
	return x0;
}
__asm__(".globl _start\n"
	"_start:\n"
	"	mov x29, #0\n"
	"	bl free_main\n");
#elif defined(__i386__)
#define SYS_WRITE 4
#define SYS_EXIT  252
static long sys3(long nr, long a, long b, long c)
{
	long ret;

	__asm__ volatile("int $0x80" : "=a"(ret) : "a"(nr), "b"(a), "c"(b), "d"(c) : "memory");
	return ret;
}
__asm__(".globl _start\n"
	"_start:\n"
	"	xor %ebp, %ebp\n"
	"	and $-16, %esp\n"
	"	call free_main\n");
#elif defined(__s390x__)
#define SYS_WRITE 4
#define SYS_EXIT  248
static long sys3(long nr, long a, long b, long c)
{
	register long r1 __asm__("1") = nr;
	register long r2 __asm__("2") = a;
	register long r3 __asm__("3") = b;
	register long r4 __asm__("4") = c;

	__asm__ volatile("svc 0" : "+d"(r2) : "d"(r1), "d"(r3), "d"(r4) : "memory");
	return r2;
}
__asm__(".globl _start\n"
	"_start:\n"
	"	aghi %r15, -160\n"
	"	brasl %r14, free_main\n");
#else
#error "no system calls for this machine here"
#endif

_Noreturn void free_main(void);

static _Noreturn void leave(int status)
{
	for (;;)
		(void)sys3(SYS_EXIT, status, 0, 0);
}

static void say(int fd, const char *text)
{
	long n = 0;

	while (text[n])
		n++;
	(void)sys3(SYS_WRITE, fd, (long)text, n);
}

_Noreturn void free_die(const char *why)
{
	say(2, "# core_nolibc: ");
	say(2, why);
	say(2, "\n");
	say(1, "not ok 1 - the core without a libc\n");
	leave(1);
}

/*
 * Functions that a compiler may call by itself.  Without the empty asm it might replace the loop by
 * a call of the function that contains the loop.
 */

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	uint8_t *t = to;
	const uint8_t *f = from;

	for (size_t i = 0; i < n; i++) {
		t[i] = f[i];
		__asm__ volatile("" ::: "memory");
	}
	return to;
}

void *memmove(void *to, const void *from, size_t n)
{
	uint8_t *t = to;
	const uint8_t *f = from;

	if ((uintptr_t)t <= (uintptr_t)f)
		return memcpy(to, from, n);
	while (n-- > 0) {
		t[n] = f[n];
		__asm__ volatile("" ::: "memory");
	}
	return to;
}

void *memset(void *to, int c, size_t n)
{
	uint8_t *t = to;

	for (size_t i = 0; i < n; i++) {
		t[i] = (uint8_t)c;
		__asm__ volatile("" ::: "memory");
	}
	return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const uint8_t *x = a, *y = b;

	for (size_t i = 0; i < n; i++) {
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
		__asm__ volatile("" ::: "memory");
	}
	return 0;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (uint8_t)*a - (uint8_t)*b;
}

/* Memory: a heap that only grows (create and destroy use it), and some blocks */

static uint8_t heap[HEAP_BYTES] __attribute__((aligned(64)));
static size_t heap_used, heap_live;

void *rzs_port_alloc(size_t n)
{
	size_t size = (n + 63) & ~(size_t)63;
	void *p = heap + heap_used;

	if (size < n || size > HEAP_BYTES - heap_used)
		return NULL;
	heap_used += size;
	heap_live += n;
	return p; /* never used before, so zero */
}

void rzs_port_free(void *p, size_t n)
{
	if (p)
		heap_live -= n;
}

struct rzs_blocks {
	uint64_t max, taken, peak;
	void *root;
	uint64_t root_bytes;
	bool used[NR_BLOCKS];
};

static uint8_t block_mem[NR_BLOCKS][RZS_BLOCK_SIZE] __attribute__((aligned(4096)));

int rzs_blocks_open(struct rzs_blocks **out, uint64_t max_blocks, uint64_t reserve_blocks,
		    uint64_t root_bytes, uint32_t *taken, unsigned nr_taken)
{
	bool limit;

	(void)reserve_blocks;
	*out = rzs_port_alloc(sizeof(**out));
	if (!*out)
		return -ENOMEM;
	(*out)->max = max_blocks < NR_BLOCKS ? max_blocks : NR_BLOCKS;
	(*out)->root_bytes = root_bytes;
	(*out)->root = rzs_port_alloc(root_bytes);
	if (!(*out)->root) {
		rzs_blocks_close(*out);
		*out = NULL;
		return -ENOMEM;
	}
	while (nr_taken--)
		taken[nr_taken] = rzs_blocks_take(*out, &limit);
	return 0;
}

void rzs_blocks_close(struct rzs_blocks *b)
{
	if (!b)
		return;
	rzs_port_free(b->root, b->root_bytes);
	rzs_port_free(b, sizeof(*b));
}

void *rzs_blocks_root(const struct rzs_blocks *b)
{
	return b->root;
}

uint32_t rzs_blocks_take(struct rzs_blocks *b, bool *out_limit)
{
	unsigned i = 0;

	*out_limit = b->taken >= b->max;
	if (*out_limit)
		return 0;
	while (b->used[i])
		i++;
	b->used[i] = true;
	b->taken++;
	if (b->peak < b->taken)
		b->peak = b->taken;
	memset(block_mem[i], 0xc7, RZS_BLOCK_SIZE); /* contents are unspecified */
	return i + 1;
}

void *rzs_blocks_at(const struct rzs_blocks *b, uint32_t block)
{
	(void)b;
	return block_mem[block - 1];
}

void rzs_blocks_give(struct rzs_blocks *b, uint32_t block)
{
	uint32_t i = block - 1;

	if (i >= NR_BLOCKS || !b->used[i])
		free_die("a block is returned that was not taken");
	memset(block_mem[i], 0xdb, RZS_BLOCK_SIZE);
	b->used[i] = false;
	b->taken--;
}

void rzs_blocks_count(struct rzs_blocks *b, uint64_t *out_taken, uint64_t *out_ready,
		      uint64_t *out_peak)
{
	*out_taken = b->taken;
	*out_ready = 0;
	*out_peak = b->peak;
}

int rzs_blocks_set_max(struct rzs_blocks *b, uint64_t max_blocks, uint64_t reserve_blocks)
{
	(void)reserve_blocks;
	if (b->taken > max_blocks)
		return -ENOSPC;
	b->max = max_blocks < NR_BLOCKS ? max_blocks : NR_BLOCKS;
	return 0;
}

/* The test */

#define STRING(x)   #x
#define LINE(x)	    STRING(x)
#define CHECK(cond) ((cond) ? (void)0 : free_die("line " LINE(__LINE__) ": not so: " #cond))

static uint8_t model[NR_PAGES][PAGE];
static uint64_t seed = 1;

static uint64_t random_word(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Random bytes in the first n bytes, then zeros. */
static void make_page(uint8_t *page, size_t n)
{
	memset(page, 0, PAGE);
	for (size_t i = 0; i < n; i++)
		page[i] = (uint8_t)(random_word() >> 32) | 1;
}

static void compare_all(struct rzs_store *store, struct rzs_worker *w)
{
	const char *what;
	uint8_t page[PAGE];

	for (unsigned i = 0; i < NR_PAGES; i++) {
		CHECK(rzs_store_read(store, w, i, page) == 0);
		CHECK(memcmp(page, model[i], PAGE) == 0);
	}
	if (rzs_store_verify(store, w, true, &what))
		free_die(what);
}

static void churn(struct rzs_store *store, struct rzs_worker *w, unsigned calls)
{
	unsigned refused = 0;
	uint8_t page[PAGE];
	uint64_t blocks;
	bool more;

	for (unsigned i = 0; i < calls; i++) {
		uint64_t r = random_word();
		unsigned slot = (unsigned)(r >> 8) % NR_PAGES;
		int err;

		switch (r % 8) {
		case 0:
			CHECK(rzs_store_discard(store, w, slot, 1) == 0);
			memset(model[slot], 0, PAGE);
			break;
		case 1:
			make_page(page, 100);
			err = rzs_store_pwrite(store, w, page, 100, slot * (uint64_t)PAGE + 1000);
			CHECK(err == 0 || err == -ENOSPC);
			if (!err)
				memcpy(model[slot] + 1000, page, 100);
			refused += err != 0;
			break;
		case 2:
			if (i % 64 == 0)
				CHECK(rzs_store_compact(store, w, 100, &blocks, &more) == 0);
			break;
		default:
			make_page(page, r % 8 == 3 ? PAGE : (r >> 32) % PAGE);
			err = rzs_store_write(store, w, slot, page);
			CHECK(err == 0 || err == -ENOSPC);
			if (!err)
				memcpy(model[slot], page, PAGE);
			refused += err != 0;
			break;
		}
		if (i % 1000 == 0)
			compare_all(store, w);
	}
	CHECK(refused > 0); /* there are more pages than blocks for them */
}

/* A stream made by hand; the store's pages come from our own encoder (rzs_port_codec.h). */
static void decode_lzo(void)
{
	static const uint8_t stream[] = {18, 'a', 32, 1, 1, 0, 'x', 17, 0, 0};
	uint8_t out[64];
	size_t n;

	CHECK(rzs_lzo1x_decode(stream, sizeof(stream), out, sizeof(out), &n) == 0);
	CHECK(n == 36 && out[0] == 'a' && out[34] == 'a' && out[35] == 'x');
	CHECK(rzs_lzo1x_decode(stream, sizeof(stream), out, 35, &n) == -EIO && n == 0);
}

/* The results of liblzo2 and of the hash for these bytes on a 64-bit little-endian machine. */
static void decode_lzo_of_library(void)
{
	static const char text[] = "swap in compressed RAM, one store; a page of text\n";
	static const uint8_t stream[] = {
		0x00, 0x20, 0x73, 0x77, 0x61, 0x70, 0x20, 0x69, 0x6e, 0x20, 0x63, 0x6f, 0x6d,
		0x70, 0x72, 0x65, 0x73, 0x73, 0x65, 0x64, 0x20, 0x52, 0x41, 0x4d, 0x2c, 0x20,
		0x6f, 0x6e, 0x65, 0x20, 0x73, 0x74, 0x6f, 0x72, 0x65, 0x3b, 0x20, 0x61, 0x20,
		0x70, 0x61, 0x67, 0x65, 0x20, 0x6f, 0x66, 0x20, 0x74, 0x65, 0x78, 0x00, 0x00,
		0x28, 0x04, 0x00, 0x20, 0x0f, 0xed, 0x00, 0x0b, 0x29, 0x00, 0x00, 0x20, 0x0f,
		0xed, 0x00, 0x16, 0x29, 0x00, 0x00, 0x20, 0x0f, 0xed, 0x00, 0x21, 0x29, 0x00,
		0x00, 0x20, 0x0f, 0xed, 0x00, 0x2c, 0x29, 0x00, 0x00, 0x20, 0x0f, 0xed, 0x00,
		0x37, 0x29, 0x00, 0x00, 0x20, 0x0f, 0xed, 0x00, 0x42, 0x29, 0x00, 0x00, 0x20,
		0x0f, 0xed, 0x00, 0x4d, 0x29, 0x00, 0x00, 0x20, 0x0f, 0xed, 0x00, 0x58, 0x29,
		0x00, 0x00, 0x20, 0x0b, 0xec, 0x00, 0x0d, 0x20, 0x74, 0x65, 0x78, 0x63, 0x63,
		0x63, 0x63, 0x63, 0x63, 0x63, 0x63, 0x63, 0x63, 0x63, 0x63, 0x11, 0x00, 0x00,
	};
	uint8_t out[700], want[600];
	size_t n;

	for (unsigned i = 0; i < sizeof(want); i++)
		want[i] = (uint8_t)(i % 60 < 48 ? (unsigned)text[i % 60] : i / 60 * 11);
	CHECK(rzs_lzo1x_decode(stream, sizeof(stream), out, sizeof(out), &n) == 0);
	CHECK(n == sizeof(want) && memcmp(out, want, n) == 0);
	CHECK(rzs_hash64(out, n, 1) == 0x6d4a76228f0c85a9ull);
}

/* The same streams on every machine: a hash of those of some pages, alone and in a batch. */
static void encode_lzo(void)
{
	static struct rzs_lzo_encoder encoder;
	static uint8_t pages[2 * PAGE], out[2][RZS_LZO_OUT_SIZE], back[PAGE];
	const void *src[2] = {pages, pages + PAGE};
	void *dst[2] = {out[0], out[1]};
	uint64_t hash = 0, word = 1;
	int sizes[2];
	size_t n;

	rzs_lzo_encoder_init(&encoder, RZS_LZO_WORDS);
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < 2 * PAGE; i++) {
			word = word * 6364136223846793005ull + 1442695040888963407ull;
			pages[i] = (uint8_t)(word >> 60);
			if (i > 300 && (word >> 40) % (round + 2))
				pages[i] = pages[i - 1 - (word >> 50) % 300];
		}
		rzs_lzo1x_encode_many(&encoder, 2, src, dst, PAGE + 300, sizes);
		CHECK(sizes[0] > 0 && sizes[1] > 0);
		hash = rzs_hash64(out[0], (size_t)sizes[0], hash);
		hash = rzs_hash64(out[1], (size_t)sizes[1], hash);
		sizes[0] = rzs_lzo1x_encode(&encoder, pages, out[0], PAGE + 300);
		CHECK(sizes[0] > 0);
		CHECK(rzs_lzo1x_decode(out[0], (size_t)sizes[0], back, PAGE, &n) == 0);
		CHECK(n == PAGE && memcmp(back, pages, PAGE) == 0);
		hash = rzs_hash64(out[0], (size_t)sizes[0], hash);
	}
	CHECK(hash == 0x7d55b986024364c9ull);
}

_Noreturn void free_main(void)
{
	struct rzs_config cfg = {.nr_pages = NR_PAGES, .nr_workers = 1};
	enum rzs_map_kind kind;
	struct rzs_store *store;
	struct rzs_worker *w;
	struct rzs_stats s;
	uint64_t run;

	say(1, "1..1\n");
	decode_lzo();
	decode_lzo_of_library();
	encode_lzo();
	CHECK(rzs_store_create(&cfg, &store) == 0);
	w = rzs_worker_get(store, 0);
	compare_all(store, w);
	churn(store, w, 8000);
	compare_all(store, w);
	rzs_store_stats(store, &s);
	CHECK(s.pages_raw > 0 && s.pages_compressed > 0);
	CHECK(s.pages_stored == s.pages_same + s.pages_compressed + s.pages_raw);
	CHECK(s.impossible == 0 && s.corrupt == 0);
	CHECK(rzs_store_discard(store, w, 0, NR_PAGES) == 0);
	CHECK(rzs_store_map(store, 0, NR_PAGES, &kind, &run) == 0);
	CHECK(kind == RZS_MAP_HOLE && run == NR_PAGES);
	rzs_store_stats(store, &s);
	CHECK(s.object_bytes == 0 && s.block_bytes == 0);
	CHECK(rzs_swap_header(model[0], NR_PAGES, "nolibc", NULL) == 0);
	rzs_worker_put(store, w);
	rzs_store_destroy(store);
	CHECK(heap_live == 0);
	say(1, "ok 1 - the core without a libc\n");
	leave(0);
}
