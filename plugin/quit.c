/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shutting down without failing anybody's I/O.
 *
 * When nbdkit gets SIGTERM, SIGINT, SIGHUP or SIGQUIT, it answers every further request with
 * ESHUTDOWN while the client stays attached.  If the client is a kernel that swaps to us, each such
 * answer kills a process.  So the plugin takes over these four signals.  If no client is attached,
 * nbdkit's own handler runs, and the process exits at once.  Otherwise the request is only noted,
 * and whoever closes the last handle shuts nbdkit down.
 *
 * Threading: the handler may run on any thread, at any point of the functions below.  It uses
 * lock-free atomics, and calls only async-signal-safe functions.
 *
 * No signal is lost: the handler stores `asked` before it reads `clients`, and rzs_quit_leave()
 * decrements `clients` before it reads `asked`.  Both are sequentially consistent, so at least one
 * side sees what the other did.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

#include "quit.h"

static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT };
#define NR_SIGNALS (sizeof(signals) / sizeof(signals[0]))

static struct sigaction nbdkits[NR_SIGNALS];
static atomic_bool asked;
static atomic_uint clients;

static void chain(int sig, siginfo_t *info, void *context)
{
	for (size_t i = 0; i < NR_SIGNALS; i++) {
		if (signals[i] != sig)
			continue;
		if (nbdkits[i].sa_flags & SA_SIGINFO)
			nbdkits[i].sa_sigaction(sig, info, context);
		else
			nbdkits[i].sa_handler(sig);
	}
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	int saved = errno;

	atomic_store(&asked, true);
	if (atomic_load(&clients) == 0)
		chain(sig, info, context);
	errno = saved;
}

int rzs_quit_setup(void)
{
	struct sigaction sa = { 0 };

	for (size_t i = 0; i < NR_SIGNALS; i++) {
		struct sigaction *old = &nbdkits[i];

		if (sigaction(signals[i], NULL, old) < 0)
			return -errno;
		/* nbdkit does not handle this signal, so leave it as it is. */
		if (!(old->sa_flags & SA_SIGINFO) &&
		    (old->sa_handler == SIG_DFL || old->sa_handler == SIG_IGN))
			continue;
		sa.sa_sigaction = on_signal;
		sa.sa_mask = old->sa_mask;
		sa.sa_flags = old->sa_flags | SA_SIGINFO | SA_RESTART;
		if (sigaction(signals[i], &sa, NULL) < 0)
			return -errno;
	}
	return 0;
}

void rzs_quit_enter(void)
{
	atomic_fetch_add(&clients, 1);
}

bool rzs_quit_leave(void)
{
	return atomic_fetch_sub(&clients, 1) == 1 && atomic_load(&asked);
}

bool rzs_quit_asked(unsigned *out_clients)
{
	*out_clients = atomic_load(&clients);
	return atomic_load(&asked);
}
