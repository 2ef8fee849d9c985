/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The test port itself: a failure it does not inject, or damage it does not see, would make other
 * tests pass wrongly.
 */
#include "t.h"

#include "port_test.h"
#include "rzs_port.h"

T_TEST(nth_allocation_fails)
{
	void *p;

	rzs_test_fail(RZS_TEST_ALLOC, 3, 2);
	for (unsigned i = 1; i <= 6; i++) {
		p = rzs_port_alloc(100);
		T_EQ(p == NULL, i == 3 || i == 4);
		rzs_port_free(p, 100);
	}
	T_EQ(rzs_test_calls(RZS_TEST_ALLOC), 6);
	T_EQ(rzs_test_failed(RZS_TEST_ALLOC), 2);
	T_EQ(rzs_test_calls(RZS_TEST_TAKE), 0);
	rzs_test_fail(RZS_TEST_ALLOC, 1, UINT64_MAX);
	T_EQ(rzs_port_alloc(1), NULL);
	T_EQ(rzs_port_alloc(1), NULL);
	rzs_test_reset();
	p = rzs_port_alloc(1);
	T_NE(p, NULL);
	rzs_port_free(p, 1);
	T_EQ(rzs_port_alloc(SIZE_MAX), NULL);
}

T_TEST(nth_take_fails_as_with_an_empty_reserve)
{
	struct rzs_blocks *b;
	bool limit = true;

	T_EQ(rzs_blocks_open(&b, 10, RZS_RESERVE_DEFAULT, 0, NULL, 0), 0);
	rzs_test_fail(RZS_TEST_TAKE, 2, 1);
	T_NE(rzs_blocks_take(b, &limit), 0);
	T_EQ(rzs_blocks_take(b, &limit), 0);
	T_EQ(limit, false);
	T_NE(rzs_blocks_take(b, &limit), 0);
	T_EQ(rzs_test_live_blocks(), 2);
	rzs_blocks_close(b);
	T_EQ(rzs_test_live_blocks(), 0);
	T_EQ(rzs_test_live_bytes(), 0);
}

/*
 * Plain and guarded, memory is zeroed, aligned and counted, and no damage is seen where there is
 * none.
 */
T_TEST(allocations_are_counted)
{
	static const size_t sizes[] = {0, 1, 63, 64, 65, 4096, 100000};
	char *p[7];

	for (int guard = 0; guard < 2; guard++) {
		rzs_test_guard(guard);
		for (unsigned i = 0; i < 7; i++) {
			p[i] = rzs_port_alloc(sizes[i]);
			T_NE(p[i], NULL);
			T_EQ((uintptr_t)p[i] % 64, 0);
			for (size_t k = 0; k < sizes[i]; k++)
				T_EQ(p[i][k], 0);
			memset(p[i], 1, sizes[i]);
		}
		T_EQ(rzs_test_live_bytes(), 104289);
		T_EQ(rzs_test_live_allocs(), 7);
		for (unsigned i = 0; i < 7; i++)
			rzs_port_free(p[i], sizes[i]);
		rzs_port_free(NULL, 0);
		T_EQ(rzs_test_live_bytes(), 0);
		T_EQ(rzs_test_live_allocs(), 0);
	}
	T_EQ(rzs_test_damage(), 0);
}

T_TEST(blocks_keep_the_contract)
{
	struct rzs_blocks *b;
	uint64_t taken, ready, peak;
	uint32_t p[10];
	bool limit;

	for (int guard = 0; guard < 2; guard++) {
		rzs_test_guard(guard);
		T_EQ(rzs_blocks_open(&b, 10, 4, 0, NULL, 0), 0);
		for (unsigned i = 0; i < 10; i++) {
			p[i] = rzs_blocks_take(b, &limit);
			T_NE(p[i], 0);
			T_LE(p[i], 10);
			T_EQ((uintptr_t)rzs_blocks_at(b, p[i]) % 4096, 0);
			memset(rzs_blocks_at(b, p[i]), (int)i, RZS_BLOCK_SIZE);
		}
		T_EQ(rzs_blocks_take(b, &limit), 0);
		T_EQ(limit, true);
		T_EQ(rzs_test_live_blocks(), 10);
		for (unsigned i = 0; i < 6; i++)
			rzs_blocks_give(b, p[i]);
		rzs_blocks_count(b, &taken, &ready, &peak);
		T_EQ(taken, 4);
		T_EQ(ready, 4);
		T_EQ(peak, 10);
		T_EQ(rzs_blocks_set_max(b, 3, RZS_RESERVE_DEFAULT), -ENOSPC);
		T_EQ(rzs_blocks_set_max(b, 5, RZS_RESERVE_DEFAULT), 0);
		rzs_blocks_count(b, &taken, &ready, &peak);
		T_EQ(taken, 4);
		T_EQ(ready, 1);
		T_EQ(*(unsigned char *)rzs_blocks_at(b, p[9]), 9);
		rzs_blocks_close(b);
		T_EQ(rzs_test_live_bytes(), 0);
	}
	T_EQ(rzs_test_damage(), 0);
}

/* Each of these is a bug of the core that the port must report. */
T_TEST(damage_is_seen)
{
	struct rzs_blocks *b;
	uint64_t seen = 0;
	uint32_t first, second;
	bool limit;
	char *p;

	rzs_test_guard(true);
	p = rzs_port_alloc(100);
	T_NE(p, NULL);
	rzs_port_free(p, 99);
	T_EQ(rzs_test_damage(), ++seen);

	T_EQ(rzs_blocks_open(&b, 10, 4, 0, NULL, 0), 0);
	first = rzs_blocks_take(b, &limit);
	second = rzs_blocks_take(b, &limit);
	T_NE(first, 0);
	T_NE(second, 0);
	p = rzs_blocks_at(b, first);
	T_EQ((unsigned char)p[5], RZS_TEST_FRESH);
	rzs_blocks_give(b, first);
	T_EQ((unsigned char)p[5], RZS_TEST_POISON);
	rzs_blocks_give(b, first); /* twice */
	T_EQ(rzs_test_damage(), ++seen);
	rzs_blocks_give(b, second + 8);
	T_EQ(rzs_test_damage(), ++seen);
	p[RZS_BLOCK_SIZE - 1] = 0; /* after giving it back */
	T_EQ(rzs_blocks_take(b, &limit), first);
	T_EQ(rzs_test_damage(), ++seen);
	rzs_blocks_close(b);
}

static void expect_crash(char *at)
{
	struct sigaction dfl = {.sa_handler = SIG_DFL};
	int status;
	pid_t pid = fork();

	T_GE(pid, 0);
	if (pid == 0) {
		sigaction(SIGSEGV, &dfl, NULL); /* sanitizers have their own */
		*(volatile char *)at = 1;
		_exit(0);
	}
	T_EQ(waitpid(pid, &status, 0), pid);
	T_EQ(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, true);
}

/* With guards, the byte next to a block or allocation cannot be touched. */
T_TEST(bounds_are_guarded)
{
	struct rzs_blocks *b;
	bool limit;
	char *p;

	rzs_test_guard(true);
	p = rzs_port_alloc(4096);
	T_NE(p, NULL);
	p[4095] = 1;
	expect_crash(p + 4096);
	rzs_port_free(p, 4096);
	T_EQ(rzs_blocks_open(&b, 10, 4, 0, NULL, 0), 0);
	p = rzs_blocks_at(b, rzs_blocks_take(b, &limit));
	p[0] = p[RZS_BLOCK_SIZE - 1] = 1;
	expect_crash(p - 1);
	expect_crash(p + RZS_BLOCK_SIZE);
	rzs_blocks_close(b);
	T_EQ(rzs_test_damage(), 0);
}
