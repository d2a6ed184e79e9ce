#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Programs in surroundings that publishing must not mind: one that takes the library in by dlopen(),
# one that sees no /proc, and one whose library was built to publish nothing.
# needs: cc jq
set -u
cd "$(dirname "$0")/.." || exit 1
tool=$PWD/build/release/memctx-tool
target=build/release/tests/programs/live_target
work=$(mktemp -d "${TMPDIR:-/tmp}/surroundings.XXXXXX") || exit 1
trap 'exec 9>&-; rm -rf "$work"' EXIT
status=0

complain() {
	status=1
	echo "$*"
	[ ! -s "$work/err" ] || sed 's/^/    | /' "$work/err"
}

# Starts a program that waits for the end of its input; its number is in $pid.
start() {
	rm -f "$work/in" && mkfifo "$work/in"
	"$@" <"$work/in" >"$work/out" 2>"$work/err" &
	pid=$!
	exec 9>"$work/in"
	for _ in $(seq 500); do
		grep -q ready "$work/out" && return
		sleep 0.02
	done
	complain "$* is not ready"
}

ends_well() {
	exec 9>&-
	wait "$pid" || complain "$1 ended with $?"
}

# ---- Taken in while the program runs ----------------------------------------------------
cc -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -Ilib -o "$work/host" tests/user/plugin_host.c \
	-pthread -ldl || exit 1
for library in libmemctx libmemctx-check; do
	start "$work/host" "$PWD/build/release/$library.so"
	"$tool" tree --json $pid >"$work/tree.json" 2>"$work/err" || complain "dlopen: no tree"
	[ "$(jq -r '[.contexts[].name] | sort | join(",")' "$work/tree.json")" = \
		"of a thread,of a thread,of a thread,of a thread,of the host" ] ||
		complain "dlopen: its contexts"
	[ "$(jq .totals.live_chunks "$work/tree.json")" = 2500 ] || complain "dlopen: its chunks"
	ends_well "a program that takes in $library"
done

# ---- No /proc ---------------------------------------------------------------------------
plain=$("$target" work)
hide=(unshare -m)
[ "$(id -u)" -eq 0 ] || hide=(unshare -Urm)
if "${hide[@]}" sh -c 'mount -t tmpfs none /proc' 2>/dev/null; then
	got=$("${hide[@]}" sh -c "mount -t tmpfs none /proc && exec $target work" 2>"$work/err")
	[ "$got" = "$plain" ] || complain "without /proc it holds $got, otherwise $plain"
	"$tool" record -o "$work/a.trace" -- "${hide[@]}" \
		sh -c "mount -t tmpfs none /proc && exec $target work" >/dev/null 2>"$work/err"
	grep -q ', 0 lost' "$work/err" || complain "a command without /proc is not recorded"
	"${hide[@]}" sh -c "mount -t tmpfs none /proc && exec $tool ps" >/dev/null 2>"$work/err"
	[ $? -eq 3 ] || complain "ps without /proc ended with $?"
	grep -q '/proc: no such file' "$work/err" || complain "what ps lacks is not said"
	"${hide[@]}" sh -c "mount -t tmpfs none /proc && exec $tool tree 1" >/dev/null 2>"$work/err"
	grep -q '1: it cannot be found: /proc is not mounted' "$work/err" ||
		complain "what tree lacks is not said"
else
	echo "not tried, since mounts are not allowed here: without /proc"
fi

# ---- Built to publish nothing -----------------------------------------------------------
mkdir "$work/lib"
for source in lib/*.c; do
	cc -std=c11 -D_GNU_SOURCE -O1 -DMEMCTX_NO_PUBLISH -Wall -Wextra -Werror -Ilib -c \
		-o "$work/lib/$(basename "$source" .c).o" "$source" || exit 1
done
cc -std=c11 -D_GNU_SOURCE -Ilib -o "$work/unpublished" tests/programs/live_target.c \
	"$work"/lib/*.o -pthread || exit 1
[ "$("$work/unpublished" work)" = "$plain" ] || complain "without publishing it counts otherwise"
start "$work/unpublished" wait
"$tool" tree $pid >/dev/null 2>"$work/err" && complain "it is looked into all the same"
grep -q "it publishes no memory contexts" "$work/err" || complain "that it does not is not said"
[ "$(find /proc/$pid/fd -lname '*memfd*' | wc -l)" -eq 0 ] || complain "it has a memfd"
: >"$work/err"
ends_well "a program that publishes nothing"
exit $status
