/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzsc_nbd.h.  Sources: what rzst_nbd.h knows, the areas of this machine, /sys/block. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rzsc_nbd.h"
#include "rzst_kernel.h"
#include "rzst_swaps.h"

#define PAGE_SIZE 4096u /* of the store */

#define NBDS_MAX 1024u /* numbers that are looked at */

static struct rzsc_nbd *add(struct rzsc_nbds *nbds, unsigned number)
{
	struct rzsc_nbd *nbd;

	for (size_t i = 0; i < nbds->nr; i++)
		if (nbds->v[i].number == number)
			return &nbds->v[i];
	nbds->v = rzst_grow(nbds->v, nbds->nr, sizeof(*nbds->v));
	nbd = &nbds->v[nbds->nr++];
	memset(nbd, 0, sizeof(*nbd));
	nbd->number = number;
	snprintf(nbd->device, sizeof(nbd->device), "/dev/nbd%u", number);
	return nbd;
}

/* ---- state files ---- */

static void read_states(struct rzsc_nbds *out)
{
	char states[RZST_PATH_MAX];
	struct rzst_nbd known;
	struct dirent *e;
	DIR *dir;

	if (rzst_path(states, sizeof(states), "/run/rzs") < 0)
		return;
	dir = opendir(states);
	while (dir && (e = readdir(dir)) != NULL) {
		char device[64] = "/dev/";
		size_t len = strlen(e->d_name);
		unsigned number;

		if (len < 6 || len > 32 || strcmp(e->d_name + len - 6, ".state") != 0)
			continue;
		memcpy(device + 5, e->d_name, len - 6);
		if (!rzst_nbd_is(device, &number))
			continue;
		rzst_nbd_read(device, false, &known);
		if (known.noted)
			add(out, number)->known = known;
	}
	if (dir)
		closedir(dir);
}

/* ---- what is swapped to ---- */

static struct rzsc_nbd *add_kernel(struct rzsc_nbds *nbds, unsigned number)
{
	struct rzsc_nbd *k;

	nbds->kernel = rzst_grow(nbds->kernel, nbds->nr_kernel, sizeof(*nbds->kernel));
	k = &nbds->kernel[nbds->nr_kernel++];
	memset(k, 0, sizeof(*k));
	k->number = number;
	snprintf(k->device, sizeof(k->device), "/dev/ramzswap%u", number);
	return k;
}

static void read_swaps(struct rzsc_nbds *out)
{
	struct rzst_swap_area areas[RZST_SWAPS_MAX];
	unsigned nr = rzst_swaps_read(areas), number;

	for (unsigned i = 0; i < nr; i++) {
		const char *device = areas[i].name;
		struct rzsc_nbd *nbd;

		if (rzst_nbd_is(device, &number))
			nbd = add(out, number);
		else if (strncmp(device, "/dev/", 5) == 0 &&
			 rzst_kernel_is_name(device + 5, &number))
			nbd = add_kernel(out, number);
		else
			continue;
		nbd->swapped_to = true;
		nbd->used = areas[i].used;
	}
}

static int by_number(const void *a, const void *b)
{
	const struct rzsc_nbd *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

void rzsc_nbds_read_noted(struct rzsc_nbds *out)
{
	memset(out, 0, sizeof(*out));
	read_states(out);
}

void rzsc_nbds_read(struct rzsc_nbds *out)
{
	rzsc_nbds_read_noted(out);
	read_swaps(out);
	if (out->nr)
		qsort(out->v, out->nr, sizeof(*out->v), by_number);
	for (size_t i = 0; i < out->nr; i++)
		if (!out->v[i].known.noted)
			rzst_nbd_read(out->v[i].device, true, &out->v[i].known);
}

void rzsc_nbds_free(struct rzsc_nbds *nbds)
{
	free(nbds->v);
	free(nbds->kernel);
	memset(nbds, 0, sizeof(*nbds));
}

const struct rzsc_nbd *rzsc_nbds_find(const struct rzsc_nbds *nbds, const char *device)
{
	unsigned number;

	for (size_t i = 0; rzst_nbd_is(device, &number) && i < nbds->nr; i++)
		if (nbds->v[i].number == number)
			return &nbds->v[i];
	return NULL;
}

const struct rzsc_nbd *rzsc_nbds_of(const struct rzsc_nbds *nbds,
				    const struct rzst_server_info *server,
				    const struct rzst_device_info *d, size_t nr_devices)
{
	for (size_t i = 0; d->of_kernel && i < nbds->nr_kernel; i++)
		if (strcmp(nbds->kernel[i].device + strlen("/dev/"), d->name) == 0)
			return &nbds->kernel[i];
	for (size_t i = 0; !d->of_kernel && i < nbds->nr; i++)
		if (rzst_nbd_has(&nbds->v[i].known, server, d, nr_devices))
			return &nbds->v[i];
	return NULL;
}

/* ---- the block device ---- */

/* A number in a file of a block device's directory in sysfs; 0 when there is none. */
static uint64_t number_in(const char *block, const char *name)
{
	char path[RZST_PATH_MAX + 8];

	snprintf(path, sizeof(path), "%s/%s", block, name);
	return rzst_number_in(path, "");
}

/* A connected device has a pid file or, if netlink connected it, at least a size. */
static bool is_connected(const char *block)
{
	char path[RZST_PATH_MAX + 8];

	snprintf(path, sizeof(path), "%s/pid", block);
	return access(path, F_OK) == 0 || number_in(block, "size") > 0;
}

bool rzsc_nbd_is_connected(const struct rzsc_nbds *nbds, const char *device)
{
	char block[RZST_PATH_MAX], name[64];
	const struct rzsc_nbd *nbd = rzsc_nbds_find(nbds, device);

	snprintf(name, sizeof(name), "/sys/block/%.40s", device + strlen("/dev/"));
	return (nbd && nbd->swapped_to) ||
	       (rzst_path(block, sizeof(block), name) == 0 && is_connected(block));
}

int rzsc_nbd_of_client(uint64_t pid, char *out, size_t size)
{
	char block[RZST_PATH_MAX], name[64];

	out[0] = '\0';
	for (unsigned i = 0; pid && i < NBDS_MAX; i++) {
		snprintf(name, sizeof(name), "/sys/block/nbd%u", i);
		if (rzst_path(block, sizeof(block), name) < 0 || access(block, F_OK) < 0)
			break;
		if (number_in(block, "pid") != pid)
			continue;
		snprintf(out, size, "/dev/nbd%u", i);
		return 0;
	}
	return -ENODEV;
}

int rzsc_nbd_unused(const struct rzsc_nbds *nbds, char *out, size_t size)
{
	/* If the module is not loaded there is none yet: rzs-nbd-swap will load it. */
	char block[RZST_PATH_MAX], name[64] = "/sys/block/nbd0";

	out[0] = '\0';
	for (unsigned i = 0; i < NBDS_MAX; i++) {
		snprintf(name, sizeof(name), "/sys/block/nbd%u", i);
		if (rzst_path(block, sizeof(block), name) < 0)
			return -ENAMETOOLONG;
		if (i > 0 && access(block, F_OK) < 0)
			return -ENODEV;
		snprintf(out, size, "/dev/nbd%u", i);
		if (!rzsc_nbds_find(nbds, out) && !is_connected(block))
			return 0;
	}
	out[0] = '\0';
	return -ENODEV;
}

uint64_t rzsc_nbd_stale(const struct rzsc_nbd *nbd, uint64_t stored)
{
	uint64_t used = nbd->used + PAGE_SIZE;

	return stored > used ? stored - used : 0;
}
