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

files=("${sources[@]}" "${shells[@]}" Makefile)

# What stdin names is at fault, by the words given.
complain_of() {
	local name
	while read -r name; do
		complain "$name: $*"
	done
}

complain_of "no SPDX line" < <(grep -L '^.\{1,3\}SPDX-License-Identifier: MIT' "${files[@]}")
complain_of "over 599 lines" < <(wc -l "${files[@]}" |
	awk '$1 >= 600 && $2 != "total" { print $2 }')
complain_of "space at the line's end" < <(grep -nE '[[:space:]]$' "${files[@]}")
complain_of "unfinished" < <(grep -nE '\b(TODO|FIXME|XXX)\b|^#if 0' "${sources[@]}")
for file in "${files[@]}"; do
	long=$(expand -t 8 "$file" | grep -nE '^.{101}' | cut -d: -f1 | tr '\n' ' ')
	[ -z "$long" ] || complain "$file: over 100 columns in line $long"
done

if clang-format --version 2>/dev/null | grep -q "version $formatter_version\."; then
	complain_of "layout" < <(clang-format --dry-run -Werror "${sources[@]}" 2>&1 |
		sed -n 's/: error: .*//p')
else
	echo "clang-format $formatter_version is missing: the layout was not looked at"
fi
if command -v shellcheck >/dev/null; then
	shellcheck -x "${shells[@]}" || status=1
else
	echo "shellcheck is missing: the scripts were not looked at"
fi
exit $status
