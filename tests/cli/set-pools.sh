#!/bin/bash
# SPDX-License-Identifier: MIT
# What if: the two pools of old, in events, in the tree and in the report.
exec 2>&1
cd "$PROJECT/traces" || exit
memctx-tool events --set '*:kind=stl' freelist.trace
memctx-tool events --set 'Demo:kind=pyint,chunk=32' freelist.trace
memctx-tool tree --kind=stl --at=10 --sort=slack freelist.trace
memctx-tool tree --kind=pyint --at=10 freelist.trace
# The trace's own sums stay what they are; each total is the sum of its parts; nothing is left out.
for kind in aset stl pyint; do
	for trace in pg_pgbench pg_analytic pg_decoding python sqlite jq; do
		memctx-tool replay --json --kind=$kind $trace.trace |
			jq -c '[.peak, .end | .total_bytes == .requested_bytes + .slack_bytes +
				.header_bytes + .freelist_bytes + .tail_bytes] +
				[.skipped, .end.live_chunks, .end.requested_bytes]' \
				>"$TMPDIR/$trace.$kind"
		cmp "$TMPDIR/$trace.aset" "$TMPDIR/$trace.$kind"
	done
	cat "$TMPDIR/jq.$kind"
done
memctx-tool replay --kind=stl jq.trace | sed -n '/^FREELISTS/,/^WHERE/p'
# On the screens: the chain, and the block that the lists were cut from.
for option in --kind=stl --set='Demo:kind=pyint,chunk=32'; do
	echo screen | memctx-tool tui --script - --size 120x40 --at 6 "$option" freelist.trace |
		grep -oE 'BLOCKS of Demo: [0-9]|head → #3 → cut|pushed in front'
done
