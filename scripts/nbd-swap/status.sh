# SPDX-License-Identifier: GPL-2.0-or-later
# Part of rzs-nbd-swap: status and check.

findings='' threads='' well=yes queue_json='' vm_json=''
server='' score='' locked_kib=''

escape() { printf '%s' "$1" | tr -d '\000-\037' | sed 's/[\\"]/\\&/g'; }

# finding ok|note|bad CHECK TEXT [REMEDY]
finding()
{
    [ "$1" != bad ] || well=no
    if [ "$json" = no ]; then
        say "$(printf '%-4s  %-8s  %s%s' "$1" "$2" "$3" "${4:+; $4}")"
        return
    fi
    findings="$findings${findings:+,}
  {\"level\":\"$1\",\"check\":\"$2\",\"text\":\"$(escape "$3")\",\"remedy\":\"$(escape "${4:-}")\"}"
}

# judge CHECK TEXT REMEDY CONDITION...
judge()
{
    local check="$1" text="$2" remedy="$3"
    shift 3
    if "$@"; then
        finding ok "$check" "$text"
    else
        finding bad "$check" "$text" "$remedy"
    fi
}

judge_swap()
{
    if read_swap; then
        finding ok swap "$swap_used of $swap_kib KiB in use, priority $swap_priority"
    else
        finding bad swap "$device is attached and not swapped to" "$me detach, then attach"
    fi
    ! peek "$block/queue/discard_max_bytes" || [ "$value" != 0 ] ||
        finding note swap "the server takes no TRIM" "what is no longer needed stays stored"
    ! noted discard || [ "$value" = yes ] ||
        finding note swap "attached with --no-discard" "what is no longer needed stays stored"
}

judge_queue()
{
    local name queue="${block#"$root"}/queue"
    for name in scheduler nr_requests max_sectors_kb; do
        queue_value "$name" || continue
        queue_json="$queue_json${queue_json:+,}\"$name\":\"$(escape "$value")\""
    done
    queue_value scheduler
    judge queue "scheduler $value" "echo none >$queue/scheduler" [ "$value" = none ]
    judge_at_most nr_requests "$nr_requests"
    judge_at_most max_sectors_kb "$max_sectors"
}

# judge_at_most NAME WANTED: of the queue.
judge_at_most()
{
    local file="${block#"$root"}/queue/$1"
    [ "$2" != kernel ] && queue_value "$1" || return 0
    judge queue "$1 $value" "echo $2 >$file" [ "${value:-0}" -le "$2" ]
}

judge_vm()
{
    local name how want zswap="$root/sys/module/zswap/parameters/enabled"
    while read -r name how want; do
        peek "$vm/$name" || continue
        vm_json="$vm_json${vm_json:+,}\"$name\":$value"
        if [ $attached = false ] && ! fits "$value" "$how" "$want"; then
            finding note vm "vm.$name $value, attach will set it to $want" "sysctl vm.$name=$want"
            continue
        fi
        judge vm "vm.$name $value" "sysctl vm.$name=$want" fits "$value" "$how" "$want"
    done <<END
$(vm_settings)
END
    ! peek "$zswap" || judge vm "zswap $value" "echo N >${zswap#"$root"}" [ "$value" != Y ]
    ! peek "$root/sys/module/nbd/parameters/max_part" || [ "$value" = 0 ] ||
        finding note nbd "nbd has max_part=$value" "detach, modprobe -r nbd, attach"
}

field_of() { awk -v f="$1:" '$1 == f { print $2; exit }' "$root/proc/$server/status"; }

# A limit of its control group would have the server wait for its own device.
judge_cgroup()
{
    local group name
    group=$(sed -n 's/^0:://p' "$root/proc/$server/cgroup" 2>/dev/null)
    for name in memory.max memory.high; do
        peek "$root/sys/fs/cgroup$group/$name" || continue
        judge server "$name $value" "remove the limit, the plugin's memlimit= is enough" \
            [ "$value" = max ]
    done
}

judge_process()
{
    local swapped
    locked_kib=$(field_of VmLck) swapped=$(field_of VmSwap)
    score=$(content "$root/proc/$server/oom_score_adj")
    judge server "process $server: ${locked_kib:-0} KiB locked" \
        "run it as root with LimitMEMLOCK=infinity and protect=require" \
        [ "${locked_kib:-0}" -gt 0 ]
    judge server "${swapped:-0} KiB of it swapped out" "restart it with protect=require" \
        [ "${swapped:-0}" -eq 0 ]
    judge server "oom_score_adj $score" "echo -1000 >/proc/$server/oom_score_adj" \
        [ "${score:-0}" -eq -1000 ]
}

# Whether the machine has any at all.
has_swap() { [ "$(awk 'END { print NR }' "$root/proc/swaps" 2>/dev/null)" -gt 1 ]; }

# Some threads serve nothing and need not be real-time ones: the first, which waits for connections,
# rzs-upkeep, and rzs-control, which talks with rzscontrol.
judge_threads()
{
    local dir tid comm flusher all=0 flushers=0 quick=0 realtime=0
    for dir in "$root/proc/$server"/task/*; do
        comm=$(content "$dir/comm")
        stat_fields "$dir/stat" || continue
        tid=${dir##*/} flusher=false
        # shellcheck disable=SC2086
        set -- $fields
        all=$((all + 1))
        if [ $(($7 & IO_FLUSHER)) -eq $IO_FLUSHER ]; then
            flusher=true flushers=$((flushers + 1))
        fi
        case $tid/$comm in
        "$server"/* | */rzs-upkeep | */rzs-control) ;;
        *)
            quick=$((quick + 1))
            [ "${39}" -ne 1 ] || realtime=$((realtime + 1)) ;;
        esac
        threads="$threads${threads:+,}
    {\"tid\":$tid,\"comm\":\"$(escape "$comm")\",\"io_flusher\":$flusher,"
        threads="$threads\"policy\":${39},\"priority\":${38}}"
    done
    judge server "$flushers of $all threads never wait for swap (PR_SET_IO_FLUSHER)" \
        "run it with CAP_SYS_RESOURCE and protect=require" [ "$flushers" -eq "$all" ]
    if [ "$realtime" -eq 0 ] && { [ $attached = false ] || ! has_swap; }; then
        finding note server "none of $quick threads that must be quick is a real-time one" \
            "they become that while the machine has swap on; ask again then"
    elif [ "$realtime" -gt 0 ] && [ "$realtime" -lt "$quick" ]; then
        finding note server "$realtime of $quick threads that must be quick are real-time ones" \
            "a thread becomes one at its first request: ask again later"
    else
        judge server "$realtime of $quick threads that must be quick are real-time ones" \
            "run it with CAP_SYS_NICE, realtime=swap and protect=require" [ "$realtime" -gt 0 ]
    fi
}

# print_json WELL
print_json()
{
    local swap=false
    ! read_swap || swap=true
    cat <<END 2>/dev/null || unsaid=yes
{"version":"$version","device":"$device","attached":$attached,"well":$1,
 "socket":"$(escape "$socket")","name":"$(escape "$export_name")","size_kib":$size_kib,
 "swap":{"on":$swap,"kib":$swap_kib,"used_kib":$swap_used,"priority":$swap_priority},
 "queue":{$queue_json},
 "vm":{$vm_json},
 "server":{"pid":${server:-null},"locked_kib":${locked_kib:-null},
  "oom_score_adj":${score:-null},"threads":[$threads]},
 "findings":[$findings]}
END
}

find_server()
{
    server=$(noted_server) && return
    ! server_died && server=$(server_of "$root$socket") && [ -n "$server" ]
}

status_of_nothing()
{
    attached=false
    [ "$json" = yes ] || say "$device: not attached"
    [ "$json" = no ] || print_json false
    check_output
    exit $NOT_ATTACHED
}

judge_server()
{
    if find_server; then
        judge_process
        judge_cgroup
        judge_threads
    elif server_died; then
        finding bad server "the server, process $value, is gone: what was swapped out is lost" \
            "$me detach, start it, attach"
    elif [ $attached = true ] || [ -S "$root$socket" ]; then
        finding bad server "no process is known to serve $socket" \
            "name what it listens at with --socket"
    fi
}

judge_attached()
{
    ! noted socket || socket=$value
    ! noted name || export_name=$value
    ! noted min_free || min_free=$value
    ! noted nr_requests || nr_requests=$value
    ! noted max_sectors || max_sectors=$value
    ! has_size || size_kib=$((value / 2))
    [ "$json" = yes ] ||
        say "$device: $size_kib KiB, attached to ${export_name:+$export_name at }$socket"
    judge_swap
    judge_queue
}

end_of_judging()
{
    [ "$json" = no ] || print_json "$([ $well = yes ] && echo true || echo false)"
    check_output
    [ $well = yes ] || exit $NOT_WELL
}

status()
{
    size_kib=0 attached=true
    is_connected || status_of_nothing
    judge_attached
    judge_vm
    judge_server
    end_of_judging
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
        finding ok nbd "nbd is there to be loaded, attach will do that"
    else
        finding bad nbd "the kernel has no nbd" \
            "install its module (Debian: part of linux-image)"
    fi
}

judge_socket()
{
    if [ ! -S "$root$socket" ]; then
        finding bad server "nothing listens at $socket" \
            "start the server (systemctl start rzs-swap), or name another with --socket"
    elif [ -n "$client" ]; then
        judge server "an NBD server answers at $socket" "is it running, and not about to end?" answers
    fi
}

# What attach would find, and what status finds once that is done.
check()
{
    size_kib=0 attached=true
    if is_connected; then
        judge_attached
    else
        attached=false
        state=/dev/null # what is noted there is of a device that went away without detach
        [ "$json" = yes ] || say "$device: not attached"
    fi
    judge_client
    judge_module
    [ $attached = true ] || judge_socket
    judge_vm
    judge_server
    end_of_judging
}
