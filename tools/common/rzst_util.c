/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages, memory, numbers; see rzst.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "rzst.h"
#include "rzst_lines.h"
#include "text.h"

static void say(const char *fmt, va_list ap)
{
	char line[RZST_PATH_MAX + 512];

	vsnprintf(line, sizeof(line), fmt, ap);
	rzst_tame(line);
	fflush(stdout);
	fprintf(stderr, "%s: %s\n", program_invocation_short_name, line);
}

void rzst_say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

void rzst_die(int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	exit(code);
}

int rzst_fail(int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	return code;
}

enum rzs_exit rzst_exit(int err)
{
	switch (-err) {
	case 0:
		return RZS_EXIT_DONE;
	case EINVAL: /* of what the user gave */
		return RZS_EXIT_USAGE;
	case EBUSY:
		return RZS_EXIT_BUSY;
	case ENOENT:
	case ECONNREFUSED:
	case EPROTOTYPE: /* something else listens there */
		return RZS_EXIT_NONE;
	case EOPNOTSUPP:
	case EPROTONOSUPPORT:
		return RZS_EXIT_UNSUPPORTED;
	default:
		return RZS_EXIT_FAILED;
	}
}

void *rzst_grow(void *v, size_t nr, size_t size)
{
	/* It is full when nr is 0 or a power of two. */
	if (nr & (nr - 1))
		return v;
	v = reallocarray(v, nr ? nr * 2 : 1, size);
	if (!v)
		rzst_die(RZS_EXIT_FAILED, "no memory");
	return v;
}

char *rzst_copy(const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		rzst_die(RZS_EXIT_FAILED, "no memory");
	return copy;
}

int rzst_path(char *out, size_t size, const char *path)
{
	const char *root = getenv("RZS_SYSROOT");
	int n = snprintf(out, size, "%s%s", root ? root : "", path);

	if (n >= 0 && (size_t)n < size)
		return 0;
	out[0] = '\0';
	return -ENAMETOOLONG;
}

int rzst_first_line(const char *path, char *out, size_t size)
{
	char at[RZST_PATH_MAX];
	int err = rzst_path(at, sizeof(at), path);
	struct rzst_lines lines;

	out[0] = '\0';
	if (err < 0)
		return err;
	err = rzst_lines_open(&lines, at);
	if (err < 0)
		return err;
	err = rzst_lines_next(&lines, out, size);
	rzst_lines_close(&lines);
	if (err < 0)
		out[0] = '\0';
	rzst_tame(out);
	return err < 0 ? err : *out ? 0 : -ENODATA;
}

const char *rzst_chosen(char *line)
{
	char *begin = strchr(line, '[');

	begin = begin ? begin + 1 : line;
	begin[strcspn(begin, " ]")] = '\0';
	return begin;
}

bool rzst_same_file(const char *a, const char *b)
{
	struct stat x, y;

	if (strcmp(a, b) == 0)
		return true;
	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

void rzst_tame(char *text)
{
	rzs_text_tame(text);
}

uint64_t rzst_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* ---- numbers ---- */

int rzst_number_parse(const char *text, uint64_t *out)
{
	uint64_t n = 0;

	*out = 0;
	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		unsigned digit = (unsigned)(*text - '0');

		if (digit > 9)
			return -EINVAL;
		if (n > (UINT64_MAX - digit) / 10)
			return -ERANGE;
		n = n * 10 + digit;
	}
	*out = n;
	return 0;
}

int rzst_number_option(const char *option, const char *text, const char *unit, uint64_t least,
		       uint64_t most, uint64_t *out, char *why, size_t why_size)
{
	uint64_t n;

	*out = 0;
	if (rzst_number_parse(text, &n) < 0 || n < least || n > most) {
		snprintf(why, why_size, "%s %s: expected %s, from %llu to %llu", option, text, unit,
			 (unsigned long long)least, (unsigned long long)most);
		return -EINVAL;
	}
	*out = n;
	return 0;
}

int rzst_number_seconds(const char *text, uint64_t *out_ms)
{
	char *end;
	double seconds;

	*out_ms = 0;
	if (*text < '0' || *text > '9' || text[strspn(text, "0123456789.")] != '\0')
		return -EINVAL;
	seconds = strtod(text, &end);
	if (*end || seconds < 0.1 || seconds > 86400)
		return -EINVAL;
	*out_ms = (uint64_t)(seconds * 1000 + 0.5);
	return 0;
}

uint64_t rzst_number_in(const char *path, const char *key)
{
	size_t n = strlen(key);
	uint64_t value = 0;
	char line[512];
	struct rzst_lines lines;

	if (rzst_lines_open(&lines, path) < 0)
		return 0;
	while (rzst_lines_next(&lines, line, sizeof(line)) > 0)
		if (strncmp(line, key, n) == 0) {
			value = strtoull(line + n, NULL, 10);
			break;
		}
	rzst_lines_close(&lines);
	return value;
}

/* Divide by 1024 until it is below most; *out_unit says how often, less than units. */
static double scale(double v, double most, unsigned units, unsigned *out_unit)
{
	for (*out_unit = 0; v >= most && *out_unit + 1 < units; ++*out_unit)
		v /= 1024;
	return v;
}

const char *rzst_human_bytes(uint64_t bytes, char out[RZST_HUMAN_MAX])
{
	static const char units[] = " KMGTPE";
	unsigned unit;
	/* 1023.95 would be shown as 1024.0. */
	double v = scale((double)bytes, 1023.95, sizeof(units) - 1, &unit);

	if (unit == 0)
		snprintf(out, RZST_HUMAN_MAX, "%.0f", v);
	else
		snprintf(out, RZST_HUMAN_MAX, "%.1f%c", v, units[unit]);
	return out;
}

const char *rzst_size_text(double bytes, char out[RZST_HUMAN_MAX])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	unsigned unit;
	double v = scale(bytes, 1024, sizeof(units) / sizeof(units[0]), &unit);

	/* NaN and infinity less themselves are NaN. */
	if (bytes - bytes != 0)
		snprintf(out, RZST_HUMAN_MAX, "-");
	else
		snprintf(out, RZST_HUMAN_MAX, "%.*f %s", unit && v < 100 ? 1 : 0, v, units[unit]);
	return out;
}

const char *rzst_human_ns(uint64_t ns, char out[RZST_HUMAN_MAX])
{
	double v = (double)ns;

	if (ns == 0)
		snprintf(out, RZST_HUMAN_MAX, "-");
	else if (ns < 1000)
		snprintf(out, RZST_HUMAN_MAX, "%.0fns", v);
	else if (v < 999.5e3)
		snprintf(out, RZST_HUMAN_MAX, "%.0fus", v / 1e3);
	else if (v < 999.95e6)
		snprintf(out, RZST_HUMAN_MAX, "%.1fms", v / 1e6);
	else
		snprintf(out, RZST_HUMAN_MAX, "%.*fs", v < 99999.95e9 ? 1 : 0, v / 1e9);
	return out;
}
