/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The keys of the configuration and their defaults; see config.h.  For each row of server_keys.def
 * there is a function set_ID() that takes the value.
 */
#include "config.h"

#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_private.h"
#include "process_params.h"
#include "text.h"

#define SEPARATORS    " \t," /* between the words of a list */
#define QUOTE	      '"'    /* around a word that contains one */
#define HANDSHAKE_MAX 600    /* seconds */

const char *const rzs_config_keys[RZS_CONFIG_KEYS + 1] = {
#define RZS_SERVER_KEY(id, name, value, help) name,
#include "server_keys.def"
	NULL,
};

/* Copy the next word of a list and move *rest past it; false: there is none. */
static bool next_word(const char **rest, char *word, size_t size)
{
	const char *p = *rest + strspn(*rest, SEPARATORS), *end;
	size_t len = strcspn(p, SEPARATORS);

	end = *p == QUOTE ? strchr(p + 1, QUOTE) : NULL;
	if (end && (end[1] == '\0' || strchr(SEPARATORS, end[1]))) {
		snprintf(word, size, "%.*s", (int)(end - p - 1), p + 1);
		*rest = end + 1;
		return true;
	}
	snprintf(word, size, "%.*s", (int)len, p);
	*rest = p + len;
	return len > 0;
}

/* Whether a new value replaces the list: the old one was given elsewhere. */
static bool list_is_old(const struct rzsd_config *c, unsigned key)
{
	return c->place[key].line == 0 || c->place[key].file != c->now.file;
}

static int add_words(const char *key, const char *value, struct rzs_config_listens *all, char *why)
{
	const char *rest = value;
	unsigned words = 0;
	char word[256];

	for (; next_word(&rest, word, sizeof(word)); words++)
		if (rzs_config_listen_add(key, word, all, why) < 0)
			return -EINVAL;
	if (words == 0)
		return rzs_value_bad(why, key, value, "expected /PATH, ADDRESS or ADDRESS:PORT");
	return 0;
}

static int set_listen(struct rzsd_config *c, const char *key, const char *value, char *why)
{
	struct rzs_config_listens all = {.nr = 0};
	int err;

	if (!list_is_old(c, RZS_CONFIG_KEY_listen)) {
		memcpy(all.listen, c->listen, sizeof(all.listen));
		all.nr = c->nr_listen;
	}
	/* An option has one value, even with separators in it. */
	if (c->now.file == 0)
		err = rzs_config_listen_add(key, value, &all, why);
	else
		err = add_words(key, value, &all, why);
	if (err < 0)
		return err;
	memcpy(c->listen, all.listen, sizeof(all.listen));
	c->nr_listen = all.nr;
	return 0;
}

static int set_path(const char *key, const char *value, char *out, size_t size, char *why)
{
	if (strcmp(value, "none") == 0)
		value = "";
	if (*value && *value != '/')
		return rzs_value_bad(why, key, value,
				     "expected a path that begins with /, or none");
	if (strlen(value) >= size)
		return rzs_value_bad(why, key, value, "longer than %zu bytes", size - 1);
	strcpy(out, value);
	return 0;
}

static int set_control(struct rzsd_config *c, const char *key, const char *value, char *why)
{
	return set_path(key, value, c->control, sizeof(c->control), why);
}

static int set_count(const char *key, const char *value, int least, unsigned most, unsigned *out,
		     char *why)
{
	int n, err = rzs_value_number(key, value, least, (int)most, &n, why);

	if (err == 0)
		*out = (unsigned)n;
	return err;
}

static int set_threads(struct rzsd_config *c, const char *key, const char *value, char *why)
{
	if (strcmp(value, "auto") == 0) {
		c->threads = 0;
		return 0;
	}
	return set_count(key, value, 1, RZS_CONFIG_MAX_THREADS, &c->threads, why);
}

static int set_max_connections(struct rzsd_config *c, const char *key, const char *value, char *why)
{
	return set_count(key, value, 1, RZS_CONFIG_MAX_CONNECTIONS, &c->max_connections, why);
}

static int set_handshake_timeout(struct rzsd_config *c, const char *key, const char *value,
				 char *why)
{
	return set_count(key, value, 1, HANDSHAKE_MAX, &c->handshake_timeout, why);
}

static int find_user(const char *key, const char *word, uid_t *out, char *why)
{
	const struct passwd *pw;
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(word, &end, 10);
	if (*word >= '0' && *word <= '9' && *end == '\0' && !errno && n < (uid_t)-1) {
		*out = (uid_t)n;
		return 0;
	}
	errno = 0;
	pw = getpwnam(word);
	if (!pw && (errno == ENOMEM || errno == EIO || errno == EMFILE || errno == ENFILE))
		return rzs_value_bad(why, key, word, "cannot look up the user: %s",
				     strerror(errno));
	if (!pw)
		return rzs_value_bad(why, key, word, "there is no such user");
	*out = pw->pw_uid;
	return 0;
}

static int set_allow_user(struct rzsd_config *c, const char *key, const char *value, char *why)
{
	unsigned nr = list_is_old(c, RZS_CONFIG_KEY_allow_user) ? 0 : c->nr_allow_user;
	uid_t users[RZS_CONFIG_USERS];
	const char *rest = value;
	char word[128];

	memcpy(users, c->allow_user, sizeof(users));
	while (next_word(&rest, word, sizeof(word))) {
		if (nr == RZS_CONFIG_USERS)
			return rzs_value_bad(why, key, value, "more than %u users",
					     RZS_CONFIG_USERS);
		if (find_user(key, word, &users[nr++], why) < 0)
			return -EINVAL;
	}
	memcpy(c->allow_user, users, sizeof(users));
	c->nr_allow_user = nr;
	return 0;
}

static int set_allow_tcp_anywhere(struct rzsd_config *c, const char *key, const char *value,
				  char *why)
{
	return rzs_value_bool(key, value, &c->allow_tcp_anywhere, why);
}

static int set_protect(struct rzsd_config *c, const char *key, const char *value, char *why)
{
	return rzs_process_params_protect(key, value, &c->protect, why);
}

static int set_realtime(struct rzsd_config *c, const char *key, const char *value, char *why)
{
	return rzs_process_params_realtime(key, value, &c->realtime, why);
}

static int set_ballast(struct rzsd_config *c, const char *key, const char *value, char *why)
{
	return rzs_process_params_set_ballast(key, value, &c->ballast, &c->ballast_given, why);
}

static int set_num_devices(struct rzsd_config *c, const char *key, const char *value, char *why)
{
	if (strcmp(value, "auto") == 0) {
		c->num_devices = -1;
		return 0;
	}
	return rzs_value_number(key, value, 0, RZS_CONFIG_DEVICES, &c->num_devices, why);
}

static int set_log(struct rzsd_config *c, const char *key, const char *value, char *why)
{
	if (strcmp(value, "auto") == 0)
		c->log = RZS_CONFIG_LOG_AUTO;
	else if (strcmp(value, "stderr") == 0)
		c->log = RZS_CONFIG_LOG_STDERR;
	else if (strcmp(value, "syslog") == 0)
		c->log = RZS_CONFIG_LOG_SYSLOG;
	else
		return rzs_value_bad(why, key, value, "expected auto, stderr or syslog");
	return 0;
}

static int set_verbose(struct rzsd_config *c, const char *key, const char *value, char *why)
{
	return rzs_value_bool(key, value, &c->verbose, why);
}

static int set_survive(struct rzsd_config *c, const char *key, const char *value, char *why)
{
	return rzs_value_bool(key, value, &c->survive, why);
}

static int set_survive_shutdown(struct rzsd_config *c, const char *key, const char *value,
				char *why)
{
	return rzs_value_bool(key, value, &c->survive_shutdown, why);
}

static int set_pid_file(struct rzsd_config *c, const char *key, const char *value, char *why)
{
	return set_path(key, value, c->pid_file, sizeof(c->pid_file), why);
}

static int (*const set_one[RZS_CONFIG_KEYS])(struct rzsd_config *c, const char *key,
					     const char *value, char *why) = {
#define RZS_SERVER_KEY(id, name, value, help) set_##id,
#include "server_keys.def"
};

/* The index of name in names, which end with NULL; -1: it is not there. */
static int index_of(const char *name, const char *const *names)
{
	for (int i = 0; names[i]; i++)
		if (strcmp(name, names[i]) == 0)
			return i;
	return -1;
}

int rzs_config_set(struct rzsd_config *c, const char *key, const char *value, char why[RZS_WHY_MAX])
{
	int i = index_of(key, rzs_config_keys), err;
	const char *meant;

	if (i >= 0) {
		err = set_one[i](c, key, value, why);
		if (err == 0)
			c->place[i] = c->now;
		return err;
	}
	meant = rzs_value_nearest(key, rzs_config_keys);
	if (index_of(key, rzs_device_params_keys) >= 0 || strcmp(key, "init") == 0)
		rzs_value_bad(why, key, value,
			      "this is a key of a device; it belongs under [device NAME]");
	else
		rzs_value_bad(why, key, value, "not a key of the server%s%s%s",
			      meant ? "; did you mean " : "", meant ? meant : "", meant ? "?" : "");
	return -ENOENT;
}

/* Find the device of this name, or add it.  -EINVAL, -ENOSPC. */
static int find_or_add_device(struct rzsd_config *c, const char *name,
			      struct rzs_config_device **out, char *why)
{
	struct rzs_config_device *d;

	*out = NULL;
	if (!rzs_device_name_ok(name))
		return rzs_value_bad(why, "device", name,
				     "a device's name is 1 to %u of A-Z a-z 0-9 . _ -, but not . "
				     "or ..",
				     RZS_DEVICE_NAME_MAX);
	for (d = c->device; d < c->device + c->nr_devices; d++) {
		if (strcmp(d->name, name) == 0) {
			*out = d;
			return 0;
		}
	}
	if (c->nr_devices == RZS_CONFIG_DEVICES) {
		rzs_value_bad(why, "device", name, "more than %u devices", RZS_CONFIG_DEVICES);
		return -ENOSPC;
	}
	c->nr_devices++;
	memset(d, 0, sizeof(*d));
	strcpy(d->name, name);
	rzs_device_params_init(&d->params);
	d->init = true;
	d->place[RZS_CONFIG_PLACE_SECTION] = c->now;
	*out = d;
	return 0;
}

int rzs_config_set_device(struct rzsd_config *c, const char *name, const char *key,
			  const char *value, char why[RZS_WHY_MAX])
{
	struct rzs_config_device *d;
	unsigned place = RZS_CONFIG_PLACE_INIT;
	int err = find_or_add_device(c, name, &d, why);

	if (err < 0 || !key)
		return err;
	if (strcmp(key, "init") == 0) {
		err = rzs_value_bool(key, value, &d->init, why);
	} else if (index_of(key, rzs_config_keys) >= 0) {
		rzs_value_bad(why, key, value,
			      "this is a key of the server; it belongs under [server]");
		err = -ENOENT;
	} else {
		err = rzs_device_params_set(&d->params, key, value, why);
		place = RZS_CONFIG_PLACE_KEYS + (unsigned)index_of(key, rzs_device_params_keys);
	}
	if (err == 0)
		d->place[place] = c->now;
	return err;
}

void rzs_config_init(struct rzsd_config *c)
{
	char why[RZS_WHY_MAX];

	memset(c, 0, sizeof(*c));
	c->nr_files = 1;
	c->now.line = 1;
	c->nr_listen = 1;
	(void)rzs_config_listen_parse("listen", RZS_CONFIG_LISTEN, &c->listen[0], why);
	strcpy(c->control, RZS_CONFIG_CONTROL);
	c->max_connections = 64;
	c->handshake_timeout = 10;
	c->protect = RZS_PROTECT_AUTO;
	c->realtime = RZS_REALTIME_SWAP;
	c->num_devices = -1;
}

void rzs_config_complain(struct rzs_config_sink *sink, struct rzs_config_place place,
			 const char *fmt, ...)
{
	char text[RZS_CONFIG_LINE_MAX];
	struct rzsd_config *c = sink->config;
	size_t len = 0;
	va_list ap;

	sink->nr++;
	if (c->complaints++ >= RZS_CONFIG_COMPLAINTS) {
		sink->unshown++;
		return;
	}
	if (place.line && place.file)
		len = (size_t)snprintf(text, sizeof(text), "%s:%u: ", c->file[place.file],
				       place.line);
	va_start(ap, fmt);
	vsnprintf(text + len, sizeof(text) - len, fmt, ap);
	va_end(ap);
	rzs_text_tame(text);
	sink->complain(sink->arg, text);
}

unsigned rzs_config_complain_end(struct rzs_config_sink *sink)
{
	char text[64];

	if (sink->unshown) {
		snprintf(text, sizeof(text), "and %u more errors", sink->unshown);
		sink->complain(sink->arg, text);
	}
	return sink->nr;
}
