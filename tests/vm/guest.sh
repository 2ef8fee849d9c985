# SPDX-License-Identifier: GPL-2.0-or-later
# What a scenario is written with; runs inside the guest, in busybox's sh.
#
# Everything the host must know goes out as "RZSVM: key=value" on the second serial line (fd 3), and once more on the
# console, where it stands between the kernel's messages.  A scenario that ends without calling fail has passed.

RUN=/run
PIDFILE=$RUN/server.pid
EXITFILE=$RUN/server.exit
SOCKET=$RUN/server.sock

# For rzs-nbd-swap, which looks for these beside itself.
export RZS_SWAPON=/rzs/tools/swapon/rzs-swapon RZS_SWAPOFF=/rzs/tools/swapoff/rzs-swapoff

# Per-thread flags of PR_SET_IO_FLUSHER: PF_MEMALLOC_NOIO and PF_LOCAL_THROTTLE.
IO_FLUSHER_FLAGS=$((0x80000 | 0x100000))
POLICY_FIFO=1

STEP=start
LAST_STAT=compacted_blocks # ends the plugin's statistics

# A child's end interrupts a write, once in some hundred runs.
emit() { put "$*" >&3 || put "$*" >&3; put "$*" || put "$*"; }
put() { printf 'RZSVM: %s\n' "$1"; }
step() { STEP=$*; emit "step=$*"; }
say()  { emit "say=$*"; }

# End the guest with a bad verdict, after saying on the console how things stand.
fail()
{
    echo "--- state at failure"
    cat /proc/meminfo /proc/swaps /run/messages
    ps -o pid,stat,vsz,rss,comm 2>/dev/null
    emit "verdict=fail reason=$*"
    reboot -nf
}

# wait_for SECONDS COMMAND...: until the command succeeds.
wait_for()
{
    local end=$(($(uptime_s) + $1)); shift
    until "$@"; do
        [ "$(uptime_s)" -lt "$end" ] || return 1
        usleep 50000
    done
}

uptime_s() { local up; read -r up _ </proc/uptime; echo "${up%.*}"; }

# load NAME [parameter=value ...]: a module and what it depends on.  An absent module is taken to be built in.
load()
{
    local name=$1 dep; shift
    [ -e "/modules/$name.ko" ] && ! is_loaded "$name" || return 0
    while read -r dep; do
        [ "$dep" != "$name" ] || break
        is_loaded "$dep" || insmod "/modules/$dep.ko" || fail "cannot load module $dep"
    done <"/modules/$name.order"
    insmod "/modules/$name.ko" "$@" || fail "cannot load module $name"
}

is_loaded() { [ -d "/sys/module/$(echo "$1" | tr - _)" ]; }

# As modprobe wants to find them: for programs that load modules themselves.
modprobe_finds_modules()
{
    local modules
    modules=/lib/modules/$(uname -r)
    mkdir -p "$modules"
    ln -s /modules/*.ko "$modules"
    depmod
}

# gives STATUS COMMAND...: it must end with this status.  What it said is in $OUT.
OUT=$RUN/tool.out
gives()
{
    local want=$1 code=0; shift
    step "$*"
    "$@" >$OUT 2>&1 || code=$?
    cat $OUT
    [ $code -eq "$want" ] || fail "$*: status $code, not $want: $(tr '\n' ' ' <$OUT)"
}

says() { grep -q -- "$1" $OUT || fail "it does not say '$1': $(tr '\n' ' ' <$OUT)"; }
says_not() { ! grep -q -- "$1" $OUT || fail "it says '$1': $(tr '\n' ' ' <$OUT)"; }

# ---- the server

# start_server COMMAND...: one that makes itself a daemon and writes PIDFILE when it is ready.
start_server()
{
    step "start: $*"
    rm -f "$PIDFILE" "$EXITFILE"
    reap "$EXITFILE" "$@" &
    wait_for 20 server_came_up || fail "the server did not come up in 20 s"
    [ ! -e "$EXITFILE" ] || fail "the server did not start: $(cat "$EXITFILE")"
    SERVER=$(cat "$PIDFILE")
}

server_came_up() { [ -s "$PIDFILE" ] || [ -e "$EXITFILE" ]; }

# start_rzs SIZE_MIB [KEY=VALUE...]: the plugin, or rzsd (--set server=rzsd) with one device like that.
start_rzs()
{
    local size=$1; shift
    # shellcheck disable=SC2046
    set -- size="$size"M "$@" $(echo "${set_plugin_args:-}" | tr , ' ')
    case ${set_server:-nbdkit} in
        nbdkit)
            # shellcheck disable=SC2086
            start_server nbdkit -U "$SOCKET" -P "$PIDFILE" ${set_without:+-D rzs.without=$set_without} \
                /rzs/rzs.so protect=require "$@" ;;
        rzsd) start_rzsd "$@" ;;
        *) fail "server=$set_server: nbdkit or rzsd" ;;
    esac
}

# start_rzsd [KEY=VALUE...]: what is not of the device is rzsd's own.
start_rzsd()
{
    local device=rzs0 own='' word
    [ -z "${set_without:-}" ] || fail "without=$set_without is the plugin's"
    for word in "$@"; do
        case $word in
            protect=*|realtime=*|ballast=*) own="$own --${word%%=*} ${word#*=}" ;;
            *) device=$device,$word ;;
        esac
    done
    # shellcheck disable=SC2086
    start_server /rzs/server/rzsd --daemon --pid-file "$PIDFILE" --listen "$SOCKET" --control $RUN/control.sock \
        --protect require --device "$device" $own
    grep -q '^rzs-io-' /proc/"$SERVER"/task/*/comm || fail "rzsd has no thread that serves requests"
}

# SIGTERM, and then exit status 0.
stop_server()
{
    step stop-server
    [ -d "/proc/$SERVER" ] || fail "the server is gone: $(cat "$EXITFILE" 2>/dev/null)"
    kill -TERM "$SERVER"
    await_server_end "SIGTERM"
}

# await_server_end WHY
await_server_end()
{
    wait_for 20 test -s "$EXITFILE" || fail "the server did not end within 20 s of $1"
    [ "$(cat "$EXITFILE")" = "exit 0" ] || fail "the server ended with $(cat "$EXITFILE")"
}

# check_protection: what the design asks of a server that is swapped to, as the kernel shows it.  The process's first
# thread waits for connections and serves nothing, so it need not be a real-time one; but it must not wait for its own
# device either.  A connection's thread protects itself at its first request: call this after one.
check_protection()
{
    local locked adj task stat comm
    ! is_kmod || return 0
    case ${set_without:+without}${set_plugin_args:-} in
        *without*|*protect=*|*realtime=*) emit "protection=taken away by a setting"; return ;;
    esac
    locked=$(status_kib VmLck)
    adj=$(cat "/proc/$SERVER/oom_score_adj")
    emit "server_locked_kib=$locked oom_score_adj=$adj threads=$(ls "/proc/$SERVER/task" | wc -l)"
    [ "$locked" -gt 0 ] || fail "the server's memory is not locked (VmLck 0)"
    [ "$adj" -eq -1000 ] || fail "the server's oom_score_adj is $adj, not -1000"
    for task in /proc/"$SERVER"/task/*; do
        comm=$(cat "$task/comm")
        stat=$(cat "$task/stat")
        # Fields from the third on; the second is a name in parentheses and may hold anything.
        # shellcheck disable=SC2086
        set -- ${stat##*) }
        emit "thread=${task##*/} comm=$comm flags=$(printf %x "$7") policy=${39} priority=${38}"
        [ $(($7 & IO_FLUSHER_FLAGS)) -eq $IO_FLUSHER_FLAGS ] ||
            fail "thread ${task##*/} ($comm) lacks PR_SET_IO_FLUSHER (flags $(printf %x "$7"))"
        # The helper talks, and so may have to wait for memory: as a real-time thread it would wait in everybody's way.
        case ${task##*/}/$comm in "$SERVER"/*|*/rzs-upkeep|*/rzs-control) continue ;; esac
        [ "${39}" -eq $POLICY_FIFO ] || fail "thread ${task##*/} ($comm) is not SCHED_FIFO (policy ${39})"
    done
}

# ask_stats: the plugin's statistics, which it writes to the system's log on SIGUSR1.
ask_stats()
{
    : >$RUN/messages
    kill -USR1 "$SERVER"
    wait_for 10 grep -q "rzs: $LAST_STAT=" $RUN/messages || fail "the plugin did not answer SIGUSR1 with its statistics"
}

# stat_of NAME: from the last ask_stats.
stat_of() { sed -n "s/.*rzs: $1=//p" $RUN/messages | tail -n 1; }

# Nothing refused, nothing damaged, and nothing of the server swapped out.
check_stats()
{
    local name
    ! is_kmod || { check_kmod; return; }
    ask_stats
    emit "stored_kib=$(($(stat_of orig_bytes) / 1024)) swap_used_kib=$(swap_used_kib) held_kib=$(($(stat_of mem_bytes) / 1024))" \
         "reserve_kib=$(($(stat_of reserve_bytes) / 1024)) reads=$(stat_of reads) writes=$(stat_of writes)" \
         "refused_reserve=$(stat_of refused_reserve) reserve_least_kib=$(($(stat_of reserve_least_bytes) / 1024)) headroom_shortages=$(stat_of headroom_shortages)" \
         "ballast_released=$(stat_of ballast_released) stuck=$(stat_of threads_stuck) demoted=$(stat_of threads_demoted)"
    for name in failed_reads failed_writes refused_limit corrupt impossible; do
        [ "$(stat_of $name)" = 0 ] || fail "the store counts $name=$(stat_of $name)"
    done
    [ "$(stat_of pages_stored)" -gt 0 ] || fail "nothing is stored: the load did not swap"
    [ "$(status_kib VmSwap)" -eq 0 ] || fail "$(status_kib VmSwap) KiB of the server are swapped out"
}

# status_kib FIELD [pid]
status_kib() { awk -v f="$1:" '$1 == f { print $2 }' "/proc/${2:-$SERVER}/status"; }

# ---- the device and swap

# attach_nbd: /dev/nbd0 by way of SOCKET.  Never with -timeout: the kernel would cut the line under load.
attach_nbd()
{
    step attach
    # As rzs-nbd-swap does on a small machine.
    # shellcheck disable=SC2046
    load nbd max_part=0 $([ "$(min_free_kib)" -eq 8192 ] || echo "nbds_max=$(few_devices)")
    /usr/sbin/nbd-client -unix "$SOCKET" /dev/nbd0 -b 4096 ${set_connections:+-C "$set_connections"} || fail "nbd-client cannot attach"
    wait_for 10 has_size nbd0 || fail "/dev/nbd0 has no size"
    # What is in flight must not take the memory that the server needs for its answers.
    set_to "${set_scheduler:-none}" /sys/block/nbd0/queue/scheduler
    set_to "${set_nr_requests:-16}" /sys/block/nbd0/queue/nr_requests
    set_to "${set_max_sectors_kb:-128}" /sys/block/nbd0/queue/max_sectors_kb
}

# set_to VALUE FILE: unless VALUE is "kernel", which leaves the kernel's own.
set_to() { [ "$1" = kernel ] || echo "$1" >"$2"; }

has_size() { [ "$(cat "/sys/block/$1/size")" -gt 0 ]; }

detach_nbd()
{
    step detach
    /usr/sbin/nbd-client -d /dev/nbd0 || fail "nbd-client -d failed"
}

# min_free_kib: what rzs-nbd-swap chooses, in guests of up to 1 GiB.
min_free_kib()
{
    local kib=$(($(mem_kib MemTotal) / 64))
    kib=$((kib > 2048 ? kib : 2048))
    echo $((kib < 8192 ? kib : 8192))
}

few_devices()
{
    local most=$(($(mem_kib MemTotal) / 65536))
    echo $((most > 2 ? most : 2))
}

# tune_vm MIN_FREE_KIB: what leaves more to a server that the machine swaps to.
# Real-time threads may take memory down to three quarters of the minimum or less, other threads only to the minimum:
# what is between is what a server's replies live on.  By default the kernel raises the minimum for a while, by several
# MiB on a small machine, when it had to mix kinds of pages, which happens just as swapping begins.
tune_vm()
{
    set_to "${set_min_free:-$1}" /proc/sys/vm/min_free_kbytes
    set_to "${set_boost:-0}" /proc/sys/vm/watermark_boost_factor
    set_to "${set_scale:-kernel}" /proc/sys/vm/watermark_scale_factor
    set_to "${set_page_cluster:-0}" /proc/sys/vm/page-cluster
}

# busybox's shell takes its own programs before those in PATH, and its swapon lacks what we need: hence the paths.
# make_swap DEVICE
make_swap() { /usr/sbin/mkswap "$1" || fail "mkswap $1 failed"; }

# swap_on DEVICE [none|once|pages]: what is discarded; by default what is freed, in time.
swap_on()
{
    local discard=${set_discard:-${2:-pages}}
    step "swapon $1 discard=$discard"
    [ "$discard" = none ] && discard='' || discard=--discard=$discard
    # shellcheck disable=SC2086
    /usr/sbin/swapon $discard --priority 10 "$1" || fail "swapon $1 failed"
    grep -q "^$1 " /proc/swaps || fail "$1 is not in /proc/swaps"
}

# swap_off DEVICE
swap_off()
{
    step "swapoff $1"
    /usr/sbin/swapoff "$1" || fail "swapoff $1 failed"
    ! grep -q "^$1 " /proc/swaps || fail "$1 is still in /proc/swaps"
}

swap_used_kib() { awk 'NR > 1 { n += $4 } END { print n + 0 }' /proc/swaps; }

# ---- swap, from end to end

mem_kib() { awk -v f="$1:" '$1 == f { print $2 }' /proc/meminfo; }

# percent_of_ram PERCENT: in MiB, of what the guest has.
percent_of_ram() { echo $(($(mem_kib MemTotal) * $1 / 102400)); }

# hog_mib: how much the hog is to take.
hog_mib() { percent_of_ram "${set_size:-$SIZE}"; }

# A little more than the hog, for what else goes out.  Not much more: slots freed one by one are not discarded, and the
# kernel takes new ones first, so that in time the store holds something for every slot there is.
device_mib() { percent_of_ram $((${set_size:-$SIZE} + 15)); }

# swap_to_rzs [KEY=VALUE...]: the plugin with these parameters, attached and swapped to.  With --set form=kmod the
# driver, which has none of them, with the kernel's own settings for all but page_cluster.
swap_to_rzs()
{
    if is_kmod; then
        [ $# -eq 0 ] || fail "form=kmod: the driver has no $*"
        swap_to_kmod
        return
    fi
    tune_vm "$(min_free_kib)"
    start_rzs "$(device_mib)" "$@"
    swap_to_server
    check_protection
}

is_kmod() { [ "${set_form:-}" = kmod ]; }

swap_to_kmod()
{
    SERVER_NAME=none
    load ramzswap
    set_to "${set_page_cluster:-0}" /proc/sys/vm/page-cluster
    echo "$(device_mib)M" >/sys/block/ramzswap0/disksize
    swap_on /dev/ramzswap0 none
}

# store_stat NAME: of the driver's store.
store_stat() { awk -v f="$1" '$1 == f { print $2 }' /sys/block/ramzswap0/store_stat; }

# Nothing refused, nothing damaged; and a line of what it holds.
check_kmod()
{
    local name
    emit "stored_kib=$(($(store_stat orig_bytes) / 1024)) swap_used_kib=$(swap_used_kib) held_kib=$(($(store_stat mem_bytes) / 1024))" \
         "reserve_kib=$(($(store_stat reserve_bytes) / 1024)) reads=$(store_stat reads) writes=$(store_stat writes)" \
         "refused_reserve=$(store_stat refused_reserve)"
    for name in failed_reads failed_writes refused_limit corrupt impossible; do
        [ "$(store_stat $name)" = 0 ] || fail "the store counts $name=$(store_stat $name)"
    done
    [ "$(store_stat pages_stored)" -gt 0 ] || fail "nothing is stored: the load did not swap"
}

# swap_to_server: to whatever listens at SOCKET.
swap_to_server()
{
    attach_nbd
    make_swap /dev/nbd0
    swap_on /dev/nbd0
}

# repeated COMMAND: as often as --set repeat=N says, each time with other data.
repeated()
{
    local times=0
    while [ $times -lt "${set_repeat:-1}" ]; do
        "$@"
        times=$((times + 1)) RZSVM_SEED=$((RZSVM_SEED + 1))
        [ -z "${set_repeat:-}" ] || emit "repeats=$times up_s=$(uptime_s)"
    done
}

# end_swap: everything back into memory, verified, and all let go.
end_swap()
{
    local hog_first=0
    fits_in_memory || hog_first=1
    emit "$FIT hog_first=$hog_first"
    [ $hog_first -eq 0 ] || end_load
    if is_kmod; then
        swap_off /dev/ramzswap0
    else
        swap_off /dev/nbd0
    fi
    [ $hog_first -eq 1 ] || end_load
    if is_kmod; then
        echo 1 >/sys/block/ramzswap0/reset
        rmmod ramzswap
    else
        detach_nbd
        stop_server
    fi
}

end_load()
{
    stop_asides
    finish_hog
}

# fits_in_memory: whether what is swapped out does, by the rule of rzs-swapoff (docs/PROTECTION).  swapoff(2) looks at
# nothing, and would end with the OOM killer.  Where programs do not fit they have to end first, as rzs-swapoff says: on
# a small machine the slots that they gave back one by one take much of it, as the kernel discards clusters only.
fits_in_memory()
{
    local total floor out room
    total=$(mem_kib MemTotal)
    floor=$((total / 32 > 16384 ? total / 32 : 16384))
    floor=$((floor < total / 8 ? floor : total / 8))
    out=$(($(swap_used_kib) - $(mem_kib SwapCached)))
    room=$(($(mem_kib MemAvailable) - floor))
    room=$((room > 0 ? room : 0))
    FIT="bring_back_kib=$out room_kib=$room"
    [ $out -le $room ]
}

# ---- the load

# What a scenario does not say otherwise, in percent of the guest's memory, of the pages, and of the memory again.
SIZE=150
PASSES=3
SHARE=20
KEEP=20
MIX=mixed

# mix_of NAME: shares of zero, same-filled, text-like, pointer-like and random pages.  With LZO 1X-1 text comes to a
# half, pointers to a third: 2.2:1, 3:1 and nothing to be gained.
mix_of()
{
    case $1 in
        mixed) echo 8:7:40:30:15 ;;
        compressible) echo 12:10:20:56:2 ;;
        random) echo 0:0:0:0:100 ;;
        *) fail "no mix $1" ;;
    esac
}

# start_load: the hog as SIZE, PASSES, SHARE, KEEP and MIX or the settings say; returns while it fills.
start_load()
{
    local mib keep
    mib=$(hog_mib) keep=$(percent_of_ram "$KEEP")
    launch_hog "$mib" "${set_passes:-$PASSES}" $((keep < mib ? keep : mib)) -v "${set_share:-$SHARE}" \
        -x "$(mix_of "${set_mix:-$MIX}")"
}

# run_load: the same, and returns when all passes are done and the hog holds what it keeps.
run_load()
{
    start_load
    read_hog hold
}

# start_aside COMMAND...: something that goes on beside the hog until stop_asides, which wants it to end with status 0.
# Its last words, in $RUN/asides, are name=number.
ASIDES=''
start_aside()
{
    step "aside: $*"
    [ -n "$ASIDES" ] || rm -f $RUN/asides
    "$@" >>$RUN/asides 2>&1 &
    ASIDES="$ASIDES $!"
}

stop_asides()
{
    local pid
    for pid in $ASIDES; do
        kill -TERM "$pid" || fail "what ran beside the hog has ended early: $(cat $RUN/asides)"
        wait "$pid" || fail "what ran beside the hog ended with status $?: $(cat $RUN/asides)"
    done
    # shellcheck disable=SC2046
    [ -z "$ASIDES" ] || emit $(grep = $RUN/asides)
    ASIDES=''
}

# rude_clients REPLIES: for start_aside.  Clients of the server's, one after the other, each of which reads until it has
# that many replies and dies with requests in flight.
rude_clients()
{
    local dead=0 status
    trap 'echo "killed_clients=$dead"; exit 0' TERM
    while :; do
        status=0
        nbdreader "$SOCKET" $((RZSVM_SEED + dead)) "$1" || status=$?
        [ $status -eq 137 ] || exit $status
        dead=$((dead + 1))
        usleep 100000 # or they would keep a real-time server busy, and the machine do nothing else
    done
}

# hogs_in_turn MIB: for start_aside.  Programs at work, one after the other.
hogs_in_turn()
{
    local turns=0 asked=no
    trap 'asked=yes' TERM
    while [ $asked = no ]; do
        hog -m "$1" -p 3 -s $((RZSVM_SEED + turns)) -c $RUN/hog.progress >$RUN/turn || { cat $RUN/turn; exit 1; }
        turns=$((turns + 1))
    done
    echo "turns=$turns"
}

# aside_of NAME: a number among the last words.
aside_of() { sed -n "s/.*$1=\([0-9]*\).*/\1/p" $RUN/asides | tail -n 1; }

# start_hog MIB PASSES KEEP_MIB: fill, verify and rewrite; returns when it holds KEEP_MIB and waits for finish_hog.
start_hog()
{
    launch_hog "$@"
    read_hog hold
}

# launch_hog MIB PASSES KEEP_MIB [OPTION...]: returns at once; read_hog tells how far it is.
launch_hog()
{
    local mib=$1 passes=$2 keep=$3; shift 3
    step "hog $mib $passes $keep $*"
    watch_hangs
    rm -f $RUN/hog.in $RUN/hog.out
    mkfifo $RUN/hog.in $RUN/hog.out
    exec 4<>$RUN/hog.in 5<>$RUN/hog.out
    # shellcheck disable=SC2086
    (status=0
     hog -m "$mib" -p "$passes" -k "$keep" -s "$RZSVM_SEED" -c $RUN/hog.progress "$@" ${HOG_OPTIONS:-} <&4 >&5 2>&5 ||
         status=$?
     echo "exit $status" >&5) &
}

# Let hog verify what it kept, and end.
finish_hog()
{
    step verify-kept
    echo >&4
    read_hog exit
    exec 4>&- 5>&-
    kill -TERM "$HANGWATCH"
    wait "$HANGWATCH" || fail "hangwatch ended with status $?"
}

# read_hog WORD: until hog's line that begins with WORD.  An early end or a wrong byte fails.
read_hog()
{
    local word rest
    while read -r word rest <&5; do
        emit "hog=$word $rest"
        case $word in
            wrong) fail "wrong byte: $rest" ;;
            exit) [ "$rest" = 0 ] || fail "hog ended with status $rest"
                  [ "$1" = exit ] || fail "hog ended early" ;;
        esac
        [ "$word" != "$1" ] || return 0
    done
}

watch_hangs()
{
    local patience=20
    # Where every access is checked, a program's end takes as long.
    case $(uname -r) in *-debug) patience=120 ;; esac
    rm -f $RUN/hangwatch.ready
    hangwatch -s "${HANG_SECONDS:-$patience}" ${SERVER:+-p "$SERVER"} -n "${SERVER_NAME:-${set_server:-nbdkit}}" -n hog &
    HANGWATCH=$!
    wait_for 10 test -e $RUN/hangwatch.ready || fail "the hang watcher did not start"
}

# ---- the driver beside the kernel's zram

# new_device ours|zram CODEC KIB: DEV is an empty device of that kind, SYS has its attributes.
new_device()
{
    case $1 in
        ours) SYS=/sys/block/ramzswap0 DEV=/dev/ramzswap0 ;;
        zram) SYS=/sys/block/zram0 DEV=/dev/zram0 ;;
        *) fail "no device $1" ;;
    esac
    echo "$2" >$SYS/comp_algorithm
    echo "$3"K >$SYS/disksize
}

# zram_has CODEC
zram_has() { tr -d '[]' </sys/block/zram0/comp_algorithm | tr ' ' '\n' | grep -qx "$1"; }

# median_of FILE COLUMN WORD...: of the lines that begin with these words.
median_of()
{
    local file=$1 column=$2; shift 2
    grep "^$* " "$file" | cut -d ' ' -f "$column" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# ---- what must not have happened

check_no_oom_kill()
{
    local kills
    kills=$(awk '$1 == "oom_kill" { print $2 }' /proc/vmstat)
    [ "$kills" -eq 0 ] || fail "the OOM killer killed $kills"
}

KMEMLEAK=/sys/kernel/debug/kmemleak

# watch_leaks: from here on what is allocated and forgotten counts, in a kernel that looks for it (kmemleak).
watch_leaks()
{
    mount -t debugfs debug /sys/kernel/debug 2>/dev/null || return 0
    [ -e $KMEMLEAK ] || return 0
    echo clear >$KMEMLEAK
}

# check_no_leak: kmemleak looks at what is older than five seconds, and believes itself when it has seen it twice.  It gives
# up for good when it finds no memory for its own records, which is no fault of the driver's: leaks_checked=0 says so.
check_no_leak()
{
    local objects
    [ -e $KMEMLEAK ] || return 0
    sleep 6
    if ! scan_for_leaks 2>/dev/null || ! scan_for_leaks 2>/dev/null; then
        emit "leaks_checked=0"
        return 0
    fi
    emit "leaks_checked=1"
    objects=$(grep -c "^unreferenced object" $KMEMLEAK || true)
    [ "$objects" -gt 0 ] || return 0
    head -n 40 $KMEMLEAK
    fail "$objects objects of the kernel's memory were forgotten"
}

scan_for_leaks() { echo scan >$KMEMLEAK; }
