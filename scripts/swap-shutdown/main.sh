# SPDX-License-Identifier: GPL-2.0-or-later
# The last part of rzs-swap-shutdown, which rzs-autoswap-shutdown.service runs when it stops: at a
# shutdown, room for all that is swapped out.  The parts before it are those of rzs-nbd-swap:
# messages, and what systemd does at shutdown.
#
# systemd turns each swap file off, first in a unit of its own, and once more in process 1 when all
# other processes are gone.  What is left then is what programs have left in shared memory.  If that
# does not fit, the kernel finds nothing to kill, and panics.  So it is given up before, when the
# services have ended and nothing is turned off yet.

me=rzs-swap-shutdown

usage()
{
    cat <<END
usage: $me [--verbose]

At a shutdown, if memory has no room for all that is swapped out: removes what is in /dev/shm, and
System V shared memory that nobody uses.  At any other time: nothing.

exit status: 0 there is room, or it is no shutdown    2 wrong usage    3 refused
             4 no room, without shared memory neither
See rzs-autoswap(8), "SHUTDOWN".
END
}

# All areas, as systemd turns off all of them.  If not, $room says why.
is_room_for_all()
{
    ! room=$("$swapoff" --dry-run --all 2>&1 </dev/null) || return 0
    case $room in
    *refused:*) room=${room#*refused: }; room=${room%%;*} ;;
    *) room="it cannot be found out whether there is room ($room)" ;;
    esac
    return 1
}

make_room()
{
    local room
    is_shutting_down || return 0
    find_swap_programs
    ! is_room_for_all || return 0
    tell "$room"
    drop_shared_memory
    is_room_for_all || die $NO_ROOM "$room"
}

while [ $# -gt 0 ]; do
    case $1 in
    --verbose | -v) verbose=yes ;;
    --help | -h) usage; exit 0 ;;
    *) usage >&2; exit $USAGE ;;
    esac
    shift
done
trap clean_up EXIT
check_proc
check_root
make_room
