/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a control socket controls: the devices of a process.  rzsd and the plugin each fill in a
 * struct rzs_target; the commands are written against it once.
 *
 * Threading: every function is called by the control socket's thread; the form sees to it that it
 * may (rzsd: its front thread owns the devices; the plugin: one device that never changes).
 */
#ifndef RZS_TARGET_H
#define RZS_TARGET_H

#include "device_params.h"
#include "latency.h"

#define RZS_DEVICE_NAME_MAX 63u /* bytes, of A-Z a-z 0-9 . _ - and not . or .. */

/* Whether it is of that form. */
bool rzs_device_name_ok(const char *name);

/* A device as it is now; pointers are good until the next call of the target. */
struct rzs_device_view {
	const char *name;
	const struct rzs_device_params *params; /* as configured; completed once initialised */
	struct rzs_store *store;		/* NULL: not initialised */
	const struct rzs_latency *latency;	/* NULL when store is */
	unsigned connections;			/* clients in transmission */
	bool held;				/* one of them alone may write: */
	pid_t holder; /* the process that connected, 0: not known */
	uint64_t memlimit;			/* now in force, bytes, 0 = none */
};

struct rzs_target {
	const char *program; /* "rzsd" or "nbdkit" */
	const char *socket; /* path NBD clients connect to, NULL: not a unix socket, or not known */
	void *arg;

	/* The i-th device.  -ENOENT: there are only i. */
	int (*view)(void *arg, unsigned i, struct rzs_device_view *out);

	/*
	 * NULL where the form cannot.  name is checked for its form by the caller; all give 0 or a
	 * negative errno, with why set: -ENOENT no such device, -EEXIST, -EBUSY clients are
	 * attached or (init, set) it is initialised already, -EINVAL, -ENOMEM, -ENOSPC.
	 */
	int (*create)(void *arg, const char *name, char why[RZS_WHY_MAX]);
	int (*remove)(void *arg, const char *name, char why[RZS_WHY_MAX]);
	/* One parameter of a device that is not initialised; memlimit of one that is: at once. */
	int (*set)(void *arg, const char *name, const char *key, const char *value,
		   char why[RZS_WHY_MAX]);
	int (*init)(void *arg, const char *name, char why[RZS_WHY_MAX]);
	int (*reset)(void *arg, const char *name, char why[RZS_WHY_MAX]);
};

#endif
