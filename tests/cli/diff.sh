#!/bin/bash
# SPDX-License-Identifier: MIT
# What differs, by hand: the allocator's own figures are given by the block sizes (1024 and 2048).
exec 2>&1
cat >in.trace <<'END'
memctx-trace 1
create 1 - aset "Top" init=1024 max=8192
create 2 1 aset "Cache" init=1024 max=8192
create 3 2 aset "index info" ident="a" init=1024 max=8192
create 4 2 aset "index info" ident="b" init=1024 max=8192
create 5 1 aset "Query" ident="select 1" init=1024 max=8192
time 1000
alloc 5 1 100
create 6 2 aset "index info" ident="c" init=1024 max=8192
create 7 1 aset "Plan" init=2048 max=8192
alloc 3 2 600
time 2000
delete 4
alloc 7 3 30
ident 5 "select 2"
delete 7
END
try() {
	echo "\$ diff $*"
	memctx-tool diff "$@"
	echo "status $?"
}
try in.trace@5 in.trace@9
try in.trace@9 in.trace@5
try in.trace@9 in.trace
try --all in.trace@5 in.trace@9
try --own in.trace@5 in.trace@9
try --by=requested in.trace@1us in.trace@2us
try --by=contexts --top=1 in.trace@5 in.trace@end
try --bytes in.trace@5 in.trace@peak
try in.trace in.trace
try in.trace@0 in.trace
# Nothing of the ids is looked at.
sed -E 's/^(create|delete|ident) ([0-9]+)/\1 10\2/; s/^create ([0-9]+) ([0-9])/create \1 10\2/
	s/^alloc ([0-9])/alloc 10\1/' in.trace >renamed.trace
try in.trace renamed.trace
# A snapshot, standard input, the last replay.
memctx-tool tree --json --at=5 in.trace >five.json 2>/dev/null
try five.json in.trace@5
memctx-tool diff five.json - <in.trace | tail -n 1
memctx-tool replay in.trace >/dev/null
try @peak @end | tail -n 2
cp in.trace in.trace@3
try in.trace@3 in.trace | tail -n 2
# A snapshot of a process says so.
sed 's/"pid":null/"pid":4711/' five.json >process.json
memctx-tool diff process.json five.json 2>&1 | head -n 1
