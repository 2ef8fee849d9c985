# SPDX-License-Identifier: GPL-2.0-or-later
# Measurements.  make bench builds the programs; scripts and what they print are described in bench/README.

RZS_BENCHES = bench/lzo bench/store tools/rzsbench/rzsbench

# Check programs, as tests/e2e/bench-lzo.sh and bench-store.sh run them.
check_PROGRAMS += bench/lzo bench/store

bench_lzo_SOURCES = \
	bench/lzo.c \
	bench/lzo_cases.h \
	bench/lzo_decoders.c \
	bench/lzo_encoders.c
bench_lzo_CPPFLAGS = $(RZS_BENCH_CPPFLAGS)
bench_lzo_LDADD = librzsbench.la librzscore.la librzsport.la $(RZS_LIBS) -ldl

bench_store_SOURCES = \
	bench/store.c \
	bench/store_cases.h \
	bench/store_density.c \
	bench/store_idle.c \
	bench/store_latency.c \
	bench/store_merge.c \
	bench/store_time.c \
	bench/store_zram.c
bench_store_CPPFLAGS = $(RZS_BENCH_CPPFLAGS)
bench_store_LDADD = librzsbench.la librzscore.la librzsport.la $(RZS_LIBS)

CLEANFILES += $(EXTRA_PROGRAMS)

EXTRA_DIST += \
	bench/README \
	bench/results/20261120-amd-epyc-2-vm.jsonl \
	bench/results/20261120-amd-epyc-2-vm.txt \
	bench/results/20261125-amd-epyc-2-vm.jsonl \
	bench/results/20261125-amd-epyc-2-vm.txt \
	bench/results/20261126-amd-epyc-2-all.jsonl \
	bench/results/20261126-amd-epyc-2-all.txt \
	bench/results/20261126-amd-epyc-2-decoders.txt \
	bench/results/20261126-amd-epyc-2-vm.jsonl \
	bench/results/20261126-amd-epyc-2-vm.txt \
	bench/results/20261126-intel-xeon-2-decoders.txt \
	bench/results/20261126-intel-xeon-2-rzsd.jsonl \
	bench/results/20261126-intel-xeon-2-rzsd.txt \
	bench/capture \
	bench/json.awk \
	bench/kernel-lzo \
	bench/nbd-server \
	bench/kernel/asm/unaligned.h \
	bench/kernel/linux/kernel.h \
	bench/kernel/linux/module.h \
	bench/kernel/linux/unaligned.h \
	bench/kmod \
	bench/readme.awk \
	bench/run \
	bench/summary.awk

# rzsd's twin: its data path, with nothing behind it.
EXTRA_PROGRAMS += bench/null_server
RZS_BENCHES += bench/null_server

bench_null_server_SOURCES = \
	bench/null_dispatch.c \
	bench/null_dispatch.h \
	bench/null_server.c
bench_null_server_CPPFLAGS = $(RZS_SERVER_CPPFLAGS)
bench_null_server_LDADD = librzsio.la librzshost.la librzsproto.la librzscore.la librzsport.la $(RZS_LIBS)
