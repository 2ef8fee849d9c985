/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What "rzsbench device" measures: NBD servers that it starts or that already run, block devices,
 * and this machine's zram.  Threading: one thread; all functions may sleep.
 */
#ifndef RZSB_TARGET_H
#define RZSB_TARGET_H

#include "rzsb.h"

struct client;
struct client_load;

struct target {
	const char *name;
	/* One of these three says what it is; none: zram. */
	const char *command; /* of a server to start */
	const char *uri;     /* of a server that already runs */
	const char *device;  /* path of a block device */
	const char *export;  /* of the server; "": the default one */
	bool no_discard;     /* it takes no discards */
	bool keeps_data;     /* what was written can be read back */
	bool up;
	pid_t pid;
	char socket[108];
	bool in_file; /* its pages are in a file in RAM, which is part of its memory */
	struct client *client;
	int fd;		    /* of the device, or of that file */
	uint64_t rss_start; /* bytes, before the first connection */
	uint32_t *page;	    /* corpus page in each slot */
};

/*
 * Start the server with "exec COMMAND" in a shell, on the given CPU, and connect to it.  In its
 * environment are SOCK (a socket in dir), SIZE (bytes) and, if its pages are in a file, FILE.
 * 0 or -1 with a message.
 */
int rzsb_target_start_server(struct target *t, const char *dir, uint64_t size, int cpu,
			     unsigned conns);
/* Connect to a server that already runs, with at least size bytes; 0 or -1 with a message. */
int rzsb_target_start_uri(struct target *t, uint64_t size, unsigned conns);
/* Set up /dev/zram0 unless it is in use; 0, or -1 with the reason in why. */
int rzsb_target_start_zram(struct target *t, uint64_t size, const char *algorithm, char *why,
			   size_t why_size);
/*
 * Take a block device of at least so many bytes that is not in use; 0 or -1 with a message.  Its
 * contents are lost.
 */
int rzsb_target_start_block(struct target *t, const char *path, uint64_t size);
/* Whether a target with `have` bytes is large enough; 0 or -1 with a message about `where`. */
int rzsb_target_fits(const char *where, uint64_t have, uint64_t size);
/*
 * Run a load; on a device one request at a time.  Ends the program with a message if a request
 * fails.
 */
void rzsb_target_run(struct target *t, const struct client_load *load);
/* Stop what was started and undo what was set up. */
void rzsb_target_stop(struct target *t);

/* Whether it takes requests by NBD, many at a time; a device works in our own system calls. */
static inline bool target_is_server(const struct target *t)
{
	return t->command || t->uri;
}

/* The time on the clock, and CPU time of this process and of the server, in nanoseconds. */
struct rzsb_meter {
	uint64_t clock, ours, server;
};

/* What a request, or a page, has cost. */
struct rzsb_rates {
	double clock,
		cpu; /* a second: by the clock, by CPU time of client and server; NAN: unknown */
	double server_us; /* CPU time of the server for each; of a device: ours; NAN: unknown */
};

struct rzsb_meter rzsb_target_meter(const struct target *t);
/* Of nr of them since the meter was read. */
struct rzsb_rates rzsb_target_rates(const struct target *t, const struct rzsb_meter *since,
				    uint64_t nr);
/* Whether its memory is known; how many bytes it is: resident memory, or what zram says. */
bool rzsb_target_knows_ram(const struct target *t);
uint64_t rzsb_target_ram(const struct target *t);
/* The same after it has not changed for 0.3 s (a server may be filling its reserve), or 20 s. */
uint64_t rzsb_target_settled_ram(const struct target *t);

#endif
