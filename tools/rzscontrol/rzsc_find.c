/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzsc_find.h. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "rzsc_find.h"
#include "rzst_kernel.h"
#include "rzsc_listens.h"

#define RUN_DIR "/run/rzs"
#define DEFAULT "control.sock"

/* How long a socket in the directory has to show that it is a control socket, seconds. */
#define LOOK_SECONDS 2u

/* ---- servers ---- */

/* Takes a back end that was just opened; closes it on failure. */
static int add_backend(struct rzsc_servers *out, struct rzst_backend *b, char *why, size_t why_size)
{
	struct rzsc_found_server s;
	int err;

	memset(&s, 0, sizeof(s));
	s.backend = b;
	err = b->ops->server(b, &s.info);
	if (err == 0 && !b->of_kernel && !*s.info.socket)
		(void)rzsc_listens_at(s.info.pid, b->where, s.info.socket, sizeof(s.info.socket));
	if (err == 0)
		err = s.backend->ops->list(s.backend, &s.devices);
	if (err < 0) {
		snprintf(why, why_size, "%s", s.backend->why);
		s.backend->ops->close(s.backend);
		return err;
	}
	out->v = rzst_grow(out->v, out->nr, sizeof(*out->v));
	out->v[out->nr++] = s;
	return 0;
}

static int add_server(struct rzsc_servers *out, const char *path, unsigned timeout, char *why,
		      size_t why_size)
{
	struct rzst_backend *b;
	int err = rzst_socket_open(path, timeout, &b, why, why_size);

	return err < 0 ? err : add_backend(out, b, why, why_size);
}

/* One of the module's devices. */
static int add_kernel(struct rzsc_servers *out, const char *device, char *why, size_t why_size)
{
	struct rzst_backend *b;
	int err = rzst_kernel_open(device, &b, why, why_size);

	return err < 0 ? err : add_backend(out, b, why, why_size);
}

int rzsc_server_refresh(struct rzsc_found_server *s)
{
	rzst_device_infos_free(&s->devices);
	return s->backend->ops->list(s->backend, &s->devices);
}

/* The default one first, then by name. */
static int by_name(const void *a, const void *b)
{
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;

	if (strcmp(x, DEFAULT) == 0 || strcmp(y, DEFAULT) == 0)
		return (strcmp(x, DEFAULT) != 0) - (strcmp(y, DEFAULT) != 0);
	return strcmp(x, y);
}

static char **list_names_in(const char *dir_path, size_t *nr)
{
	char **names = NULL;
	struct dirent *e;
	DIR *dir = opendir(dir_path);

	*nr = 0;
	while (dir && (e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		names = rzst_grow(names, *nr, sizeof(*names));
		names[(*nr)++] = rzst_copy(e->d_name);
	}
	if (dir)
		closedir(dir);
	if (*nr)
		qsort(names, *nr, sizeof(*names), by_name);
	return names;
}

/* Whether a server found so far has named it as its NBD socket: then it is not opened. */
static bool is_nbd_socket(const struct rzsc_servers *servers, const char *path)
{
	char nbd[RZST_PATH_MAX];

	for (size_t i = 0; i < servers->nr; i++)
		if (*servers->v[i].info.socket &&
		    rzst_path(nbd, sizeof(nbd), servers->v[i].info.socket) == 0 &&
		    rzst_same_file(nbd, path))
			return true;
	return false;
}

/*
 * One of the directory's sockets.  One that is not a control socket is skipped without a message.
 */
static void look_at(const struct rzsc_options *o, const char *dir_path, const char *name,
		    struct rzsc_servers *out)
{
	bool is_default = strcmp(name, DEFAULT) == 0;
	unsigned timeout = is_default || o->timeout < LOOK_SECONDS ? o->timeout : LOOK_SECONDS;
	char path[RZST_PATH_MAX + 300], why[1024];
	struct stat st;
	int err;

	snprintf(path, sizeof(path), "%s/%s", dir_path, name);
	if (stat(path, &st) < 0 || !S_ISSOCK(st.st_mode) || is_nbd_socket(out, path))
		return;
	err = add_server(out, path, timeout, why, sizeof(why));
	if (err == -ETIMEDOUT && !is_default)
		rzst_say("%s: no answer within %u s, left out; if it is a control socket, name "
			 "it with --socket",
			 path, timeout);
	else if (err < 0 && err != -EPROTOTYPE && err != -ECONNREFUSED && err != -ENOENT)
		rzst_say("%s", why);
}

static int no_server(const char *dir_path)
{
	struct stat st;
	DIR *dir = opendir(dir_path);

	if (!dir && errno == EACCES)
		return rzst_fail(RZS_EXIT_NONE,
				 "%s: only root may look for servers there; be root, or name "
				 "a socket with --socket",
				 dir_path);
	if (dir)
		closedir(dir);
	return rzst_fail(RZS_EXIT_NONE,
			 "no server answers in %s%s; start rzsd, or nbdkit with control=, or "
			 "name its control socket with --socket",
			 dir_path, stat(dir_path, &st) < 0 ? ", which is not there" : "");
}

/* All servers that answer, maybe none. */
static int look_around(const struct rzsc_options *o, char dir_path[RZST_PATH_MAX],
		       struct rzsc_servers *out)
{
	char **names;
	size_t nr;

	if (rzst_path(dir_path, RZST_PATH_MAX, RUN_DIR) < 0)
		return rzst_fail(RZS_EXIT_FAILED, "RZS_SYSROOT is too long");
	names = list_names_in(dir_path, &nr);
	for (size_t i = 0; i < nr; i++) {
		look_at(o, dir_path, names[i], out);
		free(names[i]);
	}
	free(names);
	return RZS_EXIT_DONE;
}

/* with_kernel: the module's devices too; that they cannot be read is a message, not a failure. */
static int find_in(const struct rzsc_options *o, const char *socket, bool with_kernel,
		   struct rzsc_servers *out)
{
	char dir_path[RZST_PATH_MAX], why[1024];
	struct rzst_backend *kernel;
	int err, code;

	memset(out, 0, sizeof(*out));
	if (socket) {
		err = add_server(out, socket, o->timeout, why, sizeof(why));
		return err < 0 ? rzst_fail(rzst_exit(err), "%s", why) : RZS_EXIT_DONE;
	}
	code = look_around(o, dir_path, out);
	if (code != RZS_EXIT_DONE)
		return code;
	if (with_kernel && rzst_kernel_open(NULL, &kernel, why, sizeof(why)) == 0 &&
	    add_backend(out, kernel, why, sizeof(why)) < 0)
		rzst_say("%s", why);
	return out->nr ? RZS_EXIT_DONE : no_server(dir_path);
}

int rzsc_servers_find(const struct rzsc_options *o, struct rzsc_servers *out)
{
	return find_in(o, o->socket, true, out);
}

int rzsc_servers_look(const struct rzsc_options *o, struct rzsc_servers *out)
{
	char dir_path[RZST_PATH_MAX];

	memset(out, 0, sizeof(*out));
	return look_around(o, dir_path, out);
}

void rzsc_servers_free(struct rzsc_servers *servers)
{
	for (size_t i = 0; i < servers->nr; i++) {
		rzst_device_infos_free(&servers->v[i].devices);
		servers->v[i].backend->ops->close(servers->v[i].backend);
	}
	free(servers->v);
	memset(servers, 0, sizeof(*servers));
}

/* ---- devices ---- */

static int take(struct rzsc_found *out, struct rzsc_found_server *s, struct rzst_device_info *d)
{
	out->server = s;
	out->device = d;
	snprintf(out->name, sizeof(out->name), "%s", d->name);
	return RZS_EXIT_DONE;
}

/* "a, b, c": the names of all devices; with name, those of this name with their server. */
static void list_names(const struct rzsc_servers *all, const char *name, char *out, size_t size)
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < all->nr; i++)
		for (size_t j = 0; j < all->v[i].devices.nr; j++) {
			const struct rzst_backend *b = all->v[i].backend;
			const char *is = all->v[i].devices.v[j].name;
			const char *before = len ? ", " : "";

			if (len >= size || (name && strcmp(is, name) != 0))
				continue;
			if (!name)
				len += (size_t)snprintf(out + len, size - len, "%s%s", before, is);
			else
				len += (size_t)snprintf(out + len, size - len, "%s%s%s%s", before,
							b->of_kernel ? "/dev" : b->where,
							b->of_kernel ? "/" : ":", is);
		}
}

static bool is_known(const struct rzsc_servers *all, const char *name)
{
	for (size_t i = 0; i < all->nr; i++)
		for (size_t j = 0; j < all->v[i].devices.nr; j++)
			if (strcmp(all->v[i].devices.v[j].name, name) == 0)
				return true;
	return false;
}

static int by_device_name(struct rzsc_found *out, const char *name)
{
	struct rzsc_found_server *server = NULL;
	struct rzst_device_info *device = NULL;
	unsigned found = 0;
	char names[700];

	for (size_t i = 0; i < out->all.nr; i++)
		for (size_t j = 0; j < out->all.v[i].devices.nr; j++)
			if (strcmp(out->all.v[i].devices.v[j].name, name) == 0) {
				server = &out->all.v[i];
				device = &server->devices.v[j];
				found++;
			}
	if (found == 1)
		return take(out, server, device);
	list_names(&out->all, found ? name : NULL, names, sizeof(names));
	if (found)
		return rzst_fail(RZS_EXIT_USAGE, "%s: several devices have this name: %s", name,
				 names);
	if (*names)
		return rzst_fail(RZS_EXIT_NONE,
				 "%s: there is no such device (there is %s); "
				 "'rzscontrol create' makes one",
				 name, names);
	return rzst_fail(RZS_EXIT_NONE,
			 "%s: there is no such device, nor any other; 'rzscontrol create' "
			 "makes one",
			 name);
}

static int only_device(struct rzsc_found *out, struct rzsc_found_server *s, const char *called)
{
	struct rzsc_servers one = {s, 1};
	char names[700];

	if (s->devices.nr == 1)
		return take(out, s, &s->devices.v[0]);
	if (s->devices.nr == 0)
		return rzst_fail(RZS_EXIT_NONE,
				 "%s: there is no device yet; 'rzscontrol create' makes one",
				 called);
	list_names(&one, NULL, names, sizeof(names));
	return rzst_fail(RZS_EXIT_USAGE, "%s: there are several devices, say which: %s", called,
			 names);
}

/* By the state file of rzs-nbd-swap, else by the swap header. */
static int by_nbd(struct rzsc_found *out, const char *path)
{
	char uuid[RZST_UUID_TEXT];
	struct rzsc_nbds nbds;
	const struct rzsc_nbd *nbd;
	int code = RZS_EXIT_NONE;
	bool noted;

	rzsc_nbds_read(&nbds);
	nbd = rzsc_nbds_find(&nbds, path);
	noted = nbd && nbd->known.noted;
	for (size_t i = 0; noted && i < out->all.nr; i++) {
		if (!rzst_nbd_is_of(&nbd->known, &out->all.v[i].info))
			continue;
		if (*nbd->known.name) {
			struct rzsc_servers all = out->all;

			/* Names are unique within a server. */
			out->all = (struct rzsc_servers){&all.v[i], 1};
			code = by_device_name(out, nbd->known.name);
			out->all = all;
		} else {
			code = only_device(out, &out->all.v[i], path);
		}
		rzsc_nbds_free(&nbds);
		return code;
	}
	rzsc_nbds_free(&nbds);
	if (noted)
		return rzst_fail(code,
				 "%s: the server it is attached to has no control socket that "
				 "answers; name it with --socket, or see 'rzscontrol check %s'",
				 path, path);
	if (rzst_swaps_uuid(path, uuid) < 0)
		return rzst_fail(code,
				 "%s: cannot find out whose it is: not attached, not swap, or not "
				 "readable by you; name the server's device instead",
				 path);
	for (size_t i = 0; i < out->all.nr; i++)
		for (size_t j = 0; j < out->all.v[i].devices.nr; j++)
			if (strcmp(out->all.v[i].devices.v[j].swap_uuid, uuid) == 0)
				return take(out, &out->all.v[i], &out->all.v[i].devices.v[j]);
	return rzst_fail(code, "%s: no server has a device with its swap header's UUID %s", path,
			 uuid);
}

/*
 * Cut SOCKET:NAME in two; a socket may have a colon in its own name.  *name is NULL where there is
 * none, socket (of RZST_PATH_MAX bytes) is empty where text is no path.
 */
static int cut(const char *text, char *socket, const char **name)
{
	const char *colon = strrchr(text, ':');
	struct stat st;

	socket[0] = '\0';
	*name = text;
	if (!strchr(text, '/') && !colon)
		return RZS_EXIT_DONE;
	if (strlen(text) >= RZST_PATH_MAX)
		return rzst_fail(RZS_EXIT_USAGE, "a path of more than %u bytes", RZST_PATH_MAX - 1);
	*name = NULL;
	snprintf(socket, RZST_PATH_MAX, "%s", text);
	if (!colon || strchr(colon, '/') || stat(text, &st) == 0)
		return RZS_EXIT_DONE;
	socket[colon - text] = '\0';
	*name = colon + 1;
	return RZS_EXIT_DONE;
}

static int by_kernel(const struct rzsc_options *o, const char *path, struct rzsc_found *out)
{
	char why[1024];
	int err;

	if (o->socket || o->name)
		return rzst_fail(RZS_EXIT_USAGE,
				 "%s: a device of the kernel module has no control socket: leave "
				 "--socket and --device out",
				 path);
	err = add_kernel(&out->all, path, why, sizeof(why));
	if (err < 0)
		return rzst_fail(rzst_exit(err), "%s", why);
	return take(out, &out->all.v[0], &out->all.v[0].devices.v[0]);
}

/* A server may have a device of this name, too.  The kernel module's is found without a server. */
static int by_kernel_name(const struct rzsc_options *o, const char *name, struct rzsc_found *out)
{
	char dir_path[RZST_PATH_MAX], why[1024];
	int err, code = look_around(o, dir_path, &out->all);

	if (code != RZS_EXIT_DONE)
		return code;
	err = add_kernel(&out->all, name, why, sizeof(why));
	if (err < 0 && !is_known(&out->all, name))
		return rzst_fail(rzst_exit(err), "%s", why);
	return by_device_name(out, name);
}

int rzsc_found_refresh(struct rzsc_found *found)
{
	int err = rzsc_server_refresh(found->server);

	found->device = NULL;
	for (size_t i = 0; err == 0 && i < found->server->devices.nr; i++)
		if (strcmp(found->server->devices.v[i].name, found->name) == 0)
			found->device = &found->server->devices.v[i];
	if (err == 0 && !found->device) {
		snprintf(found->server->backend->why, sizeof(found->server->backend->why),
			 "%s: there is no such device any more", found->name);
		err = -ENOENT;
	}
	return err;
}

int rzsc_device_find(const struct rzsc_options *o, const char *device, struct rzsc_found *out)
{
	char socket[RZST_PATH_MAX] = "";
	const char *name = NULL;
	unsigned number;
	bool nbd = device && rzst_nbd_is(device, &number);
	int code = RZS_EXIT_DONE;

	memset(out, 0, sizeof(*out));
	if (device && !nbd && rzst_kernel_is_path(device))
		return by_kernel(o, device, out);
	name = device ? device : o->name;
	if (name && rzst_kernel_is_name(name, &number) && !o->socket)
		return by_kernel_name(o, name, out);
	name = NULL;
	if (device && !nbd)
		code = cut(device, socket, &name);
	if (code == RZS_EXIT_DONE && o->name && name)
		code = rzst_fail(RZS_EXIT_USAGE, "--device %s: %s names a device already", o->name,
				 device);
	if (code == RZS_EXIT_DONE)
		code = find_in(o, *socket ? socket : o->socket, false, &out->all);
	if (code != RZS_EXIT_DONE)
		return code;
	if (!name)
		name = o->name;
	if (nbd)
		return by_nbd(out, device);
	return name ? by_device_name(out, name) : only_device(out, &out->all.v[0], socket);
}

/* socket: NULL: the only one that answers.  what: for messages. */
static int only_server(const struct rzsc_options *o, const char *socket, const char *what,
		       struct rzsc_found *out)
{
	int code = find_in(o, socket, false, &out->all);

	if (code != RZS_EXIT_DONE)
		return code;
	if (out->all.nr > 1)
		return rzst_fail(RZS_EXIT_USAGE,
				 "%s: there are several servers, name the control socket of "
				 "one with --socket: %s, %s%s",
				 what, out->all.v[0].backend->where, out->all.v[1].backend->where,
				 out->all.nr > 2 ? ", ..." : "");
	out->server = &out->all.v[0];
	return RZS_EXIT_DONE;
}

int rzsc_server_find(const struct rzsc_options *o, const char *device, struct rzsc_found *out)
{
	char socket[RZST_PATH_MAX];
	const char *name;
	int code;

	memset(out, 0, sizeof(*out));
	code = cut(device, socket, &name);
	if (code == RZS_EXIT_DONE && (!name || strlen(name) >= sizeof(out->name)))
		code = rzst_fail(RZS_EXIT_USAGE,
				 "%s: expected the name of the new device: A-Z a-z 0-9 . _ - and "
				 "at most %u characters",
				 device, RZST_NAME_MAX - 1);
	if (code == RZS_EXIT_DONE)
		code = only_server(o, *socket ? socket : o->socket, name, out);
	if (code == RZS_EXIT_DONE)
		snprintf(out->name, sizeof(out->name), "%s", name);
	return code;
}

int rzsc_only_server_find(const struct rzsc_options *o, const char *what, struct rzsc_found *out)
{
	memset(out, 0, sizeof(*out));
	return only_server(o, o->socket, what, out);
}

void rzsc_found_free(struct rzsc_found *found)
{
	rzsc_servers_free(&found->all);
	memset(found, 0, sizeof(*found));
}
