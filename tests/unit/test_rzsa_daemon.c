/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon on a machine that is made of files.  swapon(2) and swapoff(2) change a file, swap
 * files are only names, the server is the test itself, and time passes when the daemon waits.
 */
#include "t.h"
#include "t_scratch.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/un.h>

#include "rzsa_daemon.h"
#include "rzsa_log.h"

#define HEADING "Filename Type Size Used Priority\n"
#define NBD	"/dev/nbd0 partition 1000000 %u 100\n"

/* What helper processes do is seen by all. */
static struct shared {
	unsigned made, dropped, turned_on, turned_off;
	int priority, swapon_error;
	bool killed; /* the helper ends itself in place of making a file */
	atomic_bool may_read;
	char last[256];
} * shared;

static struct rzsa_daemon d;
static struct rzsa_settings next; /* what a new reading gives */
static pid_t own;
static int64_t clock_ms = 5000000;
static int listener = -1, client = -1;
static unsigned limits, compactions; /* that the server was asked for */
static bool server_hangs;

/* ---- the machine ---- */

static void memory(unsigned available_mib)
{
	char text[200];

	snprintf(text, sizeof(text), "MemTotal: 1048576 kB\nMemAvailable: %u kB\n",
		 available_mib * 1024);
	t_scratch_put("/proc/meminfo", text);
}

static void change_swaps(const char *path, bool on, int priority)
{
	char file[300], line[400], text[4096] = "";
	FILE *f;

	snprintf(file, sizeof(file), "%s/proc/swaps", t_scratch());
	f = fopen(file, "r");
	while (f && fgets(line, sizeof(line), f))
		if (on || strncmp(line, path, strlen(path)) != 0)
			strcat(text, line);
	if (f)
		fclose(f);
	if (on)
		snprintf(text + strlen(text), 400, "%s file 200000 0 %d\n", path, priority);
	t_scratch_put("/proc/swaps", text);
}

int __wrap_swapon(const char *path, int flags);
int __wrap_swapoff(const char *path);
int __wrap_poll(struct pollfd *p, nfds_t nr, int ms);
int __real_poll(struct pollfd *p, nfds_t nr, int ms);
uint64_t __wrap_rzst_now(void);
int __wrap_rzsa_dir_open(struct rzsa_dir *dir, const char *path, bool paranoid, char *why);
int __wrap_rzsa_dir_reuse(struct rzsa_dir *dir, char *ready, uint64_t *ready_kib, char *why);
enum rzsa_outcome __wrap_rzsa_file_make(struct rzsa_dir *dir, uint64_t kib, char *name,
					uint64_t *made_kib, const volatile sig_atomic_t *stop,
					char *why);
enum rzsa_outcome __wrap_rzsa_file_drop(struct rzsa_dir *dir, const char *name, char *why);

int __wrap_swapon(const char *path, int flags)
{
	shared->turned_on++;
	shared->priority = flags & SWAP_FLAG_PREFER ? flags & 0x7fff : -2;
	snprintf(shared->last, sizeof(shared->last), "%s", path);
	if (shared->swapon_error) {
		errno = shared->swapon_error;
		return -1;
	}
	change_swaps(path, true, shared->priority);
	return 0;
}

int __wrap_swapoff(const char *path)
{
	shared->turned_off++;
	change_swaps(path, false, 0);
	return 0;
}

uint64_t __wrap_rzst_now(void)
{
	return (uint64_t)clock_ms * 1000000;
}

/*
 * In helpers it is the real one.  Here a wait that nothing ends takes its time at once; but no time
 * passes while another process works for the daemon.
 */
int __wrap_poll(struct pollfd *p, nfds_t nr, int ms)
{
	int n;

	if (getpid() != own)
		return __real_poll(p, nr, ms);
	if (d.actors.helper[RZSA_SLOW].asked || d.actors.helper[RZSA_FAST].asked || d.reader)
		return __real_poll(p, nr, -1);
	n = __real_poll(p, nr, 0);
	if (n == 0)
		clock_ms += ms;
	return n;
}

int __wrap_rzsa_dir_open(struct rzsa_dir *dir, const char *path, bool paranoid, char *why)
{
	why[0] = '\0';
	dir->fd = open("/", O_RDONLY | O_DIRECTORY);
	dir->paranoid = paranoid;
	snprintf(dir->path, sizeof(dir->path), "%s", path + strlen(t_scratch()));
	return 0;
}

int __wrap_rzsa_dir_reuse(struct rzsa_dir *dir, char *ready, uint64_t *ready_kib, char *why)
{
	(void)dir;
	ready[0] = why[0] = '\0';
	*ready_kib = 0;
	return 0;
}

enum rzsa_outcome __wrap_rzsa_file_make(struct rzsa_dir *dir, uint64_t kib, char *name,
					uint64_t *made_kib, const volatile sig_atomic_t *stop,
					char *why)
{
	(void)dir;
	(void)stop;
	if (shared->killed) {
		shared->killed = false;
		raise(SIGKILL);
	}
	why[0] = '\0';
	*made_kib = kib;
	snprintf(name, RZSA_NAME_MAX, "swap.%u", shared->made++);
	return RZSA_DONE;
}

enum rzsa_outcome __wrap_rzsa_file_drop(struct rzsa_dir *dir, const char *name, char *why)
{
	(void)dir;
	why[0] = '\0';
	snprintf(shared->last, sizeof(shared->last), "%s", name);
	shared->dropped++;
	return RZSA_DONE;
}

/* ---- the server ---- */

static void reply(const char *text)
{
	T_EQ(send(client, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void serve_line(const char *line)
{
	if (strcmp(line, "server") == 0) {
		reply(" pid 4711\nok\n");
	} else if (strcmp(line, "list") == 0) {
		reply(" a state=ready memlimit=104857600 stored=314572800 mem=104857600\nok\n");
	} else if (strcmp(line, "compact a") == 0) {
		compactions++;
		reply("ok\n");
	} else {
		T_OK(strncmp(line, "set a memlimit=", 15) == 0);
		limits++;
		reply("ok\n");
	}
}

static void serve(void)
{
	char text[512] = "", *save = NULL;

	if (listener < 0 || server_hangs)
		return;
	if (client < 0) {
		client = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
		if (client < 0)
			return;
		reply("ramzswap-control 1 rzsd 1.0\n");
	}
	if (recv(client, text, sizeof(text) - 1, MSG_DONTWAIT) <= 0)
		return;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		serve_line(line);
}

static void make_server(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	t_scratch_put("/run/rzs/nbd0.state", "server_pid 4711\nname a\n");
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/run/rzs/control.sock", t_scratch());
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	T_EQ(bind(listener, (struct sockaddr *)&a, sizeof(a)), 0);
	T_EQ(listen(listener, 1), 0);
}

/* ---- the daemon ---- */

static int configure(void *arg, struct rzsa_settings *out)
{
	*out = next;
	/* A bad one is read for as long as the test wants to see that. */
	while (arg && !atomic_load(&shared->may_read))
		sched_yield();
	return arg ? -1 : 0;
}

static void make(void)
{
	char why[RZS_WHY_MAX];
	pid_t other;

	own = getpid();
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	T_OK(shared != MAP_FAILED);
	T_EQ(setenv("RZS_SYSROOT", t_scratch(), 1), 0);
	t_scratch_put("/proc/swaps", HEADING);
	t_scratch_put("/proc/vmstat", "pswpin 0\n");
	t_scratch_put("/run/rzs/x", "");
	t_scratch_put("/var/lib/rzs-autoswap/x", "");
	memory(800);
	rzsa_settings_init(&d.settings);
	/* The kernel does not call the files so. */
	strcpy(d.settings.swappath, "/var/./lib//rzs-autoswap");
	d.settings.quiet = true;
	next = d.settings;
	d.configure = configure;
	T_EQ(rzsa_daemon_begin(&d, &other, why), 0);
}

/* Rounds until the condition holds; each takes at most a second of the made clock. */
#define UNTIL(cond)                                                 \
	do {                                                        \
		for (unsigned i_ = 0; i_ < 3000 && !(cond); i_++) { \
			serve();                                    \
			rzsa_daemon_round(&d);                      \
		}                                                   \
		T_OK(cond);                                         \
	} while (0)

static void ticks(unsigned nr)
{
	uint64_t want = d.board.ticks + nr;

	UNTIL(d.board.ticks >= want);
}

/* ---- tests ---- */

/* From a shortage to a file that is swapped to, and to one that is gone. */
T_TEST(a_file_comes_and_goes)
{
	make();
	ticks(2);
	T_EQ(shared->made, 0);
	memory(150);
	UNTIL(d.board.in.nr_areas == 1);
	T_EQ(shared->turned_on, 1);
	T_STR_EQ(shared->last, "/var/lib/rzs-autoswap/swap.0");
	T_EQ(shared->priority, 32);
	T_OK(d.board.in.area[0].managed);
	T_EQ(d.state.mode, RZSA_HUNGRY);
	/* Each next one is filled after the one before. */
	memory(30);
	UNTIL(shared->turned_on == 2);
	UNTIL(d.board.in.nr_areas == 2);
	T_EQ(shared->priority, 31);
	memory(1000);
	UNTIL(shared->turned_off == 1 && shared->dropped == 1);
	UNTIL(d.board.in.nr_areas == 1);
	/* One thing in a cooldown. */
	ticks(300);
	T_EQ(shared->turned_off, 1);
	T_EQ(d.board.broken, 0);
	rzsa_daemon_end(&d);
}

static void pool_is_full(void)
{
	char text[256];

	snprintf(text, sizeof(text), HEADING NBD, 307200u);
	t_scratch_put("/proc/swaps", text);
	t_scratch_put("/run/rzs/areas", "");
	memory(140);
}

T_TEST(a_limit_is_raised_by_the_server)
{
	make();
	make_server();
	pool_is_full();
	UNTIL(d.board.done[RZSA_RAISE_LIMIT] == 1);
	T_EQ(limits, 1);
	UNTIL(d.board.done[RZSA_RECLAIM] == 1);
	T_EQ(compactions, 1);
	T_EQ(d.actors.deed[RZSA_RAISE_LIMIT].kib, 102400 + 65536);
	T_STR_EQ(d.actors.deed[RZSA_RAISE_LIMIT].name, "/dev/nbd0");
	T_EQ(d.board.broken, 0);
	rzsa_daemon_end(&d);
}

/* The daemon goes on ticking while the server hangs, and takes the next step. */
T_TEST(a_server_hangs)
{
	make();
	make_server();
	pool_is_full();
	ticks(3);
	T_EQ(d.board.in.area[0].kind, RZSA_COMPRESSED);
	server_hangs = true;
	UNTIL(d.board.in.area[0].kind == RZSA_DISK);
	T_EQ(d.board.in.area[0].size, d.board.in.area[0].used);
	UNTIL(shared->turned_on == 1);
	/* It comes back. */
	server_hangs = false;
	close(client);
	client = -1;
	UNTIL(d.board.in.area[0].kind == RZSA_COMPRESSED);
	rzsa_daemon_end(&d);
}

/* A helper that is killed: what it did is interrupted, another is forked, and it is tried again. */
T_TEST(a_helper_is_killed)
{
	make();
	shared->killed = true;
	memory(150);
	UNTIL(d.board.failed[RZSA_PREPARE_FILE] == 1);
	T_EQ(d.actors.deed[RZSA_PREPARE_FILE].outcome, RZSA_INTERRUPTED);
	T_EQ(shared->made, 0);
	UNTIL(d.state.mode == RZSA_DIET);
	UNTIL(d.board.done[RZSA_PREPARE_FILE] == 1);
	T_GE(d.actors.helper[RZSA_SLOW].fd, 0);
	/* One that ends while it has nothing to do, too. */
	kill(d.actors.helper[RZSA_FAST].pid, SIGKILL);
	UNTIL(d.board.done[RZSA_ADD_FILE] >= 1);
	rzsa_daemon_end(&d);
}

/* Red when pages go to a disk before memory is full of compressed ones. */
T_TEST(files_come_last)
{
	make();
	t_scratch_put("/proc/swaps", HEADING "/dev/zram0 partition 1048576 1040000 5\n"
					     "/dev/nbd3 partition 1048576 1040000 1\n");
	memory(60);
	UNTIL(shared->turned_on == 1);
	T_EQ(shared->priority, 0);
	memory(30);
	UNTIL(shared->turned_on == 2);
	T_EQ(shared->priority, -2);
	rzsa_daemon_end(&d);
}

/* Red when a file waits behind a pool that refuses what is written there. */
T_TEST(a_file_passes_a_full_pool)
{
	make();
	t_scratch_put("/sys/block/ramzswap1/size", "4096\n");
	t_scratch_put("/sys/block/ramzswap1/store_stat",
		      "orig_bytes 2147483648\nmem_bytes 1073000000\nlimit_bytes 1073741824\n");
	t_scratch_put("/proc/swaps", HEADING "/dev/ramzswap1 partition 4194304 2097152 77\n");
	memory(60);
	UNTIL(shared->turned_on == 1);
	T_EQ(shared->priority, 78);
	rzsa_daemon_end(&d);
}

/* A device that cannot be swapped to is not tried again, so that files get their turn. */
T_TEST(a_refused_device_is_left)
{
	make();
	t_scratch_put("/sys/block/ramzswap0/size", "4096\n");
	t_scratch_put("/sys/block/ramzswap1/size", "4096\n");
	t_scratch_put("/sys/block/ramzswap1/store_stat",
		      "orig_bytes 1073741824\nmem_bytes 104857600\nlimit_bytes 536870912\n");
	t_scratch_put("/proc/swaps", HEADING "/dev/ramzswap1 partition 1048576 1040000 77\n");
	t_scratch_put("/run/rzs/areas", "");
	shared->swapon_error = EINVAL;
	memory(60);
	UNTIL(shared->turned_on == 1);
	T_EQ(shared->priority, 77);
	UNTIL(d.board.failed[RZSA_ADD_DEVICE] == 1);
	T_STR_EQ(d.actors.refused, "/dev/ramzswap0");
	ticks(700);
	T_EQ(d.board.failed[RZSA_ADD_DEVICE], 1);
	rzsa_daemon_end(&d);
}

T_TEST(the_configuration_is_read_again)
{
	make();
	next.rules.cooldown = 5000;
	strcpy(next.swappath, "/elsewhere");
	T_STR_EQ(d.settings.swappath, RZSA_SWAPPATH);
	t_scratch_put("/etc/fstab", "/var/lib/rzs-autoswap/9 none swap sw 0 0\n");
	t_scratch_put("/var/lib/rzs-autoswap/9", "");
	kill(getpid(), SIGHUP);
	UNTIL(d.settings.rules.cooldown == 5000);
	T_STR_EQ(d.settings.swappath, RZSA_SWAPPATH);
	T_EQ(d.collector.nr_fstab, 1);
	/* A bad one changes nothing. */
	d.configure_arg = &d;
	next.rules.cooldown = 7000;
	kill(getpid(), SIGHUP);
	UNTIL(d.reader != 0);
	atomic_store(&shared->may_read, true);
	UNTIL(d.reader == 0);
	T_EQ(d.settings.rules.cooldown, 5000);
	rzsa_daemon_end(&d);
}

/* A diet by SIGUSR2; the end by SIGTERM leaves areas on, unless it is paranoid. */
T_TEST(signals)
{
	make();
	memory(150);
	UNTIL(d.board.in.nr_areas == 1);
	kill(getpid(), SIGUSR2);
	UNTIL(d.state.mode == RZSA_DIET);
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGTERM);
	rzsa_daemon_run(&d);
	T_EQ(shared->turned_off, 0);
	d.settings.paranoid = true;
	d.stop = false;
	kill(getpid(), SIGTERM);
	rzsa_daemon_run(&d);
	T_EQ(shared->turned_off, 1);
	rzsa_daemon_end(&d);
}

/* A second one is refused, and sees what the first one shows. */
T_TEST(one_at_a_time)
{
	char path[PATH_MAX];
	int status;
	pid_t pid;

	make();
	ticks(3);
	pid = fork();
	if (pid == 0) {
		static struct rzsa_board read, *b;
		pid_t other;
		bool right = rzsa_board_open(&b, &other) == -EBUSY && other == own;

		right &= rzsa_board_read(&read, &other) == 0 && other == own && read.ticks == 3 &&
			 read.state.mode == d.state.mode && read.in.mem_total == 1048576;
		_exit(right ? 0 : 1);
	}
	T_EQ(waitpid(pid, &status, 0), pid);
	T_EQ(status, 0);
	snprintf(path, sizeof(path), "%s/run/rzs/autoswap", t_scratch_path);
	T_EQ(access(path, F_OK), 0);
	rzsa_daemon_end(&d);
	T_EQ(access(path, F_OK), -1);
}

/* Half a picture is never shown: it is read again, or not at all. */
T_TEST(a_board_that_is_being_written)
{
	int status;
	pid_t pid;

	make();
	ticks(1);
	d.shown->turn |= 1;
	pid = fork();
	if (pid == 0) {
		static struct rzsa_board read;
		pid_t other;

		_exit(rzsa_board_read(&read, &other) == -EPROTO ? 0 : 1);
	}
	T_EQ(waitpid(pid, &status, 0), pid);
	T_EQ(status, 0);
	rzsa_daemon_end(&d);
}

/* A clock that jumps: as after a stop of the process.  One tick, not one for each second. */
T_TEST(a_pause)
{
	uint64_t before;

	make();
	ticks(2);
	before = d.board.ticks;
	clock_ms += 3600000;
	serve();
	rzsa_daemon_round(&d);
	T_EQ(d.board.ticks, before + 1);
	T_GT(d.due, clock_ms - 2000);
	rzsa_daemon_end(&d);
}
