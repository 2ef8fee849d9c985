/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tools/common/swap: what holds of the kernel and the notes, the notes' file, whether an area's
 * pages fit elsewhere, faults of swapon(2) and swapoff(2), and the job; with these calls replaced.
 */
#include "t_scratch.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>

#include "rzst.h"
#include "rzst_area.h"
#include "rzst_fit.h"
#include "rzst_swapoff_job.h"
#include "rzst_swapon.h"

/* ---- a machine made of files, and the kernel's calls ---- */

#define HEADING "Filename\tType\tSize\tUsed\tPriority\n"
#define A_IS_ON HEADING "/dev/a partition 1000 400 5\n"

static struct {
	int error;	/* of both calls; 0: none */
	int fail_times; /* of swapoff: as often as this; -1: always */
	int flags;
	bool hang; /* swapoff waits for a signal */
	bool ends; /* swapoff takes it out of /proc/swaps */
	unsigned calls;
} * fake;

static void put(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s%s", t_scratch(), name);
	for (char *c = path + strlen(t_scratch()) + 1; *c; c++)
		if (*c == '/') {
			*c = '\0';
			T_OK(mkdir(path, 0700) == 0 || errno == EEXIST);
			*c = '/';
		}
	f = fopen(path, "w");
	T_OK(f);
	fputs(text, f);
	T_EQ(fclose(f), 0);
}

static void begin(const char *swaps)
{
	fake = mmap(NULL, sizeof(*fake), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	T_OK(fake != MAP_FAILED);
	T_EQ(setenv("RZS_SYSROOT", t_scratch(), 1), 0);
	put("/proc/swaps", swaps);
	put("/proc/sys/kernel/random/boot_id", "boot-1\n");
	put("/run/x", ""); /* the directory /run */
}

int __wrap_swapon(const char *path, int flags);
int __wrap_swapoff(const char *path);

int __wrap_swapon(const char *path, int flags)
{
	(void)path;
	fake->flags = flags;
	errno = fake->error;
	return fake->error ? -1 : 0;
}

int __wrap_swapoff(const char *path)
{
	(void)path;
	__atomic_add_fetch(&fake->calls, 1, __ATOMIC_SEQ_CST);
	if (fake->hang)
		pause();
	errno = fake->error;
	if (fake->fail_times)
		fake->fail_times -= fake->fail_times > 0;
	else
		errno = 0;
	if (errno)
		return -1;
	if (fake->ends)
		put("/proc/swaps", HEADING);
	return 0;
}

/* ---- reconcile ---- */

static bool alive(pid_t pid, uint64_t start)
{
	return pid == 7 && start == 70;
}

T_TEST(the_kernel_is_right_and_the_notes_add)
{
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
	} all[] = {
		{"on", true, RZST_AREA_ON, 0, 0, 0, 5, 0, true, RZST_AREA_ON, 0, 0, 5, 0},
		{"off", false, RZST_AREA_ON, 0, 0, 0, 5, 0, false, 0, 0, 0, 0, 0},
		{"at work", true, RZST_AREA_SWAPOFF, 7, 70, 0, 5, 0, true, RZST_AREA_SWAPOFF, 7, 0,
		 5, 0},
		{"killed", true, RZST_AREA_SWAPOFF, 8, 70, 0, 5, 9, true, RZST_AREA_BUSY, 0, -EINTR,
		 5, 0},
		{"another's pid", true, RZST_AREA_SWAPOFF, 7, 71, -ENOMEM, 5, 0, true,
		 RZST_AREA_BUSY, 0, -ENOMEM, 5, 0},
		{"no helper", true, RZST_AREA_SWAPOFF, 0, 0, 0, 5, 0, true, RZST_AREA_BUSY, 0,
		 -EINTR, 5, 0},
		{"done at work", false, RZST_AREA_SWAPOFF, 7, 70, 0, 5, 0, true, RZST_AREA_COMPLETE,
		 0, 0, 1000, 0},
		{"done and gone", false, RZST_AREA_SWAPOFF, 8, 80, 0, 5, 0, true,
		 RZST_AREA_COMPLETE, 0, 0, 1000, 0},
		{"waits", true, RZST_AREA_BUSY, 7, 70, -ENOMEM, 5, 1060, true, RZST_AREA_BUSY, 7,
		 -ENOMEM, 5, 1060},
		{"no longer waits", true, RZST_AREA_BUSY, 8, 80, -ENOMEM, 5, 1060, true,
		 RZST_AREA_BUSY, 0, -ENOMEM, 5, 0},
		{"busy, off", false, RZST_AREA_BUSY, 7, 70, 0, 5, 0, false, 0, 0, 0, 0, 0},
		{"failed", true, RZST_AREA_FAILED, 0, 0, -EINTR, 5, 0, true, RZST_AREA_FAILED, 0,
		 -EINTR, 5, 0},
		{"failed, off", false, RZST_AREA_FAILED, 0, 0, -EINTR, 5, 0, false, 0, 0, 0, 0, 0},
		{"complete", false, RZST_AREA_COMPLETE, 0, 0, 0, 1000 - 86400, 0, true,
		 RZST_AREA_COMPLETE, 0, 0, 1000 - 86400, 0},
		{"a day ago", false, RZST_AREA_COMPLETE, 0, 0, 0, 999 - 86400, 0, false, 0, 0, 0, 0,
		 0},
		{"on again", true, RZST_AREA_COMPLETE, 0, 0, 0, 5, 0, true, RZST_AREA_ON, 0, 0, 0,
		 0},
	};
	static struct rzst_areas noted, out;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct rzst_swap_area kernel = {.name = "/dev/a", .used = 3, .priority = 9};
		struct rzst_area *a;

		noted.nr = 0;
		a = rzst_area_add(&noted, "/dev/a");
		a->state = all[i].state;
		a->helper = all[i].helper;
		a->helper_start = all[i].start;
		a->error = all[i].error;
		a->since = all[i].since;
		a->retry_at = all[i].retry_at;
		a->exclusive = true;
		rzst_areas_reconcile(&kernel, all[i].on, &noted, 1000, alive, &out);
		if (out.nr != all[i].is_there)
			T_FAIL("%s: %u areas", all[i].what, out.nr);
		if (out.nr == 0)
			continue;
		a = &out.v[0];
		if (a->on != all[i].on || a->state != all[i].want ||
		    a->helper != all[i].want_helper || a->error != all[i].want_error ||
		    a->since != all[i].want_since || a->retry_at != all[i].want_retry)
			T_FAIL("%s: on %d, %s, helper %d, error %d, since %lld, retry %lld",
			       all[i].what, a->on, rzst_area_state_name(a->state), (int)a->helper,
			       a->error, (long long)a->since, (long long)a->retry_at);
		T_EQ(a->priority, all[i].on ? 9 : 0);
		T_EQ(a->exclusive, all[i].on && all[i].want != RZST_AREA_ON ? true : a->exclusive);
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
	put("/proc/swaps", HEADING);
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
		put("/run/rzs/areas", all[i].text);
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
	put("/run/rzs", ""); /* a file: no directory can be there */
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

/* ---- fit ---- */

T_TEST(what_fits_is_judged_without_overflow)
{
	static const struct {
		uint64_t used, cached, available, floor, elsewhere, need, have;
		bool fits;
	} all[] = {
		{100, 0, 200, 50, 0, 100, 150, true},
		{151, 0, 200, 50, 0, 151, 150, false},
		{150, 0, 200, 50, 0, 150, 150, true},
		{160, 10, 200, 50, 0, 150, 150, true},
		{10, 20, 0, 50, 0, 0, 0, true},
		{100, 0, 20, 50, 100, 100, 100, true},
		{100, 0, 20, 50, 99, 100, 99, false},
		{UINT64_MAX, 0, UINT64_MAX, 0, UINT64_MAX, UINT64_MAX, UINT64_MAX, true},
		{1, 0, 1, UINT64_MAX, 0, 1, 0, false},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct rzst_fit f = {.used = all[i].used,
				     .cached = all[i].cached,
				     .available = all[i].available,
				     .floor = all[i].floor,
				     .elsewhere = all[i].elsewhere};

		rzst_fit_judge(&f);
		T_EQ(f.need, all[i].need);
		T_EQ(f.have, all[i].have);
		T_EQ(f.fits, all[i].fits);
	}
}

T_TEST(a_compressed_area_is_worth_what_it_saves)
{
	enum { MIB = 1 << 20 };
	static const struct {
		uint64_t free, stored, mem, limit, memory, adds, remains; /* MiB */
	} all[] = {
		{1000, 0, 0, 0, 100, 100, 0},	  /* 2 : 1 assumed: 200 in 100 */
		{50, 0, 0, 0, 100, 25, 75},	  /* no more slots */
		{1000, 40, 10, 0, 100, 300, 0},	  /* 4 : 1 */
		{1000, 4000, 10, 0, 100, 300, 0}, /* no more is believed */
		{1000, 40, 40, 0, 100, 0, 100},	  /* it saves nothing */
		{1000, 40, 20, 30, 100, 10, 90},  /* 10 of its limit are left */
		{1000, 40, 20, 20, 100, 0, 100},  /* full */
		{1000, 40, 20, 0, 0, 0, 0},	  /* no memory, no room */
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct rzst_store s = {all[i].free * MIB, all[i].stored * MIB, all[i].mem * MIB,
				       all[i].limit * MIB};
		uint64_t memory = all[i].memory * MIB, adds = rzst_fit_store_adds(&s, &memory);

		if (adds != all[i].adds * MIB || memory != all[i].remains * MIB)
			T_FAIL("row %zu: %llu, remains %llu", i, (unsigned long long)adds,
			       (unsigned long long)memory);
	}
}

T_TEST(the_machine_is_looked_at)
{
	static struct rzst_areas areas;
	struct rzst_fit f;
	uint64_t reads, writes;

	begin(HEADING "/dev/zram0 partition 102400 51200 5\n/dev/sdb2 partition 20480 10240 4\n"
		      "/f file 1000 0 3\n");
	put("/proc/meminfo",
	    "MemTotal: 1048576 kB\nMemAvailable: 65536 kB\nSwapCached: 11264 kB\n");
	put("/sys/block/zram0/mm_stat", "52428800 13000000 13107200 0 0 0 0 0\n");
	put("/sys/block/zram0/stat", " 1 2 80 4 5 6 160 8 9 10 11\n");
	put("/sys/class/block/sdb2/stat", " 1 2 24 4 5 6 8 8 9 10 11\n");
	rzst_areas_read(&areas);
	T_EQ(rzst_fit_look(&areas, "/dev/no", &f), -ENODEV);
	T_EQ(f.used, 0);
	T_EQ(rzst_fit_look(&areas, "/dev/zram0", &f), 0);
	T_EQ(f.used, 51200 << 10);
	T_EQ(f.cached, 1024 << 10); /* the other area may have 10240 of the 11264 */
	T_EQ(f.floor, (1ull << 30) / 20);
	T_EQ(f.elsewhere, (10240 + 1000) << 10);
	T_EQ(rzst_fit_look(&areas, "/dev/sdb2", &f), 0);
	/* 50 MiB free, stored 4 : 1: 12.5 MiB are taken, out of what is above the floor. */
	T_EQ(f.cached, 0);
	T_EQ(f.elsewhere, (1000 << 10) + (37 << 20) + (1 << 19));
	T_EQ(rzst_area_io(rzst_area_find(&areas, "/dev/zram0"), &reads, &writes), 0);
	T_EQ(reads, 10);
	T_EQ(writes, 20);
	T_EQ(rzst_area_io(rzst_area_find(&areas, "/dev/sdb2"), &reads, &writes), 0);
	T_EQ(reads, 3);
	T_EQ(rzst_area_io(rzst_area_find(&areas, "/f"), &reads, &writes), -ENODATA);
	T_EQ(reads, 0);
}

/* ---- faults ---- */

static void make_area(const char *name, uint32_t last_page, off_t size)
{
	char path[256], page[4096] = "";
	int fd;

	put(name, "");
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
	put("/empty", "");
	put("/text", "some text");
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

/* ---- the job ---- */

static enum rzst_area_state state_now(void)
{
	static struct rzst_areas areas;
	struct rzst_area *a;

	rzst_areas_read(&areas);
	a = rzst_area_find(&areas, "/dev/a");
	return a ? a->state : (enum rzst_area_state)99;
}

T_TEST(a_job_that_ends_is_complete)
{
	struct rzst_swapoff_job job;

	begin(A_IS_ON);
	fake->ends = true;
	T_EQ(rzst_swapoff_job_begin(&job, "/dev/no"), -ENODEV);
	T_EQ(rzst_swapoff_job_begin(&job, "/dev/a"), 0);
	T_EQ(job.used_at_start, 400 << 10);
	T_WAIT(!rzst_swapoff_job_look(&job), 30);
	T_EQ(job.result, 0);
	T_EQ(job.used, 0);
	T_EQ(job.pid, 0);
	T_EQ(job.pidfd, -1);
	T_EQ(state_now(), RZST_AREA_COMPLETE);
}

T_TEST(a_job_that_is_cancelled_or_killed_leaves_the_area_busy)
{
	struct rzst_swapoff_job job, second;

	begin(A_IS_ON);
	fake->hang = true;
	for (unsigned i = 0; i < 2; i++) {
		T_EQ(rzst_swapoff_job_begin(&job, "/dev/a"), 0);
		T_WAIT(__atomic_load_n(&fake->calls, __ATOMIC_SEQ_CST) == i + 1, 30);
		T_OK(rzst_swapoff_job_look(&job));
		T_EQ(state_now(), RZST_AREA_SWAPOFF);
		T_EQ(rzst_swapoff_job_begin(&second, "/dev/a"), -EBUSY);
		T_EQ(second.pid, 0);
		if (i == 0) {
			rzst_swapoff_job_cancel(&job);
		} else {
			T_EQ(kill(job.pid, SIGKILL), 0);
			T_WAIT(!rzst_swapoff_job_look(&job), 30);
		}
		T_EQ(job.result, -EINTR);
		T_EQ(job.fault, RZST_SWAP_INTERRUPTED);
		T_EQ(state_now(), RZST_AREA_BUSY);
	}
}

T_TEST(in_the_background_it_tries_again)
{
	struct rzst_swapoff_job job;

	begin(A_IS_ON);
	fake->ends = true;
	fake->error = ENOMEM;
	fake->fail_times = 2;
	T_EQ(rzst_swapoff_job_begin(&job, "/dev/a"), 0);
	T_EQ(rzst_swapoff_job_background(&job, 30), 0);
	T_EQ(job.pid, 0);
	T_WAIT(state_now() == RZST_AREA_BUSY, 30);
	T_WAIT(state_now() == RZST_AREA_COMPLETE, 50);
	T_EQ(fake->calls, 3);
}

T_TEST(in_the_background_it_gives_up)
{
	struct rzst_swapoff_job job;

	begin(A_IS_ON);
	fake->error = ENOMEM;
	fake->fail_times = -1;
	T_EQ(rzst_swapoff_job_begin(&job, "/dev/a"), 0);
	T_EQ(rzst_swapoff_job_background(&job, 2), 0);
	T_WAIT(state_now() == RZST_AREA_FAILED, 50);
	T_LE(fake->calls, 2);
}
