/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A full store: whoever is refused for it wakes the upkeep thread at once, which may find room
 * between the objects.  (It would look by itself a second later: nothing but this shows.)
 */
#include "t.h"

#include "devices.h"
#include "dispatch.h"
#include "protect_server.h"
#include "pages.h"
#ifdef RZS_TEST_PLUGIN
#include "client.h"
#include "io.h"
#endif

#define PAGE RZS_PAGE_SIZE
#define NR   20000u

void __wrap_rzs_upkeep_wake(void);

static unsigned wakes;

void __wrap_rzs_upkeep_wake(void)
{
	wakes++;
}

#ifdef RZS_TEST_PLUGIN
/* There is one client. */
bool rzs_client_may_change(void *handle)
{
	(void)handle;
	return true;
}
#endif

/* How one server or the other writes and zeroes: 0 or a negative errno. */
struct form {
	int (*write)(const void *buf, uint32_t len, uint64_t offset);
	int (*zero)(uint32_t len, uint64_t offset);
};

static struct rzs_device device;

static void open_device(void)
{
	const struct rzs_protect_server_options protection = {.mode = RZS_PROTECT_OFF,
							      .realtime = RZS_REALTIME_NEVER};
	struct rzs_config cfg = {.nr_pages = NR, .nr_workers = 2};

	T_EQ(rzs_protect_server_early(&protection), 0);
	T_EQ(rzs_store_min_limit(&cfg, &cfg.limit_bytes), 0);
	T_EQ(rzs_store_create(&cfg, &device.store), 0);
	T_EQ(rzs_latency_create(1, &device.latency), 0);
}

static void close_device(void)
{
	rzs_store_destroy(device.store);
	rzs_latency_destroy(device.latency);
}

/* The refill thread may be behind: the store is not full then, and nobody is woken. */
static int write_through(const struct form *f, const void *buf, uint32_t len, uint64_t offset)
{
	int err;

	while ((err = f->write(buf, len, offset)) == -ENOMEM)
		t_pause();
	return err;
}

static int zero_through(const struct form *f, uint32_t len, uint64_t offset)
{
	int err;

	while ((err = f->zero(len, offset)) == -ENOMEM)
		t_pause();
	return err;
}

/* Red when a refusal does not wake, or anything else does. */
static void fill_up(const struct form *f)
{
	uint8_t page[PAGE];
	uint64_t slot = 0;
	int err;

	open_device();
	wakes = 0;
	/* Pages of one byte take nothing; with zeros in them they do. */
	memset(page, 'x', PAGE);
	for (; slot < NR; slot++) {
		T_EQ(write_through(f, page, PAGE, slot * PAGE), 0);
		T_EQ(wakes, 0);
	}
	for (slot = 0; slot < NR / 2; slot++) {
		pages_make(page, PAGES_RANDOM, slot);
		err = write_through(f, page, PAGE, slot * PAGE);
		if (err)
			break;
		T_EQ(wakes, 0);
	}
	T_EQ(err, -ENOSPC);
	T_EQ(wakes, 1);
	T_EQ(write_through(f, page, 2 * 100, slot * PAGE + 7), -ENOSPC); /* of parts, too */
	T_EQ(wakes, 2);
	for (slot = NR / 2; slot < NR; slot++) {
		err = zero_through(f, 100, slot * PAGE + 50);
		if (err)
			break;
		T_EQ(wakes, 2);
	}
	T_EQ(err, -ENOSPC);
	T_EQ(wakes, 3);
	close_device();
}

static int rzsd_write(const void *buf, uint32_t len, uint64_t offset)
{
	struct rzs_dispatch d = {0};
	int err;

	rzs_dispatch_begin(&d, &device, 0);
	rzs_dispatch_get(&d);
	err = rzs_dispatch_write(&d, buf, len, offset, NULL);
	rzs_dispatch_put(&d);
	return err;
}

static int rzsd_zero(uint32_t len, uint64_t offset)
{
	struct rzs_dispatch d = {0};
	int err;

	rzs_dispatch_begin(&d, &device, 0);
	rzs_dispatch_get(&d);
	err = rzs_dispatch_zero(&d, len, offset, NULL);
	rzs_dispatch_put(&d);
	return err;
}

T_TEST(rzsd_wakes_upkeep_when_the_store_is_full)
{
	fill_up(&(struct form){rzsd_write, rzsd_zero});
}

#ifdef RZS_TEST_PLUGIN
/* What nbdkit has for the plugin, as far as requests need it. */
void nbdkit_debug(const char *fmt, ...)
{
	(void)fmt;
}

int nbdkit_add_extent(struct nbdkit_extents *extents, uint64_t offset, uint64_t length,
		      uint32_t type)
{
	(void)extents, (void)offset, (void)length, (void)type;
	return 0;
}

static int plugin_write(const void *buf, uint32_t len, uint64_t offset)
{
	rzs_io_start(device.store, 1, device.latency, &device.limited);
	return rzs_io_pwrite(NULL, buf, len, offset, 0) < 0 ? -errno : 0;
}

static int plugin_zero(uint32_t len, uint64_t offset)
{
	return rzs_io_zero(NULL, len, offset, 0) < 0 ? -errno : 0;
}

T_TEST(the_plugin_wakes_upkeep_when_the_store_is_full)
{
	fill_up(&(struct form){plugin_write, plugin_zero});
}
#endif
