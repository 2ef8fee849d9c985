/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzst_swaps.h. */
#include "rzst_swaps.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "rzst.h"

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

unsigned rzst_swaps_parse(char *text, struct rzst_swap_area v[RZST_SWAPS_MAX])
{
	unsigned long long size, used;
	unsigned nr = 0;
	char type[16], *save = NULL;

	/* The heading has no numbers. */
	for (char *line = strtok_r(text, "\n", &save); line && nr < RZST_SWAPS_MAX;
	     line = strtok_r(NULL, "\n", &save)) {
		struct rzst_swap_area *area = &v[nr];

		if (sscanf(line, "%255s %15s %llu %llu %d", area->name, type, &size, &used,
			   &area->priority) != 5)
			continue;
		nr++;
		rzst_swaps_decode(area->name);
		area->is_file = strcmp(type, "file") == 0;
		if (!area->is_file)
			strip_deleted(area->name);
		area->size = size * 1024;
		area->used = used * 1024;
	}
	return nr;
}

unsigned rzst_swaps_read(struct rzst_swap_area v[RZST_SWAPS_MAX])
{
	char path[RZST_PATH_MAX], text[TEXT_MAX];
	size_t len = 0;
	ssize_t n;
	int fd;

	if (rzst_path(path, sizeof(path), "/proc/swaps") < 0)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	/* One read() returns at most a page. */
	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	close(fd);
	text[len] = '\0';
	if (len == sizeof(text) - 1) /* the last line may be incomplete */
		*(strrchr(text, '\n') ? strrchr(text, '\n') : text) = '\0';
	return rzst_swaps_parse(text, v);
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
