#!/bin/bash
# SPDX-License-Identifier: MIT
# diff --json against two trees, which know nothing of it.
cd "$PROJECT/traces" || exit
tool() {
	memctx-tool "$@" 2>/dev/null
}
tool diff --json pg_pgbench.trace@5000 pg_pgbench.trace@peak >"$TMPDIR/diff.json"
echo "status $?"
tool tree --json --at=5000 pg_pgbench.trace >"$TMPDIR/a.json"
tool tree --json --at=peak pg_pgbench.trace >"$TMPDIR/b.json"
cd "$TMPDIR" || exit
jq -c '[.schema, .version, .by, .a.event, .b.point, .a.pid]' diff.json
# The sides are the trees' totals.
for side in a b; do
	jq -c --slurpfile tree $side.json \
		".$side | [.total_bytes, .requested_bytes, .live_chunks, .contexts] ==
		(\$tree[0].totals | [.total_bytes, .requested_bytes, .live_chunks, .contexts])" \
		diff.json
done
# The changes of all contexts are the change of the whole, in each figure that counts as one.
jq -c '. as $d | ["total_bytes", "total_nblocks", "requested_bytes", "live_chunks"]
	| map(. as $k | $d.change[$k] == ([$d.contexts[].change[$k]] | add))' diff.json
jq -c '.change.total_bytes == .b.total_bytes - .a.total_bytes' diff.json
jq -c '[.contexts[] | select(.status == "new" or .status == "gone")
	| (.a == null) == (.status == "new") and (.b == null) == (.status == "gone")]
	| unique' diff.json
# Each context that both have bears its ids in the trees.
jq -r '.contexts[] | select(.a and .b) | .a.id, .b.id' diff.json | sort -u >ids
jq -r '.. | .id? // empty' a.json b.json | sort -u | comm -13 - ids
jq -c '.counts | .new + .gone + .grown + .shrunk + .changed' diff.json
jq -c '.contexts | length' diff.json
# Awkward names.
cat >odd.trace <<'END'
memctx-trace 1
create 1 - aset "a\xff\"b" ident="\\ \x01\xfe"
alloc 1 1 5
END
tool diff --json odd.trace@1 odd.trace |
	jq -c '.contexts[] | [.path, .ident, .ident_escaped]'
printf 'memctx-trace 1\n' >empty.trace
tool diff --json empty.trace empty.trace |
	jq -c '[.contexts, .counts.alike, .change.total_bytes]'
# Deep trees nest nowhere.
awk 'BEGIN { print "memctx-trace 1\ncreate 1 - aset \"c\""
	for (i = 2; i <= 3000; i++) print "create " i " " i - 1 " aset \"c\""
	print "alloc 3000 1 9\nalloc 400 2 9" }' >deep.trace
tool diff --json deep.trace@3000 deep.trace | jq -c '.contexts[].path | length'
