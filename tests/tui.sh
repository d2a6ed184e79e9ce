#!/bin/bash
# SPDX-License-Identifier: MIT
# needs: jq tmux
#
# The screens: their shape at many sizes, their figures against those of other commands, going back
# in time against going there afresh, and the real program in a real terminal that must be given
# back as it was.
set -u
cd "$(dirname "$0")/.." || exit 1
B=${B:-build/release}
tool=$PWD/$B/memctx-tool
[ -x "$tool" ] || { echo "skipped: $tool is not built"; exit 77; }
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"; [ -S "$tmp/tmux" ] && tmux -S "$tmp/tmux" kill-server 2>/dev/null' EXIT
export LC_ALL=C.UTF-8 XDG_STATE_HOME=$tmp/state
failed=0

fail() {
	echo "$*"
	failed=1
}

# screen SIZE START TRACE [OPTION…]: runs the requests on standard input.
screen() {
	local size=$1 start=$2 trace=$3
	shift 3
	cat >"$tmp/script"
	"$tool" tui --script "$tmp/script" --size "$size" --at "$start" "$@" "$trace"
}

# No line is wider than the screen, and there are as many lines as it has.
for size in 40x10 59x12 80x24 100x30 132x43 300x80; do
	for option in "" --ascii; do
		for trace in traces/pg_pgbench.trace traces/freelist.trace; do
			# shellcheck disable=SC2086
			echo screen | screen $size peak "$trace" $option >"$tmp/screen" ||
				fail "$size fails"
			[ "$(wc -l <"$tmp/screen")" -eq "${size#*x}" ] ||
				fail "$size $option: lines"
			[ "$(wc -L <"$tmp/screen")" -le "${size%x*}" ] ||
				fail "$size $option: a line is too wide"
			if [ -n "$option" ] && LC_ALL=C grep -q '[^ -~]' "$tmp/screen"; then
				fail "$size --ascii: what is not ASCII"
			fi
		done
	done
done
echo screen | screen 30x8 0 traces/freelist.trace | grep -q 'too small' || fail "30x8 says nothing"

# Going back shows what going there afresh shows.
for event in 3 40 357 900 1343; do
	printf 'pass\nfinish\ngoto\ntype %s\nenter\nscreen\n' $event |
		screen 90x40 0 traces/trace.txt >"$tmp/back"
	printf 'pass\nscreen\n' | screen 90x40 $event traces/trace.txt >"$tmp/there"
	cmp -s "$tmp/back" "$tmp/there" || {
		fail "event $event differs after going back"
		diff "$tmp/back" "$tmp/there" | head -5
	}
done

# What lives where: the screen and the flat tree agree.
if command -v jq >/dev/null; then
	want=$("$tool" tree --flat --at 600 traces/trace.txt 2>/dev/null |
		jq -s 'map(select(.id)) | length')
	echo screen | screen 80x24 600 traces/trace.txt | sed -n 2p | grep -q " $want contexts " ||
		fail "the screen does not show $want contexts at event 600"
fi

# A freelist fills and empties, link by link, as traces/freelist.trace says.
printf 'step 4\nscreen\nstep\nscreen\nstep\nscreen\nstep\nscreen\n' |
	screen 80x24 1 traces/freelist.trace |
	grep '^ freelist' >"$tmp/chains"
printf ' freelist[2] 32 B of Demo: %s\n' 'head → #1 → end   ▲ #1 pushed' \
	'head → #3 → #1 → end   ▲ #3 pushed' 'head → #1 → end   ▼ #3 taken' 'empty   ▼ #1 taken' |
	diff - "$tmp/chains" || fail "the chain is drawn wrongly"

# Finding, filtering, folding.
printf 'find\ntype Executor\nenter\nscreen\n' | screen 80x24 peak traces/pg_pgbench.trace |
	grep -q '^> *▾ ExecutorState' || fail "find does not select ExecutorState"
printf 'filter\ntype Timezones\nenter\nscreen\n' |
	screen 80x24 peak traces/pg_pgbench.trace >"$tmp/screen"
if ! grep -q Timezones "$tmp/screen" || grep -q MdSmgr "$tmp/screen"; then
	fail "filter keeps the wrong lines"
fi
printf 'first\nopen\nscreen\n' | screen 80x24 peak traces/pg_pgbench.trace |
	grep -q '^>▸ TopMemoryContext .* 1.19M' ||
	fail "folding changes a number"

# In a terminal.
if ! command -v tmux >/dev/null; then
	echo "tmux is missing: the real terminal is not tried"
	exit $failed
fi
mux() {
	tmux -S "$tmp/tmux" "$@"
}
# wait_for PATTERN: until the pane shows it, ten seconds at most.
wait_for() {
	for _ in $(seq 100); do
		mux capture-pane -p -t t | grep -q -- "$1" && return 0
		sleep 0.1
	done
	fail "the terminal never shows: $1"
	mux capture-pane -p -t t | head -5
	return 1
}
mux -f /dev/null new-session -d -x 80 -y 24 -s t "bash --norc --noprofile"
mux send-keys -t t "PS1='ready> '; stty -a >$tmp/before" Enter
wait_for 'ready>'
mux send-keys -t t "clear; $tool tui traces/pg_pgbench.trace" Enter
wait_for 'event 6,690'
mux send-keys -t t Right
wait_for 'event 6,691'
mux send-keys -t t Left Left
wait_for 'event 6,689'
for size in "60 15" "20 5" "1 1" "200 50" "80 24"; do
	# shellcheck disable=SC2086
	set -- $size
	mux resize-window -t t -x "$1" -y "$2"
done
wait_for 'event 6,689'
mux send-keys -t t '?'
wait_for 'memctx  keys'
mux send-keys -t t Escape
wait_for 'event 6,689'
mux send-keys -t t C-z
wait_for 'Stopped'
mux send-keys -t t 'fg' Enter
wait_for 'event 6,689'
mux send-keys -t t q
mux send-keys -t t "echo status=\$?; stty -a >$tmp/after" Enter
wait_for 'status=0'
cmp -s "$tmp/before" "$tmp/after" || fail "the terminal is not as it was after q"
mux send-keys -t t \
	"clear; (echo \$BASHPID >$tmp/pid; exec $tool tui traces/pg_pgbench.trace)" Enter
wait_for 'event 6,690'
kill -TERM "$(cat "$tmp/pid")"
wait_for 'ready>'
mux send-keys -t t "echo status=\$?; stty -a >$tmp/after2" Enter
wait_for 'status=143'
cmp -s "$tmp/before" "$tmp/after2" || fail "the terminal is not as it was after SIGTERM"
mux send-keys -t t "clear; $tool; echo status=\$?" Enter
wait_for 'what to look at'
mux send-keys -t t G
mux send-keys -t t Enter
wait_for 'memctx  trace.txt'
mux send-keys -t t q
wait_for 'what to look at'
mux send-keys -t t q
wait_for 'status=0'
mux kill-server
exit $failed
