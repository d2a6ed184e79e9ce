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

# complain NAME WORDS...
complain() {
	status=1
	echo "${*:2}"
	[ ! -e "$folder/$1.err" ] || sed 's/^/    | /' "$folder/$1.err" | head -n 5
}

# Output, but for what varies from run to run, into $text.
output() {
	IFS= read -r -d '' text <"$folder/$1.out"
	text=${text%replayed in*}
}

# try STEP COMMAND...
try() {
	local step=$1 name was refused left='' expected text refusals=0 whole=0
	shift
	"$tool" "$@" >"$folder/whole.out" 2>"$folder/whole.err" ||
		{ complain whole "$*: fails with nothing refused"; return; }
	output whole
	expected=$text
	while read -r name was refused; do
		if [ "$refused" -eq 1 ]; then
			refusals=$((refusals + 1))
		else
			whole=$((whole + 1))
			[ "$was" -eq 0 ] || complain "$name" "$*: status $was, with nothing refused"
		fi
		judge "$was" "$name" "$*, request $name refused"
		left+=" $folder/$name.out $folder/$name.err"
	done < <(REFUSE_STEP=$step REFUSE_FOLDER=$folder LD_PRELOAD=$folder/refuse.so \
		exec "$tool" "$@")
	echo "$*: $refusals refusals"
	[ $refusals -gt 0 ] || complain none "$*: nothing was ever refused"
	[ $whole -eq 2 ] || complain none "$*: not every request was refused"
	# shellcheck disable=SC2086 # words
	rm -f $left
}

# A line says what went wrong; one before it may say what is shown, or not kept; of diff two.
judge() {
	local lines opening='^(memctx-tool: |traces/[a-z.]*:[0-9]*:)'
	mapfile -t lines <"$folder/$2.err"
	case $1 in
	0) output "$2"
	   # A screen may lack the events to come; the tree and where it stands are there.
	   [[ $text = "$expected" || $3 = tui* && $text = *" 1 context "* ]] ||
		complain "$2" "$3: status 0, but its output differs" ;;
	3) if [ ${#lines[@]} -eq 0 ] || [ ${#lines[@]} -gt 3 ] || [ ${#lines[-1]} -gt 200 ] ||
		[[ ${lines[-1]} != *memory* ]] || [[ ! ${lines[0]} =~ $opening ]]; then
		complain "$2" "$3: status 3, but no clean line"
	fi ;;
	*) complain "$2" "$3: status $1" ;;
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
printf '%s\n' screen type\ j screen >"$folder/script"
try 5 tui --script="$folder/script" traces/freelist.trace
try 5 tui --batch traces/freelist.trace
exit $status
