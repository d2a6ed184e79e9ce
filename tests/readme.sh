#!/bin/bash
# SPDX-License-Identifier: MIT
# needs: jq
#
# The README is true: what it shows as a session is run and compared, its program is compiled and
# run, its table has the commands that there are, and it names no file that does not exist.
set -u
cd "$(dirname "$0")/.." || exit 1
B=${B:-build/release}
tool=$PWD/$B/memctx-tool
[ -x "$tool" ] || { echo "skipped: $tool is not built"; exit 77; }
command -v jq >/dev/null || { echo "skipped: jq is missing"; exit 77; }
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
export LC_ALL=C.UTF-8 XDG_STATE_HOME=$tmp/state
failed=0

# Blocks of sessions: each command with what it prints.
awk -v dir="$tmp" '
	/^```console$/ { n++; file = dir "/session." n; inside = 1; next }
	/^```$/ { inside = 0 }
	inside { print > file }' README.md
for session in "$tmp"/session.*; do
	command=$(sed -n '1s/^\$ //p' "$session")
	sed 1d "$session" >"$tmp/want"
	(PATH=$(dirname "$tool"):$PATH; eval "${command//.\/memctx-tool/memctx-tool}") \
		>"$tmp/got" 2>"$tmp/err"
	grep '^standard input:' "$tmp/err" >>"$tmp/got"
	if ! diff -u "$tmp/want" "$tmp/got"; then
		echo "the README shows another output of: $command"
		failed=1
	fi
done
[ -e "$tmp/session.1" ] || { echo "the README shows no session"; failed=1; }

# The program, against the library as it is built.
awk '/^```c$/ { inside = 1; next } /^```$/ { inside = 0 } inside' README.md >"$tmp/program.c"
${CC:-cc} -std=c11 -Wall -Wextra -Werror -Ilib "$tmp/program.c" "$B/libmemctx.a" -pthread \
	-o "$tmp/program" || failed=1
[ "$("$tmp/program")" = "16384 bytes held" ] || {
	echo "the program prints something else"
	failed=1
}

# The table of commands, and the files that are linked.
# shellcheck disable=SC2016 # Markdown's backquotes
sed -n 's/^| `\([a-z]*\)[ `].*/\1/p' README.md | sort >"$tmp/table"
"$tool" --help | sed -n '/^Commands/,/^$/s/^  \([a-z]*\) .*/\1/p' | sort >"$tmp/commands"
diff -u "$tmp/table" "$tmp/commands" || {
	echo "the table has other commands than the tool"
	failed=1
}
grep -o '](\([^)#]*\))' README.md | tr -d '])(' | while read -r file; do
	[ -e "$file" ] || { echo "$file does not exist"; exit 1; }
done || failed=1
exit $failed
