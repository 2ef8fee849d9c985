/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control protocol as bytes, for servers and clients: lines of text, and words in them.
 * docs/CONTROL-PROTOCOL says what the lines mean.
 *
 * Pure functions on the caller's memory: no sockets, no allocation, no clock, no globals.  Input
 * and output may be split at any byte.  No input makes them read or write outside the memory that
 * they were given.  A line that is too long ends the conversation.
 *
 * Threading: none; a struct belongs to one thread at a time.
 */
#ifndef RZS_CTL_H
#define RZS_CTL_H

#include <stdbool.h>
#include <stddef.h>

#define RZS_CTL_PROTOCOL 1u
#define RZS_CTL_NAME	 "ramzswap-control" /* the greeting's first word */

/* The most bytes of a line, with its LF, and the most words. */
#define RZS_CTL_REQUEST_MAX 1024u
#define RZS_CTL_REPLY_MAX   4096u
#define RZS_CTL_WORDS_MAX   32u

/* The words of a line, decoded.  Each ends with a 0, and contains none. */
struct rzs_ctl_words {
	unsigned nr;
	const char *word[RZS_CTL_WORDS_MAX];
};

/* VALUE of the first word KEY=VALUE, beginning with word number from; NULL: there is none. */
const char *rzs_ctl_value(const struct rzs_ctl_words *w, unsigned from, const char *key);

/* ---- the server's side ---- */

enum rzs_ctl_input {
	RZS_CTL_MORE,	  /* all bytes were used; the line is not complete */
	RZS_CTL_REQUEST,  /* words has 1 or more */
	RZS_CTL_BAD,	  /* a line that is not a request: reply EINVAL with why */
	RZS_CTL_TOO_LONG, /* reply EINVAL with why, then close: no more bytes are used */
};

/* Input from a client.  Zeroed at first. */
struct rzs_ctl_request {
	struct rzs_ctl_words words; /* with REQUEST; valid until the next call */
	const char *why;	    /* with BAD and TOO_LONG: a constant string; otherwise NULL */
	size_t len;		    /* this and the rest: private to ctl.c */
	bool complete, closed;
	char text[RZS_CTL_REQUEST_MAX];
};

/*
 * Use bytes of in, up to the end of a line at most.  *used is always set.  Call it again with the
 * bytes that were not used.
 */
enum rzs_ctl_input rzs_ctl_request_feed(struct rzs_ctl_request *r, const void *in, size_t in_len,
					size_t *used);

/*
 * Lines for the client.  Each function returns the length of its line.  It writes the line to out,
 * without a 0, only if it fits into size bytes; otherwise it writes nothing.
 */
size_t rzs_ctl_put_greeting(char *out, size_t size, const char *program, const char *version);
/* The caller keeps the line within the limits of a reply. */
size_t rzs_ctl_put_data(char *out, size_t size, const char *const *words, unsigned nr);
size_t rzs_ctl_put_ok(char *out, size_t size);
/*
 * err: a negative errno.  text: one line for people: what is wrong, and what to do about it.  Bytes
 * that are control characters or not UTF-8 become `?`; a text that is too long is cut.
 */
size_t rzs_ctl_put_error(char *out, size_t size, int err, const char *text);

/* ---- the client's side ---- */

/*
 * The line of a request, written as those above.  0: the words are not a request: none, an empty
 * verb, too many, or too long.
 */
size_t rzs_ctl_put_request(char *out, size_t size, const char *const *words, unsigned nr);

enum rzs_ctl_output {
	RZS_CTL_WAIT,	  /* all bytes were used; the line is not complete */
	RZS_CTL_GREETING, /* the first line; words: name, protocol, program, version */
	RZS_CTL_DATA,	  /* words */
	RZS_CTL_OK,	  /* end of a reply: the request was carried out */
	RZS_CTL_ERROR,	/* end of a reply: it was not; error and message.  In place of the greeting:
			   * the server refuses this client and disconnects it */
	RZS_CTL_BROKEN, /* this is not a control socket: why.  No more bytes are used */
};

/* Input from a server.  Zeroed at first. */
struct rzs_ctl_reply {
	struct rzs_ctl_words words; /* with GREETING and DATA; valid until the next call */
	unsigned protocol;	    /* from GREETING on */
	int error;		    /* with ERROR: a negative errno; otherwise 0 */
	const char *message; /* with ERROR: for people; valid until the next call; otherwise NULL */
	const char *why;     /* with BROKEN: a constant string; otherwise NULL */
	size_t len;	     /* this and the rest: private to ctl.c */
	bool complete, greeted, closed;
	char text[RZS_CTL_REPLY_MAX];
};

/*
 * Use bytes of in, up to the end of a line at most.  *used is always set.  Call it again with the
 * bytes that were not used.
 */
enum rzs_ctl_output rzs_ctl_reply_feed(struct rzs_ctl_reply *r, const void *in, size_t in_len,
				       size_t *used);

#endif
