#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Installs what is missing, builds everything and runs all tests; words given go to ctest (-L unit, -R name ...).
set -euo pipefail
# shellcheck source=scripts/common.bash
source "$(dirname "$(readlink -f "$0")")/common.bash"

scripts/install-deps.sh test
quietly "configuring" cmake --preset release
quietly "building" cmake --build build

echo "testing ..."
# Of the tests that pass only the count is told.
ctest --test-dir build --output-on-failure --no-tests=error --no-label-summary -j2 "$@" 2>&1 |
  grep --line-buffered -vE '^( +Start +[0-9]+: | *[0-9]+/[0-9]+ Test +#[0-9]+: .* Passed |Internal ctest changing|Test project |$)'
