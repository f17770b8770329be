#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# check.sh SOURCE_DIR BUILD_DIR PERUN: installs Mozilla's profiler-cli into BUILD_DIR (once per lock file) and reads profiles
# with it.
set -eu
source=$1 build=$2
mkdir -p "$build"
cp "$source"/tests/trace/*.mjs "$source/tests/trace/package.json" "$build/"
if ! cmp -s "$source/tests/trace/package-lock.json" "$build/installed-lock.json"; then
  cp "$source/tests/trace/package-lock.json" "$build/package-lock.json"
  (cd "$build" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
  cp "$source/tests/trace/package-lock.json" "$build/installed-lock.json"
fi
export PERUN_BIN="$3"
cd "$build"
exec node --test --test-reporter=spec firefox_test.mjs
