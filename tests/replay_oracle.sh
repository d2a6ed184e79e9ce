#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The replayer against a model in Python that knows only the trace: random traces with errors, and
# the shipped and recorded ones.
#
# needs: python3
# also: asan
set -eu
cd "$(dirname "$0")/.."
build=release rounds=${ROUNDS:-25}
case ${SUITE:-} in asan*) build=asan rounds=${ROUNDS:-8} ;; esac
dump=build/$build/tests/programs/replay_dump
[ -x "$dump" ] || { echo "$dump is missing; make tests builds it" >&2; exit 1; }

traces=()
for trace in traces/*.trace ../shared/traces/*.mid.trace; do
	[ -f "$trace" ] && traces+=("$trace")
done
[ -d ../shared/traces ] || echo "../shared/traces is absent: only the shipped traces are tried"
exec python3 tests/replay_oracle.py --seed "${SEED:-1}" --rounds "$rounds" "$dump" "${traces[@]}"
