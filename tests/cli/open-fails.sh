#!/bin/bash
# SPDX-License-Identifier: MIT
# What cannot be read: one line that says why.
exec 2>&1
try() {
	memctx-tool fmt "$@" 2>&1
	echo "status $?"
}
try none.trace
mkdir traces
try none.trace
try "$(printf 'a\nb\033[2J')"
try traces
try ''
try /proc/self/mem
: >empty
try empty
head -c 3000 /dev/zero >zeros
try zeros
printf '\177ELF\002\001' >binary
try binary
printf '\037\213\010\000nonsense' >broken.gz
try broken.gz | sed 's/ (.*);/ (WHY);/'
printf 'memctx-trace 1\ncreate 1 - aset "unfinish' >cut.trace
try cut.trace
printf 'memctx-trace 1\n# %s\xff\n' "$(head -c 100000 /dev/zero | tr '\0' x)" >long
try long | tail -n 2
if [ "$(id -u)" -eq 0 ]; then
	printf 'memctx-trace 1\n' >secret
	chmod 600 secret
	chmod 755 . .. ../..
	tool=$(readlink -f "$(command -v memctx-tool)")
	setpriv --reuid=65534 --clear-groups "$tool" fmt "$PWD/secret"
else
	printf 'memctx-trace 1\n' >secret
	chmod 000 secret
	memctx-tool fmt "$PWD/secret"
fi
echo "status $?"
