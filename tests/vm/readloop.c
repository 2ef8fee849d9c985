/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * readloop FILE: read a file from its beginning to its end, again and again, until SIGTERM.
 *
 * With a file larger than memory every read misses the page cache and allocates pages.  That is the
 * memory pressure of a machine that copies files while it swaps.  At the end it prints how much it
 * has read, so that a scenario can check that there was pressure.
 *
 * Exit status: 0 ended by SIGTERM, 1 a read failed, 2 usage.
 *
 * Threading: one thread.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#define STEP (128u << 10)

static volatile sig_atomic_t asked_to_stop;

static void on_term(int sig)
{
	(void)sig;
	asked_to_stop = 1;
}

int main(int argc, char **argv)
{
	static uint8_t buffer[STEP];
	uint64_t total = 0;
	ssize_t n = 0;
	int fd;

	if (argc != 2)
		return 2;
	signal(SIGTERM, on_term);
	fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && !asked_to_stop) {
		n = read(fd, buffer, sizeof(buffer));
		if (n < 0 || (n == 0 && lseek(fd, 0, SEEK_SET) < 0))
			break;
		total += (uint64_t)n;
	}
	if (fd < 0 || n < 0) {
		perror(argv[1]);
		return 1;
	}
	printf("read_kib=%llu\n", (unsigned long long)total / 1024);
	return 0;
}
