#!/bin/bash
# SPDX-License-Identifier: MIT
# --memory: stops before more is used, with the line, the size and status 3.
exec 2>&1
{
	printf 'memctx-trace 1\ncreate 1 - aset "a"\n'
	for ((i = 1; i <= 200; i++)); do echo "alloc 1 $i 8000"; done
} >in.trace
memctx-tool replay --memory=512K in.trace 2>&1 |
	sed -E 's/:[0-9]+:[0-9]+: [0-9.]+[KM]/:LINE:COLUMN: SIZE/'
echo "status ${PIPESTATUS[0]}"
memctx-tool replay -m 512K in.trace >out 2>err
line=$(cut -d: -f2 err)
# 64 chunks of 8000 bytes are 512,000; the block that would hold the next ones is refused.
[ "$line" -gt 30 ] && [ "$line" -le 67 ] || echo "stopped in line $line"
memctx-tool replay --memory=4M in.trace >/dev/null
echo "status $?"
for size in 0 x 1X -1 '' 99999999999G; do
	memctx-tool replay --memory="$size" in.trace
	echo "status $?"
done
# It is taken in the same way wherever it is.
for command in advise compare diff events tree tui; do
	memctx-tool $command --memory=0 in.trace
	echo "status $?"
done
