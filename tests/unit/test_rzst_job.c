/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tools/common/swap: swapoff in a process of its own, also in the background. */
#include "areas_rig.h"

#include "rzst_area.h"
#include "rzst_swapoff_job.h"

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
