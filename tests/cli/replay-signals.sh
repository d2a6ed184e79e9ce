#!/bin/bash
# SPDX-License-Identifier: MIT
# An interrupt ends a replay at once, by its signal; where progress is shown, it is erased.
printf 'memctx-trace 1\ncreate 1 - aset "a"\n' >start
mkfifo pipe
{ cat start; sleep 20; } >pipe &
writer=$!
set -m
memctx-tool replay pipe &
tool=$!
set +m
sleep 0.5
kill -INT $tool
wait $tool
echo "status $?"
kill $writer
command -v script >/dev/null || exit 77
# On a terminal; what is written last is the erasing.  A busy script may lose the last words of
# what it watches, so it is asked up to five times.
interrupted() {
	{
		cat start
		while :; do yes "$(printf 'alloc 1 1 8\nfree 1')" 2>/dev/null | head -n 100000; done
	} >pipe &
	writer=$!
	script -qec 'exec timeout -s INT 1 memctx-tool replay pipe' /dev/null </dev/null >typed
	kill $writer
	[ "$(tail -c 4 typed | od -An -c | tr -d ' ')" = '\r033[K' ]
}
for _ in 1 2 3 4 5; do
	interrupted && echo "erased" && break
done
grep -c 'replaying.*events' typed
