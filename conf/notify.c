/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between a service and its manager.  See notify.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "notify.h"
#include "size.h"

#define FIRST_GIVEN 3 /* the first descriptor that a manager passes */

/* A path, or "@name" for the abstract one "\0name". */
static int make_address(const char *text, struct sockaddr_un *out, socklen_t *out_len)
{
	size_t len = strlen(text);

	memset(out, 0, sizeof(*out));
	*out_len = 0;
	if ((text[0] != '/' && text[0] != '@') || len < 2 || len >= sizeof(out->sun_path))
		return -EINVAL;
	out->sun_family = AF_UNIX;
	memcpy(out->sun_path, text, len);
	if (text[0] == '@')
		out->sun_path[0] = '\0';
	*out_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	return 0;
}

int rzs_notify(const char *fmt, ...)
{
	const char *where = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address;
	char text[512];
	socklen_t len;
	va_list ap;
	int fd, n, err;

	if (!where)
		return 0;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(text))
		return -EMSGSIZE;
	err = make_address(where, &address, &len);
	if (err < 0)
		return err;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	err = 1;
	/* Clients wait for this thread: it does not wait for a manager whose queue is full. */
	if (sendto(fd, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT,
		   (const struct sockaddr *)&address, len) < 0)
		err = -errno;
	close(fd);
	return err;
}

/* Take the next of names, which are separated by colons. */
static const char *take_name(const char *names, char out[RZS_GIVEN_NAME_MAX])
{
	size_t len = strcspn(names, ":");

	snprintf(out, RZS_GIVEN_NAME_MAX, "%.*s", (int)len, names);
	return names[len] ? names + len + 1 : names + len;
}

static int read_environment(struct rzs_given *out, unsigned *out_nr)
{
	const char *pid_text = getenv("LISTEN_PID"), *nr_text = getenv("LISTEN_FDS");
	const char *names = getenv("LISTEN_FDNAMES");
	uint64_t pid, nr;

	if (!pid_text || !nr_text)
		return 0;
	if (!rzs_size_number(pid_text, INT_MAX, &pid))
		return -EINVAL;
	if (pid != (uint64_t)getpid()) /* inherited: the sockets are for another process */
		return 0;
	if (!rzs_size_number(nr_text, INT_MAX, &nr))
		return -EINVAL;
	if (nr > RZS_GIVEN_MAX)
		return -E2BIG;
	if (!names)
		names = "";
	for (unsigned i = 0; i < nr; i++) {
		out[i].fd = FIRST_GIVEN + (int)i;
		names = take_name(names, out[i].name);
		if (fcntl(out[i].fd, F_SETFD, FD_CLOEXEC) < 0)
			return -EINVAL;
	}
	*out_nr = (unsigned)nr;
	return 0;
}

int rzs_notify_given(struct rzs_given out[RZS_GIVEN_MAX], unsigned *out_nr)
{
	int err;

	*out_nr = 0;
	err = read_environment(out, out_nr);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return err;
}
