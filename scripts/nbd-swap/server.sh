# SPDX-License-Identifier: GPL-2.0-or-later
# Part of rzs-nbd-swap: which process serves a socket, and which device has which export.

# ---- the server

# sockets_at PATH: "listens INODE" and "serves INODE" of those of this name, however whoever bound
# them has written it: /var/run for /run, or //.
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

# holders_of LINES: for each of sockets_at's lines "listens PID" or "serves PID".
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

# youngest PID...: a server is younger than the service manager that gave it its socket.
youngest()
{
    local pid start best='' latest=-1
    for pid in "$@"; do
        start=$(start_of "$pid")
        [ "${start:--1}" -le "$latest" ] || { best=$pid latest=$start; }
    done
    printf '%s' "$best"
}

# words_of WHAT LIST: the PIDs of that.
words_of() { printf '%s\n' "$2" | awk -v what="$1" '$1 == what { print $2 }'; }

# server_of SOCKET: the process that serves it.  A service manager has the socket open, too, and an
# old server that waits for its last client has connections to it: so first who has both, then who
# listens (but not the manager alone), then who has connections, then whom the caller named.
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

# what_client_was_told PID: of a client that stays, as one without netlink does, in the words of a
# state file.
what_client_was_told()
{
    [ "$(content "$root/proc/$1/comm")" = nbd-client ] || return 0
    tr '\0' '\n' <"$root/proc/$1/cmdline" 2>/dev/null | awk '
        want { print want, $0; want = ""; next }
        /^--?u(nix)?$/ { want = "socket" }
        /^(-N|--?name)$/ { want = "name" }'
}

# facts_of nbdN: what is known of where it is attached.  A state file may be older than that.
facts_of()
{
    local state="$run/$1.state" pid
    pid=$(content "$root/sys/block/$1/pid")
    if [ -r "$state" ] && { ! noted client_pid || [ "$value" = "$pid" ]; }; then
        cat "$state"
    elif [ -n "$pid" ]; then
        what_client_was_told "$pid"
    fi
}

# is_at_our_server nbdN: and the name of its export is then in $its_name.
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

# has_our_export nbdN: of this name, or without one as ours, at the same server.  One with a name
# beside one without may be the same: that is_twin() finds out.
has_our_export() { is_at_our_server "$1" && [ "$its_name" = "$export_name" ]; }

# may_have_our_export nbdN: at the same server, and not by another name.
may_have_our_export()
{
    is_at_our_server "$1" &&
        { [ -z "$its_name" ] || [ -z "$export_name" ] || [ "$its_name" = "$export_name" ]; }
}

# is_unknown nbdN: nothing tells where it is attached.
is_unknown() { [ -z "$(facts_of "$1")" ]; }

# uuid_of DEVICE: of its swap header, as hexadecimal digits in $value; fails when there is none.
uuid_of()
{
    local page
    has_header "$1" || return 1
    value=$(dd_of "$1" bs=1 skip=1036 count=16 | od -An -tx1 | tr -d ' \n')
    case $value in *[!0]*) ;; *) return 1 ;; esac
}

# is_twin nbdN: whatever else is not known of a device, its swap header is, and no two exports have
# one in common.
is_twin() { uuid_of "/dev/$1" && [ "$value" = "$our_uuid" ]; }

# find_other COMMAND: the first of the other devices that are connected of which it is true, in
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

# One export that two devices swap to is pages of one overwritten with those of the other.
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

# check_not_held: after nbd-client has failed: our servers let one client write, and refuse another
# kernel.
check_not_held()
{
    case $(said) in
    *'another client has the device'*) ;;
    *) return 0 ;;
    esac
    ! find_other may_have_our_export || object_export ''
    # One that was attached by hand may be anything.
    find_other is_unknown || other=''
    object "${export_name:+--name $export_name, }--socket $socket: another client has this export" \
        "('rzscontrol list --json' shows the holder)${other:+; it may be /dev/$other}"
}

# Our servers let one client write.
check_writable()
{
    [ "$dry" = no ] && peek "$block/ro" && [ "$value" != 0 ] || return 0
    object "${export_name:+--name $export_name, }--socket $socket: the server lets it only be read:" \
        "another client has this export ('rzscontrol list --json' shows the holder), or it is" \
        "made so"
}
