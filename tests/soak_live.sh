#!/bin/bash
# SPDX-License-Identifier: MIT
#
# CYCLES times attach, snapshot and detach, the reader killed at random, against a program that
# allocates as fast as it can.
# needs: cc
set -u
cd "$(dirname "$0")/.." || exit 1
programs=build/release/tests/programs
[ -x $programs/live_reader ] || { echo "skipped: $programs/live_reader is not built"; exit 77; }

said=$(mktemp) || exit 1
$programs/live_target fire >"$said" &
pid=$!
trap 'kill -KILL $pid 2>/dev/null; rm -f "$said"' EXIT
until grep -q ready "$said"; do sleep 0.02; done
$programs/live_reader $pid "${CYCLES:-10000}" || exit 1
kill -TERM $pid
wait $pid || { echo "the program ended with $?: its contexts are not sound"; exit 1; }
