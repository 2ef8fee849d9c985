/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Taking over; see successor.h.
 *
 * A connection is adopted as it comes, by I/O threads that are held.  So all its memory is there
 * before GO, in this process and in the kernel.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "hand.h"
#include "say.h"
#include "successor.h"
#include "takeovers.h"

struct rzs_successor {
	int fd;
	struct rzs_devices *devices;
	struct rzs_io *io; /* NULL: no connections are to come yet */
	struct rzs_front *front;
	unsigned connections, taken;
	/* By rzs_clock_ns(): when STILL and GO came, and FOUND and TAKEN were said. */
	uint64_t still_ns, found_ns, taken_ns, gone_ns;
	struct rzs_hand_message m;
};

/* ---- what the predecessor sends ---- */

static int take_listener(struct rzs_hand_message *m, struct rzs_successor_sockets *out, char *why)
{
	struct rzs_listener *l = &out->listeners[out->nr_listeners];

	if (out->nr_listeners == RZS_FRONT_LISTENERS || m->fd < 0)
		return rzs_value_fail(why, -EPROTO, "too many listeners, or one without a socket");
	*l = (struct rzs_listener){
		.fd = m->fd, .local = m->listener.local, .remove = m->listener.remove};
	m->listener.name[sizeof(m->listener.name) - 1] = '\0';
	strcpy(l->name, m->listener.name);
	out->nr_listeners++;
	m->fd = -1;
	return 0;
}

static int take_control(struct rzs_hand_message *m, struct rzs_successor_sockets *out, char *why)
{
	if (out->control >= 0 || m->fd < 0)
		return rzs_value_fail(why, -EPROTO, "two control sockets, or none");
	out->control = m->fd;
	out->control_remove = m->control.remove;
	m->control.path[sizeof(m->control.path) - 1] = '\0';
	strcpy(out->control_path, m->control.path);
	m->fd = -1;
	return 0;
}

/* Have the I/O threads adopt it.  m->fd is theirs then. */
static int adopt(struct rzs_successor *s, const struct rzs_peer_id *id,
		 struct rzs_nbd_session *session, bool owner, char *why)
{
	struct rzs_device *d = session->tag;
	int err = rzs_devices_enter(id, session);

	if (err < 0)
		return rzs_value_fail(why, err, "a connection: %s", strerror(-err));
	if (owner)
		(void)rzs_hold_take(&d->hold, session->client);
	err = rzs_io_adopt(s->io, s->m.fd, session, s->m.rest, s->m.len);
	if (err < 0) {
		rzs_front_closed(s->front, session);
		return rzs_value_fail(why, err, "a connection: %s", strerror(-err));
	}
	s->m.fd = -1;
	s->taken++;
	return 0;
}

static int take_connection(struct rzs_successor *s, char *why)
{
	struct rzs_hand_message *m = &s->m;
	struct rzs_hand_connection *h = &m->connection;
	struct rzs_nbd_session session = {
		.size = h->size,
		.max_payload = h->max_payload,
		.flags = h->flags,
		.structured = h->structured,
		.block_status = h->block_status,
		.context = h->context,
	};
	struct rzs_peer_id id = {
		.pid = (pid_t)h->pid,
		.start = h->start,
		.attaches = h->attaches,
		.address_len = h->address_len,
	};

	h->device[RZS_DEVICE_NAME_MAX] = '\0';
	if (!s->io || m->fd < 0 || h->address_len > RZS_PEER_ADDRESS_MAX)
		return rzs_value_fail(why, -EPROTO,
				      "a connection too early, or without a socket or address");
	memcpy(id.address, h->address, sizeof(id.address));
	session.tag = rzs_devices_find(s->devices, h->device, strlen(h->device));
	if (!session.tag)
		return rzs_value_fail(why, -EPROTO, "a connection to no device");
	return adopt(s, &id, &session, h->owner, why);
}

static int take_hello(struct rzs_successor *s, char *why)
{
	const struct rzs_hand_hello *hello = &s->m.hello;

	if (hello->protocol != RZS_HAND_PROTOCOL)
		return rzs_value_fail(why, -EPROTO, "it speaks version %u of the protocol, not %u",
				      RZS_HAND_PROTOCOL, hello->protocol);
	s->connections = hello->connections;
	return 0;
}

static int late(char *why)
{
	return rzs_value_fail(why, -EPROTO, "a device or socket after it was ready");
}

/* out NULL: only connections are to come. */
static int take_one(struct rzs_successor *s, struct rzs_successor_sockets *out, char *why)
{
	struct rzs_hand_message *m = &s->m;

	switch (m->kind) {
	case RZS_HAND_HELLO:
		return take_hello(s, why);
	case RZS_HAND_DEVICE:
		return out ? rzs_devices_receive(s->devices, m, why) : late(why);
	case RZS_HAND_LISTENER:
		return out ? take_listener(m, out, why) : late(why);
	case RZS_HAND_CONTROL:
		return out ? take_control(m, out, why) : late(why);
	case RZS_HAND_CONNECTION:
		return take_connection(s, why);
	default:
		return rzs_value_fail(why, -EPROTO, "a message that it does not know: %u", m->kind);
	}
}

/* Take all up to a message of kind last. */
static int take_until(struct rzs_successor *s, enum rzs_hand_kind last,
		      struct rzs_successor_sockets *out, char *why)
{
	for (;;) {
		/* What comes before STILL may take its time: clients' handshakes. */
		int err = rzs_hand_receive(s->fd, &s->m);

		if (err == -EAGAIN && last == RZS_HAND_STILL)
			continue;
		if (err < 0)
			return rzs_value_fail(why, err, "the old server: %s",
					      err == -EPIPE ? "it has given up or ended"
							    : strerror(-err));
		if (s->m.kind == last)
			return 0;
		err = take_one(s, out, why);
		if (s->m.fd >= 0)
			close(s->m.fd);
		if (err < 0)
			return err;
	}
}

/*
 * From GO on the stores are this process's.  Without it the predecessor goes on, if late: it does
 * not wait for anything between TAKEN and GO, but may wait for its turn.
 */
static int wait_for_go(struct rzs_successor *s, char *why)
{
	int err;

	do
		err = rzs_hand_receive(s->fd, &s->m);
	while (err == -EAGAIN);
	s->gone_ns = rzs_clock_ns();
	if (err < 0 || s->m.kind != RZS_HAND_GO)
		return rzs_value_fail(why, -EPROTO, "the old server has given up, and goes on");
	return 0;
}

int rzs_successor_begin(int fd, struct rzs_devices *devices,
			struct rzs_successor_sockets *out_sockets, unsigned *out_connections,
			struct rzs_successor **out, char why[RZS_WHY_MAX])
{
	struct rzs_successor *s = calloc(1, sizeof(*s));
	int err;

	*out = s;
	*out_connections = 0;
	*out_sockets = (struct rzs_successor_sockets){.control = -1};
	why[0] = '\0';
	if (!s)
		return rzs_value_fail(why, -ENOMEM, "no memory");
	s->fd = fd;
	s->devices = devices;
	err = rzs_hand_init(fd);
	if (err < 0)
		return rzs_value_fail(why, err, "%s", strerror(-err));
	err = take_until(s, RZS_HAND_PREPARE, out_sockets, why);
	*out_connections = s->connections;
	return err;
}

int rzs_successor_find(struct rzs_successor *s, char why[RZS_WHY_MAX])
{
	int err = rzs_hand_say(s->fd, RZS_HAND_READY, NULL);

	why[0] = '\0';
	if (err == 0)
		err = take_until(s, RZS_HAND_STILL, NULL, why);
	s->still_ns = rzs_clock_ns();
	if (err == 0)
		err = rzs_devices_find_blocks(s->devices);
	return err == 0 || why[0] ? err : rzs_value_fail(why, err, "%s", strerror(-err));
}

int rzs_successor_take(struct rzs_successor *s, struct rzs_io *io, struct rzs_front *front,
		       char why[RZS_WHY_MAX])
{
	int err = rzs_hand_say(s->fd, RZS_HAND_FOUND, NULL);

	s->found_ns = rzs_clock_ns();
	why[0] = '\0';
	s->io = io;
	s->front = front;
	if (err == 0)
		err = take_until(s, RZS_HAND_BYE, NULL, why);
	if (err == 0)
		err = rzs_hand_say(s->fd, RZS_HAND_TAKEN, NULL);
	s->taken_ns = rzs_clock_ns();
	if (err == 0)
		return wait_for_go(s, why);
	return why[0] ? err : rzs_value_fail(why, err, "%s", strerror(-err));
}

/* Microseconds between two times, which other processes' clocks may have read. */
static unsigned long long us(uint64_t from, uint64_t to)
{
	return to > from ? (to - from) / 1000 : 0;
}

void rzs_successor_served(const struct rzs_successor *s, uint64_t since)
{
	const struct rzs_hand_go *go = &s->m.go;
	struct rzs_takeovers t = {
		.nr = go->takeovers + 1,
		.last_ns = since > go->held_ns ? since - go->held_ns : 0,
		.worst_ns = go->worst_ns,
	};

	if (t.worst_ns < t.last_ns)
		t.worst_ns = t.last_ns;
	rzs_takeovers_set(&t);
	rzs_say("took over %u connections, which waited %llu us: %llu to be handed over, %llu for "
		"the word to go on, %llu for the stores; %llu us before for finding memory; "
		"takeover %u, worst %llu us",
		s->taken, us(go->held_ns, since), us(go->held_ns, s->taken_ns),
		us(s->taken_ns, s->gone_ns), us(s->gone_ns, since), us(s->still_ns, s->found_ns),
		t.nr, us(0, t.worst_ns));
}

void rzs_successor_refuse(struct rzs_successor *s, const char *why)
{
	if (s)
		(void)rzs_hand_say(s->fd, RZS_HAND_REFUSED, why);
}

void rzs_successor_close(struct rzs_successor *s)
{
	if (!s)
		return;
	close(s->fd);
	rzs_port_wipe(s->m.rest, sizeof(s->m.rest));
	free(s);
}
