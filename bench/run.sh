#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The benchmarks: times and memory of the allocator against its peers.
#
#   run.sh [--row NAME] [--peer NAME] [--rounds N] [--quick] [--json] [--list]
#   run.sh --instructions [--row NAME]    instructions an operation, counted by callgrind
set -u

cd "$(dirname "$0")/.." || exit 3
B=${B:-build/release}
bench=$B/bench/alloc_bench
library=$B/libmemctx.so

# Operations that make a count steady without making callgrind slow.
operations() {
	case $1 in
	steady* | pair | large) echo 20000 ;;
	create-1000) echo 50 ;;
	*) echo 500 ;;
	esac
}

# Prints the instructions an operation of row $1 takes with peer $2, or a dash.
count() {
	ops=$(operations "$1")
	valgrind --tool=callgrind --callgrind-out-file=/dev/null --collect-atstart=no \
		--toggle-collect=bench_measured "$bench" --lib "$library" --row "$1" --peer "$2" \
		--once "$ops" 2>&1 | awk -v ops="$ops" '
		/Collected :/ { n = $NF / ops; found = 1 }
		END { if (found && n > 0) printf "%.1f\n", n; else print "-" }'
}

instructions() {
	command -v valgrind >/dev/null || {
		echo 'run.sh: valgrind is missing; --instructions needs it' >&2
		exit 1
	}
	printf '%-15s %10s %10s %10s %10s %6s %10s\n' 'instructions/op' postgresql private memctx \
		recording ratio none
	rows=${1:-$("$bench" --list | awk '$1 !~ /^mem-/ { print $1 }')}
	for row in $rows; do
		printf '%s' "$row"
		for peer in postgresql private memctx recording none; do
			printf ' %s' "$(count "$row" "$peer")"
		done
		echo
	done | awk '{
		ratio = $2 != "-" && $4 != "-" ? sprintf("%.2f", $4 / $2) : "-"
		printf "%-15s %10s %10s %10s %10s %6s %10s\n", $1, $2, $3, $4, $5, ratio, $6
		fflush()
	}'
}

# LTTng-UST in flight-recorder mode, for the peer `lttng`: a session that keeps the latest in memory
# and writes nothing, with a daemon of our own where none runs.
trace_begin() {
	daemon=
	[ -e "$B/bench/lttng_peer.so" ] && command -v lttng lttng-sessiond >/dev/null || return
	folder=$(mktemp -d) || return
	if ! lttng --no-sessiond list >/dev/null 2>&1; then
		lttng-sessiond --no-kernel --daemonize >/dev/null 2>&1 || return
		daemon=$(cat /var/run/lttng/lttng-sessiond.pid 2>/dev/null ||
			cat "$HOME/.lttng/lttng-sessiond.pid" 2>/dev/null)
	fi
	if {
		lttng create memctx-bench --snapshot --output="$folder" &&
			lttng enable-channel --userspace --overwrite --subbuf-size=256K \
				--num-subbuf=4 memctx &&
			lttng enable-event --userspace --channel=memctx memctx_bench:event &&
			lttng start
	} >/dev/null 2>&1; then
		BENCH_LTTNG=$PWD/$B/bench/lttng_peer.so
		export BENCH_LTTNG LTTNG_UST_REGISTER_TIMEOUT=-1
	fi
}

trace_end() {
	[ -z "${folder-}" ] && return
	lttng destroy memctx-bench >/dev/null 2>&1
	[ -z "$daemon" ] || kill "$daemon"
	rm -rf "$folder"
}

if [ ! -x "$bench" ]; then
	echo "run.sh: $bench is missing; \`make bench\` builds it" >&2
	exit 1
fi
case ${1-} in
--instructions)
	if [ $# -ne 1 ] && { [ $# -ne 3 ] || [ "$2" != --row ]; }; then
		echo 'usage: run.sh --instructions [--row NAME]' >&2
		exit 2
	fi
	instructions "${3-}"
	;;
*)
	# Each copy of the library, and LTTng, has thread-local storage of the kind that is scarce.
	GLIBC_TUNABLES=glibc.rtld.optional_static_tls=16384${GLIBC_TUNABLES:+:$GLIBC_TUNABLES}
	export GLIBC_TUNABLES
	trap 'trace_end; exit 3' HUP INT TERM
	trace_begin
	"$bench" --lib "$library" "$@"
	status=$?
	trace_end
	exit $status
	;;
esac
