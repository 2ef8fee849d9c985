/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which client may write to a device; see hold.h.
 *
 * Invariants: a client stays in the list until it has no connections and sweep() finds that, under
 * the lock.  The owner is in the list.
 *
 * A process id is valid while its process exists; afterwards it may be another one's.  So a process
 * is identified by its id and its start time.  (A pidfd would do as well, but it costs a
 * descriptor, and needs a kernel and tools that support it.)
 *
 * A new client may come before the server has noticed that the previous one ended.  So if a device
 * is held, the server looks at its own sockets, whether one of the holder's is still open at the
 * other end.  If none is, the holder has left, and nobody needs to be refused.
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
#include "text_file.h"

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

/*
 * The start time of a process, in clock ticks since the machine's start; 0: it has ended (perhaps
 * as a zombie), or the system does not show it.  *out_attaches: it is nbd-client.
 */
static uint64_t start_of(pid_t pid, bool *out_attaches)
{
	char path[40], text[1024];
	const char *p;

	*out_attaches = false;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (pid <= 0 || !rzs_text_file_read(path, text, sizeof(text)))
		return 0;
	/* After the name, which may have any bytes: the state, and 18 numbers before this one. */
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

/* Whether its process has ended.  false: no, or its process is not known. */
static bool has_ended(const struct rzs_holder *h)
{
	bool attaches;

	if (h->id.start)
		return start_of(h->id.pid, &attaches) != h->id.start;
	return h->id.pid > 0 && kill(h->id.pid, 0) < 0 && errno == ESRCH;
}

/* Whether it is the same process as id, which existed a moment ago. */
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

/* An entry of getdents64(). */
struct entry {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

/* Whether one of a directory's entries is an open connection of this client; true: not known. */
static bool has_open(int directory, const struct rzs_peer_id *id)
{
	_Alignas(struct entry) char buf[2048];
	long n;

	while ((n = syscall(SYS_getdents64, directory, buf, sizeof(buf))) > 0) {
		for (long at = 0; at < n;) {
			const struct entry *e = (const void *)(buf + at);
			int fd = e->name[0] == '.' ? -1 : atoi(e->name);

			if (fd >= 0 && fd != directory && is_of(fd, id) && is_open(fd))
				return true;
			at += e->reclen;
		}
	}
	return n < 0; /* not known */
}

/*
 * Whether a client is connected.  Also true if that is not known.  Takes no memory, because in
 * nbdkit the calling thread will serve requests.
 */
static bool is_connected(const struct rzs_peer_id *id)
{
	bool there;
	int directory;

	if (id->pid <= 0 && id->address_len == 0)
		return true;
	directory = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return true;
	there = has_open(directory, id);
	close(directory);
	return there;
}

/* ---- the list; under the lock ---- */

static void give_up(struct rzs_hold *hold, struct rzs_holder *h)
{
	(void)atomic_compare_exchange_strong(&hold->owner, &h, NULL);
}

/* Free the clients without connections, of which one may have become the owner just now. */
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

/*
 * The owner.  If there is none, a client whose process has ended and whose connections have not
 * becomes the owner: the kernel has them.
 */
static struct rzs_holder *current_owner(struct rzs_hold *hold)
{
	struct rzs_holder *h;

	for (h = hold->first; h && !atomic_load(&hold->owner); h = h->next)
		if (has_ended(h) && is_connected(&h->id))
			(void)rzs_hold_take(hold, h);
	return atomic_load(&hold->owner);
}

/* Whether another client has disconnected, and may have changes left in its sockets. */
static bool is_leaving(const struct rzs_hold *hold, const struct rzs_peer_id *id)
{
	const struct rzs_holder *h;

	for (h = hold->first; h; h = h->next)
		if (!is_same(h, id) && !is_connected(&h->id))
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
		answer = is_connected(&owner->id) ? RZS_HOLD_READ : RZS_HOLD_WAIT;
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
 * The last connection gives up the device before the client can be freed.  (If another connection
 * of the client comes at that moment, it takes the device again when it needs it.)
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

const struct rzs_peer_id *rzs_hold_peer(const struct rzs_holder *holder)
{
	return &holder->id;
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
