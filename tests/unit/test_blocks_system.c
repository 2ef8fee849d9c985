/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The user port's blocks and the system: what happens when it refuses memory, refuses to take it
 * back or to lock it, and when it locks more than was asked.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "blocks_rig.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/*
 * Without memory the source refuses, says it is not the limit, counts, and recovers when memory
 * comes back.
 */
T_TEST(system_without_memory_is_survived)
{
	struct rzs_blocks *b = source(MANY, 32);
	struct rlimit old, low = {PAGE, PAGE}; /* not 0, which the kernel takes for none */
	unsigned n = 0;
	bool limit = true;

	if (instrumented())
		T_SKIP("a sanitizer or valgrind would be without memory, too");
	T_EQ(getrlimit(RLIMIT_DATA, &old), 0);
	low.rlim_max = old.rlim_max;
	T_EQ(setrlimit(RLIMIT_DATA, &low), 0);
	while (info().failures == 0 && n < MANY)
		n += (held[n] = rzs_blocks_take(b, &limit)) != 0;
	T_LE(n, 32 + 256); /* addresses are made ready 256 blocks ahead */
	T_WAIT(info().failures >= 3, 10);
	T_GT(info().waits_ns, 0);
	while ((held[n] = rzs_blocks_take(b, &limit)) != 0)
		n++;
	T_EQ(limit, false);
	T_GE(info().refused, 1);
	T_EQ(taken(b), n);
	T_EQ(ready(b), 0);
	T_EQ(setrlimit(RLIMIT_DATA, &old), 0);
	T_WAIT(ready(b) >= 24, 10);
	take(b, held + n, 100);
	rzs_blocks_close(b);
}

/* From now on let madvise() with advice low or high fail with err, on every thread. */
static void refuse_madvise(unsigned low, unsigned high, unsigned err)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, low, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, high, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | err),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {sizeof(code) / sizeof(code[0]), code};

	if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
		T_SKIP("the filter is written for little-endian machines");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &prog))
		T_SKIP("seccomp: %s", strerror(errno));
}

#define ADVICE_POPULATE_WRITE  23
#define ADVICE_DONTNEED_LOCKED 24

/*
 * Kernels that know neither way to fault in nor to drop locked pages are served by the older ones.
 */
T_TEST(older_kernels_are_served)
{
	struct rzs_blocks *b;
	unsigned gone = 0;

	if (SANITIZED)
		T_SKIP("sanitizers ignore munlock()");
	refuse_madvise(ADVICE_POPULATE_WRITE, ADVICE_DONTNEED_LOCKED, EINVAL);
	b = source(MANY, 64);
	take(b, held, 500);
	for (unsigned i = 0; i < 500; i++)
		T_EQ(resident_pages(b, held[i]), RZS_BLOCK_SIZE / PAGE);
	give(b, held, 500);
	T_WAIT(ready(b) <= 64 + 32 + 8, 10);
	for (unsigned i = 0; i < 500; i++)
		gone += resident_pages(b, held[i]) == 0;
	T_GE(gone, 380);
	take(b, held, 500);
	T_EQ(info().failures, 0);
	rzs_blocks_close(b);
}

/*
 * When pages cannot be faulted in, nothing is handed out that lacks them, and the counts stay true.
 */
T_TEST(failed_fault_in_is_survived)
{
	struct rzs_blocks *b = source(MANY, 32);
	unsigned n = 0;
	bool limit;

	refuse_madvise(ADVICE_POPULATE_WRITE, ADVICE_POPULATE_WRITE, ENOMEM);
	while ((held[n] = rzs_blocks_take(b, &limit)) != 0)
		T_EQ(resident_pages(b, held[n++]), RZS_BLOCK_SIZE / PAGE);
	T_EQ(limit, false);
	T_WAIT(info().failures >= 3, 10);
	T_EQ(taken(b), n);
	give(b, held, n);
	T_EQ(taken(b), 0);
	T_WAIT(ready(b) == n, 10);
	rzs_blocks_close(b);
	T_EQ(rzs_blocks_open(&b, MANY, 32, 0, NULL, 0), -ENOMEM);
	T_EQ(info().sources, 0);
}

/* A system that does not take memory back leaves the blocks usable. */
T_TEST(failed_return_is_survived)
{
	struct rzs_blocks *b = source(MANY, 32);
	bool limit;

	take(b, held, 200);
	T_WAIT(ready(b) >= 24, 10);
	refuse_madvise(ADVICE_DONTNEED_LOCKED, ADVICE_DONTNEED_LOCKED, ENOMEM);
	/* The limit holds for takers although ready blocks are left over. */
	T_EQ(rzs_blocks_set_max(b, 200, 32), 0);
	T_EQ(rzs_blocks_take(b, &limit), 0);
	T_EQ(limit, true);
	T_EQ(rzs_blocks_set_max(b, MANY, 32), 0);
	give(b, held, 200);
	T_WAIT(info().failures >= 2, 10);
	T_GE(ready(b), 200);
	take(b, held, 200);
	T_EQ(taken(b), 200);
	rzs_blocks_close(b);
}

/* Opening gives a clean error when the reserve cannot be had, and leaves nothing behind. */
T_TEST(open_fails_cleanly_without_memory)
{
	struct rlimit low = {PAGE, PAGE};
	struct rzs_blocks *b;
	uint64_t size = status("VmSize:");

	if (instrumented())
		T_SKIP("a sanitizer or valgrind would be without memory, too");
	T_EQ(setrlimit(RLIMIT_DATA, &low), 0);
	T_EQ(rzs_blocks_open(&b, MANY, 32, 0, NULL, 0), -ENOMEM);
	T_EQ(b, NULL);
	T_EQ(info().sources, 0);
	T_LE(status("VmSize:"), size + 1024);
}

/*
 * All memory of the source is locked, as far as it is used and no further; and it stays so after
 * going round.
 */
T_TEST(memory_is_locked)
{
	uint64_t before = status("VmLck:");
	struct rzs_blocks *b = source(UINT64_MAX, 64);

	if (!all_locked())
		T_SKIP("locking memory is refused here: %s", strerror(info().lock_err));
	T_GE(status("VmLck:") - before, 64 * 32);
	T_LE(status("VmLck:") - before, 64 * 32 + 16 * 1024);
	take(b, held, 1000);
	give(b, held, 1000);
	T_WAIT(ready(b) <= 64 + 32 + 8, 10);
	take(b, held, 1000);
	T_EQ(all_locked(), true);
	T_GE(status("VmLck:") - before, 1000 * 32);
	rzs_blocks_close(b);
	T_EQ(status("VmLck:"), before);
}

/* A process without the right to lock works unlocked and says so. */
T_TEST(refused_lock_is_recorded)
{
	struct rlimit none = {0, 0};
	struct rzs_blocks *b;

	if (geteuid() == 0 && (setgid(65534) || setuid(65534)))
		T_SKIP("cannot become an ordinary user");
	T_EQ(setrlimit(RLIMIT_MEMLOCK, &none), 0);
	b = source(MANY, 64);
	T_EQ(info().locked, 0);
	T_EQ(info().sources, 1);
	T_NE(info().lock_err, 0);
	take(b, held, 500);
	give(b, held, 500);
	T_WAIT(ready(b) <= 64 + 32 + 8, 10);
	T_EQ(info().failures, 0);
	rzs_blocks_close(b);
}

/*
 * A process that locks and fills all its future mappings at once does not get the whole address
 * range so.
 */
T_TEST(locking_process_does_not_fill_the_range)
{
	struct rzs_blocks *b;
	uint64_t rss, locked;

	if (instrumented())
		T_SKIP("sanitizers and valgrind ignore mlockall()");
	if (mlockall(MCL_CURRENT | MCL_ONFAULT) || mlockall(MCL_FUTURE))
		T_SKIP("mlockall: %s", strerror(errno));
	rss = status("VmRSS:");
	locked = status("VmLck:");
	b = source(UINT64_MAX, 64);
	T_LE(status("VmRSS:") - rss, 64 * 32 + 4096);
	T_LE(status("VmLck:") - locked, 64 * 32 + 16 * 1024);
	take(b, held, 200);
	T_EQ(resident_pages(b, held[199]), RZS_BLOCK_SIZE / PAGE);
	give(b, held, 200);
	T_WAIT(ready(b) <= 64 + 32 + 8, 10);
	T_LE(status("VmRSS:") - rss, 200 * 32 + 4096);
	rzs_blocks_close(b);
}
