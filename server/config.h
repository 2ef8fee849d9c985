/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What rzsd is to do: from its configuration files and its command line.
 *
 * Order: rzs_config_init(), rzs_config_read(), then the command line's rzs_config_set() and
 * rzs_config_set_device() (a later value replaces an earlier one), rzs_config_complete().
 *
 * A complaint is one line, with file and line where there are any, the key, its value and what to
 * give instead.  All mistakes are told, not only the first; of more than RZS_CONFIG_COMPLAINTS only
 * the number.
 *
 * Threading: the main thread, before anything else runs.  The struct is large: let it be static.
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
#define RZS_CONFIG_FILE "/etc/rzs/rzsd.conf" /* the build sets it to what sysconfdir says */
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

/* Where something was said. */
struct rzs_config_place {
	unsigned file; /* index into file[]; 0: by a call, so on the command line */
	unsigned line; /* 0: nowhere */
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
	struct rzs_device_params params; /* not completed: that is for who makes the store */
	bool init;			 /* make the store at the start */
	struct rzs_config_place place[RZS_CONFIG_PLACES]; /* in this order */
};

struct rzs_config_listen {
	char text[128]; /* as it was given; a unix socket's path */
	struct sockaddr_storage addr;
	socklen_t addr_len;
	bool optional; /* if the system has no such addresses it is left out */
};

enum rzs_config_log {
	RZS_CONFIG_LOG_AUTO, /* as say.h finds right */
	RZS_CONFIG_LOG_STDERR,
	RZS_CONFIG_LOG_SYSLOG,
};

struct rzsd_config {
	struct rzs_config_listen listen[RZS_CONFIG_LISTENERS];
	unsigned nr_listen;		    /* 1 or more */
	bool allow_tcp_anywhere;	    /* listen elsewhere than on loopback */
	char control[108];		    /* path of the control socket, empty: none */
	uid_t allow_user[RZS_CONFIG_USERS]; /* may use the unix sockets, besides root and us */
	unsigned nr_allow_user;

	unsigned threads; /* that serve requests; complete() replaces 0 by the CPUs */
	unsigned max_connections;
	unsigned handshake_timeout; /* seconds */

	enum rzs_protect_mode protect;
	enum rzs_realtime realtime;
	uint64_t ballast; /* bytes; complete() sets it when it was not given */
	bool ballast_given;

	enum rzs_config_log log;
	bool verbose;
	bool survive_shutdown;	 /* be left alone when systemd or init kills what is left */
	char pid_file[PATH_MAX]; /* empty: none */

	/*
	 * complete() adds swap0 .. up to num_devices, uninitialised, where they are not configured.
	 * When nothing was said of any device, there is swap0, to be initialised.
	 */
	int num_devices; /* -1: not given */
	struct rzs_config_device device[RZS_CONFIG_DEVICES];
	unsigned nr_devices;

	/* Where all of this comes from. */
	char file[RZS_CONFIG_FILES][256];
	unsigned nr_files; /* the first has no name: it stands for the command line */
	struct rzs_config_place now;
	struct rzs_config_place place[RZS_CONFIG_KEYS];
	unsigned complaints; /* so far, told or not */
};

/* The names of [server]'s keys, and then NULL. */
extern const char *const rzs_config_keys[RZS_CONFIG_KEYS + 1];

/* The defaults. */
void rzs_config_init(struct rzsd_config *c);

/*
 * A key of [server]; or a device's parameter, or its init.  A device comes into being by being
 * named; with a NULL key that is all.  What listen and allow-user are given from one file, or on
 * the command line, adds up; from elsewhere it replaces what there was.  In a file a value may be
 * several, and one with a blank or comma in it stands in double quotes.
 * 0; -ENOENT: no such key; -EINVAL: not a good name or value; -ENOSPC: too many devices.  why is
 * set with an error.
 */
int rzs_config_set(struct rzsd_config *c, const char *key, const char *value,
		   char why[RZS_WHY_MAX]);
int rzs_config_set_device(struct rzsd_config *c, const char *name, const char *key,
			  const char *value, char why[RZS_WHY_MAX]);

/*
 * Read the file at path, which must be there, or RZS_CONFIG_FILE, which need not (path NULL); then
 * *.conf in the folder of the same name with .d at its end, in the order of their names.  Returns
 * the number of complaints; text is good during the call.
 */
unsigned rzs_config_read(struct rzsd_config *c, const char *path,
			 void (*complain)(void *arg, const char *text), void *arg);

/* Fill in what was not given, and check what takes several values, the devices' too.  Likewise. */
unsigned rzs_config_complete(struct rzsd_config *c, void (*complain)(void *arg, const char *text),
			     void *arg);

#endif
