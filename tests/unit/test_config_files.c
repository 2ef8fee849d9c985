/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rzsd's configuration: files and their order, and what is told to people in the manual. */
#include "config_rig.h"

#include <dirent.h>
#include <pwd.h>
#include <sys/stat.h>

static char root[64];

static void remove_root(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	if (system(command))
		fprintf(stderr, "%s: not removed\n", root);
}

static void make_root(void)
{
	strcpy(root, "/tmp/rzs-test-config-XXXXXX");
	T_NE(mkdtemp(root), NULL);
	atexit(remove_root);
}

static const char *path(const char *name)
{
	static char buf[4][256];
	static unsigned next;
	char *p = buf[next++ % 4];

	snprintf(p, sizeof(buf[0]), "%s/%s", root, name);
	return p;
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(path(name), "w");

	T_NE(f, NULL);
	T_GE(fputs(text, f), 0);
	T_EQ(fclose(f), 0);
}

static unsigned read_files(void)
{
	return rzs_config_read(&c, path("main"), hear, &c);
}

T_TEST(later_files_override_key_by_key)
{
	char why[RZS_WHY_MAX];

	make_root();
	T_EQ(mkdir(path("main.d"), 0700), 0);
	put("main", "[server]\nthreads=1\nmax-connections=1\nhandshake-timeout=1\n"
		    "listen=/a\nlisten=/b\nallow-user=1\n[device x]\nsize=1M\nlabel=main\n");
	put("main.d/B.conf", "[server]\nthreads=2\nmax-connections=2\nallow-user=2\n");
	put("main.d/a.conf", "[server]\nthreads=3\nlisten=/c\nlisten=/d /e\n"
			     "[device x]\nlabel=a\n[device y]\n");
	put("main.d/.hidden.conf", "[server]\nthreads=9\n");
	put("main.d/z.conf~", "[server]\nthreads=9\n");
	put("main.d/.conf", "[server]\nthreads=9\n");
	put("main.d/README", "nothing\n");
	fresh();
	T_EQ(read_files(), 0);
	T_EQ(c.threads, 3);
	T_EQ(c.max_connections, 2);
	T_EQ(c.handshake_timeout, 1);
	T_EQ(c.nr_listen, 3);
	T_STR_EQ(c.listen[0].text, "/c");
	T_STR_EQ(c.listen[2].text, "/e");
	T_EQ(c.nr_allow_user, 1);
	T_EQ(c.allow_user[0], 2);
	T_EQ(c.nr_devices, 2);
	T_STR_EQ(device("x")->params.label, "a");
	T_EQ(device("x")->params.size, 1u << 20);
	/* And the command line over all of them. */
	T_EQ(rzs_config_set(&c, "listen", "/f", why), 0);
	T_EQ(rzs_config_set(&c, "listen", "/g", why), 0);
	T_EQ(rzs_config_set_device(&c, "y", "memlimit", "1", why), 0);
	T_EQ(c.nr_listen, 2);
	T_STR_EQ(c.listen[0].text, "/f");
	T_STR_EQ(c.listen[1].text, "/g");
	T_EQ(rzs_config_complete(&c, hear, &c), 1);
	T_EQ(strncmp(said[0], "[device y] memlimit=1: ", 23), 0);
}

T_TEST(complaints_name_the_right_file)
{
	char want[300];

	make_root();
	T_EQ(mkdir(path("main.d"), 0700), 0);
	put("main", "[server]\nthreads=x\n[device x]\nsize=1M\n");
	put("main.d/1.conf", "[device x]\n\nmemlimit=1\n");
	fresh();
	T_EQ(read_files(), 1);
	snprintf(want, sizeof(want), "%s:2: threads=x: expected a number", path("main"));
	T_STR_EQ(said[0], want);
	T_EQ(rzs_config_complete(&c, hear, &c), 1);
	snprintf(want, sizeof(want), "%s:3: [device x] memlimit=1: a", path("main.d/1.conf"));
	T_EQ(strncmp(said[1], want, strlen(want)), 0);
}

T_TEST(files_that_are_not_there)
{
	char want[300];

	if (access(RZS_CONFIG_FILE, F_OK) != 0) {
		fresh();
		T_EQ(rzs_config_read(&c, NULL, hear, &c), 0);
	}
	make_root();
	fresh();
	T_EQ(read_files(), 1);
	snprintf(want, sizeof(want), "%s: cannot be read: No such file or directory", path("main"));
	T_STR_EQ(said[0], want);
	/* A folder is no file, a file no folder. */
	T_EQ(mkdir(path("main"), 0700), 0);
	put("main.d", "");
	fresh();
	T_EQ(read_files(), 2);
	snprintf(want, sizeof(want), "%s: cannot be read: Is a directory", path("main"));
	T_STR_EQ(said[0], want);
	snprintf(want, sizeof(want), "%s: cannot be read: Not a directory", path("main.d"));
	T_STR_EQ(said[1], want);
}

/* The linker has these called in place of what allocates; the nth call finds no memory. */
static unsigned calls, fail_at;

FILE *__real_fopen(const char *name, const char *mode);
FILE *__wrap_fopen(const char *name, const char *mode);
int __real_scandir(const char *name, struct dirent ***list, int (*filter)(const struct dirent *),
		   int (*compare)(const struct dirent **, const struct dirent **));
int __wrap_scandir(const char *name, struct dirent ***list, int (*filter)(const struct dirent *),
		   int (*compare)(const struct dirent **, const struct dirent **));
struct passwd *__real_getpwnam(const char *name);
struct passwd *__wrap_getpwnam(const char *name);

static bool fails(void)
{
	errno = ENOMEM;
	return ++calls == fail_at;
}

FILE *__wrap_fopen(const char *name, const char *mode)
{
	return fails() ? NULL : __real_fopen(name, mode);
}

int __wrap_scandir(const char *name, struct dirent ***list, int (*filter)(const struct dirent *),
		   int (*compare)(const struct dirent **, const struct dirent **))
{
	return fails() ? -1 : __real_scandir(name, list, filter, compare);
}

struct passwd *__wrap_getpwnam(const char *name)
{
	return fails() ? NULL : __real_getpwnam(name);
}

T_TEST(without_memory_it_says_so)
{
	unsigned complaints;

	make_root();
	T_EQ(mkdir(path("main.d"), 0700), 0);
	put("main", "[server]\nthreads=3\nallow-user=root\n");
	put("main.d/1.conf", "[server]\nthreads=5\n");
	for (unsigned nth = 1;; nth++) {
		fresh();
		calls = 0;
		fail_at = nth;
		complaints = read_files();
		fail_at = 0;
		if (calls < nth) {
			T_EQ(complaints, 0);
			T_GE(nth, 5);
			break;
		}
		T_EQ(complaints, 1);
		T_NE(strstr(said[0], root), NULL);
		T_NE(strstr(said[0], "memory"), NULL);
	}
}

/* What is told to the people. */

static char *whole_file(const char *name)
{
	const char *srcdir = getenv("srcdir");
	char file[512], *text = malloc(1u << 18);
	size_t n;
	FILE *f;

	snprintf(file, sizeof(file), "%s/%s", srcdir ? srcdir : ".", name);
	f = fopen(file, "r");
	if (!f || !text)
		T_FAIL("%s: cannot be read", file);
	n = fread(text, 1, (1u << 18) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

/* Each run of indented lines of the manual page that begins with a section. */
T_TEST(examples_of_the_manual_page)
{
	char *text = whole_file("server/rzsd.conf.pod"), example[4096] = "", *rest = text, *line;
	unsigned nr = 0;

	while ((line = strsep(&rest, "\n")) != NULL) {
		if (*line == ' ' && (*example || line[1] == '[')) {
			strcat(example, line + 1);
			strcat(example, "\n");
		} else if (*example && *line) {
			fresh();
			take(example);
			complete();
			T_GE(c.nr_devices, 1);
			nr++;
			*example = '\0';
		}
	}
	T_GE(nr, 5);
	free(text);
}

static void has_key(const char *text, const char *fmt, const char *key)
{
	char want[64];

	snprintf(want, sizeof(want), fmt, key);
	if (!strstr(text, want))
		T_FAIL("there is no \"%s\"", want);
}

T_TEST(every_key_is_described)
{
	char *page = whole_file("server/rzsd.conf.pod");
	char *sample = whole_file("server/rzsd.conf.example");

	for (unsigned i = 0; rzs_config_keys[i]; i++) {
		has_key(page, "=item B<%s=", rzs_config_keys[i]);
		has_key(sample, "\n#%s =", rzs_config_keys[i]);
	}
	for (unsigned i = 0; rzs_device_params_keys[i]; i++) {
		has_key(page, "=item B<%s=", rzs_device_params_keys[i]);
		has_key(sample, "\n#%s =", rzs_device_params_keys[i]);
	}
	has_key(page, "=item B<%s=", "init");
	has_key(sample, "\n#%s =", "init");
	free(page);
	free(sample);
}

/* As it is the sample changes nothing, and without its # neither, but for what it says itself. */
T_TEST(the_sample_file)
{
	static struct rzsd_config want;
	char *text = whole_file("server/rzsd.conf.example"), *p;

	fresh();
	complete();
	want = c;
	fresh();
	take(text);
	complete();
	T_EQ(c.nr_devices, 1);
	T_EQ(c.place[0].line, 0);
	for (p = text; (p = strstr(p, "\n#")) != NULL; p += 2)
		if (p[2] != ' ' && p[2] != '\n')
			p[1] = ' ';
	fresh();
	take(text);
	for (unsigned i = 0; i < RZS_CONFIG_KEYS; i++)
		T_NE(c.place[i].line, 0);
	complete();
	T_EQ(c.nr_listen, want.nr_listen);
	T_MEM_EQ(&c.listen, &want.listen, sizeof(c.listen));
	T_STR_EQ(c.control, want.control);
	T_EQ(c.nr_allow_user, 0);
	T_EQ(c.max_connections, want.max_connections);
	T_EQ(c.handshake_timeout, want.handshake_timeout);
	T_EQ(c.protect, want.protect);
	T_EQ(c.realtime, want.realtime);
	T_EQ(c.log, want.log);
	T_STR_EQ(c.pid_file, "");
	T_OK(!c.allow_tcp_anywhere && !c.verbose && !c.survive_shutdown);
	T_EQ(c.nr_devices, 1);
	T_STR_EQ(c.device[0].name, "swap0");
	T_OK(c.device[0].init);
	T_STR_EQ(c.device[0].params.store.codec, want.device[0].params.store.codec);
	T_EQ(c.device[0].params.store.limit_bytes, 0);
	T_EQ(c.device[0].params.store.reserve_bytes, 0);
	T_OK(!c.device[0].params.label_given && !c.device[0].params.store.no_checksum);
	free(text);
}
