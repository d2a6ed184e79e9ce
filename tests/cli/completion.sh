#!/bin/bash
# SPDX-License-Identifier: MIT
# What bash offers, as its own machinery asks for it.
memctx-tool help --completion bash >complete.bash || exit
# shellcheck source=/dev/null
. ./complete.bash
compopt() { :; }
touch sample.trace
offer() { # WORDS as readline splits them, the last the one to complete
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	COMPREPLY=()
	_memctx_tool
	printf '%s:' "$*"
	printf ' [%s]' "${COMPREPLY[@]}"
	echo
}
offer memctx-tool rep
offer memctx-tool --by
offer memctx-tool --color = a
offer memctx-tool --color =
offer memctx-tool fmt --ou
offer memctx-tool fmt sam
offer memctx-tool --bytes fmt --he
