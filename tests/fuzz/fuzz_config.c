/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target: bytes are a configuration file of rzsd.
 *
 * Checked: a complaint is one line without control characters, and all are counted; what is taken
 * stays within its arrays and bounds; what was read once and refused nothing does so again, with
 * the same outcome.
 *
 * Threading: none.
 */
#include <stdlib.h>
#include <string.h>

#include "config_private.h"
#include "fuzz.h"
#include "pages.h"

static struct rzsd_config config, again;
static unsigned told;

static void hear(void *arg, const char *text)
{
	(void)arg;
	told++;
	if (strlen(text) >= RZS_CONFIG_LINE_MAX || *text == '\0')
		abort();
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			abort();
}

static unsigned feed(struct rzsd_config *c, const uint8_t *data, size_t size)
{
	struct rzs_config_sink sink = {.config = c, .complain = hear};
	FILE *f = fmemopen((void *)(uintptr_t)data, size, "r");
	unsigned nr;

	if (!f)
		exit(99);
	told = 0;
	rzs_config_read_stream(&sink, f, "x");
	fclose(f);
	nr = rzs_config_complain_end(&sink);
	if (told > RZS_CONFIG_COMPLAINTS + 1 || (nr <= RZS_CONFIG_COMPLAINTS && told != nr))
		abort();
	return nr;
}

static void check(const struct rzsd_config *c)
{
	if (c->nr_listen < 1 || c->nr_listen > RZS_CONFIG_LISTENERS ||
	    c->nr_allow_user > RZS_CONFIG_USERS || c->nr_devices > RZS_CONFIG_DEVICES ||
	    c->threads > RZS_CONFIG_MAX_THREADS || c->handshake_timeout < 1 ||
	    c->max_connections < 1 || c->max_connections > RZS_CONFIG_MAX_CONNECTIONS ||
	    c->num_devices > (int)RZS_CONFIG_DEVICES)
		abort();
	for (unsigned i = 0; i < c->nr_devices; i++) {
		if (!rzs_device_name_ok(c->device[i].name) || !c->device[i].place[0].line)
			abort();
		for (unsigned j = 0; j < i; j++)
			if (strcmp(c->device[i].name, c->device[j].name) == 0)
				abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	rzs_config_init(&config);
	if (feed(&config, data, size) == 0) {
		rzs_config_init(&again);
		if (feed(&again, data, size) != 0 || memcmp(&config, &again, sizeof(again)) != 0)
			abort();
	}
	check(&config);
	told = 0;
	(void)rzs_config_complete(&config, hear, NULL);
	check(&config);
	return 0;
}

/* Lines in any order, of which most make sense, and now and then some bytes changed. */
size_t fuzz_seed(uint64_t seed, uint8_t *buf, size_t size)
{
	static const char *const lines[] = {
		"[server]\n",
		"[device swap0]\n",
		"[device a] ; comment\n",
		"  [device]\n",
		"[sever]\n",
		"listen = /run/x [::1]:5 127.0.0.1\n",
		"listen: unix:/y, tcp:0.0.0.0:99\n",
		"allow-user = 0, 5 7\n",
		"allow-tcp-anywhere = yes\r\n",
		"control = none\n",
		"threads=3\n",
		"max-connections = 0x20\n",
		"handshake-timeout = 999\n",
		"\tballast = min(ram / 512, 4)\n",
		"num-devices = 3\n",
		"log = syslog\n",
		"pid-file = /run/pid\n",
		"size = 25%\n",
		"size = max(64M, ram * 10%)\n",
		"size = 1000\n",
		"memlimit = 64M\n",
		"algorithm = zstd\n",
		"label = x\n",
		"uuid = 01234567-89ab-cdef-0123-456789abcdef\n",
		"swap-header = no\n",
		"init = off\n",
		"# comment\n",
		"\n",
		"protect = off",
		"\xef\xbb\xbf",
	};
	struct pages_rng rng = {seed};
	unsigned nr = 1 + (unsigned)pages_below(&rng, 40);
	size_t len = 0;

	while (nr--) {
		const char *line = lines[pages_below(&rng, sizeof(lines) / sizeof(lines[0]))];

		if (len + strlen(line) > size)
			break;
		memcpy(buf + len, line, strlen(line));
		len += strlen(line);
	}
	for (unsigned i = 0; len && i < seed % 4; i++)
		buf[pages_below(&rng, len)] = (uint8_t)pages_next(&rng);
	return len;
}
