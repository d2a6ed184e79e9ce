#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The rules of the tree that a tool can hold: an SPDX line in each source, lines of 100 columns,
# files under 600 lines, clang-format's layout, shellcheck's silence.  clang-format's versions
# disagree among themselves, so only the one named here is asked.
set -u
cd "$(dirname "$0")/.." || exit 1
formatter_version=14
status=0

complain() {
	status=1
	echo "$*"
}

list() {
	find lib cli tui tests bench scripts -type f -name "$1" -not -path '*/corpus/*' \
		2>/dev/null | sort
}

mapfile -t sources < <(list '*.[ch]')
mapfile -t shells < <(list '*.sh'; echo .ci/run)

for file in "${sources[@]}" "${shells[@]}" Makefile; do
	head -n 3 "$file" | grep -q 'SPDX-License-Identifier: MIT' || complain "$file: no SPDX line"
	lines=$(wc -l <"$file")
	[ "$lines" -lt 600 ] || complain "$file: $lines lines, 599 at most"
	long=$(expand -t 8 "$file" | grep -nE '^.{101}' | cut -d: -f1 | tr '\n' ' ')
	[ -z "$long" ] || complain "$file: over 100 columns in line $long"
	if grep -nE '[[:space:]]$' "$file"; then
		complain "$file: space at a line's end"
	fi
done
for file in "${sources[@]}"; do
	grep -nE '\b(TODO|FIXME|XXX)\b|^#if 0' "$file" && complain "$file: unfinished"
done

if clang-format --version 2>/dev/null | grep -q "version $formatter_version\."; then
	for file in "${sources[@]}"; do
		clang-format --dry-run -Werror "$file" 2>&1 | grep -m 3 error: && status=1
	done
else
	echo "clang-format $formatter_version is missing: the layout was not looked at"
fi
if command -v shellcheck >/dev/null; then
	shellcheck -x "${shells[@]}" || status=1
else
	echo "shellcheck is missing: the scripts were not looked at"
fi
exit $status
