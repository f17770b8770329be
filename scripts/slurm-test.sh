#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Runs perun's ranks under a real Slurm on three machines made of namespaces; as root. `scripts/slurm-test.sh slow` also waits
# for a time limit and for a requeued job, which takes some five minutes. Further words go to the tests (-v, names).
set -euo pipefail
# shellcheck source=scripts/common.bash
source "$(dirname "$(readlink -f "$0")")/common.bash"

if ((EUID != 0)); then
  echo "slurm-test: slurmd needs root" >&2
  exit 1
fi
if [[ ${1:-} == slow ]]; then
  export PERUN_SLURM_SLOW=1
  shift
fi
scripts/install-deps.sh check
quietly "configuring" cmake --preset release
quietly "building" cmake --build build --target perun
PERUN_BIN=$PWD/build/bin/perun PERUN_SOURCE_DIR=$PWD PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 tests/e2e/slurm_check.py "$@"
