/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The user port's blocks in shared memory: what one process leaves behind when it is killed, and
 * how another one goes on with it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "blocks_rig.h"
#include "segment.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/wait.h>

#define NR   100u /* blocks that the killed process has taken */
#define KEPT 60u  /* of these, those that are claimed */

/* What the killed process leaves in its root. */
struct left {
	uint32_t ready;
	uint32_t block[NR];
};

static struct rzs_blocks *shared_source(uint64_t max, uint64_t reserve, uint64_t root, int *out_id)
{
	struct rzs_blocks_share share;
	struct rzs_blocks *b;
	int err;

	rzs_blocks_share_next(&share);
	err = rzs_blocks_open(&b, max, reserve, root, NULL, 0);
	if (share.err == -EPERM)
		T_SKIP("%s", share.why);
	T_EQ(err, 0);
	T_EQ(share.err, 0);
	T_EQ(share.why, NULL);
	T_GE(share.id, 0);
	*out_id = share.id;
	return b;
}

static struct rzs_blocks *attach(int id)
{
	struct rzs_blocks *b;
	const char *why;

	if (rzs_blocks_attach(id, &b, &why))
		T_FAIL("not attached: %s", why);
	return b;
}

static void fill(struct rzs_blocks *b, uint32_t block)
{
	memset(rzs_blocks_at(b, block), 'a' + (int)(block % 23), RZS_BLOCK_SIZE);
}

static bool is_filled(struct rzs_blocks *b, uint32_t block)
{
	const uint8_t *p = rzs_blocks_at(b, block);

	for (unsigned i = 0; i < RZS_BLOCK_SIZE; i++)
		if (p[i] != 'a' + (int)(block % 23))
			return false;
	return true;
}

/* The process that is killed.  It says its id, and waits to be killed. */
static void leave(int to)
{
	int id = 0;
	struct rzs_blocks *b = shared_source(MANY, 64, sizeof(struct left), &id);
	struct left *left = rzs_blocks_root(b);

	take(b, left->block, NR);
	for (unsigned i = 0; i < NR; i++)
		fill(b, left->block[i]);
	/* How far the thread has filled the reserve is chance; a smaller one is trimmed exactly. */
	T_WAIT(ready(b) >= 48, 10);
	T_EQ(rzs_blocks_set_max(b, MANY, 32), 0);
	T_WAIT(ready(b) == 32, 10);
	left->ready = (uint32_t)ready(b);
	T_EQ(write(to, &id, sizeof(id)), sizeof(id));
	for (;;)
		pause();
}

/* The segment of a process that was killed, which this one is attached to. */
static struct rzs_segment left_behind(void)
{
	struct rzs_segment s;
	const char *why;
	int fd[2], id, status;
	pid_t pid;

	T_EQ(pipe(fd), 0);
	pid = fork();
	T_GE(pid, 0);
	if (pid == 0) {
		close(fd[0]);
		leave(fd[1]);
	}
	close(fd[1]);
	if (read(fd[0], &id, sizeof(id)) != sizeof(id)) {
		T_EQ(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status) && WEXITSTATUS(status) == T_EXIT_SKIP)
			T_SKIP("no right to lock a segment");
		T_FAIL("the process left nothing: status 0x%x", (unsigned)status);
	}
	close(fd[0]);
	if (rzs_segment_attach(&s, id, &why))
		T_FAIL("not attached: %s", why);
	T_EQ(kill(pid, SIGKILL), 0);
	T_EQ(waitpid(pid, &status, 0), pid);
	return s;
}

/*
 * Red when a block does not have its contents, can be claimed twice, or is there although nobody
 * had it; when the rest is lost, or counted as what it is not.
 */
T_TEST(another_process_goes_on)
{
	struct rzs_segment s = left_behind();
	struct rzs_blocks *b = attach(s.id);
	const struct left *left = rzs_blocks_root(b);
	unsigned mapped = mappings();
	uint64_t units;

	T_EQ(taken(b), 0);
	T_EQ(ready(b), 0);
	T_EQ(rzs_blocks_map(b, &units), 0);
	T_EQ(units, NR + left->ready);
	for (unsigned i = 0; i < KEPT; i++)
		T_EQ(rzs_blocks_claim(b, left->block[i]), true);
	T_EQ(rzs_blocks_claim(b, left->block[0]), false);
	T_EQ(rzs_blocks_claim(b, 0), false);
	T_EQ(rzs_blocks_claim(b, UINT32_MAX), false);
	T_EQ(rzs_blocks_claim(b, NR + 64 + 64), false);
	T_EQ(taken(b), KEPT);
	rzs_blocks_settle(b);
	T_EQ(rzs_blocks_set_max(b, MANY, 32), 0);
	T_EQ(taken(b), KEPT);
	T_WAIT(ready(b) == 32, 10);
	T_EQ(rzs_blocks_set_max(b, KEPT - 1, 32), -ENOSPC);
	for (unsigned i = 0; i < KEPT; i++)
		T_EQ(is_filled(b, left->block[i]), true);
	take(b, held, 500);
	for (unsigned i = 0; i < 500; i++) {
		T_EQ(resident_pages(b, held[i]), RZS_BLOCK_SIZE / PAGE);
		fill(b, held[i]);
	}
	for (unsigned i = 0; i < KEPT; i++)
		T_EQ(is_filled(b, left->block[i]), true);
	if (!instrumented()) /* a sanitizer makes some of its own */
		T_LE(mappings(), mapped + 4);
	T_EQ(info().bad_gives, 0);
	T_EQ(info().failures, 0);
	rzs_blocks_close(b);
	rzs_segment_detach(&s);
}

/* Red when free blocks keep what was in them, or memory beyond the reserve is not given back. */
T_TEST(what_is_not_claimed_is_gone)
{
	struct rzs_segment s = left_behind();
	struct rzs_blocks *b = attach(s.id), *other = attach(s.id);
	const struct left *left = rzs_blocks_root(b);
	static const uint8_t none[RZS_BLOCK_SIZE - 4];
	uint64_t units;
	bool limit;

	T_EQ(rzs_blocks_claim(b, left->block[3]), true);
	rzs_blocks_settle(b);
	T_EQ(rzs_blocks_set_max(b, 1 + 40, 40), 0);
	T_WAIT(ready(b) == 40, 10);
	T_EQ(rzs_blocks_map(other, &units), 0);
	T_EQ(units, 1 + 40);
	for (unsigned i = 0; i < 40; i++) {
		T_NE(held[i] = rzs_blocks_take(b, &limit), 0);
		T_MEM_EQ((char *)rzs_blocks_at(b, held[i]) + 4, none, sizeof(none));
	}
	T_EQ(rzs_blocks_take(b, &limit), 0);
	T_EQ(limit, true);
	T_EQ(is_filled(b, left->block[3]), true);
	rzs_blocks_close(other);
	rzs_blocks_close(b);
	rzs_segment_detach(&s);
}

/* Red when a source without claims does not start from nothing, or its thread does not fill it. */
T_TEST(nothing_is_claimed)
{
	struct rzs_segment s = left_behind();
	struct rzs_blocks *b = attach(s.id);

	rzs_blocks_settle(b);
	T_EQ(taken(b), 0);
	T_EQ(rzs_blocks_set_max(b, MANY, 200), 0);
	T_WAIT(ready(b) == 200, 10);
	take(b, held, 1000);
	give(b, held, 1000);
	T_WAIT(ready(b) <= 200 + 100 + 8, 10);
	rzs_blocks_close(b);
	rzs_segment_detach(&s);
}

/* Red when the segment stays after the last process, or goes before. */
T_TEST(memory_goes_with_the_last_process)
{
	struct rzs_segment s = left_behind();
	const char *why;
	struct rzs_blocks *b;
	struct shmid_ds ds;
	int id = s.id;

	T_EQ(shmctl(id, IPC_STAT, &ds), 0);
	T_EQ(ds.shm_nattch, 1);
	T_EQ(ds.shm_perm.mode & 0777, 0600);
	rzs_segment_detach(&s);
	T_EQ(shmctl(id, IPC_STAT, &ds), -1);
	T_EQ(rzs_blocks_attach(id, &b, &why) < 0, true);
	T_EQ(b, NULL);
	T_NE(why, NULL);
	rzs_segment_detach(&s);
}

static uint64_t minor_faults(void)
{
	struct rusage u;

	T_EQ(getrusage(RUSAGE_THREAD, &u), 0);
	return (uint64_t)u.ru_minflt;
}

/*
 * Red when a block is used whose page tables are not there: by a process that waited, and by one
 * that did not.
 */
static void expect_no_faults(bool waits)
{
	struct rzs_segment s = left_behind();
	struct rzs_blocks *b = attach(s.id);
	const struct left *left = rzs_blocks_root(b);
	uint64_t units, before;

	if (waits)
		T_EQ(rzs_blocks_map(b, &units), 0);
	else
		T_EQ(rzs_blocks_claim(b, left->block[0]), true);
	(void)minor_faults();
	before = minor_faults();
	for (unsigned i = 0; i < NR; i++)
		for (unsigned at = 0; at < RZS_BLOCK_SIZE; at += PAGE)
			*((volatile char *)rzs_blocks_at(b, left->block[i]) + at) += 1;
	T_EQ(minor_faults() - before, 0);
	rzs_blocks_close(b);
	rzs_segment_detach(&s);
}

T_TEST(page_tables_are_made_ahead)
{
	if (instrumented())
		T_SKIP("a tool's memory faults");
	expect_no_faults(true);
}

T_TEST(page_tables_are_made_when_claimed)
{
	if (instrumented())
		T_SKIP("a tool's memory faults");
	expect_no_faults(false);
}

/* ---- what the system does not allow */

/* Red when the error does not say what is missing, or the next source is shared, too. */
T_TEST(without_the_right_to_lock)
{
	struct rlimit small = {65536, 65536};
	struct rzs_blocks_share share;
	struct rzs_blocks *b;

	if (geteuid() == 0 && (setgid(65534) || setuid(65534)))
		T_SKIP("cannot become an ordinary user");
	T_EQ(setrlimit(RLIMIT_MEMLOCK, &small), 0);
	rzs_blocks_share_next(&share);
	T_EQ(rzs_blocks_open(&b, MANY, 64, 0, NULL, 0), -ENOMEM);
	T_EQ(b, NULL);
	T_EQ(share.err, -EPERM);
	T_EQ(share.id, -1);
	T_NE(share.why, NULL);
	T_NE(strstr(share.why, "CAP_IPC_LOCK"), NULL);
	b = source(MANY, 64); /* the caller falls back */
	take(b, held, 100);
	rzs_blocks_close(b);
}

/* How many segments there are that this process has created. */
static unsigned own_segments(void)
{
	FILE *f = fopen("/proc/sysvipc/shm", "r");
	char line[512];
	unsigned n = 0;
	int pid;

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		n += sscanf(line, "%*d %*d %*o %*u %d", &pid) == 1 && pid == getpid();
	fclose(f);
	return n;
}

/* Red when a failure leaves the segment behind, which nobody would remove. */
T_TEST(no_addresses)
{
	struct rlimit old, low = {PAGE, PAGE};
	struct rzs_blocks_share share;
	struct rzs_blocks *b;
	int id;

	if (instrumented())
		T_SKIP("a sanitizer or valgrind would be without memory, too");
	T_EQ(getrlimit(RLIMIT_AS, &old), 0);
	low.rlim_max = old.rlim_max;
	T_EQ(setrlimit(RLIMIT_AS, &low), 0);
	rzs_blocks_share_next(&share);
	T_EQ(rzs_blocks_open(&b, MANY, 64, 0, NULL, 0), -ENOMEM);
	T_EQ(share.id, -1);
	T_NE(share.err, 0);
	T_EQ(setrlimit(RLIMIT_AS, &old), 0);
	T_EQ(own_segments(), 0);
	b = shared_source(MANY, 64, 0, &id);
	T_EQ(own_segments(), 1);
	rzs_blocks_close(b);
	T_EQ(own_segments(), 0);
}

/* Red when any segment is taken for a source. */
T_TEST(segments_of_others_are_refused)
{
	int id = shmget(IPC_PRIVATE, 1 << 20, IPC_CREAT | 0600);
	struct rzs_blocks *b;
	const char *why;

	T_GE(id, 0);
	T_EQ(rzs_blocks_attach(id, &b, &why), -EPERM);
	T_NE(strstr(why, "not locked"), NULL);
	if (shmctl(id, SHM_LOCK, NULL) == 0) {
		T_EQ(rzs_blocks_attach(id, &b, &why), -EINVAL);
		T_NE(strstr(why, "none of a store"), NULL);
	}
	T_EQ(b, NULL);
	T_EQ(shmctl(id, IPC_RMID, NULL), 0);
	T_EQ(rzs_blocks_attach(-1, &b, &why), -EINVAL);
	T_EQ(b, NULL);
	T_EQ(info().sources, 0);
}

/* ---- processes that lock all their memory */

/* Red when attaching, or locking all that is mapped later, fills the whole segment. */
T_TEST(locking_process_does_not_fill_the_segment)
{
	struct rzs_segment s = left_behind();
	struct rzs_blocks *b;
	uint64_t rss;
	int id;

	if (instrumented())
		T_SKIP("sanitizers and valgrind ignore mlockall()");
	if (mlockall(MCL_CURRENT | MCL_ONFAULT) || mlockall(MCL_FUTURE))
		T_SKIP("mlockall: %s", strerror(errno));
	rss = status("VmRSS:");
	b = attach(s.id);
	T_LE(status("VmRSS:") - rss, 2048);
	rzs_blocks_settle(b);
	T_EQ(rzs_blocks_set_max(b, MANY, 64), 0);
	T_WAIT(ready(b) == 64, 10);
	T_LE(status("VmRSS:") - rss, 64 * 32 + 4096);
	rzs_blocks_close(b);
	b = shared_source(UINT64_MAX, 64, 0, &id);
	T_LE(status("VmRSS:") - rss, 64 * 32 + 4096);
	rzs_blocks_close(b);
	rzs_segment_detach(&s);
}

/* Red when later mappings are not populated any more, since a segment was attached meanwhile. */
T_TEST(later_mappings_are_populated_still)
{
	unsigned char in[64] = {0};
	struct rzs_blocks *b;
	char *p;
	int id;

	if (instrumented())
		T_SKIP("sanitizers and valgrind ignore mlockall()");
	if (mlockall(MCL_CURRENT | MCL_ONFAULT) || mlockall(MCL_FUTURE))
		T_SKIP("mlockall: %s", strerror(errno));
	b = shared_source(MANY, 64, 0, &id);
	p = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	T_OK(p != MAP_FAILED);
	T_EQ(mincore(p, 64 * PAGE, in), 0);
	for (unsigned i = 0; i < 64; i++)
		T_EQ(in[i] & 1, 1);
	munmap(p, 64 * PAGE);
	rzs_blocks_close(b);
}

/*
 * Red when a process that locks everything after it has attached fills the segment, or cannot give
 * memory back any more.
 */
static void lock_after_opening(int flags)
{
	uint64_t rss;
	struct rzs_blocks *b;
	int id;

	if (instrumented())
		T_SKIP("sanitizers and valgrind ignore mlockall()");
	if (mlockall(flags))
		T_SKIP("mlockall: %s", strerror(errno));
	b = shared_source(UINT64_MAX, 64, 0, &id);
	rss = status("VmRSS:");
	T_EQ(mlockall(flags), 0);
	T_LE(status("VmRSS:") - rss, 16 * 1024);
	take(b, held, 1000);
	give(b, held, 1000);
	T_WAIT(ready(b) <= 64 + 32 + 8, 10);
	T_EQ(info().failures, 0);
	rzs_blocks_close(b);
}

T_TEST(locked_on_fault_after_opening)
{
	lock_after_opening(MCL_CURRENT | MCL_ONFAULT);
}

T_TEST(locked_after_opening)
{
	lock_after_opening(MCL_CURRENT);
}

/* ---- while a successor finds what there is */

static struct rzs_thread *refill; /* of the last source that was opened */

static struct rzs_thread *note_refill(void *unused)
{
	struct rzs_thread *t = rzs_threads_enter(RZS_THREAD_REFILL);

	(void)unused;
	__atomic_store_n(&refill, t, __ATOMIC_RELEASE);
	return t;
}

/*
 * Red when memory comes or goes while sources are held, or comes no more afterwards; when the data
 * path does not get the ready blocks meanwhile.
 */
T_TEST(held_sources)
{
	struct rzs_blocks_info before;
	struct rzs_blocks *b;
	uint32_t progress;
	unsigned nr;
	bool limit;
	int id;

	rzs_blocks_set_thread_hook(note_refill, NULL);
	b = shared_source(MANY, 64, 0, &id);
	rzs_blocks_set_thread_hook(NULL, NULL);
	T_WAIT(__atomic_load_n(&refill, __ATOMIC_ACQUIRE) && ready(b) >= 64, 10);
	rzs_blocks_hold_all(true);
	before = info();
	progress = __atomic_load_n(&refill->progress, __ATOMIC_RELAXED);
	for (nr = 0; (held[nr] = rzs_blocks_take(b, &limit)) != 0; nr++)
		;
	T_GE(nr, 64);
	T_EQ(limit, false);
	T_WAIT(__atomic_load_n(&refill->progress, __ATOMIC_RELAXED) != progress, 10);
	T_EQ(info().refilled, before.refilled);
	give(b, held, nr);
	progress = __atomic_load_n(&refill->progress, __ATOMIC_RELAXED);
	T_EQ(rzs_blocks_set_max(b, MANY, 8), 0);
	T_WAIT(__atomic_load_n(&refill->progress, __ATOMIC_RELAXED) != progress, 10);
	T_EQ(ready(b), nr);
	T_EQ(info().returned, before.returned);
	rzs_blocks_hold_all(false);
	T_WAIT(ready(b) == 8, 10);
	rzs_blocks_close(b);
}

/*
 * The blocks of a source that is held are found while its process goes on with them.  Red when one
 * is missing then, or when the system is asked again: what a process has dropped meanwhile, which
 * it must not, would be seen.
 */
T_TEST(found_before_it_is_claimed)
{
	struct rzs_blocks *b, *other;
	bool limit;
	int id;

	b = shared_source(MANY, 64, 0, &id);
	take(b, held, NR);
	rzs_blocks_hold_all(true);
	other = attach(id);
	T_EQ(rzs_blocks_find(other), 0);
	T_NE(held[NR] = rzs_blocks_take(b, &limit), 0);
	for (unsigned i = 0; i <= NR; i++)
		fill(b, held[i]);
	T_EQ(rzs_segment_punch(rzs_blocks_at(b, held[0]), RZS_BLOCK_SIZE), 0);
	for (unsigned i = 0; i <= NR; i++)
		T_EQ(rzs_blocks_claim(other, held[i]), true);
	for (unsigned i = 1; i <= NR; i++)
		T_EQ(is_filled(other, held[i]), true);
	rzs_blocks_close(other);
	rzs_blocks_hold_all(false);
	rzs_blocks_close(b);
}
