/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * swapfile DIR paranoid|plain make KIB | drop NAME | reuse
 * swapfile find TEXT DEVICE
 *
 * rzs-autoswap's swap files by hand: prints the outcome, name and KiB, or why.  Status 0: done.
 * find prints how many sectors of a device begin with TEXT.
 *
 * Threading: one thread.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rzsa_files.h"

static int find(const char *text, const char *device)
{
	static char sectors[2048 * 512] __attribute__((aligned(4096)));
	unsigned found = 0;
	int fd = open(device, O_RDONLY | O_DIRECT);
	ssize_t n;

	while ((n = read(fd, sectors, sizeof(sectors))) > 0)
		for (ssize_t at = 0; at + 512 <= n; at += 512)
			found += strncmp(sectors + at, text, strlen(text)) == 0;
	printf("found %u\n", found);
	return n < 0;
}

static int act(struct rzsa_dir *d, const char *what, const char *arg)
{
	static const volatile sig_atomic_t go_on;
	enum rzsa_outcome outcome = RZSA_REFUSED;
	char name[RZSA_NAME_MAX] = "", why[RZS_WHY_MAX] = "";
	uint64_t kib = 0;

	if (strcmp(what, "make") == 0)
		outcome = rzsa_file_make(d, strtoull(arg, NULL, 10), name, &kib, &go_on, why);
	else if (strcmp(what, "drop") == 0)
		outcome = rzsa_file_drop(d, arg, why);
	else if (rzsa_dir_reuse(d, name, &kib, why) == 0)
		outcome = RZSA_DONE;
	printf("%s %s %llu %s\n", rzsa_outcome_name(outcome), name, (unsigned long long)kib, why);
	return outcome != RZSA_DONE;
}

int main(int argc, char **argv)
{
	char why[RZS_WHY_MAX];
	struct rzsa_dir d;

	if (argc == 4 && strcmp(argv[1], "find") == 0)
		return find(argv[2], argv[3]);
	if (argc < 4)
		return 2;
	if (rzsa_dir_open(&d, argv[1], strcmp(argv[2], "paranoid") == 0, why) < 0) {
		printf("refused %s\n", why);
		return 1;
	}
	return act(&d, argv[3], argc > 4 ? argv[4] : "");
}
