#!/bin/bash
# SPDX-License-Identifier: MIT
# compare: the figures of several kinds, known by hand; times and pages are looked at, not shown.
# Top has 256 bytes of its own, a block's header of 40, 7,896 to carve; 300 bytes are 512 + 8 in an
# aset, 320 + 8 with fine classes, 320 + 16 in a generation, 304 in a bump, 48 + 304 in a malloc. An
# stl has 152 bytes of its own and a pyint 16, and nothing else than what was asked for.
# One call to the system more than blocks and chunks is the library's, for what it keeps itself.
exec 2>&1
cat >in.trace <<'TRACE'
memctx-trace 1
create 1 - aset "Top"
alloc 1 1 300
alloc 1 2 300
free 1
alloc 1 3 300
free 2
free 3
TRACE
memctx-tool compare --seconds 0 --json in.trace >all.json || echo "status $?"
jq -c '.events, (.rows[] | [.row, .not_done, .system_allocations, .peak.peak_event,
	.peak.total_bytes, .peak.requested_bytes, .peak.slack_bytes, .peak.header_bytes,
	.peak.freelist_bytes, .peak.tail_bytes, .peak.unfreed_bytes])' all.json
jq -c '[.rows[] | .ns_per_operation | .q1 > 0 and .q1 <= .median and .median <= .q3] | all' all.json
jq -c '[.rows[] | .resident_bytes | . >= 0 and . < 200000] | all' all.json
jq -c '[.schema, .version, .path]' all.json
memctx-tool compare --seconds 0 --json in.trace own 'Top:init=1K,max=2K;T*:classes=fine' |
	jq -c '.rows[] | [.row, .peak.total_bytes]'
memctx-tool compare --seconds 0 in.trace aset bump | sed -n '/^OF THE PEAK/,$p'
memctx-tool compare --seconds 0 - <in.trace | head -n 1
# Twenty of 24 bytes, one of them in use, and as much to be cut; what an stl has for 20 bytes, a
# pyint has for 24: 41 objects behind a link of 8.
cat >small.trace <<'TRACE'
memctx-trace 1
create 1 - aset "Top"
alloc 1 1 20
alloc 1 2 24
reset 1
alloc 1 3 24
TRACE
memctx-tool compare --seconds 0 --json small.trace stl pyint |
	jq -c '.rows[] | [.row, .system_allocations, (.peak | .peak_event, .total_bytes,
	.requested_bytes, .slack_bytes, .header_bytes, .freelist_bytes, .tail_bytes)]'
for bad in arena x:kind=arena; do
	memctx-tool compare in.trace "$bad"
	echo "status $?"
done
memctx-tool compare absent.trace
echo "status $?"
printf 'memctx-trace 1\nfree 1\n' | memctx-tool compare -
echo "status $?"
# What is in error at the end is counted, too.
printf 'memctx-trace 1\nfree 1\ncreate 1 - aset "a"\nfree 1\nodd\n' >bad.trace
memctx-tool compare --keep-going --seconds 0 --json bad.trace own | jq -c '[.events, .left_out]'
