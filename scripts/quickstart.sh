#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# From a fresh clone to a measured program: installs what is missing, builds perun, measures examples/heat.py.
set -euo pipefail
# shellcheck source=scripts/common.bash
source "$(dirname "$(readlink -f "$0")")/common.bash"

scripts/install-deps.sh build
quietly "configuring" cmake --preset release -DPERUN_TESTS=OFF -DPERUN_BENCH=OFF
quietly "building perun (some minutes the first time)" cmake --build build --target perun

echo "measuring examples/heat.py for some 10 s ..."
echo
build/bin/perun monitor --data_out results examples/heat.py

cat <<END

The data are in $PWD/results/heat.hdf5. What to try next:
  build/bin/perun report results/heat.hdf5 --format json
  build/bin/perun monitor -f 100 examples/heat.py --steps 8
  build/bin/perun sensors
  build/bin/perun --help
END
