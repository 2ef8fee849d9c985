/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The keeper: the process that was started, and that whoever started it knows.  It starts the
 * server as its child, and for each upgrade another one that replaces it (hand.h).  So the process
 * id, its file and the service manager's idea of the service stay the same.
 *
 * It does nothing else: it has no devices and no sockets of clients.  After its start it has one
 * thread, and allocates nothing.
 */
#ifndef RZS_KEEPER_H
#define RZS_KEEPER_H

#include <stdbool.h>
#include <stdint.h>

#define RZS_KEEPER_TEXT_MAX 256u

enum rzs_keeper_say {
	/* To the keeper. */
	RZS_KEEPER_SERVING = 1, /* clients can connect; or a predecessor's are served */
	RZS_KEEPER_UPGRADE,	/* replace this server */
	RZS_KEEPER_HANDED,	/* the successor has everything; this process ends now */
	RZS_KEEPER_REFUSED,	/* it has not, because of text, and this process goes on */
	/* From it. */
	RZS_KEEPER_HAND_OVER, /* to the successor at the other end of the descriptor that comes */
};

/* A packet between keeper and server. */
struct rzs_keeper_packet {
	uint32_t say; /* enum rzs_keeper_say */
	char text[RZS_KEEPER_TEXT_MAX];
};

/* What a child of a keeper has from it. */
struct rzs_keeper_child {
	int keeper;	 /* socket to the keeper; -1: this process is no child of one */
	int predecessor; /* socket to the server that it replaces; -1: it replaces none */
	unsigned takeovers;
};

struct rzs_keeper_options {
	const char *pid_file; /* NULL: none */
	void (*error)(const char *text);
};

/* Whether this process is a keeper's child; from its environment, of which it removes that. */
void rzs_keeper_child(struct rzs_keeper_child *out);

/*
 * Be the keeper of servers that are this program with argv.  Returns the exit status of the
 * process, after the last server has ended.
 */
int rzs_keeper_run(char *const argv[], const struct rzs_keeper_options *options);

/*
 * Send a packet, with descriptor fd unless that is negative.  Never waits.  0 or a negative errno.
 */
int rzs_keeper_send(int to, enum rzs_keeper_say say, const char *text, int fd);

/*
 * Receive one.  1; 0: there is none; -EPIPE: the other has ended; or a negative errno.  *out_fd:
 * the descriptor that came with it, or -1.
 */
int rzs_keeper_receive(int from, struct rzs_keeper_packet *out, int *out_fd);

#endif
