/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <linux/kernel.h>
#define EXPORT_SYMBOL_GPL(x)
#define MODULE_LICENSE(x)
#define MODULE_DESCRIPTION(x)
