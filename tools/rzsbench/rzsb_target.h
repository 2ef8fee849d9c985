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
 * Take a block device of at least so many bytes that nobody else has; -1 with the reason in why.
 * What is on it is lost.
 */
int rzsb_target_start_block(struct target *t, const char *path, uint64_t size, char *why,
			    size_t why_size);
/* Run a load; on a device one request at a time.  0 or a negative errno. */
int rzsb_target_run(struct target *t, const struct client_load *load);
/* End what was started and undo what was set up. */
void rzsb_target_stop(struct target *t);

/* Whether it takes requests by NBD, many at a time, and does not work in our own calls. */
static inline bool target_is_server(const struct target *t)
{
	return t->command || t->uri;
}

/* CPU time so far of all of the server's threads and children, in nanoseconds; 0: not known. */
uint64_t rzsb_target_server_cpu(const struct target *t);
/*
 * Of the CPU time that our process and the server have used, in nanoseconds: all of it, and the
 * server's in microseconds (what a device does is done in our own calls).  NAN: not known.
 */
double rzsb_target_cpu(const struct target *t, uint64_t ours, uint64_t server);
double rzsb_target_server_us(const struct target *t, uint64_t ours, uint64_t server);
/* RAM the target holds now: resident memory, or what zram says.  Not all of them tell. */
bool rzsb_target_tells_ram(const struct target *t);
uint64_t rzsb_target_ram(const struct target *t);
/* The same when it has not changed for a while: a server may fill its reserve behind our back. */
uint64_t rzsb_target_settled_ram(const struct target *t);

#endif
