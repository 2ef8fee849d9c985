/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The verbs of the control socket; see ctl_commands.h.  The table is at the end.
 *
 * Each verb adds data lines and returns 0, or a negative errno with the reason in why.  Then
 * rzs_ctl_run() ends the reply.  The words of a line have less than LINE_TEXT bytes together.  So
 * the line is not too long for clients, even if each byte has to be written as three.
 *
 * Threading: the control socket's thread.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl_commands.h"
#include "device_live.h"
#include "protect_server.h"
#include "stat_table.h"
#include "upkeep.h"

#define LINE_TEXT 1200u
#define KEY_SIZE  64u /* bytes of a key, with the 0 */

_Static_assert(3 * LINE_TEXT + RZS_CTL_WORDS_MAX + 2 <= RZS_CTL_REPLY_MAX,
	       "data lines are not too long for clients");

/* Words of two numbers, with = between them and a space after them. */
_Static_assert(RZS_CTL_WORDS_MAX *(11 + 1 + 20 + 1) <= LINE_TEXT && RZS_LATENCY_TOP_BITS <= 36,
	       "lines of buckets are not cut");

struct call {
	const struct rzs_target *target;
	const struct rzs_ctl_words *request;
	struct rzs_ctl_out *out;
	char why[RZS_WHY_MAX];
};

/* ---- data lines */

/* A data line that is being made. */
struct line {
	char text[LINE_TEXT];
	size_t used;
	const char *word[RZS_CTL_WORDS_MAX];
	unsigned nr;
};

__attribute__((format(printf, 2, 3))) static void add(struct line *l, const char *fmt, ...)
{
	size_t left = sizeof(l->text) - l->used;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(l->text + l->used, left, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= left || l->nr == RZS_CTL_WORDS_MAX)
		return;
	l->word[l->nr++] = l->text + l->used;
	l->used += (size_t)n + 1;
}

static void send_line(struct call *c, const struct line *l)
{
	rzs_ctl_out_data(c->out, l->word, l->nr);
}

static void begin(struct line *l)
{
	l->used = 0;
	l->nr = 0;
}

/* Send a line of two words. */
__attribute__((format(printf, 3, 4))) static void pair(struct call *c, const char *key,
						       const char *fmt, ...)
{
	char value[LINE_TEXT / 2];
	struct line l;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	begin(&l);
	add(&l, "%s", key);
	add(&l, "%s", value);
	send_line(c, &l);
}

static void number(struct call *c, const char *key, uint64_t value)
{
	pair(c, key, "%llu", (unsigned long long)value);
}

/* ---- devices */

/* The device's name: the second word of the request. */
static const char *name_of(const struct call *c)
{
	return c->request->word[1];
}

static int find(struct call *c, struct rzs_device_view *out)
{
	for (unsigned i = 0;; i++) {
		int err = c->target->view(c->target->arg, i, out);

		if (err == 0 && strcmp(out->name, name_of(c)) == 0)
			return 0;
		if (err == -ENOENT)
			return rzs_value_fail(c->why, -ENOENT,
					      "%s: no such device; 'list' shows those there are",
					      name_of(c));
		if (err < 0)
			return err;
	}
}

static int find_ready(struct call *c, struct rzs_device_view *out)
{
	int err = find(c, out);

	if (err == 0 && !out->store)
		err = rzs_value_fail(c->why, -ENODEV, "%s: not initialised; 'init' does that",
				     name_of(c));
	return err;
}

/*
 * The UUID in the swap header that page 0 has now, which may be mkswap's.  Uses the last worker, as
 * upkeep does, and no other, so that no thread that serves I/O waits for it.
 */
static void swap_uuid(const struct rzs_device_view *view, char out[RZS_UUID_TEXT_SIZE])
{
	uint8_t page[RZS_PAGE_SIZE], uuid[RZS_SWAP_UUID_SIZE];
	struct rzs_worker *worker;
	int err;

	worker = rzs_worker_get_own(view->store, view->params->store.nr_workers - 1);
	err = rzs_store_read(view->store, worker, 0, page);
	rzs_worker_put(view->store, worker);
	if (err == 0 && rzs_swap_header_uuid(page, uuid))
		rzs_device_params_uuid_text(uuid, out);
	else
		strcpy(out, "-");
}

static const char *algorithm_of(const struct rzs_device_view *view)
{
	return view->params->store.codec ? view->params->store.codec : rzs_codec_name(0);
}

/* ---- verbs that look */

static void tell_not_replaced(struct call *c)
{
	const struct rzs_target *t = c->target;
	unsigned nr;
	const char *why = t->not_replaced ? t->not_replaced(t->arg, &nr) : NULL;
	struct line l;

	if (!why)
		return;
	begin(&l);
	add(&l, "not-replaced");
	add(&l, "%u", nr);
	add(&l, "%s", why);
	send_line(c, &l);
}

static int run_server(struct call *c)
{
	pair(c, "program", "%s", c->target->program);
	pair(c, "version", "%s", PACKAGE_VERSION);
	number(c, "pid", (uint64_t)getpid());
	if (c->target->socket)
		pair(c, "socket", "%s", c->target->socket);
	tell_not_replaced(c);
	return 0;
}

static void list_device(struct call *c, const struct rzs_device_view *view)
{
	uint64_t size = view->params->size, limit = view->params->store.limit_bytes;
	struct rzs_stats stats = {0};
	char uuid[RZS_UUID_TEXT_SIZE] = "-";
	struct line l;

	if (view->store) {
		rzs_store_stats(view->store, &stats);
		size = rzs_store_pages(view->store) << RZS_PAGE_SHIFT;
		limit = view->memlimit;
		swap_uuid(view, uuid);
	}
	begin(&l);
	add(&l, "%s", view->name);
	add(&l, "state=%s", view->store ? "ready" : "off");
	add(&l, "size=%llu", (unsigned long long)size);
	add(&l, "memlimit=%llu", (unsigned long long)limit);
	add(&l, "algorithm=%s", algorithm_of(view));
	add(&l, "connections=%u", view->connections);
	add(&l, "swap-uuid=%s", uuid);
	add(&l, "stored=%llu", (unsigned long long)stats.orig_bytes);
	add(&l, "mem=%llu", (unsigned long long)stats.mem_bytes);
	if (view->held)
		add(&l, "holder=%d", (int)view->holder);
	else
		add(&l, "holder=-");
	send_line(c, &l);
}

static int run_list(struct call *c)
{
	struct rzs_device_view view;
	int err;

	for (unsigned i = 0; (err = c->target->view(c->target->arg, i, &view)) == 0; i++)
		list_device(c, &view);
	return err == -ENOENT ? 0 : err;
}

static void send_stat(void *arg, const struct rzs_stat *stat, uint64_t value)
{
	number(arg, stat->name, value);
}

static int run_stats(struct call *c)
{
	struct rzs_device_view view;
	int err = find_ready(c, &view);

	if (err == 0)
		rzs_stat_device(&view, send_stat, c);
	return err;
}

static void send_protection(void *arg, const char *name, const char *state)
{
	struct line l;

	begin(&l);
	add(&l, "protect");
	add(&l, "%s", name);
	add(&l, "%s", state);
	send_line(arg, &l);
}

static int run_process(struct call *c)
{
	rzs_stat_process(send_stat, c);
	rzs_protect_server_each(send_protection, c);
	return 0;
}

static void send_description(void *arg, bool of_device, const struct rzs_stat *stat)
{
	struct line l;

	begin(&l);
	add(&l, "%s", of_device ? "device" : "process");
	add(&l, "%s", stat->name);
	add(&l, "%s", stat->kind == RZS_STAT_COUNTER ? "counter" : "gauge");
	add(&l, "%s", stat->help);
	send_line(arg, &l);
}

static int run_describe(struct call *c)
{
	rzs_stat_describe(send_description, c);
	return 0;
}

static void send_latency(struct call *c, const char *kind, const struct rzs_latency_sum *sum)
{
	static const struct {
		const char *name;
		unsigned per_mille;
	} percentiles[] = {{"p50_ns", 500}, {"p90_ns", 900}, {"p99_ns", 990}, {"p999_ns", 999}};
	struct line l;

	begin(&l);
	add(&l, "%s", kind);
	add(&l, "count=%llu", (unsigned long long)sum->count);
	add(&l, "bytes=%llu", (unsigned long long)sum->bytes);
	add(&l, "sum_ns=%llu", (unsigned long long)sum->ns);
	add(&l, "max_ns=%llu", (unsigned long long)sum->max_ns);
	for (unsigned i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++)
		add(&l, "%s=%llu", percentiles[i].name,
		    (unsigned long long)rzs_latency_percentile(sum, percentiles[i].per_mille));
	send_line(c, &l);
}

/* Send the buckets that are not empty, in as many lines as needed. */
static void send_buckets(struct call *c, const char *kind, const struct rzs_latency_sum *sum)
{
	struct line l;

	begin(&l);
	add(&l, "%s", kind);
	add(&l, "sum_ns=%llu", (unsigned long long)sum->ns);
	for (unsigned i = 0; i < RZS_LATENCY_BUCKETS; i++) {
		if (!sum->bucket[i])
			continue;
		if (l.nr == RZS_CTL_WORDS_MAX) {
			send_line(c, &l);
			begin(&l);
			add(&l, "%s", kind);
		}
		add(&l, "%llu=%llu", (unsigned long long)rzs_latency_upper(i),
		    (unsigned long long)sum->bucket[i]);
	}
	send_line(c, &l);
}

static int each_kind(struct call *c, void (*send)(struct call *c, const char *kind,
						  const struct rzs_latency_sum *sum))
{
	static const char *const kinds[RZS_LATENCY_OPS] = {
		[RZS_LATENCY_READ] = "read",
		[RZS_LATENCY_WRITE] = "write",
		[RZS_LATENCY_DISCARD] = "discard",
	};
	struct rzs_device_view view;
	int err = find_ready(c, &view);

	if (err == 0 && !view.latency)
		return rzs_value_fail(c->why, -EOPNOTSUPP,
				      "%s: the times of its requests are not measured", name_of(c));
	for (int op = 0; err == 0 && op < RZS_LATENCY_OPS; op++) {
		struct rzs_latency_sum sum;

		rzs_latency_read(view.latency, (enum rzs_latency_op)op, &sum);
		send(c, kinds[op], &sum);
	}
	return err;
}

static int run_latency(struct call *c)
{
	return each_kind(c, send_latency);
}

static int run_buckets(struct call *c)
{
	return each_kind(c, send_buckets);
}

static int run_params(struct call *c)
{
	struct rzs_device_params now;
	struct rzs_device_view view;
	char text[RZS_VALUE_SIZE_MAX];
	int err = find(c, &view);

	if (err < 0)
		return err;
	now = *view.params;
	if (view.store) {
		now.store.limit_bytes = view.memlimit;
		now.swap_header_given = true; /* it was decided when the store was made */
		rzs_device_live_refresh(&now, view.store);
	}
	for (unsigned i = 0; i < RZS_DEVICE_PARAMS_KEYS; i++) {
		rzs_device_params_show(&now, i, text);
		pair(c, rzs_device_params_keys[i], "%s", text);
	}
	return 0;
}

/* ---- verbs that change */

/* The error for an operation that this server does not have. */
static int cannot(struct call *c)
{
	return rzs_value_fail(c->why, -EOPNOTSUPP,
			      "%s: %s has one device, which cannot be replaced; rzsd can do that",
			      c->request->word[0], c->target->program);
}

/* Split KEY=VALUE: copy the key, and return the value; NULL: there is no key or no =. */
static const char *cut_pair(const char *word, char *key, size_t size)
{
	const char *value = strchr(word, '=');
	size_t len = value ? (size_t)(value - word) : 0;

	if (len == 0 || len >= size)
		return NULL;
	memcpy(key, word, len);
	key[len] = '\0';
	return value + 1;
}

/* Check the form of all pairs, before anything is changed. */
static int check_pairs(struct call *c)
{
	char key[KEY_SIZE];

	for (unsigned i = 2; i < c->request->nr; i++)
		if (!cut_pair(c->request->word[i], key, sizeof(key)))
			return rzs_value_fail(c->why, -EINVAL, "%.100s: expected KEY=VALUE",
					      c->request->word[i]);
	return 0;
}

static int set_pairs(struct call *c)
{
	char key[KEY_SIZE];

	for (unsigned i = 2; i < c->request->nr; i++) {
		const char *value = cut_pair(c->request->word[i], key, sizeof(key));
		int err = c->target->set(c->target->arg, name_of(c), key, value, c->why);

		if (err < 0)
			return err;
	}
	return 0;
}

static int run_create(struct call *c)
{
	char unused[RZS_WHY_MAX];
	int err;

	if (!c->target->create || !c->target->remove || !c->target->set)
		return cannot(c);
	err = check_pairs(c);
	if (err == 0)
		err = c->target->create(c->target->arg, name_of(c), c->why);
	if (err < 0)
		return err;
	err = set_pairs(c);
	if (err < 0)
		(void)c->target->remove(c->target->arg, name_of(c), unused);
	return err;
}

static int run_set(struct call *c)
{
	int err;

	if (!c->target->set)
		return cannot(c);
	err = check_pairs(c);
	return err < 0 ? err : set_pairs(c);
}

/* Upkeep does it, in steps: whoever asked need not wait. */
static int run_compact(struct call *c)
{
	struct rzs_device_view view;
	int err = find_ready(c, &view);

	if (err == 0 && rzs_upkeep_compact(view.store) < 0)
		err = rzs_value_fail(c->why, -ENODEV, "%s: it is about to end", name_of(c));
	return err;
}

/* operation: NULL where the server cannot. */
static int run_operation(struct call *c,
			 int (*operation)(void *arg, const char *name, char why[RZS_WHY_MAX]))
{
	return operation ? operation(c->target->arg, name_of(c), c->why) : cannot(c);
}

static int run_idle(struct call *c)
{
	struct rzs_device_view view;
	int err = find_ready(c, &view);

	return err < 0 ? err : rzs_upkeep_idle(view.store, c->why);
}

static int run_init(struct call *c)
{
	return run_operation(c, c->target->init);
}

static int run_reset(struct call *c)
{
	return run_operation(c, c->target->reset);
}

static int run_remove(struct call *c)
{
	return run_operation(c, c->target->remove);
}

static int run_upgrade(struct call *c)
{
	if (c->target->upgrade)
		return c->target->upgrade(c->target->arg, c->why);
	return rzs_value_fail(c->why, -EOPNOTSUPP,
			      "upgrade: only rzsd that was started with survive=yes can be "
			      "replaced while it serves");
}

/* ---- the table */

static const struct verb {
	const char *name;
	unsigned least, most; /* words; the second is a device's name */
	const char *usage;
	int (*run)(struct call *c);
} verbs[] = {
	{"server", 1, 1, "server", run_server},
	{"list", 1, 1, "list", run_list},
	{"stats", 2, 2, "stats NAME", run_stats},
	{"process", 1, 1, "process", run_process},
	{"describe", 1, 1, "describe", run_describe},
	{"latency", 2, 2, "latency NAME", run_latency},
	{"buckets", 2, 2, "buckets NAME", run_buckets},
	{"params", 2, 2, "params NAME", run_params},
	{"create", 2, RZS_CTL_WORDS_MAX, "create NAME [KEY=VALUE...]", run_create},
	{"set", 3, RZS_CTL_WORDS_MAX, "set NAME KEY=VALUE...", run_set},
	{"compact", 2, 2, "compact NAME", run_compact},
	{"idle", 2, 2, "idle NAME", run_idle},
	{"init", 2, 2, "init NAME", run_init},
	{"reset", 2, 2, "reset NAME", run_reset},
	{"remove", 2, 2, "remove NAME", run_remove},
	{"upgrade", 1, 1, "upgrade", run_upgrade},
};

#define NR_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static int refuse_verb(struct call *c)
{
	char known[160] = "";

	for (size_t i = 0; i < NR_VERBS; i++)
		snprintf(known + strlen(known), sizeof(known) - strlen(known), "%s%s",
			 i ? ", " : "", verbs[i].name);
	return rzs_value_fail(c->why, -EINVAL, "%.40s: no such verb; there are %s",
			      c->request->word[0], known);
}

static int dispatch(struct call *c)
{
	const struct rzs_ctl_words *request = c->request;

	for (size_t i = 0; i < NR_VERBS; i++) {
		const struct verb *v = &verbs[i];

		if (strcmp(v->name, request->word[0]) != 0)
			continue;
		if (request->nr < v->least || request->nr > v->most)
			return rzs_value_fail(c->why, -EINVAL, "%s: expected '%s'", v->name,
					      v->usage);
		if (v->least > 1 && !rzs_device_name_ok(name_of(c)))
			return rzs_value_fail(
				c->why, -EINVAL,
				"%.80s: not a device's name: 1 to %u of A-Z a-z 0-9 . _ -",
				name_of(c), RZS_DEVICE_NAME_MAX);
		return v->run(c);
	}
	return refuse_verb(c);
}

void rzs_ctl_run(const struct rzs_target *target, const struct rzs_ctl_words *request,
		 struct rzs_ctl_out *out)
{
	struct call c = {.target = target, .request = request, .out = out};
	int err = dispatch(&c);

	if (err == 0)
		rzs_ctl_out_ok(out);
	else
		rzs_ctl_out_error(out, err, c.why[0] ? c.why : strerror(-err));
}
