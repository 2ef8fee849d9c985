/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which liblzo2 this process runs with, for those who may not include its headers. */
#ifndef RZS_LIBLZO_H
#define RZS_LIBLZO_H

/* As "2.10"; a constant string. */
const char *rzs_liblzo_version(void);

#endif
