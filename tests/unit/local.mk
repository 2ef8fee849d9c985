# SPDX-License-Identifier: GPL-2.0-or-later
# One program per tests/unit/test_*.c.  To add one, add its name: the source is found by it.

# On the test port.
RZS_UNIT_TESTS = \
	tests/unit/test_codec \
	tests/unit/test_device_params \
	tests/unit/test_harness \
	tests/unit/test_hash \
	tests/unit/test_lock \
	tests/unit/test_lzo_decode \
	tests/unit/test_lzo_encode \
	tests/unit/test_merger \
	tests/unit/test_packed \
	tests/unit/test_port \
	tests/unit/test_recompressor \
	tests/unit/test_store \
	tests/unit/test_store_backed \
	tests/unit/test_store_between \
	tests/unit/test_store_compact \
	tests/unit/test_store_corrupt \
	tests/unit/test_store_idle \
	tests/unit/test_store_inside \
	tests/unit/test_store_limit \
	tests/unit/test_store_map \
	tests/unit/test_store_merge \
	tests/unit/test_store_merge_races \
	tests/unit/test_store_merge_writes \
	tests/unit/test_store_model \
	tests/unit/test_store_threads \
	tests/unit/test_store_recompress \
	tests/unit/test_store_spill \
	tests/unit/test_store_spill_model \
	tests/unit/test_store_spill_threads \
	tests/unit/test_store_stats \
	tests/unit/test_store_try \
	tests/unit/test_store_wipe \
	tests/unit/test_store_workers \
	tests/unit/test_swap_header

# Too long for valgrind: AddressSanitizer and MemorySanitizer have them.
RZS_UNIT_TESTS_ONE = \
	tests/unit/test_rzsa_days \
	tests/unit/test_rzsa_replay \
	tests/unit/test_store_adopt \
	tests/unit/test_store_adopt_damaged \
	tests/unit/test_store_kill \
	tests/unit/test_store_kill_shared \
	tests/unit/test_store_merge_between \
	tests/unit/test_store_oom \
	tests/unit/test_store_recompress_between \
	tests/unit/test_store_unit

# Not under valgrind, whose 3.19 does not know pidfd_open(2): AddressSanitizer has them, too.
RZS_UNIT_TESTS_PIDFD = \
	tests/unit/test_rzsc_attach \
	tests/unit/test_rzsf \
	tests/unit/test_rzst_swapoff_job

# On the user port; each needs its two lines as well.
RZS_UNIT_TESTS_USER = \
	tests/unit/test_arena \
	tests/unit/test_blocks \
	tests/unit/test_blocks_shared \
	tests/unit/test_blocks_system \
	tests/unit/test_host \
	tests/unit/test_upkeep_merge \
	tests/unit/test_hold \
	tests/unit/test_latency \
	tests/unit/test_inversion \
	tests/unit/test_listen_unix \
	tests/unit/test_program \
	tests/unit/test_protect_server \
	tests/unit/test_protect_fork \
	tests/unit/test_protect_steps \
	tests/unit/test_headroom \
	tests/unit/test_rzsc \
	tests/unit/test_rzsc_kernel \
	tests/unit/test_watchdog \
	tests/unit/test_rzsa_guard \
	tests/unit/test_rzsa_state \
	tests/unit/test_rzsa_trace \
	tests/unit/test_rzsa_worth \
	tests/unit/test_rzso_header \
	tests/unit/test_rzso_policy \
	tests/unit/test_rzst \
	tests/unit/test_rzst_areas \
	tests/unit/test_rzst_fit \
	tests/unit/test_rzsb \
	tests/unit/test_rzsb_sample \
	tests/unit/test_rzsb_spawn \
	tests/unit/test_size \
	tests/unit/test_size_expr \
	tests/unit/test_spill_budget \
	tests/unit/test_spill_fail \
	tests/unit/test_spill_io \
	tests/unit/test_spill_keys \
	tests/unit/test_spill_model \
	tests/unit/test_spill_target \
	tests/unit/test_spiller \
	tests/unit/test_spiller_model \
	tests/unit/test_spiller_plan

# Of what reads configuration files.
RZS_UNIT_TESTS_INIH = \
	tests/unit/test_config \
	tests/unit/test_config_files \
	tests/unit/test_rzsa_collect \
	tests/unit/test_rzsa_files \
	tests/unit/test_rzsa_server \
	tests/unit/test_rzsa_settings
if HAVE_INIH
RZS_UNIT_TESTS_USER += $(RZS_UNIT_TESTS_INIH)
endif

RZS_UNIT_TESTS_USER += \
	tests/unit/test_control \
	tests/unit/test_ctl_commands \
	tests/unit/test_loop

# Of the codecs, which know no port; each needs its two lines as well.
RZS_UNIT_TESTS_PROTO = \
	tests/unit/test_ctl \
	tests/unit/test_nbd_handshake \
	tests/unit/test_nbd_options \
	tests/unit/test_nbd_reply \
	tests/unit/test_nbd_request

if HAVE_INIH
RZS_UNIT_TESTS_PIDFD += tests/unit/test_rzsa_daemon
endif

check_PROGRAMS += $(RZS_UNIT_TESTS) $(RZS_UNIT_TESTS_ONE) $(RZS_UNIT_TESTS_PIDFD) $(RZS_UNIT_TESTS_USER) $(RZS_UNIT_TESTS_PROTO)
EXTRA_DIST += \
	tests/unit/areas_rig.h \
	tests/unit/adopt_rig.h \
	tests/unit/autoswap_machine.h \
	tests/unit/autoswap_rig.h \
	tests/unit/between_rig.h \
	tests/unit/locks_free.h \
	tests/unit/blocks_rig.h \
	tests/unit/config_rig.h \
	tests/unit/files_rig.h \
	tests/unit/kill_rig.h \
	tests/unit/merge_rig.h \
	tests/unit/recompress_rig.h \
	tests/unit/rzsc_kernel_rig.h \
	tests/unit/spill_rig.h \
	tests/unit/spiller_rig.h \
	tests/unit/store_spill_rig.h \
	tests/unit/swapoff_rig.h \
	tests/unit/target_rig.h \
	tests/unit/twin_rig.h \
	tests/unit/zstd_name.h

check_LTLIBRARIES += librzstests.la librzstests_user.la
librzstests_la_SOURCES = $(RZS_TEST_LIB_SOURCES)
librzstests_la_CPPFLAGS = $(RZS_TEST_CPPFLAGS)
librzstests_la_LIBADD = -ldl
librzstests_user_la_SOURCES = $(RZS_TEST_LIB_SOURCES)
librzstests_user_la_CPPFLAGS = $(RZS_UNIT_USER_CPPFLAGS)
librzstests_user_la_LIBADD = -ldl

RZS_UNIT_USER_CPPFLAGS = $(RZS_USER_CPPFLAGS) -I$(srcdir)/tests/lib
RZS_UNIT_USER_LDADD = librzstests_user.la librzscore.la librzsport.la $(RZS_LIBS)

tests_unit_test_arena_CPPFLAGS = $(RZS_UNIT_USER_CPPFLAGS)
tests_unit_test_arena_LDADD = $(RZS_UNIT_USER_LDADD)
tests_unit_test_blocks_CPPFLAGS = $(RZS_UNIT_USER_CPPFLAGS)
tests_unit_test_blocks_LDADD = $(RZS_UNIT_USER_LDADD)
tests_unit_test_blocks_shared_CPPFLAGS = $(RZS_UNIT_USER_CPPFLAGS)
tests_unit_test_blocks_shared_LDADD = $(RZS_UNIT_USER_LDADD)
tests_unit_test_blocks_system_CPPFLAGS = $(RZS_UNIT_USER_CPPFLAGS)
tests_unit_test_blocks_system_LDADD = $(RZS_UNIT_USER_LDADD)
tests_unit_test_store_kill_shared_CPPFLAGS = $(RZS_UNIT_USER_CPPFLAGS)
tests_unit_test_store_kill_shared_LDADD = $(RZS_UNIT_USER_LDADD)
tests_unit_test_inversion_CPPFLAGS = $(RZS_UNIT_USER_CPPFLAGS)
tests_unit_test_inversion_LDADD = $(RZS_UNIT_USER_LDADD)
tests_unit_test_program_CPPFLAGS = $(RZS_UNIT_USER_CPPFLAGS)
tests_unit_test_program_LDADD = $(RZS_UNIT_USER_LDADD)
tests_unit_test_headroom_CPPFLAGS = $(RZS_UNIT_USER_CPPFLAGS)
tests_unit_test_headroom_LDADD = $(RZS_UNIT_USER_LDADD)
tests_unit_test_watchdog_CPPFLAGS = $(RZS_UNIT_USER_CPPFLAGS)
tests_unit_test_watchdog_LDADD = $(RZS_UNIT_USER_LDADD)
tests_unit_test_watchdog_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=rzs_headroom_short
tests_unit_test_protect_steps_CPPFLAGS = $(RZS_UNIT_USER_CPPFLAGS)
tests_unit_test_protect_steps_LDADD = $(RZS_UNIT_USER_LDADD)
tests_unit_test_rzsb_CPPFLAGS = $(RZS_BENCH_CPPFLAGS) -I$(srcdir)/tests/lib
tests_unit_test_rzsb_LDADD = librzstests_user.la librzsbench.la librzscore.la librzsport.la $(RZS_LIBS)
tests_unit_test_rzsb_sample_CPPFLAGS = $(tests_unit_test_rzsb_CPPFLAGS)
tests_unit_test_rzsb_sample_LDADD = $(tests_unit_test_rzsb_LDADD)
tests_unit_test_rzsb_spawn_SOURCES = tests/unit/test_rzsb_spawn.c tools/rzsbench/rzsb_spawn.c
tests_unit_test_rzsb_spawn_CPPFLAGS = $(tests_unit_test_rzsb_CPPFLAGS)
tests_unit_test_rzsb_spawn_LDADD = $(tests_unit_test_rzsb_LDADD)
tests_unit_test_size_CPPFLAGS = $(RZS_UNIT_USER_CPPFLAGS) -I$(srcdir)/proto
tests_unit_test_size_LDADD = librzsproto.la $(RZS_UNIT_USER_LDADD)
tests_unit_test_size_expr_CPPFLAGS = $(tests_unit_test_size_CPPFLAGS)
tests_unit_test_size_expr_LDADD = $(tests_unit_test_size_LDADD)

# What is in server/host, server and proto.
RZS_UNIT_HOST_CPPFLAGS = $(RZS_SERVER_CPPFLAGS) -I$(srcdir)/tests/lib
RZS_UNIT_HOST_LDADD = librzstests_user.la librzshost.la librzsproto.la librzscore.la librzsport.la $(RZS_LIBS)

RZS_CONFIG_LDADD = librzsconfig.la $(RZS_UNIT_HOST_LDADD)
tests_unit_test_config_CPPFLAGS = $(RZS_UNIT_HOST_CPPFLAGS)
tests_unit_test_config_LDADD = $(RZS_CONFIG_LDADD)
tests_unit_test_config_files_CPPFLAGS = $(RZS_UNIT_HOST_CPPFLAGS)
tests_unit_test_config_files_LDADD = $(RZS_CONFIG_LDADD)
tests_unit_test_config_files_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fopen,--wrap=scandir,--wrap=getpwnam

# On the test port all the same: they make stores.
RZS_UNIT_MERGER_SOURCES = server/host/merger.c server/host/recompressor.c server/host/recompressor_keys.c conf/value.c port/user/ram.c port/user/text_file.c \
	proto/size.c proto/size_expr.c
tests_unit_test_device_params_SOURCES = tests/unit/test_device_params.c server/host/device_complete.c server/host/device_params.c \
	server/spill/spill_keys.c $(RZS_UNIT_MERGER_SOURCES)
tests_unit_test_device_params_CPPFLAGS = $(RZS_TEST_CPPFLAGS) -I$(srcdir)/server/spill -I$(srcdir)/server/host -I$(srcdir)/conf -I$(srcdir)/proto -I$(srcdir)/port/user
tests_unit_test_merger_SOURCES = tests/unit/test_merger.c $(RZS_UNIT_MERGER_SOURCES)
tests_unit_test_merger_CPPFLAGS = $(tests_unit_test_device_params_CPPFLAGS)
tests_unit_test_recompressor_SOURCES = tests/unit/test_recompressor.c $(RZS_UNIT_MERGER_SOURCES)
tests_unit_test_recompressor_CPPFLAGS = $(tests_unit_test_device_params_CPPFLAGS)
tests_unit_test_merger_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=rzs_store_unmerge

tests_unit_test_upkeep_merge_CPPFLAGS = $(RZS_UNIT_HOST_CPPFLAGS)
tests_unit_test_upkeep_merge_LDADD = $(RZS_UNIT_HOST_LDADD)
tests_unit_test_upkeep_merge_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=rzs_store_unmerge -Wl,--wrap=clock_nanosleep
tests_unit_test_host_CPPFLAGS = $(RZS_UNIT_HOST_CPPFLAGS)
tests_unit_test_host_LDADD = $(RZS_UNIT_HOST_LDADD)
tests_unit_test_protect_server_CPPFLAGS = $(RZS_UNIT_HOST_CPPFLAGS)
tests_unit_test_protect_server_LDADD = $(RZS_UNIT_HOST_LDADD)
tests_unit_test_protect_server_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=sysconf,--wrap=rzs_store_compact
tests_unit_test_protect_fork_CPPFLAGS = $(RZS_UNIT_HOST_CPPFLAGS)
tests_unit_test_protect_fork_LDADD = $(RZS_UNIT_HOST_LDADD)
# It fails allocations.
tests_unit_test_hold_CPPFLAGS = $(RZS_UNIT_HOST_CPPFLAGS)
tests_unit_test_hold_LDADD = $(RZS_UNIT_HOST_LDADD)
tests_unit_test_hold_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=calloc
tests_unit_test_latency_CPPFLAGS = $(RZS_UNIT_HOST_CPPFLAGS)
tests_unit_test_latency_LDADD = $(RZS_UNIT_HOST_LDADD)

RZS_UNIT_PROTO_CPPFLAGS = $(RZS_PROTO_CPPFLAGS) -I$(srcdir)/tests/lib
RZS_UNIT_NBD_SOURCES = \
	tests/lib/nbd_drive.c \
	tests/lib/nbd_drive.h \
	tests/lib/nbd_talk.c \
	tests/lib/nbd_talk.h \
	tests/lib/pages.c \
	tests/lib/pages.h \
	tests/unit/nbd_rig.h

tests_unit_test_nbd_handshake_SOURCES = tests/unit/test_nbd_handshake.c $(RZS_UNIT_NBD_SOURCES)
tests_unit_test_nbd_handshake_CPPFLAGS = $(RZS_UNIT_PROTO_CPPFLAGS)
tests_unit_test_nbd_handshake_LDADD = librzsproto.la
tests_unit_test_nbd_options_SOURCES = tests/unit/test_nbd_options.c $(RZS_UNIT_NBD_SOURCES)
tests_unit_test_nbd_options_CPPFLAGS = $(RZS_UNIT_PROTO_CPPFLAGS)
tests_unit_test_nbd_options_LDADD = librzsproto.la
tests_unit_test_nbd_reply_CPPFLAGS = $(RZS_UNIT_PROTO_CPPFLAGS)
tests_unit_test_nbd_reply_LDADD = librzsproto.la
tests_unit_test_nbd_request_CPPFLAGS = $(RZS_UNIT_PROTO_CPPFLAGS)
tests_unit_test_nbd_request_LDADD = librzsproto.la
tests_unit_test_listen_unix_CPPFLAGS = $(RZS_UNIT_HOST_CPPFLAGS)
tests_unit_test_listen_unix_LDADD = $(RZS_UNIT_HOST_LDADD)
tests_unit_test_listen_unix_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=bind

RZS_UNIT_CONTROL_LDADD = librzscontrol.la $(RZS_UNIT_HOST_LDADD)

tests_unit_test_control_CPPFLAGS = $(RZS_UNIT_HOST_CPPFLAGS)
tests_unit_test_control_LDADD = $(RZS_UNIT_CONTROL_LDADD)
tests_unit_test_ctl_commands_CPPFLAGS = $(RZS_UNIT_HOST_CPPFLAGS)
tests_unit_test_ctl_commands_LDADD = $(RZS_UNIT_CONTROL_LDADD)
tests_unit_test_loop_CPPFLAGS = $(RZS_UNIT_HOST_CPPFLAGS)
tests_unit_test_loop_LDADD = $(RZS_UNIT_CONTROL_LDADD)
tests_unit_test_loop_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=epoll_ctl,--wrap=epoll_create1,--wrap=eventfd

tests_unit_test_ctl_CPPFLAGS = $(RZS_UNIT_PROTO_CPPFLAGS)
tests_unit_test_ctl_LDADD = librzsproto.la

# server/spill's: the engine may ask for no memory while it runs.
RZS_UNIT_SPILL_CPPFLAGS = $(RZS_SPILL_CPPFLAGS) -I$(srcdir)/tests/lib
RZS_UNIT_SPILL_LDADD = librzsspill.la librzsproto.la librzsport.la
tests_unit_test_spill_budget_CPPFLAGS = $(RZS_UNIT_SPILL_CPPFLAGS)
tests_unit_test_spill_budget_LDADD = $(RZS_UNIT_SPILL_LDADD)
tests_unit_test_spill_fail_CPPFLAGS = $(RZS_UNIT_SPILL_CPPFLAGS)
tests_unit_test_spill_fail_LDADD = $(RZS_UNIT_SPILL_LDADD)
tests_unit_test_spill_io_CPPFLAGS = $(RZS_UNIT_SPILL_CPPFLAGS)
tests_unit_test_spill_io_LDADD = $(RZS_UNIT_SPILL_LDADD)
tests_unit_test_spill_io_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=rzs_threads_start,--wrap=rzs_memory_fill \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=madvise,--wrap=mlock
tests_unit_test_spill_keys_CPPFLAGS = $(RZS_UNIT_SPILL_CPPFLAGS)
tests_unit_test_spill_keys_LDADD = $(RZS_UNIT_SPILL_LDADD)
tests_unit_test_spill_model_CPPFLAGS = $(RZS_UNIT_SPILL_CPPFLAGS)
tests_unit_test_spill_model_LDADD = $(RZS_UNIT_SPILL_LDADD)
tests_unit_test_spill_target_CPPFLAGS = $(RZS_UNIT_SPILL_CPPFLAGS)
tests_unit_test_spill_target_LDADD = $(RZS_UNIT_SPILL_LDADD)
tests_unit_test_spill_target_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=open,--wrap=fstat,--wrap=fstatfs,--wrap=ioctl,--wrap=statx \
	-Wl,--wrap=pread,--wrap=pwrite

# Connections on a device that is the tests' own (fake_dispatch.h); I/O threads on a store.
RZS_UNIT_TESTS_USER += \
	tests/unit/test_conn \
	tests/unit/test_conn_flow \
	tests/unit/test_conn_hold \
	tests/unit/test_conn_parked \
	tests/unit/test_conn_wipe \
	tests/unit/test_full \
	tests/unit/test_io \
	tests/unit/test_io_model \
	tests/unit/test_io_parked
EXTRA_DIST += \
	tests/lib/nbdwire.h \
	tests/unit/conn_rig.h \
	tests/unit/fake_dispatch.h \
	tests/unit/front_rig.h \
	tests/unit/io_client.h \
	tests/unit/io_rig.h \
	tests/unit/parker.h \
	tests/unit/sanitized.h

RZS_UNIT_BELOW_IO = librzshost.la librzsproto.la librzscore.la librzsport.la $(RZS_LIBS)
RZS_UNIT_CONN_LDADD = librzsio.la $(RZS_UNIT_BELOW_IO)
RZS_UNIT_IO_LDADD = librzstests_user.la librzsio.la librzsdispatch.la $(RZS_UNIT_BELOW_IO)

tests_unit_test_conn_CPPFLAGS = $(RZS_UNIT_HOST_CPPFLAGS)
tests_unit_test_conn_LDADD = $(RZS_UNIT_CONN_LDADD)
tests_unit_test_conn_flow_CPPFLAGS = $(RZS_UNIT_HOST_CPPFLAGS)
tests_unit_test_conn_flow_LDADD = $(RZS_UNIT_CONN_LDADD)
tests_unit_test_conn_hold_CPPFLAGS = $(RZS_UNIT_HOST_CPPFLAGS)
tests_unit_test_conn_hold_LDADD = $(RZS_UNIT_CONN_LDADD)
tests_unit_test_conn_parked_CPPFLAGS = $(RZS_UNIT_HOST_CPPFLAGS)
tests_unit_test_conn_parked_LDADD = $(RZS_UNIT_CONN_LDADD)
tests_unit_test_conn_wipe_CPPFLAGS = $(RZS_UNIT_HOST_CPPFLAGS)
tests_unit_test_conn_wipe_LDADD = $(RZS_UNIT_CONN_LDADD)
tests_unit_test_conn_wipe_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=munmap
# Both servers' data paths, as far as they are built.
tests_unit_test_full_SOURCES = tests/unit/test_full.c
tests_unit_test_full_CPPFLAGS = $(RZS_UNIT_HOST_CPPFLAGS) $(RZS_UNIT_FULL_CPPFLAGS)
tests_unit_test_full_LDADD = librzstests_user.la librzsdispatch.la librzsio.la $(RZS_UNIT_BELOW_IO)
tests_unit_test_full_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=rzs_upkeep_wake
# Its thread is the I/O thread and upkeep; the disk is a made one.
tests_unit_test_spiller_CPPFLAGS = $(RZS_UNIT_HOST_CPPFLAGS)
tests_unit_test_spiller_LDADD = $(RZS_UNIT_IO_LDADD)
tests_unit_test_spiller_model_CPPFLAGS = $(RZS_UNIT_HOST_CPPFLAGS)
tests_unit_test_spiller_model_LDADD = $(RZS_UNIT_IO_LDADD)
tests_unit_test_spiller_plan_CPPFLAGS = $(RZS_UNIT_HOST_CPPFLAGS)
tests_unit_test_spiller_plan_LDADD = $(RZS_UNIT_HOST_LDADD)
RZS_UNIT_FULL_CPPFLAGS =
if PLUGIN
tests_unit_test_full_SOURCES += plugin/io.c
RZS_UNIT_FULL_CPPFLAGS += -I$(srcdir)/plugin $(NBDKIT_CFLAGS) -DRZS_TEST_PLUGIN=1
endif
tests_unit_test_io_CPPFLAGS = $(RZS_UNIT_HOST_CPPFLAGS)
tests_unit_test_io_LDADD = $(RZS_UNIT_IO_LDADD)
tests_unit_test_io_model_CPPFLAGS = $(RZS_UNIT_HOST_CPPFLAGS)
tests_unit_test_io_model_LDADD = $(RZS_UNIT_IO_LDADD)
tests_unit_test_io_parked_CPPFLAGS = $(RZS_UNIT_HOST_CPPFLAGS)
tests_unit_test_io_parked_LDADD = $(RZS_UNIT_CONN_LDADD)
# tools/common's.
tests_unit_test_rzst_CPPFLAGS = $(RZS_CLIENT_CPPFLAGS) -I$(srcdir)/tests/lib
tests_unit_test_rzst_LDADD = librzstests_user.la librzsclient.la
tests_unit_test_rzst_areas_CPPFLAGS = $(RZS_SWAP_CPPFLAGS) -I$(srcdir)/tests/lib
tests_unit_test_rzst_areas_LDADD = librzsareas.la
tests_unit_test_rzst_areas_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=swapon,--wrap=swapoff,--wrap=nanosleep
tests_unit_test_rzst_fit_CPPFLAGS = $(RZS_SWAP_CPPFLAGS) -I$(srcdir)/tests/lib
tests_unit_test_rzst_fit_LDADD = librzsareas.la
tests_unit_test_rzst_swapoff_job_CPPFLAGS = $(RZS_SWAP_CPPFLAGS) -I$(srcdir)/tests/lib
tests_unit_test_rzst_swapoff_job_LDADD = librzsareas.la
tests_unit_test_rzst_swapoff_job_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fork,--wrap=syscall,--wrap=swapoff,--wrap=syslog,--wrap=ppoll,--wrap=rzst_now \
	-Wl,--wrap=rzst_areas_read,--wrap=rzst_areas_change,--wrap=rzst_fit_look
# rzs-autoswap's.
RZS_UNIT_AUTOSWAP_CPPFLAGS = $(RZS_AUTOSWAP_CPPFLAGS) -I$(srcdir)/tests/lib
tests_unit_test_rzsa_guard_CPPFLAGS = $(RZS_UNIT_AUTOSWAP_CPPFLAGS)
tests_unit_test_rzsa_guard_LDADD = librzsa.la
tests_unit_test_rzsa_state_CPPFLAGS = $(RZS_UNIT_AUTOSWAP_CPPFLAGS)
tests_unit_test_rzsa_state_LDADD = librzsa.la
tests_unit_test_rzsa_worth_CPPFLAGS = $(RZS_UNIT_AUTOSWAP_CPPFLAGS)
tests_unit_test_rzsa_worth_LDADD = librzsa.la
tests_unit_test_rzsa_trace_CPPFLAGS = $(RZS_UNIT_AUTOSWAP_CPPFLAGS)
tests_unit_test_rzsa_trace_LDADD = librzsa.la
tests_unit_test_rzsa_replay_CPPFLAGS = $(RZS_UNIT_AUTOSWAP_CPPFLAGS)
tests_unit_test_rzsa_replay_LDADD = librzsa.la
EXTRA_DIST += tests/traces/leak-disk.trace tests/traces/leak-kmod.trace
tests_unit_test_rzsa_days_CPPFLAGS = $(RZS_UNIT_AUTOSWAP_CPPFLAGS)
tests_unit_test_rzsa_days_LDADD = librzsa.la
tests_unit_test_rzsa_settings_CPPFLAGS = $(RZS_UNIT_AUTOSWAP_CPPFLAGS)
tests_unit_test_rzsa_settings_LDADD = librzsasettings.la
tests_unit_test_rzsa_daemon_CPPFLAGS = $(RZS_UNIT_AUTOSWAP_CPPFLAGS)
tests_unit_test_rzsa_daemon_LDADD = librzsasettings.la
tests_unit_test_rzsa_daemon_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=poll,--wrap=rzst_now,--wrap=swapon,--wrap=swapoff \
	-Wl,--wrap=rzsa_dir_open,--wrap=rzsa_dir_reuse,--wrap=rzsa_file_make,--wrap=rzsa_file_drop
tests_unit_test_rzsa_server_CPPFLAGS = $(RZS_UNIT_AUTOSWAP_CPPFLAGS)
tests_unit_test_rzsa_server_LDADD = librzsasettings.la
tests_unit_test_rzsa_collect_CPPFLAGS = $(RZS_UNIT_AUTOSWAP_CPPFLAGS)
tests_unit_test_rzsa_collect_LDADD = librzsasettings.la
tests_unit_test_rzsa_collect_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=poll,--wrap=rzst_now
tests_unit_test_rzsa_files_CPPFLAGS = $(RZS_UNIT_AUTOSWAP_CPPFLAGS)
tests_unit_test_rzsa_files_LDADD = librzsasettings.la
tests_unit_test_rzsa_files_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=openat,--wrap=fallocate,--wrap=pwrite,--wrap=fdatasync,--wrap=fsync \
	-Wl,--wrap=ftruncate,--wrap=linkat,--wrap=renameat2,--wrap=unlinkat,--wrap=fchmod,--wrap=fstatvfs
# rzs-swapoff's.
tests_unit_test_rzsf_CPPFLAGS = $(RZS_SWAPOFF_CPPFLAGS) -I$(srcdir)/tests/lib
tests_unit_test_rzsf_LDADD = librzsf.la
tests_unit_test_rzsf_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=swapoff
# rzs-swapon's.
RZS_UNIT_SWAPON_CPPFLAGS = $(RZS_SWAPON_CPPFLAGS) -I$(srcdir)/tests/lib
tests_unit_test_rzso_header_CPPFLAGS = $(RZS_UNIT_SWAPON_CPPFLAGS)
tests_unit_test_rzso_header_LDADD = librzso.la
tests_unit_test_rzso_policy_CPPFLAGS = $(RZS_UNIT_SWAPON_CPPFLAGS)
tests_unit_test_rzso_policy_LDADD = librzso.la
# rzscontrol's.
tests_unit_test_rzsc_CPPFLAGS = $(RZS_TOOLS_CPPFLAGS) -I$(srcdir)/tests/lib
tests_unit_test_rzsc_LDADD = librzsc.la
# Both run the whole program on a kernel module that is made up.
RZS_UNIT_RZSC_WRAP = -Wl,--wrap=open,--wrap=stat,--wrap=fstat,--wrap=ioctl,--wrap=swapon,--wrap=swapoff
tests_unit_test_rzsc_attach_CPPFLAGS = $(RZS_TOOLS_CPPFLAGS) -I$(srcdir)/tests/lib
tests_unit_test_rzsc_attach_LDADD = librzsc.la
tests_unit_test_rzsc_attach_LDFLAGS = $(AM_LDFLAGS) $(RZS_UNIT_RZSC_WRAP)
tests_unit_test_rzsc_kernel_CPPFLAGS = $(RZS_TOOLS_CPPFLAGS) -I$(srcdir)/tests/lib
tests_unit_test_rzsc_kernel_LDADD = librzsc.la
tests_unit_test_rzsc_kernel_LDFLAGS = $(AM_LDFLAGS) $(RZS_UNIT_RZSC_WRAP)

include tests/unit/server.mk
