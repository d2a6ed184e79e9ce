#!/bin/bash
# SPDX-License-Identifier: MIT
# needs: gcc clang
#
# Every source compiles without a warning, by gcc at -O0 with all debug checks and by clang.
set -u
cd "$(dirname "$0")/.." || exit 1

for compiler in gcc clang; do
	# The flags are those of the tree alone, not of who runs the suite; what is made is not run.
	make -j2 CC=$compiler B=build/warnings-$compiler MODE=debug WERROR=1 \
		CFLAGS="-O0 -g0" CPPFLAGS= objects || exit 1
done
