/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "rzscontrol setup": writes the configuration, enables and starts the units, and shows the swap
 * that came of it; --undo takes it back, the swap first.  A step that fails undoes those before it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rzsc_setup.h"
#include "rzsc_swap.h"
#include "rzst_area.h"
#include "rzst_files.h"
#include "rzst_run.h"

#define LOCK_WAIT 5u /* seconds for the lock of what is noted of areas */

/* Run it, and say so when it fails. */
static int run(const char *const argv[])
{
	int status = rzst_run(argv, false);

	if (status == 0)
		return RZS_EXIT_DONE;
	if (status < 0)
		return rzst_fail(RZS_EXIT_FAILED, "cannot start %s: %s", argv[0],
				 strerror(-status));
	return rzst_fail(RZS_EXIT_FAILED, "%s %s %s: it failed with status %d", argv[0], argv[1],
			 argv[2] ? argv[2] : "", status);
}

static int run_systemctl(const char *verb, const char *unit)
{
	return run((const char *const[]){"systemctl", verb, unit, NULL});
}

/* ---- the configuration ---- */

/* With the file's own directory; that above is the package's. */
static int write_config(const char *name, const char *text)
{
	char path[RZST_PATH_MAX];
	struct rzst_new_file n;
	int err = rzst_path(path, sizeof(path), name);

	if (err == 0) {
		char *slash = strrchr(path, '/');

		*slash = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			err = -errno;
		*slash = '/';
	}
	if (err == 0)
		err = rzst_new_file_open(&n, path);
	if (err == 0)
		err = rzst_new_file_close(&n, fputs(text, n.f) < 0 ? -EIO : 0, false);
	return err == 0 ? RZS_EXIT_DONE
			: rzst_fail(RZS_EXIT_FAILED, "cannot write %s: %s", name, strerror(-err));
}

/* The directory goes too, if nothing else is in it. */
static int remove_config(const char *name)
{
	char path[RZST_PATH_MAX];

	if (rzst_path(path, sizeof(path), name) < 0 || (unlink(path) < 0 && errno != ENOENT))
		return rzst_fail(RZS_EXIT_FAILED, "cannot remove %s: %s", name, strerror(errno));
	*strrchr(path, '/') = '\0';
	rmdir(path);
	return RZS_EXIT_DONE;
}

/* ---- doing it ---- */

/* Of a module's file there is nothing to check but by doing it. */
static int check_config(enum rzsc_form form)
{
	char path[RZST_PATH_MAX];

	if (form == RZSC_FORM_MODULE)
		return RZS_EXIT_DONE;
	rzsc_program("rzsd", "RZS_RZSD", path, sizeof(path));
	return run((const char *const[]){path, "--check-config", NULL});
}

/* The module has no process that would have to stop. */
static int stop_server(enum rzsc_form form)
{
	return form == RZSC_FORM_SERVER ? run_systemctl("stop", "rzsd.service") : RZS_EXIT_DONE;
}

static int write_files(const struct rzsc_setup_plan *plan)
{
	int code = write_config(rzsc_setup_file(plan->form), plan->config);

	if (code == RZS_EXIT_DONE && plan->autoswap)
		code = write_config(RZSC_SETUP_AUTOSWAP_FILE, rzsc_setup_autoswap_config);
	return code;
}

static void remove_files(const struct rzsc_setup_plan *plan)
{
	if (plan->autoswap)
		remove_config(RZSC_SETUP_AUTOSWAP_FILE);
	remove_config(rzsc_setup_file(plan->form));
}

static int enable_and_start(const char *unit)
{
	int code = run_systemctl("enable", unit);

	return code == RZS_EXIT_DONE ? run_systemctl("start", unit) : code;
}

static int stop_and_disable(const char *unit)
{
	int code = run_systemctl("stop", unit);

	return code == RZS_EXIT_DONE ? run_systemctl("disable", unit) : code;
}

static int switch_on(const struct rzsc_setup_plan *plan)
{
	const char *unit = rzsc_setup_unit(plan->form);
	int code = write_files(plan);

	if (code == RZS_EXIT_DONE)
		code = check_config(plan->form);
	if (code != RZS_EXIT_DONE) {
		remove_files(plan);
		return code;
	}
	code = enable_and_start(unit);
	if (code == RZS_EXIT_DONE && plan->autoswap) {
		unit = RZSC_SETUP_AUTOSWAP_UNIT;
		code = enable_and_start(unit);
	}
	if (code == RZS_EXIT_DONE)
		return run((const char *const[]){"swapon", "--show", NULL});
	rzst_say("'journalctl %s-u %s' has the reason; everything is taken back",
		 plan->form == RZSC_FORM_SERVER ? "-u rzsd " : "", unit);
	if (plan->autoswap)
		stop_and_disable(RZSC_SETUP_AUTOSWAP_UNIT);
	stop_and_disable(rzsc_setup_unit(plan->form));
	stop_server(plan->form);
	remove_files(plan);
	return code;
}

static bool agrees(void)
{
	char answer[16];

	printf("Go on? [y/N] ");
	fflush(stdout);
	return fgets(answer, sizeof(answer), stdin) && (*answer == 'y' || *answer == 'Y');
}

static int set_up(const struct rzsc_options *o, struct rzsc_machine *m)
{
	struct rzsc_setup_plan plan;

	m->root |= o->dry_run;
	rzsc_setup_plan(m, o->words, o->nr_words, &plan);
	if (plan.code != RZS_EXIT_DONE)
		return rzst_fail(plan.code, "%s", plan.refusal);
	if (!o->dry_run && !o->yes && !isatty(STDIN_FILENO))
		return rzst_fail(RZS_EXIT_USAGE, "there is no terminal to ask at: give --yes");
	rzsc_setup_explain(m, &plan, stdout);
	printf("This writes %s,\nenables %s and starts it.\n", rzsc_setup_file(plan.form),
	       rzsc_setup_unit(plan.form));
	if (plan.autoswap)
		printf("Then it writes %s,\nenables %s and starts it.\n", RZSC_SETUP_AUTOSWAP_FILE,
		       RZSC_SETUP_AUTOSWAP_UNIT);
	if (o->dry_run) {
		fputs(plan.config, stdout);
		return RZS_EXIT_DONE;
	}
	if (!o->yes && !agrees())
		return rzst_fail(RZS_EXIT_FAILED, "nothing was changed");
	return switch_on(&plan);
}

/* ---- undo ---- */

/*
 * Bring back what is swapped out.  Not by the unit's stop: when that is refused for want of room,
 * the unit has failed, and its stop is not run again at shutdown.
 */
static int end_swap(const struct rzsc_machine *m)
{
	char path[RZST_PATH_MAX];
	const char *device = m->attached[m->set_up], *argv[5] = {path, "detach"};
	struct rzsc_machine now;
	int status;

	printf("%s: bringing back what is swapped out\n", device);
	fflush(stdout);
	if (m->set_up == RZSC_FORM_SERVER) {
		rzsc_program("rzs-nbd-swap", "RZS_NBD_SWAP", path, sizeof(path));
		argv[2] = "--device";
		argv[3] = device;
	} else {
		rzsc_module_swap(path, sizeof(path));
	}
	status = rzst_run(argv, false);
	rzsc_setup_look(&now);
	if ((status == 0 || status == SWAP_NOT_ATTACHED) && !*now.attached[m->set_up])
		return RZS_EXIT_DONE;
	if (status < 0)
		return rzst_fail(RZS_EXIT_FAILED, "cannot start %s: %s", path, strerror(-status));
	return rzst_fail(RZS_EXIT_BUSY, "%s is still attached, and nothing was changed", device);
}

/*
 * Turn off and remove the swap files that rzs-autoswap has added, before the compressed swap goes:
 * that has room for what was in them.  It must not run meanwhile, because it would add others.
 */
static int end_autoswap(const struct rzsc_machine *m)
{
	char path[RZST_PATH_MAX];
	int code;

	if (!m->set_up_autoswap)
		return RZS_EXIT_DONE;
	code = run_systemctl("stop", RZSC_SETUP_AUTOSWAP_UNIT);
	if (code != RZS_EXIT_DONE)
		return code;
	rzsc_program("rzs-autoswap", "RZS_AUTOSWAP", path, sizeof(path));
	if (run((const char *const[]){path, "--erase", NULL}) == RZS_EXIT_DONE)
		return RZS_EXIT_DONE;
	return rzst_fail(RZS_EXIT_BUSY, "swap files of rzs-autoswap are still in use");
}

static int end_all_swap(const struct rzsc_machine *m)
{
	int code = end_autoswap(m);

	if (code == RZS_EXIT_DONE && *m->attached[m->set_up])
		code = end_swap(m);
	if (code != RZS_EXIT_DONE && m->set_up_autoswap)
		run_systemctl("start", RZSC_SETUP_AUTOSWAP_UNIT);
	return code;
}

/* A day's list of areas that are off is not worth a failure. */
static void forget_areas(void)
{
	int err = rzst_areas_forget(LOCK_WAIT);

	if (err < 0)
		rzst_say("warning: what is noted of swap areas stays in /run/rzs: %s",
			 strerror(-err));
}

/* What says that setup enabled rzs-autoswap; and the directory of its files, if it is empty. */
static int forget_autoswap(void)
{
	char path[RZST_PATH_MAX];

	if (rzst_path(path, sizeof(path), RZSC_SETUP_AUTOSWAP_STATE) == 0)
		rmdir(path);
	return remove_config(RZSC_SETUP_AUTOSWAP_FILE);
}

static int switch_off(const struct rzsc_machine *m)
{
	int code = end_all_swap(m);

	if (code == RZS_EXIT_DONE && m->set_up_autoswap)
		code = run_systemctl("disable", RZSC_SETUP_AUTOSWAP_UNIT);
	if (code == RZS_EXIT_DONE)
		code = stop_and_disable(rzsc_setup_unit(m->set_up));
	if (code == RZS_EXIT_DONE)
		code = stop_server(m->set_up);
	if (code != RZS_EXIT_DONE)
		return code;
	forget_areas();
	if (m->set_up_autoswap)
		code = forget_autoswap();
	return code == RZS_EXIT_DONE ? remove_config(rzsc_setup_file(m->set_up)) : code;
}

static void tell_undo(const struct rzsc_machine *m)
{
	printf("This ends the swap, stops and disables %s%s\nand removes %s.\n",
	       rzsc_setup_unit(m->set_up),
	       m->set_up == RZSC_FORM_SERVER ? ", stops rzsd.service" : "",
	       rzsc_setup_file(m->set_up));
	if (m->set_up_autoswap)
		printf("Before, it stops and disables %s,\nand removes its swap files and %s.\n",
		       RZSC_SETUP_AUTOSWAP_UNIT, RZSC_SETUP_AUTOSWAP_FILE);
}

static int undo(const struct rzsc_options *o, const struct rzsc_machine *m)
{
	if (m->set_up == RZSC_FORM_NONE)
		return rzst_fail(RZS_EXIT_NONE,
				 "neither " RZSC_SETUP_SERVER_FILE " nor " RZSC_SETUP_MODULE_FILE
				 " is there: there is nothing to undo");
	if (o->dry_run) {
		tell_undo(m);
		return RZS_EXIT_DONE;
	}
	if (!m->root)
		return rzst_fail(RZS_EXIT_FAILED,
				 "setup changes the system: be root, or --dry-run");
	return switch_off(m);
}

int rzsc_cmd_setup(const struct rzsc_options *o)
{
	struct rzsc_machine m;

	rzsc_setup_look(&m);
	if (!o->undo)
		return set_up(o, &m);
	if (o->nr_words || o->device)
		return rzst_fail(RZS_EXIT_USAGE, "setup --undo takes no KEY=VALUE");
	return undo(o, &m);
}
