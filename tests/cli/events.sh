#!/bin/bash
# SPDX-License-Identifier: MIT
# events: the student's table; a window, a context, all lists, ASCII; what is refused.
exec 2>&1
memctx-tool events "$PROJECT/traces/freelist.trace"
echo "status $?"
printf '%s\n' 'memctx-trace 1' 'create 1 - aset "Top" init=1024 max=8192' \
	'create 2 1 aset "Query" init=1024 max=8192 ident="\x1b[1m"' 'time 5' 'alloc 1 1 100' \
	'alloc 2 2 8' 'free 2' 'alloc 2 3 5' 'free 3' 'alloc 2 18446744073709551615 6' \
	'alloc 2 4 3000' 'free 4' 'reset 1' >in.trace
memctx-tool events --at=3 --count=2 in.trace
memctx-tool events --at=end --count=1 in.trace
memctx-tool events --at=peak in.trace
echo "by name"
memctx-tool events --context=query in.trace
echo "by id"
memctx-tool events --context=1 --count=all in.trace
echo "lists"
memctx-tool events --lists --at=5 --count=4 in.trace
echo "ASCII"
LC_ALL=C memctx-tool events --count=2 --at=6 "$PROJECT/traces/freelist.trace"
echo "errors"
memctx-tool events in.trace --at=12
echo "status $?"
memctx-tool events in.trace --context=nobody
echo "status $?"
memctx-tool events --at=end - <in.trace
echo "status $?"
mkfifo pipe
exec 3<>pipe # so that an open does not wait
timeout 10 memctx-tool events --at=peak pipe
echo "status $?"
memctx-tool events --count=0 in.trace
echo "status $?"
memctx-tool events --at=soon in.trace
echo "status $?"
echo 'free 77' >>in.trace
echo 'free 78' >>in.trace
memctx-tool events --at=11 in.trace
echo "status $?"
memctx-tool events --at=11 --keep-going in.trace
echo "status $?"
memctx-tool events missing.trace
echo "status $?"
printf 'memctx-trace 1\n' | memctx-tool events -
echo "status $?"
echo 'no line is wider than 80 columns, however long the lists'
for locale in C C.UTF-8; do
	LC_ALL=$locale memctx-tool events --count=all "$PROJECT/traces/python.trace" 2>&1 |
		LC_ALL=C.UTF-8 jq -rR 'select(length > 80)'
done
