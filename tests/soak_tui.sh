#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Minutes of storms over the screens of the sanitized tool.
set -u
cd "$(dirname "$0")/.." || exit 1
tool=$PWD/build/asan/memctx-tool
[ -x "$tool" ] || { echo "skipped: $tool is not built (make MODE=asan tool)"; exit 77; }
end=$(($(date +%s) + ${SOAK_SECONDS:-300}))
while [ "$(date +%s)" -lt $end ]; do
	TOOL=$tool SECONDS_EACH=${SECONDS_EACH:-10} SEED=$((RANDOM * 32768 + RANDOM)) \
		tests/storm.sh || exit 1
done
