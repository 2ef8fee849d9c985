/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzst_area.h. */
#include "rzst_area.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "rzst.h"
#include "rzst_area_text.h"
#include "rzst_files.h"

#define DIRECTORY "/run/rzs"
#define NOTES	  DIRECTORY "/areas"
#define LOCK	  DIRECTORY "/areas.lock"
#define BOOT_ID	  "/proc/sys/kernel/random/boot_id"

#define KEPT	 86400	  /* seconds that what is complete is kept */
#define PAUSE_NS 20000000 /* between tries to get the lock */

const char *rzst_area_state_name(enum rzst_area_state state)
{
	static const char *const names[] = {
		[RZST_AREA_ON] = "on",	       [RZST_AREA_SWAPOFF] = "swapoff",
		[RZST_AREA_BUSY] = "busy",     [RZST_AREA_COMPLETE] = "complete",
		[RZST_AREA_FAILED] = "failed",
	};

	return names[state];
}

struct rzst_area *rzst_area_find(struct rzst_areas *areas, const char *name)
{
	for (unsigned i = 0; i < areas->nr; i++)
		if (strcmp(areas->v[i].name, name) == 0)
			return &areas->v[i];
	return NULL;
}

struct rzst_area *rzst_area_add(struct rzst_areas *areas, const char *name)
{
	struct rzst_area *a = rzst_area_find(areas, name);

	if (a)
		return a;
	if (areas->nr == RZST_AREAS_MAX || strlen(name) >= sizeof(a->name))
		return NULL;
	a = &areas->v[areas->nr++];
	memset(a, 0, sizeof(*a));
	strcpy(a->name, name);
	return a;
}

void rzst_area_turned_on(struct rzst_area *area, int priority)
{
	area->on = true;
	area->priority = priority;
	area->exclusive = area->permanent = false;
	area->state = RZST_AREA_ON;
	area->helper = 0;
	area->helper_start = 0;
	area->error = 0;
	area->retry_at = 0;
}

/* ---- the kernel and the notes ---- */

static const struct rzst_area *noted_of(const struct rzst_areas *noted, const char *name)
{
	for (unsigned i = 0; i < noted->nr; i++)
		if (strcmp(noted->v[i].name, name) == 0)
			return &noted->v[i];
	return NULL;
}

/* Whoever was to end it is gone. */
static void abandon(struct rzst_area *a)
{
	a->state = RZST_AREA_BUSY;
	a->helper = 0;
	a->helper_start = 0;
	a->retry_at = 0;
	if (a->error == 0)
		a->error = -EINTR;
}

/* An area that is on, with what is noted of it. */
static void take_on(struct rzst_area *a, const struct rzst_swap_area *kernel,
		    const struct rzst_areas *all, bool (*alive)(pid_t pid, uint64_t start))
{
	const struct rzst_area *noted = noted_of(all, kernel->name);

	memset(a, 0, sizeof(*a));
	a->permanent = all->unnoted;
	if (noted)
		*a = *noted;
	if (a->state == RZST_AREA_COMPLETE) /* that was another time; who turned it on is unknown */
		memset(a, 0, sizeof(*a));
	strcpy(a->name, kernel->name);
	a->on = true;
	a->is_file = kernel->is_file;
	a->size = kernel->size;
	a->used = kernel->used;
	a->priority = kernel->priority;
	if (a->state == RZST_AREA_SWAPOFF && !(a->helper && alive(a->helper, a->helper_start)))
		abandon(a);
	else if (a->state == RZST_AREA_BUSY && a->helper && !alive(a->helper, a->helper_start))
		abandon(a);
}

/* An area that is off; false: nothing is to be said of it. */
static bool take_off(struct rzst_area *a, const struct rzst_area *noted, int64_t now)
{
	memset(a, 0, sizeof(*a));
	strcpy(a->name, noted->name);
	a->is_file = noted->is_file;
	a->state = RZST_AREA_COMPLETE;
	a->used_at_start = noted->used_at_start;
	a->since = noted->state == RZST_AREA_SWAPOFF ? now : noted->since;
	return noted->state == RZST_AREA_SWAPOFF ||
	       (noted->state == RZST_AREA_COMPLETE && now - noted->since <= KEPT);
}

void rzst_areas_reconcile(const struct rzst_swap_area *kernel, unsigned nr_kernel,
			  const struct rzst_areas *noted, int64_t now,
			  bool (*alive)(pid_t pid, uint64_t start), struct rzst_areas *out)
{
	unsigned nr = 0;

	for (unsigned i = 0; i < nr_kernel && nr < RZST_AREAS_MAX; i++)
		take_on(&out->v[nr++], &kernel[i], noted, alive);
	out->nr = nr;
	for (unsigned i = 0; i < noted->nr && out->nr < RZST_AREAS_MAX; i++)
		if (!rzst_area_find(out, noted->v[i].name) &&
		    take_off(&out->v[out->nr], &noted->v[i], now))
			out->nr++;
	out->unnoted = noted->unnoted;
	memcpy(out->doubt, noted->doubt, sizeof(out->doubt));
}

uint64_t rzst_process_start(pid_t pid)
{
	char path[64], text[1024], *at;
	uint64_t start = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	/* The second field is a name in parentheses; it may contain more of these, and blanks. */
	at = strrchr(text, ')');
	if (!at || sscanf(at,
			  ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
			  "%*d %*d %" SCNu64,
			  &start) != 1)
		return 0;
	return start;
}

static bool is_alive(pid_t pid, uint64_t start)
{
	return rzst_process_start(pid) == start;
}

/* ---- the file ---- */

static void doubt(struct rzst_areas *noted, const char *why)
{
	noted->nr = 0;
	snprintf(noted->doubt, sizeof(noted->doubt),
		 NOTES ": %s: what is exclusive, permanent or being ended is not known", why);
}

/* What is noted, with the reason for a doubt. */
static void read_notes(struct rzst_areas *noted)
{
	char path[RZST_PATH_MAX], boot[RZST_BOOT_ID_MAX], why[64];
	struct rzst_lines lines;
	unsigned line;
	int err;

	memset(noted, 0, sizeof(*noted));
	/* It is then empty, as in the file that is written. */
	(void)rzst_first_line(BOOT_ID, boot, sizeof(boot));
	if (rzst_path(path, sizeof(path), NOTES) < 0)
		return;
	err = rzst_lines_open(&lines, path);
	if (err < 0) {
		noted->unnoted = err == -ENOENT;
		if (err != -ENOENT)
			doubt(noted, strerror(-err));
		return;
	}
	err = rzst_areas_parse(&lines, boot, noted, &line);
	rzst_lines_close(&lines);
	if (err == -ESTALE) {
		noted->unnoted = true;
		doubt(noted, "of another boot");
	} else if (err == -EILSEQ) {
		snprintf(why, sizeof(why), "damaged in line %u", line);
		doubt(noted, why);
	} else if (err < 0) {
		doubt(noted, strerror(-err));
	}
}

void rzst_areas_read(struct rzst_areas *out)
{
	struct rzst_swap_area kernel[RZST_SWAPS_MAX];
	struct rzst_areas noted;

	/* In this order: an area that goes off meanwhile is then complete, and not unknown. */
	read_notes(&noted);
	rzst_areas_reconcile(kernel, rzst_swaps_read(kernel), &noted, time(NULL), is_alive, out);
}

static int write_notes(const struct rzst_areas *areas)
{
	char path[RZST_PATH_MAX], boot[RZST_BOOT_ID_MAX];
	struct rzst_new_file n;
	int err = rzst_path(path, sizeof(path), NOTES);

	(void)rzst_first_line(BOOT_ID, boot, sizeof(boot));
	if (err == 0)
		err = rzst_new_file_open(&n, path);
	if (err < 0)
		return err;
	rzst_areas_write(n.f, boot, areas);
	return rzst_new_file_close(&n, 0, true);
}

/* Whether a file that is not there would say the same: see take_on(). */
static bool says_nothing(const struct rzst_areas *areas)
{
	for (unsigned i = 0; i < areas->nr; i++) {
		const struct rzst_area *a = &areas->v[i];

		if (!a->on || a->state != RZST_AREA_ON || a->exclusive || !a->permanent)
			return false;
	}
	return true;
}

static int remove_notes(void)
{
	char path[RZST_PATH_MAX];
	int err = rzst_path(path, sizeof(path), NOTES);

	if (err == 0 && unlink(path) < 0 && errno != ENOENT)
		err = -errno;
	return err;
}

/* Also when that cannot be found out. */
static bool has_notes(void)
{
	char path[RZST_PATH_MAX];

	return rzst_path(path, sizeof(path), NOTES) < 0 || access(path, F_OK) == 0 ||
	       errno != ENOENT;
}

/* ---- the lock: of a file that is there only with the notes, or while somebody has it ---- */

static int wait_for_lock(int fd, int64_t until)
{
	static const struct timespec pause = {.tv_nsec = PAUSE_NS};

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK || rzst_now_ms() >= until)
			return -errno;
		nanosleep(&pause, NULL);
	}
	return 0;
}

static bool is_at(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && lstat(path, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/* The lock, for give_lock(); or a negative errno. */
static int take_lock(unsigned wait)
{
	int64_t until = rzst_now_ms() + wait * 1000ll;
	char path[RZST_PATH_MAX];
	int fd, err = rzst_path(path, sizeof(path), DIRECTORY);

	if (err < 0)
		return err;
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	err = rzst_path(path, sizeof(path), LOCK);
	while (err == 0) {
		fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0)
			return -errno;
		err = wait_for_lock(fd, until);
		/* Whoever had it may have removed the file: others then lock the one after it. */
		if (err == 0 && is_at(fd, path))
			return fd;
		close(fd);
	}
	return err;
}

static void give_lock(int fd)
{
	char path[RZST_PATH_MAX];

	/* Only the holder removes the file, as its last step: from here on another may have it. */
	if (!has_notes() && rzst_path(path, sizeof(path), LOCK) == 0)
		unlink(path);
	close(fd);
}

int rzst_areas_change(unsigned wait, int (*change)(struct rzst_areas *areas, void *arg), void *arg)
{
	struct rzst_areas areas;
	int err, lock = take_lock(wait);

	if (lock < 0)
		return lock;
	rzst_areas_read(&areas);
	err = change(&areas, arg);
	if (err == 0)
		err = write_notes(&areas);
	give_lock(lock);
	return err;
}

int rzst_areas_forget(unsigned wait)
{
	struct rzst_areas areas;
	int err, lock;

	if (!has_notes())
		return 0;
	lock = take_lock(wait);
	if (lock < 0)
		return lock;
	rzst_areas_read(&areas);
	while (areas.nr > 0 && !areas.v[areas.nr - 1].on) /* these come last */
		areas.nr--;
	err = says_nothing(&areas) ? remove_notes() : write_notes(&areas);
	give_lock(lock);
	return err;
}
