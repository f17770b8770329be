#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# check.sh SOURCE_DIR BUILD_DIR PERUN: installs ajv into BUILD_DIR (once per lock file), checks the golden reports and what
# the other commands print.
set -eu
source=$1 build=$2 perun=$3
mkdir -p "$build"
cp "$source/tests/schema/check.mjs" "$source/tests/schema/check_commands.mjs" "$source/tests/schema/package.json" "$build/"
if ! cmp -s "$source/tests/schema/package-lock.json" "$build/installed-lock.json"; then
  cp "$source/tests/schema/package-lock.json" "$build/package-lock.json"
  (cd "$build" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
  cp "$source/tests/schema/package-lock.json" "$build/installed-lock.json"
fi
node "$build/check_commands.mjs" "$source" "$perun"
exec node "$build/check.mjs" "$source/share/schema/report-1.json" "$source"/tests/golden/*.json
