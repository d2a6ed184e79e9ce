#!/bin/bash
# SPDX-License-Identifier: MIT
# advise: a hundred contexts of 8,192 bytes that need 1,024 each; time is not measured, so that the
# answer is the same everywhere.
exec 2>&1
{
	echo 'memctx-trace 1'
	echo 'create 0 - aset "Top" init=1024 max=8192'
	for i in {1..100}; do
		printf 'create %s 0 aset "It'\''s"\nalloc %s %s 100\nfree %s\nalloc %s %s 100\n' \
			"$i" "$i" "$i" "$i" "$i" "$i"
	done
} >in.trace
memctx-tool advise --slower any in.trace
memctx-tool advise --slower 1000 --bytes in.trace | sed -n "s/^\(It's.*\)  *[0-9.]*\$/\1 TIME/p"
memctx-tool replay --json --set "It's:init=1K" in.trace | jq .peak.total_bytes
memctx-tool advise --json --slower any in.trace |
	jq -c '.schema, .path, .peak_total_bytes, .slower, .advice[], .together'
printf 'memctx-trace 1\ncreate 1 - aset "a" init=1024 max=1024\n' | memctx-tool advise -
memctx-tool advise --slower -3 in.trace
echo "status $?"
memctx-tool advise
echo "status $?"
printf 'memctx-trace 1\nreset 1\n' | memctx-tool advise -
echo "status $?"
# What a terminal would obey is not printed as it is, yet the argument names the context.
sed -i "s/It's/\\\\x1b[31m'\\\\\\\\\\\\x0a\\\\xE4/" in.trace
memctx-tool advise --slower any in.trace | tail -n 1 | tee argument
eval "memctx-tool replay --json $(cat argument) in.trace" | jq .peak.total_bytes
