/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzst_swaps.h. */
#include "rzst_swaps.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rzst.h"

#define HEADING	 "Filename"
#define TEXT_MAX 16384u /* bytes that are read */

/* Where a swap header has what, mkswap(8)'s version 1. */
#define HEADER_SIZE 4096u
#define UUID_AT	    1036u
#define MAGIC_AT    (HEADER_SIZE - 10u)

void rzst_swaps_decode(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (*text == '\\' && strspn(text + 1, "01234567") >= 3) {
			*to++ = (char)((text[1] - '0') * 64 + (text[2] - '0') * 8 + text[3] - '0');
			text += 3;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
}

/* The kernel adds this to the path of what was removed.  A file may really be called so. */
static void strip_deleted(char *name)
{
	static const char end[] = " (deleted)";
	size_t len = strlen(name);

	if (len >= sizeof(end) && strcmp(name + len - (sizeof(end) - 1), end) == 0)
		name[len - (sizeof(end) - 1)] = '\0';
}

/* *whole: the heading is there, and all other lines are understood. */
static unsigned parse(char *text, struct rzst_swap_area v[RZST_SWAPS_MAX], bool *whole)
{
	unsigned long long size, used;
	unsigned nr = 0, others = 0;
	char type[16], *save = NULL;

	*whole = strncmp(text, HEADING, strlen(HEADING)) == 0;
	/* The heading has no numbers. */
	for (char *line = strtok_r(text, "\n", &save); line && nr < RZST_SWAPS_MAX;
	     line = strtok_r(NULL, "\n", &save)) {
		struct rzst_swap_area *area = &v[nr];

		if (sscanf(line, "%255s %15s %llu %llu %d", area->name, type, &size, &used,
			   &area->priority) != 5) {
			others++;
			continue;
		}
		nr++;
		rzst_swaps_decode(area->name);
		area->is_file = strcmp(type, "file") == 0;
		if (!area->is_file)
			strip_deleted(area->name);
		area->size = size * 1024;
		area->used = used * 1024;
	}
	*whole = *whole && others == 1 && nr < RZST_SWAPS_MAX;
	return nr;
}

unsigned rzst_swaps_parse(char *text, struct rzst_swap_area v[RZST_SWAPS_MAX])
{
	bool whole;

	return parse(text, v, &whole);
}

/* *err: 0, or why there may be more areas than these. */
static unsigned read_areas(struct rzst_swap_area v[RZST_SWAPS_MAX], int *err)
{
	char path[RZST_PATH_MAX], text[TEXT_MAX];
	size_t len = 0;
	ssize_t n;
	bool whole;
	unsigned nr;
	int fd;

	*err = rzst_path(path, sizeof(path), "/proc/swaps");
	if (*err < 0)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		*err = -errno;
		return 0;
	}
	/* One read() returns at most a page. */
	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	if (n < 0)
		*err = -errno;
	close(fd);
	text[len] = '\0';
	if (len == sizeof(text) - 1) { /* the last line may be incomplete */
		*(strrchr(text, '\n') ? strrchr(text, '\n') : text) = '\0';
		*err = -EOVERFLOW;
	}
	nr = parse(text, v, &whole);
	if (*err == 0 && !whole)
		*err = -EILSEQ;
	return nr;
}

unsigned rzst_swaps_read(struct rzst_swap_area v[RZST_SWAPS_MAX])
{
	int err;

	return read_areas(v, &err);
}

int rzst_swaps_find(const char *name, struct rzst_swap_area *out)
{
	struct rzst_swap_area v[RZST_SWAPS_MAX];
	unsigned nr = rzst_swaps_read(v);

	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < nr; i++)
		if (strcmp(v[i].name, name) == 0) {
			*out = v[i];
			return 0;
		}
	return -ENODEV;
}

static int look_at(const char *name, struct stat *st)
{
	char path[RZST_PATH_MAX];
	int err = rzst_path(path, sizeof(path), name);

	if (err == 0 && stat(path, st) < 0)
		err = -errno;
	return err;
}

/* A block device may have several nodes. */
static bool is_same(const struct stat *x, const struct stat *y)
{
	if (S_ISBLK(x->st_mode) && S_ISBLK(y->st_mode))
		return x->st_rdev == y->st_rdev;
	return x->st_dev == y->st_dev && x->st_ino == y->st_ino;
}

bool rzst_swaps_same(const char *a, const char *b)
{
	struct stat x, y;

	return strcmp(a, b) == 0 ||
	       (look_at(a, &x) == 0 && look_at(b, &y) == 0 && is_same(&x, &y));
}

int rzst_swaps_is_on(const char *name, struct rzst_swap_area *out)
{
	struct rzst_swap_area v[RZST_SWAPS_MAX];
	struct stat st, area;
	int unread, err = look_at(name, &st);
	unsigned nr = read_areas(v, &unread);

	for (unsigned i = 0; i < nr; i++)
		if (strcmp(v[i].name, name) == 0 ||
		    (err == 0 && look_at(v[i].name, &area) == 0 && is_same(&st, &area))) {
			*out = v[i];
			return 0;
		}
	memset(out, 0, sizeof(*out));
	if (unread)
		return unread;
	return err == 0 || err == -ENOENT || err == -ENOTDIR ? -ENODEV : err;
}

int rzst_swaps_uuid(const char *device, char uuid[RZST_UUID_TEXT])
{
	char path[RZST_PATH_MAX];
	unsigned char page[HEADER_SIZE];
	ssize_t n;
	int fd;

	uuid[0] = '\0';
	if (rzst_path(path, sizeof(path), device) < 0)
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = pread(fd, page, sizeof(page), 0);
	close(fd);
	if (n != (ssize_t)sizeof(page) || memcmp(page + MAGIC_AT, "SWAPSPACE2", 10) != 0)
		return -ENODATA;
	for (unsigned i = 0; i < 16; i++) {
		static const char digits[] = "0123456789abcdef";
		bool dash = i == 4 || i == 6 || i == 8 || i == 10;

		if (dash)
			*uuid++ = '-';
		*uuid++ = digits[page[UUID_AT + i] >> 4];
		*uuid++ = digits[page[UUID_AT + i] & 15];
	}
	*uuid = '\0';
	return 0;
}
