#!/bin/bash
# SPDX-License-Identifier: MIT
# --until: after an event, or at a time.
cat >in.trace <<'END'
memctx-trace 1
create 1 - aset "a"
alloc 1 1 100
time 1000
alloc 1 2 100
time 2000
alloc 1 3 100
reset 1
END
for until in 0 1 3 99 999ns 1us 1.5us 0.002ms 1s 1h 5x ms -1 ''; do
	echo "until $until"
	memctx-tool replay --until="$until" in.trace 2>&1 |
		grep -E '^(in.trace|memctx|  alloc|STILL|No)'
	echo "status ${PIPESTATUS[0]}"
done
