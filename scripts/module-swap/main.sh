# SPDX-License-Identifier: GPL-2.0-or-later
# The last part of rzs-module-swap, which ramzswap-attach.service runs: the first device of the
# kernel module, made and swapped to, and back.  The parts before it are those of rzs-nbd-swap: messages,
# undoing, what is kept in /run/rzs, whether there is room for a swapoff, and what systemd does at
# shutdown.  What is said there about a server's device is replaced here.
#
# Settings come from the environment: RZS_SIZE and RZS_MEMLIMIT (bytes), RZS_ALGORITHM,
# RZS_PRIORITY.

me=rzs-module-swap
device=/dev/ramzswap0
block=$root/sys/block/ramzswap0
state=$run/ramzswap0.module # another name than nbdN.state: it has other keys
loaded=no

usage()
{
    cat <<END
usage: $me attach | detach [--force] [--verbose]

attach  load the kernel module ramzswap, make $device of RZS_SIZE bytes, and swap to it
detach  swapoff, free what the device holds, unload the module if attach has loaded it

exit status: as rzs-nbd-swap(8).  See ramzswap(4), "SWAP AT EVERY BOOT".
END
}

# ---- in place of those for a server's device

find_client() { :; }
is_connected() { peek "$block/initstate" && [ "$value" = 1 ]; }
is_reset() { poke 1 "$block/reset" || is_disconnected; }

# udev has a look at a device that has changed, and the module resets none that is open.
disconnect()
{
    is_connected || return 0
    wait_until "$patience" is_reset && return
    complain "$device cannot be reset: something has it open"
    return 1
}

# ---- attach

unload_module()
{
    do_it "$(locate rmmod kmod)" ramzswap || warn "rmmod ramzswap: $(said)"
}

load_module()
{
    [ ! -d "$root/sys/module/ramzswap" ] || return 0
    note loaded yes
    do_it "$(locate modprobe kmod)" ramzswap ||
        fail "modprobe ramzswap: $(said); was it built for this kernel?  dkms status shows that" \
            "(Debian: ramzswap-dkms, and linux-headers of this kernel)"
    will_undo unload_module
}

# set_device FILE VALUE: an empty value is left to the module.
set_device()
{
    [ -z "$2" ] || poke "$2" "$block/$1" ||
        fail "$device: the module does not accept '$2' as $1; the kernel's log may have the reason"
}

attach()
{
    check_root
    take_lock
    is_disconnected || refuse "$device is initialised already: somebody else has set it up;" \
        "rzscontrol list shows it"
    forget # of an attach that was not ended by detach
    will_undo forget
    note device "$device"
    load_module
    set_device comp_algorithm "${RZS_ALGORITHM:-}"
    set_device mem_limit "${RZS_MEMLIMIT:-}"
    will_undo disconnect
    set_device disksize "${RZS_SIZE:-}"
    keep_from_systemd
    priority=${RZS_PRIORITY:-$priority}
    do_it "$(locate rzscontrol ramzswap)" attach "$device" --priority "$priority" ||
        fail "$(said)"
    undo=''
    say "$(said)"
}

# ---- detach

# Other devices of the module may hold data, which would be lost with it.
is_idle()
{
    local file
    for file in "$root"/sys/block/ramzswap*/initstate; do
        [ "$file" = "$block/initstate" ] || ! peek "$file" || [ "$value" = 0 ] || return 1
    done
}

detach_and_unload()
{
    ! noted loaded || loaded=$value
    detach
    [ "$loaded" = no ] || ! is_idle || unload_module
}

command=none
case ${1:-} in
attach | detach) command=$1; shift ;;
--help | -h) usage; exit 0 ;;
*) usage >&2; exit $USAGE ;;
esac
while [ $# -gt 0 ]; do
    case $command:$1 in
    detach:--force) force=yes ;;
    *:--verbose | *:-v) verbose=yes ;;
    *) usage >&2; exit $USAGE ;;
    esac
    shift
done
trap clean_up EXIT
trap on_signal INT TERM HUP
check_proc
case $command in
attach) attach ;;
detach) detach_and_unload ;;
esac
check_output
