/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parts of the JSON output that several commands have in common.  They cannot fail; errors are left
 * in the stream.
 *
 * Threading: one thread.
 */
#ifndef RZSC_SHOW_H
#define RZSC_SHOW_H

#include "rzsc_find.h"
#include "rzst_json.h"

/*
 * The members that identify a server: socket, program, version, pid, nbd_socket.  The kernel module
 * has no process and no sockets: they are null.
 */
void rzsc_show_server(struct rzst_json *j, const struct rzsc_found_server *s);

/* A number, or null if known is false. */
void rzsc_show_number(struct rzst_json *j, const char *key, bool known, uint64_t value);

/* An object of names with numbers; and one of names with texts. */
void rzsc_show_values(struct rzst_json *j, const char *key, const struct rzst_values *values);
void rzsc_show_texts(struct rzst_json *j, const char *key, const struct rzst_texts *texts);

#endif
