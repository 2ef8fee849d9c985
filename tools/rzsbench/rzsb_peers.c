/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each is started as its manual says, with one thread if that can be chosen, and without real-time
 * priority.  $RZSD and $RZS_PLUGIN name those of a build that is not installed.
 */
#define _GNU_SOURCE
#include "rzsb_peers.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const struct rzsb_peer peers[] = {
	{"rzsd", "ramzswap's own server", "${RZSD:-rzsd} --version",
	 "${RZSD:-rzsd} --config /dev/null --listen \"$SOCK\" --control \"$SOCK.control\" "
	 "--protect off --threads 1 --device rzs0,size=\"$SIZE\",swap-header=false",
	 "ramzswap; $RZSD names one", false},
	{"rzs", "ramzswap's plugin in nbdkit", "nbdkit \"${RZS_PLUGIN:-rzs}\" --dump-plugin",
	 "nbdkit -f -U \"$SOCK\" \"${RZS_PLUGIN:-rzs}\" size=\"$SIZE\" swap-header=false "
	 "protect=off",
	 "nbdkit and ramzswap's plugin; $RZS_PLUGIN names one", false},
	{"zstd", "nbdkit's memory plugin, allocator=zstd",
	 "nbdkit memory --dump-plugin | grep -q '^zstd=yes'",
	 "nbdkit -f -U \"$SOCK\" memory \"$SIZE\" allocator=zstd", "nbdkit", false},
	{"sparse", "nbdkit's memory plugin, not compressed", "nbdkit memory --dump-plugin",
	 "nbdkit -f -U \"$SOCK\" memory \"$SIZE\"", "nbdkit", false},
	{"qemu-nbd", "qemu's server, a file in tmpfs", "qemu-nbd --version",
	 "qemu-nbd -t -e 16 -f raw -k \"$SOCK\" \"$FILE\"", "qemu-utils", true},
	{"zram", "this machine's /dev/zram0 with lzo, as --zram lzo", NULL, NULL,
	 "a kernel that has it", false},
};

#define NR_PEERS (sizeof(peers) / sizeof(peers[0]))

const struct rzsb_peer *rzsb_peer(unsigned i)
{
	return i < NR_PEERS ? &peers[i] : NULL;
}

const struct rzsb_peer *rzsb_peer_find(const char *name)
{
	for (size_t i = 0; i < NR_PEERS; i++)
		if (strcmp(peers[i].name, name) == 0)
			return &peers[i];
	return NULL;
}

bool rzsb_peer_installed(const struct rzsb_peer *p)
{
	char command[512] = "{ ";

	if (!p->check || strlen(p->check) + 40 > sizeof(command))
		return false;
	strcat(strcat(command, p->check), "; } >/dev/null 2>&1 </dev/null");
	return system(command) == 0;
}
