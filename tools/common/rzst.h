/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tools share: messages, exit statuses, memory, paths, numbers.
 *
 * Threading: any thread, unless a function says otherwise.
 */
#ifndef RZST_H
#define RZST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Exit statuses, as in rzscontrol(8). */
enum rzs_exit {
	RZS_EXIT_DONE,
	RZS_EXIT_FAILED,
	RZS_EXIT_USAGE,
	RZS_EXIT_BUSY,
	RZS_EXIT_NONE,	      /* no such device, no such server */
	RZS_EXIT_UNSUPPORTED, /* this kind of device does not support it */
};

#define RZST_NAME_MAX 64u   /* bytes of a device's name, with its 0 */
#define RZST_PATH_MAX 4096u /* bytes of a path, with its 0 */

/*
 * Print one line on standard error, after the program's name; control characters become `?`.
 * Cannot fail.
 */
void rzst_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* rzst_say(), then end the program with status code. */
void rzst_die(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3), noreturn));

/* rzst_say(), then return code. */
int rzst_fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The exit status of a command that failed with err, a negative errno; 0: success. */
enum rzs_exit rzst_exit(int err);

/*
 * Make room for one more element after the nr in v, of size bytes each; v is NULL at first.
 * Returns the array, which doubles when it is full.  Ends the program if there is no memory.
 */
void *rzst_grow(void *v, size_t nr, size_t size);

/* strdup() that ends the program if there is no memory. */
char *rzst_copy(const char *text);

/*
 * The path of a file below /run, /proc, /sys or /dev, with RZS_SYSROOT before it, which tests set.
 * 0, or -ENAMETOOLONG: out is then empty.
 */
int rzst_path(char *out, size_t size, const char *path);

/*
 * The first line of a small file as of /proc or /sys, below RZS_SYSROOT, without its end and fit to
 * be shown.  A negative errno, -ENODATA if the line is empty: out is then empty.  Nothing is
 * allocated.
 */
int rzst_first_line(const char *path, char *out, size_t size);

/* Of a choice, "lzo [lz4] zstd", the word in brackets, else the first; line is changed. */
const char *rzst_chosen(char *line);

/* Whether both paths lead to the same file.  Equal texts do, even if there is no file. */
bool rzst_same_file(const char *a, const char *b);

/* Replace control characters by `?`, so that foreign text cannot control the terminal. */
void rzst_tame(char *text);

/* Nanoseconds of the monotonic clock. */
uint64_t rzst_now(void);

/* The same in milliseconds. */
static inline int64_t rzst_now_ms(void)
{
	return (int64_t)(rzst_now() / 1000000u);
}

/* ---- numbers ---- */

/* Decimal digits and nothing else.  0; -EINVAL, or -ERANGE if it is too large: *out is then 0. */
int rzst_number_parse(const char *text, uint64_t *out);

/*
 * The value of an option, from least to most.  unit is for the message: "a number of KiB".  0, or
 * -EINVAL: *out is 0, and why is a message that names the option, its value and what is expected.
 */
int rzst_number_option(const char *option, const char *text, const char *unit, uint64_t least,
		       uint64_t most, uint64_t *out, char *why, size_t why_size);

/*
 * Seconds from 0.1 to 86400, maybe with a fraction, as milliseconds.  0, or -EINVAL: *out_ms is 0.
 */
int rzst_number_seconds(const char *text, uint64_t *out_ms);

/*
 * The number after key in the first line of the file that begins with it; 0 if there is none.
 * Allocates nothing.
 */
uint64_t rzst_number_in(const char *path, const char *key);

#define RZST_HUMAN_MAX 16u

/* "0", "512", "1.5K", "16.0M", ...: at most 7 characters, powers of 1024.  Returns out. */
const char *rzst_human_bytes(uint64_t bytes, char out[RZST_HUMAN_MAX]);

/* For text: "512 B", "1.5 KiB", "160 MiB", ...; "-" for NaN and infinity.  Returns out. */
const char *rzst_size_text(double bytes, char out[RZST_HUMAN_MAX]);

/* "-" for 0, "850ns", "12us", "1.5ms", "2.0s": at most 7 characters below 3 h.  Returns out. */
const char *rzst_human_ns(uint64_t ns, char out[RZST_HUMAN_MAX]);

#endif
