#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The library's man page names every function of memctx.h and no other, its version is the header's,
# its example compiles and runs, and troff has nothing to say about it.
#
# needs: cc
set -u
cd "$(dirname "$0")/.." || exit 1
page=man/man3/memctx.3
work=$(mktemp -d "${TMPDIR:-/tmp}/man.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
status=0

complain() {
	status=1
	echo "$*"
}

${CC:-cc} -E -P lib/memctx.h | grep -oE '\bmemctx_[a-z_]+\(' |
	grep -v '_fn(' | sort -u >"$work/header"
sed -n '/^\.SH SYNOPSIS/,/^\.SH DESCRIPTION/p' $page | grep -oE '\bmemctx_[a-z_]+\(' |
	sort -u >"$work/synopsis"
[ "$(wc -l <"$work/header")" -gt 40 ] || complain "the header's functions were not found"
diff "$work/header" "$work/synopsis" || complain "$page: its functions are not the header's"
sed -n '/^\.SH DESCRIPTION/,$p' $page | grep -oE '\bmemctx_[a-z_]+' | sed 's/$/(/' | sort -u |
	grep -vxFf "$work/header" | grep -vx 'memctx_options(\|memctx_stats(' |
	while read -r name; do echo "$page: no such function: $name"; done | tee "$work/strays"
[ -s "$work/strays" ] && status=1

version=$(sed -n 's/^.define MEMCTX_VERSION_[A-Z]* //p' lib/memctx.h | paste -sd.)
grep -q "^\.TH MEMCTX 3 \"\" \"memctx $version\"\$" $page || complain "$page: not version $version"

sed -n '/^\.SH EXAMPLES/,/^\.fi/p' $page | grep -v '^\.' >"$work/example.c"
if ${CC:-cc} -Wall -Wextra -Werror -Ilib -o "$work/example" "$work/example.c" \
	build/release/libmemctx.a -pthread; then
	[ "$("$work/example" | tail -n 1)" = "line 999" ] || complain "the example does not work"
else
	complain "the example does not compile"
fi

if command -v mandoc >/dev/null; then
	mandoc -T lint -W warning $page | grep -v 'missing date' && status=1
fi
if command -v groff >/dev/null; then
	groff -man -ww -Tutf8 $page 2>&1 >/dev/null | grep . && status=1
fi
exit $status
