#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Runs suites, two at a time, and ends with one line: N passed, N failed, N skipped.
#
#   run.sh KIND:NAME...
#
# release:NAME, asan:NAME, tsan:NAME run a test program of that build, valgrind:NAME the release
# one under Valgrind, corpus:NAME a fuzz harness over its corpus, script:NAME tests/NAME.sh, and
# asan-script:NAME the same with the sanitized tool, where it has a line `# also: asan`.
# A suite that exits with 77 is skipped, and the last line that it prints says why.  TESTS limits
# the run to suites that match one of its patterns, JOBS is how many run at once.
#
# A suite finds in its environment SUITE (its KIND), CC, TOOL (the memctx-tool to test) and TMPDIR,
# a folder of its own that is removed.
set -u
cd "$(dirname "$0")/.." || exit 1

logs=$PWD/build/check
export TOOL=${TOOL:-$PWD/memctx-tool}
export CC=${CC:-cc}
export ASAN_OPTIONS=detect_stack_use_after_return=1:${ASAN_OPTIONS:-}
export UBSAN_OPTIONS=print_stacktrace=1:${UBSAN_OPTIONS:-}
export LC_ALL=C.UTF-8
unset NO_COLOR XDG_STATE_HOME MAKEFLAGS MAKELEVEL MFLAGS MODE B
limit=${SUITE_SECONDS:-600}

skip() {
	echo "$*"
	exit 77
}

run_program() {
	[ -x "$1" ] || skip "not built: $(scripts/deps.sh lacks cmocka)is missing"
	"${@:2}" "$1"
}

run_corpus() {
	local program=build/asan/tests/$1 inputs=()
	for folder in "tests/corpus/${1#fuzz_}" traces; do
		[ -d "$folder" ] && inputs+=("$folder")
	done
	[ ${#inputs[@]} -gt 0 ] || { echo "no corpus for $1"; return 1; }
	"$program" "${inputs[@]}"
}

run_script() {
	local needs lacking
	needs=$(sed -n 's/^# needs: //p' "tests/$1.sh")
	# shellcheck disable=SC2086 # a list of names
	lacking=$(scripts/deps.sh lacks $needs)
	[ -z "$lacking" ] || skip "missing: $lacking"
	"tests/$1.sh"
}

run_valgrind() {
	[ -z "$(scripts/deps.sh lacks valgrind)" ] || skip "missing: valgrind"
	run_program "$1" valgrind -q --error-exitcode=99 --leak-check=full
}

# One suite, its output on stdout.
run_suite() {
	local name=${1#*:}
	case $1 in
	script:*) run_script "$name" ;;
	asan-script:*) TOOL=$PWD/build/asan/memctx-tool run_script "$name" ;;
	corpus:*) run_corpus "$name" ;;
	valgrind:*) run_valgrind "build/release/tests/$name" ;;
	*) run_program "build/${1%%:*}/tests/$name" ;;
	esac
}

# Runs one suite into its log and prints its line; failures with all they printed.
suite() {
	local log=$logs/${1/:/-} status began=$EPOCHREALTIME seconds verdict reason=
	export SUITE=${1%%:*} TMPDIR=$log.tmp
	mkdir -p "$TMPDIR"
	timeout -k 5 "$limit" bash "$0" --one "$1" >"$log.log" 2>&1 </dev/null
	status=$?
	rm -rf "$TMPDIR"
	seconds=$(awk "BEGIN { printf \"%.1f\", $EPOCHREALTIME - $began }")
	verdict=failed
	[ $status -eq 0 ] && verdict=passed
	# A test program's status is its number of failures, so 77 alone does not say skipped.
	if [ $status -eq 77 ] && ! grep -q '^\[  FAILED  \]' "$log.log"; then
		verdict=skipped
		reason=": $(tail -n 1 "$log.log")"
	fi
	[ $status -eq 124 ] && reason=": not done after $limit s"
	echo "$verdict" >"$log.result"
	{
		printf '%-8s%6s s  %s%s\n' "$verdict" "$seconds" "$1" "$reason"
		[ $verdict = failed ] && sed 's/^/    | /' "$log.log"
	} >"$log.shown"
	cat "$log.shown"
}

chosen() {
	local pattern
	set -f
	for pattern in ${TESTS:-*}; do
		# shellcheck disable=SC2053 # a pattern
		[[ $1 == $pattern || ${1#*:} == $pattern ]] && return 0
	done
	return 1
}

count() {
	cat "$logs"/*.result 2>/dev/null | grep -cx "$1"
}

if [ "${1:-}" = --one ]; then
	run_suite "$2"
	exit
fi

rm -rf "$logs"
mkdir -p "$logs"
started=0
for name in "$@"; do
	(chosen "$name") || continue
	[ "$started" -ge "${JOBS:-2}" ] && wait -n
	suite "$name" &
	started=$((started + 1))
done
wait
[ "$started" -gt 0 ] || { echo "no suite matches TESTS='$TESTS'" >&2; exit 1; }

failed=$(count failed)
echo "$(count passed) passed, $failed failed, $(count skipped) skipped"
[ "$failed" -eq 0 ] && [ "$started" -eq "$(cat "$logs"/*.result | wc -l)" ]
