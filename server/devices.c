/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rzsd's devices.  See devices.h, which also says what I/O threads access.
 *
 * Threading: the front thread.  A store is created before its device's first connection, and
 * destroyed when `connections` is 0; only the front thread increments that.  The upkeep thread uses
 * a store from rzs_device_live_start() to rzs_upkeep_remove(), which waits for it.
 *
 * Invariant: a device has all of store, latency and `configured`, or none; except that one whose
 * store is to be adopted has the last two before.  `configured` are the parameters as given, params
 * the completed ones.  So the next init after a reset computes shares of RAM and random numbers
 * again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device_live.h"
#include "devices_private.h"
#include "say.h"
#include "upkeep.h"

#define PREFERRED_BLOCK RZS_PAGE_SIZE

struct rzs_device *rzs_devices_find(const struct rzs_devices *devices, const char *name, size_t len)
{
	struct rzs_device *d;

	for (d = devices->first; d; d = d->next)
		if (strlen(d->name) == len && memcmp(d->name, name, len) == 0)
			break;
	return d;
}

/* 0, or a negative errno and why: no device may be changed now. */
static int check_changeable(const struct rzs_devices *devices, char *why)
{
	why[0] = '\0';
	if (devices->stopping)
		return rzs_value_fail(why, -ESHUTDOWN,
				      "the server is shutting down; nothing was changed");
	if (devices->frozen)
		return rzs_value_fail(why, -EBUSY,
				      "the server is being replaced; nothing was changed; try "
				      "again in a moment");
	return 0;
}

/* Find the device to change; NULL: *err and why are set. */
static struct rzs_device *find_for_change(struct rzs_devices *devices, const char *name, int *err,
					  char *why)
{
	struct rzs_device *d;

	*err = check_changeable(devices, why);
	if (*err < 0)
		return NULL;
	d = rzs_devices_find(devices, name, strlen(name));
	if (!d)
		*err = rzs_value_fail(why, -ENOENT, "%s: no such device", name);
	return d;
}

static int refuse_used(const struct rzs_device *d, unsigned connections, char *why)
{
	return rzs_value_fail(why, -EBUSY,
			      "%s: in use, %u connection%s; swapoff and detach it first", d->name,
			      connections, connections == 1 ? "" : "s");
}

/* ---- exports ---- */

static void describe(struct rzs_devices *devices, struct rzs_device *d, struct rzs_nbd_export *out)
{
	snprintf(devices->description, sizeof(devices->description), "compressed RAM (%s)",
		 d->params.store.codec);
	*out = (struct rzs_nbd_export){
		.name = d->name,
		.description = devices->description,
		.size = d->params.size,
		.flags = RZS_NBD_FLAG_FLUSH | RZS_NBD_FLAG_FUA | RZS_NBD_FLAG_TRIM |
			 RZS_NBD_FLAG_WRITE_ZEROES | RZS_NBD_FLAG_FAST_ZERO | RZS_NBD_FLAG_CACHE |
			 RZS_NBD_FLAG_MULTI_CONN,
		.min_block = 1,
		.preferred_block = PREFERRED_BLOCK,
		.max_payload = RZS_NBD_MAX_PAYLOAD,
		.tag = d,
	};
}

static struct rzs_device *first_initialised(const struct rzs_devices *devices)
{
	struct rzs_device *d = devices->first;

	while (d && !d->store)
		d = d->next;
	return d;
}

static int find_export(void *arg, const char *name, size_t len, struct rzs_nbd_export *out,
		       const char **out_why)
{
	struct rzs_devices *devices = arg;
	struct rzs_device *d;

	*out_why = NULL;
	memset(out, 0, sizeof(*out));
	if (devices->stopping) {
		*out_why = "the server is shutting down";
		return -ESHUTDOWN;
	}
	d = len ? rzs_devices_find(devices, name, len) : first_initialised(devices);
	if (!d || !d->store) {
		if (d)
			*out_why = "the device is not initialised; rzscontrol can do that";
		else if (len == 0)
			*out_why = "no device is initialised; rzscontrol can do that";
		return -ENOENT;
	}
	describe(devices, d, out);
	return 0;
}

static int export_at(void *arg, unsigned i, struct rzs_nbd_export *out)
{
	struct rzs_devices *devices = arg;
	struct rzs_device *d;

	memset(out, 0, sizeof(*out));
	for (d = devices->first; d; d = d->next) {
		if (!d->store || i-- != 0)
			continue;
		describe(devices, d, out);
		return 0;
	}
	return -ENOENT;
}

/* The flags that offer changes. */
#define CHANGES \
	(RZS_NBD_FLAG_FUA | RZS_NBD_FLAG_TRIM | RZS_NBD_FLAG_WRITE_ZEROES | RZS_NBD_FLAG_FAST_ZERO)

/* Whether the client is a kernel; an unknown peer is one if it cannot do structured replies. */
static bool is_kernel(const struct rzs_peer_id *peer, bool structured)
{
	return peer->attaches || (!rzs_peer_is_known(peer) && !structured);
}

int rzs_devices_offer(const struct rzs_peer_id *peer, bool structured,
		      struct rzs_nbd_export *export, const char **out_why)
{
	struct rzs_device *d = export->tag;

	if (d->params.shared)
		return 0;
	switch (rzs_hold_ask(&d->hold, peer)) {
	case RZS_HOLD_READ:
		if (is_kernel(peer, structured)) {
			*out_why = RZS_HOLD_REFUSAL;
			return -EBUSY;
		}
		export->flags |= RZS_NBD_FLAG_READ_ONLY;
		export->flags &= (uint16_t)~CHANGES;
		return 0;
	case RZS_HOLD_WAIT:
		return -EAGAIN;
	default:
		/* Each of its connections counts as a client of its own. */
		if (!rzs_peer_is_known(peer))
			export->flags &= (uint16_t)~RZS_NBD_FLAG_MULTI_CONN;
		return 0;
	}
}

/* Without structured replies the client may be a kernel, which holds its device from the start. */
int rzs_devices_enter(const struct rzs_peer_id *peer, struct rzs_nbd_session *session)
{
	struct rzs_device *d = session->tag;
	struct rzs_holder *holder = NULL;
	int err = 0;

	if (!d->params.shared && !(session->flags & RZS_NBD_FLAG_READ_ONLY))
		err = rzs_hold_enter(&d->hold, peer, &holder);
	if (err < 0)
		return err;
	if (holder && (!session->structured || peer->attaches))
		(void)rzs_hold_take(&d->hold, holder);
	session->client = holder;
	atomic_fetch_add(&d->connections, 1);
	return 0;
}

void rzs_devices_left(const struct rzs_nbd_session *session)
{
	struct rzs_device *d = session->tag;

	rzs_hold_leave(&d->hold, session->client);
	atomic_fetch_sub(&d->connections, 1);
}

void rzs_devices_exports(struct rzs_devices *devices, struct rzs_nbd_exports *out)
{
	*out = (struct rzs_nbd_exports){.find = find_export, .at = export_at, .arg = devices};
}

/* ---- changes ---- */

int rzs_devices_add(struct rzs_devices *devices, const char *name,
		    const struct rzs_device_params *params, char why[RZS_WHY_MAX])
{
	struct rzs_device **link = &devices->first;
	struct rzs_devices_entry *e;
	int err = check_changeable(devices, why);

	if (err < 0)
		return err;
	if (rzs_devices_find(devices, name, strlen(name)))
		return rzs_value_fail(why, -EEXIST, "%s: a device of this name exists", name);
	if (strlen(name) > RZS_DEVICE_NAME_MAX)
		return rzs_value_fail(why, -EINVAL, "%s: a name has at most %u bytes", name,
				      RZS_DEVICE_NAME_MAX);
	if (devices->nr == RZS_DEVICES_MAX)
		return rzs_value_fail(why, -ENOSPC, "%s: there are %u devices already; remove one",
				      name, RZS_DEVICES_MAX);
	e = calloc(1, sizeof(*e));
	if (!e)
		return rzs_value_fail(why, -ENOMEM, "%s: no memory for another device", name);
	strcpy(e->device.name, name);
	if (params)
		e->device.params = *params;
	else
		rzs_device_params_init(&e->device.params);
	atomic_init(&e->device.limited, false);
	atomic_init(&e->device.connections, 0);
	rzs_hold_init(&e->device.hold);
	while (*link)
		link = &(*link)->next;
	*link = &e->device;
	devices->nr++;
	return 0;
}

static int target_create(void *arg, const char *name, char why[RZS_WHY_MAX])
{
	return rzs_devices_add(arg, name, NULL, why);
}

static void warn(const char *text)
{
	rzs_say_at(RZS_SAY_WARNING, "%s", text);
}

/* Make the store, in shared memory if another process is to go on with it. */
static int make_store(struct rzs_devices *devices, struct rzs_devices_entry *e,
		      struct rzs_store **out, char *why)
{
	struct rzs_device *d = &e->device;
	int err;

	e->share = (struct rzs_blocks_share){.id = -1};
	if (devices->sharing)
		rzs_blocks_share_next(&e->share);
	err = rzs_device_params_make(&d->params, out);
	rzs_blocks_share_next(NULL);
	if (err < 0 && e->share.err < 0)
		rzs_value_fail(why, err, "%s: no shared memory, as survive=yes needs: %.160s",
			       d->name, e->share.why ? e->share.why : strerror(-err));
	else if (err < 0)
		rzs_value_fail(why, err, "%s: cannot make a store of %llu bytes: %s", d->name,
			       (unsigned long long)d->params.size, strerror(-err));
	return err;
}

/* If pages are to be spilled: open the target, and let upkeep move pages there. */
static int begin_spilling(struct rzs_devices *devices, struct rzs_devices_entry *e,
			  struct rzs_store *store, char *why)
{
	const struct rzs_spill_knobs *knobs = &e->device.params.spill;
	int err;

	if (!knobs->path[0])
		return 0;
	if (devices->sharing)
		return rzs_value_fail(why, -EINVAL,
				      "spill=%.100s: with survive=yes pages on disk would be lost "
				      "when the server is replaced; use one of the two",
				      knobs->path);
	err = rzs_spilling_start(knobs, store, &e->spilling, why);
	if (err < 0)
		return err;
	e->device.spiller = rzs_spilling_spiller(e->spilling);
	rzs_upkeep_spill(store, e->device.spiller, knobs);
	return 0;
}

static void end_spilling(struct rzs_devices *devices, struct rzs_devices_entry *e,
			 struct rzs_store *store)
{
	struct rzs_worker *worker;

	if (!e->spilling)
		return;
	worker = rzs_worker_get_own(store, devices->nr_workers - 1); /* upkeep's */
	rzs_spilling_stop(e->spilling, worker);
	rzs_worker_put(store, worker);
	e->spilling = NULL;
	e->device.spiller = NULL;
}

/*
 * The device has a store from now on, of its params: begin statistics and upkeep.  On failure the
 * store is the caller's still, and why is set.
 */
static int begin(struct rzs_devices *devices, struct rzs_device *d, struct rzs_store *store,
		 char why[RZS_WHY_MAX])
{
	char reason[RZS_WHY_MAX];
	int err = rzs_latency_create(devices->nr_workers - 1, &d->latency);

	if (err < 0)
		return rzs_value_fail(why, err, "%s: no memory for statistics", d->name);
	err = rzs_device_live_start(&d->params, d->name, store, reason);
	if (err == 0) {
		err = begin_spilling(devices, rzs_devices_entry(d), store, reason);
		if (err < 0)
			rzs_upkeep_remove(store);
	}
	if (err < 0) {
		rzs_value_fail(why, err, "%s: %s", d->name, reason);
		rzs_latency_destroy(d->latency);
		d->latency = NULL;
		return err;
	}
	atomic_store(&d->limited, d->params.store.limit_bytes != 0);
	d->store = store;
	return 0;
}

/* Create what an initialised device has; on failure, nothing of it. */
static int make(struct rzs_devices *devices, struct rzs_device *d, char *why)
{
	struct rzs_store *store;
	int err = make_store(devices, rzs_devices_entry(d), &store, why);

	if (err < 0)
		return err;
	err = begin(devices, d, store, why);
	if (err < 0)
		rzs_store_destroy(store);
	return err;
}

static int target_init(void *arg, const char *name, char why[RZS_WHY_MAX])
{
	struct rzs_devices *devices = arg;
	char reason[RZS_WHY_MAX];
	struct rzs_device *d;
	struct rzs_devices_entry *e;
	int err;

	d = find_for_change(devices, name, &err, why);
	if (!d)
		return err;
	if (d->store)
		return rzs_value_fail(why, -EBUSY, "%s: already initialised; reset it first", name);
	e = rzs_devices_entry(d);
	e->configured = d->params;
	err = rzs_device_params_complete(&d->params, devices->nr_workers, warn, reason);
	if (err < 0)
		rzs_value_fail(why, err, "%s: %.180s", name, reason);
	else
		err = make(devices, d, why);
	if (err < 0)
		d->params = e->configured;
	return err;
}

/* Destroy what make() created. */
static void unmake(struct rzs_devices *devices, struct rzs_device *d)
{
	if (!d->store)
		return;
	rzs_upkeep_remove(d->store);
	end_spilling(devices, rzs_devices_entry(d), d->store);
	rzs_store_destroy(d->store);
	rzs_latency_destroy(d->latency);
	d->store = NULL;
	d->latency = NULL;
	atomic_store(&d->limited, false);
	d->params = rzs_devices_entry(d)->configured;
}

static int target_reset(void *arg, const char *name, char why[RZS_WHY_MAX])
{
	struct rzs_device *d;
	unsigned connections;
	int err;

	d = find_for_change(arg, name, &err, why);
	if (!d)
		return err;
	connections = atomic_load(&d->connections);
	if (connections)
		return refuse_used(d, connections, why);
	unmake(arg, d);
	return 0;
}

static int target_remove(void *arg, const char *name, char why[RZS_WHY_MAX])
{
	struct rzs_devices *devices = arg;
	struct rzs_device **link = &devices->first, *d;
	int err = target_reset(arg, name, why);

	if (err < 0)
		return err;
	while (strcmp((*link)->name, name) != 0)
		link = &(*link)->next;
	d = *link;
	*link = d->next;
	devices->nr--;
	rzs_hold_destroy(&d->hold);
	free(rzs_devices_entry(d));
	return 0;
}

/* Change a store in use, and the device after a reset. */
static int change_live(struct rzs_device *d, const char *key, const char *value, char *why)
{
	struct rzs_device_params *configured = &rzs_devices_entry(d)->configured;
	char reason[RZS_WHY_MAX];
	int err = rzs_device_live_set(&d->params, d->store, key, value, &d->limited, reason);

	configured->merge.run = d->params.merge.run; /* an error may have changed it */
	if (err < 0)
		return rzs_value_fail(why, err, "%s: %.180s", d->name, reason);
	return rzs_device_params_set(configured, key, value, reason);
}

static int target_set(void *arg, const char *name, const char *key, const char *value,
		      char why[RZS_WHY_MAX])
{
	struct rzs_devices *devices = arg;
	char reason[RZS_WHY_MAX];
	struct rzs_device *d;
	int err;

	d = find_for_change(devices, name, &err, why);
	if (!d)
		return err;
	if (d->store && rzs_device_params_is_live(key))
		return change_live(d, key, value, why);
	if (d->store)
		return rzs_value_fail(why, -EBUSY,
				      "%s: already initialised: only memlimit, merge-..., "
				      "recompress..., idle-step "
				      "and spill-... can be set; reset it first",
				      name);
	err = rzs_device_params_set(&d->params, key, value, reason);
	if (err == 0)
		return 0;
	/* -ENOENT means that there is no such device, not that there is no such key. */
	return rzs_value_fail(why, err == -ENOENT ? -EINVAL : err, "%s: %.180s", name, reason);
}

/* ---- views ---- */

static int target_view(void *arg, unsigned i, struct rzs_device_view *out)
{
	const struct rzs_devices *devices = arg;
	struct rzs_device *d = devices->first;
	pid_t holder;
	bool held;

	memset(out, 0, sizeof(*out));
	while (d && i--)
		d = d->next;
	if (!d)
		return -ENOENT;
	held = rzs_hold_holder(&d->hold, &holder);
	*out = (struct rzs_device_view){
		.name = d->name,
		.params = &d->params,
		.store = d->store,
		.latency = d->latency,
		.connections = atomic_load(&d->connections),
		.held = held,
		.holder = holder,
		.memlimit = d->store ? d->params.store.limit_bytes : 0,
	};
	return 0;
}

void rzs_devices_target(struct rzs_devices *devices, struct rzs_target *out)
{
	*out = (struct rzs_target){
		.program = "rzsd",
		.arg = devices,
		.view = target_view,
		.create = target_create,
		.remove = target_remove,
		.set = target_set,
		.init = target_init,
		.reset = target_reset,
	};
}

unsigned rzs_devices_connections(const struct rzs_devices *devices)
{
	const struct rzs_device *d;
	unsigned sum = 0;

	for (d = devices->first; d; d = d->next)
		sum += atomic_load(&d->connections);
	return sum;
}

/* ---- life ---- */

int rzs_devices_open(unsigned nr_workers, struct rzs_devices **out)
{
	struct rzs_devices *devices;

	*out = NULL;
	if (nr_workers < 2 || nr_workers > RZS_MAX_WORKERS)
		return -EINVAL;
	devices = calloc(1, sizeof(*devices));
	if (!devices)
		return -ENOMEM;
	devices->nr_workers = nr_workers;
	*out = devices;
	return 0;
}

void rzs_devices_shutdown(struct rzs_devices *devices)
{
	devices->stopping = true;
}

void rzs_devices_close(struct rzs_devices *devices)
{
	struct rzs_device *d;

	if (!devices)
		return;
	while ((d = devices->first) != NULL) {
		devices->first = d->next;
		unmake(devices, d);
		rzs_devices_unprepare(d);
		rzs_blocks_close(rzs_devices_entry(d)->inherited);
		rzs_hold_destroy(&d->hold);
		free(rzs_devices_entry(d));
	}
	free(devices);
}
