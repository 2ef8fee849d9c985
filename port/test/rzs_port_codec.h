/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The test world compresses with what the user world compresses with. */
#include "../user/rzs_port_codec.h"
