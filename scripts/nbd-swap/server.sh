# SPDX-License-Identifier: GPL-2.0-or-later
# Part of rzs-nbd-swap: which process serves a socket, and which device has which export.

# ---- the server

# sockets_at PATH: lines "listens INODE" and "serves INODE" for the sockets bound to this path, in
# whatever way the path was written: /var/run for /run, or //.
sockets_at()
{
    local flags st inode path
    awk '$8 ~ /^\//' "$root/proc/net/unix" 2>/dev/null |
        while read -r _ _ _ flags _ st inode path; do
            case $flags:$st in
            00010000:*) set -- "$1" listens ;;
            *:03) set -- "$1" serves ;;
            *) continue ;;
            esac
            [ ! "$path" -ef "$1" ] || echo "$2 $inode"
        done
}

# holders_of LINES: lines "listens PID" and "serves PID" for the lines of sockets_at.
holders_of()
{
    # With /dev/null ls has more than one thing to show, and so names each.
    # shellcheck disable=SC2012
    ls -l /dev/null "$root"/proc/[0-9]*/fd 2>/dev/null | want=$1 awk '
        BEGIN {
            n = split(ENVIRON["want"], word)
            for (i = 1; i < n; i += 2)
                what["socket:[" word[i + 1] "]"] = word[i]
        }
        /^\/.*:$/ { n = split($0, part, "/"); pid = part[n - 1] }
        $NF in what && !seen[what[$NF], pid]++ { print what[$NF], pid }'
}

# youngest PID...: prints the one started last.  A server is younger than the service manager that
# gave it its socket.
youngest()
{
    local pid start best='' latest=-1
    for pid in "$@"; do
        start=$(start_of "$pid")
        [ "${start:--1}" -le "$latest" ] || { best=$pid latest=$start; }
    done
    printf '%s' "$best"
}

# words_of WHAT LIST: prints the PIDs of the lines "WHAT PID".
words_of() { printf '%s\n' "$2" | awk -v what="$1" '$1 == what { print $2 }'; }

# server_of SOCKET: prints the process that serves it.  A service manager may have the socket open
# too, and an old server that waits for its last client has connections to it.  So first a process
# that has both, then one that listens (but not the manager alone), then one that has connections,
# then the one that --server names.
server_of()
{
    local all listen serve both='' pid
    all=$(sockets_at "$1")
    [ -z "$all" ] || all=$(holders_of "$all")
    listen=$(words_of listens "$all")
    serve=$(words_of serves "$all")
    for pid in $listen; do
        case " $(echo $serve) " in *" $pid "*) both="$both $pid" ;; esac
        [ "$pid" != "$named_server" ] || { echo "$pid"; return; }
    done
    [ "$listen" != 1 ] || listen=''
    # shellcheck disable=SC2086
    pid=$(youngest ${both:-${listen:-$serve}})
    [ -n "$pid" ] || [ ! -d "$root/proc/${named_server:-none}" ] || pid=$named_server
    [ -n "$pid" ] && echo "$pid"
}

# ---- the export

# arguments_of_client PID: the socket and export of an nbd-client that is still running, as one
# without netlink is, as lines of a state file.
arguments_of_client()
{
    [ "$(content "$root/proc/$1/comm")" = nbd-client ] || return 0
    tr '\0' '\n' <"$root/proc/$1/cmdline" 2>/dev/null | awk '
        want { print want, $0; want = ""; next }
        /^--?u(nix)?$/ { want = "socket" }
        /^(-N|--?name)$/ { want = "name" }'
}

# facts_of nbdN: what is known about where it is attached, as lines of a state file.  A state file
# may be from an earlier connection.
facts_of()
{
    local state="$run/$1.state" pid
    pid=$(content "$root/sys/block/$1/pid")
    if [ -r "$state" ] && { ! noted client_pid || [ "$value" = "$pid" ]; }; then
        cat "$state"
    elif [ -n "$pid" ]; then
        arguments_of_client "$pid"
    fi
}

# is_at_our_server nbdN: the name of its export is then in $its_name.
is_at_our_server()
{
    local key rest its_socket='' its_server='' its_start='' ours
    its_name=''
    while read -r key rest; do
        case $key in
        socket) its_socket=$rest ;;
        name) its_name=$rest ;;
        server_pid) its_server=$rest ;;
        server_start) its_start=$rest ;;
        esac
    done <<END
$(facts_of "$1")
END
    [ -n "$its_socket" ] || return 1
    ours=$(server_of "$root$socket")
    if [ -n "$ours" ] && [ -n "$its_server" ]; then
        [ "$ours" = "$its_server" ] && [ "$(start_of "$ours")" = "$its_start" ]
    else
        [ "$root$its_socket" -ef "$root$socket" ]
    fi
}

# has_our_export nbdN: whether it is at the same server, with the same name or without one like
# ours. An export attached by name and one without may be the same: is_twin() finds that out.
has_our_export() { is_at_our_server "$1" && [ "$its_name" = "$export_name" ]; }

# may_have_our_export nbdN: whether it is at the same server, and not under another name.
may_have_our_export()
{
    is_at_our_server "$1" &&
        { [ -z "$its_name" ] || [ -z "$export_name" ] || [ "$its_name" = "$export_name" ]; }
}

# is_unknown nbdN: whether nothing is known about where it is attached.
is_unknown() { [ -z "$(facts_of "$1")" ]; }

# dd_of DEVICE ARGUMENTS...: with a limit on time, as its server may no longer answer.  It must not
# inherit the lock: some timeout(1) leave a process behind.
dd_of() { local from="$root$1"; shift; timeout 5 dd if="$from" "$@" 2>/dev/null 9<&-; }

# uuid_of DEVICE: the UUID in its swap header for this machine's pages, as hexadecimal digits in
# $value; fails if there is none.
uuid_of()
{
    local page
    page=$(page_size)
    page=${page:-4096}
    [ "$(dd_of "$1" bs="$page" count=1 | tail -c 10)" = SWAPSPACE2 ] || return 1
    value=$(dd_of "$1" bs=1 skip=1036 count=16 | od -An -tx1 | tr -d ' \n')
    case $value in *[!0]*) ;; *) return 1 ;; esac
}

# is_twin nbdN: whether it has our swap header.  That can always be read, and no two exports have
# the same one.
is_twin() { uuid_of "/dev/$1" && [ "$value" = "$our_uuid" ]; }

# find_other COMMAND: the first of the other connected devices for which COMMAND succeeds, in
# $other.
find_other()
{
    local block
    for block in "$root"/sys/block/nbd*; do
        other=${block##*/}
        [ "$other" = "$name_of_device" ] || ! is_connected || ! "$1" "$other" || return 0
    done
    return 1
}

# used_how nbdN
used_how()
{
    local device="/dev/$1" swap_kib swap_used swap_priority
    if read_swap; then
        printf '%s' "swapped to"
    else
        printf '%s' "not swapped to, and still connected"
    fi
}

# Two devices that swap to one export overwrite each other's pages.
object_export()
{
    object "${export_name:+--name $export_name, }--socket $socket: /dev/$other has this export" \
        "already, and is $(used_how "$other"); $me detach --device /dev/$other first, or attach" \
        "another export with --name$1"
}

check_export() { ! find_other has_our_export || object_export ''; }

check_twins()
{
    [ "$dry" = no ] && uuid_of "$device" || return 0
    our_uuid=$value
    ! find_other is_twin ||
        object_export ".  (It has the same swap header.  If it is a copy: mkswap makes a new one)"
}

# check_not_held: to be called after nbd-client has failed.  Our servers let one client write, and
# refuse a second kernel.
check_not_held()
{
    case $(said) in
    *'another client has the device'*) ;;
    *) return 0 ;;
    esac
    ! find_other may_have_our_export || object_export ''
    # A device attached by hand may be the one.
    find_other is_unknown || other=''
    object "${export_name:+--name $export_name, }--socket $socket: another client has this export" \
        "('rzscontrol list --json' shows the holder)${other:+; it may be /dev/$other}"
}

# Our servers let one client write.
check_writable()
{
    [ "$dry" = no ] && peek "$block/ro" && [ "$value" != 0 ] || return 0
    object "${export_name:+--name $export_name, }--socket $socket: the server allows only" \
        "reading: another client has this export ('rzscontrol list --json' shows the holder), or the" \
        "export is read-only"
}
