/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * usage: swapcall [user] on|off|chop PATH
 * Calls rzst_swapon() or rzst_swapoff(); prints the fault's sentence, and ends with errno as its
 * status.  user: as another user than root.  chop: swaps out 24 MiB of six processes first, and has
 * a timer's signals interrupt the swapoff; then every byte must be what it was.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rzst_swapon.h"

#define PROCESSES 6u
#define BYTES	  (4u << 20)

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

static unsigned char byte_of(unsigned process, size_t i)
{
	return (unsigned char)((i >> 12) * 7 + i * process + process);
}

/* Ends with 0 if its pages are right when `until` is closed. */
static void hold(unsigned process, int ready, int until)
{
	unsigned char *p =
		mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char byte;

	if (p == MAP_FAILED)
		_exit(1);
	for (size_t i = 0; i < BYTES; i++)
		p[i] = byte_of(process, i);
	if (madvise(p, BYTES, MADV_PAGEOUT) < 0 || write(ready, "", 1) != 1)
		_exit(2);
	if (read(until, &byte, 1) != 0)
		_exit(3);
	for (size_t i = 0; i < BYTES; i++)
		if (p[i] != byte_of(process, i))
			_exit(4);
	_exit(0);
}

static void nothing(int sig)
{
	(void)sig;
}

static int chop(const char *path, enum rzst_swap_fault *fault)
{
	static const struct itimerval often = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
	struct sigaction action = {.sa_handler = nothing};
	int ready[2], until[2], status, err;
	char byte;

	if (pipe(ready) < 0 || pipe(until) < 0)
		return -errno;
	for (unsigned i = 0; i < PROCESSES; i++)
		if (fork() == 0) {
			close(until[1]);
			hold(i, ready[1], until[0]);
		}
	for (unsigned i = 0; i < PROCESSES; i++)
		if (read(ready[0], &byte, 1) != 1)
			return -EPIPE;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	err = rzst_swapoff(path, fault);
	setitimer(ITIMER_REAL, &never, NULL);
	close(until[1]);
	for (unsigned i = 0; i < PROCESSES; i++)
		if (wait(&status) < 0 || status != 0) {
			printf("a process ended with %#x\n", (unsigned)status);
			return -EILSEQ;
		}
	return err;
}

int main(int argc, char **argv)
{
	struct rzst_swapon_how how = {10, RZST_DISCARD_NONE};
	enum rzst_swap_fault fault = RZST_SWAP_FINE;
	char why[256];
	int err;

	if (argc > 1 && strcmp(argv[1], "user") == 0) {
		if (setresuid(65534, 65534, 65534) < 0)
			return 99;
		argc--;
		argv++;
	}
	if (argc != 3)
		return 99;
	if (strcmp(argv[1], "on") == 0)
		err = rzst_swapon(argv[2], &how, &fault);
	else
		err = strcmp(argv[1], "chop") == 0 ? chop(argv[2], &fault)
						   : rzst_swapoff(argv[2], &fault);
	if (strcmp(argv[1], "on") == 0)
		rzst_swapon_why(fault, err, why, sizeof(why));
	else
		rzst_swapoff_why(fault, err, why, sizeof(why));
	printf("%s: %s\n", err ? strerror(-err) : "done", why);
	return -err;
}
