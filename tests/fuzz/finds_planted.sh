#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The driver finds the planted fault, keeps its input, and finds it again in that: finds_planted.sh FUZZ_PLANTED
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir corpus
echo "name=package-0 range=262143328850" >corpus/good
if "$1" corpus 60 2>told; then
  echo "the fault was not found" >&2
  exit 1
fi
grep -q "does not hold: the planted fault" told
grep -q "range=18446744073709551616" fuzz_planted.failed
grep -q "72616e67653d3138343436373434303733373039353531363136" told
if "$1" fuzz_planted.failed 2>/dev/null; then
  echo "the kept input does not show the fault" >&2
  exit 1
fi
