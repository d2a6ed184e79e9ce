#!/bin/bash
# SPDX-License-Identifier: MIT
# A wrong command line: one line that names what was probably meant, and status 2.
try() {
	memctx-tool "$@" 2>&1
	echo "status $?: memctx-tool $*"
}
try hepl
try tre3e
try xyzzy
try --versoin
try -x
try --color=sometimes help
try --color
try --bytes=3
try help --mann x
try help --man
try help --man nothing
try help --completion=fish
try help trase
try help trace fmt
try fmt
try fmt a b
try fmt --outputt=x
try fmt -o
try fmt --o=/dev/null/x a.trace
