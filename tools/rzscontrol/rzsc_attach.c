/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * attach, detach, check: rzs-nbd-swap does the work; here names become its arguments.  Its exit
 * statuses are passed on, and are also used for what is refused before it is started.  Devices of
 * the kernel module do not need it: rzsc_swap.c has them.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rzsc_find.h"
#include "rzst_kernel.h"
#include "rzsc_swap.h"
#include "rzst_run.h"

#define WORDS_MAX (RZSC_PASS_MAX + 16)

/* A command line of rzs-nbd-swap. */
struct command {
	char script[PATH_MAX];
	const char *words[WORDS_MAX];
	unsigned nr;
	char pid[24];
};

static void add(struct command *c, const char *word)
{
	/* RZSC_PASS_MAX is held where options are read. */
	if (c->nr < WORDS_MAX - 1)
		c->words[c->nr++] = word;
	c->words[c->nr] = NULL;
}

static void add_option(struct command *c, const char *option, const char *value)
{
	add(c, option);
	add(c, value);
}

/* The server's own answer: a service manager may have its socket open, too. */
static void add_server(struct command *c, uint64_t pid)
{
	if (!pid)
		return;
	snprintf(c->pid, sizeof(c->pid), "%llu", (unsigned long long)pid);
	add_option(c, "--server", c->pid);
}

static void own_path(char *path, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", path, size - 1);

	path[n > 0 ? n : 0] = '\0';
}

void rzsc_program(const char *name, const char *variable, char *path, size_t size)
{
	const char *named = getenv(variable);
	char *slash;

	if (named) {
		snprintf(path, size, "%s", named);
		return;
	}
	own_path(path, size);
	slash = strrchr(path, '/');
	if (slash)
		snprintf(slash + 1, size - (size_t)(slash + 1 - path), "%s", name);
	if (!slash || access(path, X_OK) < 0)
		snprintf(path, size, RZS_SBINDIR "/%s", name);
}

void rzsc_module_swap(char *path, size_t size)
{
	const char *named = getenv("RZS_MODULE_SWAP");

	snprintf(path, size, "%s", named ? named : RZS_PKGLIBEXECDIR "/rzs-module-swap");
}

static void begin(struct command *c, const char *verb)
{
	/* For its status and check, which are printed by this program. */
	own_path(c->script, sizeof(c->script));
	if (*c->script)
		(void)setenv("RZSCONTROL", c->script, 0);
	rzsc_program("rzs-nbd-swap", "RZS_NBD_SWAP", c->script, sizeof(c->script));
	c->nr = 0;
	add(c, c->script);
	add(c, verb);
}

static int cannot_start(const struct command *c)
{
	return rzst_fail(SWAP_FAILED, "%s: %s; is ramzswap installed completely?", c->script,
			 strerror(errno));
}

/* Replace this program by it.  Returns only if that fails. */
static int start(struct command *c)
{
	fflush(NULL);
	execv(c->script, (char *const *)c->words);
	return cannot_start(c);
}

/* Run it, and wait for its end. */
static int run(struct command *c)
{
	int status = rzst_run(c->words, false);

	if (status >= 0)
		return status < 128 ? status : SWAP_FAILED;
	errno = -status;
	return cannot_start(c);
}

/* The exit status after a failure to find a device, whose message was printed. */
static int refused(int code)
{
	return code == RZS_EXIT_USAGE ? SWAP_USAGE : SWAP_REFUSED;
}

/* ---- attach ---- */

/* The device that was named, or else one that is not in use. */
static int choose_nbd(const struct rzsc_options *o, char *out, size_t size)
{
	struct rzsc_nbds nbds;
	unsigned number;
	int err;

	if (o->nr_words == 1) {
		if (!rzst_nbd_is(o->words[0], &number))
			return rzst_fail(SWAP_USAGE, "%s: expected /dev/nbdN", o->words[0]);
		snprintf(out, size, "%s", o->words[0]);
		return RZS_EXIT_DONE;
	}
	rzsc_nbds_read(&nbds);
	err = rzsc_nbd_unused(&nbds, out, size);
	rzsc_nbds_free(&nbds);
	if (err < 0)
		return rzst_fail(SWAP_REFUSED,
				 "all /dev/nbdN are in use; detach one, or load nbd with a "
				 "larger nbds_max=");
	return RZS_EXIT_DONE;
}

/* The client that the server names as holder, when no state file does. */
static void name_holder(const struct rzst_device_info *d, char *out, size_t size)
{
	char path[RZST_PATH_MAX], process[64];

	if (rzsc_nbd_of_client(d->holder, out, size) == 0)
		return;
	snprintf(process, sizeof(process), "/proc/%llu", (unsigned long long)d->holder);
	if (d->holder == 0)
		snprintf(out, size, "a client whose process is not known");
	else if (rzst_path(path, sizeof(path), process) == 0 && access(path, F_OK) == 0)
		snprintf(out, size, "process %llu", (unsigned long long)d->holder);
	else
		snprintf(out, size, "a client of process %llu, which has ended",
			 (unsigned long long)d->holder);
}

/*
 * Two devices that swap to one export overwrite each other's pages.  A client on another machine is
 * known to the server only, which then refuses rzs-nbd-swap.
 */
static int check_free(const struct rzsc_found *found)
{
	const struct rzst_device_info *d = found->device;
	const struct rzsc_nbd *nbd;
	struct rzsc_nbds nbds;
	char who[64] = "";

	rzsc_nbds_read(&nbds);
	nbd = rzsc_nbds_of(&nbds, &found->server->info, d, found->server->devices.nr);
	if (nbd && rzsc_nbd_is_connected(&nbds, nbd->device))
		snprintf(who, sizeof(who), "%s", nbd->device);
	else if (d->held)
		name_holder(d, who, sizeof(who));
	rzsc_nbds_free(&nbds);
	if (!*who)
		return RZS_EXIT_DONE;
	if (*who == '/')
		return rzst_fail(SWAP_REFUSED,
				 "%s: attached already, by %s; 'rzscontrol detach %s' first",
				 found->name, who, who);
	return rzst_fail(SWAP_REFUSED, "%s: attached already, by %s; which must detach first",
			 found->name, who);
}

static int attach(const struct rzsc_options *o, const struct rzsc_found *found)
{
	const char *socket = o->nbd_socket ? o->nbd_socket : found->server->info.socket;
	struct command c;
	char device[32];
	int code;

	if (!found->device->ready)
		return rzst_fail(SWAP_REFUSED,
				 "%s: not initialised, there is nothing to attach; 'rzscontrol "
				 "%s --init' initialises it",
				 found->name, found->name);
	if (!*socket)
		return rzst_fail(SWAP_REFUSED,
				 "%s: the unix socket for NBD clients is not known; name it with "
				 "--nbd-socket",
				 found->name);
	code = check_free(found);
	if (code == RZS_EXIT_DONE)
		code = choose_nbd(o, device, sizeof(device));
	if (code != RZS_EXIT_DONE)
		return code;
	begin(&c, "attach");
	add_option(&c, "--device", device);
	add_option(&c, "--socket", socket);
	add_option(&c, "--name", found->name);
	add_server(&c, found->server->info.pid);
	for (unsigned i = 0; i < o->nr_pass; i++)
		add(&c, o->pass[i]);
	return start(&c);
}

int rzsc_cmd_attach(const struct rzsc_options *o)
{
	struct rzsc_found found;
	int code = rzsc_device_find(o, o->device, &found);

	if (code != RZS_EXIT_DONE)
		code = refused(code);
	else if (found.server->backend->of_kernel)
		code = rzsc_swap_attach(o, &found);
	else
		code = attach(o, &found);
	rzsc_found_free(&found);
	return code;
}

/* ---- which /dev/nbdN? ---- */

struct nbd_found {
	char device[32];	     /* empty: not attached */
	char socket[RZST_PATH_MAX];  /* the server's for NBD; empty: not known, or not asked */
	char control[RZST_PATH_MAX]; /* its control socket; empty: not known, or not asked */
	uint64_t pid;		     /* the server's; 0: not asked */
};

/*
 * The /dev/nbdN of a device by its name.  First by the state files: that works without the server,
 * which may be what is wrong.  RZS_EXIT_DONE with out->device empty: not attached.
 */
static int find_nbd(const struct rzsc_options *o, const char *name, struct nbd_found *out)
{
	const struct rzsc_nbd *nbd = NULL;
	struct rzsc_found found;
	struct rzsc_nbds nbds;
	unsigned nr = 0;
	int code = RZS_EXIT_DONE;

	memset(out, 0, sizeof(*out));
	memset(&found, 0, sizeof(found));
	rzsc_nbds_read(&nbds);
	for (size_t i = 0; i < nbds.nr; i++)
		if (nbds.v[i].known.noted && strcmp(nbds.v[i].known.name, name) == 0) {
			nbd = &nbds.v[i];
			nr++;
		}
	if (nr != 1 || o->socket) {
		code = rzsc_device_find(o, name, &found);
		nbd = NULL;
	}
	if (code == RZS_EXIT_DONE && found.server) {
		nbd = rzsc_nbds_of(&nbds, &found.server->info, found.device,
				   found.server->devices.nr);
		snprintf(out->socket, sizeof(out->socket), "%s", found.server->info.socket);
		snprintf(out->control, sizeof(out->control), "%s", found.server->backend->where);
		out->pid = found.server->info.pid;
	}
	if (nbd)
		snprintf(out->device, sizeof(out->device), "%s", nbd->device);
	rzsc_nbds_free(&nbds);
	rzsc_found_free(&found);
	return code == RZS_EXIT_DONE ? RZS_EXIT_DONE : refused(code);
}

/*
 * The name of the kernel module's device that is meant, or NULL.  The device is not opened: the
 * kernel may swap to one that was removed or cannot be opened.
 */
static const char *kernel_name(const struct rzsc_options *o)
{
	const char *text = o->device;
	unsigned number;

	if (strncmp(text, "/dev/", 5) == 0)
		text += 5;
	return !o->socket && rzst_kernel_is_name(text, &number) ? text : NULL;
}

int rzsc_cmd_detach(const struct rzsc_options *o)
{
	struct nbd_found at;
	struct command c;
	unsigned number;

	if (kernel_name(o))
		return rzsc_swap_detach(o, kernel_name(o));
	if (rzst_nbd_is(o->device, &number)) {
		snprintf(at.device, sizeof(at.device), "%s", o->device);
	} else {
		int code = find_nbd(o, o->device, &at);

		if (code != RZS_EXIT_DONE)
			return code;
		if (!*at.device)
			return rzst_fail(SWAP_NOT_ATTACHED,
					 "%s: not attached to any known /dev/nbdN; if it is "
					 "attached, name that",
					 o->device);
	}
	begin(&c, "detach");
	add_option(&c, "--device", at.device);
	for (unsigned i = 0; i < o->nr_pass; i++)
		add(&c, o->pass[i]);
	return start(&c);
}

/* ---- check ---- */

/* The control socket of the server that the device was attached to; empty: none of it answers. */
static void find_control(const struct rzsc_options *o, const char *device, char out[RZST_PATH_MAX])
{
	struct rzsc_servers all = {NULL, 0};
	const struct rzsc_nbd *nbd;
	struct rzsc_nbds nbds;

	out[0] = '\0';
	rzsc_nbds_read_noted(&nbds);
	nbd = rzsc_nbds_find(&nbds, device);
	if (nbd)
		(void)rzsc_servers_look(o, &all);
	for (size_t i = 0; i < all.nr; i++)
		if (rzst_nbd_is_of(&nbd->known, &all.v[i].info))
			snprintf(out, RZST_PATH_MAX, "%s", all.v[i].backend->where);
	rzsc_servers_free(&all);
	rzsc_nbds_free(&nbds);
}

static void add_control(struct command *c, const char *path)
{
	if (*path)
		add_option(c, "--control", path);
}

static int check_one(const struct rzsc_options *o)
{
	struct nbd_found at;
	struct command c;
	unsigned number;
	int code;

	memset(&at, 0, sizeof(at));
	if (kernel_name(o))
		return rzst_fail(SWAP_REFUSED,
				 "%s: check is about swapping to a process, and a device of the "
				 "kernel module has none; 'rzscontrol list' shows its state",
				 o->device);
	if (rzst_nbd_is(o->device, &number)) {
		snprintf(at.device, sizeof(at.device), "%s", o->device);
	} else {
		code = find_nbd(o, o->device, &at);
		if (code != RZS_EXIT_DONE)
			return code;
		/* Not attached: the one that attach would choose. */
		if (!*at.device && choose_nbd(o, at.device, sizeof(at.device)) != RZS_EXIT_DONE)
			return SWAP_REFUSED;
	}
	if (!*at.control)
		find_control(o, at.device, at.control);
	begin(&c, "check");
	add_option(&c, "--device", at.device);
	if (*at.socket)
		add_option(&c, "--socket", at.socket);
	add_server(&c, at.pid);
	add_control(&c, at.control);
	if (o->json)
		add(&c, "--json");
	return start(&c);
}

/* One after the other, with --json as an array.  Returns the worst status. */
static int check_all(const struct rzsc_options *o, const struct rzsc_nbds *nbds)
{
	int worst = RZS_EXIT_DONE;

	if (o->json)
		puts("[");
	for (size_t i = 0; i < nbds->nr; i++) {
		char control[RZST_PATH_MAX];
		struct command c;
		int code;

		find_control(o, nbds->v[i].device, control);
		begin(&c, "check");
		add_option(&c, "--device", nbds->v[i].device);
		add_control(&c, control);
		if (o->json)
			add(&c, "--json");
		if (i > 0)
			puts(o->json ? "," : "");
		code = run(&c);
		worst = code > worst ? code : worst;
	}
	if (o->json)
		puts("]");
	return worst;
}

/* Nothing is attached: check the server of --socket, else the default of rzs-nbd-swap. */
static int check_none(const struct rzsc_options *o)
{
	struct rzsc_servers all = {NULL, 0};
	struct command c;
	int code;

	begin(&c, "check");
	if (o->socket) {
		code = rzsc_servers_find(o, &all);
		if (code != RZS_EXIT_DONE)
			return refused(code);
		if (*all.v[0].info.socket)
			add_option(&c, "--socket", all.v[0].info.socket);
		add_server(&c, all.v[0].info.pid);
	} else {
		(void)rzsc_servers_look(o, &all);
	}
	if (all.nr == 1)
		add_control(&c, all.v[0].backend->where);
	if (o->json)
		add(&c, "--json");
	code = run(&c);
	rzsc_servers_free(&all);
	return code;
}

int rzsc_cmd_check(const struct rzsc_options *o)
{
	struct rzsc_nbds nbds;
	int code;

	if (o->device)
		return check_one(o);
	rzsc_nbds_read(&nbds);
	code = nbds.nr ? check_all(o, &nbds) : check_none(o);
	rzsc_nbds_free(&nbds);
	return code;
}
