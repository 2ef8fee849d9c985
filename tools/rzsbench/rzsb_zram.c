/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzsb_zram.h. */
#define _GNU_SOURCE
#include "rzsb_zram.h"
#include "rzsb.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ZRAM "/sys/block/zram0/"

static int write_text(const char *name, const char *text)
{
	char path[256];
	int err = rzst_path(path, sizeof(path), name), fd;

	if (err < 0)
		return err;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

int rzsb_zram_open(uint64_t size, const char *algorithm, char *why, size_t why_size)
{
	char text[512];
	int err, fd;

	if (rzst_first_line(ZRAM "disksize", text, sizeof(text)) < 0) {
		snprintf(why, why_size, "this kernel has no zram");
		return -1;
	}
	if (strtoull(text, NULL, 10) != 0) {
		snprintf(why, why_size, "/dev/zram0 is in use");
		return -1;
	}
	err = write_text(ZRAM "comp_algorithm", algorithm);
	if (err < 0) {
		snprintf(why, why_size, "zram has no %s here, or we may not set it: %s", algorithm,
			 strerror(-err));
		return -1;
	}
	snprintf(text, sizeof(text), "%llu", (unsigned long long)size);
	err = write_text(ZRAM "disksize", text);
	if (err < 0) {
		snprintf(why, why_size, "cannot set zram's size: %s", strerror(-err));
		return -1;
	}
	fd = open("/dev/zram0", O_RDWR | O_DIRECT | O_CLOEXEC);
	if (fd < 0) {
		snprintf(why, why_size, "/dev/zram0: %s", strerror(errno));
		rzsb_zram_close(fd);
	}
	return fd;
}

void rzsb_zram_close(int fd)
{
	if (fd >= 0)
		close(fd);
	if (write_text(ZRAM "reset", "1") < 0)
		rzst_say("zram: cannot reset it");
}

uint64_t rzsb_zram_used(void)
{
	unsigned long long used;
	char text[256];

	/* orig_data_size compr_data_size mem_used_total ... */
	if (rzst_first_line(ZRAM "mm_stat", text, sizeof(text)) < 0 ||
	    sscanf(text, "%*u %*u %llu", &used) != 1)
		return 0;
	return used;
}
