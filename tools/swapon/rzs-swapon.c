/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rzs-swapon: puts swap areas on, with RISC iX's priorities, and lists them.  See rzs-swapon(8).
 *
 * Threading: one thread.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rzso.h"
#include "rzst.h"
#include "std_fds.h"

static int run(const struct rzso_options *o)
{
	switch (o->command) {
	case RZSO_LIST:
	case RZSO_SHOW:
		return rzso_cmd_table(o);
	case RZSO_SUMMARY:
		return rzso_cmd_summary(o);
	case RZSO_CHECK:
		return rzso_cmd_check(o);
	case RZSO_IS_ON:
		return rzso_cmd_is_on(o);
	default:
		return rzso_cmd_on(o);
	}
}

int main(int argc, char **argv)
{
	struct rzso_options o;
	int code;

	if (rzs_std_fds_fill() < 0)
		return RZSO_EXIT_FAILED;
	code = rzso_options_read(argc, argv, &o);
	if (code < 0)
		code = run(&o);
	rzso_options_free(&o);
	if ((fflush(stdout) != 0 || ferror(stdout)) && code == RZSO_EXIT_DONE)
		code = rzst_fail(RZSO_EXIT_FAILED, "cannot write: %s", strerror(errno));
	return code;
}
