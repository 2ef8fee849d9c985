/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What "rzsbench device" measures: NBD servers that it starts itself, and this machine's zram.
 */
#ifndef RZSB_TARGET_H
#define RZSB_TARGET_H

#include "rzsb.h"

struct client;
struct client_load;

struct target {
	const char *name;
	const char *command; /* that started it; NULL: nobody did */
	const char *uri;     /* of a server that ran already; NULL: a block device */
	const char *device;  /* its path; NULL: zram */
	bool no_discard;     /* it does not take any */
	const char *export;  /* its name; "": the default one */
	bool keeps_data;     /* what was written can be read back */
	bool up;
	pid_t pid;
	char socket[108];
	bool in_file; /* its pages are in a file in RAM, which counts as its memory */
	struct client *client;
	int fd;		    /* zram's device; the file */
	uint64_t rss_start; /* before the first connection */
	uint32_t *page;	    /* corpus page in each slot */
};

/*
 * Start the server: "exec COMMAND" in a shell, on the given CPU, and wait until it accepts
 * connections.  In its environment: SOCK (a socket in dir), SIZE (bytes) and, for one whose pages
 * are in a file, FILE.  0 or -1 with a message.
 */
int rzsb_target_start_server(struct target *t, const char *dir, uint64_t size, int cpu,
			     unsigned conns);
/* Connect to a server that runs, with at least so many bytes; 0 or -1 with a message. */
int rzsb_target_start_uri(struct target *t, uint64_t size, unsigned conns);
/* Set up /dev/zram0 if it is there and not in use; -1 with the reason in why otherwise. */
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
/* End what was started and undo what was set up. */
void rzsb_target_stop(struct target *t);

/* Whether it takes requests by NBD, many at a time, and does not work in our own calls. */
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
/* RAM the target holds now: resident memory, or what zram says.  Not all of them tell. */
bool rzsb_target_tells_ram(const struct target *t);
uint64_t rzsb_target_ram(const struct target *t);
/* The same when it has not changed for a while: a server may fill its reserve behind our back. */
uint64_t rzsb_target_settled_ram(const struct target *t);

#endif
