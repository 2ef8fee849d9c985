/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's zram with the pages of a store: each is written and read by a system call of its own
 * (O_DIRECT), as swapping handles single pages.  So a time includes the system call and the block
 * layer, which a call of the store does not.  Reads of the empty device show how much that is.
 */
#include "store_cases.h"
#include "rzsb_cmd.h"
#include "rzsb_models.h"
#include "rzsb_zram.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct zram_run {
	const struct bench_store_options *o;
	const struct bench_pages *p;
	int fd;
	uint8_t *buf; /* a page, aligned */
};

/* End the program; the device is not left behind. */
static void __attribute__((noreturn)) give_up(const struct zram_run *z, const char *what, int err)
{
	rzsb_zram_close(z->fd);
	rzst_die(RZSB_FAILED, "%s /dev/zram0: %s", what, err ? strerror(err) : "wrong bytes");
}

/* Returns CPU time for a page, that of the kernel included. */
static double write_all(const struct zram_run *z)
{
	uint64_t start = rzsb_cpu_thread();
	ssize_t n;

	for (uint64_t i = 0; i < z->p->nr; i++) {
		memcpy(z->buf, rzsb_page(z->o->corpus, z->p->page[i]), RZS_PAGE_SIZE);
		n = pwrite(z->fd, z->buf, RZS_PAGE_SIZE, (off_t)(i * RZS_PAGE_SIZE));
		if (n != (ssize_t)RZS_PAGE_SIZE)
			give_up(z, "writing", n < 0 ? errno : EIO);
	}
	return (double)(rzsb_cpu_thread() - start) / (double)z->p->nr;
}

/* order: NULL: that of addresses. */
static struct bench_read read_all(const struct zram_run *z, const uint32_t *order)
{
	uint64_t start = rzsb_cpu_thread(), clock = rzst_now(), slot;
	struct bench_read r;
	ssize_t n;

	for (uint64_t i = 0; i < z->p->nr; i++) {
		slot = order ? order[i] : i;
		n = pread(z->fd, z->buf, RZS_PAGE_SIZE, (off_t)(slot * RZS_PAGE_SIZE));
		if (n != (ssize_t)RZS_PAGE_SIZE)
			give_up(z, "reading", n < 0 ? errno : EIO);
	}
	r.clock_s = (double)(rzst_now() - clock) / 1e9;
	r.cpu_ns = (double)(rzsb_cpu_thread() - start) / (double)z->p->nr;
	return r;
}

static void compare_all(const struct zram_run *z)
{
	for (uint64_t i = 0; i < z->p->nr; i++)
		if (pread(z->fd, z->buf, RZS_PAGE_SIZE, (off_t)(i * RZS_PAGE_SIZE)) !=
			    (ssize_t)RZS_PAGE_SIZE ||
		    !bench_store_is_page(z->o, z->p->page[i], z->buf))
			give_up(z, "comparing", 0);
}

bool bench_zram_run(const struct bench_store_options *o, const struct bench_pages *p,
		    struct bench_zram *out)
{
	struct zram_run z = {.o = o, .p = p};
	uint64_t objects = 0;
	char why[256];

	memset(out, 0, sizeof(*out));
	if (!o->zram)
		return false;
	z.fd = rzsb_zram_open(p->nr * RZS_PAGE_SIZE, o->zram, why, sizeof(why));
	if (z.fd < 0) {
		printf("zram is not measured: %s\n", why);
		return false;
	}
	z.buf = rzsb_alloc(RZS_PAGE_SIZE);
	out->empty = read_all(&z, NULL);
	out->write_ns = write_all(&z);
	for (uint64_t i = 0; i < p->nr; i++)
		objects += !rzsb_one_word(rzsb_page(o->corpus, p->page[i]), RZS_PAGE_SIZE);
	out->held =
		(double)(rzsb_zram_used() + p->nr * RZSB_ZRAM_TABLE + objects * RZSB_ZRAM_HANDLE);
	out->in_order = read_all(&z, NULL);
	out->random = read_all(&z, p->order);
	compare_all(&z);
	munmap(z.buf, RZS_PAGE_SIZE);
	rzsb_zram_close(z.fd);
	return true;
}
