/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program in memory: its first use of a page causes no page fault. */
#include "t.h"

#include <sys/resource.h>

#include "program.h"
#include "sanitized.h"

#define SIZE (256u * 1024)
#define STEP 4096u /* no page is smaller */

static char zeros[SIZE];
static char variables[SIZE] = {1};
static const char constants[SIZE] = {1};

static uint64_t faults(void)
{
	struct rusage u;

	T_EQ(getrusage(RUSAGE_SELF, &u), 0);
	return (uint64_t)u.ru_minflt + (uint64_t)u.ru_majflt;
}

static void use_all(void)
{
	for (unsigned at = 0; at < SIZE; at += STEP) {
		*((volatile char *)zeros + at) += 1;
		*((volatile char *)variables + at) += 1;
		(void)*((const volatile char *)constants + at);
	}
}

/* Red when constants, variables with values or variables without are left out. */
T_TEST(no_faults_afterwards)
{
	uint64_t before;
	int err;

	if (instrumented())
		T_SKIP("a tool's own pages are counted");
	err = rzs_program_fill();
	if (err == -ENOTSUP)
		T_SKIP("needs Linux 5.14");
	T_EQ(err, 0);
	(void)faults();
	before = faults();
	use_all();
	T_EQ(faults() - before, 0);
}

/* Otherwise the first test would show nothing. */
T_TEST(faults_without)
{
	uint64_t before;

	if (instrumented())
		T_SKIP("a tool's own pages are counted");
	(void)faults();
	before = faults();
	use_all();
	T_GE(faults() - before, 2 * 3);
}

/* What it must not do: change a variable. */
T_TEST(variables_stay)
{
	zeros[STEP] = 5;
	variables[2 * STEP] = 6;
	T_GE(rzs_program_fill() + ENOTSUP, 0);
	T_EQ(zeros[STEP], 5);
	T_EQ(variables[0], 1);
	T_EQ(variables[2 * STEP], 6);
	T_EQ(zeros[0], 0);
}
