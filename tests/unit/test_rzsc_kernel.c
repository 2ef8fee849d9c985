/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rzscontrol on the kernel module's devices: the whole program, on a machine that is made up. */
#include "rzsc_kernel_rig.h"

#include "rzsc_sample.h"

T_TEST(the_numbers_are_the_originals)
{
	T_EQ(sizeof(struct ramzswap_ioctl_stats), 252);
	T_EQ(RZSIO_SET_DISKSIZE_KB, SET_DISKSIZE);
	T_EQ(RZSIO_SET_MEMLIMIT_KB, SET_MEMLIMIT);
	T_EQ(RZSIO_SET_BACKING_SWAP, SET_BACKING);
	T_EQ(RZSIO_GET_STATS, GET_STATS);
	T_EQ(RZSIO_INIT, INIT);
	T_EQ(RZSIO_RESET, RESET);
}

T_TEST(one_order_whatever_the_one_on_the_line)
{
	static const char want[] =
		"2 backing /dev/sda2\n2 memlimit 1024\n2 disksize 65536\n2 init\n"
		"2 reset\n";

	make_machine(4);
	check("-r -i -d 65536 -m 1024 -b /dev/sda2 /dev/ramzswap2", 0, want, NULL);
	check("/dev/ramzswap2 --backing_swap=/dev/sda2 --init --reset --memlimit_kb=1024 "
	      "--disksize_kb=65536",
	      0, want, NULL);
	check("-ir ramzswap2", 0, "2 init\n2 reset\n", NULL);
	check("ramzswap2 -m0", 0, "2 memlimit 0\n", NULL);
	/* The largest that there is; less fits into 32 bits. */
	if (sizeof(size_t) == 8)
		check("ramzswap2 -d 17179868160", 0, "2 disksize 17179868160\n", NULL);
	else
		check("ramzswap2 -d 17179868160", 2, "", "no more than fit");
	/* Nothing is sent that was not asked for: defaults are the driver's. */
	check("--init --stats /dev/ramzswap1", 0, "1 init\n", "DiskSize:\t");
	check("-s -i -b /swap.img ramzswap0", 0, "0 backing /swap.img\n0 init\n",
	      "BackingSwap:\t/swap.img\nDiskSize:\t");
	/* The first that fails ends it. */
	check("-d 4096 -i -r -s ramzswap1", 3, "1 disksize 4096\n",
	      "'rzscontrol ramzswap1 --reset'");
	/* By another name of its. */
	check("/dev/alias -i", 0, "3 init\n", NULL);
	T_OK(m->device[3].ready);
	check("--device ramzswap3 -r", 0, "3 reset\n", NULL);
	end_machine();
}

T_TEST(values_are_those_given)
{
	char line[400];

	make_machine(1);
	check("set ramzswap0 size=64M memlimit=1G", 0, "0 disksize 65536\n0 memlimit 1048576\n",
	      NULL);
	check("set ramzswap0 size=40960 memlimit=12K", 0, "0 disksize 40\n0 memlimit 12\n", NULL);
	check("set ramzswap0 backing_swap=/swap.img", 0, "0 backing /swap.img\n", NULL);
	/* As a server reads sizes, but a share of nothing is none. */
	check("set ramzswap0 size=1GiB memlimit=64m", 0, "0 disksize 1048576\n0 memlimit 65536\n",
	      NULL);
	check("set ramzswap0 size=25%", 2, "", "expected bytes");
	check("set ramzswap0 size=1000", 2, "", "expected bytes, a multiple of 1024");
	check("set ramzswap0 size=M", 2, "", "expected bytes");
	check("set ramzswap0 size=", 2, "", "expected bytes");
	check("set ramzswap0 size=-4K", 2, "", "expected bytes");
	check("set ramzswap0 size=18446744073709551615T", 2, "", "expected bytes");
	check("set ramzswap0 level=3", 2, "",
	      "there are size, memlimit, backing_swap, merge-..., recompress... and idle-step");
	/* 127 bytes and a 0 are all that fits. */
	snprintf(line, sizeof(line), "ramzswap0 -b /%0126d", 0);
	T_EQ(gives(line), 0);
	snprintf(line, sizeof(line), "ramzswap0 -b /%0127d", 0);
	check(line, 2, "", "expected a path of 1 to 127 bytes");
	check("create ramzswap9", 4, "", NULL);
	check("remove ramzswap0", 5, "", "rmmod ramzswap");
	check("params ramzswap0", 0, "", "algorithm=lzo\n");
	end_machine();
}

static void fill(struct ramzswap_ioctl_stats *s)
{
	*s = (struct ramzswap_ioctl_stats){
		.backing_swap_name = "/dev/sda2",
		.memlimit = 33554432,
		.disksize = 67108864,
		.num_reads = 101,
		.num_writes = 2000,
		.failed_reads = 1,
		.failed_writes = 6,
		.invalid_io = 7,
		.notify_free = 3,
		.pages_zero = 24,
		.good_compress_pct = 81,
		.pages_expand_pct = 5,
		.pages_stored = 1000,
		.pages_used = 511,
		.orig_data_size = 4096000,
		.compr_data_size = 1638400,
		.mem_used_total = 2097152,
		.bdev_num_reads = 11,
		.bdev_num_writes = 12,
	};
}

T_TEST(statistics_line_for_line)
{
	static const char lines[] = "DiskSize:\t   65536 kB\n"
				    "MemLimit:\t   32768 kB\n"
				    "NumReads:\t     101\n"
				    "NumWrites:\t    2000\n"
				    "FailedReads:\t       1\n"
				    "FailedWrites:\t       6\n"
				    "InvalidIO:\t       7\n"
				    "NotifyFree:\t       3\n"
				    "ZeroPages:\t      24\n"
				    "GoodCompress:\t      81 %\n"
				    "NoCompress:\t       5 %\n"
				    "PagesStored:\t    1000\n"
				    "PagesUsed:\t     511\n"
				    "OrigDataSize:\t    4000 kB\n"
				    "ComprDataSize:\t    1600 kB\n"
				    "MemUsedTotal:\t    2048 kB\n";
	char all[1024];

	make_machine(1);
	m->device[0].ready = true;
	fill(&m->device[0].stats);
	snprintf(all, sizeof(all),
		 "BackingSwap:\t/dev/sda2\n%sBDevNumReads:\t      11\n"
		 "BDevNumWrites:\t      12\n",
		 lines);
	T_EQ(gives("/dev/ramzswap0 --stats"), 0);
	T_STR_EQ(out, all);
	T_STR_EQ(err, "");
	m->device[0].stats.backing_swap_name[0] = '\0';
	T_EQ(gives("-s ramzswap0"), 0);
	T_STR_EQ(out, lines);

	T_EQ(gives("-s --json ramzswap0"), 0);
	T_STR_EQ(out,
		 "{\"device\":\"ramzswap0\",\"socket\":null,\"program\":\"ramzswap.ko\","
		 "\"version\":\"1.2.3\",\"pid\":null,\"nbd_socket\":null,\"attached\":null,"
		 "\"backing_swap\":null,\"ratio\":2,\"general_profit\":null,\"used_bytes\":null,"
		 "\"stale_bytes\":null,"
		 "\"stats\":{\"nr_pages\":16384,\"limit_bytes\":33554432,\"pages_stored\":1024,"
		 "\"pages_zero\":24,\"pages_used\":511,\"orig_bytes\":4194304,"
		 "\"object_bytes\":1638400,\"mem_bytes\":2097152,\"good_percent\":81,"
		 "\"raw_percent\":5,\"reads\":101,\"writes\":2000,\"failed_reads\":1,"
		 "\"failed_writes\":6,\"invalid_io\":7,\"discards\":3}}\n");
	end_machine();
}

T_TEST(each_error_has_its_message_and_status)
{
	static const struct {
		unsigned long request;
		int error;
		const char *line, *log;
		int status;
		const char *text;
	} all[] = {
		{RESET, EBUSY, "-r ramzswap0",
		 "0 reset\n0 reset\n0 reset\n0 reset\n0 reset\n0 reset\n", 3,
		 "still in use, nothing was dropped; 'rzscontrol detach ramzswap0'"},
		{INIT, EBUSY, "-i ramzswap0", "0 init\n", 3, "its backing swap is in use"},
		{INIT, EINVAL, "-i ramzswap0", "0 init\n", 2, "(dmesg) says why"},
		{INIT, ENOMEM, "-i ramzswap0", "0 init\n", 1, "give a smaller --disksize_kb"},
		{INIT, EPERM, "-i ramzswap0", "0 init\n", 1, "only root may"},
		{INIT, EACCES, "-i ramzswap0", "0 init\n", 1, "only root may"},
		{INIT, EIO, "-i ramzswap0", "0 init\n", 1, "Input/output error"},
		{RESET, ENOTTY, "-r ramzswap0", "0 reset\n", 5, "does not know the request"},
		{SET_BACKING, EOPNOTSUPP, "-b /x -i ramzswap0", "0 backing /x\n", 5,
		 "writes to no backing swap; leave --backing_swap out"},
		{SET_MEMLIMIT, EBUSY, "-m 9 ramzswap0", "0 memlimit 9\n", 3,
		 "/sys/block/ramzswap0/mem_limit"},
	};

	make_machine(1);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		m->fail_request = all[i].request;
		m->fail_error = all[i].error;
		m->fail_times = 99;
		check(all[i].line, all[i].status, all[i].log, all[i].text);
		T_STR_EQ(out, "");
		/* One line, that begins with who says it. */
		T_EQ(strchr(err, '\n') - err, (ptrdiff_t)strlen(err) - 1);
		T_EQ(strncmp(err, "rzscontrol: ramzswap0: ", 23), 0);
	}
	m->fail_request = 0;
	check("-s ramzswap0", 1, "", "not initialised, there are no statistics");
	m->device[0].ready = true;
	check("-i ramzswap0", 3, "0 init\n", "initialised already; 'rzscontrol ramzswap0 --reset'");
	check("-d 4096 ramzswap0", 3, "0 disksize 4096\n", "initialised already");
	end_machine();
}

/* Who looks at every block device that changes lets go of it soon. */
T_TEST(a_reset_waits_for_a_passing_look)
{
	make_machine(1);
	m->device[0].ready = true;
	m->fail_request = RESET;
	m->fail_error = EBUSY;
	m->fail_times = 2;
	check("-r ramzswap0", 0, "0 reset\n0 reset\n0 reset\n", NULL);
	T_OK(!m->device[0].ready);
	/* But not for swap, which would be in vain. */
	put("Filename\n/dev/ramzswap0 partition 65532 8 100\n", "/proc/swaps");
	m->fail_times = 2;
	check("-r ramzswap0", 3, "0 reset\n", "detach ramzswap0");
	end_machine();
}

T_TEST(what_cannot_be_opened)
{
	make_machine(0);
	check("-s /dev/ramzswap0", 4, "", "modprobe ramzswap num_devices=N");
	check("-s ramzswap0", 4, "", "the module is not loaded");
	check("list", 4, "", "no server answers");
	make_devices(2);
	check("-s /dev/ramzswap2", 4, "", "'rzscontrol list' shows those there are");
	m->open_error = EACCES;
	check("-i /dev/ramzswap1", 1, "", "only root may open it");
	/* It says so, and is of no hindrance to other devices. */
	check("list", 4, "", "only root may open it");
	m->open_error = EPERM;
	check("-i /dev/ramzswap1", 1, "", "only root may open it");
	m->open_error = EBUSY;
	check("-i /dev/ramzswap1", 3, "", "being reset; try again");
	m->open_error = ENXIO;
	check("-i /dev/ramzswap1", 4, "", "no such device");
	m->open_error = 0;
	check("-s /dev/ramzswap1 --socket /x", 2, "", "no control socket");
	end_machine();
}

T_TEST(other_devices_are_never_asked)
{
	char at[PATH_MAX];

	make_machine(4);
	check("-r /dev/sda", 2, "", "not a device of ramzswap, but sda; nothing was done");
	check("attach /dev/sda", 2, "", "not a device of ramzswap, but sda");
	/* A node of the right name for the wrong device, or for none that sysfs knows. */
	snprintf(at, sizeof(at), "%s/sys/dev/block/252:1", root);
	T_EQ(unlink(at), 0);
	check("-r /dev/ramzswap1", 2, "", "without /sys/dev/block/252:1");
	T_EQ(symlink("../../block/zram1", at), 0);
	check("-r /dev/ramzswap1", 2, "", "but zram1");
	T_EQ(unlink(at), 0);
	T_EQ(symlink("../../block/ramzswap1/ramzswap1p1", at), 0);
	check("-r ramzswap1", 2, "", "but ramzswap1p1");
	/* Another one of ours, but not the one that sysfs has listed. */
	T_EQ(unlink(at), 0);
	put_link("../../block/ramzswap1", 252, 1);
	snprintf(at, sizeof(at), "%s/dev/ramzswap1", root);
	T_EQ(unlink(at), 0);
	T_EQ(symlink("ramzswap3", at), 0);
	put("", "/sys/block/ramzswap1/size");
	check("list", 4, "", "/dev/ramzswap1: this is ramzswap3, not ramzswap1; nothing was done");
	check("-r ramzswap1", 4, "", "there is ramzswap3");
	T_EQ(unlink(at), 0);
	check("list", 0, "", "ramzswap2 ");
	T_OK(!strstr(out, "ramzswap1"));
	/* A file, in the place of a device. */
	snprintf(at, sizeof(at), "%s/dev/ramzswap2", root);
	T_EQ(unlink(at), 0);
	T_EQ(symlink("file", at), 0);
	check("-r /dev/ramzswap2", 2, "", "nor any block device");
	end_machine();
}

T_TEST(thirty_two_devices_in_their_order)
{
	const char *at;
	char want[64];

	make_machine(32);
	for (unsigned i = 0; i < 32; i += 2) {
		m->device[i].ready = true;
		fill(&m->device[i].stats);
		m->device[i].stats.disksize = (i + 1) * UINT64_C(1048576);
	}
	put("Filename\n/dev/ramzswap30 partition 65532 1000 100\n", "/proc/swaps");
	T_EQ(gives("list"), 0);
	at = strchr(out, '\n') + 1;
	for (unsigned i = 0; i < 32; i++) {
		snprintf(want, sizeof(want), "ramzswap%-2u %-5s ", i, i % 2 ? "off" : "ready");
		if (strncmp(at, want, strlen(want)) != 0)
			T_FAIL("line %u of\n%s", i + 1, out);
		at = strchr(at, '\n') + 1;
	}
	T_STR_EQ(at, "");
	T_OK(strstr(out, "ramzswap30 ready   31.0M   32.0M lzo             -    4.0M    2.0M "
			 "/dev/ramzswap30\n"));
	T_OK(strstr(out, "ramzswap31 off         -       - lzo             -       0       0 -\n"));
	T_EQ(gives("list --json"), 0);
	T_OK(strstr(out, "{\"name\":\"ramzswap31\",\"ready\":false,\"size_bytes\":null,"
			 "\"memlimit_bytes\":null,\"algorithm\":\"lzo\",\"connections\":null,"));
	T_EQ(gives("-s --json ramzswap30"), 0);
	T_OK(strstr(out, "\"attached\":\"/dev/ramzswap30\",\"backing_swap\":\"/dev/sda2\","));
	T_OK(strstr(out, "\"used_bytes\":1024000,\"stale_bytes\":3166208,"));
	T_OK(strstr(out, "\"backing_reads\":11,\"backing_writes\":12"));
	check("process", 4, "", "have no process");
	end_machine();
}

T_TEST(what_the_driver_does_not_tell_is_absent)
{
	make_machine(2);
	m->device[0].ready = true;
	fill(&m->device[0].stats);
	T_EQ(gives("metrics"), 0);
	T_OK(strstr(out, "\nramzswap_up{socket=\"kernel\"} 1\n"));
	T_OK(strstr(out, "\nramzswap_ready{device=\"ramzswap1\",socket=\"kernel\"} 0\n"));
	T_OK(strstr(out, "\nramzswap_reads_total{device=\"ramzswap0\",socket=\"kernel\"} 101\n"));
	T_OK(strstr(out, "\nramzswap_mem_bytes{device=\"ramzswap0\",socket=\"kernel\"} 2097152\n"));
	T_OK(!strstr(out, "ramzswap_pages_same") && !strstr(out, "ramzswap_pages_raw"));
	T_OK(!strstr(out, "ramzswap_reserve") && !strstr(out, "ramzswap_refused"));
	T_OK(!strstr(out, "ramzswap_slides") && strstr(out, "\nramzswap_good_percent{"));
	T_OK(!strstr(out, "ramzswap_reads_total{device=\"ramzswap1\""));
	T_OK(!strstr(out, "ramzswap_request_duration_seconds{"));

	T_EQ(gives("watch --count 1"), 0);
	T_OK(strstr(out,
		    " ramzswap0       4.0M    2.0M   2.00     -     -        -        -       - "
		    "      -       -       -       -       -       -       - -\n"));
	T_EQ(gives("ramzswap0 --watch --count 1 --json"), 0);
	T_OK(strstr(out, "\"pages_stored\":1024,\"pages_same\":null,\"pages_raw\":null,"));
	T_OK(strstr(out, "\"read_p50_ns\":null,"));
	T_OK(strstr(out, "\"refused\":null,\"reserve_bytes\":null,\"stale_bytes\":null,"
			 "\"pages_shared\":null,\"pages_sharing\":null,"
			 "\"general_profit\":null}"));
	T_OK(!strstr(out, "ramzswap1"));
	end_machine();
}

/* Of the driver of today: what a server has too, and nobody opens the device for it. */
T_TEST(statistics_come_from_sysfs)
{
	static const char stats[] = "nr_pages 16384\nlimit_bytes 33554432\npages_stored 1024\n"
				    "pages_same 124\npages_zero 24\npages_good 700\n"
				    "pages_raw 50\norig_bytes 4194304\nobject_bytes 1638400\n"
				    "mem_bytes 2097152\nreserve_bytes 163840\nreads 101\n"
				    "writes 2000\nfailed_writes 6\nrefused_limit 4\n"
				    "refused_reserve 2\nof_tomorrow 5\nnonsense\nodd -1\n";

	make_machine(3);
	for (unsigned i = 0; i < 3; i++) {
		put(i == 1 ? "0\n" : "1\n", "/sys/block/ramzswap%u/initstate", i);
		put(stats, "/sys/block/ramzswap%u/store_stat", i);
		put("0 6 7 3\n", "/sys/block/ramzswap%u/io_stat", i);
		put("none\n", "/sys/block/ramzswap%u/backing_dev", i);
	}
	m->open_error = EACCES;
	T_EQ(gives("list"), 0);
	T_OK(strstr(out, "ramzswap0  ready   64.0M   32.0M lzo             -    4.0M    2.0M -\n"));
	T_OK(strstr(out, "ramzswap1  off         -       - lzo "));
	T_EQ(gives("metrics"), 0);
	T_OK(strstr(out, "\nramzswap_pages_same{device=\"ramzswap0\",socket=\"kernel\"} 124\n"));
	T_OK(strstr(out, "\nramzswap_pages_same{device=\"ramzswap2\",socket=\"kernel\"} 124\n"));
	T_OK(!strstr(strstr(out, "TYPE ramzswap_pages_same ") + 1, "TYPE ramzswap_pages_same "));
	T_OK(strstr(out, "\nramzswap_refused_limit_total{device=\"ramzswap0\","));
	T_OK(strstr(out,
		    "\nramzswap_invalid_io_total{device=\"ramzswap0\",socket=\"kernel\"} 7\n"));
	/* No family without a sample: unknown names, and what only an old driver says. */
	T_OK(!strstr(out, "of_tomorrow") && !strstr(out, "odd") && !strstr(out, "nonsense"));
	T_OK(!strstr(out, "good_percent") && !strstr(out, "backing") && !strstr(out, "slides"));
	T_OK(!strstr(out, "device=\"ramzswap1\",socket=\"kernel\"} 1"));
	T_EQ(gives("watch --count 1"), 0);
	T_OK(strstr(out, " ramzswap0       4.0M    2.0M   2.00    12     5 "));
	T_OK(strstr(out, "       6  160.0K       - -\n"));
	T_EQ(gives("watch --count 1 --json"), 0);
	T_OK(strstr(out, "\"pages_same\":124,\"pages_raw\":50,"));
	T_OK(strstr(out, "\"refused\":6,\"reserve_bytes\":163840,"));

	m->open_error = 0;
	T_EQ(gives("-s ramzswap0"), 0);
	T_OK(strstr(out, "InvalidIO:\t       7\nNotifyFree:\t       0\nZeroPages:\t      24\n"
			 "GoodCompress:\t      80 %\nNoCompress:\t       5 %\n"
			 "PagesStored:\t    1000\nPagesUsed:\t     512\n"));
	T_OK(!strstr(out, "Backing") && !strstr(out, "BDev"));
	check("-s ramzswap1", 1, "", "not initialised, there are no statistics");
	put("/dev/sda2\n", "/sys/block/ramzswap0/backing_dev");
	put("9 11 12\n", "/sys/block/ramzswap0/bd_stat");
	T_EQ(gives("-s ramzswap0"), 0);
	T_OK(strstr(out, "BackingSwap:\t/dev/sda2\n"));
	T_OK(strstr(out, "BDevNumReads:\t      11\nBDevNumWrites:\t      12\n"));
	T_EQ(gives("params ramzswap0"), 0);
	T_STR_EQ(out, "size=67108864\nmemlimit=33554432\nbacking_swap=/dev/sda2\nalgorithm=lzo\n");
	end_machine();
}

/* The text of a file of the machine. */
static const char *text_of(const char *path)
{
	static char text[64];
	char at[PATH_MAX];
	FILE *f;

	snprintf(at, sizeof(at), "%s%s", root, path);
	memset(text, 0, sizeof(text));
	f = fopen(at, "r");
	T_OK(f && fread(text, 1, sizeof(text) - 1, f) > 0);
	fclose(f);
	return text;
}

/* Red when a knob is another file's, or is taken for one that an old driver does not have. */
T_TEST(merging_by_its_files)
{
	static const char *const knobs[][2] = {
		{"run", "0\n"},
		{"pages_to_scan", "100\n"},
		{"sleep_millisecs", "20\n"},
		{"max_page_sharing", "256\n"},
		{"smart_scan", "1\n"},
	};

	make_machine(1);
	check("ramzswap0 merge", 5, "", "too old to merge pages");
	check("ramzswap0 merge run=1", 5, "", "this driver does not merge pages");
	for (unsigned i = 0; i < sizeof(knobs) / sizeof(knobs[0]); i++)
		put(knobs[i][1], "/sys/block/ramzswap0/merge/%s", knobs[i][0]);
	T_EQ(gives("ramzswap0 merge"), 0);
	T_OK(strstr(out, "run=0\npages_to_scan=100\nsleep_millisecs=20\nmax_page_sharing=256\n"
			 "smart_scan=1\n") == out);
	check("ramzswap0 merge inline=1", 5, "", "this driver does not merge pages"); /* so */
	put("0\n", "/sys/block/ramzswap0/merge/inline");
	T_EQ(gives("ramzswap0 merge"), 0);
	T_OK(strstr(out, "smart_scan=1\ninline=0\n") != NULL);
	T_EQ(gives("merge ramzswap0 run=2 sleep_millisecs=7"), 0);
	T_STR_EQ(out, "");
	T_STR_EQ(text_of("/sys/block/ramzswap0/merge/run"), "2\n");
	T_OK(strncmp(text_of("/sys/block/ramzswap0/merge/sleep_millisecs"), "7", 1) == 0);
	check("set ramzswap0 merge-runs=1", 2, "", "merge-runs=1: no such key of merging");
	end_machine();
}

T_TEST(idle_pages_are_files)
{
	static const char *const files[][2] = {
		{"recompression/codec", "off\n"},
		{"recompression/after", "60\n"},
		{"recompression/cpu", "10\n"},
		{"recompression/unit", "4\n"},
		{"recompression/idle_step", "0\n"},
		{"idle", "   "},
	};

	make_machine(1);
	check("ramzswap0 idle", 5, "", "this driver does not look for idle pages");
	check("set ramzswap0 recompress=zstd", 5, "", "this driver does not look for idle pages");
	for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		put(files[i][1], "/sys/block/ramzswap0/%s", files[i][0]);
	T_EQ(gives("params ramzswap0"), 0);
	T_OK(strstr(out, "recompress=off\nrecompress-after=60\nrecompress-cpu=10\n"
			 "recompress-unit=4\nidle-step=0\n") != NULL);
	T_EQ(gives("set ramzswap0 recompress=zstd:3 recompress-cpu=25% recompress-after=30"), 0);
	T_EQ(gives("set ramzswap0 recompress-unit=2"), 0);
	T_STR_EQ(text_of("/sys/block/ramzswap0/recompression/unit"), "2\n");
	T_STR_EQ(text_of("/sys/block/ramzswap0/recompression/codec"), "zstd:3");
	T_STR_EQ(text_of("/sys/block/ramzswap0/recompression/cpu"), "25\n");
	T_STR_EQ(text_of("/sys/block/ramzswap0/recompression/after"), "30\n");
	T_EQ(gives("ramzswap0 idle"), 0);
	T_STR_EQ(text_of("/sys/block/ramzswap0/idle"), "all");
	check("set ramzswap0 recompress-often=1", 2, "", "no such key");
	end_machine();
}

T_TEST(rates_are_of_pages)
{
	struct rzst_value v[] = {{"reads", 101}, {"writes", 2000}, {"read_requests", 5}};
	struct rzst_values values = {v, 3};
	struct rzsc_row row = {.info = {.of_kernel = true}};

	rzsc_row_fill(&row, &values);
	T_EQ(row.reads, 101);
	T_EQ(row.writes, 2000);
	T_EQ(row.read_bytes, 101 * 4096);
	T_EQ(row.write_bytes, 2000 * 4096);
}
