#!/bin/bash
# SPDX-License-Identifier: MIT
# A key that is not known is said once, and ignored.
printf '%s\n' 'memctx-trace 1' 'create 1 - aset "a" colour="red"' 'alloc 1 1 8 site=7' \
	'alloc 1 2 8 site=8' >in.trace
memctx-tool replay in.trace | head -n 1
memctx-tool check in.trace
