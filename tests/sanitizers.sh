#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What a user's sanitized or debugged program is told: tests/user/misdeeds.c built with
# AddressSanitizer against both libraries made for it, and without it against libmemctx-check
# at each debug level and against the shipping library.
# needs: cc
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

# build NAME LIBRARY FLAG...
build() {
	${CC:-cc} -std=c11 -g -O1 "${@:3}" -Ilib tests/user/misdeeds.c -o "$folder/$1" "$2" \
		-pthread || exit 1
}

# reports PROGRAM DEED PATTERN: it ends in failure and says PATTERN.
reports() {
	if { "$folder/$1" "$2" >"$folder/said" 2>&1; } 2>/dev/null; then
		complain "$1 $2: nothing was noticed"
		return
	fi
	grep -qE "$3" "$folder/said" || complain "$1 $2: no word of '$3'"
}

# silent PROGRAM DEED: it succeeds and says nothing.
silent() {
	if ! "$folder/$1" "$2" >"$folder/said" 2>&1 || [ -s "$folder/said" ]; then
		complain "$1 $2: should pass in silence"
	fi
}

# one_line PROGRAM DEED PATTERN: dies of the default hook, with its one line.
one_line() {
	reports "$1" "$2" "^memctx: $3"
	[ "$(wc -l <"$folder/said")" -eq 1 ] || complain "$1 $2: more than a line"
}

build asan-check build/release/libmemctx-check.a -fsanitize=address
build asan-asan build/asan/libmemctx.a -fsanitize=address,undefined
build check build/release/libmemctx-check.a
build plain build/release/libmemctx.a

kinds="(use-after-poison|heap-buffer-overflow|heap-use-after-free)"
for program in asan-check asan-asan; do
	silent $program clean
	for deed in read_freed write_freed read_past_end read_past_class read_before \
		read_never_carved read_freed_large read_past_large read_past_aligned \
		read_before_aligned read_freed_aligned read_past_shrunk read_past_shrunk_large \
		read_where_it_was read_after_reset read_second_block_after_reset \
		read_after_delete read_large_after_delete write_past_end write_past_aligned \
		write_past_large; do
		reports $program $deed "AddressSanitizer: $kinds"
		grep -q " in $deed .*misdeeds.c" "$folder/said" ||
			complain "$program $deed: the report does not point at the program"
	done
	reports $program double_free "memctx: memctx_free: the chunk is free already"
done

for level in 0 1 2 3; do
	export MEMCTX_DEBUG=$level
	silent check clean
	one_line check double_free "memctx_free: the chunk is free already"
	if [ $level -ge 1 ]; then
		one_line check free_after_reset "memctx_free: not a live chunk"
		one_line check free_after_delete "memctx_free: not a live chunk"
	fi
	if [ $level -ge 2 ]; then
		one_line check write_past_end "the program wrote past the end of a chunk"
		one_line check write_past_end_and_grow "the program wrote past the end of a chunk"
		one_line check write_past_aligned "the program wrote past the end of a chunk"
		one_line check write_past_large "the program wrote past the end of a chunk"
	else
		silent check write_past_end
	fi
	if [ $level -ge 3 ]; then
		one_line check write_over_header "I3: "
	else
		silent check write_over_header
	fi
done
unset MEMCTX_DEBUG
one_line check write_past_end "the program wrote past the end of a chunk" # 2 is the default

silent plain clean
one_line plain double_free "memctx_free: the chunk is free already"
exit $status
