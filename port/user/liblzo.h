/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The version of liblzo2, for files that may not include its headers. */
#ifndef RZS_LIBLZO_H
#define RZS_LIBLZO_H

/* The version that this process runs with, such as "2.10"; a constant string.  Any thread. */
const char *rzs_liblzo_version(void);

#endif
