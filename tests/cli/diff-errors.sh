#!/bin/bash
# SPDX-License-Identifier: MIT
# Thresholds, and what is refused.
exec 2>&1
cat >in.trace <<'END'
memctx-trace 1
create 1 - aset "Top" init=1024 max=8192
alloc 1 1 200
alloc 1 2 3
create 2 1 aset "Sub" init=1024 max=8192
END
try() {
	memctx-tool diff "$@" | grep -v -e '^memctx-tool: [AB]:'
	echo "status ${PIPESTATUS[0]}: diff $*"
}
quiet() {
	memctx-tool diff "$@" 2>&1 >/dev/null | grep -v -e '^memctx-tool: [AB]:'
	echo "status ${PIPESTATUS[0]}: diff $*"
}
# The total goes from 1024 to 2048: more than 1023, not more than 1024; 100% more.
quiet --threshold=1023 in.trace@2 in.trace
quiet --threshold=1K in.trace@2 in.trace
quiet --threshold=99.9% in.trace@2 in.trace
quiet --threshold=100% in.trace@2 in.trace
quiet --threshold=0 in.trace in.trace@2
quiet --threshold=0% in.trace in.trace
# From 200 to 203 bytes: 1.5%.
quiet --by=requested --threshold=1.4% in.trace@2 in.trace
quiet --by=requested --threshold=1.5% in.trace@2 in.trace
quiet --json --by=chunks --threshold=0 in.trace@2 in.trace
quiet --by=contexts --threshold=1% in.trace@0 in.trace
try
try in.trace
try in.trace in.trace in.trace
try --threshold=x in.trace in.trace
try --threshold=-1 in.trace in.trace
try --threshold=5%% in.trace in.trace
try --threshold=1e3% in.trace in.trace
try --by=totla in.trace in.trace
try --by=name in.trace in.trace
try --top=0 in.trace in.trace
try --json --own in.trace in.trace
try - -
try -- - -@3
mkfifo pipe
exec 3<>pipe # so that an open does not wait
timeout 10 memctx-tool diff pipe@1 pipe
echo "status $?: diff pipe@1 pipe"
exec 3>&-
try none.trace in.trace
try in.trace none.trace@4
try in.trace@noon in.trace
try in.trace@5 in.trace
try in.trace 99999999999
printf 'memctx-trace 1\nfree 3\ncreate 1 - aset "a"\n' >bad.trace
try in.trace bad.trace
memctx-tool diff --keep-going bad.trace in.trace | sed -n '1,2p;$p'
memctx-tool diff --memory=1000 in.trace@2 in.trace@2
echo "status $?"
memctx-tool diff in.trace@2 in.trace 2>/dev/null >/dev/full
echo "/dev/full: status $?"
memctx-tool diff --json in.trace@2 in.trace >/dev/full
echo "/dev/full: status $?"
memctx-tool diff in.trace@2 in.trace >&-
echo "closed: status $?"
awk 'BEGIN { print "memctx-trace 1"
	for (i = 1; i <= 2000; i++) print "create " i " - aset \"context\"" }' >wide.trace
memctx-tool diff --json wide.trace@1 wide.trace 2>/dev/null | head -c 100 >/dev/null
echo "a reader that has gone: status ${PIPESTATUS[0]}"
