/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzsa_server.h. */
#define _GNU_SOURCE
#include "rzsa_server.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_MS 10000 /* on a machine that swaps, a server that works may need seconds */
#define FRESH_MS  10000 /* older figures are none */
#define AGAIN_MS  2000	/* between two connections */
#define SCAN_MS	  5000	/* between two looks for sockets */

/* What follows are wishes: ASK_WISH + enum rzsa_wish. */
enum { ASK_SERVER, ASK_LIST, ASK_WISH };

/* ---- one connection ---- */

/* There is an answer to what was asked first, or there will be none. */
static void tell(struct rzsa_servers *all, unsigned asked, enum rzsa_outcome outcome,
		 const char *path, const char *why)
{
	struct rzsa_wished *w = asked < ASK_WISH ? NULL : &all->wished[asked - ASK_WISH];

	if (!w || !w->asked)
		return;
	w->asked = false;
	w->told = true;
	w->outcome = outcome;
	w->why[0] = '\0';
	if (*why)
		snprintf(w->why, sizeof(w->why), "%s: %s", path, why);
	rzst_tame(w->why);
}

static void hang_up(struct rzsa_servers *all, struct rzsa_server *s, int64_t now, const char *why)
{
	for (unsigned i = 0; i < s->nr_asked; i++)
		tell(all, s->asked[i], RZSA_INTERRUPTED, s->path, why);
	close(s->fd);
	s->fd = -1;
	s->nr_asked = 0;
	s->again = now + AGAIN_MS;
}

/* False: it cannot be reached. */
static bool dial(struct rzsa_server *s)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	memcpy(address.sun_path, s->path, sizeof(address.sun_path));
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return false;
	memset(&s->reply, 0, sizeof(s->reply));
	s->nr_asked = s->nr_next = 0;
	s->cannot_compact = false;
	/* It does not wait, not even for a server whose queue is full. */
	if (connect(s->fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return true;
	close(s->fd);
	s->fd = -1;
	return false;
}

/* What does not fit into the socket's buffer at once is not read by anybody. */
static bool ask(struct rzsa_server *s, int what, const char *const *words, unsigned nr, int64_t now)
{
	char line[256];
	size_t len = rzs_ctl_put_request(line, sizeof(line), words, nr);

	if (s->nr_asked == RZSA_ASKED_MAX || len == 0 || len > sizeof(line) ||
	    send(s->fd, line, len, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)len)
		return false;
	if (s->nr_asked == 0)
		s->since = now;
	s->asked[s->nr_asked++] = (unsigned char)what;
	return true;
}

/* ---- answers ---- */

static uint64_t number_of(const struct rzs_ctl_words *w, const char *key)
{
	const char *text = rzs_ctl_value(w, 1, key);
	uint64_t n = 0;

	if (text)
		(void)rzst_number_parse(text, &n);
	return n;
}

static void take_data(struct rzsa_server *s)
{
	const struct rzs_ctl_words *w = &s->reply.words;
	struct rzsa_device *d = &s->next[s->nr_next];
	const char *state = rzs_ctl_value(w, 1, "state");

	if (s->nr_asked == 0)
		return;
	if (s->asked[0] == ASK_SERVER && w->nr == 2 && strcmp(w->word[0], "pid") == 0)
		(void)rzst_number_parse(w->word[1], &s->pid);
	if (s->asked[0] != ASK_LIST || s->nr_next == RZSA_DEVICES_MAX || !state ||
	    strcmp(state, "ready") != 0 || strlen(w->word[0]) >= sizeof(d->name))
		return;
	strcpy(d->name, w->word[0]);
	d->stored = number_of(w, "stored");
	d->mem = number_of(w, "mem");
	d->limit = number_of(w, "memlimit");
	s->nr_next++;
}

static enum rzsa_outcome outcome_of(int err)
{
	return err == 0 ? RZSA_DONE : err == -ENOMEM ? RZSA_NO_MEMORY : RZSA_REFUSED;
}

/* An answer is complete; err: 0 or what the server says. */
static void take_end(struct rzsa_servers *all, struct rzsa_server *s, int err, int64_t now)
{
	if (s->asked[0] == ASK_LIST && err == 0) {
		memcpy(s->device, s->next, sizeof(s->device));
		s->nr = s->nr_next;
		s->heard = now;
	}
	/* Of the verb alone it says so: the words are right, and the device is there. */
	if (s->asked[0] == ASK_WISH + RZSA_WISH_COMPACT && err == -EINVAL)
		s->cannot_compact = true;
	tell(all, s->asked[0], outcome_of(err), s->path, err < 0 ? s->reply.message : "");
	s->nr_next = 0;
	s->nr_asked--;
	memmove(s->asked, s->asked + 1, s->nr_asked);
	s->since = now;
}

/* NULL, or why nothing more is to be expected. */
static const char *take_bytes(struct rzsa_servers *all, struct rzsa_server *s, const char *in,
			      size_t len, int64_t now)
{
	size_t used;

	for (; len; in += used, len -= used) {
		enum rzs_ctl_output what = rzs_ctl_reply_feed(&s->reply, in, len, &used);

		if (what == RZS_CTL_GREETING && s->reply.protocol != RZS_CTL_PROTOCOL)
			return "speaks another protocol";
		if (what == RZS_CTL_BROKEN)
			return "is no control socket";
		if (what == RZS_CTL_DATA)
			take_data(s);
		if (what != RZS_CTL_OK && what != RZS_CTL_ERROR)
			continue;
		if (!s->reply.greeted || s->nr_asked == 0)
			return "takes no more clients";
		take_end(all, s, s->reply.error, now);
	}
	return NULL;
}

static void hear(struct rzsa_servers *all, struct rzsa_server *s, int64_t now)
{
	const char *why = NULL;
	char in[1024];
	ssize_t n;

	/* No more at a time than it can answer: one that never ends does not keep us. */
	for (unsigned i = 0; s->fd >= 0 && i < 16; i++) {
		n = recv(s->fd, in, sizeof(in), MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n > 0)
			why = take_bytes(all, s, in, (size_t)n, now);
		else
			why = "its server has ended the connection";
		if (why)
			hang_up(all, s, now, why);
	}
}

/* ---- all of them ---- */

void rzsa_servers_init(struct rzsa_servers *s)
{
	memset(s, 0, sizeof(*s));
	s->scanned = -1;
	for (unsigned i = 0; i < RZSA_SERVERS_MAX; i++)
		s->v[i].fd = -1;
}

void rzsa_servers_close(struct rzsa_servers *s)
{
	for (unsigned i = 0; i < RZSA_SERVERS_MAX; i++)
		if (s->v[i].fd >= 0)
			close(s->v[i].fd);
	rzsa_servers_init(s);
}

static void add(struct rzsa_servers *s, const char *dir, const char *name)
{
	struct rzsa_server *unused = NULL;
	char path[sizeof(unused->path)];

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return;
	for (unsigned i = 0; i < RZSA_SERVERS_MAX; i++) {
		if (strcmp(s->v[i].path, path) == 0)
			return;
		if (!*s->v[i].path && !unused)
			unused = &s->v[i];
	}
	if (!unused)
		return;
	memset(unused, 0, sizeof(*unused));
	strcpy(unused->path, path);
	unused->fd = -1;
	unused->heard = -1;
}

/* readdir() would allocate. */
static void scan(struct rzsa_servers *s)
{
	char dir[RZST_PATH_MAX];
	_Alignas(struct dirent64) char text[2048];
	long n;
	int fd;

	if (rzst_path(dir, sizeof(dir), RZST_RUN_DIR) < 0)
		return;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	while ((n = syscall(SYS_getdents64, fd, text, sizeof(text))) > 0) {
		for (long at = 0; at < n;) {
			const struct dirent64 *entry = (const void *)(text + at);

			if (entry->d_type == DT_SOCK)
				add(s, dir, entry->d_name);
			at += entry->d_reclen;
		}
	}
	close(fd);
}

static void tick_one(struct rzsa_servers *all, struct rzsa_server *s, int64_t now)
{
	static const char *const server[] = {"server"}, *const list[] = {"list"};

	if (s->fd >= 0 && s->nr_asked && now - s->since >= ANSWER_MS)
		hang_up(all, s, now, "does not answer");
	if (s->fd < 0) {
		if (now < s->again)
			return;
		if (!dial(s)) {
			/* One that comes back is found again. */
			if (s->heard < 0 || now - s->heard >= FRESH_MS)
				s->path[0] = '\0';
			s->again = now + AGAIN_MS;
			return;
		}
	}
	if (s->nr_asked)
		return;
	if (!ask(s, ASK_SERVER, server, 1, now) || !ask(s, ASK_LIST, list, 1, now))
		hang_up(all, s, now, "reads nothing");
}

void rzsa_servers_tick(struct rzsa_servers *s, int64_t now)
{
	if (s->scanned < 0 || now - s->scanned >= SCAN_MS) {
		s->scanned = now;
		scan(s);
	}
	for (unsigned i = 0; i < RZSA_SERVERS_MAX; i++)
		if (*s->v[i].path)
			tick_one(s, &s->v[i], now);
}

void rzsa_servers_poll(const struct rzsa_servers *s, struct pollfd p[RZSA_SERVERS_MAX])
{
	for (unsigned i = 0; i < RZSA_SERVERS_MAX; i++)
		p[i] = (struct pollfd){s->v[i].fd, POLLIN, 0};
}

void rzsa_servers_take(struct rzsa_servers *s, const struct pollfd p[RZSA_SERVERS_MAX], int64_t now)
{
	for (unsigned i = 0; i < RZSA_SERVERS_MAX; i++)
		if (p[i].fd >= 0 && p[i].fd == s->v[i].fd && p[i].revents)
			hear(s, &s->v[i], now);
}

static const struct rzsa_device *find(const struct rzsa_server *s, const struct rzst_nbd *nbd)
{
	if (!*nbd->name)
		return s->nr == 1 ? &s->device[0] : NULL;
	for (unsigned i = 0; i < s->nr; i++)
		if (strcmp(s->device[i].name, nbd->name) == 0)
			return &s->device[i];
	return NULL;
}

static const struct rzsa_server *server_of(const struct rzsa_servers *s, const struct rzst_nbd *nbd,
					   int64_t now)
{
	for (unsigned i = 0; nbd->server_pid && i < RZSA_SERVERS_MAX; i++) {
		const struct rzsa_server *v = &s->v[i];

		if (*v->path && v->heard >= 0 && v->pid == nbd->server_pid &&
		    now - v->heard < FRESH_MS)
			return v;
	}
	return NULL;
}

const struct rzsa_device *rzsa_servers_device(const struct rzsa_servers *s,
					      const struct rzst_nbd *nbd, int64_t now,
					      bool *compacts)
{
	const struct rzsa_server *v = server_of(s, nbd, now);

	*compacts = v && !v->cannot_compact;
	return v ? find(v, nbd) : NULL;
}

/* VERB NAME [setting] */
static int wish(struct rzsa_servers *s, enum rzsa_wish what, const struct rzst_nbd *nbd,
		const char *verb, const char *setting, int64_t now)
{
	struct rzsa_server *v = (struct rzsa_server *)server_of(s, nbd, now);
	const struct rzsa_device *d = v ? find(v, nbd) : NULL;
	const char *words[3] = {verb, d ? d->name : "", setting};

	if (s->wished[what].asked)
		return -EBUSY;
	if (!d || v->fd < 0)
		return -ENODEV;
	if (!ask(v, ASK_WISH + (int)what, words, setting ? 3 : 2, now))
		return -EIO;
	s->wished[what].asked = true;
	return 0;
}

int rzsa_servers_set_limit(struct rzsa_servers *s, const struct rzst_nbd *nbd, uint64_t bytes,
			   int64_t now)
{
	char setting[40];

	snprintf(setting, sizeof(setting), "memlimit=%llu", (unsigned long long)bytes);
	return wish(s, RZSA_WISH_LIMIT, nbd, "set", setting, now);
}

int rzsa_servers_compact(struct rzsa_servers *s, const struct rzst_nbd *nbd, int64_t now)
{
	return wish(s, RZSA_WISH_COMPACT, nbd, "compact", NULL, now);
}

bool rzsa_servers_outcome(struct rzsa_servers *s, enum rzsa_wish wish, enum rzsa_outcome *out,
			  char why[RZSA_WHY_MAX])
{
	struct rzsa_wished *w = &s->wished[wish];

	if (!w->told)
		return false;
	w->told = false;
	*out = w->outcome;
	memcpy(why, w->why, RZSA_WHY_MAX);
	return true;
}
