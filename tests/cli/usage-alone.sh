#!/bin/bash
# SPDX-License-Identifier: MIT
# Alone, it says on stderr how it is used: every command is there.
memctx-tool 2>usage
echo "status $?"
head -n 1 usage
memctx-tool help | sed -n '/^Commands/,$p' | sed 1d >commands
test -s commands && comm -13 <(sort usage) <(sort commands)
