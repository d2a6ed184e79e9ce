#!/bin/bash
# SPDX-License-Identifier: MIT
# What if: contexts replayed as other kinds and with other sizes.
cat >in.trace <<'TRACE'
memctx-trace 1
create 1 - aset "Top"
create 2 1 aset "Query" init=1024 max=8192
alloc 1 1 100
alloc 2 2 72
alloc 2 3 200
free 3
realloc 2 300
alloc 2 4 9000
free 1
TRACE
export MEMCTX_STATE=$PWD
row='..|objects|select(.type?)|[.name,.type,.total_bytes,.live_chunks,.requested_bytes]'
echo "the trace's own"; memctx-tool tree --json in.trace | jq -c "$row"
for kind in fine slab generation bump malloc; do
	echo "$kind"
	memctx-tool tree --kind $kind --json in.trace | jq -c "$row"
done
echo "settings"
memctx-tool tree --set 'T*:init=2K' --set 'Query:kind=bump,init=4K' --json in.trace |
	jq -c "$row"
memctx-tool replay --kind bump --json in.trace |
	jq -c '[.kinds_replaced, .not_done, .end.live_chunks]'
memctx-tool replay --kind bump in.trace | head -n 2
memctx-tool replay --set 'Query:kind=bump' - <in.trace | head -n 1
memctx-tool events --set 'Query:kind=bump' --count 3 --at 6 in.trace
for bad in x:kind=arena x:init=0 x: arena x:size=3; do
	memctx-tool replay --set "$bad" in.trace
	echo "status $?"
done
memctx-tool replay --kind x:kind=bump in.trace
echo "status $?"
