/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that change nothing: list, process, params. */
#include <string.h>

#include "rzsc_find.h"
#include "rzst_json.h"
#include "rzsc_show.h"
#include "rzsc_stats.h"

void rzsc_show_server(struct rzst_json *j, const struct rzsc_found_server *s)
{
	bool kernel = s->backend->of_kernel;

	rzst_json_text(j, "socket", kernel ? NULL : s->backend->where);
	rzst_json_text(j, "program", s->info.program);
	rzst_json_text(j, "version", kernel && !*s->info.version ? NULL : s->info.version);
	if (kernel)
		rzst_json_null(j, "pid");
	else
		rzst_json_number(j, "pid", s->info.pid);
	rzst_json_text(j, "nbd_socket", *s->info.socket ? s->info.socket : NULL);
}

void rzsc_show_number(struct rzst_json *j, const char *key, bool known, uint64_t value)
{
	if (known)
		rzst_json_number(j, key, value);
	else
		rzst_json_null(j, key);
}

void rzsc_show_values(struct rzst_json *j, const char *key, const struct rzst_values *values)
{
	rzst_json_object(j, key);
	for (size_t i = 0; i < values->nr; i++)
		rzst_json_number(j, values->v[i].name, values->v[i].value);
	rzst_json_object_end(j);
}

void rzsc_show_texts(struct rzst_json *j, const char *key, const struct rzst_texts *texts)
{
	rzst_json_object(j, key);
	for (size_t i = 0; i < texts->nr; i++)
		rzst_json_text(j, texts->v[i].name, texts->v[i].text);
	rzst_json_object_end(j);
}

/* ---- list ---- */

static void list_json_device(struct rzst_json *j, const struct rzst_device_info *d,
			     const struct rzsc_nbd *nbd)
{
	/* The driver reports sizes only of an initialised device. */
	bool unknown = d->of_kernel && !d->ready;

	rzst_json_object(j, NULL);
	rzst_json_text(j, "name", d->name);
	rzst_json_bool(j, "ready", d->ready);
	rzsc_show_number(j, "size_bytes", !unknown, d->size);
	rzsc_show_number(j, "memlimit_bytes", !unknown, d->memlimit);
	rzst_json_text(j, "algorithm", *d->algorithm || !d->of_kernel ? d->algorithm : NULL);
	rzsc_show_number(j, "connections", !d->of_kernel, d->connections);
	rzsc_show_number(j, "holder", d->held, d->holder);
	rzst_json_text(j, "swap_uuid", *d->swap_uuid ? d->swap_uuid : NULL);
	rzst_json_number(j, "stored_bytes", d->stored);
	rzst_json_number(j, "mem_bytes", d->mem);
	if (d->of_kernel)
		rzst_json_text(j, "backing_swap", *d->backing_swap ? d->backing_swap : NULL);
	rzst_json_text(j, "attached", nbd ? nbd->device : NULL);
	rzst_json_object_end(j);
}

static void list_json(const struct rzsc_servers *all, const struct rzsc_nbds *nbds)
{
	struct rzst_json j;

	rzst_json_begin(&j, stdout);
	rzst_json_array(&j, "servers");
	for (size_t i = 0; i < all->nr; i++) {
		const struct rzsc_found_server *s = &all->v[i];

		rzst_json_object(&j, NULL);
		rzsc_show_server(&j, s);
		rzst_json_array(&j, "devices");
		for (size_t k = 0; k < s->devices.nr; k++) {
			const struct rzst_device_info *d = &s->devices.v[k];

			list_json_device(&j, d, rzsc_nbds_of(nbds, &s->info, d, s->devices.nr));
		}
		rzst_json_array_end(&j);
		rzst_json_object_end(&j);
	}
	rzst_json_array_end(&j);
	rzst_json_end(&j);
}

static const char *bytes_or(uint64_t bytes, const char *none, char out[RZST_HUMAN_MAX])
{
	return bytes ? rzst_human_bytes(bytes, out) : none;
}

static void list_device(const struct rzst_device_info *d, const struct rzsc_nbd *nbd,
			const char *server)
{
	char size[RZST_HUMAN_MAX], limit[RZST_HUMAN_MAX], stored[RZST_HUMAN_MAX],
		mem[RZST_HUMAN_MAX];
	const char *attached = nbd ? nbd->device : "-";
	const char *no_limit = d->of_kernel && !d->ready ? "-" : "none";
	char clients[24] = "-";

	if (!d->of_kernel)
		snprintf(clients, sizeof(clients), "%llu", (unsigned long long)d->connections);
	printf("%-10s %-5s %7s %7s %-9s %7s %7s %7s ", d->name, d->ready ? "ready" : "off",
	       bytes_or(d->size, "-", size), bytes_or(d->memlimit, no_limit, limit),
	       *d->algorithm ? d->algorithm : "-", clients, rzst_human_bytes(d->stored, stored),
	       rzst_human_bytes(d->mem, mem));
	if (server)
		printf("%-11s %s\n", attached, server);
	else
		puts(attached);
}

/* 80 columns wide, unless there are several servers, whose names come last. */
static void list_text(const struct rzsc_servers *all, const struct rzsc_nbds *nbds)
{
	bool several = all->nr > 1;

	printf("%-10s %-5s %7s %7s %-9s %7s %7s %7s %s\n", "DEVICE", "STATE", "SIZE", "LIMIT",
	       "ALGORITHM", "CLIENTS", "STORED", "RAM",
	       several ? "ATTACHED    SERVER" : "ATTACHED");
	for (size_t i = 0; i < all->nr; i++) {
		const struct rzsc_found_server *s = &all->v[i];

		for (size_t k = 0; k < s->devices.nr; k++) {
			const struct rzst_device_info *d = &s->devices.v[k];

			list_device(d, rzsc_nbds_of(nbds, &s->info, d, s->devices.nr),
				    several ? s->backend->where : NULL);
		}
	}
}

int rzsc_cmd_list(const struct rzsc_options *o)
{
	struct rzsc_servers all;
	struct rzsc_nbds nbds;
	int code = rzsc_servers_find(o, &all);

	if (code == RZS_EXIT_DONE) {
		rzsc_nbds_read(&nbds);
		(o->json ? list_json : list_text)(&all, &nbds);
		rzsc_nbds_free(&nbds);
	}
	rzsc_servers_free(&all);
	return code;
}

/* ---- process ---- */

static void process_text(const struct rzsc_found_server *s, const struct rzst_values *values,
			 const struct rzst_texts *protections)
{
	printf("%s: %s %s, process %llu\n", s->backend->where, s->info.program, s->info.version,
	       (unsigned long long)s->info.pid);
	for (size_t i = 0; i < values->nr; i++)
		printf("  %-24s %llu\n", values->v[i].name, (unsigned long long)values->v[i].value);
	for (size_t i = 0; i < protections->nr; i++)
		printf("  protect %-16s %s\n", protections->v[i].name, protections->v[i].text);
}

static int process_of(const struct rzsc_found_server *s, struct rzst_json *j)
{
	struct rzst_values values;
	struct rzst_texts protections;
	int err = s->backend->ops->process(s->backend, &values, &protections);

	if (err < 0)
		return rzst_fail(rzst_exit(err), "%s", s->backend->why);
	if (j) {
		rzst_json_object(j, NULL);
		rzsc_show_server(j, s);
		rzsc_show_values(j, "stats", &values);
		rzsc_show_texts(j, "protections", &protections);
		rzst_json_object_end(j);
	} else {
		process_text(s, &values, &protections);
	}
	rzst_values_free(&values);
	rzst_texts_free(&protections);
	return RZS_EXIT_DONE;
}

int rzsc_cmd_process(const struct rzsc_options *o)
{
	struct rzsc_servers all;
	struct rzst_json j;
	int code = rzsc_servers_find(o, &all);

	if (code == RZS_EXIT_DONE && all.nr == 1 && all.v[0].backend->of_kernel)
		code = rzst_fail(RZS_EXIT_NONE,
				 "no server answers; the kernel module's devices have no process");
	if (code == RZS_EXIT_DONE && o->json) {
		rzst_json_begin(&j, stdout);
		rzst_json_array(&j, "servers");
	}
	for (size_t i = 0; code == RZS_EXIT_DONE && i < all.nr; i++)
		if (!all.v[i].backend->of_kernel)
			code = process_of(&all.v[i], o->json ? &j : NULL);
	if (code == RZS_EXIT_DONE && o->json) {
		rzst_json_array_end(&j);
		rzst_json_end(&j);
	}
	rzsc_servers_free(&all);
	return code;
}

/* ---- params ---- */

int rzsc_cmd_params(const struct rzsc_options *o)
{
	struct rzst_texts params;
	struct rzsc_found found;
	struct rzst_backend *b;
	struct rzst_json j;
	int err, code = rzsc_device_find(o, o->device, &found);

	if (code != RZS_EXIT_DONE)
		goto out;
	b = found.server->backend;
	err = b->ops->params(b, found.name, &params);
	if (err < 0) {
		code = rzst_fail(rzst_exit(err), "%s", b->why);
		goto out;
	}
	if (o->json) {
		rzst_json_begin(&j, stdout);
		rzst_json_text(&j, "device", found.name);
		rzst_json_text(&j, "socket", b->of_kernel ? NULL : b->where);
		rzsc_show_texts(&j, "params", &params);
		rzst_json_end(&j);
	}
	for (size_t i = 0; !o->json && i < params.nr; i++)
		printf("%s=%s\n", params.v[i].name, params.v[i].text);
	rzst_texts_free(&params);
out:
	rzsc_found_free(&found);
	return code;
}
