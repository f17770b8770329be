#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# web.sh SOURCE_DIR: without npm, or without its registry, perun is built without its HTML report, and says so.
set -eu
source=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

fail() {
  cat "$scratch/said" >&2
  echo "web.sh: $1" >&2
  exit 1
}
# configure NAME WORD...: what CMake said is in $scratch/said
configure() {
  name=$1
  shift
  cmake -S "$source" -B "$scratch/$name" -G Ninja -DPERUN_TESTS=OFF -DPERUN_BENCH=OFF -DPERUN_PYTHON=OFF "$@" >"$scratch/said" 2>&1
}
has_html() { grep -q '"html"' "$scratch/$1/src/config/report_formats.hpp"; }

configure auto -DPERUN_NPM=/bin/false || fail "AUTO must not fail without npm"
tr -s '\n ' ' ' <"$scratch/said" | grep -q "without its HTML report: npm ci failed.*-DPERUN_WEB=OFF" || fail "AUTO did not say what is missing"
if has_html auto; then fail "AUTO lists a format that is not built"; fi

if configure on -DPERUN_WEB=ON -DPERUN_NPM=/bin/false; then fail "ON must fail without npm"; fi
tr -s '\n ' ' ' <"$scratch/said" | grep -q "cannot be built: npm ci failed.*Without it: -DPERUN_WEB=OFF" || fail "ON did not say how to go on"

configure off -DPERUN_WEB=OFF || fail "OFF must not fail"
if grep -q "HTML report" "$scratch/said"; then fail "OFF has nothing to say"; fi
if has_html off; then fail "OFF lists a format that is not built"; fi
