#!/bin/bash
# SPDX-License-Identifier: MIT
# Input that is cut short, enormous or no text: one line on stderr, no report, little memory.
exec 2>&1
printf 'memctx-trace 1\ncreate 1 - aset "a"\n' >start
# A tool built with AddressSanitizer reserves too much address space to be held to this.
limit='ulimit -v 400000'
(bash -c "$limit && memctx-tool --version" || exit 1) >/dev/null 2>&1 || limit=true
try() {
	# Why data are damaged is the library's to say, in words of its version.
	($limit && timeout 20 memctx-tool replay "$@") 2>&1 | sed 's/ (.*);/ (WHY);/'
	echo "status ${PIPESTATUS[0]}"
}
{ cat start && printf 'alloc 1 7'; } >cut.trace
try cut.trace
{ cat start && printf 'alloc 1 7 1' && head -c 300M /dev/zero; } | try -
{ cat start && printf '# ' && head -c 300M /dev/zero | tr '\0' x; } | try -
{ cat start && printf 'create 2 1 aset "' && head -c 300M /dev/zero | tr '\0' x; } | try -
{ cat start && printf 'alloc 1 7 1' && head -c 300M /dev/zero | tr '\0' 0; } | try -
head -c 300M /dev/zero | try -
{ cat start && yes "$(printf 'alloc 1 7 8\nfree 7')" | head -n 200000; } >long.trace
xz -0 <long.trace >whole.xz
head -c 300 whole.xz >cut.xz
try cut.xz
gzip -c long.trace | head -c 300 >cut.gz
try cut.gz
: >empty.gz
try empty.gz
printf 'memctx-trace 2\n' | try -
printf 'memctx-trace 1' | try - | head -n 1
printf '\357\273\277memctx-trace 1\n' | try -
