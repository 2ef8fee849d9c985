# SPDX-License-Identifier: GPL-2.0-or-later
# Part of rzs-nbd-swap: what systemd does with swap at shutdown.

# ---- its units

# systemd makes a unit of each line of /proc/swaps, dev-nbd0.swap, and one more for each link to the
# device that udev makes.  At shutdown it would stop them, which is a swapoff that does not ask
# whether there is room.  Without default dependencies it leaves them alone, and detach decides.
swap_units=$root/run/systemd/system
drop_in=50-rzs.conf

# The names of the links must be known before swapon.  udev finds them in the swap header.  (Some
# timeout(1) leave a process behind, which must have neither the lock nor a pipe.)
names_of_device()
{
    local link
    echo "$device"
    timeout 10 udevadm trigger --action=change --settle --name-match="$device" >/dev/null 2>&1 9<&-
    for link in $(udevadm info --query=symlink --name="$device" 2>/dev/null); do
        echo "/dev/$link"
    done
}

# A unit that cannot be kept is no reason not to swap.
keep_from_systemd()
{
    local unit
    [ -d "$swap_units" ] || return 0
    will_undo give_to_systemd
    # shellcheck disable=SC2046
    set -- $(systemd-escape --path --suffix=swap $(names_of_device) 2>/dev/null)
    [ $# -gt 0 ] || return 0
    note swap_units "$#$(printf '\nswap_unit %s' "$@")"
    for unit in "$@"; do
        { mkdir -p "$swap_units/$unit.d" &&
            printf '[Unit]\nDefaultDependencies=no\n' >"$swap_units/$unit.d/$drop_in"; } 2>/dev/null ||
            warn "cannot write $drop_in for $unit: systemd will end the swap at shutdown itself"
    done
}

give_to_systemd()
{
    local key unit
    [ -r "$state" ] || return 0
    while read -r key unit; do
        [ "$key" = swap_unit ] || continue
        rm -f "$swap_units/$unit.d/$drop_in"
        rmdir "$swap_units/$unit.d" 2>/dev/null
    done <"$state"
    return 0
}

# ---- shutdown

# Whether systemd is about to end everything.  A soft reboot is not: there the memory stays.
is_shutting_down()
{
    [ -d "$swap_units" ] && systemctl list-jobs --no-legend --plain 2>/dev/null |
        awk '$2 ~ /^(poweroff|reboot|halt|kexec)\.target$/ && $3 == "start" { found = 1 }
            END { exit !found }'
}

# At shutdown what programs have left in shared memory has nobody any more who reads it.  systemd
# unmounts every other tmpfs before it stops us, but never this one, and then its last swapoff, in
# process 1, would stop the kernel for want of memory.  To unmount it is not enough: the server's
# mount namespace has it too.  Once only, and fails if it did nothing.
drop_shared_memory()
{
    [ "$dropped" = no ] && is_shutting_down || return 1
    dropped=yes
    warn "shutdown: there is no room for what is swapped out; shared memory is given up"
    poke 1 "$root/proc/sys/kernel/shm_rmid_forced"
    awk '$2 == "/dev/shm" && $3 == "tmpfs" { found = 1 } END { exit !found }' "$root/proc/mounts" ||
        return 0
    do_it "$(locate find findutils)" "$root/dev/shm" -xdev -mindepth 1 -delete ||
        warn "find /dev/shm -delete: $(said)"
}
