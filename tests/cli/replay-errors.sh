#!/bin/bash
# SPDX-License-Identifier: MIT
# An error: its place on stderr, status 1, and no report.
exec 2>&1
trace() {
	printf '%s\n' 'memctx-trace 1' 'create 1 - aset "a"' "$@" >in.trace
	memctx-tool replay in.trace 2>&1 | sed 's/[0-9.]*[KMGT] available/MEMORY available/'
	echo "status ${PIPESTATUS[0]}"
}
trace 'free 4711'
trace 'alloc 1 1 8' 'alloc 1 1 8'
trace 'alloc 2 1 8'
trace 'create 2 1 slab "s" chunk=64' 'alloc 2 1 65'
trace 'move 1 1'
trace 'time 9' 'time 8'
trace 'alloc 1 1 18446744073709551616'
trace 'alloc 1 1 18446744073709551615'
trace 'alloc 1 1 4611686018427387904'
trace 'bogus'
printf 'alloc 1 100\n' >in.trace
memctx-tool replay in.trace
echo "status $?"
memctx-tool replay none.trace
echo "status $?"
memctx-tool replay .
echo "status $?"
printf 'memctx-trace 1\ncreate 1 - aset "a"\nfree 9' | memctx-tool replay -
echo "status $?"
