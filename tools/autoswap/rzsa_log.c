/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzsa_log.h.  syslog(3) allocates. */
#define _GNU_SOURCE
#include "rzsa_log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syslog.h>
#include <sys/un.h>
#include <unistd.h>

#include "rzst.h"

static enum rzsa_log_level most_said = RZSA_LOG_INFO;
static int system_log = -1;

void rzsa_log_set(enum rzsa_log_level most)
{
	most_said = most;
}

int rzsa_log_to_system(void)
{
	static const struct sockaddr_un address = {AF_UNIX, _PATH_LOG};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	system_log = fd;
	return 0;
}

void rzsa_log(enum rzsa_log_level level, const char *fmt, ...)
{
	static const int severity[] = {LOG_WARNING, LOG_INFO, LOG_DEBUG};
	char line[1024];
	size_t len = 0;
	va_list ap;
	int n;

	if (level > most_said)
		return;
	if (system_log >= 0)
		len = (size_t)snprintf(line, sizeof(line),
				       "<%d>%s[%d]: ", LOG_DAEMON | severity[level],
				       program_invocation_short_name, (int)getpid());
	else
		len = (size_t)snprintf(line, sizeof(line), "%s: ", program_invocation_short_name);
	va_start(ap, fmt);
	n = vsnprintf(line + len, sizeof(line) - len, fmt, ap);
	va_end(ap);
	len = n < 0 ? len : len + (size_t)n;
	if (len > sizeof(line) - 2)
		len = sizeof(line) - 2;
	line[len] = '\0';
	rzst_tame(line);
	if (system_log >= 0) {
		(void)send(system_log, line, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		return;
	}
	line[len++] = '\n';
	if (send(STDERR_FILENO, line, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == ENOTSOCK)
		(void)!write(STDERR_FILENO, line, len);
}
