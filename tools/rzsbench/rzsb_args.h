/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Command lines, with getopt_long(): one table of options for the parser and for --help.
 *
 * A value that is not valid ends the program with RZSB_USAGE and a message that names the option
 * and what it takes.  Threading: one thread.
 */
#ifndef RZSB_ARGS_H
#define RZSB_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rzsb.h"

struct rzsb_option {
	int id;		   /* the letter of its short form, or from 256 on: it has none */
	const char *name;  /* without --; NULL ends the table */
	const char *value; /* what it takes, for --help; NULL: nothing */
	const char *what;
};

struct rzsb_args {
	const char *command; /* of rzsbench; "": the program is the command */
	const char *words;   /* the arguments, for --help */
	const char *about;   /* lines below the table of --help; may be NULL */
	const struct rzsb_option *options;
	bool stop_at_word; /* options after an argument belong to another command line */
	const char *now;   /* the option found last */
};

/*
 * The id of the next option, with its value in optarg; -1 when there is none, and optind is the
 * first argument.  --help, -h and --version exist for all, and end the program.
 */
int rzsb_next_option(struct rzsb_args *a, int argc, char **argv);

/* A message about the command line, and the end of the program. */
void rzsb_complain(const struct rzsb_args *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), noreturn));

/* The value of the option found last, a whole number from least to most. */
uint64_t rzsb_number(const struct rzsb_args *a, uint64_t least, uint64_t most);

/* As many numbers, at least one, separated by commas. */
#define RZSB_MAX_LIST 16u

struct rzsb_list {
	uint64_t v[RZSB_MAX_LIST];
	unsigned nr;
};

void rzsb_numbers(const struct rzsb_args *a, struct rzsb_list *l, uint64_t least, uint64_t most);

/* The index of the value in words, which end with NULL. */
unsigned rzsb_choice(const struct rzsb_args *a, const char *const *words);

/* Options of every command that writes JSON lines.  false: id is another option. */
bool rzsb_record_option(struct rzsb_record *r, const struct rzsb_args *a, int id);

/* clang-format off */
#define RZSB_RECORD_OPTIONS \
	{'e', "seed", "N", "of random choices (default 1)"}, \
	{'o', "output", "FILE", "JSON lines, appended; - is standard output"}, \
	{'V', "versions", "TEXT", "of libraries, for the JSON line about the machine"}
/* clang-format on */

/* The one argument that there must be, the directory of a corpus. */
const char *rzsb_corpus_argument(const struct rzsb_args *a, int argc, char **argv);

#endif
