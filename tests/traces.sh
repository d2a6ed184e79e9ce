#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The sample traces: each is valid, opens with a comment, and does what that comment says.  What is
# expected of the small ones is worked out by hand from the rules: 256 bytes of a context's first
# block are the context, 40 of a block its header, 8 of a chunk its own.
#
# needs: jq
# also: asan
set -u
cd "$(dirname "$0")/.." || exit 1
tool=${TOOL:-./memctx-tool}
failed=0

fail() {
	failed=$((failed + 1))
	echo "failed: $*"
}

# A trace's events, one a line: NUMBER; what was done; each list as "[CLASS] before | after".
told() {
	"$tool" events --count=all --lists "$1" 2>/dev/null | awk '
		function flush() { if (line != "") print line }
		NR == 1 { next }
		/^ *in .*, context [0-9]+$/ { next }
		/freelist\[/ {
			class = $0; sub(/.*freelist/, "", class); sub(/,.*/, "", class)
			sub(/.*before  /, ""); line = line "; " class " " $0; next
		}
		/^ +after  / { sub(/^ *after  /, ""); line = line " | " $0; next }
		/^ *[0-9,]+  / {
			flush(); number = $1; sub(/,/, "", number)
			line = number "; " substr($0, column); sub(/ +$/, "", line); next
		}
		{ sub(/^ +/, ""); line = line " " $0 }
		END { flush() }' column="$(column_of "$1")"
}

# Where the table's second column begins.
column_of() {
	"$tool" events --count=all --lists "$1" 2>/dev/null |
		awk 'NR == 1 { print index($0, "WHAT THE ALLOCATOR DID"); exit }'
}

# Holds what events say of a sample against standard input, whose indented lines continue the last.
expect() {
	local expected got
	expected=$(sed -e ':a' -e '$!N' -e 's/\n  */ /' -e 'ta' -e 'P' -e 'D')
	got=$(told "traces/$1" | sed -e 's/the cache/the system/g')
	[ "$got" = "$expected" ] || {
		fail "$1"
		diff <(echo "$expected") <(echo "$got")
	}
}

for trace in traces/*; do
	case $trace in
	*.md) continue ;;
	esac
	sed -n 2p "$trace" | grep -q '^# ' || fail "$trace: no comment on line 2"
	grep -m 1 -A 30 '^memctx-trace 1' "$trace" | grep '^#' | grep -q memctx-tool ||
		fail "$trace: the comment names no command"
	# Every event is told; the last has the number of the events that are no time lines.
	last=$("$tool" events --at=end --count=1 "$trace" 2>/dev/null |
		awk '/^ *[0-9,]+  / { n = $1 } END { gsub(",", "", n); print n }')
	events=$(grep -cvE '^(#|time |thread |lost |memctx-trace )|^$' "$trace")
	[ "$last" = "$events" ] || fail "$trace: ends at event $last of $events"
	# The commands that the comments name work as they are written.
	while read -r words; do
		# shellcheck disable=SC2086 # a command line
		"$tool" ${words#memctx-tool } >/dev/null 2>&1 </dev/null || fail "$trace: $words"
	done < <(sed -n 's/^#.*\(memctx-tool [a-z].*traces\/[a-z_]*\.[a-z]*\).*/\1/p' "$trace")
done
bytes=$(cat traces/* | wc -c)
[ "$bytes" -le 2097152 ] || fail "the samples take $bytes bytes; 2 MiB at most"

# 728 bytes to carve; chunks of 32 take 40.
expect freelist.trace <<'END'
1; 1,024 B from the system; keeper block: 728 B to carve
2; 32 B, slack 12; carved, block 1
3; 32 B, slack 8; carved, block 1
4; 32 B, no slack; carved, block 1
5; owner word becomes the link; [2] - | #1
6; pushed in front of #1; [2] #1 | #3 → #1
7; REUSED the place of #3; slack 7; [2] #3 → #1 | #1
8; REUSED the place of #1; slack 15; [2] #1 | -
9; 32 B, no slack; carved, block 1
10; owner word becomes the link; [2] - | #2
11; 3 chunks gone; lists emptied; keeper block kept; [2] #2 | -
END

# 728 = 520 + 136 + 72; 984 = 520 + 264 + 136 + 40 + 24; 2008 = 1032 + 520 + 264 + 136 + 40 + 16;
# 4056 = 3 * 1032 + 520 + 264 + 136 + 40: no tail is left to be cut.
expect doubling.trace <<'END'
1; 1,024 B from the system; keeper block: 728 B to carve
2; 512 B, no slack; carved, block 1
3; 128 B, no slack; carved, block 1
4; 64 B, no slack; carved, block 1
5; 512 B, no slack; block 1 is full; block 2, 1,024 B from the system; carved, block 2
6; 256 B, no slack; carved, block 2
7; 128 B, no slack; carved, block 2
8; 32 B, no slack; carved, block 2
9; 16 B, no slack; carved, block 2
10; 1,024 B, no slack; block 2 is full; block 3, 2,048 B from the system; carved, block 3
11; 512 B, no slack; carved, block 3
12; 256 B, no slack; carved, block 3
13; 128 B, no slack; carved, block 3
14; 32 B, no slack; carved, block 3
15; 8 B, no slack; carved, block 3
16; 1,024 B, no slack; block 3 is full; block 4, 4,096 B from the system; carved, block 4
17; 1,024 B, no slack; carved, block 4
18; 1,024 B, no slack; carved, block 4
19; 512 B, no slack; carved, block 4
20; 256 B, no slack; carved, block 4
21; 128 B, no slack; carved, block 4
22; 32 B, no slack; carved, block 4
23; 1,024 B, no slack; block 4 is full; block 5, 4,096 B from the system; carved, block 5
END

# 3000 and 2049 rounded to 16, with 40 and 8 bytes of headers.
expect large.trace <<'END'
1; 1,024 B from the system; keeper block: 728 B to carve
2; 128 B, slack 28; carved, block 1
3; too large for a class: a block of its own, 3,056 B from the system
4; block of 3,056 B straight back to the system
5; owner word becomes the link; [4] - | #1
6; too large for a class: a block of its own, 2,112 B from the system
7; moved; 64 B, slack 4; carved, block 1; old one: block of 2,112 B straight back to the system
END

# 208 = 136 + 72; 464 = 264 + 136 + 40 + 24.  Back go 1024 + 2048 and the 1024 of what is below.
expect reset.trace <<'END'
1; 1,024 B from the system; keeper block: 728 B to carve
2; below Demo; 1,024 B from the system; keeper block: 728 B to carve
3; 64 B, no slack; carved, block 1
4; 512 B, no slack; carved, block 1
5; 512 B, no slack; block 1 is full; its tail of 208 B cut for the lists: 128 + 64; block 2,
    1,024 B from the system; carved, block 2; [3] - | (tail); [4] - | (tail)
6; 512 B, no slack; block 2 is full; its tail of 464 B cut for the lists: 256 + 128 + 32 + 16;
    block 3, 2,048 B from the system; carved, block 3; [1] - | (tail); [2] - | (tail); [4]
    (tail) | (tail) → (tail); [5] - | (tail)
7; owner word becomes the link; [6] - | #3
8; 1 context below deleted; 2 chunks gone; lists emptied; 3 blocks, 4,096 B, back to the system;
    keeper block kept; [1] (tail) | -; [2] (tail) | -; [3] (tail) | -; [4] (tail) → (tail) | -;
    [5] (tail) | -; [6] #3 | -
9; 128 B, slack 28; carved, block 1
10; 1 chunk gone; keeper block kept
11; nothing to free
END

expect tail.trace <<'END'
1; 1,024 B from the system; keeper block: 728 B to carve
2; 512 B, no slack; carved, block 1
3; 512 B, no slack; block 1 is full; its tail of 208 B cut for the lists: 128 + 64; block 2,
    1,024 B from the system; carved, block 2; [3] - | (tail); [4] - | (tail)
4; REUSED a piece of a tail; slack 28; [4] (tail) | -
5; REUSED a piece of a tail; slack 4; [3] (tail) | -
6; 32 B, slack 2; carved, block 2
END

expect slack.trace <<'END'
1; 1,024 B from the system; keeper block: 728 B to carve
2; 64 B, no slack; carved, block 1
3; 128 B, slack 63; carved, block 1
4; 64 B, slack 31; carved, block 1
5; 8 B, slack 7; carved, block 1
6; 8 B, slack 8; carved, block 1
7; fits its 128 B: slack 63 becomes 1
END

expect realloc.trace <<'END'
1; 1,024 B from the system; keeper block: 728 B to carve
2; 32 B, slack 12; carved, block 1
3; fits its 32 B: slack 12 becomes 0
4; last in block 1: grows in place from 32 to 64 B, slack 31
5; last in block 1: grows in place from 64 to 128 B, slack 28
6; 8 B, no slack; carved, block 1
7; moved; 256 B, slack 127; carved, block 1; old one: owner word becomes the link; [4] - | #1
8; REUSED the place of #1; slack 8; [4] #1 | -
END

# Whether a jq expression holds for the report of a sample, up to event UNTIL ("": its end).
figures() { # SAMPLE UNTIL EXPRESSION
	local until=()
	[ -z "$2" ] || until=(--until "$2")
	"$tool" replay --json "${until[@]}" "traces/$1" 2>/dev/null | jq -e "$3" >/dev/null ||
		fail "$1: $3"
}

# A table of the sample's tree holds all these words.
tree_shows() { # SAMPLE WORDS...
	local table words
	table=$("$tool" tree --at=peak "traces/$1" 2>/dev/null)
	for words in "${@:2}"; do
		grep -qF "$words" <<<"$table" || fail "$1: tree --at=peak shows no $words"
	done
}

# A chunk of 32 takes 40: three of four in use, one free.
figures freelist.trace 10 \
	'.end | .freelist_bytes == 40 and .live_chunks == 3 and .tail_bytes == 568'
figures freelist.trace "" \
	'.end | .total_bytes == 1024 and .freelist_bytes == 0 and .live_chunks == 0'
figures freelist.trace "" '.allocations == {carved: 4, reused: 2, large: 0}'
# 1024 + 1024 + 2048 + 4096 + 4096, and nothing was cut.
figures doubling.trace "" \
	'.end | .total_bytes == 12288 and .total_nblocks == 5 and .free_chunks == 0'
# The large chunk is there, then it is gone; the small one's 136 bytes stay.
figures large.trace 3 '.end.total_bytes == 1024 + 3056'
figures large.trace 4 '.end | .total_bytes == 1024 and .freelist_bytes == 0'
figures large.trace 5 '.end | .total_bytes == 1024 and .freelist_bytes == 136'
# Two contexts and two blocks; then the first and its keeper alone, with all of it to carve.
figures reset.trace 7 '.end | .total_bytes == 1024 + 1024 + 1024 + 2048 and .live_contexts == 2'
figures reset.trace 8 '.end | .total_bytes == 1024 and .live_contexts == 1 and .tail_bytes == 728'
figures tail.trace 3 '.end | .total_bytes == 2048 and .freelist_bytes == 208 and .free_chunks == 2'
figures tail.trace "" '.allocations == {carved: 3, reused: 2, large: 0} and .end.free_chunks == 0'
# 256 + 40 + 5 * 8 of headers; the rest of 1024 is tail.
figures slack.trace "" \
	'.end | .requested_bytes == 225 and .slack_bytes == 47 and .header_bytes == 336'
figures slack.trace "" '.end.tail_bytes == 416'
figures realloc.trace "" '.end | .requested_bytes == 129 + 8 + 120 and .free_chunks == 0'

# What the real ones are shipped for.
figures trace.txt "" '.events.base == 25 and .end.live_contexts == 8 and .skipped == 0'
figures pg_pgbench.trace "" '.contexts_created == 337 and .peak.event == 6690'
figures pg_decoding.trace "" '.kinds_replaced == 0 and .not_done == 0'
figures python.trace "" '.end | .live_contexts == 1'
figures python.trace "" '.end | .live_chunks > 8000 and .freelist_bytes * 50 < .total_bytes'
figures sqlite.trace "" '.allocations | .reused * 20 >= (.carved + .reused + .large) * 18.9'
figures sqlite.trace "" '.peak_live_chunks < 500 and .events.alloc > 9000'
figures jq.trace "" '.end | .freelist_bytes * 2 > .total_bytes'
tree_shows pg_pgbench.trace TopMemoryContext CacheMemoryContext "index info ×91" ExecutorState
tree_shows pg_analytic.trace "ExprContext ×12" HashTableContext TupleSort
tree_shows pg_decoding.trace ReorderBuffer Change Tuples
tree_shows trace.txt "PortalContext <unnamed>" ExecutorState ExprContext

# One chunk of 40 bytes a request, and nothing else, is suspected.
"$tool" leaks --json traces/leak.trace | jq -e '(.leaks | length) == 1 and
	(.leaks[0] | .path == ["Server", "Session"] and .class_size == 64 and .live == 50 and
	.requested_bytes == 2000)' >/dev/null || fail "leak.trace: leaks finds another leak"

[ $failed -eq 0 ] || echo "$failed of the samples' claims do not hold"
[ $failed -eq 0 ]
