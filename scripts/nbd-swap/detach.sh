# SPDX-License-Identifier: GPL-2.0-or-later
# Part of rzs-nbd-swap: detach.

show_progress()
{
    [ "$verbose" = yes ] || [ -t 1 ] || return 0
    ! read_swap || [ -n "$swap_doubt" ] || say "swapoff $device: $swap_used KiB to bring back"
}

is_gone() { ! kill -0 "$1" 2>/dev/null; }

# swapoff may take long, so it runs in the background: progress is shown, and it can be interrupted.
# Whether there is room was asked before.  Sets $code.
run_swapoff()
{
    "$swapoff" --force --wait "$device" >"$output" 2>&1 </dev/null 9<&- &
    child=$!
    until is_gone "$child"; do
        show_progress
        wait_until 1 is_gone "$child"
    done
    wait "$child"
    code=$?
    child=''
}

# Only one swapoff at a time can be at work on the device; it may be systemd's.  Wait until that has
# finished; it may also fail.
drain()
{
    local code
    if [ "$dry" = yes ]; then
        say "$swapoff --force --wait $device"
        return
    fi
    tell "$swapoff --force --wait $device"
    while read_swap; do
        run_swapoff
        case $interrupted:$(said) in
        no:*'another swapoff is at work'*) ! read_swap || sleep 1 ;;
        *) ! read_swap || swapoff_failed "$code" ;;
        esac
    done
}

# swapoff_failed STATUS: 2 is rzs-swapoff's for "no memory"; 137 is that of a program that the OOM
# killer has ended.  Returns only if there is more room now.
swapoff_failed()
{
    case $interrupted:$1 in
    yes:*)
        die $FAILED "interrupted: $device is still swapped to, everything stays attached;" \
            "detach again to continue" ;;
    no:2 | no:137)
        drop_shared_memory && is_room ||
            no_room "swapoff $device: no room in memory for the $swap_used KiB that are swapped" \
                "out there" ;;
    *)
        die $FAILED "swapoff $device: $(said) (status $1)${swap_doubt:+; $swap_doubt};" \
            "everything stays attached" ;;
    esac
}

no_room()
{
    die $NO_ROOM "$*; everything stays attached and continues to work.  End programs, or add" \
        "other swap, then detach again; --force tries it without asking"
}

# What has to be brought back, and what there is for it, as rzs-swapoff finds it: in $room.
is_room()
{
    room=$("$swapoff" --dry-run "$device" 2>&1 </dev/null 9<&-)
    case $? in
    0) return 0 ;;
    2) room=${room#*refused: }; room=${room%%;*} ;;
    *) room="it cannot be found out whether there is room ($room)" ;;
    esac
    return 1
}

# The kernel itself looks at nothing, and has the OOM killer find out.
check_room()
{
    local room
    read_swap || return 0
    [ "$swap_used" -eq 0 ] || ! server_died ||
        warn "the server, process $value, is gone: what was swapped out is lost," \
            "and processes that need it will be killed"
    ! is_room || return 0
    if [ "$force" = yes ] || [ "$dry" = yes ]; then
        warn "$device: $room"
    else
        drop_shared_memory && is_room || no_room "$device: $room"
    fi
}

detach()
{
    check_root
    find_client
    find_swap_programs
    take_lock
    if ! read_swap && ! is_connected; then
        [ "$dry" = yes ] || { give_to_systemd; forget; restore_vm; }
        die $NOT_ATTACHED "$device is not attached: nothing to do"
    fi
    ! is_mounted || refuse "--device $device is mounted: attach did not do that"
    check_room
    drain
    trap '' INT TERM HUP
    disconnect || exit $FAILED
    [ "$dry" = yes ] || { give_to_systemd; forget; } || exit $FAILED
    restore_vm || exit $FAILED
    [ "$dry" = yes ] || say "$device: no longer attached"
}
