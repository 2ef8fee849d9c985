/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rzs-autoswap's swap files, on the file system that /tmp is on: what is refused, what is written,
 * what is reused, what a crash or a failing call leaves, and what "paranoid" leaves on the disk.
 */
#include "files_rig.h"

T_TEST(a_file_is_whole)
{
	open_dir(false);
	for (unsigned way = 0; way < 2; way++) {
		no_tmpfile = way;
		umask(way ? 0777 : 0);
		make(KIB);
		umask(022);
		T_OK(is_whole(name, KIB));
		make(44);
		T_OK(is_whole(name, 44));
	}
	T_EQ(entries(), 4);
}

T_TEST(a_size_that_is_none)
{
	uint64_t made = 1;

	open_dir(false);
	T_EQ(rzsa_file_make(&dir, 36, name, &made, &go_on, why), RZSA_REFUSED);
	T_EQ(made, 0);
	T_EQ(rzsa_file_make(&dir, UINT64_MAX, name, &made, &go_on, why), RZSA_REFUSED);
	T_OK(strstr(why, "no swap file can have"));
	T_EQ(entries(), 0);
}

static void refuses(const char *where, int err, const char *reason)
{
	struct rzsa_dir d;

	T_EQ(rzsa_dir_open(&d, where, false, why), err);
	T_EQ(d.fd, -1);
	if (!strstr(why, reason) || strncmp(why, where, strlen(where)) != 0)
		T_FAIL("\"%s\" should be of %s and \"%s\"", why, where, reason);
}

T_TEST(directories_that_are_refused)
{
	char to[PATH_MAX];
	struct statfs fs;

	open_dir(false);
	refuses(path, -EBUSY, "another process manages it");
	rzsa_dir_close(&dir);
	T_EQ(chmod(path, 0750), 0);
	refuses(path, -EPERM, "0750, not 0700");
	T_EQ(chmod(path, 0720), 0);
	refuses(path, -EPERM, "chmod it");
	T_EQ(chmod(path, 0700), 0);
	if (geteuid() == 0) {
		T_EQ(chown(path, 65534, 0), 0);
		refuses(path, -EPERM, "belongs to user 65534");
		T_EQ(chown(path, 0, 0), 0);
	}
	T_EQ(chmod(t_scratch(), 0777), 0);
	refuses(path, -EPERM, "1 levels above");
	T_EQ(chmod(t_scratch(), 01777), 0);
	T_EQ(rzsa_dir_open(&dir, path, false, why), 0);
	rzsa_dir_close(&dir);
	snprintf(to, sizeof(to), "%s/link", t_scratch());
	T_EQ(symlink(path, to), 0);
	refuses(to, -ELOOP, "symbolic link");
	refuses("/nowhere", -ENOENT, "install -d -m 0700");
	refuses("/dev/null", -ENOTDIR, "");
	if (statfs("/dev/shm", &fs) == 0 && fs.f_type == TMPFS_MAGIC) {
		char shm[] = "/dev/shm/rzs-unit.XXXXXX";

		T_OK(mkdtemp(shm));
		refuses(shm, -EOPNOTSUPP, "in memory (tmpfs)");
		T_EQ(rmdir(shm), 0);
	}
}

/* ---- what is found at the start ---- */

static void reuse(const char *want, uint64_t want_kib)
{
	char ready[RZSA_NAME_MAX];
	uint64_t kib;

	T_EQ(rzsa_dir_reuse(&dir, ready, &kib, why), 0);
	T_STR_EQ(ready, want);
	T_EQ(kib, want_kib);
}

T_TEST(whole_files_are_reused)
{
	char largest[RZSA_NAME_MAX];

	open_dir(false);
	reuse("", 0);
	make(KIB);
	make(2 * KIB);
	strcpy(largest, name);
	make(64);
	put("swap.x", "a", 1, 0);
	put("another", "a", 1, 0);
	reuse(largest, 2 * KIB);
	T_OK(is_whole(largest, 2 * KIB));
	T_EQ(entries(), 3);
	reuse(largest, 2 * KIB);
}

T_TEST(half_files_are_not)
{
	static const char zeros[4096];

	for (unsigned i = 0; i < 9; i++) {
		open_dir(i & 1);
		make(KIB);
		switch (i) {
		case 0:
			T_EQ(truncate(in_dir(name), 1020 * 1024), 0);
			break;
		case 1:
			T_EQ(truncate(in_dir(name), 1028 * 1024), 0);
			break;
		case 2:
			put(name, zeros, sizeof(zeros), 0);
			break;
		case 3: /* a hole */
			T_EQ(truncate(in_dir(name), 512 * 1024), 0);
			T_EQ(truncate(in_dir(name), 1024 * 1024), 0);
			break;
		case 4: /* another's label */
			put(name, "other", 6, 1052);
			break;
		case 5:
			T_EQ(chmod(in_dir(name), 0644), 0);
			break;
		case 6:
			put(name, "S1SUSPEND", 10, 4086);
			break;
		case 7:
			T_EQ(rename(in_dir(name), in_dir(".swap.9999.part")), 0);
			T_EQ(mkfifo(in_dir("swap.1"), 0600), 0);
			break;
		default:
			T_EQ(unlink(in_dir(name)), 0);
			T_EQ(symlink("/etc/passwd", in_dir(name)), 0);
			T_EQ(symlink("/etc/passwd", in_dir(".swap.0.part")), 0);
		}
		reuse("", 0);
		T_EQ(entries(), 0);
		rzsa_dir_close(&dir);
	}
}

/* ---- what is swapped to ---- */

/* By every path that leads to it, or by none; and not what only has its name. */
T_TEST(what_is_swapped_to_is_left_alone)
{
	char text[PATH_MAX + 64], other[PATH_MAX];

	open_dir(true);
	make(KIB);
	snprintf(other, sizeof(other), "%s/l", t_scratch());
	T_EQ(symlink(path, other), 0);
	for (unsigned i = 0; i < 4; i++) {
		static const char *const form[] = {"%s//./%s", "%s/%s", "/gone%.0s/%s", "%s/%s"};

		snprintf(text, sizeof(text), form[i], i == 3 ? other : path, name);
		swapped_to(text);
		writes = 0;
		T_EQ(rzsa_file_drop(&dir, name, why), RZSA_REFUSED);
		T_OK(strstr(why, "it is swapped to"));
		reuse("", 0);
		T_EQ(writes, 0);
		T_OK(is_whole(name, KIB));
	}
	/* A half one too, as nobody knows what happens there. */
	T_EQ(truncate(in_dir(name), 65536), 0);
	T_EQ(rename(in_dir(name), in_dir(".swap.0.part")), 0);
	swapped_to(in_dir(".swap.0.part"));
	reuse("", 0);
	T_EQ(entries(), 1);
	/* There is one of this name elsewhere. */
	T_EQ(unlink(in_dir(".swap.0.part")), 0);
	make(KIB);
	snprintf(text, sizeof(text), "%s/%s", t_scratch(), name);
	T_EQ(link(in_dir(name), text), 0);
	T_EQ(unlink(in_dir(name)), 0);
	make(KIB);
	swapped_to(text);
	T_EQ(rzsa_file_drop(&dir, name, why), RZSA_DONE);
	T_EQ(entries(), 0);
}

T_TEST(only_ours_are_dropped)
{
	open_dir(true);
	put("other", "a", 1, 0);
	T_EQ(rzsa_file_drop(&dir, "other", why), RZSA_REFUSED);
	T_EQ(rzsa_file_drop(&dir, "../d/other", why), RZSA_REFUSED);
	T_EQ(rzsa_file_drop(&dir, "swap.", why), RZSA_REFUSED);
	T_EQ(rzsa_file_drop(&dir, "swap.12345", why), RZSA_REFUSED);
	T_EQ(rzsa_file_drop(&dir, "swap.1", why), RZSA_DONE);
	T_EQ(entries(), 1);
}

/* ---- what is left on the disk ---- */

static uint64_t first_block(const char *file)
{
	union {
		struct fiemap map;
		char room[sizeof(struct fiemap) + sizeof(struct fiemap_extent)];
	} u = {.map = {.fm_length = FIEMAP_MAX_OFFSET, .fm_extent_count = 1}};
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	T_GE(fd, 0);
	T_EQ(ioctl(fd, FS_IOC_FIEMAP, &u.map), 0);
	close(fd);
	T_GE(u.map.fm_mapped_extents, 1);
	return u.map.fm_extents[0].fe_physical;
}

/*
 * Bytes of a secret that are in the file's blocks after it was dropped, or cleared away as half
 * dropped.  The blocks are those of before, and read from the disk.
 */
static unsigned left_of_secret(bool paranoid, bool half)
{
	static uint8_t secret[KIB * 1024], found[KIB * 1024] __attribute__((aligned(4096)));
	char kept[PATH_MAX];
	unsigned left = 0;
	uint64_t block;
	int fd;

	snprintf(kept, sizeof(kept), "%s/kept", t_scratch());
	unlink(kept);
	open_dir(paranoid);
	make(KIB);
	memset(secret, 's', sizeof(secret));
	put(name, secret, sizeof(secret), 0);
	T_EQ(link(in_dir(name), kept), 0);
	block = first_block(kept);
	if (half) {
		T_EQ(rename(in_dir(name), in_dir(".swap.7.part")), 0);
		reuse("", 0);
	} else {
		T_EQ(rzsa_file_drop(&dir, name, why), RZSA_DONE);
	}
	T_EQ(entries(), 0);
	T_EQ(first_block(kept), block);
	rzsa_dir_close(&dir);
	fd = open(kept, O_RDONLY | O_DIRECT | O_CLOEXEC);
	T_GE(fd, 0);
	T_EQ(pread(fd, found, sizeof(found), 0), (ssize_t)sizeof(found));
	close(fd);
	for (size_t i = 0; i < sizeof(found); i++)
		left += found[i] == 's';
	return left;
}

T_TEST(paranoid_overwrites_on_the_disk)
{
	T_EQ(left_of_secret(false, false), KIB * 1024);
	T_EQ(left_of_secret(true, false), 0);
	T_EQ(left_of_secret(true, true), 0);
}

/* ---- what there is no room for ---- */

T_TEST(a_file_that_is_too_large)
{
	struct rlimit limit = {1000 * 1024 + 100, RLIM_INFINITY};
	uint64_t made;

	open_dir(false);
	T_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
	writes = 0;
	T_EQ(rzsa_file_make(&dir, KIB, name, &made, &go_on, why), RZSA_TOO_BIG);
	T_EQ(writes, 0);
	T_EQ(made, 1000);
	T_EQ(entries(), 0);
	make(1000);
}

T_TEST(a_tenth_of_the_room_is_left)
{
	struct statvfs v;
	uint64_t made;

	open_dir(false);
	T_EQ(statvfs(path, &v), 0);
	little_room = true;
	bavail = KIB * 1024 / v.f_frsize;
	writes = 0;
	T_EQ(rzsa_file_make(&dir, 924, name, &made, &go_on, why), RZSA_NO_SPACE);
	T_OK(strstr(why, "No space left"));
	T_EQ(writes, 0);
	make(920);
}

T_TEST(a_file_is_stopped)
{
	static const volatile sig_atomic_t stop = 1;
	uint64_t made;

	open_dir(false);
	T_EQ(rzsa_file_make(&dir, KIB, name, &made, &stop, why), RZSA_INTERRUPTED);
	T_STR_EQ(name, "");
	T_EQ(entries(), 0);
}

static enum rzsa_outcome outcome_of(int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
	case EIO:
		return RZSA_NO_SPACE;
	case EFBIG:
		return RZSA_TOO_BIG;
	case ENOMEM:
		return RZSA_NO_MEMORY;
	default:
		return RZSA_REFUSED;
	}
}

static unsigned open_files(void)
{
	unsigned nr = 0;

	for (int fd = 0; fd < 64; fd++)
		nr += fcntl(fd, F_GETFD) >= 0;
	return nr;
}

/* Each call in turn, with each errno: nothing is left, or all is well. */
T_TEST(calls_that_fail)
{
	static const int errors[] = {ENOSPC, EDQUOT, EIO, EFBIG, ENOMEM, EROFS};
	unsigned failed = 0, open_before;
	enum rzsa_outcome outcome;
	uint64_t made;

	open_dir(false);
	open_before = open_files();
	for (unsigned i = 0; i < 2 * sizeof(errors) / sizeof(errors[0]); i++) {
		no_tmpfile = i & 1;
		fail_with = errors[i / 2];
		for (fail_at = 1;; fail_at++) {
			calls = 0;
			outcome = rzsa_file_make(&dir, 64, name, &made, &go_on, why);
			if (calls < fail_at)
				break;
			failed++;
			if (outcome == RZSA_DONE) { /* the size was only tried */
				T_EQ(fail_with, EFBIG);
				T_EQ(unlink(in_dir(name)), 0);
			} else {
				T_EQ(outcome, outcome_of(fail_with));
				T_STR_EQ(name, "");
				T_OK(why[0]);
			}
			T_EQ(entries(), 0);
			T_EQ(open_files(), open_before);
		}
		T_EQ(outcome, RZSA_DONE);
		T_EQ(unlink(in_dir(name)), 0);
	}
	t_note("%u calls failed", failed);
	T_GE(failed, 100);
}

T_TEST(drops_that_fail)
{
	open_dir(true);
	fail_with = EIO;
	for (fail_at = 1;; fail_at++) {
		enum rzsa_outcome outcome;

		make(64);
		calls = 0;
		outcome = rzsa_file_drop(&dir, name, why);
		if (calls < fail_at)
			break;
		T_EQ(outcome, RZSA_NO_SPACE);
		/* Not one whose secrets may have stayed: the next start removes it. */
		fail_at += 1000;
		reuse(entries() && access(in_dir("swap.0"), F_OK) == 0 ? "swap.0" : "",
		      access(in_dir("swap.0"), F_OK) == 0 ? 64 : 0);
		if (access(in_dir("swap.0"), F_OK) == 0)
			T_EQ(rzsa_file_drop(&dir, "swap.0", why), RZSA_DONE);
		T_EQ(entries(), 0);
		fail_at -= 1000;
	}
	T_GE(fail_at, 5);
}

/* ---- crashes ---- */

/* What a process that was killed has left is a whole file or nothing. */
static bool left_is_whole(void)
{
	char ready[RZSA_NAME_MAX];
	uint64_t kib;

	T_EQ(rzsa_dir_reuse(&dir, ready, &kib, why), 0);
	T_EQ(entries(), ready[0] ? 1 : 0);
	if (!ready[0])
		return false;
	T_OK(is_whole(ready, KIB));
	T_EQ(rzsa_file_drop(&dir, ready, why), RZSA_DONE);
	return true;
}

static void make_and_drop(void)
{
	uint64_t made;

	if (rzsa_file_make(&dir, KIB, name, &made, &go_on, why) != RZSA_DONE ||
	    rzsa_file_drop(&dir, name, why) != RZSA_DONE)
		_exit(T_EXIT_FAIL);
}

/* Before each call that changes something, and so after the one before it. */
T_TEST(a_kill_at_each_call)
{
	unsigned killed = 0, whole = 0;
	int status;

	open_dir(true);
	for (unsigned way = 0; way < 2; way++) {
		no_tmpfile = way;
		for (unsigned at = 1;; at++) {
			pid_t pid = fork();

			T_GE(pid, 0);
			if (pid == 0) {
				die_at = at;
				calls = 0;
				make_and_drop();
				_exit(T_EXIT_PASS);
			}
			T_EQ(waitpid(pid, &status, 0), pid);
			if (!WIFSIGNALED(status))
				break;
			killed++;
			whole += left_is_whole();
		}
		T_EQ(status, 0);
	}
	t_note("%u kills, %u left a whole file", killed, whole);
	T_GE(killed, 40);
	T_GE(whole, 4);
}

/* And at any moment. */
T_TEST(kills)
{
	uint64_t random = t_seed();
	struct timespec begin, end;
	unsigned whole = 0;
	int64_t round;

	open_dir(true);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	make_and_drop();
	clock_gettime(CLOCK_MONOTONIC, &end);
	round = (end.tv_sec - begin.tv_sec) * 1000000000 + end.tv_nsec - begin.tv_nsec;
	if (round > 30000000)
		round = 30000000; /* a disk that is slow: not for minutes */
	for (unsigned i = 0; i < 50; i++) {
		struct timespec pause = {0, (long)(t_rand(&random) % (uint64_t)(2 * round))};
		int status;
		pid_t pid;

		no_tmpfile = i & 1;
		pid = fork();
		T_GE(pid, 0);
		while (pid == 0)
			make_and_drop();
		nanosleep(&pause, NULL);
		T_EQ(kill(pid, SIGKILL), 0);
		T_EQ(waitpid(pid, &status, 0), pid);
		T_OK(WIFSIGNALED(status));
		whole += left_is_whole();
	}
	t_note("%u of 50 left a whole file", whole);
}
