/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See rzst_kernel_node.h.
 * Circle: rzst_kernel says which names are those of the module's devices.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "ramzswap_ioctl.h"
#include "rzst_kernel.h"
#include "rzst_kernel_node.h"

/* ---- opening ---- */

static int no_device(const char *path, char *why)
{
	char module[RZST_PATH_MAX];
	bool loaded = rzst_path(module, sizeof(module), "/sys/module/ramzswap") == 0 &&
		      access(module, F_OK) == 0;

	if (loaded)
		snprintf(why, RZS_NODE_WHY,
			 "%s: there is no such device; 'rzscontrol list' shows those there are.  "
			 "For more, reload the module: rmmod ramzswap; modprobe ramzswap "
			 "num_devices=N",
			 path);
	else
		snprintf(why, RZS_NODE_WHY,
			 "%s: there is no such device, the module is not loaded; modprobe ramzswap "
			 "num_devices=N loads it",
			 path);
	return -ENOENT;
}

static int cannot_open(const char *path, int error, char *why)
{
	switch (error) {
	case ENOENT:
	case ENXIO: /* the node is there, the device is not */
	case ENODEV:
		return no_device(path, why);
	case EACCES:
	case EPERM:
		snprintf(why, RZS_NODE_WHY, "%s: only root may open it", path);
		return -error;
	case EBUSY:
		snprintf(why, RZS_NODE_WHY, "%s: busy, it is being reset; try again", path);
		return -error;
	default:
		snprintf(why, RZS_NODE_WHY, "%s: cannot open: %s", path, strerror(error));
		return -error;
	}
}

static int not_ours(const char *path, const char *what, const char *is, char *why)
{
	snprintf(why, RZS_NODE_WHY,
		 "%.600s: not a device of ramzswap, %s%.64s; nothing was done to it.  "
		 "'rzscontrol list' shows those there are",
		 path, what, is);
	return -EINVAL;
}

/*
 * By device number, not by path: the node may have any name, and may be older than the module.
 */
static int identify(int fd, const char *path, char name[RZST_NAME_MAX], char *why)
{
	char link[RZST_PATH_MAX], text[64], target[RZST_PATH_MAX];
	unsigned number;
	struct stat st;
	const char *is;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return cannot_open(path, errno, why);
	if (!S_ISBLK(st.st_mode))
		return not_ours(path, "nor any block device", "", why);
	snprintf(text, sizeof(text), "/sys/dev/block/%u:%u", major(st.st_rdev), minor(st.st_rdev));
	if (rzst_path(link, sizeof(link), text) < 0)
		return cannot_open(path, ENAMETOOLONG, why);
	n = readlink(link, target, sizeof(target) - 1);
	if (n < 0)
		return not_ours(path, "as far as is known without ", text, why);
	target[n] = '\0';
	is = strrchr(target, '/');
	is = is ? is + 1 : target;
	if (!rzst_kernel_is_name(is, &number))
		return not_ours(path, "but ", is, why);
	snprintf(name, RZST_NAME_MAX, "ramzswap%u", number);
	return 0;
}

int rzst_node_open(const char *path, char name[RZST_NAME_MAX], char *why)
{
	char at[RZST_PATH_MAX];
	int fd, err;

	name[0] = '\0';
	if (rzst_path(at, sizeof(at), path) < 0)
		return cannot_open(path, ENAMETOOLONG, why);
	/* Without O_NONBLOCK some other kind of device might wait for its medium. */
	fd = open(at, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return cannot_open(path, errno, why);
	err = identify(fd, path, name, why);
	if (err < 0) {
		close(fd);
		return err;
	}
	return fd;
}

/* ---- asking ---- */

/* The errors of a request: what they mean, and what to do. */
static const struct {
	unsigned long request; /* 0: any */
	int error;
	int err;	  /* what to return; 0: -error */
	const char *text; /* %s: the name */
} answers[] = {
	{RZSIO_GET_STATS, ENOTTY, -ENODEV,
	 "not initialised, there are no statistics; 'rzscontrol %s --init' does that"},
	{RZSIO_SET_BACKING_SWAP, EOPNOTSUPP, 0,
	 "this driver writes to no backing swap; leave --backing_swap out, and swap to it as well, "
	 "with a lower priority"},
	{RZSIO_RESET, EBUSY, 0,
	 "still in use, nothing was dropped; 'rzscontrol detach %s', or swapoff or umount, first"},
	{RZSIO_INIT, EINVAL, 0,
	 "the driver refuses its size, limit or backing swap; the kernel's log (dmesg) says why"},
	{RZSIO_INIT, ENOENT, -EINVAL,
	 "there is no such backing swap; give the path of a partition or a file"},
	{RZSIO_INIT, EISDIR, -EINVAL,
	 "its backing swap is a directory; give a partition or a file"},
	{RZSIO_INIT, ENOSPC, 0,
	 "its memory limit is less than its tables need; give a larger --memlimit_kb"},
	{RZSIO_INIT, ENOMEM, 0,
	 "no memory for its tables; give a smaller --disksize_kb and try again"},
	{RZSIO_INIT, EBUSY, 0,
	 "initialised already; 'rzscontrol %s --reset' first, which drops what is in it"},
	{RZSIO_SET_MEMLIMIT_KB, EBUSY, 0,
	 "initialised already; write bytes to /sys/block/%s/mem_limit, if there is such a file, or "
	 "--reset first, which drops what is in it"},
	{0, EBUSY, 0,
	 "initialised already, this cannot be changed any more; 'rzscontrol %s --reset' first, "
	 "which drops what is in it"},
	{0, EINVAL, 0, "the driver refuses this value"},
	{0, EPERM, 0, "only root may do that (CAP_SYS_ADMIN)"},
	{0, EACCES, 0, "only root may do that (CAP_SYS_ADMIN)"},
	{0, EOPNOTSUPP, 0, "this driver cannot do that"},
	{0, ENOTTY, -EOPNOTSUPP, "this driver does not know the request; is it ramzswap's own?"},
};

/*
 * EBUSY of RZSIO_INIT has two reasons: if the device is not initialised, its backing swap is busy.
 */
static bool is_backing_busy(int fd)
{
	struct ramzswap_ioctl_stats stats;

	return ioctl(fd, RZSIO_GET_STATS, &stats) < 0 && errno == ENOTTY;
}

int rzst_node_ask(int fd, const char *name, unsigned long request, void *argument, char *why)
{
	char text[512];
	int error;

	if (ioctl(fd, request, argument) >= 0)
		return 0;
	error = errno;
	if (request == RZSIO_INIT && error == EBUSY && is_backing_busy(fd)) {
		snprintf(why, RZS_NODE_WHY,
			 "%s: its backing swap is in use; swapoff or umount that first", name);
		return -EBUSY;
	}
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		const char *hole = strstr(answers[i].text, "%s");

		if (answers[i].error != error ||
		    (answers[i].request && answers[i].request != request))
			continue;
		if (hole)
			snprintf(text, sizeof(text), "%.*s%s%s", (int)(hole - answers[i].text),
				 answers[i].text, name, hole + 2);
		else
			snprintf(text, sizeof(text), "%s", answers[i].text);
		snprintf(why, RZS_NODE_WHY, "%s: %s", name, text);
		return answers[i].err ? answers[i].err : -error;
	}
	snprintf(why, RZS_NODE_WHY, "%s: the driver answers: %s", name, strerror(error));
	return -error;
}
