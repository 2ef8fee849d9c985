/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See rzst_kernel.h.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ramzswap_ioctl.h"
#include "rzst_kernel.h"
#include "rzst_kernel_idle.h"
#include "rzst_kernel_merge.h"
#include "rzst_kernel_node.h"
#include "rzst_kernel_stats.h"
#include "rzst_swaps.h"
#include "size.h"

#define PAGE_SIZE     4096u /* of the store, whatever the kernel's */
#define ALGORITHM_MAX 32u

#define RESET_AGAIN    5 /* times, after EBUSY */
#define RESET_PAUSE_NS 100000000

struct kernel_backend {
	struct rzst_backend base;
	char only[RZST_NAME_MAX]; /* empty: all */
	char path[RZST_PATH_MAX]; /* of that one */
};

bool rzst_kernel_is_name(const char *text, unsigned *out_number)
{
	uint64_t n;

	*out_number = 0;
	if (strncmp(text, "ramzswap", 8) != 0 || rzst_number_parse(text + 8, &n) < 0 || n > 9999)
		return false;
	*out_number = (unsigned)n;
	return true;
}

bool rzst_kernel_is_path(const char *text)
{
	char path[RZST_PATH_MAX];
	unsigned number;
	struct stat st;

	if (strncmp(text, "/dev/", 5) == 0 && rzst_kernel_is_name(text + 5, &number))
		return true;
	return strchr(text, '/') && rzst_path(path, sizeof(path), text) == 0 &&
	       stat(path, &st) == 0 && S_ISBLK(st.st_mode);
}

/* ---- asking ---- */

/* Send one ioctl to one device, which is opened for it. */
static int ask(struct rzst_backend *b, const char *name, unsigned long request, void *argument)
{
	const struct kernel_backend *k = (const struct kernel_backend *)b;
	char path[RZST_PATH_MAX], is[RZST_NAME_MAX];
	int fd, err;

	snprintf(path, sizeof(path), "/dev/%s", name);
	fd = rzst_node_open(*k->only ? k->path : path, is, b->why);
	if (fd < 0)
		return fd;
	if (strcmp(is, name) != 0) {
		snprintf(b->why, sizeof(b->why),
			 "%.600s: this is %s, not %s; nothing was done to it",
			 *k->only ? k->path : path, is, name);
		err = -EINVAL;
	} else {
		err = rzst_node_ask(fd, name, request, argument, b->why);
	}
	close(fd);
	return err;
}

/* By sysfs, or of a driver that is too old for that by ioctl. */
static int get(struct rzst_backend *b, const char *name, struct rzst_values *out,
	       char backing[RZST_BACKING_MAX])
{
	struct ramzswap_ioctl_stats s;
	int err = rzst_kernel_stats_read(name, out, backing);

	if (err == -ENODEV)
		snprintf(b->why, sizeof(b->why), "%s: not initialised, there are no statistics",
			 name);
	if (err == 0 || err == -ENODEV)
		return err;
	memset(&s, 0, sizeof(s));
	err = ask(b, name, RZSIO_GET_STATS, &s);
	if (err == 0)
		rzst_kernel_stats_of_ioctl(&s, out, backing);
	return err;
}

/* ---- the driver ---- */

/* Empty: not known. */
static void algorithm_of(const char *name, char out[ALGORITHM_MAX])
{
	char path[RZST_PATH_MAX], line[256];

	snprintf(path, sizeof(path), "/sys/block/%s/comp_algorithm", name);
	(void)rzst_first_line(path, line, sizeof(line));
	snprintf(out, ALGORITHM_MAX, "%.*s", (int)ALGORITHM_MAX - 1, rzst_chosen(line));
}

static int get_server(struct rzst_backend *b, struct rzst_server_info *out)
{
	(void)b;
	memset(out, 0, sizeof(*out));
	snprintf(out->program, sizeof(out->program), "ramzswap.ko");
	(void)rzst_first_line("/sys/module/ramzswap/version", out->version, sizeof(out->version));
	return 0;
}

/* ---- devices ---- */

static int add_device(struct rzst_backend *b, const char *name, struct rzst_device_infos *out)
{
	char backing[RZST_BACKING_MAX];
	struct rzst_values values;
	struct rzst_device_info *d;
	int err = get(b, name, &values, backing);

	if (err < 0 && err != -ENODEV)
		return err;
	out->v = rzst_grow(out->v, out->nr, sizeof(*out->v));
	d = &out->v[out->nr++];
	memset(d, 0, sizeof(*d));
	snprintf(d->name, sizeof(d->name), "%s", name);
	d->of_kernel = true;
	d->ready = err == 0;
	algorithm_of(name, d->algorithm);
	if (!d->ready)
		return 0;
	d->size = rzst_value_of(&values, "nr_pages", NULL) * PAGE_SIZE;
	d->memlimit = rzst_value_of(&values, "limit_bytes", NULL);
	d->stored = rzst_value_of(&values, "orig_bytes", NULL);
	d->mem = rzst_value_of(&values, "mem_bytes", NULL);
	snprintf(d->backing_swap, sizeof(d->backing_swap), "%s", backing);
	rzst_values_free(&values);
	return 0;
}

static int by_value(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

	return x < y ? -1 : x > y;
}

/* Numbers of all in sysfs, in their order; to be freed. */
static unsigned *all_numbers(size_t *nr)
{
	char block[RZST_PATH_MAX];
	unsigned *numbers = NULL, number;
	struct dirent *e;
	DIR *dir = NULL;

	*nr = 0;
	if (rzst_path(block, sizeof(block), "/sys/block") == 0)
		dir = opendir(block);
	while (dir && (e = readdir(dir)) != NULL)
		if (rzst_kernel_is_name(e->d_name, &number)) {
			numbers = rzst_grow(numbers, *nr, sizeof(*numbers));
			numbers[(*nr)++] = number;
		}
	if (dir)
		closedir(dir);
	if (*nr)
		qsort(numbers, *nr, sizeof(*numbers), by_value);
	return numbers;
}

static int get_list(struct rzst_backend *b, struct rzst_device_infos *out)
{
	const struct kernel_backend *k = (const struct kernel_backend *)b;
	char name[RZST_NAME_MAX];
	unsigned *numbers;
	int err = 0;
	size_t nr;

	memset(out, 0, sizeof(*out));
	if (*k->only)
		return add_device(b, k->only, out);
	numbers = all_numbers(&nr);
	for (size_t i = 0; err == 0 && i < nr; i++) {
		snprintf(name, sizeof(name), "ramzswap%u", numbers[i]);
		err = add_device(b, name, out);
		/* Gone since, or not for this container: no reason to hide the others. */
		if (err == -ENOENT)
			err = 0;
	}
	free(numbers);
	if (err < 0)
		rzst_device_infos_free(out);
	return err;
}

/* ---- statistics ---- */

static int get_describe(struct rzst_backend *b, struct rzst_stat_infos *out)
{
	(void)b;
	rzst_kernel_stats_describe(out);
	return 0;
}

static int get_stats(struct rzst_backend *b, const char *name, struct rzst_values *out)
{
	char backing[RZST_BACKING_MAX];

	return get(b, name, out, backing);
}

/* There is no process, and the driver measures no times. */
static int get_process(struct rzst_backend *b, struct rzst_values *out,
		       struct rzst_texts *protections)
{
	(void)b;
	memset(out, 0, sizeof(*out));
	memset(protections, 0, sizeof(*protections));
	return 0;
}

static int get_latency(struct rzst_backend *b, const char *name, struct rzst_latency_infos *out)
{
	(void)b;
	(void)name;
	memset(out, 0, sizeof(*out));
	return 0;
}

static int get_histograms(struct rzst_backend *b, const char *name, struct rzst_histograms *out)
{
	(void)b, (void)name;
	memset(out, 0, sizeof(*out));
	return 0;
}

/* Before it is initialised they are empty, as if undecided. */
static int get_params(struct rzst_backend *b, const char *name, struct rzst_texts *out)
{
	char size[32] = "", limit[32] = "", algorithm[ALGORITHM_MAX], backing[RZST_BACKING_MAX];
	struct rzst_values values;
	int err = get(b, name, &values, backing);

	memset(out, 0, sizeof(*out));
	if (err < 0 && err != -ENODEV)
		return err;
	if (err == 0) {
		snprintf(size, sizeof(size), "%llu",
			 (unsigned long long)rzst_value_of(&values, "nr_pages", NULL) * PAGE_SIZE);
		snprintf(limit, sizeof(limit), "%llu",
			 (unsigned long long)rzst_value_of(&values, "limit_bytes", NULL));
	}
	rzst_values_free(&values);
	rzst_texts_add(out, "size", size);
	rzst_texts_add(out, "memlimit", limit);
	rzst_texts_add(out, "backing_swap", backing);
	algorithm_of(name, algorithm);
	if (*algorithm)
		rzst_texts_add(out, "algorithm", algorithm);
	rzst_kernel_merge_params(name, out);
	rzst_kernel_idle_params(name, out);
	return 0;
}

/* ---- orders ---- */

static int refuse(struct rzst_backend *b, int err, const char *name, const char *text)
{
	snprintf(b->why, sizeof(b->why), "%s: %s", name, text);
	return err;
}

static int set_number(struct rzst_backend *b, const char *name, unsigned long request,
		      const char *setting, const char *text)
{
	char why[400];
	const char *what;
	__kernel_size_t kb;
	uint64_t n;
	int err = rzs_size_parse(text, 0, &n, &what);

	kb = (__kernel_size_t)(n / 1024);
	if (err < 0 || n % 1024 || kb != n / 1024) {
		snprintf(why, sizeof(why),
			 "%s: expected bytes, a multiple of 1024 that is not too large, such as "
			 "65536, 64M or 1G",
			 setting);
		return refuse(b, -EINVAL, name, why);
	}
	return ask(b, name, request, &kb);
}

static int set_backing(struct rzst_backend *b, const char *name, const char *path)
{
	unsigned char argument[RZS_MAX_BACKING_NAME] = "";
	char why[200];

	if (!*path || strlen(path) >= sizeof(argument)) {
		snprintf(why, sizeof(why), "backing swap: expected a path of 1 to %zu bytes",
			 sizeof(argument) - 1);
		return refuse(b, -EINVAL, name, why);
	}
	memcpy(argument, path, strlen(path));
	return ask(b, name, RZSIO_SET_BACKING_SWAP, argument);
}

static int order_set(struct rzst_backend *b, const char *name, const char *const *settings,
		     unsigned nr)
{
	int err = 0;

	for (unsigned i = 0; err == 0 && i < nr; i++) {
		const char *s = settings[i], *value = strchr(s, '=') + 1;

		if (strncmp(s, "size=", 5) == 0)
			err = set_number(b, name, RZSIO_SET_DISKSIZE_KB, s, value);
		else if (strncmp(s, "memlimit=", 9) == 0)
			err = set_number(b, name, RZSIO_SET_MEMLIMIT_KB, s, value);
		else if (strncmp(s, "backing_swap=", 13) == 0)
			err = set_backing(b, name, value);
		else if (rzst_kernel_merge_is(s))
			err = rzst_kernel_merge_set(name, s, b->why, sizeof(b->why));
		else if (rzst_kernel_idle_is(s))
			err = rzst_kernel_idle_set(name, s, b->why, sizeof(b->why));
		else
			err = refuse(
				b, -EINVAL, name,
				"no such key; there are size, memlimit, backing_swap, merge-..., "
				"recompress... and idle-step");
	}
	return err;
}

static int order_init(struct rzst_backend *b, const char *name)
{
	return ask(b, name, RZSIO_INIT, NULL);
}

/*
 * udev has a look at a block device when it was initialised, or written and closed, and whoever has
 * it open makes it busy.
 */
static int order_reset(struct rzst_backend *b, const char *name)
{
	int err = ask(b, name, RZSIO_RESET, NULL);
	char path[RZST_NAME_MAX + 8];
	struct rzst_swap_area area;

	snprintf(path, sizeof(path), "/dev/%s", name);
	if (err == -EBUSY && rzst_swaps_find(path, &area) == 0)
		return err;
	for (unsigned i = 0; err == -EBUSY && i < RESET_AGAIN; i++) {
		const struct timespec pause = {.tv_nsec = RESET_PAUSE_NS};

		nanosleep(&pause, NULL);
		err = ask(b, name, RZSIO_RESET, NULL);
	}
	return err;
}

static int order_create(struct rzst_backend *b, const char *name, const char *const *settings,
			unsigned nr)
{
	(void)settings;
	(void)nr;
	return refuse(b, -EOPNOTSUPP, name,
		      "the module makes its devices when it is loaded: num_devices=N");
}

static int order_compact(struct rzst_backend *b, const char *name)
{
	return refuse(b, -EOPNOTSUPP, name, "the module compacts by itself");
}

static int order_remove(struct rzst_backend *b, const char *name)
{
	return refuse(b, -EOPNOTSUPP, name,
		      "stays until rmmod ramzswap; --reset frees what is in it");
}

static int order_idle(struct rzst_backend *b, const char *name)
{
	return rzst_kernel_idle_mark(name, b->why, sizeof(b->why));
}

static int order_upgrade(struct rzst_backend *b)
{
	return refuse(b, -EOPNOTSUPP, "upgrade", "the module is replaced by rmmod and modprobe");
}

static void kernel_rest(struct rzst_backend *b)
{
	(void)b;
}

static void kernel_close(struct rzst_backend *b)
{
	free(b);
}

static const struct rzst_backend_ops kernel_ops = {
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
	.rest = kernel_rest,
	.close = kernel_close,
};

/* ---- opening ---- */

static int find_all(char *why)
{
	size_t nr;

	free(all_numbers(&nr));
	if (nr)
		return 0;
	snprintf(why, RZS_NODE_WHY,
		 "there is no /dev/ramzswapN; modprobe ramzswap num_devices=N makes some");
	return -ENOENT;
}

static int find_one(struct kernel_backend *k, const char *device, char *why)
{
	int fd, n = snprintf(k->path, sizeof(k->path), "%s%s", strchr(device, '/') ? "" : "/dev/",
			     device);

	if (n < 0 || (size_t)n >= sizeof(k->path)) {
		snprintf(why, RZS_NODE_WHY, "a path of more than %u bytes", RZST_PATH_MAX - 1);
		return -EINVAL;
	}
	fd = rzst_node_open(k->path, k->only, why);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

int rzst_kernel_open(const char *device, struct rzst_backend **out, char *why, size_t why_size)
{
	struct kernel_backend *k = calloc(1, sizeof(*k));
	int err;

	*out = NULL;
	if (!k) {
		snprintf(why, why_size, "no memory");
		return -ENOMEM;
	}
	k->base.ops = &kernel_ops;
	k->base.of_kernel = true;
	snprintf(k->base.where, sizeof(k->base.where), "kernel");
	err = device ? find_one(k, device, k->base.why) : find_all(k->base.why);
	if (err < 0) {
		snprintf(why, why_size, "%s", k->base.why);
		free(k);
		return err;
	}
	*out = &k->base;
	return 0;
}
