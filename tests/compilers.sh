#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Every source compiles without a warning, by gcc at -O0 with all debug checks and by clang.
set -u
cd "$(dirname "$0")/.." || exit 1
tried=0

for compiler in gcc clang; do
	command -v $compiler >/dev/null || continue
	# The flags are those of the tree alone, not of who runs the suite.
	env -u CFLAGS -u CPPFLAGS make -j2 CC=$compiler B=build/warnings-$compiler MODE=debug \
		WERROR=1 objects || exit 1
	tried=$((tried + 1))
done
if [ $tried -lt 2 ]; then
	echo "gcc or clang is missing"
	exit 77
fi
