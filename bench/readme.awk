# SPDX-License-Identifier: GPL-2.0-or-later
# From the JSON lines of one run of bench/run: the short table for the project's README.
# "-": the run has not measured it.  Use with json.awk before it: awk -f json.awk -f readme.awk.

# A value of a list by its key, scaled; "-" when it is not there or null.
function cell(v, key, scale, format) {
	return (key in v) && v[key] != "" && v[key] != "null" ? sprintf(format, v[key] * scale) : "-"
}

/"bench":"machine"/ && cpu == "" {
	cpu = get("cpu")
	kernel = get("kernel")
}

# The last value of a server counts, as parts of bench/run may measure a server twice.
/"bench":"nbd_ram"/ {
	server = get("server")
	ram[server, get("after")] = get("growth_per_stored_byte")
	mib = get("stored_bytes") / 1048576
	if (!(server in seen)) {
		seen[server] = 1
		order[++nr] = server
	}
}

/"bench":"nbd_speed"/ && get("request_bytes") == 4096 && get("connections") == 1 && get("after") == "fill" {
	server = get("server")
	rate[server, get("op"), get("depth")] = get("iops")
	if (get("op") == "read" && get("depth") == 1)
		p50[server] = get("p50_us")
}

# For all pages; nbdkit has its own codec, whatever the method.
/"bench":"pages",/ {
	found = get("pages_found") * 4096
	nbdkit = get("nbdkit_zstd_ram_bytes_modelled")
}

/"bench":"pages_method"/ && found > 0 {
	method = get("method")
	if (!((method, "ramzswap") in of))
		methods[++nr_methods] = method
	of[method, "ramzswap"] = get("store_ram_bytes")
	of[method, "zram"] = get("zram_ram_bytes_modelled")
	of[method, "zswap"] = get("zswap_ram_bytes_modelled")
}

/"bench":"store_density"/ {
	key = get("codec") " " get("size_bytes") / 1048576
	if (!((key, "fill") in held)) {
		if (!(key in density))
			densities[++nr_densities] = key
		density[key] = 1
	}
	held[key, get("after")] = get("held_per_ideal")
}

BEGIN {
	what["rzsd"] = "rzsd"
	what["rzs"] = "nbdkit ./rzs.so"
	what["nbdkit-rzs"] = "nbdkit ./rzs.so protect=off"
	what["rzs-plain"] = "nbdkit ./rzs.so protect=off"
	what["zstd"] = "nbdkit memory allocator=zstd"
	what["sparse"] = "nbdkit memory (not compressed)"
	what["nbdkit-memory"] = "nbdkit memory (not compressed)"
	what["qemu-nbd"] = "qemu-nbd (file in RAM)"
	what["nbd-server"] = "nbd-server (file in RAM)"
	what["zram"] = "the kernel's zram, lzo (O_DIRECT)"
	# Their pages are in a file, which is not part of their resident memory.
	in_file["qemu-nbd"] = in_file["nbd-server"] = 1
	# Not for comparison: they store nothing, or are ours from before a change.
	hidden["null"] = hidden["null-"] = hidden["twin"] = hidden["rzsd-before"] = 1
}

function ram_of(server, after) {
	return server in in_file ? "(file)" : cell(ram, server SUBSEP after, 100, "%.0f %%")
}

# Rates with 16 in flight; in parentheses with one, of what takes one at a time.
function rate_of(server, op,    r) {
	r = cell(rate, server SUBSEP op SUBSEP 16, 0.001, "%.1f")
	if (r != "-")
		return r
	r = cell(rate, server SUBSEP op SUBSEP 1, 0.001, "%.1f")
	return r == "-" ? r : "(" r ")"
}

END {
	if (!nr && !nr_methods && !nr_densities)
		exit
	printf "For README (%s, Linux %s%s)\n", cpu, kernel, nr ? sprintf("; %.0f MiB of pages, 4 KiB requests at random", mib) : ""
	if (nr) {
		printf "%-36s %7s %10s %9s %9s %9s\n", "", "RAM for", "them after", "reads", "writes", "p50 read"
		printf "%-36s %7s %10s %9s %9s %9s\n", "", "a fill", "overwrites", "1000/s", "1000/s", "us, 1 in"
	}
	for (i = 1; i <= nr; i++) {
		s = order[i]
		if (s in hidden)
			continue
		printf "%-36s %7s %10s %9s %9s %9s\n", (s in what) ? what[s] : s, ram_of(s, "fill"), ram_of(s, "churn"), \
			rate_of(s, "read"), rate_of(s, "write"), cell(p50, s, 1, "%.0f")
	}
	if (nr)
		print "16 requests in flight, in parentheses one; the last column: with one in flight."
	if (nr_methods)
		printf "%-36s %9s %9s %9s   zram, zswap, nbdkit computed; nbdkit memory allocator=zstd: %s\n", \
			"RAM for the pages after a fill", "ramzswap", "zram", "zswap", \
			nbdkit == "" || nbdkit == "null" ? "-" : sprintf("%.1f %%", 100 * nbdkit / found)
	for (i = 1; i <= nr_methods; i++)
		printf "%-36s %9s %9s %9s\n", methods[i], cell(of, methods[i] SUBSEP "ramzswap", 100 / found, "%.1f %%"), \
			cell(of, methods[i] SUBSEP "zram", 100 / found, "%.1f %%"), \
			cell(of, methods[i] SUBSEP "zswap", 100 / found, "%.1f %%")
	for (i = 1; i <= nr_densities; i++) {
		key = densities[i]
		split(key, part, " ")
		printf "The store, %s, %s MiB: RAM held / compressed bytes %s after a fill, %s after overwriting 5 times\n", part[1], \
			part[2], cell(held, key SUBSEP "fill", 1, "%.3f"), cell(held, key SUBSEP "churn", 1, "%.3f")
	}
}
