/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration of rzsd: from its files and its command line.
 *
 * Call rzs_config_init() and rzs_config_read(); then, for the command line, rzs_config_set() and
 * rzs_config_set_device(); then rzs_config_complete().  A later value replaces an earlier one.
 *
 * A complaint is one line: file and line number if there are any, the key, its value, and what to
 * give instead.  All errors are reported, not only the first; over RZS_CONFIG_COMPLAINTS only their
 * number.
 *
 * Threading: the main thread, before all others start.  The struct is large: make it static.
 */
#ifndef RZS_CONFIG_H
#define RZS_CONFIG_H

#include <limits.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "io_loop.h"
#include "protect_server.h"
#include "target.h"

#ifndef RZS_CONFIG_FILE
#define RZS_CONFIG_FILE "/etc/rzs/rzsd.conf" /* the build sets it, from sysconfdir */
#endif
#define RZS_CONFIG_LISTEN  "/run/rzs/nbd.sock"
#define RZS_CONFIG_CONTROL "/run/rzs/control.sock"

#define RZS_CONFIG_DEVICES    64u
#define RZS_CONFIG_LISTENERS  8u
#define RZS_CONFIG_USERS      16u
#define RZS_CONFIG_FILES      64u
#define RZS_CONFIG_COMPLAINTS 20u
#define RZS_CONFIG_LINE_MAX   1024u /* bytes of a complaint, with its 0 */

#define RZS_CONFIG_MAX_THREADS	   RZS_IO_THREADS_MAX
#define RZS_CONFIG_MAX_CONNECTIONS 1024u
#define RZS_CONFIG_PORT		   10809 /* NBD's */

/* Where a value was given. */
struct rzs_config_place {
	unsigned file; /* index into file[]; 0: on the command line */
	unsigned line; /* 0: not given */
};

/* The numbers of [server]'s keys, and how many there are. */
enum rzs_config_key {
#define RZS_SERVER_KEY(id, name, value, help) RZS_CONFIG_KEY_##id,
#include "server_keys.def"
	RZS_CONFIG_KEYS,
};

#define RZS_CONFIG_PLACES (RZS_DEVICE_PARAMS_KEYS + 2) /* a device, its keys, and init */

struct rzs_config_device {
	char name[RZS_DEVICE_NAME_MAX + 1];
	struct rzs_device_params params;		  /* not completed */
	bool init;					  /* initialise it at the start */
	struct rzs_config_place place[RZS_CONFIG_PLACES]; /* in this order */
};

struct rzs_config_listen {
	char text[128]; /* as given; for a unix socket its path */
	struct sockaddr_storage addr;
	socklen_t addr_len;
	bool optional; /* skip it if the system has no such addresses */
};

enum rzs_config_log {
	RZS_CONFIG_LOG_AUTO, /* say.h decides */
	RZS_CONFIG_LOG_STDERR,
	RZS_CONFIG_LOG_SYSLOG,
};

struct rzsd_config {
	struct rzs_config_listen listen[RZS_CONFIG_LISTENERS];
	unsigned nr_listen;		    /* 1 or more */
	bool allow_tcp_anywhere;	    /* not only on loopback */
	char control[108];		    /* path of the control socket, empty: none */
	uid_t allow_user[RZS_CONFIG_USERS]; /* may use unix sockets, besides root and our user */
	unsigned nr_allow_user;

	unsigned threads; /* that serve requests; complete() replaces 0 by the number of CPUs */
	unsigned max_connections;
	unsigned handshake_timeout; /* seconds */

	enum rzs_protect_mode protect;
	enum rzs_realtime realtime;
	uint64_t ballast; /* bytes; complete() sets it if it was not given */
	bool ballast_given;

	enum rzs_config_log log;
	bool verbose;
	bool survive;		 /* it can be replaced: see keeper.h */
	bool survive_shutdown;	 /* systemd and init spare the process at the end of a shutdown */
	char pid_file[PATH_MAX]; /* empty: none */

	/*
	 * complete() adds the first num_devices of swap0, swap1, ..., not initialised, unless they
	 * are configured.  Without any device it adds swap0, to be initialised.
	 */
	int num_devices; /* -1: not given */
	struct rzs_config_device device[RZS_CONFIG_DEVICES];
	unsigned nr_devices;

	/* Where the values were given. */
	char file[RZS_CONFIG_FILES][256];
	unsigned nr_files; /* file[0] has no name: the command line */
	struct rzs_config_place now;
	struct rzs_config_place place[RZS_CONFIG_KEYS];
	unsigned complaints; /* so far, also those not reported */
};

/* The names of the keys of [server]; NULL ends them. */
extern const char *const rzs_config_keys[RZS_CONFIG_KEYS + 1];

/* Set the defaults. */
void rzs_config_init(struct rzsd_config *c);

/*
 * Set a key of [server]; or a key of a device, or its init.  Naming a device adds it; a NULL key
 * does no more than that.  Values of listen and allow-user from the same file, or from the command
 * line, add up; a value from elsewhere replaces them.  In a file a value may list several; one with
 * a blank or comma in it stands in double quotes.  0, or why is set and: -ENOENT: no such key;
 * -EINVAL: a bad name or value; -ENOSPC: too many devices.
 */
int rzs_config_set(struct rzsd_config *c, const char *key, const char *value,
		   char why[RZS_WHY_MAX]);
int rzs_config_set_device(struct rzsd_config *c, const char *name, const char *key,
			  const char *value, char why[RZS_WHY_MAX]);

/*
 * Read the file at path; with NULL RZS_CONFIG_FILE, if it exists.  Then read *.conf in the
 * directory of the same name with .d appended, in the order of their names.  Returns the number of
 * complaints; their text is valid during the call.
 */
unsigned rzs_config_read(struct rzsd_config *c, const char *path,
			 void (*complain)(void *arg, const char *text), void *arg);

/* Fill in what was not given, and check values that depend on each other.  Returns as above. */
unsigned rzs_config_complete(struct rzsd_config *c, void (*complain)(void *arg, const char *text),
			     void *arg);

#endif
