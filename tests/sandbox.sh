#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The tool where the system refuses it something: descriptors, files, children, a socket.  What it
# prints is what it prints elsewhere, or it ends with status 3 and a line that says why; a file that
# it was to write over is whole or as it was, and nothing is left beside it.
set -u
cd "$(dirname "$0")/.." || exit 1
tool=${TOOL:-$PWD/memctx-tool}
programs=$PWD/build/release/tests/programs
work=$(mktemp -d "${TMPDIR:-/tmp}/sandbox.XXXXXX") || exit 1
trap 'exec 9>&-; rm -rf "$work"' EXIT
export XDG_STATE_HOME=$work/state
status=0

complain() {
	status=1
	echo "$*"
	sed 's/^/    | /' "$work/err" | head -n 5
}

# refused NAME ARGUMENTS...: the tool without a call; its status is in $was.
refused() {
	timeout 60 "$programs/refusing" "$1" -- "$tool" "${@:2}" \
		>"$work/out" 2>"$work/err" </dev/null
	was=$?
}

# says STATUS PATTERN WHAT: the one line of the tool.
says() {
	[ $was -eq "$1" ] || complain "$3: status $was and not $1"
	[ "$(wc -l <"$work/err")" -eq 1 ] || complain "$3: not one line"
	grep -q "^memctx-tool: $2" "$work/err" || complain "$3: does not say: $2"
}

refused fork help
[ $was -ne 77 ] || { echo "calls cannot be refused here: no seccomp filters"; exit 77; }

# ---- Files ------------------------------------------------------------------------------
mkdir "$work/files"
cp traces/freelist.trace "$work/files/a.trace"
for case in "fsync:Input/output error" "rename:Operation not permitted" \
	"create:Read-only file system"; do
	refused "${case%%:*}" fmt -o "$work/files/a.trace" traces/large.trace
	says 3 "$work/files/a.trace: ${case#*:}" "fmt without ${case%%:*}"
	cmp -s traces/freelist.trace "$work/files/a.trace" || complain "$case: the old file is gone"
	[ "$(ls "$work/files")" = a.trace ] || complain "$case: something is left beside the file"
done
"$tool" replay traces/freelist.trace 2>/dev/null | sed '/replayed in/d' >"$work/plain"
rm -rf "$work/state"
for case in mkdir create; do
	refused $case replay traces/freelist.trace
	says 0 "the outcome is not kept for memctx-tool tree: $work/state/memctx: Read-only" \
		"replay without $case"
	sed '/replayed in/d' "$work/out" | cmp -s - "$work/plain" ||
		complain "replay without $case prints something else"
	mkdir -p "$work/state/memctx"
done

"$tool" tui --script="$work/files" traces/freelist.trace >"$work/out" 2>"$work/err"
was=$?
says 3 "tui: the script cannot be read" "a script that is a folder"

# ---- Children ---------------------------------------------------------------------------
for case in "fork:Resource temporarily unavailable" "pipe2:Too many open files"; do
	refused "${case%%:*}" record -o "$work/files/b.trace" -- "$programs/live_target" three
	says 3 "$programs/live_target: ${case#*:}" "record without ${case%%:*}"
	[ "$(ls "$work/files")" = a.trace ] || complain "record without ${case%%:*} leaves a trace"
done
refused fork compare traces/freelist.trace
[ $was -eq 0 ] || complain "compare without fork: status $was"
# What takes a process of its own is not known of any kind.
awk '/^OF THE PEAK/ { exit }
	$1 ~ /^(aset|fine|slab|generation|bump|malloc|stl|pyint)$/ { n++; unknown += $7 == "-" }
	END { exit n != 8 || unknown != 8 }' "$work/out" || complain "compare without fork: RSS"
# By /proc it is found all the same, where it stays for a while.
sleep 2 | timeout 60 "$programs/refusing" socket -- "$tool" record -o "$work/files/b.trace" -- \
	"$programs/live_target" wait >"$work/out" 2>"$work/err"
was=$?
[ $was -eq 0 ] || complain "record without a socket: status $was"
grep -q "$work/files/b.trace: [1-9][0-9,]* events" "$work/err" ||
	complain "record without a socket: no events"
"$tool" check "$work/files/b.trace" >/dev/null || complain "record without a socket: no trace"

# ---- A live process ---------------------------------------------------------------------
mkfifo "$work/in"
"$programs/live_target" wait <"$work/in" >"$work/ready" &
pid=$!
exec 9>"$work/in"
until grep -q ready "$work/ready"; do sleep 0.02; done
"$tool" tree $pid >"$work/plain" 2>/dev/null || complain "no tree of a process"
for case in share readlinkat; do
	refused $case tree $pid
	says 0 "process $pid, .*: [1-9][0-9]* contexts" "tree without $case"
	cmp -s "$work/plain" "$work/out" || complain "tree without $case shows something else"
done

# ---- Descriptors ------------------------------------------------------------------------
# few ARGUMENTS...: with few of them, as with many or status 3; with the fewest it is that.
few() {
	"$tool" "$@" >"$work/plain" 2>/dev/null </dev/null
	for most in 4 5 6 7 8; do
		(ulimit -n $most && exec timeout 60 "$tool" "$@") \
			>"$work/out" 2>"$work/err" </dev/null 9>&-
		was=$?
		case $was in
		0) cmp -s "$work/plain" "$work/out" || complain "$most descriptors, $*: differs" ;;
		3) says 3 ".*: Too many open files" "$most descriptors, $*" ;;
		*) complain "$most descriptors, $*: status $was" ;;
		esac
		[ $most -gt 4 ] || first=$was
	done
	[ $was -eq 0 ] || complain "8 descriptors, $*: not enough"
}
few events traces/freelist.trace
few check traces/freelist.trace
few tree traces/freelist.trace
few diff traces/freelist.trace@5 traces/freelist.trace
few leaks traces/freelist.trace
few fmt -o /dev/null traces/freelist.trace
few tree $pid
[ "$first" -eq 3 ] || complain "a process is found without a descriptor"
# Others' processes come and go, so what it lists is not held against another list.
(ulimit -n 4 && exec "$tool" ps --interval=0) >"$work/out" 2>"$work/err" </dev/null 9>&-
was=$?
says 3 "/proc: Too many open files" "4 descriptors, ps"
exec 9>&-
wait $pid
exit $status
