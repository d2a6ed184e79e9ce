#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Real processes, looked into from outside: what ps, tree, stat, events and record say of one, and
# what a program sees of being looked into: nothing, whatever stands in its way.
#
# needs: cc jq
# also: asan
set -u
cd "$(dirname "$0")/.." || exit 1
tool=${TOOL:-$PWD/memctx-tool}
target=$PWD/build/release/tests/programs/live_target
[ -x "$target" ] || { echo "skipped: $target is not built"; exit 77; }
work=$(mktemp -d "${TMPDIR:-/tmp}/live.XXXXXX") || exit 1
pid=
trap 'stop; rm -rf "$work"' EXIT
cd "$work" || exit 1
export XDG_STATE_HOME=$work LC_ALL=C.UTF-8
failed=0
# The sanitized tool takes its time.
shorts=200
[ -z "${TOOL:-}" ] || shorts=30

fail() {
	failed=1
	echo "$*"
	[ ! -s err ] || sed 's/^/    | /' err
}

# Starts the target with arguments, and waits until it is ready; its number is in $pid.
start() {
	rm -f in out && mkfifo in
	"$@" <in >out 2>target.err &
	pid=$!
	exec 9>in
	for _ in $(seq 500); do
		grep -q ready out && return
		sleep 0.02
	done
	fail "$* is not ready"
}

# Ends it.
stop() {
	[ -n "$pid" ] || return
	exec 9>&-
	[ "${1:-}" = end ] || kill -KILL "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	status=$?
	pid=
}

figures() {
	jq -r '.totals | "\(.contexts) \(.live_chunks) \(.requested_bytes)"' "$1"
}

# ---- What is there ----------------------------------------------------------------------
start "$target" wait
"$tool" ps --interval=0 >list 2>err || fail "ps"
grep -qE "^ *$pid +134 " list || fail "ps does not list it: $(cat list)"
"$tool" tree --json "$pid" >tree.json 2>err || fail "tree"
[ "$(jq -r '"\(.source.kind) \(.source.pid)"' tree.json)" = "live $pid" ] ||
	fail "tree: its source"
"$tool" tree "$pid" >list 2>err || fail "tree: the table"
grep -qE '^ *child .*×133 +133 ' list || fail "tree: the table: $(cat list)"
"$tool" events -n 3 "$pid" >list 2>err || fail "events"
[ "$(wc -l <list)" -eq 4 ] || fail "events: $(cat list)"
"$tool" stat "$pid" 100ms 2 >list 2>err || fail "stat"
[ "$(wc -l <list)" -eq 3 ] || fail "stat: $(cat list)"
for command in "stat $pid 10ms" "events --follow $pid" "events $pid"; do
	# shellcheck disable=SC2086
	timeout 20 "$tool" $command >/dev/full 2>err
	[ $? -eq 3 ] || fail "$command does not end where nothing can be written"
	grep -q 'standard output: No space left' err || fail "$command does not say why it ended"
done
"$tool" tree --at=peak "$pid" >/dev/null 2>err && fail "a process has no peak to show"
"$tool" tree --set='*:kind=bump' "$pid" >/dev/null 2>err
[ $? -eq 2 ] || fail "--set shows a process as it is not, or as it is"
"$tool" replay "$pid" >/dev/null 2>err
[ $? -eq 1 ] || fail "a process is replayed"
grep -q "no such file; .*record $pid makes one" err || fail "the way to replay a process"
stop end
tail -n 1 out >held
[ "$status" -eq 0 ] || fail "the target ended with $status"
"$tool" tree "$pid" 2>err && fail "a process that is gone is shown"

# ---- An arena that is only watched ------------------------------------------------------
arena=${target%/*}/watched_arena
start "$arena" wait
"$tool" tree --json "$pid" >tree.json 2>err || fail "tree: a watched arena"
"$tool" tree "$pid" >list 2>err || fail "tree: the table of a watched arena"
grep -qE '^ +their arena ×3 +3 +432K +\? +\? +\?$' list || fail "a watched arena: $(cat list)"
"$tool" stat "$pid" 100ms 1 >list 2>err || fail "stat: a watched arena"
"$tool" events --kind=blocks "$pid" >list 2>err || fail "events: a watched arena"
grep -qE ' blocks +100,008  gone #[0-9]+ \+1$' list || fail "events: its blocks: $(cat list)"
"$tool" record -d 0.2 -o d.trace "$pid" 2>err || fail "record: a watched arena"
"$tool" tui --batch "$pid" >list 2>err || fail "tui: a watched arena"
grep -q 'their arena' list || fail "tui: a watched arena: $(cat list)"
stop end
held=$(tail -n 1 out)
[ "$(figures tree.json) $(jq .totals.total_bytes tree.json)" = "$held" ] ||
	fail "a watched arena shows $(figures tree.json), not $held"
jq -e '[.. | objects | select(.type? == "watch")] | length == 3 and all(.freelist_bytes == null
	and .tail_bytes == null and .classes[0].live == null and .total_bytes != null)' tree.json \
	>/dev/null || fail "what is not known of a watched arena is not null"
"$tool" tree --json d.trace >then.json 2>err || fail "the recording does not replay"
[ "$(figures then.json)" = "${held% *}" ] || fail "its recording has $(figures then.json): $held"

# ---- Recording --------------------------------------------------------------------------
"$tool" record -o a.trace.zst -- "$target" work 7 >held 2>err
[ $? -eq 7 ] || fail "record passes the status on"
grep -q ', 0 lost' err || fail "record lost something"
"$tool" check a.trace.zst >/dev/null 2>err || fail "check"
"$tool" replay a.trace.zst >/dev/null 2>err || fail "replay"
"$tool" tree --json >tree.json 2>err
[ "$(figures tree.json)" = "$(cat held)" ] ||
	fail "the recording replays to $(figures tree.json), the program had $(cat held)"
"$tool" record -o a.trace.zst -- true 2>err && fail "record writes over a file"
grep -q -e --force err || fail "record names the way to write over a file"
"$tool" record -f -n 100 -o a.trace -- "$target" work >/dev/null 2>err || fail "record --events"
[ "$("$tool" check a.trace 2>&1 | grep -o 'valid: [0-9]* events')" = "valid: 100 events" ] ||
	fail "record --events=100: $("$tool" check a.trace 2>&1)"
# One that ends at once, whether the tool gets to run meanwhile or not; what it starts is told
# nothing, and gets no descriptor.
for i in $(seq "$shorts"); do
	"$tool" record -f -o e.trace -- "$target" three 2>err || fail "record $i of a short command"
	grep -q ': 4 events, 0 lost' err || fail "record $i of a short command"
done
"$tool" tree --json e.trace >tree.json 2>err
[ "$(figures tree.json)" = "1 3 321" ] || fail "a short command left $(figures tree.json)"
"$tool" record -o g.trace -- ./no-such-command 2>err
[ $? -eq 1 ] || fail "record: a command that is not there"
[ ! -e g.trace ] || fail "record leaves an empty file where the command is not there"
"$tool" record -o s.trace -- "$target" slab >held 2>err || fail "record: a slab"
set=$(sed -n 's/^# context 2 was a slab: --set=NAME\(:[^ ]*\) makes it one$/\1/p' s.trace)
"$tool" tree --json --set="slab$set" s.trace >tree.json 2>err || fail "a slab: --set=slab$set"
[ "$(jq '.contexts[0].children[0].total_bytes' tree.json)" = "$(cat held)" ] ||
	fail "what was a slab of $(cat held) bytes replays to $(figures tree.json)"
"$tool" record -o - -- "$target" three 2>err | "$tool" check - >/dev/null || fail "record -o -"
grep -q '^memctx-tool: standard output: 4 events' err || fail "record -o - does not say where to"
"$tool" record -o - -- "$target" work 7 >o.trace 2>err
[ $? -eq 7 ] || fail "record -o - passes the status on"
"$tool" tree --json o.trace >tree.json 2>held || fail "record -o -: $(cat held)"
grep -qx "$(figures tree.json)" err || fail "record -o -: what the command prints is not on stderr"
MEMCTX_RING=0 "$tool" record -f -o e.trace -- "$target" three 2>err || fail "record: rings off"
grep -q '^memctx-tool: its rings are off' err || fail "record does not say that rings are off"
"$target" exec >plain 2>err
"$tool" record -f -o e.trace -- "$target" exec >out 2>err || fail "record: exec"
[ "$(wc -l <out)" -eq "$(wc -l <plain)" ] || fail "record leaks to what is executed: $(cat out)"
"$tool" record -f -o e.trace -- sh -c 'ls -l /proc/self/fd; exit 3' >out 2>err
[ $? -eq 3 ] || fail "record: the status of a command without contexts"
[ "$(wc -l <out)" -eq "$(wc -l <plain)" ] || fail "record leaks descriptors: $(cat out)"
"$target" fork >plain 2>err
"$tool" record -f -o e.trace -- "$target" fork >out 2>err || fail "record: fork"
cmp -s out plain || fail "a recorded program that forks holds $(cat out)"
"$tool" tree --json e.trace >tree.json 2>err
[ "$(figures tree.json)" = "$(tail -n 1 out)" ] || fail "a child's events are in the recording"
# Threads hand trees on: what the program counts for each context at its end is what the region
# says then, and what the recording, made meanwhile, replays to.
counts() {
	jq -r 'select(.name == "handed on") | "\(.ident) \(.allocs) \(.frees) \(.reallocs) " +
		"\(.resets) \(.live_chunks) \(.requested_bytes)"' | sort
}
start "$tool" record -f -o f.trace -- "$target" hands
grep ' ' out | sort >held
[ "$(wc -l <held)" -gt 30 ] || fail "hands: next to nothing is held"
"$tool" tree --flat "$(grep -v -e ' ' -e ready out)" 2>err | counts >shown
cmp -s held shown || fail "the region's counters are not the program's: $(diff held shown | head)"
stop end
[ "$status" -eq 0 ] || fail "record: hands: $status"
grep -q ', 0 lost' target.err || fail "record: hands: $(cat target.err)"
"$tool" tree --flat f.trace 2>err | counts >shown
cmp -s held shown || fail "the recording has other counts: $(diff held shown | head)"
start "$target" wait
"$tool" record -d 0.2 -o b.trace "$pid" 2>err.b || fail "record PID"
"$tool" tree --json "$pid" >now.json 2>err
stop
"$tool" tree --json b.trace >then.json 2>err || fail "what was there before does not replay"
[ "$(figures now.json)" = "$(figures then.json)" ] || fail "base lines make another sum"
free=$(jq '[.contexts[] | recurse(.children[]?) | .classes[].free] | add' now.json)
said=$(sed -n 's/^memctx-tool: \([0-9,]*\) free chunks of .* are not in the trace.*/\1/p' err.b)
if [ "$free" = 0 ] || [ "$free" != "${said//,/}" ]; then
	fail "record says that $said free chunks are left out, there are $free"
fi
start "$target" fire
"$tool" record -o c.trace.gz "$pid" 2>err &
recorder=$!
sleep 0.5
kill -INT $recorder
wait $recorder || fail "record at Ctrl-C"
"$tool" check c.trace.gz >/dev/null 2>err || fail "a recording of a process that allocates flat out"
stop
# Losses are shown, but it is events that are asked for: whatever the rings lose, as many come.
MEMCTX_RING=1024 start "$target" fire
losses=0
for _ in $(seq 20); do
	timeout 20 "$tool" events -F -n 10 --kind=create "$pid" >list 2>err || fail "events -F -n"
	[ "$(grep -c ' create ' list)" -eq 10 ] || fail "events -F -n 10: $(cat list)"
	losses=$((losses + $(grep -c ' lost ' list)))
done
[ "$losses" -gt 0 ] || fail "a ring of 1024 entries lost nothing in all that time"
kill -STOP "$pid"
"$tool" events -n 10 --kind=free "$pid" >list 2>err || fail "events -n, not following"
[ "$(grep -c ' free ' list)" -eq 10 ] || fail "events -n 10, not following: $(cat list)"
kill -CONT "$pid"
stop
start "$target" fire

# ---- Readers that are killed -------------------------------------------------------------
# The rest of ten thousand is for soak_live.sh.
CYCLES=1000 "$OLDPWD/tests/soak_live.sh" >list 2>err || fail "readers that are killed: $(cat list)"
for i in $(seq 25); do
	"$tool" tree --json "$pid" >killed.json 2>/dev/null &
	reader=$!
	sleep "0.0$((RANDOM % 3))"
	kill -KILL $reader 2>/dev/null
	wait $reader 2>/dev/null
	kill -0 "$pid" 2>/dev/null || { fail "reader $i harmed the target"; break; }
done
"$tool" tree --json "$pid" 2>err | jq -e '.totals | .total_bytes == .used_bytes + .free_bytes' \
	>/dev/null || fail "no snapshot after 25 readers were killed"
stop

# ---- What may stand in the way -----------------------------------------------------------
plain=$(MEMCTX_PUBLISH=0 "$target" work)
same() {
	local got
	got=$("$@" 2>err) || fail "$*: status $?"
	[ "$got" = "$plain" ] || fail "$* holds $got, otherwise $plain"
}
same env MEMCTX_RING=0 "$target" work
same env MEMCTX_RING=nonsense "$target" work
same env MEMCTX_RING=99999999999 "$target" work
same bash -c "ulimit -f 100; exec '$target' work"
same bash -c "ulimit -f 1000000; exec '$target' work"
for kib in 100000 200000 500000 1500000; do
	same bash -c "ulimit -v $kib; exec '$target' work"
done
same "$target" storm
"$target" fork >out 2>err || fail "fork"
[ "$(tail -n 1 out)" = "$plain" ] || fail "a child changed what its parent counts: $(cat out)"
[ "$(head -n 1 out)" != "$plain" ] || fail "a child counts nothing of its own"
"$target" exec >out 2>err || fail "exec"
grep -q 'memfd:memctx' out && fail "a descriptor leaks to what is executed: $(cat out)"
MEMCTX_PUBLISH=0 start "$target" wait
"$tool" tree "$pid" 2>err && fail "MEMCTX_PUBLISH=0 is looked into"
grep -q "$pid: it publishes no memory contexts" err || fail "MEMCTX_PUBLISH=0 is not said"
stop
start "$target" close
[ ! -s own.file ] || fail "a file of the program's was written to"
"$tool" tree --json "$pid" >tree.json 2>err
case $? in
0) [ "$(jq .totals.contexts tree.json)" = 134 ] || fail "read from memory: $(figures tree.json)" ;;
1) grep -q 'not allowed' err || fail "why a process without descriptors is not read" ;;
*) fail "a process without descriptors" ;;
esac
stop end
if [ "$status" -ne 0 ] || [ -s own.file ]; then fail "closing all descriptors does harm"; fi

# ---- The demo ---------------------------------------------------------------------------
"$tool" demo --quiet 2>err &
pid=$!
sleep 1
"$tool" tree --json "$pid" >tree.json 2>err || fail "the demo shows nothing"
[ "$(jq '[.. | .name? // empty] | map(select(. == "Worker")) | length' tree.json)" = 3 ] ||
	fail "the demo has other threads than 3"
kill -INT "$pid"
wait "$pid" || fail "the demo ends with $?"
pid=
exit $failed
