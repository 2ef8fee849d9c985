/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * main() for a fuzz target where there is no libFuzzer: replays files, the files of directories,
 * and inputs made from seeds.
 *
 *	fuzz_x [--seeds N] [--first N] [--write DIR] [FILE | DIR]...
 *
 * --seeds N    make and run N inputs (default 300 when nothing else is named)
 * --first N    from this seed on (default 1)
 * --write DIR  write the inputs of the seeds to DIR instead, for a fuzzer to begin with
 *
 * Output: TAP with one test.  A line names each input before it is run, so that the last line of a
 * run that died names its input.
 * Exit: 0 all ran, 99 a file could not be read.  A finding ends the program by abort().
 * T_TIMEOUT_SCALE divides the number of inputs made by default.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

#define INPUT_MAX    (1u << 20)
#define SEED_DEFAULT 300u

static uint8_t buf[INPUT_MAX];

/* On a separate buffer of the exact size, so that a sanitizer sees a read beyond the end. */
static void run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (copy == NULL)
		exit(99);
	memcpy(copy, data, size);
	(void)LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static int run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	size_t n;

	if (f == NULL) {
		perror(path);
		return 99;
	}
	n = fread(buf, 1, sizeof(buf), f);
	fclose(f);
	printf("# %s: %zu bytes\n", path, n);
	fflush(stdout);
	run(buf, n);
	return 0;
}

static int run_path(const char *path)
{
	struct dirent *entry;
	char name[4096];
	struct stat st;
	int status = 0;
	DIR *dir;

	if (stat(path, &st)) {
		perror(path);
		return 99;
	}
	if (!S_ISDIR(st.st_mode))
		return run_file(path);
	dir = opendir(path);
	if (dir == NULL) {
		perror(path);
		return 99;
	}
	while (!status && (entry = readdir(dir))) {
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		if (!stat(name, &st) && S_ISREG(st.st_mode))
			status = run_file(name);
	}
	closedir(dir);
	return status;
}

/* Run the inputs of the seeds first .. first + nr - 1, or write them to files in dir. */
static int run_seeds(uint64_t first, uint64_t nr, const char *dir)
{
	uint64_t seed;

	for (seed = first; seed < first + nr; seed++) {
		size_t n = fuzz_seed(seed, buf, sizeof(buf));
		char path[4096];
		FILE *f;

		if (dir == NULL) {
			printf("# seed %llu: %zu bytes\n", (unsigned long long)seed, n);
			fflush(stdout);
			run(buf, n);
			continue;
		}
		snprintf(path, sizeof(path), "%s/seed-%llu", dir, (unsigned long long)seed);
		f = fopen(path, "wb");
		if (f == NULL || fwrite(buf, 1, n, f) != n || fclose(f)) {
			perror(path);
			return 99;
		}
	}
	return 0;
}

static uint64_t default_seeds(void)
{
	const char *scale = getenv("T_TIMEOUT_SCALE");
	double by = scale ? strtod(scale, NULL) : 1.0;

	return (uint64_t)(SEED_DEFAULT / (by >= 1.0 ? by : 1.0)) + 1;
}

int main(int argc, char **argv)
{
	uint64_t nr = 0, first = 1;
	const char *dir = NULL;
	int status = 0, i = 1;

	for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
		if (strcmp(argv[i], "--seeds") == 0)
			nr = strtoull(argv[i + 1], NULL, 0);
		else if (strcmp(argv[i], "--first") == 0)
			first = strtoull(argv[i + 1], NULL, 0);
		else if (strcmp(argv[i], "--write") == 0)
			dir = argv[i + 1];
		else
			break;
	}
	if (i < argc && argv[i][0] == '-') {
		fprintf(stderr, "usage: %s [--seeds N] [--first N] [--write DIR] [FILE | DIR]...\n",
			argv[0]);
		return 99;
	}
	if (nr == 0 && i == argc)
		nr = default_seeds();
	if (!dir)
		puts("1..1");
	status = run_seeds(first, nr, dir);
	for (; !status && i < argc; i++)
		status = run_path(argv[i]);
	if (!dir)
		printf("%s 1 - every input\n", status ? "not ok" : "ok");
	return status;
}
