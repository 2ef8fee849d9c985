# SPDX-License-Identifier: GPL-2.0-or-later
# Part of rzs-nbd-swap: status and check.  rzscontrol judges the device, the machine and the server,
# and prints the report.  It gets from here what it cannot see in /proc and /sys: what was noted at
# attach, which process serves the socket, what the settings should be, and what the programs say.
# attach and detach do without rzscontrol: boot and shutdown depend on them.

# finding ok|bad CHECK TEXT [REMEDY]: a finding in the form that rzscontrol expects, in $found.
finding()
{
    found="$1 $2 $3
${4:-}"
}

find_server()
{
    server=$(noted_server) && return
    gone=''
    ! server_died || { gone=$value; return 1; }
    server=$(server_of "$root$socket")
}

# report yes|no FINDING...: whether it is for check, and what was found here.  Does not return.
report()
{
    local checking="$1" control setting server='' gone='' found
    shift
    control=$(own_program rzscontrol "${RZSCONTROL:-}") || exit
    for found in "$@"; do
        shift
        [ -z "$found" ] || set -- "$@" "finding=$found"
    done
    ! noted discard || set -- "$@" "discard=$value"
    [ -z "$server_control" ] || set -- "$@" "control=$server_control"
    while read -r setting; do
        set -- "$@" "vm=$setting"
    done <<END
$(vm_settings)
END
    find_server
    [ "$json" = no ] || set -- "$@" --json
    exec "$control" report "$device" "check=$checking" "attached=$attached" "socket=$socket" \
        "name=$export_name" "nr_requests=$nr_requests" "max_sectors_kb=$max_sectors" \
        "server=$server" "gone=$gone" "$@"
}

# The options that attach was given count, not those of this command.
recall()
{
    ! noted socket || socket=$value
    ! noted name || export_name=$value
    ! noted min_free || min_free=$value
    ! noted nr_requests || nr_requests=$value
    ! noted max_sectors || max_sectors=$value
}

status()
{
    attached=no
    ! is_connected || { attached=yes; recall; }
    report no
}

judge_client()
{
    if ! client=$(locate nbd-client nbd-client 2>/dev/null); then
        finding bad client "nbd-client is not installed" "install it (Debian package: nbd-client)"
    elif is_good_client; then
        finding ok client "nbd-client $value"
    else
        finding bad client "$value" "install a newer one"
    fi
}

judge_module()
{
    if [ -d "$root/sys/module/nbd" ]; then
        finding ok nbd "the kernel has nbd"
    elif modprobe=$(locate modprobe kmod 2>/dev/null) &&
        "$modprobe" -q -D nbd >/dev/null 2>&1; then
        finding ok nbd "the nbd module is installed, attach will load it"
    else
        finding bad nbd "the kernel has no nbd" \
            "install its module (Debian: part of linux-image)"
    fi
}

judge_socket()
{
    found=''
    if [ ! -S "$root$socket" ]; then
        finding bad server "nothing listens at $socket" \
            "start the server (systemctl start rzs-swap), or name another with --socket"
    elif [ -n "$client" ]; then
        if answers; then
            finding ok server "an NBD server answers at $socket"
        else
            finding bad server "no NBD server answers at $socket" \
                "is it running, or about to exit?"
        fi
    fi
}

# What attach would find, and what status finds once that is done.
check()
{
    local found for_client for_module for_socket=''
    attached=no
    if is_connected; then
        attached=yes
        recall
    else
        state=/dev/null # what is noted there is of a device that went away without detach
    fi
    judge_client
    for_client=$found
    judge_module
    for_module=$found
    [ $attached = yes ] || { judge_socket; for_socket=$found; }
    report yes "$for_client" "$for_module" "$for_socket"
}
