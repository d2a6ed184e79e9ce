#!/bin/bash
# SPDX-License-Identifier: MIT
# check: what a valid trace holds, and the first error of another; nothing is allocated.
printf '%s\n' 'memctx-trace 1' 'create 1 - aset "a"' 'create 2 1 generation "b"' 'alloc 1 1 1000' \
	'alloc 2 2 500' 'free 1' 'alloc 1 3 200' 'alloc 1 4 9' >in.trace
memctx-tool check in.trace
memctx-tool check --bytes - <in.trace
printf 'memctx-trace 1\n' | memctx-tool check -
printf '%s\n' 'memctx-trace 1' 'create 1 - aset "a"' 'alloc 1 1 1125899906842624' |
	memctx-tool check -
echo 'free 3' >>in.trace
memctx-tool check in.trace
echo 'free 3' >>in.trace
memctx-tool check in.trace 2>&1
echo "status $?"
memctx-tool check /dev/null 2>&1
echo "status $?"
memctx-tool check 2>&1
echo "status $?"
