#!/bin/bash
# SPDX-License-Identifier: MIT
# Colours: on a terminal or on request; NO_COLOR takes the first away, not the second.
printf 'memctx-trace 1\ncreate 1 - aset "a"\nalloc 1 1 100\n' >in.trace
colors() {
	if grep -q "$(printf '\033')\[[0-9]*m"; then echo "$1: colours"; else echo "$1: none"; fi
}
terminal() { # COMMAND in a terminal
	script -qec "$*" /dev/null </dev/null 2>&1
}
memctx-tool replay in.trace | colors "in a pipe"
memctx-tool replay --color=always in.trace | colors "always"
memctx-tool --color=always replay in.trace | colors "always, before the command"
NO_COLOR=1 memctx-tool replay --color=always in.trace | colors "always with NO_COLOR"
command -v script >/dev/null || exit 77
terminal memctx-tool replay in.trace | colors "on a terminal"
terminal memctx-tool replay --color=never in.trace | colors "never"
terminal env NO_COLOR=1 memctx-tool replay in.trace | colors "NO_COLOR"
terminal env NO_COLOR= memctx-tool replay in.trace | colors "NO_COLOR empty"
terminal env TERM=dumb memctx-tool replay in.trace | colors "TERM=dumb"
