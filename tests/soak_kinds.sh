#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Every trace there is through every kind, the whole recordings too.
set -eu
FULL=1 exec "$(dirname "$0")/replay_kinds.sh"
