# SPDX-License-Identifier: GPL-2.0-or-later
# Part of rzs-nbd-swap: detach.

show_progress()
{
    [ "$verbose" = yes ] || [ -t 1 ] || return 0
    ! read_swap || say "swapoff $device: $swap_used KiB to bring back"
}

is_gone() { ! kill -0 "$1" 2>/dev/null; }

# swapoff may take long, so it runs in the background: progress is shown, and it can be interrupted.
# Sets $code.
run_swapoff()
{
    "$swapoff" "$device" >"$output" 2>&1 </dev/null 9<&- &
    child=$!
    until is_gone "$child"; do
        show_progress
        wait_until 1 is_gone "$child"
    done
    wait "$child"
    code=$?
    child=''
}

# The kernel answers EINVAL while another swapoff is at work on the device, for instance systemd's.
# Wait until that has finished; it may also fail.
drain()
{
    local code
    if [ "$dry" = yes ]; then
        say "$swapoff $device"
        return
    fi
    tell "$swapoff $device"
    while read_swap; do
        run_swapoff
        case $interrupted:$(said) in
        no:*'Invalid argument'*) ! read_swap || sleep 1 ;;
        *) ! read_swap || swapoff_failed "$code" ;;
        esac
    done
}

# swapoff_failed STATUS: 2 is util-linux's for ENOMEM; 137 is the OOM killer's, which kills a
# process in swapoff before all others.
swapoff_failed()
{
    case $interrupted:$1:$(said) in
    yes:*)
        die $FAILED "interrupted: $device is still swapped to, everything stays attached;" \
            "detach again to continue" ;;
    no:2:* | no:137:* | *'annot allocate memory'*)
        die $NO_ROOM "swapoff $device: no room in memory for the $swap_used KiB that are swapped" \
            "out there ($(mem_kib MemAvailable) KiB are available); everything stays attached and" \
            "continues to work.  End programs, or add other swap, then detach again" ;;
    esac
    die $FAILED "swapoff $device: $(said) (status $1); everything stays attached"
}

check_room()
{
    local available
    read_swap || return 0
    available=$(mem_kib MemAvailable)
    [ "${available:-$swap_used}" -ge "$swap_used" ] ||
        warn "$swap_used KiB are swapped out to $device and $available KiB of memory are" \
            "available: swapoff may not succeed"
    [ "$swap_used" -eq 0 ] || ! server_died ||
        warn "the server, process $value, is gone: what was swapped out is lost," \
            "and processes that need it will be killed"
}

detach()
{
    check_root
    client=$(locate nbd-client nbd-client) || exit
    swapoff=$(locate swapoff mount) || exit
    take_lock
    if ! read_swap && ! is_connected; then
        [ "$dry" = yes ] || { forget; restore_vm; }
        die $NOT_ATTACHED "$device is not attached: nothing to do"
    fi
    ! is_mounted || refuse "--device $device is mounted: attach did not do that"
    check_room
    drain
    trap '' INT TERM HUP
    disconnect || exit $FAILED
    [ "$dry" = yes ] || forget || exit $FAILED
    restore_vm || exit $FAILED
    [ "$dry" = yes ] || say "$device: no longer attached"
}
