#!/bin/bash
# SPDX-License-Identifier: MIT
# The parts of a report that the trace alone settles.
cat >in.trace <<'END'
memctx-trace 1
create 1 - aset "TopMemoryContext"
create 2 1 aset "index info"
create 3 1 aset "index info"
create 4 1 aset "index info"
create 5 1 aset "MessageContext" ident="select 1"
time 1500
alloc 2 1 100
alloc 3 2 200
alloc 4 3 300
alloc 5 4 20000
alloc 1 5 0
realloc 1 120
free 4
alloc 5 6 24
free 6
alloc 5 7 17
time 2500
reset 5
resetonly 5
delete 4
END
memctx-tool replay in.trace >report
awk '
	/^in.trace/ || /^  alloc/ || /^  event/ || /^  time/ || /^  contexts/ || /^  live chunks/
	/^    asked for/ { print $1, $2, $3 }
	/^LARGEST/ { largest = 1 }
	largest && /index info/ { print $1, $2, $3, $5, $6 }
	/^WHERE/ { last = 1 }
	last' report
