/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rzs-swapoff with its own main(), on a machine made of files and with a stand-in for swapoff(2).
 */
#include "swapoff_rig.h"
#include "t_output.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

int rzs_swapoff_main(int argc, char **argv);
#define main rzs_swapoff_main
#include "../../tools/swapoff/rzs-swapoff.c"
#undef main

#include "rzsf_progress.h"

#define AREA "/dev/sda 2"

/* ---- the machine ---- */

static char out[16384], err[16384];

static void put(const char *at, const char *text)
{
	char path[PATH_MAX], new[PATH_MAX + 16];
	FILE *f;

	snprintf(path, sizeof(path), "%s%s", t_scratch_path, at);
	for (char *c = path + strlen(t_scratch_path) + 1; *c; c++)
		if (*c == '/') {
			*c = '\0';
			if (mkdir(path, 0700) < 0 && errno != EEXIST)
				abort();
			*c = '/';
		}
	snprintf(new, sizeof(new), "%s.%d", path, (int)getpid());
	f = fopen(new, "w");
	if (!f || fputs(text, f) < 0 || fclose(f) != 0 || rename(new, path) < 0)
		abort();
}

#define HEADING "Filename Type Size Used Priority\n"
#define LINE	"/dev/sda\\0402 partition 100000 1000 5\n"

static void turn_off(void)
{
	put("/proc/swaps", HEADING);
}

static void make_machine(int first, ...)
{
	va_list ap;

	t_scratch();
	T_EQ(setenv("RZS_SYSROOT", t_scratch_path, 1), 0);
	va_start(ap, first);
	make_kernel(AREA, first, ap);
	va_end(ap);
	put("/proc/swaps", HEADING LINE);
	put("/proc/meminfo", "MemTotal: 524288 kB\nMemAvailable: 200000 kB\nSwapCached: 0 kB\n");
	put("/proc/sys/kernel/random/boot_id", "11111111-2222-3333-4444-555555555555\n");
	put("/run/x", "");
	put(AREA, "");
}

#define MACHINE(...) make_machine(__VA_ARGS__, -1)

/* ---- commands ---- */

static void to_terminal(const char *terminal)
{
	int fd = open(terminal, O_WRONLY | O_NOCTTY);

	if (fd < 0 || dup2(fd, 2) < 0)
		_exit(99);
	close(fd);
}

/* terminal: where its messages go; NULL: to the file "err". */
static pid_t begin_at(const char *terminal, const char *const *words)
{
	char *argv[16] = {"rzs-swapoff"};
	int argc = 1;
	pid_t pid;

	while (*words && argc < 15)
		argv[argc++] = (char *)*words++;
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		t_redirect("out", 1);
		if (terminal)
			to_terminal(terminal);
		else
			t_redirect("err", 2);
		program_invocation_short_name = argv[0];
		exit(rzs_swapoff_main(argc, argv));
	}
	T_GT(pid, 0);
	return pid;
}

static pid_t begin(const char *const *words)
{
	return begin_at(NULL, words);
}

static int end(pid_t pid)
{
	int status;

	T_EQ(waitpid(pid, &status, 0), pid);
	T_OK(WIFEXITED(status));
	t_take("out", out, sizeof(out));
	t_take("err", err, sizeof(err));
	return WEXITSTATUS(status);
}

#define RUN(...) end(begin((const char *const[]){__VA_ARGS__, NULL}))

static void gives(int got, int want, const char *text)
{
	if (got != want)
		T_FAIL("status %d, not %d: %s%s", got, want, out, err);
	if (!strstr(out, text) && !strstr(err, text))
		T_FAIL("says not '%s' but\n%s%s", text, out, err);
}

static bool noted(const char *state)
{
	char path[PATH_MAX], line[512];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "%s/run/rzs/areas", t_scratch_path);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		found |= strncmp(line, state, strlen(state)) == 0 && strstr(line, "sda\\0402\n");
	if (f)
		fclose(f);
	return found;
}

/* ---- usage ---- */

T_TEST(usage_is_checked)
{
	MACHINE(ANSWER_OFF);
	gives(end(begin((const char *const[]){NULL})), 16, "no area is named");
	gives(RUN("--bad"), 16, "no such option");
	gives(RUN("--timeout"), 16, "needs a value");
	gives(RUN("--timeout", "x", AREA), 16, "a number of seconds");
	gives(RUN("--give-up", "604801", AREA), 16, "from 0 to 604800");
	gives(RUN("-h"), 0, "usage: rzs-swapoff");
	gives(RUN("-V"), 0, "rzs-swapoff (ramzswap) " VERSION);
	gives(RUN(""), 4, "not a name");
	gives(RUN("/dev/none"), 4, "there is no such device or file");
	gives(RUN("-e", "/dev/none"), 0, "");
	T_STR_EQ(err, "");
	gives(RUN("-v", "-e", "/dev/none"), 0, "skipped");
	put("/dev/sdb", "");
	gives(RUN("/dev/sdb"), 4, "it is not swapped to");
	gives(RUN("-e", "/dev/sdb"), 4, "it is not swapped to");
	T_EQ(kernel->calls, 0);
}

T_TEST(a_name_that_is_gone)
{
	char path[PATH_MAX];

	MACHINE(ANSWER_OFF);
	snprintf(path, sizeof(path), "%s" AREA, t_scratch_path);
	T_EQ(unlink(path), 0);
	gives(RUN(AREA), 4, "its name is gone");
	gives(RUN("-e", AREA), 4, "its name is gone");
	T_EQ(kernel->calls, 0);
}

/* ---- what becomes of it ---- */

T_TEST(turns_it_off)
{
	MACHINE(ANSWER_OFF);
	gives(RUN("-v", "//dev/./sda 2", AREA), 0, "no longer swapped to, 1000 KiB brought back");
	T_STR_EQ(err, "");
	T_EQ(kernel->calls, 1);
	T_OK(noted("complete"));
	gives(RUN("-v", "-a"), 0, "nothing is swapped to");
}

T_TEST(refuses_what_does_not_fit)
{
	MACHINE(ANSWER_OFF);
	put("/proc/meminfo", "MemTotal: 524288 kB\nMemAvailable: 17383 kB\nSwapCached: 0 kB\n");
	gives(RUN(AREA), 2,
	      "1000 KiB to bring back to memory for it, and room for 999 KiB (17383 KiB "
	      "available less a floor of 16384 KiB, 0 KiB in other swap)");
	gives(RUN("-n", AREA), 2, "refused");
	gives(RUN("-a"), 32, "refused");
	gives(RUN("-n", "-f", AREA), 0, "1000 KiB to bring back, room for 999 KiB");
	gives(RUN("-n", "--json", AREA), 2,
	      "\"outcome\":\"refused\",\"need_bytes\":1024000,"
	      "\"have_bytes\":1022976");
	T_STR_EQ(err, "");
	T_EQ(kernel->calls, 0);
	gives(RUN("-f", AREA), 0, "no longer swapped to");
	T_EQ(kernel->calls, 1);
}

/* Each alone would fit; and pages cannot go to an area that is turned off, too. */
T_TEST(refuses_what_does_not_fit_together)
{
	MACHINE(ANSWER_OFF);
	put("/dev/sdb", "");
	put("/proc/swaps", HEADING LINE "/dev/sdb partition 100000 1500 5\n");
	put("/proc/meminfo", "MemTotal: 524288 kB\nMemAvailable: 18383 kB\nSwapCached: 0 kB\n");
	gives(RUN("-n", AREA), 0, "1000 KiB to bring back, room for 100499 KiB");
	gives(RUN(AREA, "/dev/sdb"), 2,
	      "2500 KiB to bring back to memory for all of them, and room for 1999 KiB");
	gives(RUN("-a"), 32, "2500 KiB");
	T_EQ(kernel->calls, 0);
}

T_TEST(killed_is_busy)
{
	MACHINE(ANSWER_KILL);
	gives(RUN("--wait", AREA), 2, "busy: its helper was killed");
	T_OK(noted("busy"));
	gives(RUN("--give-up", "0", AREA), 2, "busy: its helper was killed");
	gives(RUN("--wait", "-a"), 32, "busy");
	gives(RUN("--wait", "--json", AREA), 2, "\"outcome\":\"busy\"");
	T_STR_EQ(err, "");
}

T_TEST(each_error_has_its_status)
{
	MACHINE(ERRNO(ENOMEM), ERRNO(EPERM), ERRNO(EIO), ERRNO(EINVAL), ERRNO(E2BIG));
	gives(RUN("--wait", AREA), 2, "no room in memory");
	gives(RUN(AREA), 16, "only root may");
	T_OK(noted("failed"));
	gives(RUN(AREA), 4, "it cannot be read");
	gives(RUN(AREA), 4, "another swapoff is at work");
	gives(RUN(AREA), 4, "Argument list too long");
	T_EQ(kernel->calls, 5);
}

static pid_t background_of(const char *text)
{
	const char *at = strstr(text, "(process ");

	T_OK(at);
	return (pid_t)atoi(at + strlen("(process "));
}

T_TEST(goes_on_in_the_background)
{
	pid_t keeper;

	MACHINE(ANSWER_HOLD);
	gives(RUN("--timeout", "0", AREA), 1, "not done yet: it goes on in the background");
	keeper = background_of(out);
	T_OK(noted("swapoff"));
	gives(RUN(AREA), 4, "another swapoff is at work");
	T_EQ(kill(keeper, 0), 0);
	kernel->held = false;
	T_WAIT(noted("complete"), 20);
	T_EQ(kernel->calls, 1);
}

T_TEST(is_tried_again_in_the_background)
{
	MACHINE(ANSWER_KILL, ANSWER_OFF);
	gives(RUN(AREA), 3, "it is tried again in the background");
	T_WAIT(noted("complete"), 20);
	T_EQ(kernel->calls, 2);
}

T_TEST(without_time_it_is_interrupted)
{
	MACHINE(ANSWER_WAIT);
	gives(RUN("--timeout", "0", "--give-up", "0", AREA), 4, "still swapped to");
	T_OK(noted("busy"));
}

T_TEST(interrupted_it_stays_on)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	pid_t pid;

	MACHINE(ANSWER_WAIT);
	for (size_t i = 0; i < 3; i++) {
		kernel->at_call = false;
		pid = begin((const char *const[]){"--wait", AREA, "/dev/sdb", NULL});
		T_WAIT(kernel->at_call, 20);
		T_EQ(kill(pid, signals[i]), 0);
		gives(end(pid), 4,
		      "interrupted: it is still swapped to; 0 KiB came back, 1000 KiB are still "
		      "there");
		T_OK(noted("busy"));
	}
}

/* The other end of a terminal of 100 columns, whose name is then in terminal. */
static int make_terminal(char *terminal, size_t size)
{
	struct winsize w = {.ws_row = 24, .ws_col = 100};
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	T_OK(fd >= 0);
	T_EQ(grantpt(fd), 0);
	T_EQ(unlockpt(fd), 0);
	T_EQ(ptsname_r(fd, terminal, size), 0);
	T_EQ(ioctl(fd, TIOCSWINSZ, &w), 0);
	return fd;
}

static char shown[16384];

/* Whether this has come out of the terminal by now. */
static bool shows(int fd, const char *text)
{
	size_t len = strlen(shown);
	ssize_t n = read(fd, shown + len, sizeof(shown) - 1 - len);

	shown[len + (n > 0 ? (size_t)n : 0)] = '\0';
	return strstr(shown, text) != NULL;
}

T_TEST(draws_a_bar_on_a_terminal)
{
	static const char wiped[] = "\r\033[K";
	char terminal[64];
	int fd, keep;
	pid_t pid;

	MACHINE(ANSWER_HOLD);
	fd = make_terminal(terminal, sizeof(terminal));
	keep = open(terminal, O_RDWR | O_NOCTTY | O_CLOEXEC); /* or its end would be an error */
	T_OK(keep >= 0);
	pid = begin_at(terminal, (const char *const[]){"--wait", AREA, NULL});
	T_WAIT(shows(fd, "250 pages left, 0 pages/s"), 20);
	T_OK(shows(fd, "\r/dev/sda 2 [----"));
	put("/proc/swaps", HEADING "/dev/sda\\0402 partition 100000 250 5\n");
	T_WAIT(shows(fd, "62 pages left"), 20);
	T_OK(shows(fd, "#-"));
	T_OK(shows(fd, " 75 %"));
	kernel->held = false;
	t_redirect("err", STDIN_FILENO); /* an empty file, for end() */
	gives(end(pid), 0, "no longer swapped to, 1000 KiB brought back");
	T_WAIT(shows(fd, "62 pages left"), 20);
	T_GE(strlen(shown), strlen(wiped));
	T_STR_EQ(shown + strlen(shown) - strlen(wiped), wiped);
	T_OK(!strchr(shown, '\n'));
}

T_TEST(works_where_nothing_can_be_noted)
{
	MACHINE(ANSWER_OFF);
	put("/run/rzs", "in the way");
	gives(RUN(AREA), 0, "nothing could be noted of it in /run/rzs (");
	gives(RUN(AREA), 4, "it is not swapped to");
}

T_TEST(what_cannot_be_printed_is_a_failure)
{
	char *argv[] = {"rzs-swapoff", "--help", NULL};
	pid_t pid;

	MACHINE(ANSWER_OFF);
	pid = fork();
	if (pid == 0) {
		t_redirect("out", 1);
		t_redirect("err", 2);
		dup2(open("/dev/full", O_WRONLY), 1);
		exit(rzs_swapoff_main(2, argv));
	}
	gives(end(pid), 8, "cannot write");
}

/* ---- parts ---- */

T_TEST(progress)
{
	static const struct {
		uint64_t at_start, left;
		int64_t ms;
		unsigned columns;
		const char *text;
	} rows[] = {
		{4096000, 4096000, 0, 0, "x:   0 %  1000 pages left, 0 pages/s"},
		{4096000, 2048000, 2000, 0, "x:  50 %  500 pages left, 250 pages/s, 0:02 left"},
		{4096000, 0, 2000, 0, "x: 100 %  0 pages left, 500 pages/s, 0:00 left"},
		{4096000, 8192000, 1000, 0, "x:   0 %  2000 pages left, 0 pages/s"},
		{0, 0, 1000, 0, "x: 100 %  0 pages left, 0 pages/s"},
		{4096000, 4091904, 7200000, 0, "x:   0 %  999 pages left, 0 pages/s, long left"},
		{4096000, 2048000, 3600000, 0, "x:  50 %  500 pages left, 0 pages/s, 1:00:00 left"},
		{4096000, 2048000, 2000, 61,
		 "x [#####-----]  50 %  500 pages left, 250 pages/s, 0:02 left"},
		{4096000, 2048000, 2000, 50, "x:  50 %  500 pages left, 250 pages/s, 0:02 left"},
		{4096000, 2048000, 2000, 20, "x:  50 %  500 pages"},
		{4096000, 2048000, 2000, 1, ""},
	};
	char text[256];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rzsf_progress p = {"x", rows[i].at_start, rows[i].left, rows[i].ms};

		T_STR_EQ(rzsf_progress_text(&p, rows[i].columns, text, sizeof(text)), rows[i].text);
	}
}

T_TEST(status_of_several)
{
	static const struct {
		int codes[3];
		bool all;
		int status;
	} rows[] = {
		{{0, 0, 0}, false, 0},	   {{0, 0, 0}, true, 0},  {{4, 2, 0}, false, 6},
		{{4, 2, 0}, true, 64},	   {{4, 2, 4}, true, 32}, {{1, 0, 0}, false, 1},
		{{1, 0, 0}, true, 64 | 1}, {{3, 2, 2}, true, 33}, {{16, 16, 16}, true, 32},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static struct rzsf_targets targets;
		struct rzsf_options o = {.all = rows[i].all};

		targets.nr = 3;
		for (unsigned k = 0; k < 3; k++)
			targets.v[k].code = rows[i].codes[k];
		T_EQ(rzsf_off_code(&o, &targets), rows[i].status);
	}
}
