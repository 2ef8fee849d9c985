/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rzsd's configuration: keys, sections, and every complaint with its place. */
#include "config_rig.h"
#include "listen.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

/* The text gives exactly one complaint: want, or what begins with it when it ends with dots. */
static void refuse(const char *text, const char *want)
{
	size_t len = strlen(want);

	fresh();
	T_EQ(feed("a.conf", text, strlen(text)), 1);
	T_EQ(nr_said, 1);
	if (len > 3 && strcmp(want + len - 3, "...") == 0) {
		if (strncmp(said[0], want, len - 3) != 0)
			T_FAIL("\"%s\" does not begin with \"%s\"", said[0], want);
	} else {
		T_STR_EQ(said[0], want);
	}
}

T_TEST(defaults)
{
	const struct sockaddr_un *sun = (const struct sockaddr_un *)&c.listen[0].addr;

	fresh();
	complete();
	T_EQ(c.nr_listen, 1);
	T_STR_EQ(c.listen[0].text, "/run/rzs/nbd.sock");
	T_EQ(sun->sun_family, AF_UNIX);
	T_STR_EQ(sun->sun_path, "/run/rzs/nbd.sock");
	T_STR_EQ(c.control, "/run/rzs/control.sock");
	T_GE(c.threads, 1);
	T_EQ(c.max_connections, 64);
	T_EQ(c.handshake_timeout, 10);
	T_EQ(c.nr_allow_user, 0);
	T_OK(!c.allow_tcp_anywhere && !c.verbose && !c.survive_shutdown && !c.survive);
	T_EQ(c.protect, RZS_PROTECT_AUTO);
	T_EQ(c.realtime, RZS_REALTIME_SWAP);
	T_GE(c.ballast, 1u << 20);
	T_EQ(c.log, RZS_CONFIG_LOG_AUTO);
	T_STR_EQ(c.pid_file, "");
	T_EQ(c.nr_devices, 1);
	T_STR_EQ(c.device[0].name, "swap0");
	T_OK(c.device[0].init);
}

/* Of a file, where values are lists. */
T_TEST(addresses_with_separators_in_them)
{
	char why[RZS_WHY_MAX];

	fresh();
	take("[server]\nlisten = \"/a b/c,d\", /e \"/f\",\"/g h\"\n");
	T_EQ(c.nr_listen, 4);
	T_STR_EQ(c.listen[0].text, "/a b/c,d");
	T_STR_EQ(c.listen[1].text, "/e");
	T_STR_EQ(c.listen[2].text, "/f");
	T_STR_EQ(c.listen[3].text, "/g h");
	/* Quotes elsewhere are what they are. */
	fresh();
	take("[server]\nlisten = /a\"b /c\" \n");
	T_EQ(c.nr_listen, 2);
	T_STR_EQ(c.listen[0].text, "/a\"b");
	T_STR_EQ(c.listen[1].text, "/c\"");
	/* On the command line an option is one. */
	fresh();
	T_EQ(rzs_config_set(&c, "listen", "/a b,c", why), 0);
	T_EQ(c.nr_listen, 1);
	T_STR_EQ(c.listen[0].text, "/a b,c");
	T_EQ(rzs_config_set(&c, "listen", "", why), -EINVAL);
	T_EQ(rzs_config_set(&c, "listen", " ", why), -EINVAL);
	T_EQ(c.nr_listen, 1);
}

T_TEST(localhost_is_of_both_families)
{
	struct sockaddr_in6 in6;
	char why[RZS_WHY_MAX];

	fresh();
	take("[server]\nlisten = tcp:localhost:99, /x\n");
	complete();
	T_EQ(c.nr_listen, 3);
	T_EQ(c.listen[0].addr.ss_family, AF_INET);
	T_OK(!c.listen[0].optional);
	T_EQ(c.listen[1].addr.ss_family, AF_INET6);
	T_OK(c.listen[1].optional);
	memcpy(&in6, &c.listen[1].addr, sizeof(in6));
	T_EQ(ntohs(in6.sin6_port), 99);
	T_OK(IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr));
	/* Both or none. */
	fresh();
	for (unsigned i = 1; i <= RZS_CONFIG_LISTENERS / 2; i++)
		T_EQ(rzs_config_set(&c, "listen", i % 2 ? "localhost" : "LOCALHOST:7", why), 0);
	T_EQ(c.nr_listen, RZS_CONFIG_LISTENERS);
	T_EQ(rzs_config_set(&c, "listen", "localhost:8", why), -EINVAL);
	T_EQ(c.nr_listen, RZS_CONFIG_LISTENERS);
}

T_TEST(keys_of_the_server)
{
	fresh();
	take("[server]\n"
	     "listen = unix:/a/b, 127.0.0.1:99\n"
	     "control = none\n"
	     "threads=3\n"
	     "max-connections = 0x10\n"
	     "handshake-timeout = 2\n"
	     "allow-user = 5 root\n"
	     "allow-tcp-anywhere = yes\n"
	     "protect = require\n"
	     "realtime = never\n"
	     "ballast = max(1M, 2)\n"
	     "num-devices = 2\n"
	     "log = syslog\n"
	     "verbose = on\n"
	     "survive-shutdown = 1\n"
	     "survive = yes\n"
	     "pid-file = /run/x.pid\n");
	complete();
	T_EQ(c.nr_listen, 2);
	T_STR_EQ(c.listen[0].text, "/a/b");
	T_STR_EQ(c.control, "");
	T_EQ(c.threads, 3);
	T_EQ(c.max_connections, 16);
	T_EQ(c.handshake_timeout, 2);
	T_EQ(c.nr_allow_user, 2);
	T_EQ(c.allow_user[0], 5);
	T_EQ(c.allow_user[1], 0);
	T_OK(c.allow_tcp_anywhere && c.verbose && c.survive_shutdown && c.survive);
	T_EQ(c.protect, RZS_PROTECT_REQUIRE);
	T_EQ(c.realtime, RZS_REALTIME_NEVER);
	T_EQ(c.ballast, 2u << 20);
	T_EQ(c.log, RZS_CONFIG_LOG_SYSLOG);
	T_STR_EQ(c.pid_file, "/run/x.pid");
	T_EQ(c.nr_devices, 2);
	T_STR_EQ(c.device[1].name, "swap1");
	T_OK(!c.device[0].init && !c.device[1].init);
}

T_TEST(devices)
{
	fresh();
	take("[device b]\n"
	     "size = min(ram, 64)\n"
	     "label = l\n"
	     "[device a]\n"
	     "init = no\n"
	     "[device swap1]\n"
	     "[device b]\n"
	     "size = 1M\n"
	     "wipe = yes\n"
	     "[server]\n"
	     "num-devices=2\n");
	complete();
	T_EQ(c.nr_devices, 4);
	T_STR_EQ(c.device[0].name, "b");
	T_STR_EQ(c.device[3].name, "swap0");
	T_EQ(device("b")->params.size, 1u << 20);
	T_STR_EQ(device("b")->params.size_text, "1M");
	T_STR_EQ(device("b")->params.label, "l");
	T_OK(device("b")->params.store.wipe);
	T_OK(device("b")->init);
	T_OK(!device("a")->init);
	T_OK(device("swap1")->init);
	T_OK(!device("swap0")->init);
	/* Only the caller that makes the device completes its parameters. */
	T_EQ(device("b")->params.store.nr_pages, 0);
	fresh();
	take("[server]\nnum-devices = 0\n");
	complete();
	T_EQ(c.nr_devices, 0);
}

T_TEST(what_a_line_may_look_like)
{
	char text[400];

	fresh();
	T_EQ(feed("a.conf", "", 0), 0);
	take("\xef\xbb\xbf[server]\r\n"
	     "\r\n"
	     "# threads = 9\r\n"
	     "  ; threads = 9\n"
	     "threads = 3 ; [server\r\n"
	     "  max-connections   =  7  \n"
	     "\thandshake-timeout: 8\n"
	     "   \n"
	     "  [ device\tx ] # of mine\n"
	     "label = a;b");
	T_EQ(c.threads, 3);
	T_EQ(c.max_connections, 7);
	T_EQ(c.handshake_timeout, 8);
	T_STR_EQ(device("x")->params.label, "a;b");
	/* The longest line, the longest name. */
	snprintf(text, sizeof(text), "[device %063d]\nsize=1M\n#%0189d\n", 1, 2);
	take(text);
	T_EQ(device(c.device[1].name)->params.size, 1u << 20);
	T_EQ(strlen(c.device[1].name), RZS_DEVICE_NAME_MAX);
}

T_TEST(every_complaint_has_its_place)
{
	char text[4096];

	refuse("[server]\n\nthreads = two\n", "a.conf:3: threads=two: expected a number");
	refuse("[server]\nthreads = 0\n", "a.conf:2: threads=0: expected 1 to 64");
	refuse("[server]\nthreds = 2\n", "a.conf:2: threds=2: not a key of the server; "
					 "did you mean threads?");
	refuse("[server]\nsize = 1G\n",
	       "a.conf:2: size=1G: this is a key of a device; it belongs under [device NAME]");
	refuse("[device a]\nthreads = 2\n",
	       "a.conf:2: threads=2: this is a key of the server; it belongs under [server]");
	refuse("[device a]\nalgoritm = lzo\n", "a.conf:2: algoritm=lzo: a device has no parameter "
					       "of this name; did you mean algorithm?");
	refuse("[device a]\ninit = maybe\n", "a.conf:2: init=maybe: expected true or false");
	refuse("[device a]\nsize = min(ram / 2, 40x6)\n",
	       "a.conf:2: size=min(ram / 2, 40x6): expected an operator, a comma or ) at \"x6)\"");
	refuse("[device a]\nsize = 1G # half\n",
	       "a.conf:2: size=1G # half: expected an operator at \"# half\"; after a value a "
	       "comment begins with ;");
	refuse("[device a]\nsize = 41K\n",
	       "a.conf:2: size=41K: not a multiple of 4096; the nearest are 40960 and 45056");
	refuse("size = 1G\n", "a.conf:1: size=1G: before the first section...");
	refuse("[sever]\nthreads = 0\nx = 1\n",
	       "a.conf:1: [sever]: no such section; did you mean [server]");
	refuse("[gl\x1b[0m]\n", "a.conf:1: [gl?[0m]: no such section; there are [device NAME] and "
				"[server]");
	refuse("[global]\n", "a.conf:1: [global]: no such section; there are [device NAME] and "
			     "[server]");
	refuse("[server", "a.conf:1: expected [server] or [device NAME]");
	refuse("[]", "a.conf:1: expected [server] or [device NAME]");
	refuse("[server] x", "a.conf:1: expected [server] or [device NAME]");
	refuse("[device a b]", "a.conf:1: expected [server] or [device NAME]");
	refuse("[server a]", "a.conf:1: [server]: this section has no name");
	refuse("[device]\nsize = 1\n",
	       "a.conf:1: [device]: a name is missing, as in [device swap0]");
	refuse("[device a/b]", "a.conf:1: device=a/b: a device's name is 1 to 63 of ...");
	refuse("[server]\n= 5\n", "a.conf:2: =5: not a key of the server");
	refuse("[server]\nverbose\n# and\n", "a.conf:2: expected KEY = VALUE...");
	refuse("[server]\nverbose", "a.conf:2: expected KEY = VALUE...");
	refuse("[server]\nlog = stdout", "a.conf:2: log=stdout: expected auto, stderr or syslog");
	refuse("[server]\ncontrol = ctl.sock",
	       "a.conf:2: control=ctl.sock: expected a path that...");
	refuse("[server]\nallow-user = nobody-of-this-name",
	       "a.conf:2: allow-user=nobody-of-this-name: there is no such user");
	refuse("[server]\nallow-user = -1", "a.conf:2: allow-user=-1: there is no such user");
	snprintf(text, sizeof(text), "[server]\npid-file = /%0180d\n", 1);
	refuse(text, "a.conf:2: longer than 190 bytes...");
}

/* A line that is too long does not end in the middle of its value and be taken. */
T_TEST(no_line_is_cut_short)
{
	char text[4096];

	fresh();
	snprintf(text, sizeof(text), "[server]\nlisten = %0*d\n[device a]\nsize=1M\n", 3000, 1);
	T_EQ(feed("a.conf", text, strlen(text)), 1);
	T_EQ(strncmp(said[0], "a.conf:2: longer than 190 bytes", 31), 0);
	T_EQ(c.place[0].line, 0);
	T_EQ(device("a")->params.size, 1u << 20);
	fresh();
	T_EQ(feed("a.conf", "[server]\nverbose = yes\0no\n", 26), 1);
	T_STR_EQ(said[0], "a.conf:2: a zero byte: this is not a text file");
	T_OK(!c.verbose);
}

T_TEST(a_file_has_an_end)
{
	size_t len = 3u << 20;
	char *text = malloc(len);

	T_NE(text, NULL);
	fresh();
	memset(text, '\n', len);
	T_EQ(feed("a.conf", text, len), 1);
	T_NE(strstr(said[0], "the file is larger than 1048576 bytes"), NULL);
	fresh();
	memset(text, 'x', len);
	T_EQ(feed("a.conf", text, len), 1);
	T_NE(strstr(said[0], "a.conf:1: the file is larger than 1048576 bytes"), NULL);
	free(text);
}

T_TEST(all_are_told_up_to_a_bound)
{
	char text[4096] = "[server]\n";

	for (unsigned i = 0; i < 50; i++)
		strcat(text, i % 2 ? "threads = 0\n" : "nothing\n");
	fresh();
	T_EQ(feed("a.conf", text, strlen(text)), 50);
	T_EQ(nr_said, RZS_CONFIG_COMPLAINTS + 1);
	for (unsigned i = 0; i < RZS_CONFIG_COMPLAINTS; i++) {
		snprintf(text, sizeof(text), "a.conf:%u: %s", i + 2,
			 i % 2 ? "threads" : "expected");
		if (strncmp(said[i], text, strlen(text)) != 0)
			T_FAIL("\"%s\" is not of %s", said[i], text);
	}
	T_STR_EQ(said[RZS_CONFIG_COMPLAINTS], "and 30 more errors");
}

T_TEST(what_must_fit_together)
{
	fresh();
	take("[server]\n"
	     "listen = 0.0.0.0\n"
	     "listen = /run/rzs/control.sock\n"
	     "listen = /x /x\n"
	     "ballast = 90%\n"
	     "[device a]\n"
	     "memlimit = 1\n"
	     "[device b]\n"
	     "size = 1M\n"
	     "memlimit = 1M\n"
	     "reserve = 1M\n"
	     "\n"
	     "[device c]\n"
	     "level = 77\n"
	     "[device d]\n"
	     "size = 36K\n"
	     "label = x\n");
	T_EQ(rzs_config_complete(&c, hear, &c), 8);
	T_EQ(strncmp(said[0], "a.conf:5: ballast=", 18), 0);
	T_EQ(strncmp(said[1], "a.conf:4: listen=0.0.0.0: whoever", 33), 0);
	T_NE(strstr(said[1], "allow-tcp-anywhere=yes"), NULL);
	T_EQ(strncmp(said[2], "a.conf:4: listen=/run/rzs/control.sock: the control", 51), 0);
	T_EQ(strncmp(said[3], "a.conf:4: listen=/x: given twice", 32), 0);
	T_EQ(strncmp(said[4], "a.conf:7: [device a] memlimit=1: a store of this", 48), 0);
	T_EQ(strncmp(said[5], "a.conf:11: [device b] reserve=1M: leaves nothing", 48), 0);
	T_EQ(strncmp(said[6], "a.conf:14: [device c] level=77: not a level", 43), 0);
	T_EQ(strncmp(said[7], "a.conf:17: [device d] label: there is no swap header", 52), 0);
	T_EQ(nr_said, 8);
}

T_TEST(too_many)
{
	char name[32], why[RZS_WHY_MAX], text[512] = "[server]\nlisten = ";

	fresh();
	for (unsigned i = 0; i < RZS_CONFIG_DEVICES; i++) {
		snprintf(name, sizeof(name), "d%u", i);
		T_EQ(rzs_config_set_device(&c, name, "size", "1M", why), 0);
	}
	T_EQ(rzs_config_set_device(&c, "one-more", "size", "1M", why), -ENOSPC);
	T_STR_EQ(why, "device=one-more: more than 64 devices");
	T_EQ(rzs_config_set_device(&c, "d63", "size", "2M", why), 0);
	T_EQ(rzs_config_set(&c, "num-devices", "1", why), 0);
	T_EQ(rzs_config_complete(&c, hear, &c), 1);
	T_STR_EQ(said[0], "num-devices=1: device=swap0: more than 64 devices");
	for (unsigned i = 0; i < RZS_CONFIG_LISTENERS; i++)
		strcat(text, "/x ");
	fresh();
	take(text);
	strcat(text, "/x");
	T_EQ(feed("b.conf", text, strlen(text)), 1);
	T_NE(strstr(said[0], "more than 8 addresses"), NULL);
	T_EQ(c.nr_listen, 8);
	strcpy(text, "[server]\nallow-user = 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0");
	take(text);
	T_EQ(c.nr_allow_user, RZS_CONFIG_USERS);
	strcat(text, " 0");
	T_EQ(feed("b.conf", text, strlen(text)), 1);
	fresh();
	for (unsigned i = 1; i < RZS_CONFIG_FILES; i++)
		take("");
	T_EQ(feed("last.conf", "[server]\n", 9), 1);
	T_STR_EQ(said[0], "last.conf: not read: too many files");
}

static bool listens(const char *text, int family, int port)
{
	struct rzs_config_listen l;
	char why[RZS_WHY_MAX];

	if (rzs_config_listen_parse("listen", text, &l, why))
		T_FAIL("%s", why);
	T_EQ(l.addr.ss_family, family);
	if (family == AF_INET) {
		T_EQ(l.addr_len, sizeof(struct sockaddr_in));
		T_EQ(ntohs(((struct sockaddr_in *)&l.addr)->sin_port), port);
	} else if (family == AF_INET6) {
		T_EQ(l.addr_len, sizeof(struct sockaddr_in6));
		T_EQ(ntohs(((struct sockaddr_in6 *)&l.addr)->sin6_port), port);
	}
	return rzs_listen_is_local(&l.addr);
}

T_TEST(addresses)
{
	static const char *const bad[] = {
		"relative.sock", "unix:x",
		"unix:",	 "",
		"tcp:",		 "1.2.3.4:0",
		"1.2.3.4:",	 "1.2.3.4:65536",
		"1.2.3.4:http",	 "example.org:10809",
		"[::1",		 "[::1]x",
		"[::1]:",	 "[1.2.3.4.5]:1",
		"1.2.3",	 "fe80::1%eth0",
		"*:10809",	 ":10809",
		"[]:10809",
	};
	struct rzs_config_listen l;
	char why[RZS_WHY_MAX], text[200];

	T_OK(listens("/x", AF_UNIX, 0));
	T_OK(listens("unix:/x:1", AF_UNIX, 0));
	T_OK(listens("127.0.0.1:99", AF_INET, 99));
	T_OK(listens("tcp:127.1.2.3", AF_INET, 10809));
	T_OK(listens("localhost:65535", AF_INET, 65535));
	T_OK(listens("[::1]:1", AF_INET6, 1));
	T_OK(listens("[::1]", AF_INET6, 10809));
	T_OK(listens("tcp:::1", AF_INET6, 10809));
	T_OK(listens("[::ffff:127.0.0.1]:7", AF_INET, 7));
	T_OK(!listens("[::ffff:192.0.2.1]:7", AF_INET, 7));
	T_OK(!listens("0.0.0.0:99", AF_INET, 99));
	T_OK(!listens("192.0.2.1", AF_INET, 10809));
	T_OK(!listens("[::]:99", AF_INET6, 99));
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (rzs_config_listen_parse("listen", bad[i], &l, why) != -EINVAL)
			T_FAIL("%s is taken", bad[i]);
	snprintf(text, sizeof(text), "/%0106d", 1);
	T_OK(listens(text, AF_UNIX, 0));
	snprintf(text, sizeof(text), "/%0107d", 1);
	T_EQ(rzs_config_listen_parse("listen", text, &l, why), -EINVAL);
	T_NE(strstr(why, "at most 107 bytes"), NULL);
}
