#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Holds what replay, diff, leaks, compare and advise print with --json to their schemas, by a
# validator that others wrote; and each schema to what is printed: every member is there once.
# needs: jsonschema
set -u
cd "$(dirname "$0")/.." || exit 1
project=$PWD tool=${TOOL:-$PWD/memctx-tool}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
cp traces/pg_pgbench.trace traces/leak.trace traces/freelist.trace "$work"
cd "$work" || exit 1

# Names that are no UTF-8, of contexts, of files, and in settings.
odd=$'odd\xff.trace'
awk 'BEGIN {
	print "memctx-trace 1\ncreate 1 - aset \"Top\" init=1024 max=8192"
	for (q = 1; q <= 100; q++) {
		print "create " 100 + q " 1 aset \"Pl\\xffan\" ident=\"\\xfe" q "\""
		print "alloc " 100 + q " " q " 100\nalloc 1 " 1000 + q " 20000"
	}
	print "freebase 1 3"
}' >"$odd"

# expect STATUS FILE COMMAND...: what it prints into FILE.json.
expect() {
	local got
	"$tool" "${@:3}" >"$work/$2.json" 2>"$work/err"
	got=$?
	[ $got -eq "$1" ] || { echo "status $got of ${*:3}"; cat "$work/err"; status=1; }
}

expect 0 diff-1 diff --json pg_pgbench.trace@5000 pg_pgbench.trace@peak
expect 0 diff-2 diff --json --by=chunks pg_pgbench.trace@19000 pg_pgbench.trace@3000
expect 0 diff-3 diff --json leak.trace leak.trace
"$tool" tree --json leak.trace >tree.json 2>/dev/null || status=1
expect 4 diff-4 diff --json --threshold=1 tree.json pg_pgbench.trace
head -n -1 "$odd" >"$odd.good"
expect 0 diff-5 diff --json "$odd.good@50" "$odd.good"
expect 0 leaks-1 leaks --json leak.trace
expect 0 leaks-2 leaks --json pg_pgbench.trace
expect 0 leaks-3 leaks --json "$odd.good"
expect 0 leaks-4 leaks --json freelist.trace
expect 0 compare-1 compare --seconds 0 --json pg_pgbench.trace
expect 0 compare-2 compare --seconds 0 --json --keep-going "$odd" own $'Pl\xff*:kind=fine;*:max=2K'
# What cannot be, however freely the system promises memory.
ulimit -Sv 8388608
expect 0 compare-3 compare --seconds 0 --json "$odd.good" aset 'Top:init=1024G'
ulimit -Sv unlimited
expect 0 advise-1 advise --json pg_pgbench.trace
expect 0 advise-2 advise --json --slower any --keep-going "$odd"
expect 0 advise-3 advise --json freelist.trace
# What costs no time would be an accident.
expect 0 advise-4 advise --json --slower 0 pg_pgbench.trace

expect 0 replay-1 replay --json pg_pgbench.trace
expect 0 replay-2 replay --json --set stl --until 5000 pg_pgbench.trace
expect 0 replay-3 replay --json --keep-going "$odd"

cd "$project" || exit 1
[ $status -eq 0 ] || exit 1
for schema in replay diff leaks compare advise; do
	/usr/bin/python3 -B tests/schemas.py lib/model/memctx-$schema.schema.json \
		"$work/$schema"-*.json || status=1
done
exit $status
