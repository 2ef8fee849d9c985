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
# process in swapoff before all others.  Returns only if there is more room now.
swapoff_failed()
{
    case $interrupted:$1:$(said) in
    yes:*)
        die $FAILED "interrupted: $device is still swapped to, everything stays attached;" \
            "detach again to continue" ;;
    no:2:* | no:137:* | *'annot allocate memory'*)
        measure_room
        drop_shared_memory && is_room ||
            no_room "swapoff $device: no room in memory for the $swap_used KiB that are swapped" \
                "out there ($have KiB are available)" ;;
    *) die $FAILED "swapoff $device: $(said) (status $1); everything stays attached" ;;
    esac
}

no_room()
{
    die $NO_ROOM "$*; everything stays attached and continues to work.  End programs, or add" \
        "other swap, then detach again; --force tries it without asking"
}

# measure_room: what has to be brought back in $need, and what there is for it in $have, both KiB.
# What is in memory as well needs no room.  Compressed swap is no other place: it is in memory too.
# Some memory must remain, or other programs are killed.
measure_room()
{
    read_swap
    # shellcheck disable=SC2046
    set -- $(awk -v device="$device" -v used="$swap_used" '
        FILENAME ~ /meminfo$/ { kib[$1] = $2; next }
        $1 == device || $2 == "Type" { next }
        { others += $4 }
        $1 !~ /^\/dev\/(nbd|zram|ramzswap)/ { free += $3 - $4 }
        END {
            cached = kib["SwapCached:"] - others
            least = kib["MemTotal:"] / 32
            have = kib["MemAvailable:"] - least + free
            printf "%d %d", used - (cached > 0 ? cached : 0), (have > 0 ? have : 0)
        }' "$root/proc/meminfo" "$root/proc/swaps")
    need=${1:-$swap_used} have=${2:-0}
}

is_room() { measure_room; [ "$need" -le "$have" ]; }

# swapoff itself looks at nothing, and has the OOM killer find out.
check_room()
{
    read_swap || return 0
    [ "$swap_used" -eq 0 ] || ! server_died ||
        warn "the server, process $value, is gone: what was swapped out is lost," \
            "and processes that need it will be killed"
    ! is_room || return 0
    set -- "$device: $need KiB are to be brought back, and there is room for $have KiB"
    if [ "$force" = yes ] || [ "$dry" = yes ]; then
        warn "$*"
    else
        drop_shared_memory && is_room || no_room "$*"
    fi
}

detach()
{
    check_root
    find_client
    swapoff=$(locate swapoff mount) || exit
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
