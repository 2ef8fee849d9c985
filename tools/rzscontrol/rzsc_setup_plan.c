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
/* rzs-autoswap counts a slot for what it is worth, so it may have as many as the limit can fill. */
#define SIZE_MANAGED "min(ram * 2, 16384)"

const char rzsc_setup_autoswap_config[] =
	"# Written by \"rzscontrol setup autoswap=yes\", which has enabled rzs-autoswap.service.\n"
	"# If this file is there, \"rzscontrol setup --undo\" disables that, and removes it.\n"
	"# Settings belong into another file, see rzs-autoswap.conf(5).\n";

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

const char *rzsc_setup_file(enum rzsc_form form)
{
	return form == RZSC_FORM_MODULE ? RZSC_SETUP_MODULE_FILE : RZSC_SETUP_SERVER_FILE;
}

const char *rzsc_setup_unit(enum rzsc_form form)
{
	return form == RZSC_FORM_MODULE ? RZSC_SETUP_MODULE_UNIT : RZSC_SETUP_SERVER_UNIT;
}

/* ---- whether this machine can be set up ---- */

static void check_free(const struct rzsc_machine *m, struct rzsc_setup_plan *plan)
{
	for (unsigned form = 0; form < RZSC_FORMS; form++)
		if (*m->attached[form])
			refuse(plan, RZS_EXIT_BUSY,
			       "%s is attached: this machine swaps to it already; 'rzscontrol "
			       "list' shows it%s",
			       m->attached[form],
			       m->set_up ? ", 'rzscontrol setup --undo' takes it back" : "");
	if (m->set_up)
		refuse(plan, RZS_EXIT_BUSY,
		       "%s is there: setup was run before; 'systemctl start %s' attaches the "
		       "device, 'systemctl enable --now rzs-autoswap' has swap looked after, "
		       "'rzscontrol setup --undo' takes everything back",
		       rzsc_setup_file(m->set_up), rzsc_setup_unit(m->set_up));
}

static void check_server(const struct rzsc_machine *m, struct rzsc_setup_plan *plan)
{
	if (!m->nbd)
		refuse(plan, RZS_EXIT_UNSUPPORTED,
		       "the kernel has no nbd, and no module of that name is installed: install "
		       "the distribution's full kernel (a cloud kernel may lack it), or use the "
		       "kernel module, ramzswap(4)");
	if (m->running || m->enabled)
		refuse(plan, RZS_EXIT_BUSY,
		       "%s: somebody set rzsd up by hand; change its configuration, rzsd.conf(5), "
		       "or stop and disable it first",
		       m->running ? "rzsd.service is running"
				  : RZSC_SETUP_SERVER_UNIT " is enabled");
}

static void check_module(const struct rzsc_machine *m, struct rzsc_setup_plan *plan)
{
	if (!m->module)
		refuse(plan, RZS_EXIT_UNSUPPORTED,
		       "form=module: the module ramzswap is not installed for this kernel; "
		       "install it (Debian: ramzswap-dkms, with the linux-headers of this kernel), "
		       "or leave form=module out");
	if (m->module_ready)
		refuse(plan, RZS_EXIT_BUSY,
		       "/dev/ramzswap0 is initialised: somebody set it up by hand; 'rzscontrol "
		       "/dev/ramzswap0 --reset' drops what it holds");
}

static void check_machine(const struct rzsc_machine *m, struct rzsc_setup_plan *plan)
{
	check_free(m, plan);
	if (m->container)
		refuse(plan, RZS_EXIT_UNSUPPORTED,
		       "this is a container: swap is the business of the machine it runs on");
	if (!m->systemd)
		refuse(plan, RZS_EXIT_UNSUPPORTED,
		       "systemd does not run this machine: start rzsd and 'rzscontrol attach "
		       "swap0' at boot, see rzsd(8)");
	if (plan->form == RZSC_FORM_MODULE)
		check_module(m, plan);
	else
		check_server(m, plan);
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

/* The module is built for each kernel by choice, so where it is it is what is wanted. */
static void choose_form(const struct rzsc_machine *m, const char *given,
			struct rzsc_setup_plan *plan)
{
	plan->form_given = given;
	plan->form = m->module ? RZSC_FORM_MODULE : RZSC_FORM_SERVER;
	if (!given)
		return;
	plan->form = strcmp(given, "module") == 0 ? RZSC_FORM_MODULE : RZSC_FORM_SERVER;
	if (plan->form == RZSC_FORM_SERVER && strcmp(given, "server") != 0)
		refuse(plan, RZS_EXIT_USAGE, "form=%s: expected server or module", given);
}

/* What was given as KEY=VALUE; NULL: not given. */
struct wanted {
	const char *form, *size, *memlimit, *algorithm, *autoswap;
};

/* Who has enabled it already need not have setup do it, nor --undo disable it. */
static void choose_autoswap(const struct rzsc_machine *m, struct wanted *w,
			    struct rzsc_setup_plan *plan)
{
	bool wanted = w->autoswap && strcmp(w->autoswap, "yes") == 0;

	if (w->autoswap && !wanted && strcmp(w->autoswap, "no") != 0)
		refuse(plan, RZS_EXIT_USAGE, "autoswap=%s: expected yes or no", w->autoswap);
	plan->autoswap = wanted && !m->autoswap;
	if (!w->size)
		w->size = wanted || m->autoswap ? SIZE_MANAGED : SIZE_DEFAULT;
	if (!w->memlimit)
		w->memlimit = MEMLIMIT_DEFAULT;
}

/* Those that setup reads itself; false: it is another key, or no KEY=VALUE. */
static bool take_word(const char *word, struct wanted *w)
{
	const char *value = strchr(word, '=');

	if (is_key(word, "form"))
		w->form = value + 1;
	else if (is_key(word, "size"))
		w->size = value + 1;
	else if (is_key(word, "memlimit"))
		w->memlimit = value + 1;
	else if (is_key(word, "algorithm"))
		w->algorithm = value + 1;
	else if (is_key(word, "autoswap"))
		w->autoswap = value + 1;
	else
		return false;
	return true;
}

static void plan_server(const char *const *words, unsigned nr, const struct wanted *w,
			struct rzsc_setup_plan *plan)
{
	struct wanted other;

	add(plan, "# rzsd.conf(5) explains the keys.\n[device swap0]\n");
	for (unsigned i = 0; i < nr; i++)
		if (!take_word(words[i], &other))
			add(plan, "%.*s = %s\n", (int)strcspn(words[i], "="), words[i],
			    strchr(words[i], '=') + 1);
	if (w->algorithm)
		add(plan, "algorithm = %s\n", w->algorithm);
	add(plan, "size = %s\nmemlimit = %s\n", w->size, w->memlimit);
}

/* The module takes bytes.  A shell and systemd read the file, so a value is one plain word. */
static void plan_module(const char *const *words, unsigned nr, const struct wanted *w,
			struct rzsc_setup_plan *plan)
{
	const char *algorithm = w->algorithm ? w->algorithm : "";
	struct wanted other;

	for (unsigned i = 0; i < nr; i++)
		if (!take_word(words[i], &other))
			refuse(plan, RZS_EXIT_USAGE,
			       "setup: the kernel module has size, memlimit and algorithm, and no "
			       "%.*s",
			       (int)strcspn(words[i], "="), words[i]);
	if (algorithm[strspn(algorithm, "abcdefghijklmnopqrstuvwxyz0123456789-")])
		refuse(plan, RZS_EXIT_USAGE, "algorithm=%s: expected a name such as lzo",
		       algorithm);
	add(plan,
	    "# Of " RZSC_SETUP_MODULE_UNIT ", see ramzswap(4).  Bytes; memlimit 0: none.\n"
	    "RZS_SIZE=%" PRIu64 "\nRZS_MEMLIMIT=%" PRIu64 "\n",
	    plan->size, plan->memlimit);
	if (*algorithm)
		add(plan, "RZS_ALGORITHM=%s\n", algorithm);
}

void rzsc_setup_plan(const struct rzsc_machine *m, const char *const *words, unsigned nr,
		     struct rzsc_setup_plan *plan)
{
	struct wanted w = {.size = NULL};

	*plan = (struct rzsc_setup_plan){.code = RZS_EXIT_DONE};
	for (unsigned i = 0; i < nr; i++) {
		if (!value_of(words[i], plan))
			return;
		take_word(words[i], &w);
	}
	choose_form(m, w.form, plan);
	choose_autoswap(m, &w, plan);
	check_machine(m, plan);
	plan->size = bytes_of(m, plan, "size", w.size);
	plan->memlimit = bytes_of(m, plan, "memlimit", w.memlimit);
	add(plan, "# Written by \"rzscontrol setup\"; \"rzscontrol setup --undo\" removes it.\n");
	if (plan->form == RZSC_FORM_MODULE)
		plan_module(words, nr, &w, plan);
	else
		plan_server(words, nr, &w, plan);
}

/* ---- what to say ---- */

static bool is_compressed(const struct rzst_swap_area *a)
{
	return strncmp(a->name, "/dev/zram", strlen("/dev/zram")) == 0 ||
	       strncmp(a->name, "/dev/ramzswap", strlen("/dev/ramzswap")) == 0;
}

static void explain_area(const struct rzst_swap_area *a, FILE *out)
{
	char size[RZST_HUMAN_MAX], name[sizeof(a->name)];

	memcpy(name, a->name, sizeof(name));
	rzst_tame(name);
	fprintf(out, "  %s, swap of %s, priority %d: ", name, rzst_size_text((double)a->size, size),
		a->priority);
	if (is_compressed(a))
		fputs("compressed swap too, in the same RAM.  Use one of them: the kernel\n"
		      "    fills the area of higher priority first (this one gets 100).\n",
		      out);
	else
		fputs("used when the compressed swap is full.\n", out);
}

/* Who compresses, and why it is that. */
static void explain_form(const struct rzsc_machine *m, const struct rzsc_setup_plan *plan,
			 FILE *out)
{
	if (plan->form == RZSC_FORM_MODULE)
		fprintf(out, "The kernel module ramzswap compresses%s.\n",
			plan->form_given ? ", as you wish"
					 : ", because it is installed for this kernel: it reads a\n"
					   "page within microseconds and needs no process "
					   "(form=server: rzsd instead)");
	else if (m->module)
		fputs("The server rzsd compresses, as you wish, although the kernel module is "
		      "installed.\n",
		      out);
	else
		fputs("The server rzsd compresses, because the kernel module ramzswap is not "
		      "installed for\nthis kernel; nothing has to be built for a kernel.\n",
		      out);
}

static void explain_autoswap(const struct rzsc_machine *m, const struct rzsc_setup_plan *plan,
			     FILE *out)
{
	if (m->autoswap)
		fputs("rzs-autoswap is enabled already, and will look after this swap too.\n", out);
	else if (plan->autoswap)
		fputs("rzs-autoswap looks after it: when all that is not enough it adds swap files "
		      "on the disk,\n"
		      "and removes them when they are not needed any more.  'systemctl status "
		      "rzs-autoswap'\n"
		      "shows what it sees, and rzs-autoswap.conf(5) has its settings.\n",
		      out);
	else
		fputs("When that is full there is no more.  With autoswap=yes rzs-autoswap looks "
		      "after it, and\n"
		      "adds swap files on the disk while they are needed.\n",
		      out);
}

static void explain_found(const struct rzsc_machine *m, const struct rzsc_setup_plan *plan,
			  FILE *out)
{
	bool readahead = plan->form == RZSC_FORM_MODULE && *m->page_cluster &&
			 strcmp(m->page_cluster, "0") != 0;

	if (m->nr_swaps || m->zswap || readahead)
		fprintf(out, "Found:\n");
	for (unsigned i = 0; i < m->nr_swaps; i++)
		explain_area(&m->swaps[i], out);
	if (m->hibernates && m->nr_swaps && plan->form == RZSC_FORM_SERVER)
		fputs("  a partition to hibernate to: detach before hibernation ('rzscontrol "
		      "detach\n"
		      "    swap0'), as the server stands still while the memory image is made.\n",
		      out);
	if (m->zswap)
		fputs("  zswap is on: it compresses each page first, for nothing.  Boot with\n"
		      "    zswap.enabled=0.\n",
		      out);
	if (readahead)
		fprintf(out,
			"  vm.page-cluster=%s: the kernel reads pages ahead, which gains "
			"nothing here.\n"
			"    sysctl vm.page-cluster=0 ends that; setup does not change it.\n",
			m->page_cluster);
}

void rzsc_setup_explain(const struct rzsc_machine *m, const struct rzsc_setup_plan *plan, FILE *out)
{
	char ram[RZST_HUMAN_MAX], size[RZST_HUMAN_MAX], limit[RZST_HUMAN_MAX];

	rzst_size_text((double)m->ram, ram);
	rzst_size_text((double)plan->size, size);
	rzst_size_text((double)plan->memlimit, limit);
	fprintf(out, "This machine has %s of RAM.\n", ram);
	fprintf(out, "Proposed: %s of swap, compressed in RAM, which takes ", size);
	if (plan->memlimit)
		fprintf(out, "at most\n%s of RAM for it.\n", limit);
	else
		fprintf(out, "RAM for it\nwithout a limit.\n");
	explain_form(m, plan, out);
	explain_autoswap(m, plan, out);
	explain_found(m, plan, out);
}
