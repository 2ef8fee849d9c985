/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What nbd_handshake.c, which receives options, and nbd_options.c, which answers them, share. */
#ifndef RZS_NBD_OPTIONS_H
#define RZS_NBD_OPTIONS_H

#include "nbd.h"

/* Bytes of an option's data that are kept: enough for a name and a reasonable list. */
#define RZS_NBD_OPTION_MAX (4 * RZS_NBD_STRING_MAX)

/* Longer data is read and discarded, up to this length. */
#define RZS_NBD_OPTION_SKIP_MAX 65536u

/* CLIENT_FLAGS, OPTION and DATA wait for input; GREETING, ANSWER and LIST for space. */
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

	/* Bytes of the current item, and how many were received; data keeps the first ones. */
	uint32_t wanted, got;

	uint32_t option, length; /* the current one */

	/* `structured` is set when it is agreed on, the rest at the end. */
	struct rzs_nbd_session session;

	/* Whether base:allocation was set, and the name of the export that it was set for. */
	bool context_set;
	uint32_t context_name_len;
	char context_name[RZS_NBD_STRING_MAX];

	uint8_t data[RZS_NBD_OPTION_MAX];
};

/*
 * Write the answer to the current option to out, which has RZS_NBD_HANDSHAKE_OUT_MIN bytes, and set
 * the next phase; that is ANSWER if there is no answer yet.  Returns the end of what was written.
 */
uint8_t *rzs_nbd_option_answer(struct rzs_nbd_handshake *h, uint8_t *out);

/* Write the next export of a list, or its end; as above. */
uint8_t *rzs_nbd_option_list_next(struct rzs_nbd_handshake *h, uint8_t *out);

#endif
