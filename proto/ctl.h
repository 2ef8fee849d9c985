/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control protocol as bytes, both sides: lines of text, words in them.  docs/CONTROL-PROTOCOL
 * says what the lines mean.
 *
 * Pure functions over the caller's memory: no sockets, no allocation, no clock, no globals.  Bytes
 * may come and go in pieces of any size.  No byte string makes them read or write beyond what they
 * were given; a line that is longer than it may be ends the conversation.
 *
 * Threading: none; a struct belongs to one thread at a time.
 */
#ifndef RZS_CTL_H
#define RZS_CTL_H

#include <stdbool.h>
#include <stddef.h>

#define RZS_CTL_PROTOCOL 1u
#define RZS_CTL_NAME	 "ramzswap-control" /* the greeting's first word */

/* Bytes of a line with its LF, and its words, at most. */
#define RZS_CTL_REQUEST_MAX 1024u
#define RZS_CTL_REPLY_MAX   4096u
#define RZS_CTL_WORDS_MAX   32u

/* The words of a line, decoded, each with a 0 at its end (no word has one inside). */
struct rzs_ctl_words {
	unsigned nr;
	const char *word[RZS_CTL_WORDS_MAX];
};

/* VALUE of the first word KEY=VALUE from the from-th on; NULL: there is none. */
const char *rzs_ctl_value(const struct rzs_ctl_words *w, unsigned from, const char *key);

/* ---- the server's side ---- */

enum rzs_ctl_input {
	RZS_CTL_MORE,	  /* all bytes were taken, the line goes on */
	RZS_CTL_REQUEST,  /* words has 1 or more */
	RZS_CTL_BAD,	  /* a line that is no request: why says what to answer, with EINVAL */
	RZS_CTL_TOO_LONG, /* likewise; then close, nothing is taken any more */
};

/* What comes from a client; all zero to begin with. */
struct rzs_ctl_request {
	struct rzs_ctl_words words; /* with REQUEST, until the next call */
	const char *why;	    /* with BAD and TOO_LONG: a constant string; else NULL */
	size_t len;		    /* of the line so far; the rest is ctl.c's business */
	bool complete, closed;
	char text[RZS_CTL_REQUEST_MAX];
};

/*
 * Take bytes from in, up to the end of a line at most.  *used is always set; call again with what
 * was not used.
 */
enum rzs_ctl_input rzs_ctl_request_feed(struct rzs_ctl_request *r, const void *in, size_t in_len,
					size_t *used);

/*
 * Lines for the client.  Each returns the bytes the line has; it is put only when they fit into
 * size, and then all of it.  No 0 follows.
 */
size_t rzs_ctl_put_greeting(char *out, size_t size, const char *program, const char *version);
/* The caller sees to it that the line stays below the limits of a reply. */
size_t rzs_ctl_put_data(char *out, size_t size, const char *const *words, unsigned nr);
size_t rzs_ctl_put_ok(char *out, size_t size);
/*
 * err: negative.  text: one line for people, what and the way out; control characters and what is
 * not UTF-8 become `?`, and what is too long is cut.
 */
size_t rzs_ctl_put_error(char *out, size_t size, int err, const char *text);

/* ---- the client's side ---- */

/*
 * A request's line, as above.  0: these words are none: no verb, an empty verb, too many words or
 * too long.
 */
size_t rzs_ctl_put_request(char *out, size_t size, const char *const *words, unsigned nr);

enum rzs_ctl_output {
	RZS_CTL_WAIT,	  /* all bytes were taken, the line goes on */
	RZS_CTL_GREETING, /* the first line; words: name, protocol, program, version */
	RZS_CTL_DATA,	  /* words */
	RZS_CTL_OK,	  /* the request was carried out: the reply is complete */
	RZS_CTL_ERROR,	  /* it was not: error and message; the reply is complete.  Instead of the
			   * greeting: the server does not serve this client, and hangs up */
	RZS_CTL_BROKEN,	  /* this is no control socket: why; nothing is taken any more */
};

/* What comes from a server; all zero to begin with. */
struct rzs_ctl_reply {
	struct rzs_ctl_words words; /* with GREETING and DATA, until the next call */
	unsigned protocol;	    /* from GREETING on */
	int error;		    /* with ERROR: a negative errno; else 0 */
	const char *message; /* with ERROR: text for people, until the next call; else NULL */
	const char *why;     /* with BROKEN: a constant string; else NULL */
	size_t len;	     /* of the line so far; the rest is ctl.c's business */
	bool complete, greeted, closed;
	char text[RZS_CTL_REPLY_MAX];
};

/* Likewise. */
enum rzs_ctl_output rzs_ctl_reply_feed(struct rzs_ctl_reply *r, const void *in, size_t in_len,
				       size_t *used);

#endif
