#!/bin/bash
# SPDX-License-Identifier: MIT
# Traces in which next to nothing happens.
show() {
	printf '%s\n' 'memctx-trace 1' "$@" >in.trace
	memctx-tool replay in.trace | sed -e '/replayed in/q' -e '/^  blocks/,/^WHERE/{/^WHERE/!d}'
	echo "status ${PIPESTATUS[0]}"
}
show
show '# nothing but a comment' 'time 5'
show 'lost 7'
show 'create 1 - aset "a"'
show 'create 1 - aset "a"' 'delete 1'
# The peak comes before the trace tells the time.
show 'create 1 - aset "a"' 'alloc 1 1 8' 'time 1500' 'free 1'
