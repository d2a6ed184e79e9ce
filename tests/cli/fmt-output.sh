#!/bin/bash
# SPDX-License-Identifier: MIT
# --output: whole or not at all, over the trace itself too; through a link; the mode stays; what is
# no ordinary file is not replaced.
exec 2>&1
printf 'memctx-trace 1\ncreate 0x1 - aset "a"\n' >in.trace
chmod 640 in.trace
ln -s in.trace link.trace
memctx-tool fmt --output=link.trace in.trace
echo "status $?, $(stat -c %a in.trace), $(readlink link.trace)"
cat in.trace
printf 'memctx-trace 1\ncreate 1 - aset "a"\nalloc 1 2\n' >bad.trace
memctx-tool fmt -o in.trace bad.trace
echo "status $?"
cat in.trace
memctx-tool fmt -o new.trace bad.trace
echo "status $?"
umask 027
memctx-tool fmt -o made.trace in.trace
echo "status $?, $(stat -c %a made.trace)"
mkfifo pipe
cat pipe >through &
memctx-tool fmt -o pipe in.trace
echo "status $?, $(stat -c %F pipe)"
wait
cmp through in.trace
memctx-tool fmt -o /dev/full in.trace
echo "status $?, $(stat -c %F /dev/full)"
memctx-tool fmt -o no/such/folder in.trace
echo "status $?"
# An interrupt leaves the old file and nothing beside it.
cp in.trace kept.trace
{ cat in.trace && sleep 20; } >pipe &
writer=$!
set -m
memctx-tool fmt -o kept.trace pipe &
tool=$!
set +m
sleep 0.5
find . -name 'kept.trace.??????' | wc -l
kill -INT $tool
wait $tool
echo "status $?"
kill $writer
cmp kept.trace in.trace
rm pipe
ls
