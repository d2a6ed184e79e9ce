#!/bin/bash
# SPDX-License-Identifier: MIT
# The version is that of the header.
version=$(sed -n 's/^#define MEMCTX_VERSION_[A-Z]* //p' "$PROJECT/lib/memctx.h" | paste -sd.)
memctx-tool --version | diff - <(echo "memctx-tool $version")
memctx-tool fmt --version >/dev/full
