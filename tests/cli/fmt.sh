#!/bin/bash
# SPDX-License-Identifier: MIT
# The normal form: blanks, numbers, keys, escapes, line ends; comments stay.
printf '%s\r\n' 'memctx-trace 1' '  # a comment  stays ' '' \
	'create	0x1   -  aset "a\x41\x07\"" max=0x2000  ident="x" init=1024' \
	'alloc 1 007 0x10 align=0x10' 'realloc 7 32 8 ' 'time 1000' >in.trace
printf 'free 8' >>in.trace
memctx-tool fmt in.trace | cat -A
memctx-tool fmt in.trace | memctx-tool fmt - | cmp - <(memctx-tool fmt in.trace)
