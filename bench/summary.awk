# SPDX-License-Identifier: GPL-2.0-or-later
# From the JSON lines of one run of bench/run: the project's targets and what was measured.
# Use with json.awk before it: awk -f json.awk -f summary.awk.

# how: 1 measured must be at most the target, -1 at least
function target(what, measured, limit, how, note,    ok) {
	if (measured == "") {
		printf "%-66s %8s %8s  not measured\n", what, "-", limit
		return
	}
	ok = how > 0 ? measured + 0 <= limit + 0 : measured + 0 >= limit + 0
	printf("%-66s %8.3f %s %5s  %s%s\n", what, measured, (how > 0 ? "<=" : ">="), limit, (ok ? "met" : "MISSED"), \
		(note == "" ? "" : "  (" note ")"))
}

/"bench":"store_time"/ && get("codec") == "lzo" {
	key = get("size_bytes") / 1048576 " " get("slots") " " get("threads") " " get("step")
	# The sizes are compared within the run that has them all, the last; the rest is from the first.
	last_ns[key] = get("store_ns_per_page")
	last_codec_ns[key] = get("codec_ns_per_page")
	last_ratio[key] = get("ratio")
	sizes[get("size_bytes") / 1048576] = 1
	if (key in ratio)
		next
	ratio[key] = get("ratio")
	ns[key] = get("store_ns_per_page")
	rate[key] = get("store_pages_per_s")
	codec_rate[key] = get("codec_pages_per_s")
}

/"bench":"store_density"/ && get("codec") == "lzo" {
	key = get("size_bytes") / 1048576 " " get("after")
	held[key] = get("held_per_ideal")
	with_reserve[key] = get("held_with_reserve_per_ideal")
	density_sizes[get("size_bytes") / 1048576] = 1
}

/"bench":"store_compaction"/ && get("codec") == "lzo" {
	pause = get("longest_call_cpu_ms")
	if (pause > longest)
		longest = pause
	compacted = 1
}

/"bench":"nbd_speed"/ {
	server = get("server")
	key = get("op") " " get("after") " " get("request_bytes") / 1024 "K " get("depth") "x" get("connections")
	by_clock[server, key] = get("iops")
	by_cpu[server, key] = get("iops_by_cpu_time")
	mb[server, key] = get("mb_per_s")
	if (get("depth") == 1 && get("connections") == 1 && get("p50_us") > 0)
		tail[server, key] = get("p99_us") / get("p50_us")
	if (!(key in cases)) {
		cases[key] = 1
		case_order[++nr_cases] = key
	}
}

/"bench":"nbd_speed"/ && get("request_bytes") == 4096 && get("depth") == 16 && get("connections") == 1 {
	key = get("server") " " get("op") " " get("after")
	times[key] = get("first_per_this_iops")
	times_cpu[key] = get("first_per_this_iops_by_cpu_time")
}

/"bench":"nbd_ram"/ {
	growth[get("server") " " get("after")] = get("growth_per_stored_byte")
	idle[get("server")] = get("ram_start_bytes") / 1048576
	stored = get("stored_bytes") / 1048576
}

# Largest over least of v at all sizes.
function spread(v, step,    s, x, least, most) {
	least = most = ""
	for (s in sizes) {
		x = v[s " random 1 " step]
		if (x == "" || s < 256)
			continue
		if (least == "" || x + 0 < least + 0)
			least = x
		if (most == "" || x + 0 > most + 0)
			most = x
	}
	return least == "" || least == most ? "" : most / least
}

function flat(step) {
	target("slowest size / fastest, " step, spread(last_ns, step), 1.05, 1, \
		sprintf("codec alone %.3f, store / codec %.3f", spread(last_codec_ns, step), spread(last_ratio, step)))
}

function scaling(step,    one, two) {
	one = "512 random 1 " step
	two = "512 random 2 " step
	target("two threads, pages/s of one, " step " (clock)", rate[one] ? rate[two] / rate[one] : "", 1.85, -1, \
		rate[one] ? sprintf("codec alone %.2f; by CPU time %.2f", codec_rate[two] / codec_rate[one], 2 * ns[one] / ns[two]) : "")
}

function peer(server, op, limit) {
	target("nbdkit, 4 KiB " op "s, depth 16, times of " server " (clock)", times[server " " op " fill"], limit, -1, \
		sprintf("by CPU time %.2f", times_cpu[server " " op " fill"]))
}

# rzsd in a case, in times of another server.
function beside(server, key, limit, v, how) {
	if (("rzsd", key) in v && (server, key) in v)
		target("rzsd, " key ", times of " server " (" how ")", v["rzsd", key] / v[server, key], limit, -1)
}

# What is asked of rzsd in every case that was run.
function server_targets(    i, key) {
	for (i = 1; i <= nr_cases; i++) {
		key = case_order[i]
		if (key ~ / 4K / && key !~ /^trim/) {
			# Reads with our own decoder of LZO1X, which is the default; with liblzo2's 0.55 is asked.
			beside("twin", key, key ~ /^read/ ? 0.85 : 0.55, by_cpu, "CPU")
			beside("nbdkit-rzs", key, 1, by_clock, "clock")
			beside("nbdkit-rzs", key, 1, by_cpu, "CPU")
			beside("qemu-nbd", key, 1, by_clock, "clock")
			beside("qemu-nbd", key, 1, by_cpu, "CPU")
			beside("nbd-server", key, 1, by_clock, "clock")
			beside("rzsd-before", key, 1, by_cpu, "CPU")
			if (("rzsd", key) in tail)
				target("rzsd, " key ", p99 / p50", tail["rzsd", key], 1.6, 1)
		}
		if (key ~ /^trim/)
			beside("twin", key, 0.8, by_cpu, "CPU")
		if (key ~ / 64K / && ("zram", "read fill 64K 1x1") in mb && ("rzsd", key) in mb)
			target("rzsd, " key ", times of zram O_DIRECT at depth 1 (clock)", \
				mb["rzsd", key] / mb["zram", (key ~ /^read/ ? "read" : "write") " fill 64K 1x1"], 1, -1)
	}
	# The reserve of a small device is a sixteenth of it, else 16 MiB.
	if ("rzsd" in idle)
		target("rzsd, resident before the first connection, MiB", idle["rzsd"], \
			8 + (stored / 16 < 16 ? stored / 16 : 16), 1, "8 and the store's reserve")
}

END {
	print "Targets (lzo; 512 MiB and random slots where nothing else is said)"
	n = split("64 128 256 512 1024 2048 4096", order, " ")
	for (i = 1; i <= n; i++) {
		s = order[i]
		if (!(s in density_sizes))
			continue
		target("RAM held / compressed bytes after fill, " s " MiB", held[s " fill"], 1.03, 1, \
			sprintf("with the reserve %.3f", with_reserve[s " fill"]))
		target("RAM held / compressed bytes after churn and compaction, " s " MiB", held[s " compaction"], 1.05, 1, \
			sprintf("before compaction %.3f, with the reserve %.3f", held[s " churn"], with_reserve[s " compaction"]))
	}
	target("longest call of compaction, ms of CPU", compacted ? longest : "", 5, 1)
	target("write to an empty slot / codec call", ratio["512 random 1 fill"], 1.15, 1)
	target("overwrite / codec call", ratio["512 random 1 overwrite"], 1.15, 1)
	target("read / codec call", ratio["512 random 1 read"], 1.15, 1)
	scaling("fill")
	scaling("overwrite")
	scaling("read")
	flat("fill")
	flat("overwrite")
	flat("read")
	peer("zstd", "read", 5)
	peer("sparse", "read", 0.6)
	peer("zstd", "write", 8)
	peer("sparse", "write", 0.5)
	server_targets()
	if (growth["zstd churn"])
		g = growth["rzs churn"] / growth["zstd churn"]
	target("RAM after random 4 KiB writes / that of allocator=zstd", g, 0.6, 1)
}
