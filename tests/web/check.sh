#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# check.sh SOURCE_DIR BUILD_DIR MAKE_PAGE PERUN: installs playwright-core and axe-core into BUILD_DIR (once per lock file),
# makes pages and opens them in Chromium.
set -eu
source=$1 build=$2
mkdir -p "$build/pages"
cp "$source"/tests/web/*.mjs "$source/tests/web/package.json" "$build/"
if ! cmp -s "$source/tests/web/package-lock.json" "$build/installed-lock.json"; then
  cp "$source/tests/web/package-lock.json" "$build/package-lock.json"
  (cd "$build" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
  cp "$source/tests/web/package-lock.json" "$build/installed-lock.json"
fi
"$3" "$build/pages"
export PERUN_MAKE_PAGE="$3" PERUN_BIN="$4" PERUN_WEB="$source/web"
cd "$build"
exec node --test --test-concurrency=1 --test-reporter=spec energy_test.mjs factors_test.mjs coverage_test.mjs page_test.mjs compare_test.mjs tool_test.mjs serve_test.mjs
