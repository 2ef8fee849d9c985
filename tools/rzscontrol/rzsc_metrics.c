/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command metrics: gather, print, and put in place of the file that was there. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rzsc_find.h"
#include "rzsc_metrics.h"
#include "rzst_files.h"

/* ---- gathering ---- */

static int gather_device(struct rzsc_found_server *s, const struct rzst_device_info *d,
			 const struct rzsc_nbds *nbds, struct rzsc_metrics *m)
{
	const struct rzsc_nbd *nbd = rzsc_nbds_of(nbds, &s->info, d, s->devices.nr);
	struct rzsc_metric_device *out;
	int err = 0;

	m->devices = rzst_grow(m->devices, m->nr_devices, sizeof(*m->devices));
	out = &m->devices[m->nr_devices++];
	memset(out, 0, sizeof(*out));
	out->socket = s->backend->where;
	out->info = *d;
	if (d->ready)
		err = s->backend->ops->stats(s->backend, d->name, &out->stats);
	if (d->ready && err == 0)
		err = s->backend->ops->latency(s->backend, d->name, &out->latency);
	if (d->ready && err == 0)
		err = s->backend->ops->histograms(s->backend, d->name, &out->histograms);
	if (err < 0)
		return rzst_fail(rzst_exit(err), "%s", s->backend->why);
	out->stale_known = nbd && nbd->swapped_to && d->ready;
	if (out->stale_known)
		out->stale = rzsc_nbd_stale(nbd, d->stored);
	return RZS_EXIT_DONE;
}

/* Adds those that no earlier server has described. */
static void add_table(struct rzst_stat_infos *table, const struct rzst_stat_infos *more)
{
	size_t before = table->nr;

	for (size_t i = 0; i < more->nr; i++) {
		size_t k;

		for (k = 0; k < before; k++)
			if (table->v[k].of_device == more->v[i].of_device &&
			    strcmp(table->v[k].name, more->v[i].name) == 0)
				break;
		if (k < before)
			continue;
		table->v = rzst_grow(table->v, table->nr, sizeof(*table->v));
		table->v[table->nr++] = more->v[i];
	}
}

static int gather_all_of(struct rzsc_found_server *s, const struct rzsc_nbds *nbds,
			 struct rzsc_metric_server *out, struct rzsc_metrics *m)
{
	struct rzst_stat_infos table;
	int code = RZS_EXIT_DONE, err = s->backend->ops->describe(s->backend, &table);

	if (err == 0) {
		add_table(&m->table, &table);
		rzst_stat_infos_free(&table);
		err = s->backend->ops->process(s->backend, &out->process, &out->protections);
	}
	if (err < 0)
		return rzst_fail(rzst_exit(err), "%s", s->backend->why);
	for (size_t i = 0; code == RZS_EXIT_DONE && i < s->devices.nr; i++)
		code = gather_device(s, &s->devices.v[i], nbds, m);
	return code;
}

static void drop_devices(struct rzsc_metrics *m, size_t from)
{
	while (m->nr_devices > from) {
		struct rzsc_metric_device *d = &m->devices[--m->nr_devices];

		rzst_values_free(&d->stats);
		rzst_histograms_free(&d->histograms);
	}
}

/* A server that fails half way is not up, and has no devices in the text. */
static int gather_server(struct rzsc_found_server *s, const struct rzsc_nbds *nbds,
			 struct rzsc_metrics *m)
{
	size_t nr_devices = m->nr_devices;
	struct rzsc_metric_server *out;
	int code;

	m->servers = rzst_grow(m->servers, m->nr_servers, sizeof(*m->servers));
	out = &m->servers[m->nr_servers++];
	memset(out, 0, sizeof(*out));
	out->socket = s->backend->where;
	code = gather_all_of(s, nbds, out, m);
	out->up = code == RZS_EXIT_DONE;
	if (!out->up) {
		rzst_values_free(&out->process);
		rzst_texts_free(&out->protections);
		drop_devices(m, nr_devices);
	}
	return code;
}

static int gather(struct rzsc_servers *all, struct rzsc_metrics *m)
{
	struct rzsc_nbds nbds;
	int code = RZS_EXIT_DONE;

	rzsc_nbds_read(&nbds);
	for (size_t i = 0; i < all->nr; i++) {
		int failed = gather_server(&all->v[i], &nbds, m);

		if (code == RZS_EXIT_DONE)
			code = failed;
	}
	rzsc_nbds_free(&nbds);
	return code;
}

static void metrics_free(struct rzsc_metrics *m)
{
	for (size_t i = 0; i < m->nr_servers; i++) {
		rzst_values_free(&m->servers[i].process);
		rzst_texts_free(&m->servers[i].protections);
	}
	drop_devices(m, 0);
	rzst_stat_infos_free(&m->table);
	free(m->servers);
	free(m->devices);
	memset(m, 0, sizeof(*m));
}

/* No server answers.  That is written too, so that an old file is not taken for the present. */
static void nobody_is_up(const struct rzsc_options *o, struct rzsc_metrics *m)
{
	m->servers = rzst_grow(NULL, 0, sizeof(*m->servers));
	m->nr_servers = 1;
	m->servers[0] = (struct rzsc_metric_server){
		.socket = o->socket ? o->socket : "/run/rzs/control.sock",
	};
}

/* ---- the file ---- */

static int cannot(const char *what, const char *path, int err)
{
	return rzst_fail(RZS_EXIT_FAILED, "--output %s: cannot %s: %s", path, what, strerror(-err));
}

/* For a terminal, a pipe, /dev/null and the like, which must not be replaced. */
static int write_in_place(const char *path, const struct rzsc_metrics *m)
{
	/* Without O_NONBLOCK opening a pipe that nobody reads would wait. */
	int fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), err = 0;
	struct stat st;
	FILE *f;

	if (fd < 0)
		return cannot(errno == ENXIO ? "write, as nobody reads it" : "open", path, -errno);
	if (fstat(fd, &st) < 0 || !(S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode))) {
		close(fd);
		return rzst_fail(RZS_EXIT_FAILED, "--output %s: changed meanwhile", path);
	}
	/* A slow reader is waited for. */
	f = fcntl(fd, F_SETFL, 0) < 0 ? NULL : fdopen(fd, "w");
	if (!f) {
		err = -errno;
		close(fd);
		return cannot("open", path, err);
	}
	rzsc_metrics_print(f, m);
	if (fflush(f) != 0)
		err = -errno;
	if (fclose(f) != 0 && !err)
		err = -errno;
	return err ? cannot("write", path, err) : RZS_EXIT_DONE;
}

/* The name beside it does not end in .prom, so that the collector does not read it. */
static int replace_file(const char *path, const struct rzsc_metrics *m)
{
	struct rzst_new_file file;
	int err = rzst_new_file_open(&file, path);

	if (err)
		return cannot("make a file beside it", path, err);
	rzsc_metrics_print(file.f, m);
	/* For the collector's user; nothing in it is secret. */
	if (fchmod(fileno(file.f), 0644) < 0)
		err = -errno;
	err = rzst_new_file_close(&file, err, true);
	return err ? cannot("write", path, err) : RZS_EXIT_DONE;
}

/* Only a regular file is replaced; of a link, its target. */
static int write_file(const char *path, const struct rzsc_metrics *m)
{
	char *real;
	struct stat st;
	int code;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? replace_file(path, m) : cannot("look at it", path, -errno);
	if (stat(path, &st) < 0)
		return cannot("follow it", path, -errno);
	if (S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode))
		return write_in_place(path, m);
	if (!S_ISREG(st.st_mode))
		return rzst_fail(RZS_EXIT_FAILED,
				 "--output %s: %s; name a file, and nothing was written", path,
				 S_ISDIR(st.st_mode)   ? "a directory"
				 : S_ISBLK(st.st_mode) ? "a block device"
						       : "a socket");
	real = realpath(path, NULL);
	if (!real)
		return cannot("follow it", path, -errno);
	code = replace_file(real, m);
	free(real);
	return code;
}

int rzsc_cmd_metrics(const struct rzsc_options *o)
{
	struct rzsc_metrics m;
	struct rzsc_servers all;
	int code, written = RZS_EXIT_DONE;

	memset(&m, 0, sizeof(m));
	code = rzsc_servers_find(o, &all);
	if (code == RZS_EXIT_DONE)
		code = gather(&all, &m);
	else
		nobody_is_up(o, &m);
	if (o->output)
		written = write_file(o->output, &m);
	else
		rzsc_metrics_print(stdout, &m);
	metrics_free(&m);
	rzsc_servers_free(&all);
	return code != RZS_EXIT_DONE ? code : written;
}
