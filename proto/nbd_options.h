/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The handshake from the inside: nbd_handshake.c takes options from the bytes that come,
 * nbd_options.c answers them.
 */
#ifndef RZS_NBD_OPTIONS_H
#define RZS_NBD_OPTIONS_H

#include "nbd.h"

/* Bytes of an option's data that are kept: room for a name and a reasonable list behind it. */
#define RZS_NBD_OPTION_MAX (4 * RZS_NBD_STRING_MAX)

/* Data of which no more than the above is of use is read all the same, to this length. */
#define RZS_NBD_OPTION_SKIP_MAX 65536u

/* CLIENT_FLAGS, OPTION and DATA wait for input, GREETING, ANSWER and LIST for room. */
enum rzs_nbd_phase {
	RZS_NBD_PHASE_GREETING,
	RZS_NBD_PHASE_CLIENT_FLAGS,
	RZS_NBD_PHASE_OPTION, /* its header */
	RZS_NBD_PHASE_DATA,
	RZS_NBD_PHASE_ANSWER,
	RZS_NBD_PHASE_LIST, /* at export number `listed` */
	RZS_NBD_PHASE_OVER,
};

struct rzs_nbd_handshake {
	const struct rzs_nbd_exports *exports;
	enum rzs_nbd_phase phase;
	enum rzs_nbd_progress outcome; /* when OVER */
	bool no_zeroes;
	bool shutdown;
	unsigned nr_options;
	unsigned listed;

	/* Of what is being taken: bytes, and those that came; data keeps the first of them. */
	uint32_t wanted, got;

	uint32_t option, length; /* the one being taken or answered */

	/* `structured` from the moment it is agreed on, the rest at the end. */
	struct rzs_nbd_session session;

	/* base:allocation is set for the export of this name, as the client spelled it. */
	bool context_set;
	uint32_t context_name_len;
	char context_name[RZS_NBD_STRING_MAX];

	uint8_t data[RZS_NBD_OPTION_MAX];
};

/*
 * Answer the option that was taken, at out, with RZS_NBD_HANDSHAKE_OUT_MIN there; the phase is then
 * the next one, or still ANSWER when it cannot be answered yet.  Returns the end of what was put.
 */
uint8_t *rzs_nbd_option_answer(struct rzs_nbd_handshake *h, uint8_t *out);

/* Likewise, the next export of a list or its end. */
uint8_t *rzs_nbd_option_list_next(struct rzs_nbd_handshake *h, uint8_t *out);

#endif
