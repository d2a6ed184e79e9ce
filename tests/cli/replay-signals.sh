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
{
	cat start
	while :; do yes "$(printf 'alloc 1 1 8\nfree 1')" 2>/dev/null | head -n 100000; done
} >pipe &
writer=$!
script -qec 'exec timeout -s INT 2 memctx-tool replay pipe' /dev/null </dev/null >typed
kill $writer
grep -c 'replaying.*events' typed
# What was typed last is the erasing.
tail -c 5 typed | od -An -c | grep -o '033.*K'
