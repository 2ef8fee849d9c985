/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Back ends, which have the devices: a control socket (rzst_socket.c) or the kernel module
 * (rzst_kernel.c).  To the commands each is a table of functions.
 *
 * The functions of the table return 0 or a negative errno; backend->why then says what is wrong and
 * what to do.  They may wait, a control socket at most its timeout for each answer.  Out-parameters
 * are set on every path, and are empty on failure; free them with rzst_*_free().  Texts can be
 * printed: control characters have been replaced.
 *
 * Threading: one thread.
 */
#ifndef RZST_BACKEND_H
#define RZST_BACKEND_H

#include "rzst.h"

/* A number with a name. */
struct rzst_value {
	char name[64];
	uint64_t value;
};

struct rzst_values {
	struct rzst_value *v;
	size_t nr;
};

/* A text with a name. */
struct rzst_text {
	char name[64];
	char text[256];
};

struct rzst_texts {
	struct rzst_text *v;
	size_t nr;
};

struct rzst_device_info {
	char name[RZST_NAME_MAX];
	bool ready;	   /* initialised */
	uint64_t size;	   /* bytes; 0: undecided */
	uint64_t memlimit; /* bytes; 0: none */
	char algorithm[32];
	uint64_t connections;
	bool held;	    /* a client has it, and no other may write */
	uint64_t holder;    /* the process that connected it, which may have ended; 0: not known */
	char swap_uuid[40]; /* of page 0; empty: no swap header */
	uint64_t stored;    /* bytes before compression */
	uint64_t mem;	    /* bytes of memory held */

	bool of_kernel;		/* the kernel module's: no connections; algorithm may be empty */
	char backing_swap[128]; /* of the kernel module's; empty: none */
};

struct rzst_device_infos {
	struct rzst_device_info *v;
	size_t nr;
};

struct rzst_server_info {
	char program[64];
	char version[64];
	uint64_t pid;
	char socket[RZST_PATH_MAX]; /* where NBD clients connect; empty: not known */
	uint64_t not_replaced;	    /* how often this process was not replaced when it was asked, */
	char why_not_replaced[256]; /* and why the last time */
};

/* How long requests of one kind took. */
struct rzst_latency_info {
	char op[16]; /* read, write, discard */
	uint64_t count, bytes, sum_ns, max_ns, p50_ns, p90_ns, p99_ns, p999_ns;
};

#define RZS_LATENCY_INFO_MAX 8u

struct rzst_latency_infos {
	struct rzst_latency_info v[RZS_LATENCY_INFO_MAX];
	unsigned nr;
};

/* How many requests took at most le_ns, but more than the le_ns before. */
struct rzst_bucket {
	uint64_t le_ns, count;
};

/* The times of one kind of request; le_ns rises. */
struct rzst_histogram {
	char op[16];
	uint64_t count, sum_ns;
	struct rzst_bucket *v;
	size_t nr;
};

/* Empty if the server is too old. */
struct rzst_histograms {
	struct rzst_histogram v[RZS_LATENCY_INFO_MAX];
	unsigned nr;
};

/* What a statistic means. */
struct rzst_stat_info {
	char name[64];
	bool of_device; /* else of the process */
	bool counter;	/* else a gauge */
	char help[256];
};

struct rzst_stat_infos {
	struct rzst_stat_info *v;
	size_t nr;
};

struct rzst_backend;

struct rzst_backend_ops {
	int (*server)(struct rzst_backend *b, struct rzst_server_info *out);
	int (*list)(struct rzst_backend *b, struct rzst_device_infos *out);
	int (*describe)(struct rzst_backend *b, struct rzst_stat_infos *out);
	int (*process)(struct rzst_backend *b, struct rzst_values *out,
		       struct rzst_texts *protections);

	/* -ENOENT: there is no such device; -ENODEV: it is not initialised. */
	int (*stats)(struct rzst_backend *b, const char *name, struct rzst_values *out);
	int (*latency)(struct rzst_backend *b, const char *name, struct rzst_latency_infos *out);
	int (*histograms)(struct rzst_backend *b, const char *name, struct rzst_histograms *out);
	int (*params)(struct rzst_backend *b, const char *name, struct rzst_texts *out);

	/*
	 * -EOPNOTSUPP: not supported by this kind of device; -EBUSY: clients are attached, or it
	 * is initialised.  settings: "KEY=VALUE".  If one is refused, create makes nothing; set has
	 * set those before it.
	 */
	int (*create)(struct rzst_backend *b, const char *name, const char *const *settings,
		      unsigned nr);
	int (*set)(struct rzst_backend *b, const char *name, const char *const *settings,
		   unsigned nr);
	/* Only begun: it goes on after the answer. */
	int (*compact)(struct rzst_backend *b, const char *name);
	int (*init)(struct rzst_backend *b, const char *name);
	int (*reset)(struct rzst_backend *b, const char *name);
	int (*remove)(struct rzst_backend *b, const char *name);
	int (*idle)(struct rzst_backend *b, const char *name);
	/* Replace the server.  Only begun: how it ends, the server info says.  -EOPNOTSUPP. */
	int (*upgrade)(struct rzst_backend *b);

	/* Nothing will be asked for a while: give up the connection, of which a server has few. */
	void (*rest)(struct rzst_backend *b);
	/* Free it. */
	void (*close)(struct rzst_backend *b);
};

struct rzst_backend {
	const struct rzst_backend_ops *ops;
	bool of_kernel;		   /* no process, no socket, no protections, no times */
	char where[RZST_PATH_MAX]; /* its name in messages: the socket's path, or "kernel" */
	char why[1024];
};

/*
 * Connect to a control socket and wait for its greeting, timeout seconds at most, as later for each
 * answer.  0, or a negative errno: *out is NULL and why says what is wrong.  -ENOENT,
 * -ECONNREFUSED: there is no server; -EPROTOTYPE: something else listens there; -EPROTONOSUPPORT:
 * it speaks another protocol; -ETIMEDOUT: no answer.
 */
int rzst_socket_open(const char *path, unsigned timeout, struct rzst_backend **out, char *why,
		     size_t why_size);

/* The value of that name; 0 if there is none, and then *found is false.  found may be NULL. */
uint64_t rzst_value_of(const struct rzst_values *values, const char *name, bool *found);

/*
 * Add one at the end; a text or name that is too long is cut.  They end the program when there is
 * no memory.
 */
void rzst_values_add(struct rzst_values *values, const char *name, uint64_t value);
void rzst_texts_add(struct rzst_texts *texts, const char *name, const char *text);
void rzst_stat_infos_add(struct rzst_stat_infos *stats, const char *name, bool of_device,
			 bool counter, const char *help);

/* Free what they hold and make them empty. */
void rzst_values_free(struct rzst_values *values);
void rzst_texts_free(struct rzst_texts *texts);
void rzst_device_infos_free(struct rzst_device_infos *devices);
void rzst_stat_infos_free(struct rzst_stat_infos *stats);
void rzst_histograms_free(struct rzst_histograms *histograms);

/* The histogram of that kind of request; NULL: there is none. */
const struct rzst_histogram *rzst_histogram_of(const struct rzst_histograms *histograms,
					       const char *op);

/*
 * How many requests took at most le_ns, without those of a bucket that reaches beyond it.
 */
uint64_t rzst_histogram_within(const struct rzst_histogram *h, uint64_t le_ns);

#endif
