#!/bin/bash
# SPDX-License-Identifier: MIT
# also: asan
#
# The screens in terminals of their own under random keys, clicks and resizes: of traces, of a live
# process, of what the tool asks alone; ended by a key, a signal, a crash and a terminal that goes.
# SECONDS_EACH is how long each storm lasts, SEED where chance begins.
set -u
cd "$(dirname "$0")/.." || exit 1
tool=${TOOL:-$PWD/memctx-tool}
storm=$PWD/build/release/tests/programs/pty_storm
traces=$PWD/traces
[ -x "$tool" ] || { echo "skipped: $tool is not built"; exit 77; }
[ -x "$storm" ] || { echo "skipped: $storm is not built"; exit 77; }
tmp=$(mktemp -d) || exit 1
target=
trap '[ -z "$target" ] || kill "$target"; rm -rf "$tmp"' EXIT
export LC_ALL=C.UTF-8 XDG_STATE_HOME=$tmp/state TERM=xterm-256color
cd "$tmp" || exit 1
ms=$((1000 * ${SECONDS_EACH:-1}))
seed=${SEED:-$((RANDOM * 32768 + RANDOM))}
failed=0

"$tool" demo --quiet 2>/dev/null &
target=$!
for _ in $(seq 50); do
	"$tool" tree "$target" >tree.txt 2>/dev/null && break
	sleep 0.1
done
"$tool" tree --flat --at peak "$traces/trace.txt" >still.json 2>tree.txt
for what in "q tui $traces/freelist.trace" "15 tui --at=0 $traces/trace.txt" \
	"q tui --ascii $traces/jq.trace" "hup tui $traces/pg_decoding.trace" "q tui $target" \
	"1 tui -d 0.05 $target" "q tui still.json" "11 tui $traces/large.trace" "2 demo"; do
	seed=$((seed + 1))
	# shellcheck disable=SC2086 # words
	"$storm" $seed $ms ${what%% *} "$tool" ${what#* } >log 2>&1 && continue
	echo "seed $seed: $what"
	tail -c 3000 log
	failed=1
done
exit $failed
