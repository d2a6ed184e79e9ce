#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The tool in a system that refuses memory: for each command the n-th request is refused, n = 1, 2,
# 3 … until nothing was, once that request alone and once every one after it; of commands that
# share their ways with those, every third.  It must either do its work as if nothing had been, or
# end with status 3 and one line; never crash, never hang.
# needs: cc
set -u
cd "$(dirname "$0")/.." || exit 1
tool=${TOOL:-$PWD/memctx-tool}
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
export XDG_STATE_HOME=$folder/state LC_ALL=C # a locale refused is another that is taken
ulimit -c 0
status=0

${CC:-cc} -D_GNU_SOURCE -O1 -shared -fPIC -o "$folder/refuse.so" tests/preload/refuse.c || exit 1

complain() {
	status=1
	echo "$*"
	sed 's/^/    | /' "$folder/err" | head -n 5
}

# run N ON COMMAND...: its status, with request N refused (and those after it, where ON).  A hang
# ends with the limit of processor time.
run() {
	: >"$folder/said"
	(
		ulimit -t 10
		export REFUSE_AT=$1 REFUSE_SAID=$folder/said LD_PRELOAD=$folder/refuse.so
		[ -z "$2" ] || export REFUSE_ON=1
		exec "$tool" "${@:3}" >"$folder/out" 2>"$folder/err"
	)
}

# Output but for what varies from run to run.
output() {
	local text
	text=$(<"$folder/out")
	printf '%s' "${text%replayed in*}"
}

# try STEP COMMAND...
try() {
	local step=$1 n on was expected refusals=0
	shift
	run 1000000000 '' "$@" || { complain "$*: fails with nothing refused"; return; }
	expected=$(output)
	for on in '' 1; do
		for ((n = 1; n < 5000; n += step)); do
			{ run $n "$on" "$@"; } 2>/dev/null
			was=$?
			[ -s "$folder/said" ] || break
			refusals=$((refusals + 1))
			judge $was "$* with request $n${on:+ and on} refused"
		done
		[ $was -eq 0 ] || complain "$*: status $was though nothing was refused"
	done
	echo "$*: $refusals refusals"
	[ $refusals -gt 0 ] || complain "$*: nothing was ever refused"
}

# A line says what went wrong; one before it may say what is shown, or not kept; of diff two.
judge() {
	local lines opening='^(memctx-tool: |traces/[a-z.]*:[0-9]*:)'
	mapfile -t lines <"$folder/err"
	case $1 in
	0) [ "$(output)" = "$expected" ] || complain "$2: status 0, but its output differs" ;;
	3) if [ ${#lines[@]} -eq 0 ] || [ ${#lines[@]} -gt 3 ] || [ ${#lines[-1]} -gt 200 ] ||
		[[ ${lines[-1]} != *memory* ]] || [[ ! ${lines[0]} =~ $opening ]]; then
		complain "$2: status 3, but no clean line"
	fi ;;
	*) complain "$2: status $1" ;;
	esac
}

try 1 replay traces/freelist.trace
try 1 tree --json traces/freelist.trace
try 3 tree traces/freelist.trace
try 3 events traces/freelist.trace
try 3 replay --kind=stl traces/freelist.trace
try 3 diff --json traces/freelist.trace@5 traces/freelist.trace
try 3 leaks --json --all traces/freelist.trace
try 1 check traces/freelist.trace
try 3 fmt traces/freelist.trace
exit $status
