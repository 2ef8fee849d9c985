/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What all parts of rzscontrol share: how it ends, what it was asked for, messages, numbers.
 *
 * Threading: rzscontrol has one thread.
 */
#ifndef RZSC_H
#define RZSC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* How it ends; the manual page has this table too. */
enum rzs_exit {
	RZS_EXIT_DONE,
	RZS_EXIT_FAILED,
	RZS_EXIT_USAGE,
	RZS_EXIT_BUSY,
	RZS_EXIT_NONE,	      /* no such device, no such server */
	RZS_EXIT_UNSUPPORTED, /* this form of the device cannot */
};

#define RZS_TOOL_NAME_MAX 64u	/* bytes of a device's name, with its 0 */
#define RZS_TOOL_PATH_MAX 4096u /* likewise of a path */
#define RZS_TOOL_PASS_MAX 24u	/* words handed on to rzs-nbd-swap */

/* The command line. */
struct rzs_options {
	const char *device; /* first word behind the command; NULL: none */
	const char **words; /* those behind it */
	unsigned nr_words;

	const char *name;   /* --device: which one of a socket's */
	const char *socket; /* --socket: NULL: all that can be found */
	const char *nbd_socket;
	const char *output;
	unsigned timeout;     /* seconds to wait for a server's answer */
	uint64_t interval_ms; /* --watch */
	uint64_t count;	      /* 0: until interrupted */
	bool interval_given, json, verbose, watch;

	/* The options of the original. */
	const char *backing_swap;
	uint64_t disksize_kb, memlimit_kb;
	bool disksize_given, memlimit_given, init, reset, stats;

	const char *pass[RZS_TOOL_PASS_MAX]; /* to rzs-nbd-swap, as they are */
	unsigned nr_pass;
};

/* To standard error, one line. */
void rzs_tool_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same; gives code. */
int rzs_tool_fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* How a command ends that failed with err, a negative errno. */
enum rzs_exit rzs_tool_exit(int err);

/*
 * Room for one more behind nr elements of size bytes in v, which doubles as it fills; v is NULL at
 * first.  Ends the program when there is no memory.
 */
void *rzs_tool_grow(void *v, size_t nr, size_t size);

/* As strdup(); ends the program when there is no memory. */
char *rzs_tool_copy(const char *text);

/*
 * The path of a file below /run, /proc, /sys or /dev: RZS_SYSROOT stands before it, as for
 * rzs-nbd-swap (for tests).  -ENAMETOOLONG: out is then empty.
 */
int rzs_tool_path(char *out, size_t size, const char *path);

/* Whether both paths lead to one file; the same text does, too, where there is none. */
bool rzs_tool_same_file(const char *a, const char *b);

/* Control characters become `?`, so that what others say cannot speak to the terminal. */
void rzs_tool_tame(char *text);

uint64_t rzs_tool_clock_ns(void); /* monotonic */

/* ---- numbers ---- */

/* A whole number without sign and nothing around it.  -EINVAL, -ERANGE: *out is 0. */
int rzs_number_parse(const char *text, uint64_t *out);

/*
 * An option's value: least to most.  -EINVAL: *out is 0, and why names option and value and says
 * what to give.  unit: "a number of KiB", with an example of one.
 */
int rzs_number_option(const char *option, const char *text, const char *unit, uint64_t least,
		      uint64_t most, uint64_t *out, char *why, size_t why_size);

/* Seconds with a decimal fraction, 0.1 to 86400, as milliseconds.  -EINVAL: *out is 0. */
int rzs_number_seconds(const char *text, uint64_t *out_ms);

#define RZS_HUMAN_MAX 16u

/* "0", "512", "1.5K", "16.0M", ...: bytes in powers of 1024, 7 characters at most.  Gives out. */
const char *rzs_human_bytes(uint64_t bytes, char out[RZS_HUMAN_MAX]);

/* A time: "-" for none, "850ns", "12us", "1.5ms", "2.0s"; 7 characters below 3 h.  Gives out. */
const char *rzs_human_ns(uint64_t ns, char out[RZS_HUMAN_MAX]);

/* ---- the commands, each gives an enum rzs_exit ---- */

int rzs_cmd_device(const struct rzs_options *o); /* the options of the original */
int rzs_cmd_list(const struct rzs_options *o);
int rzs_cmd_process(const struct rzs_options *o);
int rzs_cmd_params(const struct rzs_options *o);
int rzs_cmd_create(const struct rzs_options *o);
int rzs_cmd_set(const struct rzs_options *o);
int rzs_cmd_remove(const struct rzs_options *o);
int rzs_cmd_watch(const struct rzs_options *o);
int rzs_cmd_metrics(const struct rzs_options *o);

/* These end as rzs-nbd-swap does, see its manual page. */
int rzs_cmd_attach(const struct rzs_options *o);
int rzs_cmd_detach(const struct rzs_options *o);
int rzs_cmd_check(const struct rzs_options *o);

#endif
