/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a machine has that matters for swap: see rzsc_setup.h. */
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rzsc_setup.h"
#include "rzst_run.h"

static bool exists(const char *path)
{
	char at[RZST_PATH_MAX];

	return rzst_path(at, sizeof(at), path) == 0 && access(at, F_OK) == 0;
}

static bool says(const char *const argv[])
{
	return rzst_run(argv, true) == 0;
}

static bool unit_is(const char *what, const char *unit)
{
	return says((const char *const[]){"systemctl", "--quiet", what, unit, NULL});
}

static bool module_there(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/module/%s", name);
	return exists(path) || says((const char *const[]){"modprobe", "-n", "-q", name, NULL});
}

/* rzs-nbd-swap keeps a file for each device that it has attached. */
static void find_nbd(char *out, size_t size)
{
	char at[RZST_PATH_MAX];
	glob_t found;

	*out = '\0';
	if (rzst_path(at, sizeof(at), "/run/rzs/nbd*.state") < 0 || glob(at, 0, NULL, &found) != 0)
		return;
	snprintf(out, size, "/dev/%s", strrchr(found.gl_pathv[0], '/') + 1);
	*strrchr(out, '.') = '\0';
	globfree(&found);
}

static uint64_t ram_bytes(void)
{
	char at[RZST_PATH_MAX];

	return rzst_path(at, sizeof(at), "/proc/meminfo") < 0
		       ? 0
		       : rzst_number_in(at, "MemTotal:") * 1024;
}

void rzsc_setup_look(struct rzsc_machine *out)
{
	struct rzst_swap_area area;
	char line[64];

	*out = (struct rzsc_machine){
		.ram = ram_bytes(),
		.root = geteuid() == 0,
		.systemd = exists("/run/systemd/system"),
		.container = exists("/run/systemd/container"),
		.nbd = module_there("nbd"),
		.module = module_there("ramzswap"),
		.set_up = exists(RZSC_SETUP_SERVER_FILE)   ? RZSC_FORM_SERVER
			  : exists(RZSC_SETUP_MODULE_FILE) ? RZSC_FORM_MODULE
							   : RZSC_FORM_NONE,
		.set_up_autoswap = exists(RZSC_SETUP_AUTOSWAP_FILE),
	};
	if (out->systemd) {
		out->running = unit_is("is-active", "rzsd.service");
		out->enabled = unit_is("is-enabled", RZSC_SETUP_SERVER_UNIT);
		out->autoswap = unit_is("is-enabled", RZSC_SETUP_AUTOSWAP_UNIT);
	}
	(void)rzst_first_line("/sys/module/zswap/parameters/enabled", line, sizeof(line));
	out->zswap = strcmp(line, "Y") == 0;
	(void)rzst_first_line("/sys/power/resume", line, sizeof(line));
	out->hibernates = *line && strcmp(line, "0:0") != 0;
	(void)rzst_first_line("/sys/block/ramzswap0/initstate", line, sizeof(line));
	out->module_ready = strcmp(line, "1") == 0;
	(void)rzst_first_line("/proc/sys/vm/page-cluster", out->page_cluster,
			      sizeof(out->page_cluster));
	out->nr_swaps = rzst_swaps_read(out->swaps);
	find_nbd(out->attached[RZSC_FORM_SERVER], sizeof(out->attached[0]));
	if (rzst_swaps_find(RZSC_SETUP_MODULE_DEVICE, &area) == 0)
		snprintf(out->attached[RZSC_FORM_MODULE], sizeof(out->attached[0]), "%s",
			 RZSC_SETUP_MODULE_DEVICE);
}
