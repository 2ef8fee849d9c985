/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sizes as people write them, and how much memory there is; see size.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "size.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#define SIZE_PATH_MAX 4352 /* longest path to a group's file; longer ones are not looked at */

/* Decimal digits at *text, which is moved past them.  -EINVAL: none, -ERANGE: over 64 bits. */
static int size_number(const char **text, uint64_t *out)
{
	const char *p = *text;
	uint64_t n = 0;

	*out = 0;
	if (*p < '0' || *p > '9')
		return -EINVAL;
	for (; *p >= '0' && *p <= '9'; p++) {
		uint64_t digit = (uint64_t)(*p - '0');

		if (n > (UINT64_MAX - digit) / 10)
			return -ERANGE;
		n = n * 10 + digit;
	}
	*text = p;
	*out = n;
	return 0;
}

unsigned rzs_size_suffix(const char **text)
{
	static const char letters[] = "KMGTPE";
	const char *p = *text, *at = NULL;
	unsigned shift = 0;

	if (*p)
		at = strchr(letters, *p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p);
	if (at) {
		shift = 10 * (unsigned)(at - letters + 1);
		p++;
		if (p[0] == 'i' && p[1] == 'B')
			p++;
	}
	if (*p == 'B')
		p++;
	*text = p;
	return shift;
}

/* n per cent of whole without overflow in between; false: does not fit. */
static bool size_share(uint64_t n, uint64_t whole, uint64_t *out)
{
	uint64_t high, low;

	if (__builtin_mul_overflow(whole / 100, n, &high) ||
	    __builtin_mul_overflow(whole % 100, n, &low))
		return false;
	return !__builtin_add_overflow(high, low / 100, out);
}

int rzs_size_parse(const char *text, uint64_t whole, uint64_t *out, const char **out_why)
{
	unsigned shift;
	uint64_t n;
	int err;

	*out = 0;
	*out_why = "not a size: expected a whole number, then nothing, K, M, G, T or %";
	err = size_number(&text, &n);
	if (err == -ERANGE)
		goto too_large;
	if (err)
		return err;
	if (strcmp(text, "%") == 0) {
		if (whole == 0) {
			*out_why = "a percentage cannot be used here";
			return -EINVAL;
		}
		if (!size_share(n, whole, &n))
			goto too_large;
	} else {
		shift = rzs_size_suffix(&text);
		if (*text)
			return -EINVAL;
		if (n > UINT64_MAX >> shift)
			goto too_large;
		n <<= shift;
	}
	*out = n;
	*out_why = NULL;
	return 0;

too_large:
	*out = 0;
	*out_why = "too large";
	return -ERANGE;
}

/* What a small file holds, as a string without its last newline; false: nothing. */
static bool size_read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n <= 0)
		return false;
	buf[n] = '\0';
	if (buf[n - 1] == '\n')
		buf[n - 1] = '\0';
	return true;
}

/* The path of version 2's group in the text of a cgroup file ("0::/path"), cut off there; or NULL.
 */
static char *size_group_path(char *text)
{
	char *line = text, *end;

	for (; line; line = end ? end + 1 : NULL) {
		end = strchr(line, '\n');
		if (strncmp(line, "0::/", 4) == 0) {
			if (end)
				*end = '\0';
			return line + 3;
		}
	}
	return NULL;
}

uint64_t rzs_size_cgroup_limit(const char *self, const char *mount)
{
	char text[4096], path[SIZE_PATH_MAX], value[64];
	uint64_t limit = UINT64_MAX, n;
	const char *p;
	char *group, *slash;
	int len;

	if (!size_read_file(self, text, sizeof(text)))
		return limit;
	group = size_group_path(text);
	if (!group)
		return limit;
	for (;;) {
		len = snprintf(path, sizeof(path), "%s%s/memory.max", mount, group);
		p = value;
		if (len > 0 && (size_t)len < sizeof(path) &&
		    size_read_file(path, value, sizeof(value)) && size_number(&p, &n) == 0 &&
		    n < limit)
			limit = n;
		slash = strrchr(group, '/');
		if (!slash)
			return limit;
		*slash = '\0';
	}
}

uint64_t rzs_size_machine_ram(void)
{
	struct sysinfo info;

	if (sysinfo(&info))
		return 0;
	return (uint64_t)info.totalram * info.mem_unit;
}

uint64_t rzs_size_ram(void)
{
	uint64_t machine = rzs_size_machine_ram();
	uint64_t group = rzs_size_cgroup_limit("/proc/self/cgroup", "/sys/fs/cgroup");

	return group < machine ? group : machine;
}
