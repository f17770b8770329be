#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Installs what perun needs from Debian: scripts/install-deps.sh [build|test|check]
#   build  to build and run perun (default)
#   test   also what its tests use
#   check  also what scripts/check-all.sh uses
# Says nothing and needs no rights when everything is there.
set -euo pipefail

what=${1:-build}

# package:command where any program of that name will do, from Debian or not; else a Debian package.
build=(g++:g++ cmake:cmake ninja-build:ninja pkg-config:pkg-config python3:python3
  libhdf5-dev libaec-dev zlib1g-dev libcli11-dev nlohmann-json3-dev libyaml-cpp-dev libfmt-dev
  libcpp-httplib-dev libssl-dev libncurses-dev python3-dev pybind11-dev nodejs:node npm:npm)
tests=(openssl:openssl libgtest-dev libbenchmark-dev libfuse3-dev fuse3:fusermount3
  python3-h5py python3-xarray python3-netcdf4 python3-numpy python3-pandas python3-yaml git:git
  python3-mpi4py python3-pip python3-venv python3-pytest ipython3
  openmpi-bin:mpirun.openmpi libopenmpi-dev:mpicc.openmpi libhdf5-openmpi-dev mpich:mpirun.mpich libmpich-dev:mpicc.mpich iproute2:ip
  netcdf-bin:ncdump hdf5-tools:h5dump chromium:chromium strace:strace tmux:tmux gnuplot-nox:gnuplot shellcheck:shellcheck man-db:man
  gfortran:gfortran valgrind:valgrind hpcc:hpcc scalapack-mpi-test python3-pyte)
checks=(clang-tidy:clang-tidy munge:munged slurm-client:srun slurmctld:slurmctld slurmd:slurmd)

case $what in
  build) wanted=("${build[@]}") ;;
  test) wanted=("${build[@]}" "${tests[@]}") ;;
  check) wanted=("${build[@]}" "${tests[@]}" "${checks[@]}") ;;
  *)
    echo "usage: scripts/install-deps.sh [build|test|check]" >&2
    exit 2
    ;;
esac

missing=()
for entry in "${wanted[@]}"; do
  package=${entry%%:*}
  if [[ $entry == *:* ]] && command -v "${entry#*:}" >/dev/null; then continue; fi
  if [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true) == installed ]]; then continue; fi
  missing+=("$package")
done
# Of prometheus only the program that checks metrics: the package starts a server.
promtool=
if [[ $what != build ]] && ! command -v promtool >/dev/null; then promtool=promtool; fi
[[ ${#missing[@]} -gt 0 || $promtool ]] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "install-deps: apt-get is not here; please install by hand: ${missing[*]} $promtool" >&2
  exit 1
fi
as_root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    echo "install-deps: not root and no sudo here; as root please run: scripts/install-deps.sh $what (${missing[*]} $promtool)" >&2
    exit 1
  fi
  as_root=(sudo)
fi

fetch_promtool() {
  (
    cd "$scratch" && "${as_root[@]}" apt-get download prometheus && dpkg-deb -x prometheus_*.deb all &&
      "${as_root[@]}" install -m 755 all/usr/bin/promtool /usr/local/bin/promtool
  )
}
install_all() {
  "${as_root[@]}" apt-get update || return
  if ((${#missing[@]})); then
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" || return
  fi
  if [[ $promtool ]]; then fetch_promtool; fi
}

echo "installing ${missing[*]} $promtool"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
if ! install_all >"$scratch/log" 2>&1; then
  cat "$scratch/log" >&2
  echo "install-deps: apt-get failed (above)" >&2
  exit 1
fi
