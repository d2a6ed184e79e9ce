#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What Valgrind tells of tests/user/misdeeds.c when it is linked with libmemctx-check.
# needs: cc valgrind
set -u
cd "$(dirname "$0")/.." || exit 1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
ulimit -c 0
status=0

complain() {
	status=1
	echo "$*"
	sed 's/^/    | /' "$folder/said" | head -n 12
}

look() {
	valgrind -q --error-exitcode=99 --leak-check="${leaks:-no}" "$folder/misdeeds" "$1" \
		>"$folder/said" 2>&1
}

# reports PATTERN DEED...: each by itself, below one Valgrind.
reports() {
	local deed pattern=$1
	shift
	valgrind -q --error-exitcode=99 --leak-check=no "$folder/misdeeds" "$@" clean \
		>"$folder/all" 2>&1
	for deed in "$@"; do
		sed -n "/^deed $deed\$/,/^status /p" "$folder/all" >"$folder/said"
		grep -qx 'status 99' "$folder/said" || complain "$deed: Valgrind found nothing"
		grep -q "$pattern" "$folder/said" || complain "$deed: no word of '$pattern'"
		grep -q "by 0x.*: $deed (misdeeds.c\|at 0x.*: $deed (misdeeds.c" "$folder/said" ||
			complain "$deed: the report does not point at the program"
	done
	# What a process has seen does not count for the next.
	[ "$(tail -n 2 "$folder/all")" = "$(printf 'deed clean\nstatus 0')" ] ||
		complain "clean: not clean after the others"
}

${CC:-cc} -std=c11 -g -O0 -Ilib tests/user/misdeeds.c -o "$folder/misdeeds" \
	build/release/libmemctx-check.a -pthread || exit 1

if ! leaks=full look clean || [ -s "$folder/said" ]; then
	complain "clean: should pass in silence"
fi
reports "Invalid read of size 1" read_freed read_past_end read_past_class read_before \
	read_never_carved read_freed_large read_past_large read_past_aligned read_before_aligned \
	read_freed_aligned read_past_shrunk read_past_shrunk_large read_where_it_was \
	read_after_reset read_second_block_after_reset read_after_delete read_large_after_delete
reports "Invalid write of size 1" write_freed
reports "depends on uninitialised value" decide_by_uninitialised
# The deed within it: that memory was written before counts for nothing.
look decide_by_reused
grep -q "depends on uninitialised value" "$folder/said" ||
	complain "decide_by_reused: what was freed counts as written"
exit $status
