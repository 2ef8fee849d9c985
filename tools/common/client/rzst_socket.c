/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The back end of a control socket: docs/CONTROL-PROTOCOL's verbs.  See rzst_backend.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rzst_backend.h"
#include "rzst_wire.h"

#define BUCKETS_MAX 4096u /* of one kind of request; our servers have 496 */

struct socket_backend {
	struct rzst_backend base;
	struct rzst_wire wire;
};

static struct rzst_wire *wire_of(struct rzst_backend *b)
{
	return &((struct socket_backend *)b)->wire;
}

/* ---- lines ---- */

/* -EOVERFLOW: it is longer than any valid one. */
static int take_text(char *out, size_t size, const char *text)
{
	if (strlen(text) >= size)
		return -EOVERFLOW;
	memcpy(out, text, strlen(text) + 1);
	rzst_tame(out);
	return 0;
}

/* The NUMBER of KEY=NUMBER; 0 if it is missing. */
static int take_number(const struct rzs_ctl_words *w, const char *key, uint64_t *out)
{
	const char *text = rzs_ctl_value(w, 1, key);

	*out = 0;
	return text ? rzst_number_parse(text, out) : 0;
}

/* For requests whose answer has no data. */
static int no_line(void *unused, const struct rzs_ctl_words *w)
{
	(void)unused;
	(void)w;
	return 0;
}

static int server_line(void *arg, const struct rzs_ctl_words *w)
{
	struct rzst_server_info *out = arg;

	if (w->nr < 2)
		return 0;
	if (strcmp(w->word[0], "pid") == 0)
		return rzst_number_parse(w->word[1], &out->pid);
	if (strcmp(w->word[0], "socket") == 0)
		return take_text(out->socket, sizeof(out->socket), w->word[1]);
	if (w->nr >= 3 && strcmp(w->word[0], "not-replaced") == 0) {
		(void)take_text(out->why_not_replaced, sizeof(out->why_not_replaced), w->word[2]);
		return rzst_number_parse(w->word[1], &out->not_replaced);
	}
	return 0;
}

static int list_line(void *arg, const struct rzs_ctl_words *w)
{
	struct rzst_device_infos *out = arg;
	struct rzst_device_info *d;
	const char *state = rzs_ctl_value(w, 1, "state");
	const char *algorithm = rzs_ctl_value(w, 1, "algorithm");
	const char *uuid = rzs_ctl_value(w, 1, "swap-uuid");
	const char *holder = rzs_ctl_value(w, 1, "holder"); /* NULL: an older server */

	out->v = rzst_grow(out->v, out->nr, sizeof(*out->v));
	d = &out->v[out->nr++];
	memset(d, 0, sizeof(*d));
	d->ready = state && strcmp(state, "ready") == 0;
	d->held = holder && strcmp(holder, "-") != 0;
	if (d->held && take_number(w, "holder", &d->holder) < 0)
		return -EPROTO;
	if (take_text(d->name, sizeof(d->name), w->word[0]) < 0 ||
	    (algorithm && take_text(d->algorithm, sizeof(d->algorithm), algorithm) < 0))
		return -EPROTO;
	if (uuid && strcmp(uuid, "-") != 0 &&
	    take_text(d->swap_uuid, sizeof(d->swap_uuid), uuid) < 0)
		return -EPROTO;
	if (take_number(w, "size", &d->size) < 0 || take_number(w, "memlimit", &d->memlimit) < 0 ||
	    take_number(w, "connections", &d->connections) < 0 ||
	    take_number(w, "stored", &d->stored) < 0 || take_number(w, "mem", &d->mem) < 0)
		return -EPROTO;
	return 0;
}

static int describe_line(void *arg, const struct rzs_ctl_words *w)
{
	struct rzst_stat_infos *out = arg;
	struct rzst_stat_info *s;

	if (w->nr < 4)
		return 0;
	rzst_stat_infos_add(out, "", strcmp(w->word[0], "device") == 0,
			    strcmp(w->word[2], "counter") == 0, "");
	s = &out->v[out->nr - 1];
	if (take_text(s->name, sizeof(s->name), w->word[1]) < 0 ||
	    take_text(s->help, sizeof(s->help), w->word[3]) < 0)
		return -EPROTO;
	return 0;
}

static int value_line(void *arg, const struct rzs_ctl_words *w)
{
	struct rzst_values *out = arg;
	struct rzst_value *v;

	if (w->nr < 2)
		return 0;
	rzst_values_add(out, "", 0);
	v = &out->v[out->nr - 1];
	if (take_text(v->name, sizeof(v->name), w->word[0]) < 0)
		return -EPROTO;
	return rzst_number_parse(w->word[1], &v->value);
}

static int add_text(struct rzst_texts *out, const char *name, const char *text)
{
	struct rzst_text *t;

	rzst_texts_add(out, "", "");
	t = &out->v[out->nr - 1];
	if (take_text(t->name, sizeof(t->name), name) < 0 ||
	    take_text(t->text, sizeof(t->text), text) < 0)
		return -EPROTO;
	return 0;
}

static int text_line(void *arg, const struct rzs_ctl_words *w)
{
	return w->nr < 2 ? 0 : add_text(arg, w->word[0], w->word[1]);
}

struct process_out {
	struct rzst_values *values;
	struct rzst_texts *protections;
};

static int process_line(void *arg, const struct rzs_ctl_words *w)
{
	struct process_out *out = arg;

	if (w->nr >= 3 && strcmp(w->word[0], "protect") == 0)
		return add_text(out->protections, w->word[1], w->word[2]);
	return value_line(out->values, w);
}

static int latency_line(void *arg, const struct rzs_ctl_words *w)
{
	struct rzst_latency_infos *out = arg;
	struct rzst_latency_info *l;

	if (out->nr == RZS_LATENCY_INFO_MAX)
		return -EPROTO;
	l = &out->v[out->nr++];
	if (take_text(l->op, sizeof(l->op), w->word[0]) < 0 ||
	    take_number(w, "count", &l->count) < 0 || take_number(w, "bytes", &l->bytes) < 0 ||
	    take_number(w, "sum_ns", &l->sum_ns) < 0 || take_number(w, "max_ns", &l->max_ns) < 0 ||
	    take_number(w, "p50_ns", &l->p50_ns) < 0 || take_number(w, "p90_ns", &l->p90_ns) < 0 ||
	    take_number(w, "p99_ns", &l->p99_ns) < 0 || take_number(w, "p999_ns", &l->p999_ns) < 0)
		return -EPROTO;
	return 0;
}

/* The histogram that the line continues or begins; NULL: there are too many. */
static struct rzst_histogram *histogram_of_line(struct rzst_histograms *out, const char *op)
{
	struct rzst_histogram *h = out->nr ? &out->v[out->nr - 1] : NULL;

	if (h && strcmp(h->op, op) == 0)
		return h;
	if (rzst_histogram_of(out, op) || out->nr == RZS_LATENCY_INFO_MAX)
		return NULL;
	h = &out->v[out->nr++];
	return take_text(h->op, sizeof(h->op), op) < 0 ? NULL : h;
}

/* LE_NS=COUNT; other words are ignored. */
static int take_bucket(struct rzst_histogram *h, const char *word)
{
	size_t len = strspn(word, "0123456789");
	struct rzst_bucket b;
	char le[24];

	if (len == 0 || word[len] != '=')
		return 0;
	if (len >= sizeof(le) || h->nr == BUCKETS_MAX)
		return -EPROTO;
	memcpy(le, word, len);
	le[len] = '\0';
	if (rzst_number_parse(le, &b.le_ns) < 0 ||
	    rzst_number_parse(word + len + 1, &b.count) < 0 ||
	    (h->nr && b.le_ns <= h->v[h->nr - 1].le_ns) || b.count > UINT64_MAX - h->count)
		return -EPROTO;
	h->v = rzst_grow(h->v, h->nr, sizeof(*h->v));
	h->v[h->nr++] = b;
	h->count += b.count;
	return 0;
}

static int histogram_line(void *arg, const struct rzs_ctl_words *w)
{
	struct rzst_histogram *h = histogram_of_line(arg, w->word[0]);
	int err = h ? 0 : -EPROTO;

	if (h && rzs_ctl_value(w, 1, "sum_ns"))
		err = take_number(w, "sum_ns", &h->sum_ns);
	for (unsigned i = 1; err == 0 && i < w->nr; i++)
		err = take_bucket(h, w->word[i]);
	return err;
}

/* ---- questions ---- */

static int ask(struct rzst_backend *b, const char *verb, const char *name,
	       int (*line)(void *arg, const struct rzs_ctl_words *words), void *arg)
{
	const char *words[] = {verb, name};

	return rzst_wire_ask(wire_of(b), words, name ? 2 : 1, line, arg);
}

static int get_server(struct rzst_backend *b, struct rzst_server_info *out)
{
	int err;

	memset(out, 0, sizeof(*out));
	err = ask(b, "server", NULL, server_line, out);
	if (err < 0) {
		memset(out, 0, sizeof(*out));
		return err;
	}
	snprintf(out->program, sizeof(out->program), "%s", wire_of(b)->program);
	snprintf(out->version, sizeof(out->version), "%s", wire_of(b)->version);
	return 0;
}

static int get_list(struct rzst_backend *b, struct rzst_device_infos *out)
{
	int err;

	memset(out, 0, sizeof(*out));
	err = ask(b, "list", NULL, list_line, out);
	if (err < 0)
		rzst_device_infos_free(out);
	return err;
}

static int get_describe(struct rzst_backend *b, struct rzst_stat_infos *out)
{
	int err;

	memset(out, 0, sizeof(*out));
	err = ask(b, "describe", NULL, describe_line, out);
	if (err < 0)
		rzst_stat_infos_free(out);
	return err;
}

static int get_process(struct rzst_backend *b, struct rzst_values *out,
		       struct rzst_texts *protections)
{
	struct process_out both = {out, protections};
	int err;

	memset(out, 0, sizeof(*out));
	memset(protections, 0, sizeof(*protections));
	err = ask(b, "process", NULL, process_line, &both);
	if (err < 0) {
		rzst_values_free(out);
		rzst_texts_free(protections);
	}
	return err;
}

static int get_stats(struct rzst_backend *b, const char *name, struct rzst_values *out)
{
	int err;

	memset(out, 0, sizeof(*out));
	err = ask(b, "stats", name, value_line, out);
	if (err < 0)
		rzst_values_free(out);
	return err;
}

static int get_latency(struct rzst_backend *b, const char *name, struct rzst_latency_infos *out)
{
	int err;

	memset(out, 0, sizeof(*out));
	err = ask(b, "latency", name, latency_line, out);
	if (err < 0)
		out->nr = 0;
	return err;
}

/* An older server answers that there is no such verb. */
static int get_histograms(struct rzst_backend *b, const char *name, struct rzst_histograms *out)
{
	int err;

	memset(out, 0, sizeof(*out));
	err = ask(b, "buckets", name, histogram_line, out);
	if (err < 0)
		rzst_histograms_free(out);
	return err == -EINVAL ? 0 : err;
}

static int get_params(struct rzst_backend *b, const char *name, struct rzst_texts *out)
{
	int err;

	memset(out, 0, sizeof(*out));
	err = ask(b, "params", name, text_line, out);
	if (err < 0)
		rzst_texts_free(out);
	return err;
}

/* ---- orders ---- */

static int order(struct rzst_backend *b, const char *verb, const char *name,
		 const char *const *settings, unsigned nr)
{
	const char *words[RZS_CTL_WORDS_MAX + 1] = {verb, name};

	/* At most one too many: that is enough to be refused with a message. */
	for (unsigned i = 0; i < nr && i + 2 < RZS_CTL_WORDS_MAX + 1; i++)
		words[i + 2] = settings[i];
	if (nr > RZS_CTL_WORDS_MAX - 1)
		nr = RZS_CTL_WORDS_MAX - 1;
	return rzst_wire_ask(wire_of(b), words, nr + 2, no_line, NULL);
}

static int order_create(struct rzst_backend *b, const char *name, const char *const *settings,
			unsigned nr)
{
	return order(b, "create", name, settings, nr);
}

static int order_set(struct rzst_backend *b, const char *name, const char *const *settings,
		     unsigned nr)
{
	return order(b, "set", name, settings, nr);
}

static int order_compact(struct rzst_backend *b, const char *name)
{
	return order(b, "compact", name, NULL, 0);
}

static int order_init(struct rzst_backend *b, const char *name)
{
	return order(b, "init", name, NULL, 0);
}

static int order_reset(struct rzst_backend *b, const char *name)
{
	return order(b, "reset", name, NULL, 0);
}

static int order_remove(struct rzst_backend *b, const char *name)
{
	return order(b, "remove", name, NULL, 0);
}

static int order_idle(struct rzst_backend *b, const char *name)
{
	return order(b, "idle", name, NULL, 0);
}

static int order_upgrade(struct rzst_backend *b)
{
	return ask(b, "upgrade", NULL, no_line, NULL);
}

static void socket_rest(struct rzst_backend *b)
{
	rzst_wire_close(wire_of(b));
}

static void socket_close(struct rzst_backend *b)
{
	rzst_wire_close(wire_of(b));
	free(b);
}

static const struct rzst_backend_ops socket_ops = {
	.server = get_server,
	.list = get_list,
	.describe = get_describe,
	.process = get_process,
	.stats = get_stats,
	.latency = get_latency,
	.histograms = get_histograms,
	.params = get_params,
	.create = order_create,
	.set = order_set,
	.compact = order_compact,
	.init = order_init,
	.reset = order_reset,
	.remove = order_remove,
	.idle = order_idle,
	.upgrade = order_upgrade,
	.rest = socket_rest,
	.close = socket_close,
};

int rzst_socket_open(const char *path, unsigned timeout, struct rzst_backend **out, char *why,
		     size_t why_size)
{
	struct socket_backend *s = calloc(1, sizeof(*s));
	int err;

	*out = NULL;
	if (!s) {
		snprintf(why, why_size, "no memory");
		return -ENOMEM;
	}
	s->base.ops = &socket_ops;
	if (strlen(path) >= sizeof(s->base.where)) {
		snprintf(why, why_size, "a path of more than %u bytes", RZST_PATH_MAX - 1);
		free(s);
		return -ENAMETOOLONG;
	}
	memcpy(s->base.where, path, strlen(path) + 1);
	rzst_wire_init(&s->wire, s->base.where, timeout, s->base.why, sizeof(s->base.why));
	err = rzst_wire_connect(&s->wire);
	if (err < 0) {
		snprintf(why, why_size, "%s", s->base.why);
		socket_close(&s->base);
		return err;
	}
	*out = &s->base;
	return 0;
}
