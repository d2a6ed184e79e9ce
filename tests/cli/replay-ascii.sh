#!/bin/bash
# SPDX-License-Identifier: MIT
# Where the locale is not UTF-8 a report is ASCII, names too; where it is, names are shown as they
# are, but for what would steer the terminal.
{
	printf 'memctx-trace 1\ncreate 1 - aset "k\303\244se \346\226\207"\n'
	printf 'create 2 1 aset "\\x1B[31mred\\xFF\\n"\ncreate 3 1 aset ""\n'
	printf 'create 4 1 aset "%s"\n' "$(printf 'long %.0s' {1..20})"
	for ((i = 1; i < 20; i++)); do echo "alloc 1 $i $((i * 50))"; done
	for ((i = 1; i < 10; i++)); do echo "free $i"; done
} >in.trace
names() {
	sed -n '/^LARGEST/,/^$/p' | sed 's/  [ .0-9K,·]*$//'
}
memctx-tool replay in.trace >utf8
names <utf8
grep -c '█' utf8
for locale in LC_ALL=C LC_ALL=POSIX LANG=C; do
	env -u LC_ALL $locale bash -c 'memctx-tool replay in.trace' >ascii
	LC_ALL=C grep -n '[^ -~]' ascii
done
names <ascii
grep -c '##*$' ascii
same() { # the times apart
	sed '/replayed in/d' | diff - <(sed '/replayed in/d' "$1")
}
env -u LC_ALL bash -c 'memctx-tool replay in.trace' | same ascii
# A UTF-8 locale that is not installed here is UTF-8 all the same.
LC_ALL=xx_YY.UTF-8 memctx-tool replay in.trace | same utf8
