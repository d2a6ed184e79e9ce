#!/bin/bash
# SPDX-License-Identifier: MIT
# needs: gcc clang
#
# Every source compiles without a warning: by clang, by what these suites were built with, and the
# library by gcc at -O0 with all debug checks.
set -u
cd "$(dirname "$0")/.." || exit 1

# The flags are those of the tree alone, not of who runs the suite; what is made is not run.
look() {
	make -j2 CC="$1" B="build/warnings-$1" MODE=debug WERROR=1 CFLAGS="$2" CPPFLAGS= "$3" ||
		exit 1
}

look clang "-fsyntax-only" objects
look gcc "-O0 -g0" objects-besides
said=$(find build/release -name '*.said' -size +0)
[ -z "$said" ] && exit
echo "$said" | xargs cat
exit 1
