/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tools/common/swap: what holds of the kernel and the notes, the notes' file, and faults of
 * swapon(2) and swapoff(2), with these calls replaced.
 */
#include "areas_rig.h"

#include <sys/file.h>

#include "rzst.h"
#include "rzst_area.h"
#include "rzst_swapon.h"

/* ---- reconcile ---- */

static bool alive(pid_t pid, uint64_t start)
{
	return pid == 7 && start == 70;
}

static const struct {
	const char *what;
	bool on;
	enum rzst_area_state state;
	pid_t helper;
	uint64_t start;
	int error;
	int64_t since, retry_at;

	bool is_there;
	enum rzst_area_state want;
	pid_t want_helper;
	int want_error;
	int64_t want_since, want_retry;
} rows[] = {
	{"on", true, RZST_AREA_ON, 0, 0, 0, 5, 0, true, RZST_AREA_ON, 0, 0, 5, 0},
	{"off", false, RZST_AREA_ON, 0, 0, 0, 5, 0, false, 0, 0, 0, 0, 0},
	{"at work", true, RZST_AREA_SWAPOFF, 7, 70, 0, 5, 0, true, RZST_AREA_SWAPOFF, 7, 0, 5, 0},
	{"killed", true, RZST_AREA_SWAPOFF, 8, 70, 0, 5, 9, true, RZST_AREA_BUSY, 0, -EINTR, 5, 0},
	{"another's pid", true, RZST_AREA_SWAPOFF, 7, 71, -ENOMEM, 5, 0, true, RZST_AREA_BUSY, 0,
	 -ENOMEM, 5, 0},
	{"no helper", true, RZST_AREA_SWAPOFF, 0, 0, 0, 5, 0, true, RZST_AREA_BUSY, 0, -EINTR, 5,
	 0},
	{"done at work", false, RZST_AREA_SWAPOFF, 7, 70, 0, 5, 0, true, RZST_AREA_COMPLETE, 0, 0,
	 1000, 0},
	{"done and gone", false, RZST_AREA_SWAPOFF, 8, 80, 0, 5, 0, true, RZST_AREA_COMPLETE, 0, 0,
	 1000, 0},
	{"waits", true, RZST_AREA_BUSY, 7, 70, -ENOMEM, 5, 1060, true, RZST_AREA_BUSY, 7, -ENOMEM,
	 5, 1060},
	{"no longer waits", true, RZST_AREA_BUSY, 8, 80, -ENOMEM, 5, 1060, true, RZST_AREA_BUSY, 0,
	 -ENOMEM, 5, 0},
	{"busy, off", false, RZST_AREA_BUSY, 7, 70, 0, 5, 0, false, 0, 0, 0, 0, 0},
	{"failed", true, RZST_AREA_FAILED, 0, 0, -EINTR, 5, 0, true, RZST_AREA_FAILED, 0, -EINTR, 5,
	 0},
	{"failed, off", false, RZST_AREA_FAILED, 0, 0, -EINTR, 5, 0, false, 0, 0, 0, 0, 0},
	{"complete", false, RZST_AREA_COMPLETE, 0, 0, 0, 1000 - 86400, 0, true, RZST_AREA_COMPLETE,
	 0, 0, 1000 - 86400, 0},
	{"a day ago", false, RZST_AREA_COMPLETE, 0, 0, 0, 999 - 86400, 0, false, 0, 0, 0, 0, 0},
	{"on again", true, RZST_AREA_COMPLETE, 0, 0, 0, 5, 0, true, RZST_AREA_ON, 0, 0, 0, 0},
};

T_TEST(the_kernel_is_right_and_the_notes_add)
{
	static struct rzst_areas noted, out;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rzst_swap_area kernel = {.name = "/dev/a", .used = 3, .priority = 9};
		struct rzst_area *a;

		noted.nr = 0;
		a = rzst_area_add(&noted, "/dev/a");
		a->state = rows[i].state;
		a->helper = rows[i].helper;
		a->helper_start = rows[i].start;
		a->error = rows[i].error;
		a->since = rows[i].since;
		a->retry_at = rows[i].retry_at;
		a->exclusive = true;
		rzst_areas_reconcile(&kernel, rows[i].on, &noted, 1000, alive, &out);
		if (out.nr != rows[i].is_there)
			T_FAIL("%s: %u areas", rows[i].what, out.nr);
		if (out.nr == 0)
			continue;
		a = &out.v[0];
		if (a->on != rows[i].on || a->state != rows[i].want ||
		    a->helper != rows[i].want_helper || a->error != rows[i].want_error ||
		    a->since != rows[i].want_since || a->retry_at != rows[i].want_retry)
			T_FAIL("%s: on %d, %s, helper %d, error %d, since %lld, retry %lld",
			       rows[i].what, a->on, rzst_area_state_name(a->state), (int)a->helper,
			       a->error, (long long)a->since, (long long)a->retry_at);
		T_EQ(a->priority, rows[i].on ? 9 : 0);
		T_EQ(a->exclusive,
		     rows[i].on && rows[i].want != RZST_AREA_ON ? true : a->exclusive);
	}
}

T_TEST(the_order_is_kept_and_what_is_on_comes_first)
{
	struct rzst_swap_area kernel[RZST_SWAPS_MAX] = {{.name = "/b"}, {.name = "/a"}};
	static struct rzst_areas noted, out;
	char name[16];

	for (unsigned i = 0; i < RZST_AREAS_MAX; i++) {
		snprintf(name, sizeof(name), "/c%u", i);
		rzst_area_add(&noted, name)->state = RZST_AREA_COMPLETE;
	}
	T_OK(!rzst_area_add(&noted, "/one more"));
	rzst_areas_reconcile(kernel, 2, &noted, 10, alive, &out);
	T_EQ(out.nr, RZST_AREAS_MAX);
	T_STR_EQ(out.v[0].name, "/b");
	T_STR_EQ(out.v[1].name, "/a");
	T_STR_EQ(out.v[2].name, "/c0");
	T_STR_EQ(out.v[63].name, "/c61");
}

static int change_nothing(struct rzst_areas *areas, void *arg)
{
	(void)areas;
	(void)arg;
	return 0;
}

static bool is_permanent(const char *name)
{
	static struct rzst_areas areas;

	rzst_areas_read(&areas);
	return rzst_area_find(&areas, name)->permanent;
}

T_TEST(what_is_on_before_anything_is_noted_is_permanent)
{
	begin(A_IS_ON);
	T_OK(is_permanent("/dev/a"));
	T_EQ(rzst_areas_change(1, change_nothing, NULL), 0);
	t_scratch_put("/proc/swaps", A_IS_ON "/dev/b partition 1000 400 5\n");
	T_OK(is_permanent("/dev/a"));
	T_OK(!is_permanent("/dev/b"));
	/* Off, and on again, by whomever. */
	t_scratch_put("/proc/swaps", HEADING);
	T_EQ(rzst_areas_change(1, change_nothing, NULL), 0);
	t_scratch_put("/proc/swaps", A_IS_ON);
	T_OK(!is_permanent("/dev/a"));
	/* The machine has come up again, and /run is as it was. */
	t_scratch_put("/proc/sys/kernel/random/boot_id", "boot-2\n");
	T_OK(is_permanent("/dev/a"));
}

/* ---- the file ---- */

static int set_exclusive(struct rzst_areas *areas, void *name)
{
	struct rzst_area *a = rzst_area_find(areas, name);

	if (!a)
		return -ENODEV;
	a->exclusive = true;
	return 0;
}

static bool is_exclusive(const char *name)
{
	static struct rzst_areas areas;
	struct rzst_area *a;

	rzst_areas_read(&areas);
	a = rzst_area_find(&areas, name);
	T_OK(a);
	return a->exclusive;
}

T_TEST(what_is_noted_is_read_again_whatever_the_name)
{
	static char odd[] = "/a b\n\\x";

	begin(HEADING "/a\\040b\\012\\134x file 1000 0 -2\n");
	T_OK(!is_exclusive(odd));
	T_EQ(rzst_areas_change(1, set_exclusive, odd), 0);
	T_OK(is_exclusive(odd));
	T_EQ(rzst_areas_change(1, set_exclusive, (char[]){"/no"}), -ENODEV);
	T_OK(is_exclusive(odd));
	t_scratch_put("/proc/swaps", HEADING);
	T_EQ(rzst_areas_change(1, set_exclusive, odd), -ENODEV);
}

T_TEST(a_file_that_is_not_whole_or_of_another_boot_is_a_doubt)
{
	static const struct {
		const char *text, *doubt;
	} all[] = {
		{"rzs-areas 1 boot-1\non 1 0 0 0 0 0 0 0 /dev/a\n", "damaged in line 3"},
		{"rzs-areas 1 boot-1\non 1 0 0 0 0 0 0 0 /dev/a\nen", "damaged in line 3"},
		{"rzs-areas 1 boot-1\non 1 0 0 0 0 0 0 0 /dev/a\nend\nend\n", "damaged in line 3"},
		{"rzs-areas 1 boot-1\non 1 0 0 0 0 0 0 /dev/a\nend\n", "damaged in line 2"},
		{"rzs-areas 1 boot-1\nof 1 0 0 0 0 0 0 0 /dev/a\nend\n", "damaged in line 2"},
		{"rzs-areas 1 boot-1\non 1 0 0 0 0 0 0 0 \nend\n", "damaged in line 2"},
		{"rzs-areas 1 boot-1\non 1 0 -1 0 0 0 0 0 /dev/a\nend\n", "damaged in line 2"},
		{"rzs-areas 1 boot-1\non 1 0 0 0 0 0 0 0 /dev/a\non 1 0 0 0 0 0 0 0 /dev/a\nend\n",
		 "damaged in line 3"},
		{"rzs-areas 2 boot-1\nend\n", "damaged in line 1"},
		{"rzs-areas 1 boot-2\non 1 0 0 0 0 0 0 0 /dev/a\nend\n", "of another boot"},
		{"", "damaged in line 1"},
	};
	static struct rzst_areas areas;

	begin(A_IS_ON);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		t_scratch_put("/run/rzs/areas", all[i].text);
		rzst_areas_read(&areas);
		T_EQ(areas.nr, 1);
		T_OK(!areas.v[0].exclusive);
		if (!strstr(areas.doubt, all[i].doubt))
			T_FAIL("row %zu: '%s'", i, areas.doubt);
	}
	/* The next change makes it good. */
	T_EQ(rzst_areas_change(1, set_exclusive, (char[]){"/dev/a"}), 0);
	rzst_areas_read(&areas);
	T_OK(areas.v[0].exclusive);
	T_STR_EQ(areas.doubt, "");
}

T_TEST(without_a_place_for_the_file_the_areas_are_read_all_the_same)
{
	static struct rzst_areas areas;
	char path[256];

	begin(A_IS_ON);
	rzst_areas_read(&areas);
	T_STR_EQ(areas.doubt, "");
	t_scratch_put("/run/rzs", ""); /* a file: no directory can be there */
	T_EQ(rzst_areas_change(0, set_exclusive, (char[]){"/dev/a"}), -ENOTDIR);
	rzst_areas_read(&areas);
	T_EQ(areas.nr, 1);
	T_OK(strstr(areas.doubt, "Not a directory"));
	snprintf(path, sizeof(path), "%s/run/rzs", t_scratch());
	T_EQ(unlink(path), 0);
	/* A lock that another has. */
	T_EQ(rzst_areas_change(0, set_exclusive, (char[]){"/dev/a"}), 0);
	snprintf(path, sizeof(path), "%s/run/rzs/areas.lock", t_scratch());
	T_EQ(flock(open(path, O_RDWR | O_CLOEXEC), LOCK_EX), 0);
	T_EQ(rzst_areas_change(0, set_exclusive, (char[]){"/dev/a"}), -EWOULDBLOCK);
}

static int count(struct rzst_areas *areas, void *arg)
{
	(void)arg;
	rzst_area_find(areas, "/dev/a")->used_at_start++;
	return 0;
}

T_TEST(two_at_the_same_time_lose_nothing)
{
	enum { PROCESSES = 4, TIMES = 50 };
	static struct rzst_areas areas;
	int status;

	begin(A_IS_ON);
	for (unsigned i = 0; i < PROCESSES; i++)
		if (fork() == 0) {
			for (unsigned n = 0; n < TIMES; n++)
				if (rzst_areas_change(60, count, NULL) < 0)
					_exit(1);
			_exit(0);
		}
	for (unsigned i = 0; i < PROCESSES; i++) {
		T_GT(wait(&status), 0);
		T_EQ(status, 0);
	}
	rzst_areas_read(&areas);
	T_EQ(areas.v[0].used_at_start, PROCESSES * TIMES);
}

/* ---- forgetting ---- */

static bool is_there(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s%s", t_scratch(), name);
	return access(path, F_OK) == 0;
}

T_TEST(with_the_last_note_the_files_go)
{
	static const struct {
		const char *notes, *swaps;
		bool stays;
	} all[] = {
		{"", HEADING, false},
		{"complete 0 0 0 0 1 9 0 0 /dev/a\n", HEADING, false},
		{"on 0 1 0 0 0 0 0 0 /dev/a\n", A_IS_ON, false},
		{"on 0 1 0 0 0 0 0 0 /dev/a\ncomplete 0 0 0 0 1 9 0 0 /dev/b\n", A_IS_ON, false},
		/* Without the file these would be permanent, not exclusive, and nothing but on. */
		{"on 0 0 0 0 0 0 0 0 /dev/a\n", A_IS_ON, true},
		{"", A_IS_ON, true},
		{"on 1 1 0 0 0 0 0 0 /dev/a\n", A_IS_ON, true},
		{"failed 0 1 0 0 1 9 -12 0 /dev/a\n", A_IS_ON, true},
		{"busy 0 1 0 0 1 9 -12 0 /dev/a\n", A_IS_ON, true},
	};
	static struct rzst_areas before, after;
	char text[256];

	begin(HEADING);
	T_EQ(rzst_areas_forget(1), 0);
	T_OK(!is_there("/run/rzs"));
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		snprintf(text, sizeof(text), "rzs-areas 1 boot-1\n%send\n", all[i].notes);
		t_scratch_put("/run/rzs/areas", text);
		t_scratch_put("/proc/swaps", all[i].swaps);
		rzst_areas_read(&before);
		T_EQ(rzst_areas_forget(1), 0);
		if (is_there("/run/rzs/areas") != all[i].stays ||
		    is_there("/run/rzs/areas.lock") != all[i].stays)
			T_FAIL("row %zu: the notes %d, the lock %d", i, is_there("/run/rzs/areas"),
			       is_there("/run/rzs/areas.lock"));
		/* Of what is on nothing has changed, and nothing is said of what is off. */
		rzst_areas_read(&after);
		T_EQ(after.nr, strcmp(all[i].swaps, A_IS_ON) == 0);
		if (after.nr)
			T_EQ(memcmp(&after.v[0], &before.v[0], sizeof(after.v[0])), 0);
	}
}

T_TEST(a_change_that_fails_leaves_no_lock_behind)
{
	begin(HEADING);
	T_EQ(rzst_areas_change(1, set_exclusive, (char[]){"/no"}), -ENODEV);
	T_OK(!is_there("/run/rzs/areas.lock"));
}

/* Two others, that one of them removes the lock's file while we wait for the lock. */
static struct {
	int first, second; /* who has the old lock, and the new one; -1: nobody */
	unsigned waits;
	bool changed;
} others = {-1, -1, 0, false};

static int lock_as_another(void)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/run/rzs/areas.lock", t_scratch());
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	T_OK(fd >= 0);
	T_EQ(flock(fd, LOCK_EX | LOCK_NB), 0);
	return fd;
}

int __wrap_nanosleep(const struct timespec *t, struct timespec *left);

int __wrap_nanosleep(const struct timespec *t, struct timespec *left)
{
	char path[256];

	if (others.first < 0 && others.second < 0) /* the other tests' */
		return clock_nanosleep(CLOCK_MONOTONIC, 0, t, left);
	T_OK(!others.changed);
	if (others.waits++ == 0) {
		snprintf(path, sizeof(path), "%s/run/rzs/areas.lock", t_scratch());
		T_EQ(unlink(path), 0);
		others.second = lock_as_another();
		close(others.first);
		others.first = -1;
	} else {
		close(others.second);
		others.second = -1;
	}
	return 0;
}

static int note_that_it_changed(struct rzst_areas *areas, void *arg)
{
	(void)areas;
	(void)arg;
	others.changed = true;
	T_EQ(others.second, -1);
	return 0;
}

T_TEST(a_lock_whose_file_was_removed_is_not_had)
{
	begin(A_IS_ON);
	t_scratch_put("/run/rzs/x", "");
	others.first = lock_as_another();
	T_EQ(rzst_areas_change(60, note_that_it_changed, NULL), 0);
	T_EQ(others.waits, 2);
	T_OK(others.changed);
}

static int be_alone(struct rzst_areas *areas, void *inside)
{
	int before = __atomic_fetch_add((int *)inside, 1, __ATOMIC_SEQ_CST);

	rzst_area_find(areas, "/dev/a")->exclusive = false;
	__atomic_fetch_sub((int *)inside, 1, __ATOMIC_SEQ_CST);
	return before;
}

T_TEST(two_at_the_same_time_are_alone_while_others_forget)
{
	enum { PROCESSES = 4, TIMES = 25 };
	int status, *inside = mmap(NULL, sizeof(*inside), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	T_OK(inside != MAP_FAILED);
	begin(A_IS_ON);
	for (unsigned i = 0; i < PROCESSES; i++)
		if (fork() == 0) {
			for (unsigned n = 0; n < TIMES; n++)
				if (rzst_areas_change(60, be_alone, inside) != 0 ||
				    rzst_areas_forget(60) != 0)
					_exit(1);
			_exit(0);
		}
	for (unsigned i = 0; i < PROCESSES; i++) {
		T_GT(wait(&status), 0);
		T_EQ(status, 0);
	}
	T_OK(!is_there("/run/rzs/areas"));
	T_OK(!is_there("/run/rzs/areas.lock"));
}

/* ---- faults ---- */

static void make_area(const char *name, uint32_t last_page, off_t size)
{
	char path[256], page[4096] = "";
	int fd;

	t_scratch_put(name, "");
	snprintf(path, sizeof(path), "%s%s", t_scratch(), name);
	memcpy(page + 4086, "SWAPSPACE2", 10);
	memcpy(page + 1028, &last_page, 4);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	T_OK(fd >= 0);
	T_EQ(write(fd, page, sizeof(page)), sizeof(page));
	T_EQ(ftruncate(fd, size), 0);
	close(fd);
}

T_TEST(each_errno_has_its_fault_and_each_fault_its_sentence)
{
	static const struct {
		int error;
		const char *path;
		enum rzst_swap_fault on, off;
		const char *text;
	} all[] = {
		{ENOENT, "/x", RZST_SWAP_NO_FILE, RZST_SWAP_NO_FILE, "No such file"},
		{ENXIO, "/x", RZST_SWAP_NO_FILE, RZST_SWAP_NO_FILE, "No such device or address"},
		{EACCES, "/x", RZST_SWAP_NOT_ALLOWED, RZST_SWAP_NOT_ALLOWED, "for writing"},
		{EROFS, "/x", RZST_SWAP_NOT_ALLOWED, RZST_SWAP_NOT_ALLOWED, "Read-only"},
		{ETXTBSY, "/x", RZST_SWAP_NOT_ALLOWED, RZST_SWAP_NOT_ALLOWED, "who runs it"},
		{ENOMEM, "/x", RZST_SWAP_NO_MEMORY, RZST_SWAP_NO_MEMORY, "end programs"},
		{EINTR, "/x", RZST_SWAP_INTERRUPTED, RZST_SWAP_INTERRUPTED, "try again"},
		{ENOSYS, "/x", RZST_SWAP_NO_KERNEL, RZST_SWAP_NO_KERNEL, "CONFIG_SWAP"},
		{EPERM, "/x", RZST_SWAP_NOT_ROOT, RZST_SWAP_NOT_ROOT, "be root"},
		{EBUSY, "/dev/a", RZST_SWAP_ON_ALREADY, RZST_SWAP_OTHER, "busy"},
		{EBUSY, "/x", RZST_SWAP_IN_USE, RZST_SWAP_OTHER, "busy"},
		{EINVAL, "/dev/a", RZST_SWAP_NO_HEADER, RZST_SWAP_DRAINING, "another swapoff"},
		{EINVAL, "/proc", RZST_SWAP_NO_AREA, RZST_SWAP_NOT_ON, "not swapped to"},
		{EISDIR, "/proc", RZST_SWAP_NO_AREA, RZST_SWAP_NO_AREA, "neither a block"},
		{EINVAL, "/empty", RZST_SWAP_EMPTY, RZST_SWAP_NOT_ON, "not swapped to"},
		{EINVAL, "/text", RZST_SWAP_NO_HEADER, RZST_SWAP_NOT_ON, "not swapped to"},
		{EINVAL, "/holes", RZST_SWAP_HOLES, RZST_SWAP_NOT_ON, "not swapped to"},
		{EINVAL, "/longer", RZST_SWAP_NO_HEADER, RZST_SWAP_NOT_ON, "not swapped to"},
		{EIO, "/empty", RZST_SWAP_EMPTY, RZST_SWAP_IO, "dmesg"},
		{EIO, "/text", RZST_SWAP_IO, RZST_SWAP_IO, "dmesg"},
		{EDOM, "/x", RZST_SWAP_OTHER, RZST_SWAP_OTHER, "errno 33"},
		{0, "/x", RZST_SWAP_FINE, RZST_SWAP_FINE, "nothing"},
	};
	struct rzst_swapon_how how = {100, RZST_DISCARD_PAGES};
	enum rzst_swap_fault fault;
	char why[256];

	begin(A_IS_ON);
	t_scratch_put("/empty", "");
	t_scratch_put("/text", "some text");
	make_area("/holes", 9, 10 * 4096);
	make_area("/longer", 10, 10 * 4096);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		fake->error = all[i].error;
		fake->fail_times = -1;
		T_EQ(rzst_swapon(all[i].path, &how, &fault), -all[i].error);
		if (fault != all[i].on)
			T_FAIL("row %zu: swapon: %d", i, fault);
		T_OK(*rzst_swapon_why(fault, -all[i].error, why, sizeof(why)));
		T_EQ(rzst_swapoff(all[i].path, &fault), -all[i].error);
		if (fault != all[i].off)
			T_FAIL("row %zu: swapoff: %d", i, fault);
		if (!strstr(rzst_swapoff_why(fault, -all[i].error, why, sizeof(why)), all[i].text))
			T_FAIL("row %zu: %s", i, why);
	}
	T_EQ(fake->flags, 0x8000 | 100 | 0x10000 | 0x40000);
	how = (struct rzst_swapon_how){RZST_PRIORITY_NONE, RZST_DISCARD_ONCE};
	T_EQ(rzst_swapon("/x", &how, &fault), 0);
	T_EQ(fake->flags, 0x30000);
	how.priority = RZST_PRIORITY_MOST + 1;
	T_EQ(rzst_swapon("/x", &how, &fault), -EINVAL);
	T_EQ(fault, RZST_SWAP_BAD_PRIORITY);
}

/* The fault that another user gets. */
static int fork_without_root(const struct rzst_swapon_how *how)
{
	enum rzst_swap_fault fault;
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(setresuid(65534, 65534, 65534) < 0 || rzst_swapon("/x", how, &fault) == 0
			      ? 99
			      : (int)fault);
	T_EQ(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

T_TEST(with_the_capability_and_many_areas_there_are_too_many)
{
	struct rzst_swapon_how how = {RZST_PRIORITY_NONE, RZST_DISCARD_NONE};
	enum rzst_swap_fault fault;
	char text[2048] = HEADING;

	if (geteuid() != 0)
		T_SKIP("needs CAP_SYS_ADMIN");
	for (unsigned i = 0; i < 26; i++)
		sprintf(text + strlen(text), "/dev/s%u partition 100 0 -2\n", i);
	begin(text);
	fake->error = EPERM;
	T_EQ(rzst_swapon("/x", &how, &fault), -EPERM);
	T_EQ(fault, RZST_SWAP_TOO_MANY);
	T_EQ(chmod(t_scratch(), 0755), 0);
	T_EQ(fork_without_root(&how), RZST_SWAP_NOT_ROOT);
}
