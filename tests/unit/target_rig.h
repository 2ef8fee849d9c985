/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A target (target.h) of devices that a test puts there, which writes down what is asked of it.
 *
 * Threading: none; a test is a process of its own, so what is static is that test's.
 */
#ifndef RZS_TEST_TARGET_RIG_H
#define RZS_TEST_TARGET_RIG_H

#include "t.h"

#include "target.h"

#define RIG_DEVICES 64

static struct {
	unsigned nr;
	struct rzs_device_view view[RIG_DEVICES];
	struct rzs_device_params params[RIG_DEVICES];
	char name[RIG_DEVICES][RZS_DEVICE_NAME_MAX + 1];
	char log[4096];	     /* "verb name ...;" of each change asked for */
	unsigned changes;    /* asked for; the log only has the first of many */
	const char *refused; /* key whose value is refused, with the two below */
	int error;
	const char *why;
} rig;

__attribute__((unused, format(printf, 1, 2))) static void rig_log(const char *fmt, ...)
{
	size_t len = strlen(rig.log);
	va_list ap;

	rig.changes++;
	va_start(ap, fmt);
	vsnprintf(rig.log + len, sizeof(rig.log) - len, fmt, ap);
	va_end(ap);
}

static struct rzs_device_view *rig_add(const char *name)
{
	unsigned i = rig.nr++;

	T_LT(i, RIG_DEVICES);
	snprintf(rig.name[i], sizeof(rig.name[i]), "%s", name);
	memset(&rig.params[i], 0, sizeof(rig.params[i]));
	rig.view[i] = (struct rzs_device_view){.name = rig.name[i], .params = &rig.params[i]};
	return &rig.view[i];
}

/* A device that is initialised, of real pages. */
__attribute__((unused)) static struct rzs_device_view *rig_add_store(const char *name,
								     uint64_t pages)
{
	struct rzs_device_view *view = rig_add(name);
	struct rzs_device_params *p = &rig.params[rig.nr - 1];
	struct rzs_latency *latency;

	p->size = pages * RZS_PAGE_SIZE;
	p->store =
		(struct rzs_config){.nr_pages = pages, .nr_workers = 2, .reserve_bytes = 1 << 20};
	T_EQ(rzs_store_create(&p->store, &view->store), 0);
	T_EQ(rzs_latency_create(2, &latency), 0);
	view->latency = latency;
	return view;
}

__attribute__((unused)) static void rig_end(void)
{
	for (unsigned i = 0; i < rig.nr; i++) {
		rzs_store_destroy(rig.view[i].store);
		rzs_latency_destroy((struct rzs_latency *)(uintptr_t)rig.view[i].latency);
	}
}

static int rig_view(void *arg, unsigned i, struct rzs_device_view *out)
{
	T_EQ(arg, &rig);
	if (i >= rig.nr)
		return -ENOENT;
	*out = rig.view[i];
	return 0;
}

static int rig_answer(const char *key, char why[RZS_WHY_MAX])
{
	if (!rig.refused || strcmp(rig.refused, key) != 0)
		return 0;
	snprintf(why, RZS_WHY_MAX, "%s", rig.why);
	return rig.error;
}

static int rig_create(void *arg, const char *name, char why[RZS_WHY_MAX])
{
	T_EQ(arg, &rig);
	rig_log("create %s;", name);
	return rig_answer("create", why);
}

static int rig_remove(void *arg, const char *name, char why[RZS_WHY_MAX])
{
	T_EQ(arg, &rig);
	rig_log("remove %s;", name);
	return rig_answer("remove", why);
}

static int rig_set(void *arg, const char *name, const char *key, const char *value,
		   char why[RZS_WHY_MAX])
{
	T_EQ(arg, &rig);
	rig_log("set %s %s=%s;", name, key, value);
	return rig_answer(key, why);
}

static int rig_init(void *arg, const char *name, char why[RZS_WHY_MAX])
{
	T_EQ(arg, &rig);
	rig_log("init %s;", name);
	return rig_answer("init", why);
}

static int rig_reset(void *arg, const char *name, char why[RZS_WHY_MAX])
{
	T_EQ(arg, &rig);
	rig_log("reset %s;", name);
	return rig_answer("reset", why);
}

static const struct rzs_target rig_target = {
	.program = "rzsd",
	.socket = "/run/rzs/nbd.sock",
	.arg = &rig,
	.view = rig_view,
	.create = rig_create,
	.remove = rig_remove,
	.set = rig_set,
	.init = rig_init,
	.reset = rig_reset,
};

#endif
