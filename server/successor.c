/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Taking over; see successor.h.
 *
 * All memory for the connections' bytes is there before the predecessor ends.  The end of its
 * stream after GO says that it does not use the stores any more: the kernel closes a process's
 * files after all of its threads have left its memory.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hand.h"
#include "successor.h"

struct taken {
	struct taken *next;
	int fd;
	struct rzs_peer_id id;
	bool owner;
	struct rzs_nbd_session session;
	uint32_t len;
	uint8_t early[];
};

struct rzs_successor {
	struct rzs_devices *devices;
	struct taken *first, **end; /* in order of arrival */
	unsigned nr, max;
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

static int take_connection(struct rzs_successor *s, char *why)
{
	struct rzs_hand_message *m = &s->m;
	struct rzs_hand_connection *h = &m->connection;
	struct taken *t;

	h->device[RZS_DEVICE_NAME_MAX] = '\0';
	if (m->fd < 0 || h->address_len > RZS_PEER_ADDRESS_MAX)
		return rzs_value_fail(why, -EPROTO, "a connection without a socket or address");
	if (s->nr == s->max)
		return rzs_value_fail(why, -EBUSY, "more than max-connections=%u", s->max);
	t = calloc(1, sizeof(*t) + m->len);
	if (!t)
		return rzs_value_fail(why, -ENOMEM, "no memory for a connection");
	*t = (struct taken){
		.fd = m->fd,
		.owner = h->owner,
		.id = {.pid = (pid_t)h->pid,
		       .start = h->start,
		       .attaches = h->attaches,
		       .address_len = h->address_len},
		.session = {.tag = rzs_devices_find(s->devices, h->device, strlen(h->device)),
			    .size = h->size,
			    .max_payload = h->max_payload,
			    .flags = h->flags,
			    .structured = h->structured,
			    .block_status = h->block_status,
			    .context = h->context},
		.len = m->len,
	};
	memcpy(t->id.address, h->address, sizeof(t->id.address));
	memcpy(t->early, m->rest, m->len);
	m->fd = -1;
	*s->end = t;
	s->end = &t->next;
	s->nr++;
	if (t->session.tag)
		return 0;
	return rzs_value_fail(why, -EPROTO, "a connection to no device");
}

static int take_one(struct rzs_successor *s, struct rzs_successor_sockets *out, char *why)
{
	struct rzs_hand_message *m = &s->m;

	switch (m->kind) {
	case RZS_HAND_HELLO:
		if (m->hello.protocol == RZS_HAND_PROTOCOL)
			return 0;
		return rzs_value_fail(why, -EPROTO, "it speaks version %u of the protocol, not %u",
				      RZS_HAND_PROTOCOL, m->hello.protocol);
	case RZS_HAND_DEVICE:
		return rzs_devices_receive(s->devices, m, why);
	case RZS_HAND_LISTENER:
		return take_listener(m, out, why);
	case RZS_HAND_CONTROL:
		return take_control(m, out, why);
	case RZS_HAND_CONNECTION:
		return take_connection(s, why);
	default:
		return rzs_value_fail(why, -EPROTO, "a message that it does not know: %u", m->kind);
	}
}

/* Take all up to a message of kind last, and answer that. */
static int take_until(struct rzs_successor *s, int fd, enum rzs_hand_kind last,
		      enum rzs_hand_kind answer, struct rzs_successor_sockets *out, char *why)
{
	for (;;) {
		/* What comes between the two parts may take its time: clients' handshakes. */
		int err = rzs_hand_receive(fd, &s->m);

		if (err == -EAGAIN && last == RZS_HAND_BYE)
			continue;
		if (err < 0)
			return rzs_value_fail(why, err, "the old server: %s",
					      err == -EPIPE ? "it has given up or ended"
							    : strerror(-err));
		if (s->m.kind == last)
			return rzs_hand_say(fd, answer, NULL);
		err = take_one(s, out, why);
		if (s->m.fd >= 0)
			close(s->m.fd);
		if (err < 0) {
			(void)rzs_hand_say(fd, RZS_HAND_REFUSED, why);
			return err;
		}
	}
}

/* Wait for the end of the predecessor. */
static int wait_for_end(struct rzs_successor *s, int fd, char *why)
{
	int err = rzs_hand_receive(fd, &s->m);

	if (err < 0 || s->m.kind != RZS_HAND_GO)
		return rzs_value_fail(why, -EPROTO, "the old server has given up, and goes on");
	do
		err = rzs_hand_receive(fd, &s->m);
	while (err == -EAGAIN);
	return err == -EPIPE ? 0 : rzs_value_fail(why, -EPROTO, "the old server goes on");
}

static void free_all(struct rzs_successor *s)
{
	struct taken *t, *next;

	for (t = s->first; t; t = next) {
		next = t->next;
		if (t->fd >= 0)
			close(t->fd);
		rzs_port_wipe(t->early, t->len);
		free(t);
	}
	rzs_port_wipe(s->m.rest, sizeof(s->m.rest));
	free(s);
}

int rzs_successor_take(int fd, struct rzs_devices *devices, unsigned max_connections,
		       struct rzs_successor_sockets *out_sockets, struct rzs_successor **out,
		       char why[RZS_WHY_MAX])
{
	struct rzs_successor *s = calloc(1, sizeof(*s));
	int err;

	*out = NULL;
	*out_sockets = (struct rzs_successor_sockets){.control = -1};
	why[0] = '\0';
	if (!s)
		return rzs_value_fail(why, -ENOMEM, "no memory");
	s->devices = devices;
	s->end = &s->first;
	s->max = max_connections;
	err = rzs_hand_init(fd);
	if (err == 0)
		err = take_until(s, fd, RZS_HAND_PREPARE, RZS_HAND_READY, out_sockets, why);
	if (err == 0)
		err = take_until(s, fd, RZS_HAND_BYE, RZS_HAND_TAKEN, out_sockets, why);
	if (err == 0)
		err = wait_for_end(s, fd, why);
	close(fd);
	if (err < 0)
		free_all(s);
	else
		*out = s;
	if (err < 0 && !why[0])
		rzs_value_fail(why, err, "%s", strerror(-err));
	return err;
}

/* ---- when it has ended ---- */

static int serve(struct taken *t, struct rzs_io *io, struct rzs_front *front)
{
	struct rzs_device *d = t->session.tag;
	int err = rzs_devices_enter(&t->id, &t->session);

	if (err < 0)
		return err;
	if (t->owner)
		(void)rzs_hold_take(&d->hold, t->session.client);
	err = rzs_io_adopt(io, t->fd, &t->session, t->early, t->len);
	if (err < 0)
		rzs_front_closed(front, &t->session);
	return err;
}

unsigned rzs_successor_serve(struct rzs_successor *s, struct rzs_io *io, struct rzs_front *front)
{
	unsigned failed = 0;

	for (struct taken *t = s->first; t; t = t->next)
		if (serve(t, io, front) < 0)
			failed++;
		else
			t->fd = -1;
	free_all(s);
	return failed;
}
