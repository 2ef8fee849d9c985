/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Command lines of the commands: one table for the parser and for --help.  One thread.
 *
 * What cannot be done with is said on stderr with the option's name and what it would take, and
 * ends the program with RZSB_USAGE.
 */
#ifndef RZSB_ARGS_H
#define RZSB_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rzsb.h"

struct rzsb_option {
	int id;		   /* a letter that is an option too, or a number from 256 on */
	const char *name;  /* without --; NULL ends the table */
	const char *value; /* what it takes, for people; NULL: nothing */
	const char *what;
};

struct rzsb_args {
	const char *command; /* of rzsbench; "": the program is the command */
	const char *words; /* what stands beside the options, for people */
	const char *about; /* lines below the table of --help; may be NULL */
	const struct rzsb_option *options;
	bool stop_at_word; /* what follows a word is somebody else's command line */
	const char *now; /* the option that was found last */
};

/*
 * The id of the next option, its value in optarg; -1 when there is none, optind then is the first
 * word.  --help, -h and --version are everybody's and end the program with 0.
 */
int rzsb_next_option(struct rzsb_args *a, int argc, char **argv);

void rzsb_complain(const struct rzsb_args *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), noreturn));

/* The value of the option found last, as a whole number in these bounds. */
uint64_t rzsb_number(const struct rzsb_args *a, uint64_t least, uint64_t most);

/* Numbers with commas between. */
#define RZSB_MAX_LIST 16u

struct rzsb_list {
	uint64_t v[RZSB_MAX_LIST];
	unsigned nr;
};

void rzsb_numbers(const struct rzsb_args *a, struct rzsb_list *l, uint64_t least, uint64_t most);

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

/* Which of the words, NULL at their end, the value is. */
unsigned rzsb_choice(const struct rzsb_args *a, const char *const *words);

#endif
