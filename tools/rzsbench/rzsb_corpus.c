/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loads what "rzsbench capture" has saved: DIR/index has a line "NAME PAGES" for each file
 * DIR/NAME.pages.
 */
#define _GNU_SOURCE
#include "rzsb.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rzsb_files.h"

bool rzsb_one_word(const void *data, size_t bytes)
{
	const uint8_t *p = data;

	return memcmp(p, p + 8, bytes - 8) == 0;
}

bool rzsb_zeros(const void *data, size_t bytes)
{
	static const uint8_t zeros[8];

	return memcmp(data, zeros, 8) == 0 && rzsb_one_word(data, bytes);
}

static int read_full(int fd, uint8_t *buf, size_t n, off_t at)
{
	while (n > 0) {
		ssize_t r = pread(fd, buf, n, at);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r < 0 ? -errno : -ENODATA;
		buf += r;
		n -= (size_t)r;
		at += r;
	}
	return 0;
}

static int read_index(struct rzsb_corpus *c, const char *dir)
{
	char path[4096], name[RZSB_NAME_MAX];
	unsigned long pages;
	FILE *f;

	snprintf(path, sizeof(path), "%s/index", dir);
	f = rzsb_open_text(path);
	if (!f)
		return -errno;
	while (c->nr_parts < RZSB_MAX_PARTS && fscanf(f, "%31s %lu", name, &pages) == 2) {
		struct rzsb_part *p = &c->parts[c->nr_parts];

		if (pages == 0 || pages > UINT32_MAX || strchr(name, '/'))
			continue;
		memcpy(p->name, name, sizeof(p->name));
		p->first = c->nr;
		p->nr = pages;
		c->nr += pages;
		c->nr_parts++;
	}
	fclose(f);
	return c->nr_parts == 0 || c->nr > UINT32_MAX ? -EINVAL : 0;
}

/* Each program in proportion, rounded down. */
static void shrink(struct rzsb_corpus *c, size_t max_pages)
{
	size_t nr = 0;

	for (unsigned i = 0; i < c->nr_parts; i++) {
		struct rzsb_part *p = &c->parts[i];

		p->nr = rzsb_share(p->nr, max_pages, c->nr);
		p->first = nr;
		nr += p->nr;
	}
	c->nr = nr;
}

static int read_parts(struct rzsb_corpus *c, const char *dir)
{
	char path[4096];
	int fd, err = 0;

	for (unsigned i = 0; i < c->nr_parts && !err; i++) {
		struct rzsb_part *p = &c->parts[i];

		snprintf(path, sizeof(path), "%s/%s.pages", dir, p->name);
		fd = rzsb_open_input(path);
		if (fd < 0)
			return fd;
		err = read_full(fd, c->pages + p->first * RZSB_PAGE, p->nr * RZSB_PAGE, 0);
		close(fd);
	}
	return err;
}

int rzsb_corpus_load(struct rzsb_corpus *c, const char *dir, size_t max_pages)
{
	int err;

	memset(c, 0, sizeof(*c));
	err = read_index(c, dir);
	c->whole = c->nr;
	if (!err && max_pages && max_pages < c->nr)
		shrink(c, max_pages);
	if (!err && c->nr == 0)
		err = -EINVAL;
	if (!err) {
		c->room = c->nr;
		c->pages = rzsb_alloc(c->room * RZSB_PAGE);
		err = read_parts(c, dir);
	}
	if (err) {
		rzst_say("cannot load the pages in %s: %s", dir, strerror(-err));
		rzsb_corpus_free(c);
		return err;
	}
	rzsb_corpus_sort_out(c);
	return 0;
}

void rzsb_corpus_sort_out(struct rzsb_corpus *c)
{
	c->busy = rzsb_alloc(c->room * sizeof(*c->busy));
	for (size_t i = 0; i < c->nr; i++)
		if (!rzsb_one_word(rzsb_page(c, (uint32_t)i), RZSB_PAGE))
			c->busy[c->nr_busy++] = (uint32_t)i;
}

void rzsb_corpus_free(struct rzsb_corpus *c)
{
	if (c->pages)
		munmap(c->pages, c->room * RZSB_PAGE);
	if (c->busy)
		munmap(c->busy, c->room * sizeof(*c->busy));
	memset(c, 0, sizeof(*c));
}
