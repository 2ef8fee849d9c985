/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine made of files, below RZS_SYSROOT, whose /dev/ramzswapN answer ioctls as the driver
 * does, and rzscontrol with its own main() on it.  For one program: it has fakes of open(), stat(),
 * fstat(), ioctl(), swapon() and swapoff(), which --wrap= puts in place of the system's.
 *
 * Each command is run in a process of its own; what it asks is put down in memory that is shared.
 */
#ifndef RZSC_KERNEL_RIG_H
#define RZSC_KERNEL_RIG_H

#include "t_output.h"

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/sysmacros.h>

#include "ramzswap_ioctl.h"

int rzscontrol_main(int argc, char **argv);
#define main rzscontrol_main
#include "../../tools/rzscontrol/rzscontrol.c"
#undef main

#define DEVICES 40u

/* As programs, of 64 bits and of 32, have known them since 2009; no header of today is asked. */
#define SET_DISKSIZE (sizeof(size_t) == 8 ? 0x40087a00ul : 0x40047a00ul)
#define SET_MEMLIMIT (sizeof(size_t) == 8 ? 0x40087a01ul : 0x40047a01ul)
#define SET_BACKING  0x40807a02ul
#define GET_STATS    0x80fc7a03ul
#define INIT	     0x7a04ul
#define RESET	     0x7a05ul

struct device {
	bool ready;
	struct ramzswap_ioctl_stats stats;
};

/* What of the machine is not in files. */
static struct machine {
	struct device device[DEVICES];
	char log[8192];
	size_t log_len;

	unsigned long fail_request; /* this one fails, that many times; 0: none does */
	int fail_error;
	unsigned fail_times;
	int open_error; /* of everything in /dev; 0: none */
	int swapon_error, swapoff_error;
	bool foreign_asked; /* an ioctl has reached what is not ours */
	bool bad_flags;	    /* something in /dev was opened otherwise than it must be */
} * m;

static const char *const root = t_scratch_path; /* in which the machine stands */

__attribute__((format(printf, 1, 2))) static void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	m->log_len += (size_t)vsnprintf(m->log + m->log_len, sizeof(m->log) - m->log_len, fmt, ap);
	va_end(ap);
}

/* ---- the system's calls ---- */

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_stat(const char *path, struct stat *st);
int __wrap_stat(const char *path, struct stat *st);
int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_swapon(const char *path, int flags);
int __wrap_swapoff(const char *path);

/* What is behind a path in the machine's /dev, or NULL. */
static const char *node_of(const char *path)
{
	size_t len = strlen(root);

	if (strncmp(path, root, len) != 0 || strncmp(path + len, "/dev/", 5) != 0)
		return NULL;
	return path + len + 5;
}

/* ramzswapN is N, "alias" is ramzswap3, "sda" is another driver's; "file" is a file. */
static void make_block(const char *node, struct stat *st)
{
	unsigned n;

	if (strcmp(node, "file") == 0)
		return;
	st->st_mode = S_IFBLK | 0660;
	if (sscanf(node, "ramzswap%u", &n) == 1)
		st->st_rdev = makedev(252, n);
	else if (strcmp(node, "alias") == 0)
		st->st_rdev = makedev(252, 3);
	else
		st->st_rdev = makedev(8, 0);
}

static const char *node_of_fd(int fd, char path[PATH_MAX])
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, PATH_MAX - 1);
	path[n > 0 ? n : 0] = '\0';
	return node_of(path);
}

int __wrap_open(const char *path, int flags, ...)
{
	if (node_of(path)) {
		m->bad_flags |= flags != (O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (m->open_error) {
			errno = m->open_error;
			return -1;
		}
	}
	return __real_open(path, flags, 0);
}

int __wrap_stat(const char *path, struct stat *st)
{
	int n = __real_stat(path, st);

	if (n == 0 && node_of(path))
		make_block(node_of(path), st);
	return n;
}

int __wrap_fstat(int fd, struct stat *st)
{
	char path[PATH_MAX];
	int n = __real_fstat(fd, st);

	if (n == 0 && node_of_fd(fd, path))
		make_block(node_of_fd(fd, path), st);
	return n;
}

static int fails(int error)
{
	errno = error;
	return -1;
}

static int asked(struct device *d, unsigned n, unsigned long request, void *argument)
{
	uint64_t bytes = d->stats.disksize;
	size_t kb = 0;

	if (request == BLKGETSIZE64) {
		memcpy(argument, &bytes, sizeof(bytes));
		return 0;
	}
	if (request == GET_STATS) {
		if (!d->ready)
			return fails(ENOTTY);
		memcpy(argument, &d->stats, sizeof(d->stats));
		return 0;
	}
	if (request == SET_DISKSIZE || request == SET_MEMLIMIT)
		memcpy(&kb, argument, sizeof(kb));
	if (request == SET_DISKSIZE)
		note("%u disksize %zu\n", n, kb);
	else if (request == SET_MEMLIMIT)
		note("%u memlimit %zu\n", n, kb);
	else if (request == SET_BACKING)
		note("%u backing %s\n", n, (const char *)argument);
	else
		note("%u %s\n", n, request == INIT ? "init" : request == RESET ? "reset" : "?");
	if (request == m->fail_request && m->fail_times) {
		m->fail_times--;
		return fails(m->fail_error);
	}
	if (request != RESET && d->ready)
		return fails(EBUSY);
	if (request == SET_DISKSIZE)
		d->stats.disksize = kb * 1024;
	else if (request == SET_MEMLIMIT)
		d->stats.memlimit = kb * 1024;
	else if (request == SET_BACKING)
		memcpy(d->stats.backing_swap_name, argument, RZS_MAX_BACKING_NAME);
	else
		d->ready = request == INIT;
	return 0;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	char path[PATH_MAX];
	const char *node = node_of_fd(fd, path);
	unsigned n = 0;
	void *argument;
	va_list ap;

	va_start(ap, request);
	argument = va_arg(ap, void *);
	va_end(ap);
	if (node && strcmp(node, "alias") == 0)
		n = 3;
	else if (!node || sscanf(node, "ramzswap%u", &n) != 1 || n >= DEVICES)
		m->foreign_asked = true;
	if (m->foreign_asked)
		return fails(ENOTTY);
	return asked(&m->device[n], n, request, argument);
}

int __wrap_swapon(const char *path, int flags)
{
	note("swapon %s %#x\n", path, (unsigned)flags);
	return m->swapon_error ? fails(m->swapon_error) : 0;
}

int __wrap_swapoff(const char *path)
{
	/* Not in the command's own process: a helper has a session of its own. */
	note("%sswapoff %s\n", getsid(0) == getpid() ? "" : "own ", path);
	if (m->swapoff_error == EKEYREVOKED) /* stands for the OOM killer */
		raise(SIGKILL);
	return m->swapoff_error ? fails(m->swapoff_error) : 0;
}

/* ---- the machine's files ---- */

__attribute__((format(printf, 2, 3))) static void put(const char *text, const char *fmt, ...)
{
	char path[PATH_MAX];
	int len = snprintf(path, sizeof(path), "%s", root);
	va_list ap;
	FILE *f;

	va_start(ap, fmt);
	vsnprintf(path + len, sizeof(path) - (size_t)len, fmt, ap);
	va_end(ap);
	for (char *c = path + len + 1; *c; c++)
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

static void put_link(const char *to, unsigned major, unsigned minor)
{
	char path[PATH_MAX];

	put("", "/sys/dev/block/.x");
	snprintf(path, sizeof(path), "%s/sys/dev/block/%u:%u", root, major, minor);
	T_EQ(symlink(to, path), 0);
}

static void make_devices(unsigned nr)
{
	char to[64];

	put("1.2.3\n", "/sys/module/ramzswap/version");
	for (unsigned i = 0; i < nr; i++) {
		snprintf(to, sizeof(to), "../../devices/virtual/block/ramzswap%u", i);
		put("", "/dev/ramzswap%u", i);
		put("lz4 [lzo] zstd\n", "/sys/block/ramzswap%u/comp_algorithm", i);
		put_link(to, 252, i);
	}
}

static void make_machine(unsigned nr)
{
	m = mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	T_OK(m != MAP_FAILED);
	t_scratch();
	T_EQ(setenv("RZS_SYSROOT", root, 1), 0);
	put("Filename Type Size Used Priority\n", "/proc/swaps");
	put("", "/sys/block/loop0/size");
	put("", "/dev/sda");
	put("", "/dev/alias");
	put("", "/dev/file");
	put_link("../../devices/pci0/block/sda", 8, 0);
	if (nr)
		make_devices(nr);
}

static void end_machine(void)
{
	T_OK(!m->foreign_asked);
	T_OK(!m->bad_flags);
}

/* ---- commands ---- */

static char out[65536], err[65536];

/* Run a line of words; what was printed is then in out and err, what was asked in m->log. */
static int gives(const char *line)
{
	char words[1024], *argv[40] = {"rzscontrol"};
	int argc = 1, status;
	pid_t pid;

	snprintf(words, sizeof(words), "%s", line);
	for (char *w = strtok(words, " "); w; w = strtok(NULL, " "))
		argv[argc++] = w;
	m->log_len = 0;
	m->log[0] = '\0';
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		t_redirect("out", 1);
		t_redirect("err", 2);
		program_invocation_short_name = argv[0];
		exit(rzscontrol_main(argc, argv));
	}
	T_GT(pid, 0);
	T_EQ(waitpid(pid, &status, 0), pid);
	T_OK(WIFEXITED(status));
	t_take("out", out, sizeof(out));
	t_take("err", err, sizeof(err));
	return WEXITSTATUS(status);
}

/* The command ends with status, asks the device for what is in log, and says text. */
static void check(const char *line, int status, const char *log, const char *text)
{
	int code = gives(line);

	if (code != status)
		T_FAIL("'%s' ends with %d: %s", line, code, err);
	if (strcmp(m->log, log) != 0)
		T_FAIL("'%s' asks\n%s", line, m->log);
	if (text && !strstr(err, text) && !strstr(out, text))
		T_FAIL("'%s' says\n%s%s", line, out, err);
}

#endif
