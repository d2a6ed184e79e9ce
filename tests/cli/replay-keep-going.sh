#!/bin/bash
# SPDX-License-Identifier: MIT
# Errors are skipped, counted by kind, and said; check says each.
cat >in.trace <<'END'
memctx-trace 1
create 1 - aset "a"
alloc 1 1 100
free 2
free 3
alloc 9 4 8
alloc 1 1 8
what is this
move 1 1
freebase 1 8
lost 5
free 77
time 5
time 4
create 2 1 bump "b"
alloc 2 20 8
free 20
END
memctx-tool replay --keep-going in.trace | sed -n '1,/^$/p;/^  create/p;/^STILL/p'
echo "status ${PIPESTATUS[0]}"
memctx-tool check --keep-going in.trace 2>&1
echo "status $?"
memctx-tool check in.trace 2>&1
echo "status $?"
