/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What rzs-autoswap sees of a machine that is made of files. */
#include "t.h"
#include "t_scratch.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>

#include "rzsa_collect.h"

#define HEADING "Filename Type Size Used Priority\n"

static struct rzsa_settings settings;
static struct rzsa_collector c;
static struct rzsa_inputs in;

static void make(void)
{
	T_EQ(setenv("RZS_SYSROOT", t_scratch(), 1), 0);
	t_scratch_put("/proc/meminfo",
		      "MemTotal:  1048576 kB\nMemFree: 5 kB\nMemAvailable: 400000 kB\n");
	t_scratch_put("/proc/swaps", HEADING);
	t_scratch_put("/proc/vmstat",
		      "pswpin 1000\nworkingset_refault_anon 50\nallocstall_dma32 3\n"
		      "allocstall_normal 7\nallocstall_movable 1\n");
	t_scratch_put("/proc/pressure/memory", "some avg10=20.00 avg60=1.23 avg300=0.00 total=5\n"
					       "full avg10=9.99 avg60=0.00 avg300=0.00 total=5\n");
	t_scratch_put("/run/rzs/x", "");
	rzsa_settings_init(&settings);
	rzsa_collect_begin(&c, &settings, false);
}

T_TEST(memory_and_pressure)
{
	make();
	rzsa_collect(&c, 0, &in);
	T_EQ(in.mem_total, 1048576);
	T_EQ(in.mem_available, 400000);
	T_OK(in.psi);
	T_EQ(in.psi_avg60, 123);
	/* Without a trigger, ten seconds say it: 15 % and 10. */
	T_OK(in.psi_short);
	T_EQ(in.psi_critical, false);
	T_EQ(in.nr_areas, 0);
	T_EQ(in.can_add_device, false);
	t_scratch_put("/proc/pressure/memory", "some avg10=14.99 avg60=100.00 avg300=0.00 total=5\n"
					       "full avg10=10.00 avg60=0.00 avg300=0.00 total=5\n");
	rzsa_collect(&c, 1000, &in);
	T_EQ(in.psi_short, false);
	T_OK(in.psi_critical);
	T_EQ(in.psi_avg60, 10000);
	/* No PSI, or what is not understood. */
	t_scratch_put("/proc/pressure/memory", "nonsense\n");
	rzsa_collect(&c, 2000, &in);
	T_EQ(in.psi || in.psi_short || in.psi_critical, false);
	t_scratch_put("/proc/pressure/memory",
		      "some avg10=1.00 avg60=101.00 avg300=0.00 total=5\n");
	rzsa_collect(&c, 2000, &in);
	T_EQ(in.psi, false);
	/* Nothing at all. */
	T_EQ(setenv("RZS_SYSROOT", "/nowhere", 1), 0);
	rzsa_collect(&c, 3000, &in);
	T_EQ(in.mem_total, 0);
}

/* Rates are of the time since the tick before, however long that was. */
T_TEST(rates_are_per_second)
{
	make();
	rzsa_collect(&c, 5000, &in);
	T_EQ(in.swapins + in.refaults + in.stalls, 0);
	t_scratch_put("/proc/vmstat",
		      "pswpin 1500\nworkingset_refault_anon 60\nallocstall_dma32 4\n"
		      "allocstall_normal 10\nallocstall_movable 1\n");
	rzsa_collect(&c, 7000, &in);
	T_EQ(in.swapins, 250 * sysconf(_SC_PAGESIZE) / 1024);
	T_EQ(in.refaults, 5 * sysconf(_SC_PAGESIZE) / 1024);
	T_EQ(in.stalls, 2);
	/* Counters that begin anew are no rate, nor is a clock that stands still. */
	t_scratch_put("/proc/vmstat", "pswpin 3\n");
	rzsa_collect(&c, 8000, &in);
	T_EQ(in.swapins + in.refaults + in.stalls, 0);
	t_scratch_put("/proc/vmstat", "pswpin 9\n");
	rzsa_collect(&c, 8000, &in);
	T_EQ(in.swapins, 0);
}

#define ZRAM "/dev/zram0 partition 2000000 700000 100\n"

T_TEST(areas_and_what_they_hold)
{
	make();
	t_scratch_put("/proc/swaps", HEADING ZRAM "/var/lib/rzs-autoswap/0 file 300000 1000 -2\n"
						  "/var/lib/rzs-autoswap-not/0 file 300000 0 -3\n"
						  "/dev/sda2 partition 500000 0 -4\n"
						  "/dev/nbd7 partition 400000 5000 -5\n");
	t_scratch_put("/sys/block/zram0/mm_stat",
		      "716800000 200000000 204800000 512000000 0 0 0 0 0\n");
	rzsa_collect(&c, 0, &in);
	T_EQ(in.nr_areas, 5);
	/* zram: by what it really holds; left alone. */
	T_EQ(in.area[0].kind, RZSA_COMPRESSED);
	T_EQ(in.area[0].managed, false);
	T_EQ(in.area[0].size, 2000000);
	T_EQ(in.area[0].used, 700000);
	T_EQ(in.area[0].stored, 700000);
	T_EQ(in.area[0].mem, 200000);
	T_EQ(in.area[0].limit, 500000);
	T_EQ(in.area[0].limit_max, 524288);
	/* A file of ours, and one whose directory only begins alike. */
	T_EQ(in.area[1].kind, RZSA_DISK);
	T_EQ(in.area[1].managed, true);
	T_EQ(in.area[2].managed, false);
	T_EQ(in.area[3].kind, RZSA_DISK);
	T_EQ(in.area[3].managed, false);
	T_EQ(in.area[3].size, 500000);
	/* An nbd device that nobody answers for has no room that could be counted. */
	T_EQ(in.area[4].kind, RZSA_DISK);
	T_EQ(in.area[4].managed, false);
	T_EQ(in.area[4].size, 5000);
	T_STR_EQ(rzsa_collect_name(&c, in.area[0].id), "/dev/zram0");
	T_STR_EQ(rzsa_collect_name(&c, 99), "?");
}

/* A file of ours is permanent only when fstab says so. */
T_TEST(fstab_keeps_an_area)
{
	make();
	t_scratch_put("/proc/swaps", HEADING "/var/lib/rzs-autoswap/0 file 300000 0 -2\n"
					     "/var/lib/rzs-autoswap/1 file 300000 0 -3\n");
	t_scratch_put("/var/lib/rzs-autoswap/0", "");
	t_scratch_put("/var/lib/rzs-autoswap/1", "");
	t_scratch_put("/etc/fstab", "/var/lib/rzs-autoswap/1 none swap sw 0 0\n");
	rzsa_collect_begin(&c, &settings, false);
	rzsa_collect(&c, 0, &in);
	T_EQ(in.nr_areas, 2);
	T_EQ(in.area[0].managed && !in.area[0].permanent, true);
	T_EQ(in.area[1].managed && in.area[1].permanent, true);
}

/* A device of ours that is attached, and that nothing is swapped to. */
T_TEST(a_device_that_is_off)
{
	make();
	t_scratch_put("/sys/block/ramzswap0/size", "0\n");
	t_scratch_put("/sys/block/nbd0/size", "4096\n");
	rzsa_collect(&c, 0, &in);
	T_EQ(in.can_add_device, false);
	t_scratch_put("/run/rzs/nbd0.state", "server_pid 5\nname a\n");
	rzsa_collect(&c, 0, &in);
	T_OK(in.can_add_device);
	T_STR_EQ(c.spare_device, "/dev/nbd0");
	t_scratch_put("/sys/block/ramzswap0/size", "4096\n");
	rzsa_collect(&c, 0, &in);
	T_STR_EQ(c.spare_device, "/dev/ramzswap0");
	t_scratch_put("/proc/swaps", HEADING "/dev/ramzswap0 partition 2048 0 100\n");
	rzsa_collect(&c, 0, &in);
	T_STR_EQ(c.spare_device, "/dev/nbd0");
	/* One that was refused is not offered again; nor is any if none is managed. */
	c.refused = "/dev/nbd0";
	rzsa_collect(&c, 0, &in);
	T_EQ(in.can_add_device, false);
	c.refused = NULL;
	settings.manage = false;
	rzsa_collect(&c, 0, &in);
	T_EQ(in.can_add_device, false);
}

/* What others turn off stays off, until it is on again; what was retired may be had again. */
T_TEST(a_device_that_others_turn_off)
{
	static const char on[] = HEADING "/dev/ramzswap0 partition 2048 0 100\n";

	make();
	t_scratch_put("/sys/block/ramzswap0/size", "4096\n");
	t_scratch_put("/proc/swaps", on);
	rzsa_collect(&c, 0, &in);
	t_scratch_put("/proc/swaps", HEADING);
	rzsa_collect(&c, 1000, &in);
	T_EQ(in.can_add_device, false);
	rzsa_collect(&c, 2000, &in);
	T_EQ(in.can_add_device, false);
	/* It was turned on, and then we are the ones. */
	t_scratch_put("/proc/swaps", on);
	rzsa_collect(&c, 3000, &in);
	c.retiring = "/dev/ramzswap0";
	t_scratch_put("/proc/swaps", HEADING);
	rzsa_collect(&c, 4000, &in);
	T_STR_EQ(c.spare_device, "/dev/ramzswap0");
	c.retiring = NULL;
	rzsa_collect(&c, 5000, &in);
	T_STR_EQ(c.spare_device, "/dev/ramzswap0");
	/* Of those that were left, the last eight are known. */
	for (unsigned i = 0; i < 2 * RZSA_LEFT_MAX; i++) {
		char text[128];

		snprintf(text, sizeof(text), HEADING "/dev/ramzswap%u partition 2048 0 100\n", i);
		t_scratch_put("/proc/swaps", text);
		rzsa_collect(&c, 6000 + i, &in);
	}
	t_scratch_put("/proc/swaps", HEADING);
	rzsa_collect(&c, 7000, &in);
	T_STR_EQ(c.spare_device, "/dev/ramzswap0");
	T_EQ(c.nr_left, 1 + 2 * RZSA_LEFT_MAX);
}

/* An area keeps its number while it is on; one that comes back is another one. */
T_TEST(areas_keep_their_numbers)
{
	uint32_t first, second;

	make();
	t_scratch_put("/proc/swaps", HEADING "/a file 1000 0 1\n/b file 1000 0 2\n");
	rzsa_collect(&c, 0, &in);
	first = in.area[0].id;
	second = in.area[1].id;
	T_NE(first, second);
	t_scratch_put("/proc/swaps", HEADING "/b file 1000 0 2\n");
	rzsa_collect(&c, 1000, &in);
	T_EQ(in.nr_areas, 1);
	T_EQ(in.area[0].id, second);
	t_scratch_put("/proc/swaps", HEADING "/a file 1000 0 1\n/b file 1000 0 2\n");
	rzsa_collect(&c, 2000, &in);
	T_EQ(in.area[1].id, second);
	T_OK(in.area[0].id != first && in.area[0].id != second);
}

static void zram_holds(unsigned stored_mib, unsigned held_mib)
{
	char text[128];

	snprintf(text, sizeof(text), "%llu 0 %llu 0 0 0 0 0 0\n",
		 (unsigned long long)stored_mib << 20, (unsigned long long)held_mib << 20);
	t_scratch_put("/sys/block/zram0/mm_stat", text);
}

/* The ratio of what was stored last is that of the growth, once there is enough of it. */
T_TEST(the_last_ratio_is_that_of_the_growth)
{
	make();
	t_scratch_put("/proc/swaps", HEADING ZRAM);
	zram_holds(300, 100);
	rzsa_collect(&c, 0, &in);
	T_EQ(in.area[0].recent, 3000);
	zram_holds(303, 103);
	rzsa_collect(&c, 1000, &in);
	T_EQ(in.area[0].recent, 3000);
	zram_holds(310, 110);
	rzsa_collect(&c, 2000, &in);
	T_EQ(in.area[0].recent, 1000);
	/* What goes says nothing about what comes. */
	zram_holds(200, 60);
	rzsa_collect(&c, 3000, &in);
	T_EQ(in.area[0].recent, 1000);
	zram_holds(220, 61);
	rzsa_collect(&c, 4000, &in);
	T_EQ(in.area[0].recent, RZSA_RATIO_MOST);
}

/* ---- waiting ---- */

static int polled, polled_errno; /* what poll() sees; its error */
static short polled_events[2];
static uint64_t clock_ms;

int __wrap_poll(struct pollfd *p, nfds_t nr, int ms);
uint64_t __wrap_rzst_now(void);

int __wrap_poll(struct pollfd *p, nfds_t nr, int ms)
{
	T_EQ(nr, 2);
	T_GT(ms, 0);
	polled++;
	clock_ms += 300;
	errno = polled_errno;
	for (unsigned i = 0; i < 2; i++) {
		/* One that has fired would wake at once, again and again. */
		T_EQ(p[i].fd, c.fired[i] ? -1 : c.trigger[i]);
		p[i].revents = p[i].fd < 0 ? 0 : polled_events[i];
	}
	return polled_errno ? -1 : 1;
}

uint64_t __wrap_rzst_now(void)
{
	return clock_ms * 1000000;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* A trigger that fires is known until the next tick, and does not wake again and again. */
T_TEST(triggers_are_noted_until_the_tick)
{
	int fd = -1;

	make();
	c.trigger[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
	c.trigger[1] = fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	polled_events[0] = POLLPRI;
	T_OK(rzsa_collect_wait(&c, 1000));
	T_EQ(polled, 4);
	T_OK(c.fired[0] && !c.fired[1]);
	rzsa_collect(&c, 0, &in);
	T_OK(in.psi_short && !in.psi_critical);
	/* avg10 says 20 %, but the trigger did not fire: it is the better witness. */
	rzsa_collect(&c, 1000, &in);
	T_EQ(in.psi_short, false);
	/* A trigger that has become useless is given up; then avg10 counts. */
	polled_events[0] = 0;
	polled_events[1] = POLLERR | POLLPRI;
	T_OK(rzsa_collect_wait(&c, 100));
	T_EQ(c.trigger[1], -1);
	T_EQ(is_open(fd), false);
	T_EQ(c.fired[1], false);
	/* A signal ends the wait. */
	polled = 0;
	polled_errno = EINTR;
	T_EQ(rzsa_collect_wait(&c, 1000), false);
	T_EQ(polled, 1);
	T_EQ(rzsa_collect_wait(&c, 0), true);
	fd = c.trigger[0];
	rzsa_collect_end(&c);
	T_EQ(is_open(fd), false);
}
