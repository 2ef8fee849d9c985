/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may change a device, with clients that are processes of their own: they connect, write,
 * close, end, or leave their connections to somebody else, as nbd-client does to the kernel.
 */
#include "t_scratch.h"

#include "hold.h"

#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/un.h>
#include <sys/wait.h>

/* ---- allocations that fail ---- */

static bool no_memory;

void *__real_calloc(size_t nr, size_t size);
void *__wrap_calloc(size_t nr, size_t size);

void *__wrap_calloc(size_t nr, size_t size)
{
	return no_memory ? NULL : __real_calloc(nr, size);
}

/* ---- the server ---- */

static struct rzs_hold hold;
static int listener = -1;
static struct sockaddr_un at = {.sun_family = AF_UNIX};
static socklen_t at_len;
static struct sockaddr_un control_at = {.sun_family = AF_UNIX};
static struct sockaddr_in inet_at;

/* On an address of the abstract namespace, which the system chooses. */
static void enter(void)
{
	rzs_hold_init(&hold);
	at_len = sizeof(at);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	T_GE(listener, 0);
	T_EQ(bind(listener, (struct sockaddr *)&at, sizeof(sa_family_t)), 0);
	T_EQ(getsockname(listener, (struct sockaddr *)&at, &at_len), 0);
	T_EQ(listen(listener, 10), 0);
}

static void enter_tcp(void)
{
	socklen_t len = sizeof(inet_at);

	rzs_hold_init(&hold);
	inet_at = (struct sockaddr_in){.sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	T_EQ(bind(listener, (struct sockaddr *)&inet_at, len), 0);
	T_EQ(getsockname(listener, (struct sockaddr *)&inet_at, &len), 0);
	T_EQ(listen(listener, 10), 0);
}

static void leave(void)
{
	close(listener);
	rzs_hold_destroy(&hold);
}

/* ---- clients ---- */

/* A connection as the server has it. */
struct conn {
	int fd;
	struct rzs_peer_id id;
	struct rzs_holder *holder;
};

/*
 * A process that obeys letters: Connect; connect to the control socKet; close; Leave all to a
 * child; End.
 */
struct client {
	pid_t pid;
	int orders;
};

static int child_connect(const struct sockaddr_un *to, socklen_t len)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (connect(fd, (const struct sockaddr *)to, len) < 0)
		_exit(1);
	return fd;
}

static void child(int orders)
{
	int fds[8], nr = 0;
	char order;

	prctl(PR_SET_NAME, ") Z 1 2 (");
	while (read(orders, &order, 1) == 1) {
		if (order == 'C')
			fds[nr++] = child_connect(&at, at_len);
		else if (order == 'K')
			(void)child_connect(&control_at, sizeof(control_at));
		else if (order == 'c')
			close(fds[--nr]);
		else if (order == 'E' || fork() != 0)
			_exit(0);
	}
	_exit(0);
}

static struct client start(void)
{
	struct client c;
	int pipe_fds[2];

	T_EQ(pipe(pipe_fds), 0);
	c.pid = fork();
	T_GE(c.pid, 0);
	if (c.pid == 0) {
		close(pipe_fds[1]);
		/* Nobody but the test keeps what the server has. */
		for (int fd = 3; fd < 64; fd++)
			if (fd != pipe_fds[0])
				close(fd);
		child(pipe_fds[0]);
	}
	close(pipe_fds[0]);
	c.orders = pipe_fds[1];
	return c;
}

static void order(const struct client *c, char what)
{
	T_EQ(write(c->orders, &what, 1), 1);
}

static struct conn accept_one(void)
{
	struct conn n = {.fd = accept(listener, NULL, NULL)};
	struct ucred peer;
	socklen_t len = sizeof(peer);

	T_GE(n.fd, 0);
	T_EQ(getsockopt(n.fd, SOL_SOCKET, SO_PEERCRED, &peer, &len), 0);
	rzs_peer_set_pid(&n.id, peer.pid);
	return n;
}

static struct conn come(const struct client *c)
{
	struct conn n;

	order(c, 'C');
	n = accept_one();
	T_EQ(n.id.pid, c->pid);
	T_OK(rzs_peer_is_known(&n.id));
	return n;
}

static enum rzs_hold_answer ask(const struct conn *n)
{
	return rzs_hold_ask(&hold, &n->id);
}

/* The handshake said that it may write. */
static void let_in(struct conn *n)
{
	T_EQ(ask(n), RZS_HOLD_WRITE);
	T_EQ(rzs_hold_enter(&hold, &n->id, &n->holder), 0);
}

static bool writes(const struct conn *n)
{
	return rzs_hold_take(&hold, n->holder);
}

static void gone(struct conn *n)
{
	rzs_hold_leave(&hold, n->holder);
	close(n->fd);
}

/* The other end is closed, which may take a moment. */
static bool hung_up(const struct conn *n)
{
	char byte;

	return recv(n->fd, &byte, 1, MSG_DONTWAIT) == 0;
}

static void reap(const struct client *c)
{
	order(c, 'E');
	T_EQ(waitpid(c->pid, NULL, 0), c->pid);
	close(c->orders);
}

static void enter_two(struct client *a, struct client *b)
{
	enter();
	*a = start();
	*b = start();
}

static void leave_two(const struct client *a, const struct client *b)
{
	reap(a);
	reap(b);
	leave();
}

static pid_t holder(void)
{
	pid_t pid;

	return rzs_hold_holder(&hold, &pid) ? pid : -1;
}

/* ---- who holds ---- */

T_TEST(whoever_writes_first_holds)
{
	struct client a, b;
	struct conn x, y, z;

	enter_two(&a, &b);
	x = come(&a);
	y = come(&b);
	let_in(&x);
	T_EQ(holder(), -1);
	let_in(&y); /* x only looks so far */
	T_OK(writes(&y));
	T_EQ(holder(), b.pid);
	T_OK(!writes(&x));
	T_OK(writes(&y));
	z = come(&a);
	T_EQ(ask(&z), RZS_HOLD_READ);
	gone(&y);
	/* And so does who writes next. */
	T_OK(writes(&x));
	T_EQ(holder(), a.pid);
	gone(&x);
	T_EQ(holder(), -1);
	gone(&z);
	leave_two(&a, &b);
}

T_TEST(a_process_has_several_connections)
{
	struct client a, b;
	struct conn x[4], y;

	enter_two(&a, &b);
	y = come(&b);
	for (unsigned i = 0; i < 4; i++) {
		x[i] = come(&a);
		let_in(&x[i]);
		T_OK(writes(&x[i]));
	}
	for (unsigned i = 0; i < 4; i++) {
		T_EQ(ask(&y), RZS_HOLD_READ);
		T_EQ(holder(), a.pid);
		gone(&x[i]);
	}
	let_in(&y);
	gone(&y);
	leave_two(&a, &b);
}

/* As nbd-client ends when the kernel has its connections. */
T_TEST(connections_outlive_their_process)
{
	struct client a, b;
	struct conn x, y;

	enter_two(&a, &b);
	x = come(&a);
	y = come(&b);
	let_in(&x);
	T_EQ(ask(&y), RZS_HOLD_WRITE);
	order(&a, 'L');
	/* It has ended, though nobody has asked yet how. */
	T_WAIT(ask(&y) == RZS_HOLD_READ, 20);
	T_EQ(holder(), a.pid);
	T_EQ(waitpid(a.pid, NULL, 0), a.pid);
	T_EQ(ask(&y), RZS_HOLD_READ);
	T_EQ(holder(), a.pid);
	/* The one that has them lets go. */
	close(a.orders);
	T_WAIT(hung_up(&x), 20);
	T_EQ(ask(&y), RZS_HOLD_WAIT);
	gone(&x);
	let_in(&y);
	gone(&y);
	reap(&b);
	leave();
}

T_TEST(a_number_that_is_given_again_is_another_process)
{
	struct client a;
	struct conn x, y;

	enter();
	a = start();
	x = come(&a);
	let_in(&x);
	T_OK(writes(&x));
	y = come(&a);
	T_EQ(ask(&y), RZS_HOLD_WRITE);
	y.id.start++;
	T_EQ(ask(&y), RZS_HOLD_READ);
	/* Nor is one of which it is not known. */
	y.id.start = 0;
	T_EQ(ask(&y), RZS_HOLD_READ);
	T_OK(!rzs_peer_is_known(&y.id));
	gone(&x);
	gone(&y);
	reap(&a);
	leave();
}

/* By the name of its process, and no other. */
T_TEST(who_attaches_a_kernel)
{
	struct rzs_peer_id id;

	prctl(PR_SET_NAME, "nbd-client");
	rzs_peer_set_pid(&id, getpid());
	T_OK(id.attaches);
	T_OK(rzs_peer_is_known(&id));
	prctl(PR_SET_NAME, "nbd-client2");
	rzs_peer_set_pid(&id, getpid());
	T_OK(!id.attaches);
}

T_TEST(ended_processes_are_not_known)
{
	struct rzs_peer_id id;
	struct client a;

	enter();
	a = start();
	rzs_peer_set_pid(&id, a.pid);
	T_OK(rzs_peer_is_known(&id));
	reap(&a);
	rzs_peer_set_pid(&id, a.pid);
	T_OK(!rzs_peer_is_known(&id));
	T_EQ(id.pid, a.pid);
	rzs_peer_set_pid(&id, 0);
	T_OK(!rzs_peer_is_known(&id));
	rzs_peer_set_pid(&id, -1);
	T_EQ(id.pid, 0);
	leave();
}

/* ---- who leaves ---- */

/* The holder's connection has ended at its other end, and here nobody has noticed yet. */
T_TEST(who_has_hung_up_is_waited_for)
{
	struct client a, b;
	struct conn x, y, z;

	enter_two(&a, &b);
	x = come(&a);
	y = come(&a);
	z = come(&b);
	let_in(&x);
	let_in(&y);
	T_OK(writes(&x));
	order(&a, 'c');
	T_WAIT(hung_up(&y), 20);
	T_EQ(ask(&z), RZS_HOLD_READ); /* one is there still */
	order(&a, 'c');
	T_WAIT(hung_up(&x), 20);
	T_EQ(ask(&z), RZS_HOLD_WAIT);
	T_EQ(holder(), a.pid);
	gone(&x);
	T_EQ(ask(&z), RZS_HOLD_WAIT);
	gone(&y);
	T_EQ(ask(&z), RZS_HOLD_WRITE);
	gone(&z);
	leave_two(&a, &b);
}

/* What it sent before it hung up may be a write. */
T_TEST(who_has_hung_up_before_writing_is_waited_for)
{
	struct client a, b;
	struct conn x, y;

	enter_two(&a, &b);
	x = come(&a);
	y = come(&b);
	let_in(&x);
	reap(&a);
	T_WAIT(hung_up(&x), 20);
	T_EQ(ask(&y), RZS_HOLD_WAIT);
	T_EQ(holder(), -1);
	T_OK(writes(&x));
	T_EQ(ask(&y), RZS_HOLD_WAIT);
	gone(&x);
	T_EQ(ask(&y), RZS_HOLD_WRITE);
	gone(&y);
	reap(&b);
	leave();
}

/* A connection to the control socket keeps nobody from having left. */
T_TEST(clients_of_the_control_socket_are_others)
{
	struct conn x, y, control;
	struct client a, b;
	int controls = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	enter();
	snprintf(control_at.sun_path, sizeof(control_at.sun_path), "%s/control", t_scratch());
	T_EQ(bind(controls, (struct sockaddr *)&control_at, sizeof(control_at)), 0);
	T_EQ(listen(controls, 1), 0);
	rzs_hold_set_control(control_at.sun_path);
	a = start();
	b = start();
	order(&a, 'K');
	control.fd = accept(controls, NULL, NULL);
	T_GE(control.fd, 0);
	T_EQ(unlink(control_at.sun_path), 0);
	x = come(&a);
	y = come(&b);
	let_in(&x);
	T_OK(writes(&x));
	T_EQ(ask(&y), RZS_HOLD_READ);
	order(&a, 'c');
	T_WAIT(hung_up(&x), 20);
	T_EQ(ask(&y), RZS_HOLD_WAIT);
	gone(&x);
	gone(&y);
	close(control.fd);
	close(controls);
	leave_two(&a, &b);
}

/* ---- TCP ---- */

static struct conn come_tcp(int *out)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	struct conn n;

	*out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	T_EQ(connect(*out, (struct sockaddr *)&inet_at, sizeof(inet_at)), 0);
	n.fd = accept(listener, (struct sockaddr *)&from, &len);
	T_GE(n.fd, 0);
	rzs_peer_set_address(&n.id, &from, len);
	return n;
}

T_TEST(over_tcp_each_connection_is_a_client)
{
	struct conn x, y, z;
	int far[3];

	enter_tcp();
	x = come_tcp(&far[0]);
	y = come_tcp(&far[1]);
	z = come_tcp(&far[2]);
	T_OK(!rzs_peer_is_known(&x.id));
	let_in(&x);
	let_in(&y);
	T_OK(writes(&x));
	T_EQ(holder(), 0);
	T_OK(!writes(&y));
	T_EQ(ask(&z), RZS_HOLD_READ);
	close(far[0]);
	T_WAIT(hung_up(&x), 20);
	T_EQ(ask(&z), RZS_HOLD_WAIT);
	gone(&x);
	let_in(&z);
	T_OK(writes(&z));
	T_OK(!writes(&y));
	gone(&y);
	gone(&z);
	close(far[1]);
	close(far[2]);
	leave();
}

/* Of whom nothing at all is known, nobody can say that he has hung up. */
T_TEST(nothing_is_known_of_a_client)
{
	struct conn x = {.fd = -1}, y = {.fd = -1};

	enter();
	rzs_peer_set_pid(&x.id, 0);
	rzs_peer_set_address(&y.id, &at, 0);
	let_in(&x);
	let_in(&y);
	T_OK(writes(&x));
	T_OK(!writes(&y));
	T_EQ(ask(&y), RZS_HOLD_READ);
	T_EQ(ask(&x), RZS_HOLD_READ);
	T_EQ(holder(), 0);
	gone(&x);
	gone(&y);
	T_EQ(holder(), -1);
	leave();
}

/* ---- no memory, no holders ---- */

T_TEST(memory_may_not_be_had)
{
	struct conn x = {.fd = -1};

	enter();
	no_memory = true;
	T_EQ(rzs_hold_enter(&hold, &x.id, &x.holder), -ENOMEM);
	T_EQ(x.holder, NULL);
	no_memory = false;
	T_EQ(holder(), -1);
	leave();
}

T_TEST(a_shared_device_has_no_holders)
{
	struct conn x = {.fd = -1};

	enter();
	T_OK(writes(&x));
	T_EQ(holder(), -1);
	gone(&x);
	leave();
}
