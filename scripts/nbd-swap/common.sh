# SPDX-License-Identifier: GPL-2.0-or-later
# Swap to an NBD server on this machine: attach, detach, and check the setup.  See rzs-nbd-swap(8).
#
# Runs under dash, bash and busybox's sh.  attach puts each change on a stack, and a failure undoes
# them from the top.  What detach must know is in files below /run/rzs: nbdN.state for each device,
# sysctl for the machine's settings, which all devices share.  It is written before the change that
# it describes is made.  One process at a time changes these files (state.sh).
#
# RZS_SYSROOT is for tests: a directory used in place of / for /sys, /proc, /dev and /run.  Programs
# are looked up in PATH, where tests put their own first.
#
# shellcheck disable=SC3043,SC3013 # local and -ef are not POSIX's, but all three shells have them
set -u

version='@VERSION@'
min_free_usual=@RZS_SWAP_MIN_FREE@ # KiB; see want_min_free()
min_free_small_share=@RZS_SWAP_MIN_FREE_SMALL_SHARE@
min_free_least=@RZS_SWAP_MIN_FREE_LEAST@
min_free_most=@RZS_SWAP_MIN_FREE_MOST@
min_free_share=@RZS_SWAP_MIN_FREE_SHARE@
nr_requests=@RZS_SWAP_NR_REQUESTS@
boost=@RZS_SWAP_BOOST@
page_cluster=@RZS_SWAP_PAGE_CLUSTER@

root=${RZS_SYSROOT:-}
run=$root/run/rzs
vm=$root/proc/sys/vm
me=rzs-nbd-swap
PATH=$PATH:/usr/sbin:/sbin:/usr/bin:/bin
LC_ALL=C
export PATH LC_ALL

# Exit statuses, as in the manual page.
FAILED=1 USAGE=2 REFUSED=3 NO_ROOM=4 NOT_ATTACHED=5

device=/dev/nbd0 socket=/run/rzs/nbd.sock export_name=''
priority=100 connections=1
max_sectors=@RZS_SWAP_MAX_SECTORS_KB@ min_free=auto patience=10
discard=yes tune=yes dry=no force=no dropped=no mkswap=no verbose=no json=no
named_server='' server_control='' undo='' child='' interrupted=no unsaid=no value=''
output=/dev/null # the output of a program, see do_it()

usage()
{
    cat <<END
usage: $me attach [--device /dev/nbdN] [--socket PATH] [--name EXPORT] [--priority N]
                           [--connections N] [--no-discard] [--mkswap] [--nr-requests N]
                           [--max-sectors-kb N] [--min-free KIB] [--no-tune] [--wait SECONDS]
                           [--server PID] [--dry-run] [--verbose]
       $me detach [--device /dev/nbdN] [--force] [--dry-run] [--verbose]
       $me status [--device /dev/nbdN] [--socket PATH] [--server PID] [--json]
       $me check [--device /dev/nbdN] [--socket PATH] [--server PID]
                          [--control PATH] [--json]
       $me --help | --version

attach  swap to the NBD server that listens on PATH ($socket),
        through the device ($device)
detach  swapoff, disconnect the device, restore the machine's settings
status  show what is attached, and check server, device and machine
check   the same, also before anything is attached: what would make attach fail

exit status: 0 success, nothing is bad    1 failure, changes undone     2 wrong usage
             3 refused, nothing changed
             4 no room in memory for what is swapped out; everything stays attached
             5 nothing is attached        6 something is bad
See $me(8).
END
}

# ---- messages

# A failure to write is reported at the end, by check_output().
say() { { printf '%s\n' "$*"; } 2>/dev/null || unsaid=yes; }
tell() { [ "$verbose" = no ] || say "$*"; }
warn() { printf '%s: warning: %s\n' "$me" "$*" >&2; }
complain() { printf '%s: %s\n' "$me" "$*" >&2; }
die() { local code="$1"; shift; complain "$*"; exit "$code"; }
bad_usage() { die $USAGE "$*; see $me --help"; }
refuse() { die $REFUSED "$*"; }

# object TEXT: attach cannot be done.  Ends the program, but a dry run goes on to show the rest.
object()
{
    if [ "$dry" = yes ]; then
        warn "$*"
        return
    fi
    complain "$*"
    take_back
    exit $REFUSED
}

# fail TEXT: something went wrong after the first change.  Undoes all changes and ends the program.
fail()
{
    complain "$*"
    take_back
    exit $FAILED
}

# will_undo FUNCTION...: run these on failure, in this order, and before those added earlier.
will_undo() { [ "$dry" = yes ] || undo="$* $undo"; }

take_back()
{
    local step
    trap '' INT TERM HUP
    [ -z "$undo" ] || complain "undoing what was done"
    for step in $undo; do
        "$step" && continue
        complain "$step failed: see $me status"
        [ "$step" != swap_off_again ] || break # what is still swapped to needs all the rest
    done
    undo=''
}

clean_up() { [ "$output" = /dev/null ] || rm -f "$output"; }

# Output was lost.  For commands that only print this is a failure.  attach and detach have
# succeeded: if they reported a failure, the caller would repeat them.
check_output()
{
    [ "$unsaid" = yes ] || return 0
    case $command:$dry in
    attach:no | detach:no) warn "cannot write to standard output" ;;
    *) die $FAILED "cannot write to standard output" ;;
    esac
}

on_signal()
{
    interrupted=yes
    if [ -n "$child" ]; then
        kill -TERM "$child" 2>/dev/null
    else
        fail "interrupted"
    fi
}

# ---- helpers

# peek FILE: its content, of one line, in $value; fails if there is none.  Below /proc not with read,
# which in some shells reads one byte at a time: files of /proc/sys answer only the first read, and
# the name in a process's stat may have a new line in it.  Elsewhere without a process, as there are
# dozens of files and a small machine takes long to start each.
peek()
{
    value=
    case $1 in
    "$root"/proc/*) value=$(cat "$1" 2>/dev/null) ;;
    *) { IFS= read -r value <"$1"; } 2>/dev/null ;;
    esac
    [ -n "$value" ]
}

# content FILE: prints its content.
content() { peek "$1"; printf '%s' "$value"; }

# poke VALUE FILE
poke()
{
    if [ "$dry" = yes ]; then
        say "echo $1 >${2#"$root"}"
        return
    fi
    tell "echo $1 >${2#"$root"}"
    { printf '%s\n' "$1" >"$2"; } 2>/dev/null
}

# wait_until SECONDS COMMAND...
wait_until()
{
    local left=$(($1 * 10)); shift
    until "$@"; do
        [ "$left" -gt 0 ] || return 1
        left=$((left - 1))
        sleep 0.1 2>/dev/null || sleep 1
    done
}

# locate NAME PACKAGE: prints the path of a program.  Not left to the shell: busybox's prefers its
# own programs, which lack options that are needed.
locate()
{
    local dir IFS=:
    for dir in $PATH; do
        if [ -x "$dir/$1" ] && [ ! -d "$dir/$1" ]; then
            printf '%s' "$dir/$1"
            return
        fi
    done
    refuse "$1 is not installed (Debian package: $2)"
}

# own_program NAME [PATH]: the path of a program of ramzswap, which is installed beside this script.
own_program()
{
    local path
    for path in "${2:-}" "${0%/*}/$1" "@sbindir@/$1"; do
        [ ! -x "$path" ] || [ -d "$path" ] || { printf '%s' "$path"; return; }
    done
    refuse "$1 is not beside $0 nor in @sbindir@: is ramzswap installed completely?"
}

# do_it PROGRAM ARGUMENTS...: run it; its output goes to a file, which said() prints.  nbd-client
# may leave a process behind: a substitution would wait for that, and it must not inherit the lock,
# 9.
do_it()
{
    if [ "$dry" = yes ]; then
        say "$*"
        return
    fi
    tell "$*"
    "$@" >"$output" 2>&1 </dev/null 9<&-
}

said() { tr '\n' ' ' <"$output" 2>/dev/null | sed 's/  *$//'; }

is_number() { case $1 in '' | *[!0-9]* | ?????????*) return 1 ;; esac; }

# check_number OPTION VALUE LEAST MOST
check_number()
{
    is_number "$2" && [ "$2" -ge "$3" ] && [ "$2" -le "$4" ] ||
        bad_usage "$1 $2: expected a number from $3 to $4"
}

find_swap_programs()
{
    swapon=$(own_program rzs-swapon "${RZS_SWAPON:-}") || exit
    swapoff=$(own_program rzs-swapoff "${RZS_SWAPOFF:-}") || exit
}

# ---- the device and the machine

has_size() { peek "$block/size" && [ "$value" -gt 0 ]; }
is_connected() { [ -e "$block/pid" ] || has_size; }
is_disconnected() { ! is_connected; }

# Whether the device is swapped to: then $swap_kib, $swap_used and $swap_priority are the kernel's.
# Only 32 is "no".  With any other status it counts as swapped to, and $swap_doubt says why that is
# not known: rzs-swapon may not start for want of memory, and what cannot be asked must not be
# disconnected.  A shell that cannot fork for it cannot do so for nbd-client either: it ends here.
read_swap()
{
    local line code=0
    line=$("$swapon" --is-on "$device" 2>&1 </dev/null 9<&-) || code=$?
    swap_kib=0 swap_used=0 swap_priority=0 swap_doubt=''
    case $code:$line in
    32:*) return 1 ;;
    0:[0-9]*' '[0-9]*' '*)
        swap_kib=${line%% *} swap_priority=${line##* }
        swap_used=${line#* } swap_used=${swap_used%% *} ;;
    *) swap_doubt="whether $device is swapped to is not known: $line (status $code)" ;;
    esac
}

is_mounted()
{
    awk -v d="$device" '$1 == d { found = 1 } END { exit !found }' "$root/proc/mounts" 2>/dev/null
}

mem_kib() { awk -v f="$1:" '$1 == f { print $2; exit }' "$root/proc/meminfo"; }

page_size()
{
    getconf PAGESIZE 2>/dev/null ||
        awk '$1 == "KernelPageSize:" { print $2 * 1024; exit }' "$root/proc/self/smaps"
}

# Whether the usual settings would take more of its RAM than it can spare.
is_small_machine()
{
    local ram
    ram=$(mem_kib MemTotal)
    [ -n "$ram" ] && [ "$ram" -lt $((min_free_usual * min_free_small_share)) ]
}

# On a larger machine the kernel keeps more memory free by itself, and more threads compete for it.
# On a small one the usual would be a tenth of what programs have.
want_min_free()
{
    local kib="$min_free" ram
    if [ "$kib" = auto ]; then
        ram=$(mem_kib MemTotal)
        kib=$((ram / min_free_share))
        [ "$kib" -le "$min_free_most" ] || kib=$min_free_most
        [ "$kib" -ge "$min_free_usual" ] || kib=$min_free_usual
        ! is_small_machine || kib=$((ram / min_free_small_share))
        [ "$kib" -ge "$min_free_least" ] || kib=$min_free_least
    fi
    echo "$kib"
}

# stat_fields FILE: fields 3 and following of a process's stat file, in $fields.  The second is a
# name in parentheses.
stat_fields()
{
    peek "$1" || return 1
    fields=${value##*) }
}

# start_of PID: prints its start time, which differs for a later process with the same number.
start_of()
{
    stat_fields "$root/proc/$1/stat" || return 1
    # shellcheck disable=SC2086
    set -- $fields
    echo "${20:-}"
}

# ---- the machine's settings

# vm_settings: lines "NAME is|least VALUE".
vm_settings()
{
    echo "min_free_kbytes least $(want_min_free)"
    echo "watermark_boost_factor is $boost"
    echo "page-cluster is $page_cluster"
}

# fits VALUE HOW WANTED
fits() { [ "$1" -eq "$3" ] || { [ "$2" = least ] && [ "$1" -gt "$3" ]; }; }

# set_vm NAME VALUE: fails unless the kernel has accepted it.
set_vm()
{
    poke "$2" "$vm/$1" && { [ "$dry" = yes ] || [ "$(content "$vm/$1")" = "$2" ]; }
}

tune_vm()
{
    local name how want
    while read -r name how want; do
        peek "$vm/$name" || continue # older kernels have no boost, nor a setting for it
        if fits "$value" "$how" "$want"; then
            [ "$dry" = no ] || say "# vm.$name stays as it is, $value"
            continue
        fi
        if [ "$tune" = no ]; then
            say "advice: sysctl vm.$name=$want (it is $value)"
            continue
        fi
        [ "$dry" = yes ] || keep "$name $value $want" "$run/sysctl" || cannot_keep "$run/sysctl"
        set_vm "$name" "$want" || fail "cannot set vm.$name to $want:" \
            "is /proc/sys writable here?  --no-tune leaves it alone"
    done <<END
$(vm_settings)
END
}

other_devices()
{
    local file
    for file in "$run"/*.state; do
        [ "$file" = "$state" ] || [ ! -e "$file" ] || return 0
    done
    return 1
}

# Does nothing while another device needs the settings.  A value that somebody else has set is kept.
restore_vm()
{
    local name old new code=0
    [ -s "$run/sysctl" ] || return 0
    if other_devices; then
        tell "the machine's settings stay: another device needs them"
        return 0
    fi
    while read -r name old new; do
        if ! peek "$vm/$name" || [ "$value" != "$new" ]; then
            say "vm.$name is $value now, not the $new that attach set:" \
                "left unchanged (it was $old before)"
        elif ! set_vm "$name" "$old"; then
            complain "cannot set vm.$name back to $old"
            code=1
        fi
    done <"$run/sysctl"
    [ "$dry" = yes ] || rm -f "$run/sysctl" || code=1
    return $code
}

# ---- the queue

# queue_value NAME: its value, in $value; of a choice the word in brackets.
queue_value()
{
    peek "$block/queue/$1" || return 1
    case $value in *'['*']'*) value=${value#*'['}; value=${value%%']'*} ;; esac
}

# set_queue OPTION NAME VALUE
set_queue()
{
    [ "$3" != kernel ] || return 0
    if [ "$dry" = yes ]; then
        poke "$3" "$block/queue/$2"
        return
    fi
    queue_value "$2" || fail "$1 $3: the kernel has no ${block#"$root"}/queue/$2"
    [ "$value" != "$3" ] || return 0
    note "queue_$2" "$value"
    poke "$3" "$block/queue/$2" && queue_value "$2" && [ "$value" = "$3" ] ||
        fail "$1 $3: the kernel does not accept it in ${block#"$root"}/queue/$2," \
            "which is ${value:-empty}; try another value, or \"kernel\" to leave it unchanged"
}

# Otherwise the next user of the device would get these settings.  The scheduler first, because it
# sets its own number of requests.
restore_queue()
{
    local name
    for name in scheduler nr_requests max_sectors_kb; do
        noted "queue_$name" || continue
        poke "$value" "$block/queue/$name" || warn "cannot set $device's $name back to $value"
    done
}

find_client() { client=$(locate nbd-client nbd-client) || exit; }

disconnect()
{
    is_connected || return 0
    restore_queue
    if ! do_it timeout 30 "$client" -d "$device"; then
        complain "nbd-client -d $device: $(said)"
        return 1
    fi
    if [ "$dry" = no ] && ! wait_until "$patience" is_disconnected; then
        complain "$device is still connected $patience s after nbd-client -d"
        return 1
    fi
}

# Without /proc nothing is known about the machine.
check_proc()
{
    [ -r "$root/proc/meminfo" ] || refuse "/proc is not mounted here: mount -t proc proc /proc"
}

check_root()
{
    [ "$dry" = yes ] || [ "$("$(locate id coreutils)" -u)" -eq 0 ] ||
        refuse "only root can do this; --dry-run shows what would be done"
}
