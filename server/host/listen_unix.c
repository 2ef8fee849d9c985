/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Unix sockets to listen on.  See listen_unix.h.
 *
 * A socket's file outlives a process that was killed, and bind() then fails for ever: so whoever
 * starts asks whether anybody answers, and removes the file if not.  Between that question and the
 * removal another process may have put its own there.  Hence a lock on the folder, which costs no
 * file of its own.  It is waited for only so long: a folder such as /tmp can be locked by anybody.
 *
 * Until listen() nobody can connect, so the permissions are set before that, without touching the
 * umask, which is the whole process's.
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

/* The folder that path is in, of which the caller knows the length to be small. */
static void folder_of(const char *path, char out[sizeof(((struct sockaddr_un *)NULL)->sun_path)])
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

static int refuse_folder(const char *path, int err, char *why)
{
	return rzs_value_fail(why, err, "%s: its folder cannot be made: %s", path, strerror(-err));
}

/* Whether there is what the folder would be made in, if it is missing. */
static int check_folder(const char *path, const char *folder, char *why)
{
	char parent[sizeof(((struct sockaddr_un *)NULL)->sun_path)];

	folder_of(folder, parent);
	if (access(folder, F_OK) < 0 && access(parent, F_OK) < 0)
		return refuse_folder(path, -errno, why);
	return 0;
}

/* Negative: no lock, which others' doings must not turn into no start. */
static int lock_folder(const char *folder)
{
	static const struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; fd >= 0 && i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			break;
		nanosleep(&pause, NULL);
	}
	return fd;
}

static void unlock_folder(int fd)
{
	if (fd >= 0)
		close(fd);
}

static int open_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

/* Only a refused connection says that nobody is there; when in doubt, somebody is. */
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

/* Remove what an earlier process has left. */
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
				      "%s: is there already and is no socket; remove it, or "
				      "give another path",
				      path);
	if (somebody_answers(address))
		return rzs_value_fail(why, -EADDRINUSE,
				      "%s: another server answers there; stop it, or "
				      "give another path",
				      path);
	if (unlink(path) < 0 && errno != ENOENT)
		return rzs_value_fail(why, -errno,
				      "%s: left by an earlier server, and cannot be removed: %s",
				      path, strerror(errno));
	return 0;
}

/*
 * Of the socket, and of nothing that another user may have put in its place.  That takes /proc; the
 * mode from before bind() is as narrow or narrower.
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
		return rzs_value_fail(why, fd, "%s: no socket: %s", path, strerror(-fd));
	(void)fchmod(fd, mode); /* what bind() gives the file, but for the umask */
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
	char folder[sizeof(address.sun_path)];
	int err, lock;

	why[0] = '\0';
	err = make_address(path, &address, why);
	if (err < 0)
		return err;
	folder_of(path, folder);
	if (mkdir(folder, 0700) < 0 && errno != EEXIST)
		return refuse_folder(path, -errno, why);
	lock = lock_folder(folder);
	err = clear_place(&address, why);
	if (err == 0)
		err = bind_and_listen(&address, mode, why);
	unlock_folder(lock);
	return err;
}

int rzs_listen_unix_check(const char *path, char why[RZS_WHY_MAX])
{
	struct sockaddr_un address;
	char folder[sizeof(address.sun_path)];
	int err, lock;

	why[0] = '\0';
	err = make_address(path, &address, why);
	if (err < 0)
		return err;
	folder_of(path, folder);
	err = check_folder(path, folder, why);
	if (err < 0)
		return err;
	lock = lock_folder(folder);
	err = clear_place(&address, why);
	unlock_folder(lock);
	return err;
}

/* A place that cannot be cleared is left. */
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
