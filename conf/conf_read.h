/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading configuration files: lines, sections, KEY = VALUE, and the files beside the main one.
 * What the sections and keys are is their owner's, who gets them by callbacks.
 *
 * Threading: one thread; reads files and allocates.
 */
#ifndef RZS_CONF_READ_H
#define RZS_CONF_READ_H

#include <stdbool.h>
#include <stdio.h>

#define RZS_CONF_TEXT_MAX 1024u /* bytes of a complaint, with its 0 */

/* Whose configuration it is.  All is called from within the functions below. */
struct rzs_conf {
	void *arg;	      /* for the functions */
	const char *expected; /* what a line is that is neither a section nor KEY = VALUE */
	/* A file begins.  false: it is not to be read; why was complained about. */
	bool (*begin)(void *arg, const char *name);
	void (*end)(void *arg);
	/* text: from [ to the end of the line; it may be overwritten. */
	void (*section)(void *arg, unsigned line, char *text);
	void (*pair)(void *arg, unsigned line, const char *key, const char *value);
	/*
	 * A word without a value.  false: it is none of the owner's, and is complained about.
	 * NULL: there are none.
	 */
	bool (*bare)(void *arg, unsigned line, const char *word);
	/* line 0: not of a line; text then begins with the file's name. */
	void (*complain)(void *arg, unsigned line, const char *text);
};

/* Read f to its end.  name: for complaints. */
void rzs_conf_read_stream(const struct rzs_conf *conf, FILE *f, const char *name);

/*
 * Read the file at path; that there is none is complained about only if must_exist.  Then read
 * *.conf in the directory of the same name with .d appended, in the order of their names.
 */
void rzs_conf_read(const struct rzs_conf *conf, const char *path, bool must_exist);

#endif
