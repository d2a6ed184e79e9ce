#!/bin/bash
# SPDX-License-Identifier: MIT
# needs: jq tmux
#
# The screens: their shape at many sizes, their figures against those of other commands, going back
# in time against going there afresh, and the real program in a real terminal that must be given
# back as it was.
set -u
cd "$(dirname "$0")/.." || exit 1
tool=${TOOL:-$PWD/memctx-tool}
[ -x "$tool" ] || { echo "skipped: $tool is not built"; exit 77; }
tmp=$(mktemp -d) || exit 1
target=
trap 'tmux -S "$tmp/tmux" kill-server 2>/dev/null
	[ -z "$target" ] || kill -9 "$target"
	rm -rf "$tmp"' EXIT
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

# An error in the trace is told there where it is come to, by event or by time.
cat >"$tmp/wrong.trace" <<'END'
memctx-trace 1
create 1 - aset "Demo" init=1024 max=8192
time 2000000
alloc 1 1 10
time 3000000
free 99
END
for point in 3 3ms 9ms; do
	printf 'goto\ntype %s\nenter\nscreen\n' $point | screen 80x24 0 "$tmp/wrong.trace" |
		grep -q 'line 6: chunk 99 is not live' || fail "$point: no word of the error"
done
for point in 2 2500us; do
	printf 'goto\ntype %s\nenter\nscreen\n' $point | screen 80x24 0 "$tmp/wrong.trace" |
		grep -q 'line 6' && fail "$point: an error that is still to come"
done

# Where --memory ends a trace early the screen says so, and the status.
printf 'goto\ntype end\nenter\nscreen\n' |
	"$tool" tui --script=- --size=80x24 --memory=64K traces/pg_pgbench.trace \
		>"$tmp/screen" 2>"$tmp/said"
[ $? -eq 3 ] || fail "--memory=64K: status"
for file in "$tmp/screen" "$tmp/said"; do
	grep -q 'line 18: 65,568 needed, 65,536 available; --memory' "$file" ||
		fail "--memory=64K: no word of it in ${file##*/}"
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

# What is no trace cannot be replayed otherwise.
"$tool" tree --json traces/freelist.trace >"$tmp/snapshot.json" 2>/dev/null
"$tool" tui --batch --kind=bump "$tmp/snapshot.json" >"$tmp/screen" 2>"$tmp/said"
refused=$?
if [ $refused -ne 2 ] || [ -s "$tmp/screen" ] || ! grep -q -- '--kind is about' "$tmp/said"; then
	fail "--kind is ignored where nothing is replayed"
fi

# A pipe is called what it is, and can be gone back in.
printf 'pass\nfinish\nback 5\nscreen\n' >"$tmp/script"
# shellcheck disable=SC2002 # a file would be none
cat traces/freelist.trace | "$tool" tui --script "$tmp/script" --size 80x24 --at 0 - |
	head -1 | grep -q '^ memctx  standard input .* event 6 of 11' || fail "a pipe is not shown"

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

# Names that hold what a terminal would obey, wide and combining characters, and broken UTF-8:
# nothing of it is printed as it is, and the rule between the panes stays in its column.
printf 'memctx-trace 1\ncreate 1 - aset "top\\x1b[31mred\\x07\\x9b"\n' >"$tmp/names.trace"
printf 'create %d 1 aset "%s"\n' 2 '漢字漢字漢字漢字漢字漢字漢字' 3 'e\xcc\x81e\xcc\x81' 4 '\xff\xc3' \
	5 '\xe2\x80\xae' 6 'a\ttab\nline' >>"$tmp/names.trace"
for size in 80x24 100x30 41x12; do
	printf 'pass\nfinish\nscreen\n' | screen $size 0 "$tmp/names.trace" >"$tmp/screen" ||
		fail "names: $(cat "$tmp/screen")"
	LC_ALL=C grep -q '[[:cntrl:]]' "$tmp/screen" && fail "$size: a control character is printed"
	[ "$(wc -L <"$tmp/screen")" -le "${size%x*}" ] || fail "$size: names make a line too wide"
	grep '│' "$tmp/screen" | while IFS= read -r line; do
		printf '%s\n' "${line%%│*}" | wc -L
	done | sort -u | awk 'END { exit NR > 1 }' || fail "$size: names bend the rule"
done

# In a terminal.
mux() {
	tmux -S "$tmp/tmux" "$@"
}
shows() {
	mux capture-pane -p -t t | grep -q -- "$1"
}
# wait_for PATTERN: until the pane shows it, twenty seconds at most.
wait_for() {
	for _ in $(seq 200); do
		shows "$1" && return 0
		sleep 0.1
	done
	fail "the terminal never shows: $1"
	mux capture-pane -p -t t | head -5
	return 1
}
press() {
	mux send-keys -t t "$@"
}
# Escape, and time to see that no sequence of a key follows.
escape() {
	press Escape
	sleep 0.1
}
# begin ARGUMENT...: starts the tool in the terminal; its number is in $tmp/pid.
begin() {
	press "clear; (echo \$BASHPID >$tmp/pid; exec $tool $*)" Enter
}
# ended STATUS: the shell is back, the terminal is set as it was, and shows the shell again.
ended() {
	wait_for 'ready>'
	press "echo status=\$?; stty -a >$tmp/after" Enter
	wait_for "status=$1"
	for _ in $(seq 50); do
		[ -s "$tmp/after" ] && break
		sleep 0.1
	done
	cmp -s "$tmp/before" "$tmp/after" || fail "the terminal is not as it was: $2"
	shows ' memctx' && fail "the screen stays there: $2"
	rm -f "$tmp/after"
}

mux -f /dev/null new-session -d -x 80 -y 24 -s t "bash --norc --noprofile"
press "cd $tmp; PS1='ready> '; stty -a >$tmp/before" Enter
wait_for 'ready>'
begin tui "$PWD/traces/pg_pgbench.trace"
wait_for 'event 6,690'
press Right
wait_for 'event 6,691'
press Left Left
wait_for 'event 6,689'

# Every key of the table does no harm, and those that are no characters arrive as what they are.
key="\\('.*'\\|[A-Z0-9_]*\\)"
row="^	X([A-Z]*, \\([A-Z_]*\\), \"[a-z-]*\", $key, $key, \".*"
sed -n "s/$row/\\1 \\2 \\3/p" tui/keys.h >"$tmp/keys"
[ "$(wc -l <"$tmp/keys")" -eq "$(grep -c '^	X(' tui/keys.h)" ] ||
	fail "keys.h is not understood"
press_key() {
	case $1 in
	KEYS_NONE) return ;;
	KEYS_PAGE_UP) press PageUp ;;
	KEYS_PAGE_DOWN) press PageDown ;;
	KEYS_BACK_TAB) press BTab ;;
	KEYS_CTRL_L | 12) press C-l ;;
	KEYS_*)
		key=${1#KEYS_}
		press "${key:0:1}$(echo "${key:1}" | tr '[:upper:]' '[:lower:]')"
		;;
	2) press C-b ;;
	6) press C-f ;;
	"' '") press Space ;;
	"'\\\\'") press -l "\\" ;;
	*) press -l "${1:1:1}" ;;
	esac
}
while read -r request key other; do
	[ "$request" = QUIT ] && continue
	press_key "$key"
	press_key "$other"
	# Out of a prompt or the help; what plays is stopped.
	case $request in
	FIND | FILTER | GOTO | HELP) escape ;;
	PLAY) press Space ;;
	esac
done <"$tmp/keys"
escape
escape
press q
ended 0 'every key'
ls "$tmp"/memctx-1.json "$tmp"/memctx-1.events >/dev/null || fail "s and e saved nothing"
"$tool" tree "$tmp/memctx-1.json" >/dev/null 2>&1 || fail "what s saved is no snapshot"
rm -f "$tmp"/memctx-*
begin tui "$PWD/traces/pg_pgbench.trace"
wait_for 'event 6,690'
for pair in 'F1:memctx  keys' 'F3:find: _' 'F4:filter: _' 'F6:ordered by' 'BTab:EVENTS' \
	'C-l:largest'; do
	press "${pair%%:*}"
	wait_for "${pair#*:}"
	escape
	escape
done
press End
# Ordered by used: it has the least, and less in all than another with as little.
wait_for '^> *ErrorContext'
press PageUp
press Home
wait_for '^>. TopMemoryContext'

# Resizes, at rest and while playing, down to one cell.
for size in "60 15" "20 5" "1 1" "200 50" "80 24"; do
	# shellcheck disable=SC2086
	set -- $size
	mux resize-window -t t -x "$1" -y "$2"
done
press ':'
wait_for 'go to event'
press 100 Enter
wait_for 'event 100 '
press Space
wait_for PLAYING
for size in "3 2" "40 10" "39 9" "132 43" "1 30" "120 1" "80 24"; do
	# shellcheck disable=SC2086
	set -- $size
	mux resize-window -t t -x "$1" -y "$2"
	sleep 0.1
done
wait_for PLAYING
press Space
wait_for PAUSED
for _ in $(seq 300); do
	kill -WINCH "$(cat "$tmp/pid")"
done
press ':' 6689 Enter
wait_for 'event 6,689'

# Nothing is left to do: no time passes on a processor.
sleep 0.5
ticks() {
	awk '{ print $14 + $15 }' "/proc/$(cat "$tmp/pid")/stat"
}
before=$(ticks)
sleep 1
[ "$(ticks)" -le $((before + 1)) ] || fail "it works where nothing happens"

press '?'
wait_for 'memctx  keys'
escape
wait_for 'event 6,689'
press C-z
wait_for 'Stopped'
shows 'memctx  pg' && fail "the screen stays there when stopped"
press 'fg' Enter
wait_for 'event 6,689'
press F10
ended 0 F10

# Signals, a crash too.
for signal in TERM HUP INT SEGV; do
	begin tui "$PWD/traces/pg_pgbench.trace"
	wait_for 'event 6,690'
	kill -$signal "$(cat "$tmp/pid")"
	ended $((128 + $(kill -l $signal))) "SIG$signal"
done

# A terminal that knows little, and no colours where none are wanted.
for setting in TERM=vt100 NO_COLOR=1; do
	press "clear; $setting $tool tui $PWD/traces/pg_pgbench.trace" Enter
	wait_for 'event 6,690'
	press Down Tab
	mux capture-pane -p -e -t t | grep -q $'\033\[[0-9;]*3[0-7]m' && fail "$setting: colours"
	press q
	ended 0 "$setting"
done

# One that can show no screen.
press "clear; TERM=dumb $tool tui $PWD/traces/pg_pgbench.trace" Enter
wait_for 'no terminal to show a screen on'
ended 3 TERM=dumb

# A trace from a pipe, where the keys come from the terminal all the same.
press "clear; xz -c $PWD/traces/pg_pgbench.trace | $tool tui -" Enter
wait_for 'event 6,690'
press Left
wait_for 'event 6,689'
press q
ended 0 'a pipe'

# The target goes: its last state stays, marked so.
"$tool" demo --quiet 2>/dev/null &
target=$!
for _ in $(seq 50); do
	"$tool" tree "$target" >/dev/null 2>&1 && break
	sleep 0.1
done
begin tui "$target"
wait_for 'LIVE every 0.5 s'
press F
wait_for 'every 1 s'
press Space
wait_for 'PAUSED'
press Space f f
escape
wait_for 'LIVE every 0.25 s'
press Tab Tab
wait_for ' alloc '
kill -9 "$target"
wait "$target" 2>"$tmp/killed"
target=
wait_for 'the process has ended'
wait_for 'ENDED'
wait_for 'Worker'
press q
ended 0 'a target that ended'

begin demo
wait_for 'threads serve'
press L
wait_for 'FREELISTS of'
press q
ended 0 demo

press "cd $PWD; clear; $tool; echo status=\$?" Enter
wait_for 'what to look at'
press G
press Enter
wait_for 'memctx  trace.txt'
press q
wait_for 'what to look at'
press q
wait_for 'status=0'

# The terminal is closed.
begin tui "$PWD/traces/pg_pgbench.trace"
wait_for 'event 6,690'
mux kill-server
for _ in $(seq 100); do
	kill -0 "$(cat "$tmp/pid")" 2>/dev/null || exit $failed
	sleep 0.1
done
kill -9 "$(cat "$tmp/pid")"
fail "it stays when its terminal is closed"
exit 1
