/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rzscontrol attach and detach on the kernel module's devices: the whole program, on a machine that
 * is made up.  Not with test_rzsc_kernel, because detach waits for its helper by pidfd_open(2).
 */
#include "rzsc_kernel_rig.h"

T_TEST(attach_is_swapon_and_detach_is_swapoff)
{
	make_machine(2);
	check("attach ramzswap0", 3, "", "not initialised, there is nothing to attach");
	m->device[0].ready = true;
	m->device[0].stats.disksize = 64 << 20;
	/* SWAP_FLAG_PREFER, _DISCARD and _DISCARD_PAGES, and the priority. */
	put("", "/run/x");
	check("attach ramzswap0", 0, "swapon /dev/ramzswap0 0x58064\n",
	      "/dev/ramzswap0: swapping to it, 65532 KiB with priority 100\n");
	/* Noted: else it would seem to have been there when the machine came up. */
	t_take("run/rzs/areas", out, sizeof(out));
	T_OK(strstr(out, "\non 0 0 0 0 0 0 0 0 /dev/ramzswap0\n"));
	check("attach /dev/ramzswap0 --priority 7 --no-discard", 0,
	      "swapon /dev/ramzswap0 0x8007\n", "with priority 7\n");
	check("attach ramzswap0 --dry-run", 0, "",
	      "swapon --discard=pages --priority 100 /dev/ramzswap0\n");
	check("attach ramzswap0 --priority 32768", 2, "", "--priority 32768: expected a number");
	check("attach ramzswap0 --connections 2", 2, "",
	      "--connections is for devices of a server");
	check("attach ramzswap0 /dev/nbd0", 2, "", "a block device already");
	check("attach ramzswap0 --nbd-socket /x", 2, "", "a block device already");
	m->swapon_error = EBUSY;
	check("attach ramzswap0", 3, "swapon /dev/ramzswap0 0x58064\n", "in use already");
	m->swapon_error = EINVAL;
	check("attach ramzswap0", 1, "swapon /dev/ramzswap0 0x58064\n", "no swap header");
	m->swapon_error = EPERM;
	check("attach ramzswap0", 1, "swapon /dev/ramzswap0 0x58064\n", "only root may");

	check("detach ramzswap0", 5, "", "not swapped to");
	put("Filename\n/dev/ramzswap0 partition 65532 1000 100\n", "/proc/swaps");
	check("attach ramzswap0", 3, "", "swapped to already");
	put("MemTotal: 500000 kB\nMemAvailable: 17000 kB\n", "/proc/meminfo");
	check("detach ramzswap0", 4, "",
	      "1000 KiB to bring back to memory for it, and room for 616 KiB");
	check("detach ramzswap0 --dry-run", 0, "", "room for 616 KiB");
	check("detach ramzswap0 --force", 0, "swapoff /dev/ramzswap0\n", "room for 616 KiB");
	put("MemTotal: 500000 kB\nMemAvailable: 90000 kB\n", "/proc/meminfo");
	check("attach ramzswap0 --force", 2, "", "");
	check("detach ramzswap0 --dry-run", 0, "", "swapoff /dev/ramzswap0\n");
	check("detach /dev/ramzswap0 -v", 0, "swapoff /dev/ramzswap0\n", "1000 KiB to bring back");
	m->open_error = EACCES; /* it need not be opened */
	check("detach ramzswap0", 0, "swapoff /dev/ramzswap0\n",
	      "/dev/ramzswap0: no longer attached\n");
	m->swapoff_error = ENOMEM;
	check("detach ramzswap0", 4, "swapoff /dev/ramzswap0\n", "no room in memory");
	m->swapoff_error = EKEYREVOKED;
	check("detach ramzswap0", 4, "swapoff /dev/ramzswap0\n",
	      "was killed, as the kernel does when memory ends; it is still swapped to, with 1000");
	m->swapoff_error = EPERM;
	check("detach ramzswap0", 1, "swapoff /dev/ramzswap0\n", "only root may");
	m->swapoff_error = EINVAL;
	/* It is in /proc/swaps all the same. */
	check("detach ramzswap0", 1, "swapoff /dev/ramzswap0\n", "another swapoff is at work");
	m->swapoff_error = EINTR;
	check("detach ramzswap0", 1, "swapoff /dev/ramzswap0\n", "still swapped to");
	check("check ramzswap0", 3, "", "shows its state");
	end_machine();
}
