/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where pages come from: processes, corpora of "rzsbench capture", files of any sort.  They are
 * found first, all of them, and then a sample is loaded.  One thread.
 */
#ifndef RZSB_SOURCE_H
#define RZSB_SOURCE_H

#include "rzsb.h"
#include "rzsb_args.h"
#include "rzsb_process.h"

struct rzsb_source {
	char name[RZSB_NAME_MAX];
	char *path;		 /* of the file that has the bytes */
	struct rzsb_addresses a; /* offsets in it */
	bool process;
};

struct rzsb_sources {
	struct rzsb_source *v;
	size_t nr;
	size_t pages;  /* found in all */
	size_t denied; /* processes that we may not look into */
	size_t gone;   /* that ended meanwhile */
	size_t lost;   /* pages that could not be read any more */
	size_t images; /* sources that are files of any sort, not a process's memory */
	bool cold;     /* only pages that nobody touches for so many seconds are wanted */
	unsigned cold_wait;
};

/*
 * Each adds what it finds.  0, or a negative errno with a message on stderr: no such thing, not
 * allowed to (and what would allow it), not to be read.
 */
int rzsb_sources_add_pid(struct rzsb_sources *s, pid_t pid);
/* Every process but this one.  Those that are denied or gone are counted. */
int rzsb_sources_add_all(struct rzsb_sources *s);
/* Every process of a cgroup and of those below it: a folder below /sys/fs/cgroup, or its path. */
int rzsb_sources_add_cgroup(struct rzsb_sources *s, const char *cgroup);
/* A corpus, an ELF core file (its memory), or any file or block device as an image of memory. */
int rzsb_sources_add_path(struct rzsb_sources *s, const char *path);

/*
 * Load at most `most` pages (0: all), every source keeping its share, in runs of RZSB_RUN pages.
 * Sources beyond RZSB_MAX_PARTS are loaded as one part, the smallest ones.  0 or a negative errno,
 * with a message.
 */
int rzsb_sources_load(struct rzsb_sources *s, size_t most, struct rzsb_corpus *c);

/*
 * The steps of that, for who wants the pages elsewhere.  Thin source i out to its share of `most`
 * pages (0: all) of all sources' together, a run at least.
 */
void rzsb_source_thin(struct rzsb_sources *s, size_t i, size_t most);
/* Read its pages as rzsb_read_pages() does; -ESRCH as well when there is no such file any more. */
int rzsb_source_read(const struct rzsb_source *src, bool (*take)(void *user, const uint8_t *page),
		     void *user, size_t *out_lost);

/*
 * If that is wanted (cold), wait, and keep only pages that nobody has touched meanwhile.  0 or a
 * negative errno, with a message: the kernel cannot tell, or may not tell us.
 */
int rzsb_sources_keep_cold(struct rzsb_sources *s);

/*
 * An option that chooses sources (RZSB_SOURCE_OPTIONS).  false: another option; *err is left alone
 * then.
 */
bool rzsb_sources_option(struct rzsb_sources *s, const struct rzsb_args *a, int id, int *err);

enum { RZSB_OPT_COLD = 300, RZSB_OPT_COLD_WAIT };

#define RZSB_COLD_WAIT 60u

/* clang-format off */
#define RZSB_SOURCE_OPTIONS \
	{'p', "pid", "PID", "a process that is there; several may be named"}, \
	{'a', "all", NULL, "all processes that may be looked into"}, \
	{'g', "cgroup", "PATH", "all processes of a cgroup and those below it"}, \
	{RZSB_OPT_COLD, "cold", NULL, "only pages that nobody touches for a while"}, \
	{RZSB_OPT_COLD_WAIT, "cold-wait", "SECONDS", "... for so long (default 60)"}
/* clang-format on */

void rzsb_sources_free(struct rzsb_sources *s);

#endif
