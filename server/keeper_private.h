/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What keeper.c and keeper_packet.c share. */
#ifndef RZS_KEEPER_PRIVATE_H
#define RZS_KEEPER_PRIVATE_H

#include "keeper.h"

/* "KEEPER,PREDECESSOR,TAKEOVERS": two descriptors, the second perhaps -1, and a number. */
#define RZS_KEEPER_VARIABLE "RZSD_KEEPER"

#endif
