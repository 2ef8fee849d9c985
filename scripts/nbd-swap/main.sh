# SPDX-License-Identifier: GPL-2.0-or-later
# Part of rzs-nbd-swap: the command line.

# One of the options that take a value.
set_value()
{
    case $1 in
    --device) device=$2 ;;
    --socket) socket=$2 ;;
    --name) export_name=$2 ;;
    --priority) priority=$2 ;;
    --connections) connections=$2 ;;
    --nr-requests) nr_requests=$2 ;;
    --max-sectors-kb) max_sectors=$2 ;;
    --min-free) min_free=$2 ;;
    --wait) patience=$2 ;;
    --server) named_server=$2 ;;
    --control) server_control=$2 ;;
    esac
}

set_switch()
{
    case $1 in
    --no-discard) discard=no ;;
    --no-tune) tune=no ;;
    --mkswap) mkswap=yes ;;
    --dry-run) dry=yes ;;
    --force) force=yes ;;
    --verbose | -v) verbose=yes ;;
    --json) json=yes ;;
    esac
}

# belongs COMMAND OPTION: whether the command has this option.
belongs()
{
    case $1:$2 in
    *:--device | attach:--socket | status:--socket | check:--socket) ;;
    attach:--server | status:--server | check:--server) ;;
    status:--json | check:--json | check:--control) ;;
    attach:--json | attach:--control | attach:--force) return 1 ;;
    attach:* | detach:--force | detach:--dry-run | detach:--verbose | detach:-v) ;;
    *) return 1 ;;
    esac
}

parse()
{
    local option
    while [ $# -gt 0 ]; do
        option=${1%%=*}
        case $1 in
        --device | --socket | --name | --priority | --connections | --nr-requests | \
            --max-sectors-kb | --min-free | --wait | --server | --control)
            [ $# -ge 2 ] || bad_usage "$1 needs a value"
            set_value "$1" "$2"
            shift ;;
        --device=* | --socket=* | --name=* | --priority=* | --connections=* | --nr-requests=* | \
            --max-sectors-kb=* | --min-free=* | --wait=* | --server=* | --control=*)
            set_value "$option" "${1#*=}" ;;
        --no-discard | --no-tune | --mkswap | --dry-run | --force | --verbose | -v | --json)
            set_switch "$1" ;;
        --help | -h) help ;;
        *) bad_usage "$1: there is no such option" ;;
        esac
        belongs "$command" "$option" || bad_usage "$option is not an option of $command"
        shift
    done
}

check_values()
{
    case ${device#/dev/nbd} in
    "$device" | '' | *[!0-9]*) bad_usage "--device $device: expected /dev/nbdN" ;;
    esac
    case $export_name in
    *[[:cntrl:]]*) bad_usage "--name: control characters in it" ;;
    ' '* | *' ') bad_usage "--name '$export_name': begins or ends with a space" ;;
    esac
    case $socket in
    *[[:cntrl:]]*) bad_usage "--socket: control characters in it" ;;
    /*) ;;
    *) bad_usage "--socket $socket: expected an absolute path" ;;
    esac
    check_number --priority "$priority" 0 32767
    check_number --connections "$connections" 1 64
    check_number --wait "$patience" 1 3600
    [ -z "$named_server" ] || check_number --server "$named_server" 1 99999999
    [ "$nr_requests" = kernel ] || check_number --nr-requests "$nr_requests" 4 1024
    [ "$max_sectors" = kernel ] || check_number --max-sectors-kb "$max_sectors" 4 32768
    [ "$min_free" = auto ] || check_number --min-free "$min_free" 1 16777216
}

help()
{
    command=help
    usage 2>/dev/null || unsaid=yes
    check_output
    exit 0
}

command=none
case ${1:-} in
attach | detach | status | check) command=$1; shift ;;
--help | -h) help ;;
--version | -V) say "$me (ramzswap) $version"; check_output; exit 0 ;;
'') usage >&2; exit $USAGE ;;
*) bad_usage "$1: expected attach, detach, status or check" ;;
esac
parse "$@"
check_values
name_of_device=${device#/dev/}
block=$root/sys/block/$name_of_device
state=$run/$name_of_device.state
trap clean_up EXIT
trap on_signal INT TERM HUP
check_proc
"$command"
check_output
