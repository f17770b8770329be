#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# kill-campaign.sh [KILLS [SEED [ROUNDS]]]: kills perun KILLS times (2000) while it measures and stores, and checks every time
# that nothing is lost; then 8 writers at once add 50 runs each to one file; then ROUNDS (500) jobs of 15 ranks whose processes
# are killed at random. Needs a build in build/ (scripts/test.sh).
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

export PERUN_BIN=$PWD/build/bin/perun PERUN_FAULTS=$PWD/build/tests/faults.so PYTHONDONTWRITEBYTECODE=1
/usr/bin/python3 tests/e2e/kills_test.py "${1:-2000}" "${2:-$RANDOM}"

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for _ in 1 2 3 4 5 6 7 8; do
  for _ in {1..50}; do
    "$PERUN_BIN" monitor -q --name app --data_out "$folder" --backends sim:const:100W true 2>> "$folder/told" || exit 1
  done &
done
wait
runs=$(/usr/bin/python3 -c 'import h5py, sys; print(len(h5py.File(sys.argv[1])["app"]))' "$folder/app.hdf5")
echo "8 writers x 50 runs at once: $runs runs in the file"
[ "$runs" = 400 ]

PERUN_CHAOS_ROUNDS=${3:-500} PERUN_CHAOS_SEED=${2:-$RANDOM} /usr/bin/python3 tests/e2e/chaos_test.py
