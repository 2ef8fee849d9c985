/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unix sockets to listen on: permissions, stale ones, two at once, who may connect. */
#include "t_scratch.h"

#include "listen_unix.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static char path[108]; /* as long as one may be */
static char why[RZS_WHY_MAX];

static void enter(void)
{
	snprintf(path, sizeof(path), "%s/made/sock", t_scratch());
}

/* By the linker: what another user does between the server's bind() and its next step. */
static const char *victim;

int __real_bind(int fd, const struct sockaddr *address, socklen_t len);
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t len);

int __wrap_bind(int fd, const struct sockaddr *address, socklen_t len)
{
	char moved[128];
	int err = __real_bind(fd, address, len);

	if (err == 0 && victim) {
		snprintf(moved, sizeof(moved), "%s/moved", t_scratch());
		T_EQ(rename(path, moved), 0);
		T_EQ(symlink(victim, path), 0);
	}
	return err;
}

static unsigned mode_of(const char *of)
{
	struct stat st;

	T_EQ(lstat(of, &st), 0);
	return st.st_mode & 07777;
}

static bool is_there(void)
{
	return access(path, F_OK) == 0;
}

/* A connected socket, or a negative errno. */
static int call(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int err;

	T_GE(fd, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static int listen_well(mode_t mode)
{
	int fd = rzs_listen_unix(path, mode, why);

	if (fd < 0)
		T_FAIL("%s", why);
	T_STR_EQ(why, "");
	return fd;
}

static void refused(const char *at, int err, const char *part)
{
	int fd = rzs_listen_unix(at, 0600, why);

	T_EQ(fd, err);
	if (!strstr(why, part))
		T_FAIL("\"%s\" does not say \"%s\"", why, part);
}

/* Known before, too. */
static void foreseen(const char *at, int err, const char *part)
{
	T_EQ(rzs_listen_unix_check(at, why), err);
	if (!strstr(why, part))
		T_FAIL("\"%s\" does not say \"%s\"", why, part);
	refused(at, err, part);
}

T_TEST(permissions_do_not_depend_on_the_umask)
{
	static const mode_t umasks[] = {0, 022, 077};

	enter();
	for (size_t i = 0; i < sizeof(umasks) / sizeof(umasks[0]); i++) {
		mode_t before = umask(umasks[i]);
		int fd;

		fd = listen_well(i == 1 ? 0660 : 0600);
		umask(before);
		T_EQ(mode_of(path), i == 1 ? 0660 : 0600);
		snprintf(path, sizeof(path), "%s/made", t_scratch());
		T_EQ(mode_of(path), 0700);
		snprintf(path, sizeof(path), "%s/made/sock", t_scratch());
		close(fd);
	}
}

/* In a directory that others may write to, the path may be a link by then. */
T_TEST(permissions_are_the_sockets_alone)
{
	char other[96];
	int fd;

	enter();
	snprintf(other, sizeof(other), "%s/other", t_scratch());
	fd = open(other, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	T_GE(fd, 0);
	close(fd);
	victim = other;
	fd = rzs_listen_unix(path, 0666, why);
	T_EQ(mode_of(other), 0600);
	if (fd >= 0)
		close(fd);
}

T_TEST(the_descriptor_is_not_inherited_and_does_not_block)
{
	int fd;

	enter();
	fd = listen_well(0600);
	T_OK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	T_OK(fcntl(fd, F_GETFL) & O_NONBLOCK);
	T_EQ(accept(fd, NULL, NULL), -1);
	T_EQ(errno, EAGAIN);
	close(fd);
}

T_TEST(a_stale_socket_is_replaced)
{
	int fd;

	enter();
	T_EQ(rzs_listen_unix_check(path, why), 0); /* not even the directory is there */
	fd = listen_well(0600);
	close(fd);
	T_OK(is_there());
	T_EQ(call(), -ECONNREFUSED);
	fd = listen_well(0600);
	close(call());
	close(fd);
}

T_TEST(a_socket_in_use_is_left_alone)
{
	int fd, client;

	enter();
	fd = listen_well(0600);
	foreseen(path, -EADDRINUSE, "another server answers there");
	client = call();
	T_GE(client, 0);
	close(client);
	close(fd);
}

/* One whose queue is full answers late: not the same as never. */
T_TEST(a_busy_server_is_left_alone)
{
	int fd, n = 0;

	enter();
	fd = listen_well(0600);
	for (;;) {
		struct sockaddr_un address = {.sun_family = AF_UNIX};
		int client = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

		snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
		if (connect(client, (struct sockaddr *)&address, sizeof(address)) < 0)
			break;
		n++;
	}
	T_EQ(errno, EAGAIN);
	T_GT(n, 0);
	refused(path, -EADDRINUSE, "another server answers there");
	close(fd);
}

T_TEST(what_is_no_socket_is_left_alone)
{
	FILE *f;

	enter();
	snprintf(path, sizeof(path), "%s/file", t_scratch());
	f = fopen(path, "w");
	fputs("precious", f);
	fclose(f);
	foreseen(path, -EEXIST, "is not a socket");
	T_OK(is_there());
	rzs_listen_unix_remove(path);
	T_OK(is_there());
}

T_TEST(paths_that_cannot_be)
{
	char longest[200];

	enter();
	foreseen("", -EINVAL, "needs a path");
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	foreseen(longest, -ENAMETOOLONG, "longer than the 107 bytes");
	snprintf(path, sizeof(path), "%s/no/such/sock", t_scratch());
	foreseen(path, -ENOENT, "cannot create its directory");
	snprintf(path, sizeof(path), "/proc/sock");
	refused(path, -ENOENT, "/proc/sock");
}

T_TEST(the_longest_path_and_a_path_without_a_directory)
{
	int fd;

	enter();
	T_EQ(chdir(t_scratch()), 0);
	memset(path, 'x', 107);
	path[107] = '\0';
	fd = listen_well(0600);
	T_EQ(mode_of(path), 0600);
	close(call());
	close(fd);
}

T_TEST(removal_spares_a_successor)
{
	int first, second;

	enter();
	first = listen_well(0600);
	close(first);
	rzs_listen_unix_remove(path);
	T_OK(!is_there());
	rzs_listen_unix_remove(path); /* nothing there: fine */

	first = listen_well(0600);
	T_EQ(unlink(path), 0);
	second = listen_well(0600);
	close(first);
	rzs_listen_unix_remove(path);
	T_OK(is_there());
	close(call());
	close(second);
}

/* Of many that start at once where a stale socket lies, one gets the place, and can be called. */
#define RACERS 8

static pthread_barrier_t barrier;
static int winners;

static void *race(void *unused)
{
	char said[RZS_WHY_MAX];
	int fd;

	(void)unused;
	pthread_barrier_wait(&barrier);
	fd = rzs_listen_unix(path, 0600, said);
	if (fd >= 0)
		__atomic_fetch_add(&winners, 1, __ATOMIC_RELAXED);
	else
		T_EQ(fd, -EADDRINUSE);
	pthread_barrier_wait(&barrier);
	if (fd >= 0) {
		close(call());
		close(fd);
	}
	return NULL;
}

T_TEST(of_many_at_once_one_gets_the_place)
{
	int rounds = (int)(200 / t_scale());
	pthread_t threads[RACERS];

	enter();
	pthread_barrier_init(&barrier, NULL, RACERS);
	for (int i = 0; i <= rounds; i++) {
		winners = 0;
		for (int k = 0; k < RACERS; k++)
			T_EQ(pthread_create(&threads[k], NULL, race, NULL), 0);
		for (int k = 0; k < RACERS; k++)
			pthread_join(threads[k], NULL);
		T_EQ(winners, 1);
	}
	pthread_barrier_destroy(&barrier);
}

/* Anybody may lock a directory that all may open. */
T_TEST(a_lock_of_somebody_else_does_not_keep_it_from_starting)
{
	int lock, fd;

	enter();
	snprintf(path, sizeof(path), "%s/sock", t_scratch());
	lock = open(t_scratch(), O_RDONLY | O_DIRECTORY);
	T_EQ(flock(lock, LOCK_EX), 0);
	fd = listen_well(0600);
	close(fd);
	close(lock);
}

T_TEST(peers_are_known_by_their_user)
{
	int fd, client, server;

	enter();
	fd = listen_well(0600);
	client = call();
	T_GE(client, 0);
	server = accept(fd, NULL, NULL);
	T_GE(server, 0);
	T_OK(rzs_peer_allowed(server, geteuid()));
	T_EQ(rzs_peer_allowed(server, geteuid() + 1), geteuid() == 0);
	close(server);
	close(client);
	T_OK(!rzs_peer_allowed(-1, geteuid()));
	close(fd);
}

T_TEST(others_are_refused)
{
	int fd, server, status;
	pid_t pid;

	enter();
	if (geteuid() != 0)
		T_SKIP("needs root, to become somebody else");
	fd = listen_well(0666);
	T_EQ(chmod(t_scratch(), 0755), 0);
	snprintf(path, sizeof(path), "%s/made", t_scratch());
	T_EQ(chmod(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/made/sock", t_scratch());
	pid = fork();
	if (pid == 0) {
		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(T_EXIT_ERROR);
		_exit(call() < 0);
	}
	T_EQ(waitpid(pid, &status, 0), pid);
	T_EQ(status, 0);
	server = accept(fd, NULL, NULL);
	T_GE(server, 0);
	T_OK(!rzs_peer_allowed(server, 0));
	T_OK(rzs_peer_allowed(server, 65534));
	close(server);
	close(fd);
}
