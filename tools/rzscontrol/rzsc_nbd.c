/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzsc_nbd.h.  Sources: rzs-nbd-swap's state files, /proc/swaps, /sys/block, swap headers. */
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

bool rzsc_nbd_is(const char *text, unsigned *out_number)
{
	uint64_t n;

	*out_number = 0;
	if (strncmp(text, "/dev/nbd", 8) != 0 || rzst_number_parse(text + 8, &n) < 0 || n > 9999)
		return false;
	*out_number = (unsigned)n;
	return true;
}

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

/* ---- state files: lines "KEY REST", the last one of a key counts ---- */

static void take_state(struct rzsc_nbd *nbd, FILE *f)
{
	char line[RZST_PATH_MAX + 32];

	nbd->noted = true;
	while (fgets(line, sizeof(line), f)) {
		char *rest = strchr(line, ' ');

		line[strcspn(line, "\n")] = '\0';
		if (!rest)
			continue;
		*rest++ = '\0';
		rzst_tame(rest);
		if (strcmp(line, "socket") == 0)
			snprintf(nbd->socket, sizeof(nbd->socket), "%s", rest);
		else if (strcmp(line, "name") == 0)
			snprintf(nbd->name, sizeof(nbd->name), "%s", rest);
		else if (strcmp(line, "server_pid") == 0)
			(void)rzst_number_parse(rest, &nbd->server_pid);
	}
}

static void read_states(struct rzsc_nbds *out)
{
	char states[RZST_PATH_MAX], path[RZST_PATH_MAX + 300];
	struct dirent *e;
	DIR *dir;

	if (rzst_path(states, sizeof(states), "/run/rzs") < 0)
		return;
	dir = opendir(states);
	while (dir && (e = readdir(dir)) != NULL) {
		char device[64] = "/dev/";
		size_t len = strlen(e->d_name);
		unsigned number;
		FILE *f;

		if (len < 6 || len > 32 || strcmp(e->d_name + len - 6, ".state") != 0)
			continue;
		memcpy(device + 5, e->d_name, len - 6);
		snprintf(path, sizeof(path), "%s/%s", states, e->d_name);
		f = rzsc_nbd_is(device, &number) ? fopen(path, "re") : NULL;
		if (!f)
			continue;
		take_state(add(out, number), f);
		fclose(f);
	}
	if (dir)
		closedir(dir);
}

/* ---- /proc/swaps ---- */

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

		if (rzsc_nbd_is(device, &number))
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
		if (!out->v[i].noted)
			(void)rzst_swaps_uuid(out->v[i].device, out->v[i].uuid);
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

	for (size_t i = 0; rzsc_nbd_is(device, &number) && i < nbds->nr; i++)
		if (nbds->v[i].number == number)
			return &nbds->v[i];
	return NULL;
}

bool rzsc_nbd_is_of(const struct rzsc_nbd *nbd, const struct rzst_server_info *server)
{
	char noted[RZST_PATH_MAX], at[RZST_PATH_MAX];

	if (!nbd->noted)
		return false;
	if (nbd->server_pid)
		return nbd->server_pid == server->pid;
	return *nbd->socket && *server->socket &&
	       rzst_path(noted, sizeof(noted), nbd->socket) == 0 &&
	       rzst_path(at, sizeof(at), server->socket) == 0 && rzst_same_file(noted, at);
}

const struct rzsc_nbd *rzsc_nbds_of(const struct rzsc_nbds *nbds,
				    const struct rzst_server_info *server,
				    const struct rzst_device_info *d, size_t nr_devices)
{
	for (size_t i = 0; d->of_kernel && i < nbds->nr_kernel; i++)
		if (strcmp(nbds->kernel[i].device + strlen("/dev/"), d->name) == 0)
			return &nbds->kernel[i];
	for (size_t i = 0; !d->of_kernel && i < nbds->nr; i++) {
		const struct rzsc_nbd *nbd = &nbds->v[i];

		if (rzsc_nbd_is_of(nbd, server) &&
		    (*nbd->name ? strcmp(nbd->name, d->name) == 0 : nr_devices == 1))
			return nbd;
		if (!nbd->noted && *nbd->uuid && strcmp(nbd->uuid, d->swap_uuid) == 0)
			return nbd;
	}
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
