# SPDX-License-Identifier: GPL-2.0-or-later
# Measurements.  make bench builds the programs; scripts and what they print are described in bench/README.

EXTRA_LTLIBRARIES = librzsbench.la
librzsbench_la_SOURCES = \
	bench/bench.h \
	bench/bench_corpus.c \
	bench/bench_json.c \
	bench/bench_util.c
librzsbench_la_CPPFLAGS = $(RZS_CPPFLAGS)

RZS_BENCHES = bench/bench_store bench/capture_pages bench/swap_pages

bench_bench_store_SOURCES = \
	bench/bench_store.c \
	bench/store_cases.h \
	bench/store_density.c \
	bench/store_time.c
bench_bench_store_CPPFLAGS = $(RZS_USER_CPPFLAGS)
bench_bench_store_LDADD = librzsbench.la librzscore.la librzsport.la $(RZS_LIBS) -lm

bench_capture_pages_SOURCES = bench/capture_pages.c
bench_capture_pages_CPPFLAGS = $(RZS_CPPFLAGS)
bench_capture_pages_LDADD = librzsbench.la -lm

bench_swap_pages_SOURCES = bench/swap_pages.c
bench_swap_pages_CPPFLAGS = $(RZS_CPPFLAGS)
bench_swap_pages_LDADD = librzsbench.la -lm

# The clients of nbdkit, where libnbd was found.
RZS_NBD_CLIENT_SOURCES = bench/nbd_client.c bench/nbd_client.h
RZS_NBD_CLIENT_CPPFLAGS = $(RZS_CPPFLAGS) $(LIBNBD_CFLAGS)
RZS_NBD_CLIENT_LDADD = librzsbench.la $(LIBNBD_LIBS) -lm

if HAVE_LIBNBD
RZS_BENCHES += bench/bench_nbd bench/nbd_pages
endif

bench_bench_nbd_SOURCES = \
	bench/bench_nbd.c \
	bench/bench_nbd.h \
	bench/nbd_cases.c \
	bench/nbd_targets.c \
	bench/nbd_targets.h \
	$(RZS_NBD_CLIENT_SOURCES)
bench_bench_nbd_CPPFLAGS = $(RZS_NBD_CLIENT_CPPFLAGS)
bench_bench_nbd_LDADD = $(RZS_NBD_CLIENT_LDADD)

bench_nbd_pages_SOURCES = bench/nbd_pages.c $(RZS_NBD_CLIENT_SOURCES)
bench_nbd_pages_CPPFLAGS = $(RZS_NBD_CLIENT_CPPFLAGS)
bench_nbd_pages_LDADD = $(RZS_NBD_CLIENT_LDADD)

EXTRA_PROGRAMS += \
	bench/bench_nbd \
	bench/bench_store \
	bench/capture_pages \
	bench/nbd_pages \
	bench/swap_pages
CLEANFILES += $(EXTRA_PROGRAMS)

EXTRA_DIST += \
	bench/README \
	bench/results/20261120-amd-epyc-2-density.jsonl \
	bench/results/20261120-amd-epyc-2-density.txt \
	bench/results/20261120-amd-epyc-2-nbd.jsonl \
	bench/results/20261120-amd-epyc-2-nbd.txt \
	bench/results/20261120-amd-epyc-2-store.jsonl \
	bench/results/20261120-amd-epyc-2-store.txt \
	bench/results/20261120-amd-epyc-2-vm.jsonl \
	bench/results/20261120-amd-epyc-2-vm.txt \
	bench/capture \
	bench/run \
	bench/summary.awk
