#!/bin/bash
# SPDX-License-Identifier: MIT
# A replay's outcome is kept for the commands that show it; that it cannot be kept is a word on
# stderr and no failure.
exec 2>&1
{
	printf 'memctx-trace 1\ncreate 1 - aset "a"\n'
	for i in 1 2 3 4 5 6 7 8 9; do printf 'alloc 1 %d 9000\n' $i; done
	printf 'free 1\nfree 2\n'
} >in.trace
kept() { # FOLDER: what is there, with modes and who may read it
	(cd "$1" && find . -mindepth 1 -printf '%P %m\n' | sort)
	for file in "$1"/memctx/*.json; do
		head -n 1 "$file" |
			jq -c '(.source | [.path, .point, .event]) + [.totals.live_chunks]'
		sed 1d "$file" | jq -c '[.name, .live_chunks]'
	done
}
umask 000
memctx-tool replay in.trace >/dev/null
echo "status $?"
kept home/.local/state
XDG_STATE_HOME=$PWD/state memctx-tool replay --until=3 --json in.trace >/dev/null
kept state
# What is kept is the last replay that came to its end.
printf 'free 1\n' >>in.trace
XDG_STATE_HOME=$PWD/state memctx-tool replay in.trace >/dev/null
echo "status $?"
kept state | grep peak
sed -i '$d' in.trace
# The reader may have seen enough.
XDG_STATE_HOME=$PWD/other memctx-tool replay in.trace | head -n 0
kept other | grep json
: >file
for place in "$PWD/file" /proc/none; do
	XDG_STATE_HOME=$place memctx-tool replay in.trace | sed -n 1p
	echo "status ${PIPESTATUS[0]}"
done
env -u HOME bash -c 'memctx-tool replay in.trace | sed -n 1p'
# A user who may not write in his home; root becomes another, to whom this folder may be closed.
user=() place=$TMPDIR
[ "$(id -u)" -ne 0 ] || { user=(setpriv --reuid=65534 --clear-groups) && place=/tmp; }
readonly=$(mktemp -d -p "$place")
trap 'chmod u+w "$readonly"; rm -rf "$readonly"' EXIT
cp "$(readlink -f "$(command -v memctx-tool)")" "$readonly/tool"
chmod 555 "$readonly"
HOME=$readonly "${user[@]}" "$readonly/tool" replay - <in.trace 2>&1 | head -n 2 |
	sed "s#$readonly#READONLY#"
