/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between a service and its manager, by the protocols of sd_notify(3) and sd_listen_fds(3): reports
 * the service's state, and receives listening sockets.  Written here because libsystemd would bring
 * a megabyte of libraries into locked memory for two system calls.
 *
 * Threading: the main thread, which alone changes the environment.
 */
#ifndef RZS_NOTIFY_H
#define RZS_NOTIFY_H

/*
 * Send "READY=1\nSTATUS=..." or the like to $NOTIFY_SOCKET.  1: sent.  0: there is no manager.
 * Otherwise a negative errno; the service goes on all the same.
 */
int rzs_notify(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#define RZS_GIVEN_MAX	   16u /* sockets */
#define RZS_GIVEN_NAME_MAX 32u

struct rzs_given {
	int fd;
	char name[RZS_GIVEN_NAME_MAX]; /* FileDescriptorName=, cut if too long; "" without one */
};

/*
 * The sockets of $LISTEN_FDS, *out_nr of them, close-on-exec from now on; *out_nr is 0 without any.
 * Removes the variables.  -EINVAL: their values make no sense; -E2BIG: over RZS_GIVEN_MAX sockets.
 */
int rzs_notify_given(struct rzs_given out[RZS_GIVEN_MAX], unsigned *out_nr);

#endif
