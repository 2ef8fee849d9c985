/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzst_lines.h. */
#include "rzst_lines.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

int rzst_lines_open(struct rzst_lines *l, const char *path)
{
	l->whole = false;
	l->at = l->len = 0;
	l->fd = open(path, O_RDONLY | O_CLOEXEC);
	return l->fd < 0 ? -errno : 0;
}

/* 1: *c is the next byte.  0: there is none. */
static int next_byte(struct rzst_lines *l, char *c)
{
	if (l->at == l->len) {
		ssize_t n;

		do
			n = read(l->fd, l->in, sizeof(l->in));
		while (n < 0 && errno == EINTR);
		if (n <= 0)
			return n < 0 ? -errno : 0;
		l->at = 0;
		l->len = (size_t)n;
	}
	*c = l->in[l->at++];
	return 1;
}

int rzst_lines_next(struct rzst_lines *l, char *line, size_t size)
{
	size_t n = 0;
	char c = '\0';
	int got;

	l->whole = true;
	while ((got = next_byte(l, &c)) > 0 && c != '\n') {
		l->whole &= n + 1 < size && c != '\0';
		if (n + 1 < size)
			line[n++] = c;
	}
	line[n] = '\0';
	if (got > 0)
		return 1;
	l->whole = false;
	return got < 0 ? got : n > 0;
}

void rzst_lines_close(struct rzst_lines *l)
{
	close(l->fd);
	l->fd = -1;
}
