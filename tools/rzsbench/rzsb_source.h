/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where pages come from: processes, corpora, core files, images of memory.  First all sources are
 * added, which finds their pages; then a sample of these is loaded.  Threading: one thread.
 */
#ifndef RZSB_SOURCE_H
#define RZSB_SOURCE_H

#include "rzsb.h"
#include "rzsb_args.h"
#include "rzsb_process.h"

struct rzsb_source {
	char name[RZSB_NAME_MAX];
	char *path;		 /* of the file that they are in */
	struct rzsb_addresses a; /* offsets in it */
	bool process;
};

struct rzsb_sources {
	struct rzsb_source *v;
	size_t nr;
	size_t pages;  /* of all sources */
	size_t denied; /* processes whose memory may not be read */
	size_t gone;   /* processes that have ended meanwhile */
	size_t lost;   /* pages that could not be read */
	size_t images; /* sources that are neither a process nor a corpus */
	bool cold;     /* keep only pages that are not accessed for cold_wait seconds */
	unsigned cold_wait;
};

/* Add sources.  0 or a negative errno, with a message. */
int rzsb_sources_add_pid(struct rzsb_sources *s, pid_t pid);
/* All processes except this one.  Those that are denied or gone are counted. */
int rzsb_sources_add_all(struct rzsb_sources *s);
/* All processes of a cgroup and of those below it.  cgroup: a path, or one below /sys/fs/cgroup. */
int rzsb_sources_add_cgroup(struct rzsb_sources *s, const char *cgroup);
/* A corpus, the memory in an ELF core file, or any file or block device as an image of memory. */
int rzsb_sources_add_path(struct rzsb_sources *s, const char *path);

/*
 * Load at most `most` pages (0: all), each source in proportion, in runs of RZSB_RUN pages.  The
 * smallest sources become one part if there are more than RZSB_MAX_PARTS.  0 or a negative errno,
 * with a message.
 */
int rzsb_sources_load(struct rzsb_sources *s, size_t most, struct rzsb_corpus *c);

/*
 * The two steps of that, for pages that go elsewhere.  Thin source i out to its share of `most`
 * pages (0: all) of all sources, at least a run.
 */
void rzsb_source_thin(struct rzsb_sources *s, size_t i, size_t most);
/* As rzsb_read_pages(); -ESRCH also if the file is gone. */
int rzsb_source_read(const struct rzsb_source *src, bool (*take)(void *user, const uint8_t *page),
		     void *user, size_t *out_lost);

/*
 * If only cold pages are wanted: wait, and keep the pages that were not accessed meanwhile.  0 or a
 * negative errno, with a message: the kernel does not know, or it is not permitted.
 */
int rzsb_sources_keep_cold(struct rzsb_sources *s);

/* Options that choose sources.  false: id is another option, and *err is unchanged. */
bool rzsb_sources_option(struct rzsb_sources *s, const struct rzsb_args *a, int id, int *err);

enum { RZSB_OPT_COLD = 300, RZSB_OPT_COLD_WAIT };

#define RZSB_COLD_WAIT 60u

/* clang-format off */
#define RZSB_SOURCE_OPTIONS \
	{'p', "pid", "PID", "a process; may be given several times"}, \
	{'a', "all", NULL, "all processes whose memory may be read"}, \
	{'g', "cgroup", "PATH", "all processes of a cgroup and of those below it"}, \
	{RZSB_OPT_COLD, "cold", NULL, "only pages that are not accessed for a while"}, \
	{RZSB_OPT_COLD_WAIT, "cold-wait", "SECONDS", "... for this long (default 60)"}
/* clang-format on */

void rzsb_sources_free(struct rzsb_sources *s);

#endif
