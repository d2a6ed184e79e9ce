#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Holds both JSON forms of a tree to memctx-tree.schema.json, by a validator that others wrote, and
# the schema to itself: it describes every member that is printed, and refuses what is wrong.
# needs: jsonschema
set -u
cd "$(dirname "$0")/.." || exit 1

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
traces=()
for trace in traces/*.trace ../shared/traces/*.small.trace; do
	[ -e "$trace" ] && traces+=("$trace")
done
build/release/tests/programs/tree_json "$folder" "${traces[@]}" || exit 1
/usr/bin/python3 tests/schema.py lib/model/memctx-tree.schema.json "$folder"
