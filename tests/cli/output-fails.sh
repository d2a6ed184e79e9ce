#!/bin/bash
# SPDX-License-Identifier: MIT
# What is printed must get out: a full disk, a closed descriptor, a reader that has gone.
exec 2>&1
printf 'memctx-trace 1\ncreate 1 - aset "a"\n' >in.trace
{
	cat in.trace
	yes '# a line that makes the pipe full' | head -n 20000
} >long.trace
for args in "replay in.trace" "check in.trace" "fmt in.trace" "fmt long.trace" \
	"events in.trace" "help trace" --help --version; do
	# shellcheck disable=SC2086 # words
	memctx-tool $args >/dev/full
	echo "/dev/full: status $?: $args"
	# shellcheck disable=SC2086
	memctx-tool $args >&-
	echo "closed: status $?: $args"
done
# More than stdio's buffer holds, so that the write fails long before the end.
for command in "tree --json" "tree --flat" "tree --all --bytes" "events --count=all"; do
	# shellcheck disable=SC2086
	memctx-tool $command "$PROJECT/traces/pg_pgbench.trace" 2>&1 >/dev/full | tail -n 1
	echo "/dev/full: status ${PIPESTATUS[0]}: $command"
done
memctx-tool fmt long.trace | head -n 1
echo "status ${PIPESTATUS[0]}"
trap '' PIPE
memctx-tool fmt long.trace | head -n 1
echo "status ${PIPESTATUS[0]} where SIGPIPE is ignored"
# The trace must not become stdout's descriptor.
memctx-tool fmt in.trace <&- >&- 2>&-
echo "status $?"
memctx-tool fmt - <&-
echo "status $?"
cat in.trace
# Past the limit of a file's size a write fails, too.  A replay that cannot be kept is shown.
(
	ulimit -f 8
	mkdir folder
	memctx-tool fmt -o folder/out.trace long.trace
	echo "status $?, $(find folder -type f | wc -l) files"
	memctx-tool replay --json "$PROJECT/traces/pg_pgbench.trace" 2>&1 >/dev/null |
		sed "s#$HOME#HOME#"
	echo "status ${PIPESTATUS[0]}"
	memctx-tool record -o - -- dd if=/dev/zero of=zeros bs=10k count=1 status=none \
		>/dev/null 2>&1
	echo "status $? of a command that finds the signal as it was"
)
