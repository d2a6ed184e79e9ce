#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What the libraries export is what memctx.h declares, and what their objects share among themselves
# begins with mcx_, so that a static link cannot clash with a program's own names.
set -u
cd "$(dirname "$0")/.." || exit 1
status=0

# Declared functions, one a line: the last name before a parenthesis in what follows MEMCTX_API.
declared=$(grep -v '^#' lib/memctx.h | tr '\n\t' '  ' | grep -o 'MEMCTX_API [^;]*;' |
	sed 's/ MEMCTX_PRINTF(.*//; s/(.*//; s/.*[ *]//' | sort)
[ "$(echo "$declared" | wc -l)" -gt 20 ] || {
	echo "memctx.h declares next to nothing"
	exit 1
}

for lib in libmemctx libmemctx-check; do
	shared=build/release/$lib.so
	exported=$(nm -D --defined-only -P "$shared" | cut -d' ' -f1 | sort)
	if ! diff <(echo "$declared") <(echo "$exported") >"${TMPDIR:-/tmp}/diff"; then
		echo "$shared: declared (<) and exported (>) differ:"
		cat "${TMPDIR:-/tmp}/diff"
		status=1
	fi
	strays=$(nm -g --defined-only -P "build/release/$lib.a" | awk 'NF > 1 { print $1 }' |
		grep -v -e '^memctx_' -e '^mcx_')
	if [ -n "$strays" ]; then
		echo "$lib.a has globals that are neither memctx_ nor mcx_:"
		echo "$strays"
		status=1
	fi
	soname=$(readelf -d "$shared" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')
	if [ "$soname" != "$lib.so.0" ]; then
		echo "$shared: its soname is '$soname'"
		status=1
	fi
done
exit $status
