/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The test environment has the codecs of the user environment. */
#include "../user/rzs_port_codec.h"
