/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tools share: messages, how a tool ends, memory, paths, numbers.
 *
 * Threading: any thread, where nothing else is said.
 */
#ifndef RZST_H
#define RZST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* How a tool ends; rzscontrol(8) has this table too. */
enum rzs_exit {
	RZS_EXIT_DONE,
	RZS_EXIT_FAILED,
	RZS_EXIT_USAGE,
	RZS_EXIT_BUSY,
	RZS_EXIT_NONE,	      /* no such device, no such server */
	RZS_EXIT_UNSUPPORTED, /* this form of the device cannot */
};

#define RZST_NAME_MAX 64u   /* bytes of a device's name, with its 0 */
#define RZST_PATH_MAX 4096u /* likewise of a path */

/* To standard error, one line. */
void rzst_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same, and the end of the program. */
void rzst_die(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3), noreturn));

/* As rzst_say(); gives code. */
int rzst_fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* How a command ends that failed with err, a negative errno. */
enum rzs_exit rzst_exit(int err);

/*
 * Room for one more behind nr elements of size bytes in v, which doubles as it fills; v is NULL at
 * first.  Ends the program when there is no memory.
 */
void *rzst_grow(void *v, size_t nr, size_t size);

/* As strdup(); ends the program when there is no memory. */
char *rzst_copy(const char *text);

/*
 * The path of a file below /run, /proc, /sys or /dev: RZS_SYSROOT stands before it, as for
 * rzs-nbd-swap (for tests).  -ENAMETOOLONG: out is then empty.
 */
int rzst_path(char *out, size_t size, const char *path);

/*
 * The first line of a small file as of /proc or /sys, below RZS_SYSROOT, without its end and fit to
 * be shown.  A negative errno, -ENODATA if the line is empty: out is then empty.
 */
int rzst_first_line(const char *path, char *out, size_t size);

/* Of a choice, "lzo [lz4] zstd", the word in brackets, else the first; line is changed. */
const char *rzst_chosen(char *line);

/* Whether both paths lead to one file; the same text does, too, where there is none. */
bool rzst_same_file(const char *a, const char *b);

/* Control characters become `?`, so that what others say cannot speak to the terminal. */
void rzst_tame(char *text);

uint64_t rzst_now(void); /* monotonic */

/* ---- numbers ---- */

/* A whole number without sign and nothing around it.  -EINVAL, -ERANGE: *out is 0. */
int rzst_number_parse(const char *text, uint64_t *out);

/*
 * An option's value: least to most.  -EINVAL: *out is 0, and why names option and value and says
 * what to give.  unit: "a number of KiB", with an example of one.
 */
int rzst_number_option(const char *option, const char *text, const char *unit, uint64_t least,
		       uint64_t most, uint64_t *out, char *why, size_t why_size);

/* Seconds with a decimal fraction, 0.1 to 86400, as milliseconds.  -EINVAL: *out is 0. */
int rzst_number_seconds(const char *text, uint64_t *out_ms);

/* The number behind key, in the first line of a file that begins so; 0 when there is none. */
uint64_t rzst_number_in(const char *path, const char *key);

#define RZST_HUMAN_MAX 16u

/* "0", "512", "1.5K", "16.0M", ...: bytes in powers of 1024, 7 characters at most.  Gives out. */
const char *rzst_human_bytes(uint64_t bytes, char out[RZST_HUMAN_MAX]);

/* For prose: "512 B", "1.5 KiB", "160 MiB", ...; "-" for what is no number.  Gives out. */
const char *rzst_size_text(double bytes, char out[RZST_HUMAN_MAX]);

/* A time: "-" for none, "850ns", "12us", "1.5ms", "2.0s"; 7 characters below 3 h.  Gives out. */
const char *rzst_human_ns(uint64_t ns, char out[RZST_HUMAN_MAX]);

#endif
