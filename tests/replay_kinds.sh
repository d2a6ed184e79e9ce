#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Every trace through every kind, the contents of each chunk verified and every count and link
# proved; what lives at the end is what a model in Python says, which knows only the trace.
# FULL=1 takes all recordings there are, the whole ones too.
#
# needs: python3 xz
# also: asan
set -u
cd "$(dirname "$0")/.." || exit 1
build=release
case ${SUITE:-} in asan*) build=asan ;; esac
program=$PWD/build/$build/tests/programs/replay_kinds
[ -x "$program" ] || { echo "$program is missing; make tests builds it" >&2; exit 1; }

settings=(aset fine slab generation bump malloc stl pyint '*:kind=pyint,chunk=64'
	'*:kind=slab,chunk=512,init=4K,max=4K' '*:kind=bump,init=1K,max=4K'
	'*:init=1K,max=2K,classes=fine')
# What the sanitizer can find is found in these.
[ $build = release ] || settings=(slab stl '*:kind=pyint,chunk=64' '*:kind=bump,init=1K,max=4K')
ends='
import sys
import replay_oracle

model = replay_oracle.Model(False)
for _ in model.run(sys.stdin.buffer.read()):
    pass
print(model.events, model.live, model.requested)
'
status=0 n=0

try() {
	local known line
	known=$($2 "$1" | PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=tests python3 -c "$ends") || status=1
	while read -r line; do
		[ "${line#* }" = "$known" ] && continue
		echo "$1: $line; the model has $known"
		status=1
	done < <("$program" "$1" "${settings[@]}" || echo "status $?")
	n=$((n + 1))
}

for trace in traces/*.trace; do
	try "$trace" cat
done
if [ -n "${FULL:-}" ]; then
	[ -d ../shared/traces ] ||
		echo "../shared/traces is absent: only the shipped traces are tried"
	for trace in ../shared/traces/*.trace ../shared/traces/*.trace.xz; do
		case $trace in
		*\**) ;;
		*.xz) try "$trace" xzcat ;;
		*) try "$trace" cat ;;
		esac
	done
fi
echo "$n traces in ${#settings[@]} ways"
exit $status
