/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command upgrade: asks a server to be replaced by the program that is installed now, and waits
 * until that serves at the same control socket, or the old one says why it goes on.
 *
 * Threading: one thread.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "rzsc_find.h"

#define PAUSE_NS 20000000 /* between two looks at the server */

/* Who serves, and how often servers were replaced so far. */
struct seen {
	struct rzst_server_info info;
	uint64_t takeovers, gap_ns;
};

/* All of it is of one process: between the two answers the connection is the same. */
static int look(struct rzst_backend *b, struct seen *out)
{
	struct rzst_texts protections;
	struct rzst_values values;
	int err;

	memset(out, 0, sizeof(*out));
	err = b->ops->server(b, &out->info);
	if (err < 0)
		return err;
	err = b->ops->process(b, &values, &protections);
	out->takeovers = rzst_value_of(&values, "takeovers", NULL);
	out->gap_ns = rzst_value_of(&values, "takeover_ns", NULL);
	rzst_values_free(&values);
	rzst_texts_free(&protections);
	return err;
}

static int replaced(const struct rzst_backend *b, const struct seen *before, const struct seen *now)
{
	char gap[RZST_HUMAN_MAX];

	if (now->takeovers <= before->takeovers)
		return rzst_fail(RZS_EXIT_FAILED,
				 "%s: process %llu has ended, and process %llu was started "
				 "without what was stored; the log says why",
				 b->where, (unsigned long long)before->info.pid,
				 (unsigned long long)now->info.pid);
	printf("%s: %s %s, process %llu, goes on in place of %s, process %llu; clients waited "
	       "%s (takeover %llu)\n",
	       b->where, now->info.program, now->info.version, (unsigned long long)now->info.pid,
	       before->info.version, (unsigned long long)before->info.pid,
	       rzst_human_ns(now->gap_ns, gap), (unsigned long long)now->takeovers);
	return RZS_EXIT_DONE;
}

/* Whether it is known how it went; *code is the exit status then. */
static bool is_decided(const struct rzst_backend *b, const struct seen *before,
		       const struct seen *now, int *code)
{
	if (now->info.pid != before->info.pid) {
		*code = replaced(b, before, now);
		return true;
	}
	if (now->info.not_replaced > before->info.not_replaced) {
		*code = rzst_fail(RZS_EXIT_FAILED,
				  "%s: not replaced: %s; the old server goes on, with all that "
				  "is stored",
				  b->where, now->info.why_not_replaced);
		return true;
	}
	return false;
}

/*
 * While a server hands over, it does not answer, and then its connections end: so errors are looked
 * at only when the time is over.
 */
static int wait_for_successor(const struct rzsc_options *o, struct rzst_backend *b,
			      const struct seen *before)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	int64_t end = rzst_now_ms() + (int64_t)o->timeout * 1000;
	struct seen now;
	int err, code;

	do {
		nanosleep(&pause, NULL);
		err = look(b, &now);
		if (err == 0 && is_decided(b, before, &now, &code))
			return code;
	} while (rzst_now_ms() < end);
	if (err < 0)
		return rzst_fail(RZS_EXIT_FAILED,
				 "no server has come back within %u s; the log says why.  %s",
				 o->timeout, b->why);
	return rzst_fail(RZS_EXIT_FAILED,
			 "%s: not replaced within %u s; the old server serves, and may be "
			 "replaced yet.  The log says how far it is",
			 b->where, o->timeout);
}

/* The server has refused at once. */
static int refused(const struct rzst_backend *b, int err)
{
	if (err == -EINVAL)
		return rzst_fail(RZS_EXIT_UNSUPPORTED,
				 "%s: its server is too old to be replaced while it serves",
				 b->where);
	return rzst_fail(rzst_exit(err), "%s: %s", b->where, b->why);
}

int rzsc_cmd_upgrade(const struct rzsc_options *o)
{
	struct rzsc_found found;
	int code = rzsc_only_server_find(o, "upgrade", &found);

	if (code == RZS_EXIT_DONE) {
		struct rzst_backend *b = found.server->backend;
		struct seen before;
		int err = look(b, &before);

		if (err == 0)
			err = b->ops->upgrade(b);
		if (err == 0 && o->verbose)
			rzst_say("%s: process %llu is asked to be replaced", b->where,
				 (unsigned long long)before.info.pid);
		code = err < 0 ? refused(b, err) : wait_for_successor(o, b, &before);
	}
	rzsc_found_free(&found);
	return code;
}
