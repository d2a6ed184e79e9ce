#!/bin/bash
# SPDX-License-Identifier: MIT
# Help is on stdout with status 0, in ASCII lines of 80 columns at most, and names every option; so
# does each man page, which mandoc and groff take without a word.
commands=$(memctx-tool help | sed -n '/^Commands/,$s/^  \([a-z]*\) .*/\1/p')
for command in replay check fmt help; do
	grep -qx "$command" <<<"$commands" || echo "no command $command"
done
judge() { # NAME: its help on stdin
	awk -v name="$1" 'length > 80 { print name ": too long: " $0 }
		/[^ -~]/ { print name ": not ASCII: " $0 }
		/[[:space:]]$/ { print name ": blank at the end: " $0 }
		END { if (NR < 5) print name ": only " NR " lines" }'
}
memctx-tool --help | judge --help
memctx-tool -h | cmp - <(memctx-tool --help) || echo "-h differs"
for topic in $(memctx-tool help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
	memctx-tool help "$topic" >text || echo "help $topic: status $?"
	judge "help $topic" <text
done
for command in $commands; do
	memctx-tool "$command" --help >text || echo "$command --help: status $?"
	memctx-tool help "$command" | cmp - text || echo "help $command differs"
	judge "$command --help" <text
	memctx-tool help --man "$command" >page.1 || echo "--man $command: status $?"
	if command -v mandoc >/dev/null; then
		mandoc -T lint -W warning page.1 | grep -v 'missing date'
	fi
	grep -o -- '--[a-z][a-z-]*' text | sort -u >options
	sed -e '/^\.\\"/d' -e 's/\\-/-/g' page.1 | grep -o -- '--[a-z][a-z-]*' | sort -u |
		comm -3 - options
	[ "$(wc -l <options)" -ge 4 ] || echo "$command: options are missing"
done
