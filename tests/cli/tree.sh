#!/bin/bash
# SPDX-License-Identifier: MIT
# tree: the table in its forms over a tree whose figures are known; points; what is refused.
exec 2>&1
# A context of init=1024 takes 1024: 256 and a block's header of 40, and 728 to carve.  A chunk of
# 512 takes 520, one of 100 takes 136.
{
	echo 'memctx-trace 1'
	echo 'create 1 - aset "Top" init=1024 max=8192'
	echo 'alloc 1 1 512'
	echo 'create 2 1 aset "Cache" init=1024 max=8192'
	for i in 3 4 5; do
		echo "create $i 2 aset \"index info\" init=1024 max=8192 ident=\"pk_$i\""
		echo "alloc $i $i 100"
	done
	echo 'free 4'
	echo 'create 6 1 aset "dynahash" init=2048 max=8192 ident="Locks"'
	echo 'create 7 1 aset "dynahash" init=1024 max=8192'
	printf '%s\n' 'create 8 7 aset "\x1b[31mred\n" init=1024 max=8192'
	echo 'time 1000'
	echo 'deletechildren 1'
} >in.trace
run() {
	echo "\$ tree $*"
	memctx-tool tree "$@"
	local status=$?
	[ $status -eq 0 ] || echo "status $status"
}
run --at=12 in.trace
run --at=12 --all --bytes in.trace
run --at=12 --own --sort=chunks in.trace
run --at=12 --group --sort=name in.trace
run --at=12 --depth=2 in.trace
run --at=12 --top=2 in.trace
run --at=12 --filter=PK_4 in.trace
run --at=12 --filter=none in.trace
run --at=peak --depth=1 in.trace
run in.trace
run --at=0 in.trace
echo 'delete 1' >>in.trace
run in.trace
echo "ASCII"
LC_ALL=C run --at=12 --top=3 in.trace
echo "JSON"
memctx-tool tree --at=12 --json in.trace | jq -c '[.. | objects | .name? // empty]'
memctx-tool tree --at=12 --flat in.trace | jq -c 'select(.id) | [.id, .parent, .total_bytes]'
memctx-tool tree --at=12 --json in.trace | memctx-tool tree --top=1 -
echo "errors"
run --json --top=3 in.trace
run --group --depth=2 in.trace
run --sort=siz in.trace
run --sort=tail --depth=0 in.trace
run --at=13.trace
run --at=99 in.trace
run missing.trace
run 99999999
run --at=peak --pid=99999999
awk 'BEGIN { print "memctx-trace 1"; for (i = 1; i <= 401; i++)
	print "create " i " " (i > 1 ? i - 1 : "-") " aset \"d\" init=1024 max=8192" }' >deep.trace
run --top=13 deep.trace
run --json deep.trace
memctx-tool tree --flat deep.trace | tail -n 1 | jq -c '[.id, .level]'
echo "what is no replay of a trace, and no process"
memctx-tool tree --json "$PROJECT/traces/freelist.trace" >snapshot.json 2>/dev/null
memctx-tool tree --kind=bump snapshot.json
echo "status $?"
memctx-tool tree 0
echo "status $?"
