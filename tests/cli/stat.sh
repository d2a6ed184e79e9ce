#!/bin/bash
# SPDX-License-Identifier: MIT
# stat of a trace: a line an interval of the trace's own time, however far its clock jumps.
exec 2>&1
printf '%s\n' 'memctx-trace 1' 'create 1 - aset "a"' 'alloc 1 1 100' 'time 1000000' \
	'alloc 1 2 100' 'alloc 1 3 100' 'time 2999999' 'free 1' 'time 4000000' 'free 2' \
	'time 9000000' 'time 9500000' \
	'create 2 1 aset "b"' 'time 18446744073709551615' 'alloc 2 4 9000' >jumps.trace
memctx-tool stat jumps.trace
echo "status $?"
memctx-tool stat --bytes jumps.trace 2ms 4
memctx-tool stat jumps.trace 1h
memctx-tool stat jumps.trace 1ns 3
echo "no event behind the last time, none at all, no time"
(head -n 6 jumps.trace && echo 'time 7000000') | memctx-tool stat -
printf '%s\n' 'memctx-trace 1' 'time 18446744073709551615' | memctx-tool stat -
printf '%s\n' 'memctx-trace 1' 'create 1 - aset "a"' | memctx-tool stat -
echo "an error behind the jump"
(head -n 4 jumps.trace && printf '%s\n' 'time 90000000000' 'free 9') | memctx-tool stat -
echo "status $?"
memctx-tool stat jumps.trace 0
memctx-tool stat jumps.trace 1 0
memctx-tool stat -p x
echo "status $?"
