/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "rzscontrol setup": from an installed package to swap.  What a machine has (rzsc_setup_look.c),
 * what is made of that (rzsc_setup_plan.c, without any I/O), and doing it (rzsc_setup.c).
 *
 * Threading: one thread.
 */
#ifndef RZSC_SETUP_H
#define RZSC_SETUP_H

#include "rzsc.h"
#include "rzst_swaps.h"

/* A configuration file of its own, so that the administrator's and the package's stay theirs. */
#define RZSC_SETUP_DIR	RZS_SYSCONFDIR "/rzs/rzsd.conf.d"
#define RZSC_SETUP_FILE RZSC_SETUP_DIR "/50-setup.conf"
#define RZSC_SETUP_UNIT "rzsd-attach.service"

struct rzsc_machine {
	uint64_t ram; /* bytes */
	bool root;
	bool systemd;	/* it runs this machine */
	bool container; /* swap is then the host's business */
	bool nbd;	/* the kernel has it, or a module of it */
	bool module;	/* ramzswap.ko is loaded or installed */
	bool zswap;
	bool hibernates;   /* the kernel knows a partition to resume from */
	bool set_up;	   /* by this command, earlier */
	bool running;	   /* rzsd.service */
	bool enabled;	   /* rzsd-attach.service */
	char attached[32]; /* an NBD device that is attached as swap; empty: none */
	struct rzst_swap_area swaps[RZST_SWAPS_MAX];
	unsigned nr_swaps;
};

struct rzsc_setup_plan {
	int code; /* RZS_EXIT_DONE, or why it is refused */
	char refusal[512];
	char config[2048];	 /* the whole file */
	uint64_t size, memlimit; /* bytes; memlimit 0: none */
};

/* What there is now.  RZS_SYSROOT stands before all paths. */
void rzsc_setup_look(struct rzsc_machine *out);

/*
 * What to set up on this machine.  words: nr "KEY=VALUE", of a device section of rzsd.conf(5);
 * size and memlimit have defaults.  Whether their values are good is for rzsd to say, but for what
 * would break the file.  With plan->code other than RZS_EXIT_DONE, plan->refusal says why and what
 * to do.
 */
void rzsc_setup_plan(const struct rzsc_machine *m, const char *const *words, unsigned nr,
		     struct rzsc_setup_plan *plan);

/* In sentences, to out: what is proposed, and what each thing found means for it. */
void rzsc_setup_explain(const struct rzsc_machine *m, const struct rzsc_setup_plan *plan,
			FILE *out);

#endif
