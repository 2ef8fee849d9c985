/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See rzst_swapon.h.  The kernel has one errno for several faults: what else is to be known is
 * looked at after the call has failed.
 */
#include "rzst_swapon.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rzst.h"
#include "rzst_swaps.h"

/* Not every libc has these. */
#define DISCARD_ONCE  0x20000
#define DISCARD_PAGES 0x40000

/*
 * The kernel takes 22 to 29 areas, by version and configuration: with fewer that are on, EPERM has
 * another reason.
 */
#define TOO_MANY_LEAST 20u

/* Where a swap header has what, mkswap(8)'s version 1. */
#define LAST_PAGE_AT 1028u
#define MAGIC	     "SWAPSPACE2"
#define MAGIC_SIZE   10

/* ---- what errno does not say ---- */

bool rzst_swap_allowed(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	return syscall(SYS_capget, &header, data) == 0 &&
	       (data[CAP_TO_INDEX(CAP_SYS_ADMIN)].effective & CAP_TO_MASK(CAP_SYS_ADMIN));
}

/*
 * CAP_SYS_ADMIN of a user namespace is not the machine's; with few areas that must be it.
 */
static enum rzst_swap_fault not_permitted(void)
{
	struct rzst_swap_area v[RZST_SWAPS_MAX];

	if (!rzst_swap_allowed() || rzst_swaps_read(v) < TOO_MANY_LEAST)
		return RZST_SWAP_NOT_ROOT;
	return RZST_SWAP_TOO_MANY;
}

/* A block device may have several nodes. */
static bool is_same_area(const char *a, const char *b)
{
	struct stat x, y;

	if (strcmp(a, b) == 0)
		return true;
	if (stat(a, &x) < 0 || stat(b, &y) < 0)
		return false;
	if (S_ISBLK(x.st_mode) && S_ISBLK(y.st_mode))
		return x.st_rdev == y.st_rdev;
	return x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static bool is_on(const char *path)
{
	struct rzst_swap_area v[RZST_SWAPS_MAX];
	unsigned nr = rzst_swaps_read(v);
	char at[RZST_PATH_MAX], area[RZST_PATH_MAX];

	if (rzst_path(at, sizeof(at), path) < 0)
		return false;
	for (unsigned i = 0; i < nr; i++)
		if (rzst_path(area, sizeof(area), v[i].name) == 0 && is_same_area(area, at))
			return true;
	return false;
}

/* Bytes; 0 also when it cannot be found out. */
static uint64_t size_of(int fd, const struct stat *st)
{
	uint64_t size = 0;

	if (S_ISREG(st->st_mode))
		return (uint64_t)st->st_size;
	return ioctl(fd, BLKGETSIZE64, &size) == 0 ? size : 0;
}

/* Whether there is a swap header of this machine, whose area is not longer than size bytes. */
static bool has_good_header(int fd, uint64_t size)
{
	long page = sysconf(_SC_PAGESIZE);
	char magic[MAGIC_SIZE] = "";
	uint32_t last = 0;

	return pread(fd, magic, MAGIC_SIZE, page - MAGIC_SIZE) == MAGIC_SIZE &&
	       memcmp(magic, MAGIC, MAGIC_SIZE) == 0 &&
	       pread(fd, &last, sizeof(last), LAST_PAGE_AT) == (ssize_t)sizeof(last) && last > 0 &&
	       ((uint64_t)last + 1) * (uint64_t)page <= size;
}

/*
 * Why swapon(2) gave `error`, EINVAL or EIO.  The device was just read by the kernel, and is read
 * again.
 */
static enum rzst_swap_fault not_swap(const char *path, int error)
{
	enum rzst_swap_fault fault = error == EIO ? RZST_SWAP_IO : RZST_SWAP_NO_HEADER;
	char at[RZST_PATH_MAX];
	struct stat st;
	uint64_t size;
	int fd;

	if (rzst_path(at, sizeof(at), path) < 0)
		return fault;
	fd = open(at, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return fault;
	if (fstat(fd, &st) == 0) {
		size = size_of(fd, &st);
		if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
			fault = RZST_SWAP_NO_AREA;
		else if (size == 0)
			fault = RZST_SWAP_EMPTY;
		else if (error == EINVAL && S_ISREG(st.st_mode) && has_good_header(fd, size))
			fault = RZST_SWAP_HOLES;
	}
	close(fd);
	return fault;
}

/* What an errno means in both calls. */
static enum rzst_swap_fault common_fault(int error)
{
	switch (error) {
	case EPERM:
		return not_permitted();
	case ENOENT:
	case ENXIO:
	case ENODEV:
	case ENOTDIR:
	case ELOOP:
	case ENAMETOOLONG:
		return RZST_SWAP_NO_FILE;
	case EISDIR:
		return RZST_SWAP_NO_AREA;
	case EACCES:
	case EROFS:
	case ETXTBSY:
		return RZST_SWAP_NOT_ALLOWED;
	case ENOMEM:
		return RZST_SWAP_NO_MEMORY;
	case EINTR:
		return RZST_SWAP_INTERRUPTED;
	case ENOSYS:
		return RZST_SWAP_NO_KERNEL;
	case EIO:
		return RZST_SWAP_IO;
	default:
		return RZST_SWAP_OTHER;
	}
}

/* ---- the calls ---- */

static int flags_of(const struct rzst_swapon_how *how)
{
	static const int discard[] = {
		[RZST_DISCARD_NONE] = 0,
		[RZST_DISCARD_BOTH] = SWAP_FLAG_DISCARD,
		[RZST_DISCARD_ONCE] = SWAP_FLAG_DISCARD | DISCARD_ONCE,
		[RZST_DISCARD_PAGES] = SWAP_FLAG_DISCARD | DISCARD_PAGES,
	};
	int flags = discard[how->discard];

	if (how->priority != RZST_PRIORITY_NONE)
		flags |= SWAP_FLAG_PREFER | (how->priority << SWAP_FLAG_PRIO_SHIFT);
	return flags;
}

int rzst_swapon(const char *path, const struct rzst_swapon_how *how, enum rzst_swap_fault *fault)
{
	int error;

	*fault = RZST_SWAP_FINE;
	if (how->priority < RZST_PRIORITY_NONE || how->priority > RZST_PRIORITY_MOST) {
		*fault = RZST_SWAP_BAD_PRIORITY;
		return -EINVAL;
	}
	if (swapon(path, flags_of(how)) == 0)
		return 0;
	error = errno;
	if (error == EBUSY)
		*fault = is_on(path) ? RZST_SWAP_ON_ALREADY : RZST_SWAP_IN_USE;
	else if (error == EINVAL || error == EIO)
		*fault = not_swap(path, error);
	else
		*fault = common_fault(error);
	return -error;
}

int rzst_swapoff(const char *path, enum rzst_swap_fault *fault)
{
	int error;

	*fault = RZST_SWAP_FINE;
	if (swapoff(path) == 0)
		return 0;
	error = errno;
	if (error == EINVAL)
		*fault = is_on(path) ? RZST_SWAP_DRAINING : RZST_SWAP_NOT_ON;
	else
		*fault = common_fault(error);
	return -error;
}

/* ---- sentences ---- */

/* Of both; "%s" is the text of errno. */
static const char *const common_why[] = {
	[RZST_SWAP_FINE] = "nothing is wrong",
	[RZST_SWAP_NOT_ROOT] = "only root may, with CAP_SYS_ADMIN of the machine and not of a "
			       "container; be root",
	[RZST_SWAP_NO_FILE] = "there is no such device or file (%s); look at its name, and whether "
			      "its driver is loaded",
	[RZST_SWAP_NOT_ALLOWED] = "it cannot be opened for writing (%s); make it writable, end who "
				  "runs it, or use another",
	[RZST_SWAP_NO_AREA] = "neither a block device nor a file; name one that is",
	[RZST_SWAP_NO_KERNEL] = "this kernel was built without swap; use one with CONFIG_SWAP",
	[RZST_SWAP_IO] = "it cannot be read (%s): its disk or its server may be gone; the kernel's "
			 "log (dmesg) says more",
};

static const char *const swapon_why[] = {
	[RZST_SWAP_TOO_MANY] = "the kernel takes no more swap areas; end another first, with "
			       "rzs-swapoff(8)",
	[RZST_SWAP_ON_ALREADY] = "it is swapped to already; rzs-swapoff(8) ends that",
	[RZST_SWAP_IN_USE] = "in use already: mounted, or opened exclusively; unmount or close it "
			     "first",
	[RZST_SWAP_EMPTY] =
		"its size is 0; attach or initialise the device first, or give the file "
		"a size",
	[RZST_SWAP_NO_HEADER] = "the kernel finds no swap header there that it can use; mkswap(8) "
				"writes one, and what is stored there is lost",
	[RZST_SWAP_HOLES] = "the file has holes, or its file system cannot hold swap; make it with "
			    "dd or mkswap --file, not sparse or compressed, without copy on write",
	[RZST_SWAP_BAD_PRIORITY] = "its priority is out of range; give one from 0 to 32767",
	[RZST_SWAP_NO_MEMORY] = "the kernel has no memory for its table of the area's pages; end "
				"programs, or make the area smaller",
	[RZST_SWAP_INTERRUPTED] = "interrupted; it is not swapped to, try again",
};

static const char *const swapoff_why[] = {
	[RZST_SWAP_NOT_ON] = "it is not swapped to; /proc/swaps has what is",
	[RZST_SWAP_DRAINING] = "another swapoff is at work there; wait for its end",
	[RZST_SWAP_NO_MEMORY] = "no room in memory for what is swapped out there; end programs, or "
				"add other swap, and try again",
	[RZST_SWAP_INTERRUPTED] = "interrupted, it is still swapped to; what came back stays in "
				  "memory, try again for the rest",
};

static const char *why(const char *const *own, size_t nr_own, enum rzst_swap_fault fault, int error,
		       char *buf, size_t size)
{
	size_t i = (size_t)fault, nr_common = sizeof(common_why) / sizeof(common_why[0]);
	const char *text = i < nr_own && own[i] ? own[i] : i < nr_common ? common_why[i] : NULL;
	const char *at = text ? strstr(text, "%s") : NULL;

	if (!text)
		snprintf(buf, size, "%s (errno %d); the kernel's log (dmesg) may say more",
			 strerror(-error), -error);
	else if (at)
		snprintf(buf, size, "%.*s%s%s", (int)(at - text), text, strerror(-error), at + 2);
	else
		snprintf(buf, size, "%s", text);
	return buf;
}

const char *rzst_swapon_why(enum rzst_swap_fault fault, int error, char *buf, size_t size)
{
	return why(swapon_why, sizeof(swapon_why) / sizeof(swapon_why[0]), fault, error, buf, size);
}

const char *rzst_swapoff_why(enum rzst_swap_fault fault, int error, char *buf, size_t size)
{
	return why(swapoff_why, sizeof(swapoff_why) / sizeof(swapoff_why[0]), fault, error, buf,
		   size);
}
