/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Completed requests on their way back to their I/O thread.  See request.h. */
#include <unistd.h>

#include "request.h"

void rzs_request_inbox_init(struct rzs_request_inbox *inbox, int wake)
{
	atomic_init(&inbox->newest, NULL);
	inbox->wake = wake;
}

struct rzs_request *rzs_request_inbox_take(struct rzs_request_inbox *inbox)
{
	struct rzs_request *rq, *older, *oldest = NULL;

	rq = atomic_exchange_explicit(&inbox->newest, NULL, memory_order_acquire);
	for (; rq; rq = older) {
		older = rq->next;
		rq->next = oldest;
		oldest = rq;
	}
	return oldest;
}

/* Who finds the inbox empty wakes the thread, and is the only one to touch it after its push. */
void rzs_request_complete(struct rzs_request *rq)
{
	static const uint64_t wake = RZS_REQUEST_WAKE;
	struct rzs_request_inbox *inbox = rq->inbox;
	struct rzs_request *older = atomic_load_explicit(&inbox->newest, memory_order_relaxed);

	do
		rq->next = older;
	while (!atomic_compare_exchange_weak_explicit(&inbox->newest, &older, rq,
						      memory_order_release, memory_order_relaxed));
	if (!older)
		(void)!write(inbox->wake, &wake, sizeof(wake));
}
