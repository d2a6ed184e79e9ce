#!/bin/bash
# SPDX-License-Identifier: MIT
# needs: jq
#
# Screens as they were looked at and found right, in tests/screens: of traces, a live process and an
# empty tree, at three sizes, with all signs, with ASCII alone and with colours; and the figures
# on them against those that `tree --flat` has.
#
# UPDATE=1 writes them anew: look at what changed before it is kept.
set -u
cd "$(dirname "$0")/.." || exit 1
tool=${TOOL:-$PWD/memctx-tool}
program=$PWD/build/release/tests/programs/live_target
[ -x "$tool" ] || { echo "skipped: $tool is not built"; exit 77; }
[ -x "$program" ] || { echo "skipped: $program is not built"; exit 77; }
command -v jq >/dev/null || { echo "skipped: jq is missing"; exit 77; }
tmp=$(mktemp -d) || exit 1
target=
trap '[ -z "$target" ] || kill "$target"; rm -rf "$tmp"' EXIT
export LC_ALL=C.UTF-8 XDG_STATE_HOME=$tmp/state
unset NO_COLOR
failed=0

# compare NAME FILE: FILE is the screen of that name.
compare() {
	if [ -n "${UPDATE:-}" ]; then
		cp "$2" "tests/screens/$1"
	elif ! diff -u "tests/screens/$1" "$2"; then
		echo "tests/screens/$1 is another screen"
		failed=1
	fi
}

# shots NAME SOURCE [OPTION...]: all screens of a source after the script in $tmp/script, without
# what $hide, a sed script, takes away.
shots() {
	local name=$1 source=$2 size mode options
	shift 2
	for size in 40x10 80x24 132x43; do
		for mode in utf8 ascii color; do
			options=
			[ $mode = ascii ] && options=--ascii
			[ $mode = color ] && options=--color=always
			# shellcheck disable=SC2086 # one option or none
			"$tool" tui --script "$tmp/script" --size $size $options "$@" "$source" |
				sed -E "$places; $hide" >"$tmp/shot"
			compare "$name-$size.$mode" "$tmp/shot"
		done
	done
}

# Where blocks lie is no part of what is compared.
places='s/[0-9a-f]{7}-[0-9a-f]{7}  /FROM   -TO       /g; s/free [0-9a-f]{7},/free AT     ,/g'
hide=
printf 'screen\n' >"$tmp/script"
shots pgbench traces/pg_pgbench.trace
printf 'pass\npane\npane\npane\nitem-down\nitem-down\nscreen\n' >"$tmp/script"
shots freelist traces/freelist.trace --at=7
shots fine traces/freelist.trace --at=7 --set '*:classes=fine'
shots stl traces/freelist.trace --at=7 --kind=stl
echo 'memctx-trace 1' >"$tmp/empty.trace"
printf 'pass\nscreen\n' >"$tmp/script"
shots empty "$tmp/empty.trace" --at=0

mkfifo "$tmp/end"
exec 9<>"$tmp/end"
"$program" wait <&9 >"$tmp/said" &
target=$!
for _ in $(seq 100); do
	[ -s "$tmp/said" ] && break
	sleep 0.1
done
printf 'pane\npane\ntick 1\nsort\nescape\nscreen\n' >"$tmp/script"
# Its number, its command and how long it has run.
hide="1s|  $target .*|  TARGET|; s|^(.*m)? +$target  |\\1 THREAD  |"
shots live $target

# ---- The figures ------------------------------------------------------------------------

# The text that screens have for a number of bytes.
human='
function human(bytes, unit, n) {
	if (bytes < 1024)
		return bytes "" == "0" ? "·" : bytes ""
	for (unit = 0; bytes / 1024 >= 1024; unit++)
		bytes /= 1024
	n = bytes / 1024
	if (unit > 0 && int(n * 100 + 0.5) < 1000)
		return sprintf("%.2f", int(n * 100 + 0.5) / 100) substr("KMGT", unit + 1, 1)
	if (int(n * 10 + 0.5) < 1000)
		return sprintf("%.1f", int(n * 10 + 0.5) / 10) substr("KMGT", unit + 1, 1)
	return int(n + 0.5) substr("KMGT", unit + 1, 1)
}'

# check LEAST NAME SOURCE [OPTION...]: the screen's totals, and of each context that is alone of its
# name and on the screen, at least LEAST, what it and those below it have.
check() {
	local least=$1 screen=tests/screens/$2-132x43.utf8 source=$3 found=0 name total used
	shift 3
	"$tool" tree --flat "$@" "$source" 2>/dev/null | jq -c 'select(.id)' >"$tmp/flat"
	jq -s -r '[map(.total_bytes), map(.used_bytes), map(.tail_bytes),
		map(.slack_bytes), map(.freelist_bytes)] | map(add) | @tsv' "$tmp/flat" |
		awk "$human"'
		{ print human($1) " total  " human($2) " used  " }
		{ print "tails " human($3) "  slack " human($4) "  freelists " human($5) }' \
		>"$tmp/totals"
	[ "$(wc -l <"$tmp/totals")" -eq 2 ] || echo none >"$tmp/totals"
	while read -r text; do
		sed -n 2p "$screen" | grep -qF "$text" || {
			echo "$screen does not have: $text"
			failed=1
		}
	done <"$tmp/totals"
	jq -s -r '. as $all | group_by(.name) | map(select(length == 1)[0]) | .[] | . as $one |
		($all | map(select(.path[:($one.path | length)] == $one.path))) as $b |
		[.name, ($b | map(.total_bytes) | add), ($b | map(.used_bytes) | add)] | @tsv' \
		"$tmp/flat" | awk -F '\t' "$human"'
		{ print $1 "\t" human($2) "\t" human($3) }' >"$tmp/lines"
	while IFS=$'\t' read -r name total used; do
		line=$(sed '1,5d; /^BLOCKS/,$d; /^EVENTS/,$d' "$screen" |
			grep -m1 -F -- " $name ") || continue
		[ "${line#*"$name"}" = "${line#*"$name "}" ] && continue
		found=$((found + 1))
		[[ $line == *" $used"*" $total "* ]] || {
			echo "$screen: $name has $used used of $total, not: $line"
			failed=1
		}
	done <"$tmp/lines"
	[ "$found" -ge "$least" ] || {
		echo "$screen: only $found lines were held against the tree"
		failed=1
	}
}
check 8 pgbench traces/pg_pgbench.trace --at peak
check 1 freelist traces/freelist.trace --at 7
check 1 live $target
exit $failed
