/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pieces of JSON that several commands have in common.
 *
 * Threading: one thread.
 */
#ifndef RZSC_SHOW_H
#define RZSC_SHOW_H

#include "rzsc_find.h"
#include "rzst_json.h"

/* Members that say which server it is: socket, program, version, pid, nbd_socket; the kernel has
 * no process and no sockets.
 */
void rzsc_show_server(struct rzst_json *j, const struct rzsc_found_server *s);

/* A number, or null when it is not known. */
void rzsc_show_number(struct rzst_json *j, const char *key, bool known, uint64_t value);

/* An object of names and numbers, and one of names and texts. */
void rzsc_show_values(struct rzst_json *j, const char *key, const struct rzst_values *values);
void rzsc_show_texts(struct rzst_json *j, const char *key, const struct rzst_texts *texts);

#endif
