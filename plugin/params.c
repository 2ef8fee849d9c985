/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plugin's key=value parameters.  Those of its device are in server/host, the others here.
 * Every error message names the key and the value, and says what to give instead.
 *
 * Threading: nbdkit's main thread, before the server runs.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "params.h"
#include "process_params.h"
#include "say.h"

#define MAX_IO_WORKERS (RZS_MAX_WORKERS - 1) /* one is upkeep's */

const char rzs_params_help[] =
#define RZS_DEVICE_KEY(id, name, live, help) name "=" help "\n"
#include "device_keys.def"
	RZS_PROCESS_PARAMS_HELP "\n"
	"workers=<N>             requests compressed at once (default: number of CPUs)\n"
	"control=<PATH>          make a control socket there (default: none)";

void rzs_params_init(struct rzs_params *p)
{
	memset(p, 0, sizeof(*p));
	rzs_device_params_init(&p->device);
}

void rzs_params_free(struct rzs_params *p)
{
	free(p->control);
	p->control = NULL;
}

static int set_workers(const char *key, const char *value, unsigned *out, char *why)
{
	int n, err = rzs_value_number(key, value, 1, MAX_IO_WORKERS, &n, why);

	if (err == 0)
		*out = (unsigned)n;
	return err;
}

/* The path is made absolute, because nbdkit changes its directory when it becomes a daemon. */
static int set_control(struct rzs_params *p, const char *key, const char *value, char *why)
{
	char *path;

	if (!RZS_HAVE_CONTROL)
		return rzs_value_bad(why, key, value,
				     "this plugin was built without control sockets");
	if (*value == '\0')
		return rzs_value_bad(why, key, value, "expected the path of a socket to make");
	path = nbdkit_absolute_path(value);
	if (!path)
		return rzs_value_bad(why, key, value, "no memory");
	free(p->control);
	p->control = path;
	return 0;
}

static int set(struct rzs_params *p, const char *key, const char *value, char *why)
{
	if (strcmp(key, "workers") == 0)
		return set_workers(key, value, &p->io_workers, why);
	if (strcmp(key, "protect") == 0)
		return rzs_process_params_protect(key, value, &p->protect, why);
	if (strcmp(key, "realtime") == 0)
		return rzs_process_params_realtime(key, value, &p->realtime, why);
	if (strcmp(key, "ballast") == 0)
		return rzs_process_params_set_ballast(key, value, &p->ballast, &p->ballast_given,
						      why);
	if (strcmp(key, "control") == 0)
		return set_control(p, key, value, why);
	if (strncmp(key, "spill", strlen("spill")) == 0)
		return rzs_value_bad(why, key, value,
				     "the plugin keeps all pages in memory; rzsd can spill them");
	return rzs_device_params_set(&p->device, key, value, why);
}

int rzs_params_set(struct rzs_params *p, const char *key, const char *value)
{
	char why[RZS_WHY_MAX];
	int err = set(p, key, value, why);

	if (err == 0)
		return 0;
	if (err == -ENOENT)
		nbdkit_error("unknown parameter '%s' (in %s=%s); 'nbdkit rzs --help' lists them",
			     key, key, value);
	else
		nbdkit_error("%s", why);
	return -1;
}

static unsigned default_workers(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (cpus < 2)
		return 2;
	return cpus > (long)MAX_IO_WORKERS ? MAX_IO_WORKERS : (unsigned)cpus;
}

static void warn(const char *text)
{
	rzs_say_at(RZS_SAY_WARNING, "%s", text);
}

int rzs_params_complete(struct rzs_params *p)
{
	char why[RZS_WHY_MAX];

	if (p->io_workers == 0)
		p->io_workers = default_workers();
	if (rzs_device_params_complete(&p->device, p->io_workers + 1, warn, why) == 0 &&
	    rzs_process_params_ballast(&p->ballast, p->ballast_given, why) == 0)
		return 0;
	nbdkit_error("%s", why);
	return -1;
}
