/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may change a device.  See hold.h.
 *
 * Invariants: a holder is in its list while it has connections, and until somebody looks after
 * that; only who looks takes it out, under the lock.  The owner is in the list.
 *
 * A pid is good for as long as its process lives, and may be another's afterwards.  So a process is
 * told by its pid and its start.  (A pidfd would do as well, but it costs a descriptor, and needs a
 * kernel and tools that know it.)
 *
 * Clients come one after the other faster than their connections are noticed to have ended.  So who
 * is about to find a device held looks at the sockets of this process: whether one of the holder's
 * is still open at its other end.  If none is, it has left, and nobody needs to be refused.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "hold.h"

struct rzs_holder {
	struct rzs_holder *next;
	atomic_uint connections;
	struct rzs_peer_id id;
};

static const char *control_path;

void rzs_hold_set_control(const char *path)
{
	control_path = path;
}

/* ---- the clients' processes ---- */

/* Read the beginning of a file, as text. */
static bool read_text(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	if (fd >= 0) {
		n = read(fd, out, size - 1);
		close(fd);
	}
	out[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/*
 * When a process was started, clock ticks after the machine was; 0: it has ended (though its parent
 * may not have asked yet how), or the system does not show it.  *out_attaches: it is nbd-client.
 */
static uint64_t start_of(pid_t pid, bool *out_attaches)
{
	char path[40], text[1024];
	const char *p;

	*out_attaches = false;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (pid <= 0 || !read_text(path, text, sizeof(text)))
		return 0;
	/* Behind the name, which may have any bytes: the state, and 18 numbers before this one. */
	p = strrchr(text, ')');
	if (!p || p[1] != ' ' || p[2] == 'Z' || p[2] == 'X')
		return 0;
	*out_attaches = strstr(text, " (nbd-client) ") != NULL;
	for (int i = 0; p && i < 20; i++)
		p = strchr(p + 1, ' ');
	return p ? strtoull(p + 1, NULL, 10) : 0;
}

void rzs_peer_set_pid(struct rzs_peer_id *out, pid_t pid)
{
	*out = (struct rzs_peer_id){.pid = pid > 0 ? pid : 0};
	out->start = start_of(pid, &out->attaches);
}

void rzs_peer_set_address(struct rzs_peer_id *out, const void *address, socklen_t len)
{
	*out = (struct rzs_peer_id){.address_len = len <= RZS_PEER_ADDRESS_MAX ? len : 0};
	memcpy(out->address, address, out->address_len);
}

/* False as well when nothing is known of its process. */
static bool is_gone(const struct rzs_holder *h)
{
	bool attaches;

	if (h->id.start)
		return start_of(h->id.pid, &attaches) != h->id.start;
	return h->id.pid > 0 && kill(h->id.pid, 0) < 0 && errno == ESRCH;
}

/* The same process; who asks was alive a moment ago. */
static bool is_same(const struct rzs_holder *h, const struct rzs_peer_id *id)
{
	return rzs_peer_is_known(id) && h->id.pid == id->pid && h->id.start == id->start;
}

/* ---- their sockets ---- */

static bool is_of_control(int fd)
{
	struct sockaddr_un name;
	socklen_t len = sizeof(name);

	memset(&name, 0, sizeof(name));
	return control_path && getsockname(fd, (struct sockaddr *)&name, &len) == 0 &&
	       strncmp(name.sun_path, control_path, sizeof(name.sun_path)) == 0;
}

/* Whether a descriptor is a connection of this client. */
static bool is_of(int fd, const struct rzs_peer_id *id)
{
	uint8_t address[RZS_PEER_ADDRESS_MAX];
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (id->pid > 0)
		return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
		       len == sizeof(peer) && peer.pid == id->pid && !is_of_control(fd);
	len = sizeof(address);
	return getpeername(fd, (struct sockaddr *)address, &len) == 0 && len == id->address_len &&
	       memcmp(address, id->address, len) == 0;
}

static bool is_open(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLRDHUP};

	return poll(&p, 1, 0) == 0;
}

/* What getdents64() gives. */
struct entry {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

/* Whether one of a folder's entries is an open connection of this client. */
static bool has_open(int folder, const struct rzs_peer_id *id)
{
	_Alignas(struct entry) char buf[2048];
	long n;

	while ((n = syscall(SYS_getdents64, folder, buf, sizeof(buf))) > 0) {
		for (long at = 0; at < n;) {
			const struct entry *e = (const void *)(buf + at);
			int fd = e->name[0] == '.' ? -1 : atoi(e->name);

			if (fd >= 0 && fd != folder && is_of(fd, id) && is_open(fd))
				return true;
			at += e->reclen;
		}
	}
	return n < 0; /* it cannot be told */
}

/*
 * Whether a client is there: true when that cannot be told.  Takes no memory: in nbdkit it is a
 * thread that will serve requests who asks.
 */
static bool is_there(const struct rzs_peer_id *id)
{
	bool there;
	int folder;

	if (id->pid <= 0 && id->address_len == 0)
		return true;
	folder = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return true;
	there = has_open(folder, id);
	close(folder);
	return there;
}

/* ---- the list; under the lock ---- */

static void give_up(struct rzs_hold *hold, struct rzs_holder *h)
{
	(void)atomic_compare_exchange_strong(&hold->owner, &h, NULL);
}

/* Take out who has left, which may have been made the owner in that moment. */
static void sweep(struct rzs_hold *hold)
{
	struct rzs_holder **link = &hold->first, *h;

	while ((h = *link) != NULL) {
		if (atomic_load(&h->connections)) {
			link = &h->next;
			continue;
		}
		*link = h->next;
		give_up(hold, h);
		free(h);
	}
}

static struct rzs_holder *find(const struct rzs_hold *hold, const struct rzs_peer_id *id)
{
	struct rzs_holder *h = hold->first;

	while (h && !is_same(h, id))
		h = h->next;
	return h;
}

/* The owner; who connected and has gone, if its connections live, is that from now on. */
static struct rzs_holder *current_owner(struct rzs_hold *hold)
{
	struct rzs_holder *h;

	for (h = hold->first; h && !atomic_load(&hold->owner); h = h->next)
		if (is_gone(h) && is_there(&h->id))
			(void)rzs_hold_take(hold, h);
	return atomic_load(&hold->owner);
}

/* Whether another one has hung up, of which there may be requests left that change something. */
static bool is_leaving(const struct rzs_hold *hold, const struct rzs_peer_id *id)
{
	const struct rzs_holder *h;

	for (h = hold->first; h; h = h->next)
		if (!is_same(h, id) && !is_there(&h->id))
			return true;
	return false;
}

enum rzs_hold_answer rzs_hold_ask(struct rzs_hold *hold, const struct rzs_peer_id *id)
{
	enum rzs_hold_answer answer = RZS_HOLD_WRITE;
	struct rzs_holder *owner;

	pthread_mutex_lock(&hold->lock);
	sweep(hold);
	owner = current_owner(hold);
	if (owner && !is_same(owner, id))
		answer = is_there(&owner->id) ? RZS_HOLD_READ : RZS_HOLD_WAIT;
	else if (!owner && is_leaving(hold, id))
		answer = RZS_HOLD_WAIT;
	pthread_mutex_unlock(&hold->lock);
	return answer;
}

static int add(struct rzs_hold *hold, const struct rzs_peer_id *id, struct rzs_holder **out)
{
	struct rzs_holder *h = calloc(1, sizeof(*h));

	*out = h;
	if (!h)
		return -ENOMEM;
	h->id = *id;
	atomic_init(&h->connections, 1);
	h->next = hold->first;
	hold->first = h;
	return 0;
}

int rzs_hold_enter(struct rzs_hold *hold, const struct rzs_peer_id *id, struct rzs_holder **out)
{
	int err = 0;

	pthread_mutex_lock(&hold->lock);
	sweep(hold);
	*out = find(hold, id);
	if (*out)
		atomic_fetch_add(&(*out)->connections, 1);
	else
		err = add(hold, id, out);
	pthread_mutex_unlock(&hold->lock);
	return err;
}

/*
 * The last one gives up what it holds, before it may be taken out.  (Another connection of the same
 * client may come at that moment; what it needs it takes again.)
 */
void rzs_hold_leave(struct rzs_hold *hold, struct rzs_holder *holder)
{
	unsigned n = holder ? atomic_load(&holder->connections) : 0;

	while (n) {
		if (n == 1)
			give_up(hold, holder);
		if (atomic_compare_exchange_strong(&holder->connections, &n, n - 1))
			break;
	}
}

bool rzs_hold_holder(struct rzs_hold *hold, pid_t *out_pid)
{
	const struct rzs_holder *owner;

	pthread_mutex_lock(&hold->lock);
	sweep(hold);
	owner = current_owner(hold);
	*out_pid = owner ? owner->id.pid : 0;
	pthread_mutex_unlock(&hold->lock);
	return owner != NULL;
}

/* ---- life ---- */

void rzs_hold_init(struct rzs_hold *hold)
{
	pthread_mutex_init(&hold->lock, NULL);
	atomic_init(&hold->owner, NULL);
	hold->first = NULL;
}

void rzs_hold_destroy(struct rzs_hold *hold)
{
	sweep(hold);
	pthread_mutex_destroy(&hold->lock);
}
