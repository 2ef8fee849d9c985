/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * opener brief|hold NODE: opens NODE again and again, as udev does with new devices, reads the
 * statistics and a page, and closes it.  With `hold` it closes the node only when the node has
 * disappeared, or after SIGTERM.  That detects a driver that is removed while a device is open.
 *
 * On SIGTERM it prints how often it has opened the node, as name=number, and ends.
 *
 * Exit status: 0; 2 usage.
 *
 * Threading: one thread.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ramzswap_ioctl.h"

static volatile sig_atomic_t asked;

static void on_term(int sig)
{
	(void)sig;
	asked = 1;
}

/* Every way into the driver that does not need a privilege.  What it answers is others' affair. */
static void use(int fd)
{
	static struct ramzswap_ioctl_stats stats;
	static char page[4096];

	if (ioctl(fd, RZSIO_GET_STATS, &stats) < 0 && errno == EFAULT)
		asked = 1;
	if (pread(fd, page, sizeof(page), 0) < 0 && errno == EFAULT)
		asked = 1;
}

int main(int argc, char **argv)
{
	bool hold = argc == 3 && !strcmp(argv[1], "hold");
	unsigned long long opened = 0;
	int fd;

	if (argc != 3 || (!hold && strcmp(argv[1], "brief")))
		return 2;
	signal(SIGTERM, on_term);
	while (!asked) {
		fd = open(argv[2], O_RDONLY | O_NONBLOCK);
		if (fd < 0) {
			sched_yield();
			continue;
		}
		opened++;
		while (hold && !asked && !access(argv[2], F_OK))
			sched_yield();
		while (hold && !asked && access(argv[2], F_OK))
			sched_yield();
		use(fd);
		close(fd);
		/* Now and not before: between two openings others may take the driver away. */
		sched_yield();
	}
	printf("opened=%llu\n", opened);
	return 0;
}
