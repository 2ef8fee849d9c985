/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between a service and its manager, by the protocols that sd_notify(3) and sd_listen_fds(3)
 * document: telling of one's state, and being given sockets that listen already.  Of our own,
 * because libsystemd would bring a megabyte of libraries into locked memory for two system calls.
 *
 * Threading: the main thread, which alone changes the environment.
 */
#ifndef RZS_NOTIFY_H
#define RZS_NOTIFY_H

/*
 * Send "READY=1\nSTATUS=..." or the like to $NOTIFY_SOCKET.  1: sent.  0: nobody asked for it.
 * Otherwise a negative errno; a manager that does not listen is no reason not to serve.
 */
int rzs_notify(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#define RZS_GIVEN_MAX	   16u /* sockets */
#define RZS_GIVEN_NAME_MAX 32u

struct rzs_given {
	int fd;
	char name[RZS_GIVEN_NAME_MAX]; /* by its unit; "" without one, cut off when too long */
};

/*
 * The sockets that $LISTEN_FDS gives to this process, from now on close-on-exec; the variables are
 * removed.  *out_nr of them, 0 when it was given none.  -EINVAL: the variables make no sense;
 * -E2BIG: more than RZS_GIVEN_MAX.
 */
int rzs_notify_given(struct rzs_given out[RZS_GIVEN_MAX], unsigned *out_nr);

#endif
