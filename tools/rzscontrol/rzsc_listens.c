/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzsc_listens.h.  Sources: /proc/net/unix, /proc/PID/fd. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rzsc_listens.h"

/* Inodes of sockets that the process has open. */
struct inodes {
	uint64_t *v;
	size_t nr;
};

static void read_fds(uint64_t pid, struct inodes *out)
{
	char name[64], fds[RZST_PATH_MAX], path[RZST_PATH_MAX + 300], link[64];
	struct dirent *e;
	DIR *dir;

	snprintf(name, sizeof(name), "/proc/%llu/fd", (unsigned long long)pid);
	if (rzst_path(fds, sizeof(fds), name) < 0)
		return;
	dir = opendir(fds);
	while (dir && (e = readdir(dir)) != NULL) {
		unsigned long long inode;
		ssize_t n;

		snprintf(path, sizeof(path), "%s/%s", fds, e->d_name);
		n = readlink(path, link, sizeof(link) - 1);
		link[n > 0 ? n : 0] = '\0';
		if (sscanf(link, "socket:[%llu]", &inode) != 1)
			continue;
		out->v = rzst_grow(out->v, out->nr, sizeof(*out->v));
		out->v[out->nr++] = inode;
	}
	if (dir)
		closedir(dir);
}

/*
 * A line "ADDRESS: REFCOUNT PROTOCOL FLAGS TYPE STATE INODE PATH" of a socket that listens, which
 * is flag 0x10000.  NULL: of another; else its path.
 */
static const char *listening(char *line, unsigned long long *inode)
{
	unsigned flags;
	int at = 0;

	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line, "%*s %*s %*s %x %*s %*s %llu %n", &flags, inode, &at) != 2 || at == 0 ||
	    !(flags & 0x10000) || line[at] != '/')
		return NULL;
	return line + at;
}

static bool has(const struct inodes *inodes, uint64_t inode)
{
	for (size_t i = 0; i < inodes->nr; i++)
		if (inodes->v[i] == inode)
			return true;
	return false;
}

int rzsc_listens_at(uint64_t pid, const char *not_at, char *out, size_t size)
{
	char path[RZST_PATH_MAX], line[512];
	struct inodes inodes = {NULL, 0};
	int err = -ENOENT;
	FILE *f = NULL;

	out[0] = '\0';
	if (rzst_path(path, sizeof(path), "/proc/net/unix") == 0)
		f = fopen(path, "re");
	if (f)
		read_fds(pid, &inodes);
	while (f && fgets(line, sizeof(line), f)) {
		unsigned long long inode;
		const char *at = listening(line, &inode);

		if (!at || !has(&inodes, inode) || rzst_same_file(at, not_at))
			continue;
		err = err == -ENOENT && strlen(at) < size ? 0 : -ENOTUNIQ;
		snprintf(out, size, "%s", at);
	}
	if (err < 0)
		out[0] = '\0';
	free(inodes.v);
	if (f)
		fclose(f);
	return err;
}
