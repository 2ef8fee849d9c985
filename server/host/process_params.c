/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parameters of a server's process; see process_params.h. */
#include "process_params.h"

#include <stdio.h>
#include <string.h>

#include "ram.h"
#include "watchdog.h"

int rzs_process_params_protect(const char *key, const char *value, enum rzs_protect_mode *out,
			       char why[RZS_WHY_MAX])
{
	enum rzs_protect_mode mode;

	if (rzs_protect_mode_parse(value, &mode) < 0)
		return rzs_value_bad(why, key, value, "expected auto, require or off");
	*out = mode;
	return 0;
}

int rzs_process_params_realtime(const char *key, const char *value, enum rzs_realtime *out,
				char why[RZS_WHY_MAX])
{
	static const char *const names[] = {
		[RZS_REALTIME_SWAP] = "swap",
		[RZS_REALTIME_ALWAYS] = "always",
		[RZS_REALTIME_NEVER] = "never",
	};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(value, names[i]) == 0) {
			*out = (enum rzs_realtime)i;
			return 0;
		}
	}
	return rzs_value_bad(why, key, value, "expected swap, always or never");
}

int rzs_process_params_set_ballast(const char *key, const char *value, uint64_t *out, bool *given,
				   char why[RZS_WHY_MAX])
{
	bool automatic = strcmp(value, "auto") == 0;
	int err = automatic ? 0 : rzs_value_size(key, value, out, why);

	if (err == 0)
		*given = !automatic;
	return err;
}

int rzs_process_params_ballast(uint64_t *ballast, bool given, char why[RZS_WHY_MAX])
{
	uint64_t ram = rzs_ram_usable();
	char bytes[24];

	if (!given)
		*ballast = rzs_watchdog_default_ballast(ram);
	if (ram == 0 || *ballast <= ram / 8)
		return 0;
	snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)*ballast);
	return rzs_value_bad(why, "ballast", bytes,
			     "more than an eighth of this machine's RAM, %llu bytes",
			     (unsigned long long)ram);
}
