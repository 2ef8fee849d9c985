/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a control socket controls: the devices of a process.  rzsd and the plugin each fill in a
 * struct rzs_target, which the commands use.
 *
 * Threading: the control socket's thread calls these functions.  It may wait for memory.  It may
 * use the devices because in rzsd they belong to that thread, and the plugin's never changes.
 */
#ifndef RZS_TARGET_H
#define RZS_TARGET_H

#include "device_params.h"
#include "latency.h"

/* The state of a device.  Pointers are valid until the next call of the target. */
struct rzs_device_view {
	const char *name;
	const struct rzs_device_params *params; /* as configured; completed once initialised */
	struct rzs_store *store;		/* NULL: not initialised */
	const struct rzs_latency *latency;	/* of its requests; NULL: not measured */
	unsigned connections;			/* clients in transmission */
	bool held;				/* only one of them may write: */
	pid_t holder; /* the process that connected; 0: not known */
	uint64_t memlimit;			/* now in force, bytes; 0: none */
};

struct rzs_target {
	const char *program; /* "rzsd" or "nbdkit" */
	const char *socket; /* where NBD clients connect; NULL: no unix socket, or not known */
	void *arg;

	/* Device number i.  0; -ENOENT: there are only i devices. */
	int (*view)(void *arg, unsigned i, struct rzs_device_view *out);

	/*
	 * NULL for what the server cannot do.  The caller has checked name with
	 * rzs_device_name_ok().  0, or a negative errno with why set: -ENOENT: no such device;
	 * -EEXIST; -EBUSY: clients are attached, or (init, set) it is initialised already; -EINVAL;
	 * -ENOMEM; -ENOSPC.
	 */
	int (*create)(void *arg, const char *name, char why[RZS_WHY_MAX]);
	int (*remove)(void *arg, const char *name, char why[RZS_WHY_MAX]);
	/* A parameter of a device that is not initialised, or a live key of one that is. */
	int (*set)(void *arg, const char *name, const char *key, const char *value,
		   char why[RZS_WHY_MAX]);
	int (*init)(void *arg, const char *name, char why[RZS_WHY_MAX]);
	int (*reset)(void *arg, const char *name, char why[RZS_WHY_MAX]);
	/* Begin to replace the server by the program that is installed now. */
	int (*upgrade)(void *arg, char why[RZS_WHY_MAX]);
	/* Why this process was not replaced the last time, and how often so far; NULL: never. */
	const char *(*not_replaced)(void *arg, unsigned *nr);
};

#endif
