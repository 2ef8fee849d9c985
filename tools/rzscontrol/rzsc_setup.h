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

/* Configuration files of its own, so that the administrator's and the package's stay theirs. */
#define RZSC_SETUP_SERVER_FILE	  RZS_SYSCONFDIR "/rzs/rzsd.conf.d/50-setup.conf"
#define RZSC_SETUP_MODULE_FILE	  RZS_SYSCONFDIR "/rzs/ramzswap0.conf"
#define RZSC_SETUP_AUTOSWAP_FILE  RZS_SYSCONFDIR "/rzs/rzs-autoswap.conf.d/50-setup.conf"
#define RZSC_SETUP_MODULE_DEVICE  "/dev/ramzswap0"
#define RZSC_SETUP_SERVER_UNIT	  "rzsd-attach.service"
#define RZSC_SETUP_MODULE_UNIT	  "ramzswap-attach.service"
#define RZSC_SETUP_AUTOSWAP_UNIT  "rzs-autoswap.service"
#define RZSC_SETUP_AUTOSWAP_STATE "/var/lib/rzs-autoswap" /* its unit's StateDirectory */

/* What the machine can swap to: rzsd, or the kernel module ramzswap. */
enum rzsc_form { RZSC_FORM_NONE, RZSC_FORM_SERVER, RZSC_FORM_MODULE, RZSC_FORMS };

struct rzsc_machine {
	uint64_t ram; /* bytes */
	bool root;
	bool systemd;	   /* it runs this machine */
	bool container;	   /* swap is then the host's business */
	bool nbd;	   /* the kernel has it, or a module of it */
	bool module;	   /* ramzswap.ko is loaded, or installed for this kernel */
	bool module_ready; /* /dev/ramzswap0 is initialised */
	bool zswap;
	bool hibernates;	       /* the kernel knows a partition to resume from */
	enum rzsc_form set_up;	       /* by this command, earlier */
	bool set_up_autoswap;	       /* this command has enabled rzs-autoswap, too */
	bool running;		       /* rzsd.service */
	bool enabled;		       /* rzsd-attach.service */
	bool autoswap;		       /* rzs-autoswap.service is enabled, by whomever */
	char page_cluster[16];	       /* of vm.page-cluster; empty: not known */
	char attached[RZSC_FORMS][32]; /* what is swapped to: an NBD device, ramzswap0; or empty */
	struct rzst_swap_area swaps[RZST_SWAPS_MAX];
	unsigned nr_swaps;
};

struct rzsc_setup_plan {
	int code; /* RZS_EXIT_DONE, or why it is refused */
	char refusal[512];
	enum rzsc_form form;
	bool form_given;	 /* in the words, not proposed */
	bool autoswap;		 /* rzs-autoswap is to look after the swap */
	char config[2048];	 /* the whole file */
	uint64_t size, memlimit; /* bytes; memlimit 0: none */
};

/* The file that setup writes for a form, and the unit that it enables. */
const char *rzsc_setup_file(enum rzsc_form form);
const char *rzsc_setup_unit(enum rzsc_form form);

/* The text of RZSC_SETUP_AUTOSWAP_FILE.  That it is there tells --undo who enabled it. */
extern const char rzsc_setup_autoswap_config[];

/* What there is now.  RZS_SYSROOT stands before all paths. */
void rzsc_setup_look(struct rzsc_machine *out);

/*
 * What to set up on this machine.  words: nr "KEY=VALUE": form is server or module; autoswap is yes
 * or no; for a server the others are those of a device section of rzsd.conf(5), for the module
 * size, memlimit and algorithm.  Without form it is the module where that is installed.  size and
 * memlimit have defaults.  Whether other values are good is for rzsd or the module to say, but for
 * what would break the file.  With plan->code other than RZS_EXIT_DONE, plan->refusal says why and
 * what to do.
 */
void rzsc_setup_plan(const struct rzsc_machine *m, const char *const *words, unsigned nr,
		     struct rzsc_setup_plan *plan);

/* In sentences, to out: what is proposed, and what each thing found means for it. */
void rzsc_setup_explain(const struct rzsc_machine *m, const struct rzsc_setup_plan *plan,
			FILE *out);

#endif
