/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pid file: one process at a time has it, and nothing else is touched. */
#include "t_scratch.h"

#include "pid_file.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static char path[96], why[RZS_WHY_MAX];

static void enter(void)
{
	snprintf(path, sizeof(path), "%s/pid", t_scratch());
}

static void put(const char *text)
{
	FILE *f = fopen(path, "w");

	T_NE(f, NULL);
	fputs(text, f);
	T_EQ(fclose(f), 0);
}

static const char *content(void)
{
	static char text[128];
	FILE *f = fopen(path, "r");
	size_t n;

	T_NE(f, NULL);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

static const char *own_id(void)
{
	static char text[32];

	snprintf(text, sizeof(text), "%d\n", (int)getpid());
	return text;
}

static int taken(void)
{
	int fd = rzs_pid_file_open(path, why);

	if (fd < 0)
		T_FAIL("%d: %s", fd, why);
	T_STR_EQ(why, "");
	T_STR_EQ(content(), own_id());
	return fd;
}

static void refused(int want, const char *part)
{
	T_EQ(rzs_pid_file_open(path, why), want);
	if (!strstr(why, part) || !strstr(why, path))
		T_FAIL("\"%s\" does not say \"%s\" and the path", why, part);
}

static bool is_there(void)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

T_TEST(it_comes_and_goes)
{
	int fd;

	enter();
	fd = taken();
	T_OK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	rzs_pid_file_close(path, fd);
	T_OK(!is_there());
}

T_TEST(one_left_by_a_process_that_is_no_more)
{
	static const char *const left[] = {"", "4194304\n", "1", "12345678\n"};

	enter();
	for (unsigned i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
		put(left[i]);
		rzs_pid_file_close(path, taken());
		T_OK(!is_there());
	}
}

T_TEST(another_process_has_it)
{
	int fd;

	enter();
	fd = taken();
	/* A lock is an opened file's: this one is as good as another process's. */
	refused(-EBUSY, "in use by process");
	T_EQ(strtol(strstr(why, "process ") + strlen("process "), NULL, 10), getpid());
	T_STR_EQ(content(), own_id());
	rzs_pid_file_close(path, fd);
	rzs_pid_file_close(path, taken());
}

/* Who was moved away does not remove what another has put there. */
T_TEST(anothers_is_not_removed)
{
	int fd;

	enter();
	fd = taken();
	T_EQ(unlink(path), 0);
	put("1\n");
	rzs_pid_file_close(path, fd);
	T_STR_EQ(content(), "1\n");
	fd = taken();
	T_EQ(unlink(path), 0);
	rzs_pid_file_close(path, fd); /* nothing is there */
}

T_TEST(what_is_no_pid_file_stays)
{
	static const char *const text[] = {"root:x:0:0\n", "12 13\n", "\n", "12\n\nx", "-1\n",
					   "1234567890123456789012345678901234567890\n"};

	enter();
	for (unsigned i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		put(text[i]);
		refused(-EEXIST, "not a pid file");
		T_STR_EQ(content(), text[i]);
	}
}

/* Neither opened, which may wait for ever, nor removed. */
T_TEST_TIMEOUT(nodes_stay, 20)
{
	char target[128];
	struct stat st;

	enter();
	T_EQ(mkfifo(path, 0600), 0);
	refused(-EEXIST, "not a pid file");
	T_EQ(lstat(path, &st), 0);
	T_OK(S_ISFIFO(st.st_mode));
	T_EQ(unlink(path), 0);

	T_EQ(mkdir(path, 0700), 0);
	refused(-EEXIST, "not a pid file");
	T_EQ(rmdir(path), 0);

	snprintf(target, sizeof(target), "%s/target", t_scratch());
	T_EQ(symlink(target, path), 0);
	refused(-EEXIST, "not a pid file");
	T_EQ(access(target, F_OK), -1);
	T_EQ(unlink(path), 0);

	if (mknod(path, S_IFCHR | 0600, makedev(1, 3)) < 0)
		T_SKIP("no device can be made here");
	refused(-EEXIST, "not a pid file");
	T_OK(is_there());
}

T_TEST(no_directory)
{
	enter();
	snprintf(path, sizeof(path), "%s/no/pid", t_scratch());
	refused(-ENOENT, strerror(ENOENT));
}

/* With the signal ignored, as rzs_protect_server_late() has it. */
T_TEST(no_file_may_grow)
{
	static const struct rlimit none;

	enter();
	T_NE(signal(SIGXFSZ, SIG_IGN), SIG_ERR);
	T_EQ(setrlimit(RLIMIT_FSIZE, &none), 0);
	refused(-EFBIG, strerror(EFBIG));
	T_OK(!is_there());
}
