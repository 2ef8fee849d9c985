# SPDX-License-Identifier: GPL-2.0-or-later
# Part of rzs-nbd-swap: attach.

# ---- the checks

# is_good_client: whether $client is new enough; $value is then its version, else what is wrong.
is_good_client()
{
    local text major minor
    text=$("$client" -V 2>&1 </dev/null | sed -n 's/.* \([0-9][0-9.]*\)$/\1/p' | tail -n 1)
    major=${text%%.*}
    minor=${text#*.}
    minor=${minor%%.*}
    value="$client does not print its version; nbd-client 3.17 or newer is needed"
    is_number "$major" && is_number "$minor" || return 1
    value="$client is of version $text: 3.17 or newer is needed (with an older one the device"
    value="$value depends on a process, which may be killed)"
    [ "$major" -gt 3 ] || { [ "$major" -eq 3 ] && [ "$minor" -ge 17 ]; } || return 1
    value=$text
}

check_client() { is_good_client || refuse "$value"; }

answers() { timeout 5 "$client" -l -unix "$root$socket" >/dev/null 2>&1 </dev/null; }

check_socket()
{
    if [ ! -e "$root$socket" ]; then
        object "--socket $socket: there is no such socket;" \
            "start the server (systemctl start rzs-swap), or name another"
    elif [ ! -S "$root$socket" ]; then
        object "--socket $socket: this is not a socket; name the one that the server listens on"
    elif ! wait_until "$patience" answers; then
        object "--socket $socket: no NBD server answers there within $patience s;" \
            "is it running, or about to exit?"
    fi
}

# few_devices: each of the 16 devices that nbd makes by default takes 300 KiB, which a small machine
# lacks.  It gets one for each 64 MiB of RAM, and at least two; but never more than these 16: a device
# that does not exist is not made by naming it.
few_devices()
{
    local number=${device#/dev/nbd} most
    is_small_machine && is_number "$number" && [ "$number" -lt 16 ] || return 0
    most=$(($(mem_kib MemTotal) / 65536))
    [ "$most" -ge 2 ] || most=2
    [ "$most" -gt "$number" ] || most=$((number + 1))
    echo "nbds_max=$most"
}

check_module()
{
    if [ ! -d "$root/sys/module/nbd" ]; then
        modprobe=$(locate modprobe kmod) || exit
        # shellcheck disable=SC2046
        do_it "$modprobe" nbd max_part=0 $(few_devices) || { complain "modprobe nbd: $(said)"
            refuse "the kernel has no nbd: install its module (Debian: part of linux-image)"; }
        will_undo unload_module
    elif peek "$root/sys/module/nbd/parameters/max_part" && [ "$value" != 0 ]; then
        warn "nbd is loaded with max_part=$value: the kernel looks for partitions on the" \
            "swap device; modprobe -r nbd while no device is in use, then attach again"
    fi
}

unload_module() { do_it "$modprobe" -r nbd || complain "modprobe -r nbd: $(said)"; }

# In tests they are files.
is_node() { [ -b "$root$device" ] || { [ -n "$root" ] && [ -e "$root$device" ]; }; }
is_there() { [ -d "$block" ] && is_node; }

check_device()
{
    local most=''
    # A dry run has not loaded the module.
    [ "$dry" = no ] || [ -d "$root/sys/module/nbd" ] || return 0
    ! peek "$root/sys/module/nbd/parameters/nbds_max" || most=" (nbd has nbds_max=$value)"
    wait_until "$patience" is_there || object "--device $device: there is no such device$most"
    ! read_swap || object \
        "${swap_doubt:---device $device is swapped to already; see $me status, or detach it first}"
    ! is_connected || object "--device $device is in use already;" \
        "see $me status, detach it, or name another with --device"
    ! is_mounted || object "--device $device is mounted; name another with --device"
    set -- "$block"/holders/*
    [ ! -e "$1" ] || object "--device $device is held by ${1##*/}; name another with --device"
}

check_zswap()
{
    ! peek "$root/sys/module/zswap/parameters/enabled" || [ "$value" != Y ] ||
        warn "zswap is on: it compresses each page before the server does, which gains nothing;" \
            "echo N >/sys/module/zswap/parameters/enabled, or boot with zswap.enabled=0"
}

# ---- the steps

remember()
{
    [ "$dry" = no ] || return 0
    forget # a device that went away without detach
    will_undo forget restore_vm
    note device "$device
socket $socket
name $export_name
discard $discard
min_free $min_free
nr_requests $nr_requests
max_sectors $max_sectors"
    note_server "$(server_of "$root$socket")"
}

# Built without netlink, nbd-client uses the old interface, and the device depends on its process.
check_client_process()
{
    local pid
    peek "$block/pid" || return 0
    pid=$value
    [ "$(content "$root/proc/$pid/comm")" = nbd-client ] || return 0
    warn "this nbd-client was built without netlink: $device is lost if its process $pid ends"
    poke -1000 "$root/proc/$pid/oom_score_adj" ||
        warn "cannot keep the OOM killer from process $pid"
}

connect()
{
    will_undo disconnect
    set -- -b 4096
    [ -z "$export_name" ] || set -- "$@" -N "$export_name"
    [ "$connections" -eq 1 ] || set -- "$@" -C "$connections"
    if ! do_it timeout 30 "$client" -unix "$root$socket" "$device" "$@"; then
        check_not_held
        fail "--socket $socket${export_name:+, --name $export_name}, --connections $connections:" \
            "nbd-client cannot attach $device: $(said)"
    fi
    [ "$dry" = no ] || return 0
    wait_until "$patience" has_size ||
        fail "$device has no size after $patience s: check what the server at $socket exports"
    note_connection
    check_client_process
}

# The client's number shows later whether this is still the same connection.  And now that there is
# a connection, the server can be found, where before only the service manager may have had the
# socket.
note_connection()
{
    local pid
    ! peek "$block/pid" || note client_pid "$value"
    pid=$(server_of "$root$socket")
    [ -z "$pid" ] || { noted server_pid && [ "$value" = "$pid" ]; } || note_server "$pid"
}

# What is stored on the device, as rzs-swapon finds it.  Only 32 is "nothing": whatever else it ends
# with, also when it cannot be started, forbids --mkswap.
check_header()
{
    local code=0
    [ "$dry" = no ] || return 0
    do_it timeout 30 "$swapon" --check "$device" || code=$?
    case $code:$mkswap in
    0:*) return ;;
    32:yes) ;;
    32:no)
        fail "$device has no swap header: start the server with swap-header=true, or let --mkswap" \
            "write one" ;;
    *:yes) fail "--mkswap: $(said) (status $code); if it is yours: wipefs -a $device" ;;
    *) fail "$(said) (status $code)" ;;
    esac
    do_it "$(locate mkswap util-linux)" "$device" || fail "--mkswap: mkswap $device: $(said)"
    # The header that was just written may appear on another device: then that has this export.
    check_twins
}

# The priority is the kernel's number.  --force: rzs-swapon's rules for interleaved areas do not
# apply to it.
swap_on()
{
    local policy=none
    if [ "$discard" = yes ]; then
        policy=pages
        ! peek "$block/queue/discard_max_bytes" || [ "$value" != 0 ] ||
            warn "the server does not support TRIM: pages no longer needed stay stored there"
    fi
    will_undo swap_off_again
    do_it "$swapon" --force --discard=$policy --priority "$priority" "$device" || fail "$(said)"
    [ "$dry" = yes ] || { read_swap && [ -z "$swap_doubt" ]; } ||
        fail "$swapon has succeeded, but ${swap_doubt:-$device is not swapped to}"
}

swap_off_again() { ! read_swap || do_it "$swapoff" --force --wait "$device"; }

attach()
{
    check_root
    find_client
    find_swap_programs
    check_client
    check_socket
    take_lock
    check_module
    check_device
    check_export
    check_zswap
    remember
    tune_vm
    connect
    check_twins
    check_writable
    set_queue --scheduler scheduler none
    set_queue --nr-requests nr_requests "$nr_requests"
    set_queue --max-sectors-kb max_sectors_kb "$max_sectors"
    check_header
    keep_from_systemd
    swap_on
    undo=''
    [ "$dry" = yes ] ||
        say "$device: swapping to ${export_name:+$export_name at }$socket, $swap_kib KiB with" \
            "priority $swap_priority"
}
