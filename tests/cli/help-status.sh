#!/bin/bash
# SPDX-License-Identifier: MIT
memctx-tool help status
memctx-tool --help | sed -n '/^Exit status/,/^$/p' | sed 's/^  //' | sed -e 1d -e '$d' |
	diff - <(memctx-tool help status)
