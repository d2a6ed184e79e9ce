#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Golden tests of memctx-tool: each tests/cli/NAME.sh is run in an empty folder, and what it prints
# is held against NAME.out, NAME.err (none: nothing) and NAME.exit.
#
#   cli.sh [--bless] [NAME...]
#
# --bless writes these files from what is printed now: read the difference before it is committed.
# A script finds memctx-tool in its PATH, the project in $PROJECT, and a home of its own.  Times and
# rates are replaced by words before they are compared.  A script that exits with 77 is left out,
# and its output says why.
#
# needs: jq xz zstd
# also: asan
set -u
project=$(cd "$(dirname "$0")/.." && pwd)
tool=${TOOL:-$project/memctx-tool}
work=$(mktemp -d "${TMPDIR:-/tmp}/cli.XXXXXX") || exit 1
trap 'chmod -R u+rwx "$work"; rm -rf "$work"' EXIT
mkdir "$work/bin" && ln -s "$tool" "$work/bin/memctx-tool" || exit 1

bless=no
[ "${1:-}" = --bless ] && bless=yes && shift
names=("$@")
[ $# -gt 0 ] || mapfile -t names < <(cd "$project/tests/cli" && basename -s .sh ./*.sh)

# Times differ, the padding behind them too.
normalise() {
	local foot='replayed in [0-9.]+ (ns|us|ms|s) \([0-9.]+[KMG]? events/s\) *'

	sed -E -e "s#$1#FOLDER#g" -e "s#$foot#replayed in TIME (RATE events/s) #" \
		-e 's/"(elapsed_seconds|events_per_second)": ?[0-9.e+-]+/"\1": N/g'
}

run_one() {
	local folder=$work/$1
	mkdir -p "$folder/home"
	(
		cd "$folder" || exit 1
		env -i PATH="$work/bin:$PATH" HOME="$folder/home" LC_ALL=C.UTF-8 TERM=xterm \
			PROJECT="$project" TMPDIR="$folder" \
			ASAN_OPTIONS="${ASAN_OPTIONS:-}" UBSAN_OPTIONS="${UBSAN_OPTIONS:-}" \
			timeout -k 5 60 bash "$project/tests/cli/$1.sh" </dev/null \
			>"$work/$1.out.raw" 2>"$work/$1.err.raw"
	)
	echo $? >"$work/$1.exit"
	for stream in out err; do
		normalise "$folder" <"$work/$1.$stream.raw" >"$work/$1.$stream" || exit 1
	done
}

# What is nothing has no file.
bless_one() {
	local stream
	for stream in out err; do
		if [ -s "$work/$1.$stream" ]; then
			cp "$work/$1.$stream" "$project/tests/cli/$1.$stream"
		else
			rm -f "$project/tests/cli/$1.$stream"
		fi
	done
	cp "$work/$1.exit" "$project/tests/cli/$1.exit"
}

compare() {
	local expected=$project/tests/cli/$1.$2
	[ -e "$expected" ] || expected=/dev/null
	diff -u --label "$1.$2 expected" --label "$1.$2" "$expected" "$work/$1.$2"
}

failed=0
skipped=0
for name in "${names[@]}"; do
	run_one "$name"
	if [ "$(cat "$work/$name.exit")" = 77 ]; then
		skipped=$((skipped + 1))
		echo "skipped: $name: $(tail -n 1 "$work/$name.out")"
	elif [ $bless = yes ]; then
		bless_one "$name"
	elif ! { compare "$name" out && compare "$name" err && compare "$name" exit; }; then
		failed=$((failed + 1))
		echo "failed: $name"
	fi
done
echo "${#names[@]} commands' tests, $failed failed, $skipped left out"
[ $failed -eq 0 ]
