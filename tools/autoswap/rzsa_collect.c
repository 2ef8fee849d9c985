/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzsa_collect.h. */
#include "rzsa_collect.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "rzst.h"
#include "rzst_fstab.h"
#include "rzst_nbd.h"

#define RATIO_LEAST   4096 /* KiB stored since: fewer say little */
#define TRIGGER_SHORT "some 150000 1000000"
#define TRIGGER_CRIT  "full 100000 1000000"
/* Who is not privileged may have windows of 2 s. */
#define USERS_SHORT "some 300000 2000000"
#define USERS_CRIT  "full 200000 2000000"
/* The same, in percent. */
#define SHORT_AVG10 15
#define CRIT_AVG10  10

#define DEVICES_MAX 16u /* of each kind that are looked at */

/* ---- begin and end ---- */

static int try_trigger(const char *path, const char *text)
{
	int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0 && write(fd, text, strlen(text) + 1) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int open_trigger(const char *text, const char *text_of_users)
{
	char path[RZST_PATH_MAX];
	int fd;

	if (rzst_path(path, sizeof(path), "/proc/pressure/memory") < 0)
		return -1;
	fd = try_trigger(path, text);
	return fd >= 0 ? fd : try_trigger(path, text_of_users);
}

static void close_trigger(struct rzsa_collector *c, unsigned i)
{
	if (c->trigger[i] >= 0)
		close(c->trigger[i]);
	c->trigger[i] = -1;
}

static void read_fstab(struct rzsa_collector *c)
{
	struct rzst_fstab_line *lines;
	char bad[256];
	int nr = rzst_fstab_swaps(NULL, &lines, bad, sizeof(bad));

	for (int i = 0; i < nr && c->nr_fstab < RZSA_AREAS_MAX; i++)
		if (!lines[i].noauto && *lines[i].name)
			strcpy(c->fstab[c->nr_fstab++], lines[i].name);
	free(lines);
}

static void ask_and_wait(void *arg, const struct rzst_area *area, struct rzst_fit_other *out,
			 bool *compacts)
{
	unsigned number;

	(void)arg;
	rzst_fit_other_look(area, out);
	*compacts = out->held > 0 && rzst_nbd_is(area->name, &number); /* a server answered */
}

void rzsa_collect_begin(struct rzsa_collector *c, const struct rzsa_settings *settings,
			bool triggers)
{
	memset(c, 0, sizeof(*c));
	c->settings = settings;
	c->look = ask_and_wait;
	c->next_id = 1;
	read_fstab(c);
	c->trigger[0] = triggers ? open_trigger(TRIGGER_SHORT, USERS_SHORT) : -1;
	c->trigger[1] = triggers ? open_trigger(TRIGGER_CRIT, USERS_CRIT) : -1;
}

void rzsa_collect_end(struct rzsa_collector *c)
{
	close_trigger(c, 0);
	close_trigger(c, 1);
}

/* ---- the kernel's counters ---- */

static uint64_t number_in(const char *file, const char *key)
{
	char path[RZST_PATH_MAX];

	return rzst_path(path, sizeof(path), file) < 0 ? 0 : rzst_number_in(path, key);
}

/* Of "some avg10=0.00 avg60=1.23 avg300=..." hundredths of a percent; false: there is no PSI. */
static bool read_avg60(unsigned *out)
{
	char line[256];
	unsigned whole, part;

	*out = 0;
	if (rzst_first_line("/proc/pressure/memory", line, sizeof(line)) < 0 ||
	    sscanf(line, "some avg10=%*u.%*u avg60=%u.%2u", &whole, &part) != 2 || whole > 100)
		return false;
	*out = whole * 100 + part > 10000 ? 10000 : whole * 100 + part;
	return true;
}

static uint64_t per_second(uint64_t before, uint64_t now, int64_t ms)
{
	return now > before && ms > 0 ? (now - before) * 1000 / (uint64_t)ms : 0;
}

/* vmstat counts pages. */
static uint64_t pages_in(const char *key)
{
	return number_in("/proc/vmstat", key) * ((uint64_t)sysconf(_SC_PAGESIZE) / 1024);
}

static void look_at_rates(struct rzsa_collector *c, int64_t now, struct rzsa_inputs *out)
{
	static const char *const zones[] = {"allocstall_dma ", "allocstall_dma32 ",
					    "allocstall_normal ", "allocstall_movable "};
	uint64_t swapins = pages_in("pswpin ");
	uint64_t refaults = pages_in("workingset_refault_anon ");
	uint64_t stalls = 0;

	for (unsigned i = 0; i < sizeof(zones) / sizeof(zones[0]); i++)
		stalls += number_in("/proc/vmstat", zones[i]);
	if (c->counted) {
		out->swapins = per_second(c->swapins, swapins, now - c->counted_at);
		out->refaults = per_second(c->refaults, refaults, now - c->counted_at);
		out->stalls = per_second(c->stalls, stalls, now - c->counted_at);
	}
	c->counted = true;
	c->counted_at = now;
	c->swapins = swapins;
	c->refaults = refaults;
	c->stalls = stalls;
}

/* Where there is no trigger, for want of the right to one, ten seconds say the same, but later. */
static void look_at_pressure(struct rzsa_collector *c, struct rzsa_inputs *out)
{
	static const char file[] = "/proc/pressure/memory";

	out->psi = read_avg60(&out->psi_avg60);
	if (out->psi) {
		out->psi_short = c->fired[0] || (c->trigger[0] < 0 &&
						 number_in(file, "some avg10=") >= SHORT_AVG10);
		out->psi_critical = c->fired[1] || (c->trigger[1] < 0 &&
						    number_in(file, "full avg10=") >= CRIT_AVG10);
	}
	c->fired[0] = c->fired[1] = false;
}

/* ---- areas ---- */

static bool in_fstab(const struct rzsa_collector *c, const char *name)
{
	for (unsigned i = 0; i < c->nr_fstab; i++)
		if (strcmp(c->fstab[i], name) == 0)
			return true;
	return false;
}

static struct rzsa_seen *recall(struct rzsa_collector *c, const char *name)
{
	struct rzsa_seen *unused = NULL;

	for (unsigned i = 0; i < RZSA_AREAS_MAX; i++) {
		struct rzsa_seen *s = &c->seen[i];

		if (strcmp(s->name, name) == 0)
			return s;
		if (!*s->name && !unused)
			unused = s;
	}
	if (unused) {
		memset(unused, 0, sizeof(*unused));
		snprintf(unused->name, sizeof(unused->name), "%s", name);
		unused->id = c->next_id++;
	}
	return unused;
}

/* Of what was stored since the last time that it was enough. */
static void take_ratio(struct rzsa_seen *s, const struct rzsa_area *a)
{
	if (a->stored < s->mark_stored || a->mem < s->mark) {
		s->mark_stored = a->stored;
		s->mark = a->mem;
		return;
	}
	if (a->stored - s->mark_stored < RATIO_LEAST || a->mem == s->mark)
		return;
	s->recent = (unsigned)((a->stored - s->mark_stored) * 1000 / (a->mem - s->mark));
	if (s->recent > RZSA_RATIO_MOST)
		s->recent = RZSA_RATIO_MOST;
	s->mark_stored = a->stored;
	s->mark = a->mem;
}

/* A compressed one, if somebody knows what it holds; else it has no room that could be counted. */
static void look_inside(const struct rzsa_collector *c, const struct rzst_area *from,
			struct rzsa_seen *s, uint64_t ram, struct rzsa_area *a)
{
	struct rzst_fit_other other;
	bool compacts;

	c->look(c->look_arg, from, &other, &compacts);
	if (!other.in_memory)
		return;
	if (other.held == 0) {
		a->size = a->used;
		return;
	}
	a->kind = RZSA_COMPRESSED;
	a->managed = c->settings->manage && strncmp(from->name, "/dev/zram", 9) != 0;
	a->reclaims = a->managed && compacts;
	a->stored = other.stored >> 10;
	a->mem = other.held >> 10;
	a->limit = other.limit >> 10;
	if (!s->first_limit)
		s->first_limit = a->limit;
	a->limit_min = c->settings->limit_min ? c->settings->limit_min : s->first_limit;
	a->limit_max = c->settings->limit_max ? c->settings->limit_max : ram / 2;
	take_ratio(s, a);
	a->recent = s->recent;
}

static bool is_our_file(const struct rzsa_collector *c, const struct rzst_area *area)
{
	const char *dir = c->settings->swappath, *slash = strrchr(area->name, '/');
	size_t len = strlen(dir);

	return area->is_file && len && slash && (size_t)(slash - area->name) == len &&
	       memcmp(area->name, dir, len) == 0;
}

/* Whether the block device has a size, and is not swapped to. */
static bool is_off(const struct rzst_areas *areas, const char *node, char name[256])
{
	char path[64];
	uint64_t sectors;

	snprintf(path, sizeof(path), "/sys/block/%s/size", node);
	snprintf(name, 256, "/dev/%s", node);
	for (unsigned i = 0; i < areas->nr; i++)
		if (areas->v[i].on && strcmp(areas->v[i].name, name) == 0)
			return false;
	return rzst_first_line(path, name, 256) == 0 && rzst_number_parse(name, &sectors) == 0 &&
	       sectors && snprintf(name, 256, "/dev/%s", node);
}

/* ---- what others have turned off ---- */

static bool is_left(const struct rzsa_collector *c, const char *name)
{
	for (unsigned i = 0; i < RZSA_LEFT_MAX; i++)
		if (strcmp(c->left[i], name) == 0)
			return true;
	return false;
}

/* It is on again, by whomever. */
static void take_back(struct rzsa_collector *c, const char *name)
{
	for (unsigned i = 0; i < RZSA_LEFT_MAX; i++)
		if (strcmp(c->left[i], name) == 0)
			c->left[i][0] = '\0';
}

/* An area has gone off.  There is room for the last ones. */
static void leave(struct rzsa_collector *c, const char *name)
{
	if (strlen(name) < sizeof(c->left[0]) && !is_left(c, name) &&
	    !(c->retiring && strcmp(c->retiring, name) == 0))
		strcpy(c->left[c->nr_left++ % RZSA_LEFT_MAX], name);
}

/* A device of ours that is attached, with nothing swapped to it. */
static void find_spare_device(struct rzsa_collector *c, const struct rzst_areas *areas)
{
	struct rzst_nbd nbd;
	char node[32], name[256];

	c->spare_device[0] = '\0';
	for (unsigned i = 0; c->settings->manage && i < 2 * DEVICES_MAX; i++) {
		bool module = i < DEVICES_MAX;

		snprintf(node, sizeof(node), "%s%u", module ? "ramzswap" : "nbd", i % DEVICES_MAX);
		if (!is_off(areas, node, name) || is_left(c, name) ||
		    (c->refused && strcmp(c->refused, name) == 0))
			continue;
		if (!module)
			rzst_nbd_read(name, false, &nbd);
		if (module || nbd.server_pid) {
			strcpy(c->spare_device, name);
			return;
		}
	}
}

/* The disks that the kernel fills before all that is compressed. */
static void look_at_order(struct rzsa_inputs *in, const int *priority)
{
	int highest = INT_MIN;

	for (unsigned i = 0; i < in->nr_areas; i++)
		if (in->area[i].kind == RZSA_COMPRESSED && priority[i] > highest)
			highest = priority[i];
	for (unsigned i = 0; i < in->nr_areas; i++)
		in->area[i].first = in->area[i].kind == RZSA_DISK && highest != INT_MIN &&
				    priority[i] > highest;
}

static void look_at_areas(struct rzsa_collector *c, struct rzsa_inputs *out)
{
	static struct rzst_areas areas;
	int priority[RZSA_AREAS_MAX];

	rzst_areas_read(&areas);
	for (unsigned i = 0; i < RZSA_AREAS_MAX; i++)
		c->seen[i].now = false;
	for (unsigned i = 0; i < areas.nr && out->nr_areas < RZSA_AREAS_MAX; i++) {
		const struct rzst_area *from = &areas.v[i];
		struct rzsa_area *a = &out->area[out->nr_areas];
		struct rzsa_seen *s = from->on ? recall(c, from->name) : NULL;

		if (!s)
			continue;
		s->now = true;
		take_back(c, from->name);
		a->id = s->id;
		priority[out->nr_areas] = from->priority;
		a->size = from->size >> 10;
		a->used = from->used >> 10;
		a->draining = from->state == RZST_AREA_SWAPOFF;
		a->managed = is_our_file(c, from);
		/* That it was on before anybody noted an area says nothing about our files. */
		a->permanent = in_fstab(c, from->name) || (from->permanent && !a->managed);
		look_inside(c, from, s, out->mem_total, a);
		out->nr_areas++;
	}
	look_at_order(out, priority);
	/* One that comes back later is another one. */
	for (unsigned i = 0; i < RZSA_AREAS_MAX; i++) {
		if (c->seen[i].now || !*c->seen[i].name)
			continue;
		leave(c, c->seen[i].name);
		c->seen[i].name[0] = '\0';
	}
	find_spare_device(c, &areas);
}

const char *rzsa_collect_name(const struct rzsa_collector *c, uint32_t id)
{
	for (unsigned i = 0; i < RZSA_AREAS_MAX; i++)
		if (*c->seen[i].name && c->seen[i].id == id)
			return c->seen[i].name;
	return "?";
}

/* ---- the rest ---- */

/* KiB that may be written where swap files are made; 0: nowhere, or it is not there yet. */
static uint64_t disk_free(const struct rzsa_settings *s)
{
	char path[RZST_PATH_MAX];
	struct statvfs st;

	if (!*s->swappath || rzst_path(path, sizeof(path), s->swappath) < 0 ||
	    statvfs(path, &st) < 0)
		return 0;
	return (uint64_t)st.f_bavail * (uint64_t)st.f_frsize >> 10;
}

void rzsa_collect(struct rzsa_collector *c, int64_t now, struct rzsa_inputs *out)
{
	memset(out, 0, sizeof(*out));
	out->mem_total = number_in("/proc/meminfo", "MemTotal:");
	out->mem_available = number_in("/proc/meminfo", "MemAvailable:");
	look_at_pressure(c, out);
	look_at_rates(c, now, out);
	look_at_areas(c, out);
	out->can_add_device = *c->spare_device;
	out->disk_free = disk_free(c->settings);
	out->spare = c->spare;
}

void rzsa_collect_poll(const struct rzsa_collector *c, struct pollfd p[2])
{
	/* What has fired is known until the next tick; it does not wake again. */
	for (unsigned i = 0; i < 2; i++)
		p[i] = (struct pollfd){c->fired[i] ? -1 : c->trigger[i], POLLPRI, 0};
}

bool rzsa_collect_take(struct rzsa_collector *c, const struct pollfd p[2])
{
	bool fired = false;

	for (unsigned i = 0; i < 2; i++) {
		if (p[i].revents & (POLLERR | POLLNVAL))
			close_trigger(c, i);
		else if (p[i].revents & POLLPRI)
			fired = c->fired[i] = true;
	}
	return fired;
}

bool rzsa_collect_wait(struct rzsa_collector *c, int64_t ms)
{
	int64_t until = rzst_now_ms() + ms, left = ms;

	while (left > 0) {
		struct pollfd p[2];

		rzsa_collect_poll(c, p);
		if (poll(p, 2, (int)left) < 0 && errno == EINTR)
			return false;
		(void)rzsa_collect_take(c, p);
		left = until - rzst_now_ms();
	}
	return true;
}
