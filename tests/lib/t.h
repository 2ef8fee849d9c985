/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The unit tests' harness: one header, which also defines main(), so a test program is one .c file.
 *
 *	#include "t.h"
 *
 *	T_TEST(read_gives_what_was_written)
 *	{
 *		T_EQ(rzs_store_write(store, worker, 3, page), 0);
 *		T_MEM_EQ(got, page, RZS_PAGE_SIZE);
 *	}
 *
 * Every test runs in a forked process of its own with a deadline (t_clock.h), so that a crash, a
 * hang or a leak belongs to one test, and no test sees another's state.  A failed check prints both
 * values and ends its test.  Checks may be made from any thread.  The parent stays single-threaded:
 * the sanitizers need that to follow a fork.
 *
 * Program:  [--list] [--run NAME]... [--no-fork] [--seed N]
 * Output:   TAP, the Test Anything Protocol: a plan "1..N", then one line for each test:
 *           "ok N - NAME", "not ok N - NAME" or "ok N - NAME # SKIP REASON".  Lines that begin with
 *           "# " are for people.  A test prints such lines with t_note().
 * Exit:     0 no test failed, 1 some failed, 99 the harness itself failed
 * Environment: T_TIMEOUT_SCALE multiplies every deadline (slow tools such as valgrind set it),
 * T_SEED is --seed
 */
#ifndef T_H
#define T_H

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "t_clock.h"

#define T_EXIT_PASS 0
#define T_EXIT_FAIL 1
#define T_EXIT_SKIP 77
#define T_EXIT_ERROR 99
#define T_TIMEOUT_DEFAULT 60 /* seconds */
#define T_TEXT_MAX 4096

/* A test, and one with a deadline of its own in seconds. */
#define T_TEST(name) T_TEST_TIMEOUT(name, T_TIMEOUT_DEFAULT)
#define T_TEST_TIMEOUT(test, seconds)                                                              \
	static void test(void);                                                                    \
	static struct t_case t_case_##test = {#test, test, (seconds), NULL};                       \
	__attribute__((constructor)) static void t_register_##test(void)                           \
	{                                                                                          \
		t_register(&t_case_##test);                                                        \
	}                                                                                          \
	static void test(void)

/* Integers, enums, bools and pointers, compared by value: -1 never equals UINT_MAX. */
#define T_EQ(got, want) T_CMP(got, ==, want)
#define T_NE(got, other) T_CMP(got, !=, other)
#define T_LT(got, bound) T_CMP(got, <, bound)
#define T_LE(got, bound) T_CMP(got, <=, bound)
#define T_GT(got, bound) T_CMP(got, >, bound)
#define T_GE(got, bound) T_CMP(got, >=, bound)

#define T_OK(cond) ((cond) ? (void)0 : t_fail(__FILE__, __LINE__, "%s is false", #cond))
#define T_STR_EQ(got, want) t_str_eq(__FILE__, __LINE__, #got, (got), (want))
#define T_MEM_EQ(got, want, n) t_mem_eq(__FILE__, __LINE__, #got, (got), (want), (n))
#define T_FAIL(...) t_fail(__FILE__, __LINE__, __VA_ARGS__)
#define T_SKIP(...) t_skip(__VA_ARGS__)

/*
 * Wait for a condition, at most this many seconds (scaled, and as t_clock.h counts them); fail if
 * it does not come true.
 */
#define T_WAIT(cond, seconds)                                                                      \
	do {                                                                                       \
		struct t_deadline t_until = t_deadline(getpid(), (seconds)*t_scale());             \
		while (!(cond)) {                                                                  \
			if (t_overdue(&t_until))                                                   \
				t_fail(__FILE__, __LINE__, "%s: still false after %g s", #cond,    \
				       (seconds)*t_scale());                                       \
			t_pause();                                                                 \
		}                                                                                  \
	} while (0)

struct t_case {
	const char *name;
	void (*run)(void);
	unsigned timeout;
	struct t_case *next;
};

static struct t_case *t_cases;
static struct t_case **t_cases_end = &t_cases;
static const char *t_name = "?"; /* of the test running in this process */
static const char *t_seed_arg;
static char *t_skip_reason; /* T_TEXT_MAX bytes that a test shares with the parent */

static inline void t_register(struct t_case *c)
{
	*t_cases_end = c;
	t_cases_end = &c->next;
}

static inline double t_scale(void)
{
	const char *s = getenv("T_TIMEOUT_SCALE");
	double scale = s ? strtod(s, NULL) : 1.0;

	return scale >= 1.0 ? scale : 1.0;
}

/* Between two looks at a condition: give others the processor. */
static inline void t_pause(void)
{
	struct timespec ts = {0, 200 * 1000};

	nanosleep(&ts, NULL);
}

/* Text of several lines, as TAP has it: each begins with "# ". */
static inline void t_comment(FILE *to, const char *text)
{
	size_t n;

	for (; *text; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		fprintf(to, "# %.*s\n", (int)n, text);
	}
	fflush(to);
}

/* What a reader of the log wants to know, for instance how much was done. */
__attribute__((format(printf, 1, 2))) static inline void t_note(const char *fmt, ...)
{
	char text[T_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	t_comment(stdout, text);
}

/*
 * _exit() and not exit(): other threads may still be running, and a leak report of a test that
 * stopped half way would only hide the reason.
 */
__attribute__((noreturn, format(printf, 3, 4))) static inline void
t_fail(const char *file, int line, const char *fmt, ...)
{
	char text[T_TEXT_MAX];
	int n = snprintf(text, sizeof(text), "%s:%d: %s: ", file, line, t_name);
	va_list ap;

	if (n < 0 || (size_t)n >= sizeof(text))
		n = 0;
	va_start(ap, fmt);
	vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, ap);
	va_end(ap);
	fflush(stdout);
	t_comment(stderr, text);
	_exit(T_EXIT_FAIL);
}

__attribute__((noreturn, format(printf, 1, 2))) static inline void t_skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t_skip_reason, T_TEXT_MAX, fmt, ap);
	va_end(ap);
	t_skip_reason[strcspn(t_skip_reason, "\n")] = '\0';
	fflush(stdout);
	_exit(T_EXIT_SKIP);
}

struct t_num {
	bool is_signed;
	uint64_t bits; /* sign-extended */
};

/* Each argument is evaluated once: _Generic and __builtin_classify_type() only look at its type. */
#define T_IS_SIGNED(x)                                                                             \
	_Generic((x), signed char : 1, char : (char)-1 < 1, short : 1, int : 1, long : 1,          \
		 long long : 1, default : 0)
#define T_IS_POINTER(x) (__builtin_classify_type(x) == 5)
#define T_BITS(x) ((uint64_t)(__builtin_choose_expr(T_IS_POINTER(x), (uintptr_t)(x), (x))))
#define T_NUM(x) ((struct t_num){T_IS_SIGNED(x), T_BITS(x)})
#define T_CMP(a, op, b)                                                                            \
	do {                                                                                       \
		struct t_num t_a = T_NUM(a), t_b = T_NUM(b);                                       \
		if (!(t_compare(t_a, t_b) op 0))                                                   \
			t_fail_cmp(__FILE__, __LINE__, #a " " #op " " #b, t_a, t_b);               \
	} while (0)

static inline bool t_negative(struct t_num n)
{
	return n.is_signed && (int64_t)n.bits < 0;
}

static inline int t_compare(struct t_num a, struct t_num b)
{
	if (t_negative(a) != t_negative(b))
		return t_negative(a) ? -1 : 1;
	return a.bits < b.bits ? -1 : a.bits > b.bits;
}

static inline const char *t_format(char *buf, size_t n, struct t_num v)
{
	if (t_negative(v))
		snprintf(buf, n, "%lld", (long long)v.bits);
	else if (v.bits < 10)
		snprintf(buf, n, "%llu", (unsigned long long)v.bits);
	else
		snprintf(buf, n, "%llu (0x%llx)", (unsigned long long)v.bits,
			 (unsigned long long)v.bits);
	return buf;
}

__attribute__((noreturn)) static inline void
t_fail_cmp(const char *file, int line, const char *expr, struct t_num a, struct t_num b)
{
	char left[64], right[64];

	t_fail(file, line, "%s: left is %s, right is %s", expr, t_format(left, sizeof(left), a),
	       t_format(right, sizeof(right), b));
}

static inline void t_str_eq(const char *file, int line, const char *expr, const char *got,
			    const char *want)
{
	if (!got || !want ? got != want : strcmp(got, want) != 0)
		t_fail(file, line, "%s is \"%s\", should be \"%s\"", expr, got ? got : "(null)",
		       want ? want : "(null)");
}

static inline const char *t_hex(char *buf, size_t size, const uint8_t *p, size_t n)
{
	size_t i, pos = 0;

	buf[0] = '\0';
	for (i = 0; i < n && pos + 4 <= size; i++)
		pos += (size_t)snprintf(buf + pos, size - pos, " %02x", p[i]);
	return buf;
}

static inline void t_mem_eq(const char *file, int line, const char *expr, const void *got,
			    const void *want, size_t n)
{
	const uint8_t *g = got, *w = want;
	char left[64], right[64];
	size_t i, show;

	for (i = 0; i < n && g[i] == w[i]; i++)
		;
	if (i == n)
		return;
	show = n - i < 16 ? n - i : 16;
	t_fail(file, line, "%s differs at byte %zu of %zu: is%s, should be%s", expr, i, n,
	       t_hex(left, sizeof(left), g + i, show), t_hex(right, sizeof(right), w + i, show));
}

/* The run's seed: given, or from the clock.  Printed, so that a failure can be had again. */
static inline uint64_t t_seed(void)
{
	const char *s = t_seed_arg ? t_seed_arg : getenv("T_SEED");
	struct timespec ts;
	uint64_t seed;

	if (s && *s) {
		seed = strtoull(s, NULL, 0);
	} else {
		clock_gettime(CLOCK_REALTIME, &ts);
		seed = (uint64_t)ts.tv_sec * 1000000007u + (uint64_t)ts.tv_nsec;
	}
	t_note("%s: seed %llu (again with --run %s --seed %llu)", t_name, (unsigned long long)seed,
	       t_name, (unsigned long long)seed);
	return seed;
}

/* Next random number; any start value is fine (a Weyl sequence through a mixer: splitmix64). */
static inline uint64_t t_rand(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15u;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

__attribute__((noreturn)) static inline void t_child(const struct t_case *c, pid_t parent,
						     const sigset_t *mask)
{
	/* A group of its own, so that what the test started goes with it; and none outlives us. */
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(T_EXIT_ERROR);
	sigprocmask(SIG_SETMASK, mask, NULL);
	c->run();
	/* exit() and not _exit(): this is where the leak checkers look. */
	exit(T_EXIT_PASS);
}

/*
 * Wait for pid to end, at most this many seconds; false when they are over.  It is not taken leave
 * of, so that its number, which is its group's as well, stays its own.  SIGCHLD is blocked.
 */
static inline bool t_wait_child(pid_t pid, double seconds)
{
	struct t_deadline until = t_deadline(pid, seconds);
	struct timespec slice = {0, 100 * 1000 * 1000};
	siginfo_t info;
	sigset_t chld;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	for (;;) {
		info.si_pid = 0;
		if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
		    info.si_pid == pid)
			return true;
		if (t_overdue(&until))
			return false;
		sigtimedwait(&chld, NULL, &slice);
	}
}

/* Run one test; returns one of T_EXIT_*, and has said why a test failed. */
static inline int t_run(const struct t_case *c)
{
	double limit = c->timeout * t_scale();
	pid_t pid, parent = getpid();
	sigset_t chld, old;
	int status = 0, code = T_EXIT_FAIL;
	bool ended;

	t_name = c->name;
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, &old);
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		t_child(c, parent, &old);
	if (pid < 0) {
		t_note("%s: fork: %s", c->name, strerror(errno));
		sigprocmask(SIG_SETMASK, &old, NULL);
		return T_EXIT_ERROR;
	}
	setpgid(pid, pid);
	ended = t_wait_child(pid, limit);
	kill(-pid, SIGKILL);
	waitpid(pid, &status, 0);
	sigprocmask(SIG_SETMASK, &old, NULL);

	if (!ended) {
		t_note("%s: no end after %g s", c->name, limit);
	} else if (WIFSIGNALED(status)) {
		t_note("%s: killed by signal %d (%s)", c->name, WTERMSIG(status),
		       strsignal(WTERMSIG(status)));
	} else {
		code = WEXITSTATUS(status);
		if (code != T_EXIT_PASS && code != T_EXIT_SKIP && code != T_EXIT_ERROR) {
			t_note("%s: exit status %d", c->name, code);
			code = T_EXIT_FAIL;
		}
	}
	return code;
}

static inline const struct t_case *t_find(const char *name)
{
	const struct t_case *c;

	for (c = t_cases; c; c = c->next)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

static inline int t_usage(const char *self)
{
	fprintf(stderr, "usage: %s [--list] [--run NAME]... [--no-fork] [--seed N]\n", self);
	return T_EXIT_ERROR;
}

struct t_count {
	unsigned run, failed, broken;
};

static inline void t_run_counted(const struct t_case *c, bool no_fork, struct t_count *count)
{
	double start = t_now();
	int code = T_EXIT_PASS;
	bool good;

	t_skip_reason[0] = '\0';
	if (no_fork) { /* for a debugger: a failure ends the program */
		t_name = c->name;
		c->run();
	} else {
		code = t_run(c);
	}
	good = code == T_EXIT_PASS || code == T_EXIT_SKIP;
	count->run++;
	count->failed += !good;
	count->broken += code == T_EXIT_ERROR;
	printf("%s %u - %s%s%s\n", good ? "ok" : "not ok", count->run, c->name,
	       code == T_EXIT_SKIP ? " # SKIP " : "", code == T_EXIT_SKIP ? t_skip_reason : "");
	t_note("%.2f s", t_now() - start);
}

/* The program's exit status.  Tests that were skipped have not failed. */
static inline int t_status(const struct t_count *count)
{
	if (count->broken || !count->run)
		return T_EXIT_ERROR;
	return count->failed ? T_EXIT_FAIL : T_EXIT_PASS;
}

/* The next test to run: of those named in argv after *i, or of all; NULL when there is none. */
static inline const struct t_case *t_next(const struct t_case *last, char **argv, int *i)
{
	if (!argv)
		return last ? last->next : t_cases;
	while (argv[*i])
		if (strcmp(argv[(*i)++], "--run") == 0)
			return t_find(argv[(*i)++]);
	return NULL;
}

static inline void t_list(void)
{
	const struct t_case *c;

	for (c = t_cases; c; c = c->next)
		puts(c->name);
}

int main(int argc, char **argv)
{
	struct t_count count = {0, 0, 0};
	bool list = false, no_fork = false;
	const struct t_case *c;
	char **named = NULL;
	unsigned nr = 0;
	int i;

	for (i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--list") == 0)
			list = true;
		else if (strcmp(argv[i], "--no-fork") == 0)
			no_fork = true;
		else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
			t_seed_arg = argv[++i];
		else if (strcmp(argv[i], "--run") == 0 && i + 1 < argc && t_find(argv[i + 1]))
			named = argv, i++;
		else
			return t_usage(argv[0]);
	}
	if (list) {
		t_list();
		return 0;
	}
	t_skip_reason = mmap(NULL, T_TEXT_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			     -1, 0);
	if (t_skip_reason == MAP_FAILED)
		return T_EXIT_ERROR;
	for (i = 1, c = NULL; (c = t_next(c, named, &i)) != NULL; nr++)
		;
	printf("1..%u\n", nr);
	for (i = 1, c = NULL; (c = t_next(c, named, &i)) != NULL;)
		t_run_counted(c, no_fork, &count);
	return t_status(&count);
}

#endif
