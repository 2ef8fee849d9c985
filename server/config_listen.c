/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses to listen on; see config.h.  Nothing here asks a name server. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "config_private.h"

static int unix_address(const char *key, const char *value, const char *path,
			struct rzs_config_listen *out, char *why)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	if (*path != '/')
		return rzs_value_bad(why, key, value, "the path of a socket must begin with /");
	if (strlen(path) >= sizeof(sun.sun_path))
		return rzs_value_bad(why, key, value, "the path of a socket has at most %zu bytes",
				     sizeof(sun.sun_path) - 1);
	strcpy(sun.sun_path, path);
	memcpy(&out->addr, &sun, sizeof(sun));
	out->addr_len = sizeof(sun);
	strcpy(out->text, path);
	return 0;
}

/* host: a numeric address of IPv4 or IPv6, or localhost. */
static bool ip_address(const char *host, uint16_t port, struct rzs_config_listen *out)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	if (strcasecmp(host, "localhost") == 0)
		host = "127.0.0.1";
	if (inet_pton(AF_INET, host, &in.sin_addr) == 1) {
		memcpy(&out->addr, &in, sizeof(in));
		out->addr_len = sizeof(in);
		return true;
	}
	if (inet_pton(AF_INET6, host, &in6.sin6_addr) != 1)
		return false;
	if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
		/* An IPv4 address: a socket for IPv6 alone cannot have it. */
		memcpy(&in.sin_addr, &in6.sin6_addr.s6_addr[12], sizeof(in.sin_addr));
		memcpy(&out->addr, &in, sizeof(in));
		out->addr_len = sizeof(in);
	} else {
		memcpy(&out->addr, &in6, sizeof(in6));
		out->addr_len = sizeof(in6);
	}
	return true;
}

/* ADDRESS or ADDRESS:PORT; before a port an IPv6 address stands in []. */
static int tcp_address(const char *key, const char *value, const char *text,
		       struct rzs_config_listen *out, char *why)
{
	const char *end = strchr(text, ':'), *after;
	int port = RZS_CONFIG_PORT;
	char host[64];

	if (*text == '[' && strchr(text, ']')) {
		end = strchr(++text, ']');
		after = end + 1;
	} else {
		if (!end || strchr(end + 1, ':'))
			end = text + strlen(text);
		after = end;
	}
	if (*after && (*after != ':' || rzs_value_number(key, after + 1, 1, 65535, &port, why) < 0))
		return rzs_value_bad(why, key, value, "expected :PORT, 1 to 65535, at \"%.24s\"",
				     after);
	snprintf(host, sizeof(host), "%.*s", (int)(end - text), text);
	if (end - text >= (ptrdiff_t)sizeof(host) || !ip_address(host, (uint16_t)port, out))
		return rzs_value_bad(why, key, value,
				     "expected /PATH, ADDRESS or ADDRESS:PORT, with a numeric "
				     "address such as 127.0.0.1 "
				     "or [::1]");
	strcpy(out->text, value);
	return 0;
}

int rzs_config_listen_parse(const char *key, const char *value, struct rzs_config_listen *out,
			    char why[RZS_WHY_MAX])
{
	memset(out, 0, sizeof(*out));
	if (strlen(value) >= sizeof(out->text))
		return rzs_value_bad(why, key, value, "longer than %zu bytes",
				     sizeof(out->text) - 1);
	if (*value == '/')
		return unix_address(key, value, value, out, why);
	if (strncmp(value, "unix:", 5) == 0)
		return unix_address(key, value, value + 5, out, why);
	return tcp_address(key, value, strncmp(value, "tcp:", 4) == 0 ? value + 4 : value, out,
			   why);
}

/* Whether l was given as localhost.  *out: the other address of localhost. */
static bool other_localhost(const struct rzs_config_listen *l, struct rzs_config_listen *out)
{
	static const char name[] = "localhost";
	const char *host = strncmp(l->text, "tcp:", 4) == 0 ? l->text + 4 : l->text;
	struct sockaddr_in in;

	if (strncasecmp(host, name, strlen(name)) != 0 || l->addr.ss_family != AF_INET)
		return false;
	memcpy(&in, &l->addr, sizeof(in));
	*out = *l;
	out->optional = true;
	return ip_address("::1", ntohs(in.sin_port), out);
}

int rzs_config_listen_add(const char *key, const char *value, struct rzs_config_listens *all,
			  char why[RZS_WHY_MAX])
{
	struct rzs_config_listen one, other;
	unsigned nr;

	if (rzs_config_listen_parse(key, value, &one, why) < 0)
		return -EINVAL;
	nr = other_localhost(&one, &other) ? 2 : 1;
	if (all->nr + nr > RZS_CONFIG_LISTENERS)
		return rzs_value_bad(why, key, value, "more than %u addresses",
				     RZS_CONFIG_LISTENERS);
	all->listen[all->nr++] = one;
	if (nr == 2)
		all->listen[all->nr++] = other;
	return 0;
}
