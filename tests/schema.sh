#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Holds both JSON forms of a tree to memctx-tree.schema.json, by a validator that others wrote, and
# the schema to itself: it describes every member that is printed, and refuses what is wrong.
# needs: jsonschema
set -u
cd "$(dirname "$0")/.." || exit 1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
folder=$work/json
mkdir "$folder"
traces=()
for trace in traces/*.trace ../shared/traces/*.small.trace; do
	[ -e "$trace" ] && traces+=("$trace")
done
build/release/tests/programs/tree_json "$folder" "${traces[@]}" || exit 1
# A live process with an arena that is only watched: figures that are not known.
mkfifo "$work/in"
build/release/tests/programs/watched_arena wait <"$work/in" >"$work/out" &
arena=$!
exec 9>"$work/in"
until grep -q ready "$work/out"; do sleep 0.02; done
build/release/memctx-tool tree --json $arena >"$folder/live.nested" 2>/dev/null || exit 1
build/release/memctx-tool tree --flat $arena >"$folder/live.flat" 2>/dev/null || exit 1
exec 9>&-
wait $arena
grep -q '"type":"watch"' "$folder/live.flat" || exit 1
/usr/bin/python3 -B tests/schema.py lib/model/memctx-tree.schema.json "$folder"
