/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device table: life of a device, what is refused and why, exports, allocations that fail. */
#include "t.h"

#include "blocks.h"
#include "devices.h"

/* ---- allocations that fail ---- */

static long countdown = -1; /* allocations to let through; negative: all */

static bool fails(void)
{
	return countdown >= 0 && countdown-- == 0;
}

/* By the linker, for what is linked in here: our own code. */
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__real_calloc(size_t nr, size_t size);
void *__real_malloc(size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void *__wrap_calloc(size_t nr, size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	return fails() ? NULL : __real_aligned_alloc(alignment, size);
}

void *__wrap_calloc(size_t nr, size_t size)
{
	return fails() ? NULL : __real_calloc(nr, size);
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

/* ---- shorthands ---- */

static struct rzs_devices *devices;
static struct rzs_target target;
static struct rzs_nbd_exports exports;
static char why[RZS_WHY_MAX];

static void enter(void)
{
	T_EQ(rzs_devices_open(3, &devices), 0);
	rzs_devices_target(devices, &target);
	rzs_devices_exports(devices, &exports);
}

static void leave(void)
{
	rzs_devices_close(devices);
}

static void well(int err)
{
	if (err)
		T_FAIL("%d: %s", err, why);
	T_STR_EQ(why, "");
}

static void refused(int err, int want, const char *part)
{
	T_EQ(err, want);
	if (!strstr(why, part))
		T_FAIL("\"%s\" does not say \"%s\"", why, part);
}

static int create(const char *name)
{
	return target.create(target.arg, name, why);
}

static int set(const char *name, const char *key, const char *value)
{
	return target.set(target.arg, name, key, value, why);
}

static int init(const char *name)
{
	return target.init(target.arg, name, why);
}

static int reset(const char *name)
{
	return target.reset(target.arg, name, why);
}

static int gone(const char *name)
{
	return target.remove(target.arg, name, why);
}

/* A small device that is ready. */
static void make(const char *name)
{
	well(create(name));
	well(set(name, "size", "4M"));
	well(set(name, "reserve", "256K"));
	well(init(name));
}

static struct rzs_device_view view(unsigned i)
{
	struct rzs_device_view v;

	T_EQ(target.view(target.arg, i, &v), 0);
	return v;
}

static struct rzs_device *found(const char *name)
{
	struct rzs_nbd_export e;
	const char *reason = "unset";

	T_EQ(exports.find(exports.arg, name, strlen(name), &e, &reason), 0);
	T_EQ(reason, NULL);
	return e.tag;
}

static void not_found(const char *name, int err, const char *part)
{
	struct rzs_nbd_export e;
	const char *reason = "unset";

	T_EQ(exports.find(exports.arg, name, strlen(name), &e, &reason), err);
	T_EQ(e.tag, NULL);
	if (!part)
		T_EQ(reason, NULL);
	else if (!reason || !strstr(reason, part))
		T_FAIL("\"%s\" does not say \"%s\"", reason ? reason : "nothing", part);
}

/* ---- life ---- */

T_TEST(a_devices_life)
{
	struct rzs_device_view v;

	enter();
	T_EQ(target.view(target.arg, 0, &v), -ENOENT);
	well(create("a"));
	v = view(0);
	T_STR_EQ(v.name, "a");
	T_EQ(v.store, NULL);
	T_EQ(v.latency, NULL);
	well(set("a", "size", "8M"));
	well(set("a", "memlimit", "4M"));
	well(init("a"));
	v = view(0);
	T_NE(v.store, NULL);
	T_NE(v.latency, NULL);
	T_EQ(v.connections, 0);
	T_EQ(v.memlimit, 4u << 20);
	T_EQ(rzs_store_pages(v.store), 2048);
	T_EQ(v.params->store.nr_workers, 3);
	well(reset("a"));
	v = view(0);
	T_EQ(v.store, NULL);
	T_EQ(v.latency, NULL);
	T_EQ(v.memlimit, 0);
	well(gone("a"));
	T_EQ(target.view(target.arg, 0, &v), -ENOENT);
	leave();
}

T_TEST(parameters_survive_a_reset_and_what_was_drawn_does_not)
{
	uint8_t uuid[RZS_SWAP_UUID_SIZE];

	enter();
	make("a");
	memcpy(uuid, view(0).params->uuid, sizeof(uuid));
	well(reset("a"));
	T_EQ(view(0).params->store.nr_pages, 0); /* as it is set, not as it was */
	well(init("a"));
	T_EQ(view(0).params->size, 4u << 20);
	T_NE(memcmp(view(0).params->uuid, uuid, sizeof(uuid)), 0);
	leave();
}

T_TEST(a_device_given_at_the_start)
{
	struct rzs_device_params p;

	enter();
	rzs_device_params_init(&p);
	T_EQ(rzs_device_params_set(&p, "size", "4M", why), 0);
	well(rzs_devices_add(devices, "a", &p, why));
	well(init("a"));
	T_EQ(rzs_store_pages(view(0).store), 1024);
	leave();
}

T_TEST(devices_keep_their_order)
{
	enter();
	well(create("c"));
	well(create("a"));
	well(create("b"));
	well(gone("a"));
	well(create("a"));
	T_STR_EQ(view(0).name, "c");
	T_STR_EQ(view(1).name, "b");
	T_STR_EQ(view(2).name, "a");
	leave();
}

/* ---- refusals ---- */

T_TEST(names_are_one_devices_each)
{
	char name[RZS_DEVICE_NAME_MAX + 2];

	enter();
	well(create("a"));
	refused(create("a"), -EEXIST, "a: a device of this name exists");
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	refused(create(name), -EINVAL, "63 bytes");
	name[sizeof(name) - 2] = '\0';
	well(create(name));
	refused(init("b"), -ENOENT, "b: no such device");
	refused(reset("b"), -ENOENT, "b: no such device");
	refused(gone("b"), -ENOENT, "b: no such device");
	refused(set("b", "size", "1M"), -ENOENT, "b: no such device");
	leave();
}

T_TEST(there_are_only_so_many)
{
	char name[16];

	enter();
	for (unsigned i = 0; i < RZS_DEVICES_MAX; i++) {
		snprintf(name, sizeof(name), "d%u", i);
		well(create(name));
	}
	refused(create("more"), -ENOSPC, "64 devices");
	well(gone("d7"));
	well(create("more"));
	leave();
}

T_TEST(what_is_initialised_is_not_changed)
{
	enter();
	make("a");
	refused(init("a"), -EBUSY, "reset it first");
	refused(set("a", "size", "8M"), -EBUSY, "only memlimit");
	refused(set("a", "nonsense", "8M"), -EBUSY, "only memlimit");
	T_EQ(view(0).params->size, 4u << 20);
	leave();
}

T_TEST(bad_values_name_the_device_and_the_key)
{
	enter();
	well(create("a"));
	refused(set("a", "size", "much"), -EINVAL, "a: size=much");
	refused(set("a", "colour", "red"), -EINVAL, "a: ");
	refused(set("a", "size", "4097"), -EINVAL, "a: size=4097");
	/* What failed leaves the parameters as they were given. */
	well(set("a", "size", "4M"));
	well(set("a", "memlimit", "1"));
	refused(init("a"), -EINVAL, "a: memlimit=1");
	T_EQ(view(0).store, NULL);
	well(set("a", "memlimit", "0"));
	well(init("a"));
	leave();
}

T_TEST(a_device_in_use_stays)
{
	struct rzs_device *d;

	enter();
	make("a");
	make("b");
	d = found("a");
	atomic_fetch_add(&d->connections, 2);
	T_EQ(view(0).connections, 2);
	T_EQ(rzs_devices_connections(devices), 2);
	refused(reset("a"), -EBUSY, "a: in use, 2 connections;");
	refused(gone("a"), -EBUSY, "a: in use, 2 connections;");
	atomic_fetch_sub(&d->connections, 1);
	refused(reset("a"), -EBUSY, "a: in use, 1 connection;");
	T_NE(view(0).store, NULL);
	well(reset("b"));
	atomic_fetch_sub(&d->connections, 1);
	T_EQ(rzs_devices_connections(devices), 0);
	well(reset("a"));
	leave();
}

T_TEST(nothing_changes_while_the_server_stops)
{
	enter();
	make("a");
	well(create("b"));
	rzs_devices_shutdown(devices);
	refused(create("c"), -ESHUTDOWN, "shutting down");
	refused(init("b"), -ESHUTDOWN, "shutting down");
	refused(reset("a"), -ESHUTDOWN, "shutting down");
	refused(gone("a"), -ESHUTDOWN, "shutting down");
	refused(set("a", "memlimit", "0"), -ESHUTDOWN, "shutting down");
	not_found("a", -ESHUTDOWN, "shutting down");
	not_found("", -ESHUTDOWN, "shutting down");
	T_STR_EQ(view(1).name, "b");
	leave();
}

/* ---- memlimit ---- */

T_TEST(memlimit_of_a_device_in_use)
{
	struct rzs_device *d;

	enter();
	make("a");
	d = found("a");
	T_OK(!atomic_load(&d->limited));
	well(set("a", "memlimit", "8M"));
	T_EQ(view(0).memlimit, 8u << 20);
	T_STR_EQ(view(0).params->memlimit_text, "8M");
	T_OK(atomic_load(&d->limited));
	well(set("a", "memlimit", "0"));
	T_EQ(view(0).memlimit, 0);
	T_OK(!atomic_load(&d->limited));

	/* It is what the device is made with next time. */
	well(set("a", "memlimit", "6M"));
	well(reset("a"));
	T_OK(!atomic_load(&d->limited));
	well(init("a"));
	T_EQ(view(0).memlimit, 6u << 20);
	T_OK(atomic_load(&found("a")->limited));
	leave();
}

T_TEST(merging_of_a_device_in_use)
{
	enter();
	make("a");
	T_EQ(view(0).params->merge.run, 0);
	well(set("a", "merge-pages-to-scan", "7"));
	well(set("a", "merge-run", "1"));
	T_EQ(view(0).params->merge.run, 1);
	refused(set("a", "merge-run", "3"), -EINVAL, "a: merge-run=3: expected 0 to 2");
	refused(set("a", "merge-index", "1M"), -EBUSY, "only memlimit, merge-...");
	T_EQ(view(0).params->merge.run, 1);

	/* It is what the device is made with next time. */
	well(reset("a"));
	well(init("a"));
	T_EQ(view(0).params->merge.run, 1);
	T_EQ(view(0).params->merge.pages_to_scan, 7);
	well(set("a", "merge-run", "2"));
	T_EQ(view(0).params->merge.run, 2);
	leave();
}

T_TEST(an_index_that_does_not_fit)
{
	enter();
	well(create("a"));
	well(set("a", "size", "64M"));
	well(set("a", "memlimit", "8M"));
	well(set("a", "merge-run", "1"));
	well(set("a", "merge-index", "8M"));
	refused(init("a"), -ENOSPC, "a: merge-run=1: memlimit does not allow an index of 8388608");
	T_OK(view(0).store == NULL);
	well(set("a", "merge-index", "64K"));
	well(init("a"));
	leave();
}

T_TEST(a_memlimit_that_cannot_be_changes_nothing)
{
	struct rzs_device *d;
	struct rzs_worker *w;
	struct rzs_stats stats;
	uint8_t page[RZS_PAGE_SIZE];
	uint32_t random = 1;
	char text[32];

	enter();
	make("a");
	d = found("a");
	refused(set("a", "memlimit", "x"), -EINVAL, "a: memlimit=x");
	refused(set("a", "memlimit", "1"), -EINVAL, "at least");
	T_OK(!atomic_load(&d->limited));

	for (unsigned i = 0; i < 512; i++) {
		for (unsigned k = 0; k < sizeof(page); k++)
			page[k] = (uint8_t)((random = random * 1664525 + 1013904223) >> 24);
		w = rzs_worker_get(d->store, 0);
		/* The reserve is small, and filled by a thread. */
		T_WAIT(rzs_store_write(d->store, w, i, page) != -ENOMEM, 20);
		rzs_worker_put(d->store, w);
	}
	rzs_store_stats(d->store, &stats);
	T_EQ(stats.pages_stored, 512);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)stats.mem_bytes / 2);
	refused(set("a", "memlimit", text), -ENOSPC, "bytes are held now");
	T_EQ(view(0).memlimit, 0);
	T_OK(!atomic_load(&d->limited));
	T_STR_EQ(view(0).params->memlimit_text, "");

	/* Nor does it lift the limit that is in force. */
	well(set("a", "memlimit", "16M"));
	refused(set("a", "memlimit", text), -ENOSPC, "bytes are held now");
	T_EQ(view(0).memlimit, 16u << 20);
	T_OK(atomic_load(&d->limited));
	leave();
}

/* ---- exports ---- */

T_TEST(what_clients_are_told)
{
	const unsigned flags = RZS_NBD_FLAG_FLUSH | RZS_NBD_FLAG_FUA | RZS_NBD_FLAG_TRIM |
			       RZS_NBD_FLAG_WRITE_ZEROES | RZS_NBD_FLAG_FAST_ZERO |
			       RZS_NBD_FLAG_CACHE | RZS_NBD_FLAG_MULTI_CONN;
	struct rzs_nbd_export e;
	const char *reason;

	enter();
	make("a");
	T_EQ(exports.find(exports.arg, "axx", 1, &e, &reason), 0);
	T_STR_EQ(e.name, "a");
	T_OK(strstr(e.description, "lzo") != NULL);
	T_EQ(e.size, 4u << 20);
	T_EQ(e.flags, flags);
	T_EQ(e.min_block, 1);
	T_EQ(e.preferred_block, 4096);
	T_EQ(e.max_payload, RZS_NBD_MAX_PAYLOAD);
	leave();
}

T_TEST(only_initialised_devices_are_exports)
{
	struct rzs_nbd_export e;

	enter();
	not_found("", -ENOENT, "no device is initialised");
	well(create("a"));
	make("b");
	well(create("c"));
	make("d");
	not_found("a", -ENOENT, "not initialised");
	not_found("x", -ENOENT, NULL);
	not_found("bb", -ENOENT, NULL);
	/* The default is the first. */
	T_STR_EQ(found("")->name, "b");
	T_STR_EQ(found("d")->name, "d");
	T_EQ(exports.at(exports.arg, 0, &e), 0);
	T_STR_EQ(e.name, "b");
	T_EQ(exports.at(exports.arg, 1, &e), 0);
	T_STR_EQ(e.name, "d");
	T_EQ(exports.at(exports.arg, 2, &e), -ENOENT);
	well(reset("b"));
	T_STR_EQ(found("")->name, "d");
	T_EQ(exports.at(exports.arg, 1, &e), -ENOENT);
	leave();
}

/* ---- no memory ---- */

T_TEST(workers_out_of_range)
{
	struct rzs_devices *none;

	T_EQ(rzs_devices_open(1, &none), -EINVAL);
	T_EQ(none, NULL);
	T_EQ(rzs_devices_open(RZS_MAX_WORKERS + 1, &none), -EINVAL);
	T_EQ(none, NULL);
	rzs_devices_close(NULL);
}

T_TEST(each_allocation_may_fail)
{
	struct rzs_blocks_info blocks;
	unsigned failures = 0;
	int err = -ENOMEM;

	countdown = 0;
	T_EQ(rzs_devices_open(3, &devices), -ENOMEM);
	T_EQ(devices, NULL);
	countdown = -1;
	enter();
	countdown = 0;
	refused(create("a"), -ENOMEM, "a: no memory");
	countdown = -1;
	well(create("a"));
	well(set("a", "size", "4M"));
	well(set("a", "reserve", "256K"));
	for (long n = 0; err; n++) {
		countdown = n;
		err = init("a");
		countdown = -1;
		if (err) {
			failures++;
			refused(err, -ENOMEM, "a: ");
			T_EQ(view(0).store, NULL);
			T_EQ(view(0).latency, NULL);
			T_STR_EQ(view(0).params->size_text, "4M");
			T_EQ(view(0).params->store.nr_pages, 0);
			rzs_blocks_info(&blocks);
			T_EQ(blocks.sources, 0); /* nor is half a store left anywhere */
		}
	}
	T_GE(failures, 5);
	T_EQ(view(0).params->size, 4u << 20);
	leave();
}
