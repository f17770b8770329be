#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# What is too slow for every change: builds and tests under the sanitizers, and lints all code. Words given name the
# presets to run.
set -euo pipefail
# shellcheck source=scripts/common.bash
source "$(dirname "$(readlink -f "$0")")/common.bash"

scripts/install-deps.sh check
presets=("$@")
((${#presets[@]})) || presets=(tidy asan tsan)
for preset in "${presets[@]}"; do quietly "$preset" cmake --workflow --preset "$preset"; done
echo "all is well: ${presets[*]}"
