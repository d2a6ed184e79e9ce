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
printf '%s\n' 'memctx-trace 1' 'create 1 - aset "a"' | memctx-tool check -
# What the format allows is no error: ids that events made of which nothing is known.
printf '%s\n' 'memctx-trace 1' 'create 1 - aset "a"' 'lost 5' 'free 9' 'realloc 8 100' \
	'alloc 1 1 10' >lost.trace
memctx-tool check lost.trace
echo "status $?"
# shellcheck disable=SC2069 # what stderr says is what is looked at
memctx-tool tree lost.trace 2>&1 >/dev/null
(cat lost.trace && echo 'free 9 9') | memctx-tool check --keep-going - 2>&1
echo "status $?"
for line in 'alloc 1 1 18446744073709551615' 'base 1 0 18446744073709551615'; do
	printf '%s\n' 'memctx-trace 1' 'create 1 - aset "a"' "$line" | memctx-tool check -
done
echo 'free 3' >>in.trace
memctx-tool check in.trace
echo 'free 3' >>in.trace
memctx-tool check in.trace 2>&1
echo "status $?"
memctx-tool check /dev/null 2>&1
echo "status $?"
memctx-tool check 2>&1
echo "status $?"
