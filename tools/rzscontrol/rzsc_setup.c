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
#include "rzst_files.h"
#include "rzst_run.h"

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

static int write_config(const char *text)
{
	char dir[RZST_PATH_MAX], path[RZST_PATH_MAX];
	struct rzst_new_file n;
	int err = rzst_path(dir, sizeof(dir), RZSC_SETUP_DIR);

	if (err == 0)
		err = rzst_path(path, sizeof(path), RZSC_SETUP_FILE);
	if (err == 0 && mkdir(dir, 0755) < 0 && errno != EEXIST)
		err = -errno;
	if (err == 0)
		err = rzst_new_file_open(&n, path);
	if (err == 0)
		err = rzst_new_file_close(&n, fputs(text, n.f) < 0 ? -EIO : 0, false);
	return err == 0 ? RZS_EXIT_DONE
			: rzst_fail(RZS_EXIT_FAILED, "cannot write %s: %s", RZSC_SETUP_FILE,
				    strerror(-err));
}

/* The directory goes too, if nothing else is in it. */
static int remove_config(void)
{
	char path[RZST_PATH_MAX];

	if (rzst_path(path, sizeof(path), RZSC_SETUP_FILE) < 0 ||
	    (unlink(path) < 0 && errno != ENOENT))
		return rzst_fail(RZS_EXIT_FAILED, "cannot remove %s: %s", RZSC_SETUP_FILE,
				 strerror(errno));
	*strrchr(path, '/') = '\0';
	rmdir(path);
	return RZS_EXIT_DONE;
}

/* ---- doing it ---- */

static int check_config(void)
{
	char path[RZST_PATH_MAX];

	rzsc_program("rzsd", "RZS_RZSD", path, sizeof(path));
	return run((const char *const[]){path, "--check-config", NULL});
}

static int switch_on(const struct rzsc_setup_plan *plan)
{
	int code = write_config(plan->config);

	if (code == RZS_EXIT_DONE)
		code = check_config();
	if (code != RZS_EXIT_DONE) {
		remove_config();
		return code;
	}
	code = run_systemctl("enable", RZSC_SETUP_UNIT);
	if (code == RZS_EXIT_DONE)
		code = run_systemctl("start", RZSC_SETUP_UNIT);
	if (code == RZS_EXIT_DONE)
		return run((const char *const[]){"swapon", "--show", NULL});
	rzst_say("'journalctl -u rzsd -u " RZSC_SETUP_UNIT "' has the reason; everything is taken "
		 "back");
	run_systemctl("disable", RZSC_SETUP_UNIT);
	run_systemctl("stop", "rzsd.service");
	remove_config();
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
	printf("This writes %s,\nenables " RZSC_SETUP_UNIT " and starts it.\n", RZSC_SETUP_FILE);
	if (o->dry_run) {
		fputs(plan.config, stdout);
		return RZS_EXIT_DONE;
	}
	if (!o->yes && !agrees())
		return rzst_fail(RZS_EXIT_FAILED, "nothing was changed");
	return switch_on(&plan);
}

/* ---- undo ---- */

static int undo(const struct rzsc_options *o, const struct rzsc_machine *m)
{
	struct rzsc_machine now;
	int code;

	if (!m->set_up)
		return rzst_fail(RZS_EXIT_NONE, "%s is not there: there is nothing to undo",
				 RZSC_SETUP_FILE);
	if (o->dry_run) {
		printf("This stops and disables " RZSC_SETUP_UNIT ", which ends the swap, stops "
		       "rzsd.service\nand removes %s.\n",
		       RZSC_SETUP_FILE);
		return RZS_EXIT_DONE;
	}
	if (!m->root)
		return rzst_fail(RZS_EXIT_FAILED,
				 "setup changes the system: be root, or --dry-run");
	if (*m->attached) {
		printf("%s: bringing back what is swapped out\n", m->attached);
		code = run_systemctl("stop", RZSC_SETUP_UNIT);
		rzsc_setup_look(&now);
		if (code != RZS_EXIT_DONE || *now.attached)
			return rzst_fail(RZS_EXIT_BUSY,
					 "%s is still attached, and nothing else was changed: is "
					 "there room in memory for what is swapped out?  "
					 "'journalctl -u " RZSC_SETUP_UNIT "' has the reason",
					 m->attached);
	}
	code = run_systemctl("disable", RZSC_SETUP_UNIT);
	if (code == RZS_EXIT_DONE)
		code = run_systemctl("stop", "rzsd.service");
	return code == RZS_EXIT_DONE ? remove_config() : code;
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
