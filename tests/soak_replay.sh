#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The replayer against its model over many random traces, from a seed that is new each time.
set -eu
SEED=${SEED:-$(date +%s)} ROUNDS=${ROUNDS:-2000} exec "$(dirname "$0")/replay_oracle.sh"
