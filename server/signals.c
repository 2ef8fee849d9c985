/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signals as calls of a loop.  See signals.h. */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

#include "signals.h"

static struct rzs_loop *loop; /* of all signals; set before the first handler is installed */
static _Atomic(struct rzs_loop_call *) calls[NSIG];

static void on_signal(int sig)
{
	struct rzs_loop_call *call = atomic_load(&calls[sig]);

	if (call)
		rzs_loop_call(loop, call);
}

int rzs_signals_take(int sig, struct rzs_loop *l, struct rzs_loop_call *call)
{
	const struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	loop = l;
	atomic_store(&calls[sig], call);
	return sigaction(sig, &sa, NULL) < 0 ? -errno : 0;
}

void rzs_signals_end(void)
{
	for (int sig = 0; sig < NSIG; sig++)
		atomic_store(&calls[sig], NULL);
}
