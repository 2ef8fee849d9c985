/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Listening on unix sockets; see listen_unix.h.
 *
 * The file of a socket remains when its process is killed, and bind() then fails for ever.  So a
 * server tries to connect at its start, and removes the file if nobody answers.  Another process
 * may create its socket between these two steps.  So both are done under a lock on the directory,
 * which needs no file of its own.  The server waits for the lock for a limited time, because any
 * process can lock a directory such as /tmp.
 *
 * Nobody can connect before listen().  So the mode is set before that, without a change to the
 * umask, which belongs to the whole process.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "listen_unix.h"

#define BACKLOG	      SOMAXCONN
#define LOCK_TRIES    100
#define LOCK_PAUSE_NS (10 * 1000 * 1000)

static int make_address(const char *path, struct sockaddr_un *out, char *why)
{
	size_t len = strlen(path);

	memset(out, 0, sizeof(*out));
	out->sun_family = AF_UNIX;
	if (len == 0)
		return rzs_value_fail(why, -EINVAL, "a socket needs a path");
	if (len >= sizeof(out->sun_path))
		return rzs_value_fail(why, -ENAMETOOLONG,
				      "%.60s...: longer than the %zu bytes that a socket's "
				      "path may have",
				      path, sizeof(out->sun_path) - 1);
	memcpy(out->sun_path, path, len);
	return 0;
}

/* The directory of path.  path is shorter than a sun_path. */
static void directory_of(const char *path, char out[sizeof(((struct sockaddr_un *)NULL)->sun_path)])
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;

	if (!slash)
		path = ".";
	else if (len == 0)
		path = "/";
	if (!slash || len == 0)
		len = 1;
	memcpy(out, path, len);
	out[len] = '\0';
}

static int refuse_directory(const char *path, int err, char *why)
{
	return rzs_value_fail(why, err, "%s: cannot create its directory: %s", path,
			      strerror(-err));
}

/* Whether the directory exists, or can be created in its parent. */
static int check_directory(const char *path, const char *directory, char *why)
{
	char parent[sizeof(((struct sockaddr_un *)NULL)->sun_path)];

	directory_of(directory, parent);
	if (access(directory, F_OK) < 0 && access(parent, F_OK) < 0)
		return refuse_directory(path, -errno, why);
	return 0;
}

/* Negative: not locked.  The server starts all the same, whatever other processes do. */
static int lock_directory(const char *directory)
{
	static const struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; fd >= 0 && i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			break;
		nanosleep(&pause, NULL);
	}
	return fd;
}

static void unlock_directory(int fd)
{
	if (fd >= 0)
		close(fd);
}

static int open_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

/* Only a refused connection means that nobody answers. */
static bool somebody_answers(const struct sockaddr_un *address)
{
	int fd = open_socket();
	bool nobody;

	if (fd < 0)
		return true;
	nobody = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 &&
		 (errno == ECONNREFUSED || errno == ENOENT);
	close(fd);
	return !nobody;
}

/* Remove the socket of an earlier process. */
static int clear_place(const struct sockaddr_un *address, char *why)
{
	const char *path = address->sun_path;
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT
			       ? 0
			       : rzs_value_fail(why, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return rzs_value_fail(why, -EEXIST,
				      "%s: exists and is not a socket; remove it, or "
				      "give another path",
				      path);
	if (somebody_answers(address))
		return rzs_value_fail(why, -EADDRINUSE,
				      "%s: another server answers there; stop it, or "
				      "give another path",
				      path);
	if (unlink(path) < 0 && errno != ENOENT)
		return rzs_value_fail(why, -errno,
				      "%s: cannot remove the socket of an earlier server: %s", path,
				      strerror(errno));
	return 0;
}

/*
 * Set the mode of the socket, but not of a link that another user may have put in its place.  This
 * needs /proc; without it the mode from before bind() remains, which permits no more.
 */
static int set_mode(const char *path, mode_t mode)
{
	if (fchmodat(AT_FDCWD, path, mode, AT_SYMLINK_NOFOLLOW) == 0 || errno == EOPNOTSUPP)
		return 0;
	return -1;
}

static int bind_and_listen(const struct sockaddr_un *address, mode_t mode, char *why)
{
	const char *path = address->sun_path;
	int fd = open_socket();
	int err;

	if (fd < 0)
		return rzs_value_fail(why, fd, "%s: cannot create a socket: %s", path,
				      strerror(-fd));
	(void)fchmod(fd, mode); /* the mode that bind() gives the file, less the umask */
	if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0) {
		err = -errno;
		close(fd);
		return rzs_value_fail(why, err, "%s: cannot listen on it: %s", path,
				      strerror(-err));
	}
	if (set_mode(path, mode) < 0 || listen(fd, BACKLOG) < 0) {
		err = -errno;
		unlink(path);
		close(fd);
		return rzs_value_fail(why, err, "%s: cannot listen on it: %s", path,
				      strerror(-err));
	}
	return fd;
}

int rzs_listen_unix(const char *path, mode_t mode, char why[RZS_WHY_MAX])
{
	struct sockaddr_un address;
	char directory[sizeof(address.sun_path)];
	int err, lock;

	why[0] = '\0';
	err = make_address(path, &address, why);
	if (err < 0)
		return err;
	directory_of(path, directory);
	if (mkdir(directory, 0700) < 0 && errno != EEXIST)
		return refuse_directory(path, -errno, why);
	lock = lock_directory(directory);
	err = clear_place(&address, why);
	if (err == 0)
		err = bind_and_listen(&address, mode, why);
	unlock_directory(lock);
	return err;
}

int rzs_listen_unix_check(const char *path, char why[RZS_WHY_MAX])
{
	struct sockaddr_un address;
	char directory[sizeof(address.sun_path)];
	int err, lock;

	why[0] = '\0';
	err = make_address(path, &address, why);
	if (err < 0)
		return err;
	directory_of(path, directory);
	err = check_directory(path, directory, why);
	if (err < 0)
		return err;
	lock = lock_directory(directory);
	err = clear_place(&address, why);
	unlock_directory(lock);
	return err;
}

/* If it cannot be removed, it remains. */
void rzs_listen_unix_remove(const char *path)
{
	char why[RZS_WHY_MAX];

	(void)rzs_listen_unix_check(path, why);
}

bool rzs_peer_allowed(int fd, uid_t uid)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || len != sizeof(peer))
		return false;
	return peer.uid == 0 || peer.uid == uid;
}
