/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What to set up on a machine, and what to say about it: see rzsc_setup.h.  No I/O. */
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "rzsc_setup.h"
#include "size_expr.h"

/* zram-generator proposes the same size.  The limit leaves half of the memory to programs. */
#define SIZE_DEFAULT	 "min(ram, 8192)"
#define MEMLIMIT_DEFAULT "50%"

static void __attribute__((format(printf, 3, 4)))
refuse(struct rzsc_setup_plan *plan, int code, const char *fmt, ...)
{
	va_list ap;

	if (plan->code != RZS_EXIT_DONE)
		return; /* the first reason is the one that counts */
	plan->code = code;
	va_start(ap, fmt);
	vsnprintf(plan->refusal, sizeof(plan->refusal), fmt, ap);
	va_end(ap);
}

static void __attribute__((format(printf, 2, 3)))
add(struct rzsc_setup_plan *plan, const char *fmt, ...)
{
	size_t n = strlen(plan->config);
	va_list ap;
	int more;

	va_start(ap, fmt);
	more = vsnprintf(plan->config + n, sizeof(plan->config) - n, fmt, ap);
	va_end(ap);
	if (more < 0 || (size_t)more >= sizeof(plan->config) - n)
		refuse(plan, RZS_EXIT_USAGE, "setup: too many keys");
}

/* ---- whether this machine can be set up ---- */

static void check_machine(const struct rzsc_machine *m, struct rzsc_setup_plan *plan)
{
	if (*m->attached)
		refuse(plan, RZS_EXIT_BUSY,
		       "%s is attached: this machine swaps to it already; 'rzscontrol check' says "
		       "how it is set up%s",
		       m->attached, m->set_up ? ", 'rzscontrol setup --undo' takes it back" : "");
	if (m->set_up)
		refuse(plan, RZS_EXIT_BUSY,
		       "%s is there: setup was run before; 'systemctl start " RZSC_SETUP_UNIT
		       "' attaches the device, 'rzscontrol setup --undo' takes everything back",
		       RZSC_SETUP_FILE);
	if (m->container)
		refuse(plan, RZS_EXIT_UNSUPPORTED,
		       "this is a container: swap is the business of the machine it runs on");
	if (!m->systemd)
		refuse(plan, RZS_EXIT_UNSUPPORTED,
		       "systemd does not run this machine: start rzsd and 'rzscontrol attach "
		       "swap0' "
		       "at boot, see rzsd(8)");
	if (!m->nbd)
		refuse(plan, RZS_EXIT_UNSUPPORTED,
		       "the kernel has no nbd, and no module of that name is installed: install "
		       "the distribution's full kernel (a cloud kernel may lack it), or use the "
		       "kernel module, ramzswap(4)");
	if (m->running || m->enabled)
		refuse(plan, RZS_EXIT_BUSY,
		       "%s: somebody set rzsd up by hand; change its configuration, rzsd.conf(5), "
		       "or stop and disable it first",
		       m->running ? "rzsd.service is running" : RZSC_SETUP_UNIT " is enabled");
	if (!m->ram)
		refuse(plan, RZS_EXIT_FAILED, "cannot read how much RAM there is: is /proc there?");
	if (!m->root)
		refuse(plan, RZS_EXIT_FAILED, "setup changes the system: be root, or --dry-run");
}

/* ---- the device ---- */

static uint64_t bytes_of(const struct rzsc_machine *m, struct rzsc_setup_plan *plan,
			 const char *key, const char *value)
{
	struct rzs_size_fault fault;
	uint64_t n;

	if (rzs_size_eval(value, m->ram, &n, &fault) < 0)
		refuse(plan, RZS_EXIT_USAGE, "%s=%s: %s; expected a size such as 2G, 50%%, %s", key,
		       value, fault.what, SIZE_DEFAULT);
	return n;
}

/* "KEY=VALUE" of one line, or NULL and a refusal. */
static const char *value_of(const char *word, struct rzsc_setup_plan *plan)
{
	size_t n = strspn(word, "abcdefghijklmnopqrstuvwxyz-_");

	for (const char *p = word; *p; p++)
		if (iscntrl((unsigned char)*p) || *p == ';' || *p == '#')
			n = 0;
	if (n && word[n] == '=')
		return word + n + 1;
	refuse(plan, RZS_EXIT_USAGE, "setup: expected KEY=VALUE of one line, as in rzsd.conf(5)");
	return NULL;
}

static bool is_key(const char *word, const char *key)
{
	size_t n = strlen(key);

	return strncmp(word, key, n) == 0 && word[n] == '=';
}

void rzsc_setup_plan(const struct rzsc_machine *m, const char *const *words, unsigned nr,
		     struct rzsc_setup_plan *plan)
{
	const char *size = SIZE_DEFAULT, *memlimit = MEMLIMIT_DEFAULT;

	*plan = (struct rzsc_setup_plan){.code = RZS_EXIT_DONE};
	check_machine(m, plan);
	add(plan, "# Written by \"rzscontrol setup\"; \"rzscontrol setup --undo\" removes it.\n"
		  "# rzsd.conf(5) explains the keys.\n"
		  "[device swap0]\n");
	for (unsigned i = 0; i < nr; i++) {
		const char *value = value_of(words[i], plan);

		if (!value)
			return;
		if (is_key(words[i], "size"))
			size = value;
		else if (is_key(words[i], "memlimit"))
			memlimit = value;
		else
			add(plan, "%.*s = %s\n", (int)(value - words[i]) - 1, words[i], value);
	}
	add(plan, "size = %s\nmemlimit = %s\n", size, memlimit);
	plan->size = bytes_of(m, plan, "size", size);
	plan->memlimit = bytes_of(m, plan, "memlimit", memlimit);
}

/* ---- what to say ---- */

static bool is_zram(const struct rzst_swap_area *a)
{
	return strncmp(a->name, "/dev/zram", strlen("/dev/zram")) == 0;
}

static void explain_area(const struct rzst_swap_area *a, FILE *out)
{
	char size[RZST_HUMAN_MAX], name[sizeof(a->name)];

	memcpy(name, a->name, sizeof(name));
	rzst_tame(name);
	fprintf(out, "  %s, swap of %s, priority %d: ", name, rzst_size_text((double)a->size, size),
		a->priority);
	if (is_zram(a))
		fputs("compressed swap too, in the same RAM.  Use one of them: the kernel\n"
		      "    fills the area of higher priority first (this one gets 100).\n",
		      out);
	else
		fputs("used when the compressed swap is full.\n", out);
}

void rzsc_setup_explain(const struct rzsc_machine *m, const struct rzsc_setup_plan *plan, FILE *out)
{
	char ram[RZST_HUMAN_MAX], size[RZST_HUMAN_MAX], limit[RZST_HUMAN_MAX];

	rzst_size_text((double)m->ram, ram);
	rzst_size_text((double)plan->size, size);
	rzst_size_text((double)plan->memlimit, limit);
	fprintf(out, "This machine has %s of RAM.\n", ram);
	fprintf(out, "Proposed: %s of swap, compressed in RAM by the server rzsd, ", size);
	if (plan->memlimit)
		fprintf(out, "which takes at most\n%s of RAM for it.\n", limit);
	else
		fprintf(out, "without a limit\non the RAM it takes.\n");
	if (m->nr_swaps || m->zswap || m->module)
		fprintf(out, "Found:\n");
	for (unsigned i = 0; i < m->nr_swaps; i++)
		explain_area(&m->swaps[i], out);
	if (m->hibernates && m->nr_swaps)
		fputs("  a partition to hibernate to: detach before hibernation ('rzscontrol "
		      "detach\n"
		      "    swap0'), as the server stands still while the memory image is made.\n",
		      out);
	if (m->zswap)
		fputs("  zswap is on: it compresses each page first, for nothing.  Boot with\n"
		      "    zswap.enabled=0.\n",
		      out);
	if (m->module)
		fputs("  the kernel module ramzswap: the same store without a process, see\n"
		      "    ramzswap(4).  This sets up the server.\n",
		      out);
}
