/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rzsd's configuration: files and their order, and the examples that users get. */
#include "config_rig.h"
#include "t_scratch.h"

#include <dirent.h>
#include <pwd.h>
#include <sys/stat.h>

static const char *path(const char *name)
{
	static char buf[4][256];
	static unsigned next;
	char *p = buf[next++ % 4];

	snprintf(p, sizeof(buf[0]), "%s/%s", t_scratch(), name);
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
	fresh();
	T_EQ(read_files(), 1);
	snprintf(want, sizeof(want), "%s: cannot be read: No such file or directory", path("main"));
	T_STR_EQ(said[0], want);
	/* A directory is not a file, and a file is not a directory. */
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
		T_NE(strstr(said[0], t_scratch()), NULL);
		T_NE(strstr(said[0], "memory"), NULL);
	}
}

/* What users get to read. */

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

static bool build_has(const char *codec)
{
	const char *name;

	for (unsigned i = 0; (name = rzs_codec_name(i)) != NULL; i++)
		if (strcmp(name, codec) == 0)
			return true;
	return false;
}

/* The algorithms that the example names, and this build is without. */
static unsigned nr_missing(const char *example)
{
	const char key[] = "\nalgorithm = ";
	unsigned nr = 0;

	for (const char *line = example; (line = strstr(line, key)) != NULL; line++) {
		char codec[16];

		T_EQ(sscanf(line + strlen(key), "%15s", codec), 1);
		nr += !build_has(codec);
	}
	return nr;
}

/* A build without a codec's library refuses the lines that name it, and no others. */
static void try_example(const char *example)
{
	unsigned missing = nr_missing(example);

	fresh();
	if (missing == 0) {
		take(example);
		complete();
	} else {
		T_EQ(feed("a.conf", example, strlen(example)), missing);
		for (unsigned i = 0; i < missing; i++)
			T_NE(strstr(said[i], "unknown algorithm"), NULL);
	}
	T_GE(c.nr_devices, 1);
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
			try_example(example);
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
	char *plugin = whole_file("plugin/nbdkit-rzs-plugin.pod");
	char *options = whole_file("server/rzsd.pod");

	for (unsigned i = 0; rzs_config_keys[i]; i++) {
		has_key(page, "=item B<%s=", rzs_config_keys[i]);
		has_key(sample, "\n#%s =", rzs_config_keys[i]);
		has_key(options, "=item B<--%s", rzs_config_keys[i]);
	}
	for (unsigned i = 0; rzs_device_params_keys[i]; i++) {
		has_key(page, "=item B<%s=", rzs_device_params_keys[i]);
		has_key(sample, "\n#%s =", rzs_device_params_keys[i]);
		has_key(plugin, "B<%s=", rzs_device_params_keys[i]);
	}
	has_key(page, "=item B<%s=", "init");
	has_key(sample, "\n#%s =", "init");
	free(page);
	free(sample);
	free(plugin);
	free(options);
}

/* What a server does by it; not where that was said, and how. */
static void reduce(struct rzsd_config *config)
{
	char why[RZS_WHY_MAX];

	memset(config->file, 0, sizeof(config->file));
	memset(&config->now, 0, sizeof(config->now));
	memset(config->place, 0, sizeof(config->place));
	config->nr_files = config->complaints = 0;
	for (struct rzs_config_device *d = config->device; d < config->device + config->nr_devices;
	     d++) {
		struct rzs_device_params *p = &d->params;

		memset(d->place, 0, sizeof(d->place));
		T_EQ(rzs_device_params_complete(p, 2, NULL, why), 0);
		if (!p->uuid_given)
			memset(p->uuid, 0, sizeof(p->uuid));
		memset(p->size_text, 0, sizeof(p->size_text));
		memset(p->memlimit_text, 0, sizeof(p->memlimit_text));
		memset(p->reserve_text, 0, sizeof(p->reserve_text));
	}
}

/* A file of these lines is as good as none. */
static void changes_nothing(const char *text)
{
	static struct rzsd_config want;

	fresh();
	complete();
	reduce(&c);
	want = c;
	fresh();
	take(text);
	complete();
	reduce(&c);
	if (memcmp(&c, &want, sizeof(c)) != 0)
		T_FAIL("this changes something:\n%s", text);
}

/* As it is the sample changes nothing, and without its # neither: one of them, or all. */
T_TEST(the_sample_file)
{
	char *text = whole_file("server/rzsd.conf.example"), *p, *end, one[512];
	const char *section = "";
	unsigned keys = 0;

	changes_nothing(text);
	T_EQ(c.nr_devices, 1);
	for (p = text; (p = strstr(p, "\n#")) != NULL; p++) {
		if (p[2] == ' ' || p[2] == '\n')
			continue;
		if (p[2] == '[') {
			section = p[3] == 's' ? "[server]" : "[device swap0]";
			continue;
		}
		end = strchr(p + 1, '\n');
		snprintf(one, sizeof(one), "%s\n%.*s\n", section, (int)(end - p - 2), p + 2);
		changes_nothing(one);
		keys++;
	}
	T_EQ(keys, RZS_CONFIG_KEYS + RZS_DEVICE_PARAMS_KEYS + 1);

	for (p = text; (p = strstr(p, "\n#")) != NULL; p += 2)
		if (p[2] != ' ' && p[2] != '\n')
			p[1] = ' ';
	changes_nothing(text);
	free(text);
}
