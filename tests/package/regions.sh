#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Builds programs in C, C++ and Fortran against an installed perun, by find_package and by pkg-config, and compares what they
# and the same in Python are told to have used: regions.sh BUILD_DIR SOURCE_DIR
set -euo pipefail
build=$1 source=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --prefix "$work/first" >/dev/null
mv "$work/first" "$work/perun" # what is installed can be moved
cmake -S "$source/tests/package/user" -B "$work/user" -DCMAKE_PREFIX_PATH="$work/perun" >/dev/null
cmake --build "$work/user" >/dev/null
cd "$work"
library=$(dirname "$(find perun -name perun.pc)")
export PKG_CONFIG_PATH=$PWD/$library
read -ra flags <<<"$(pkg-config --cflags --libs perun)"
cc "$source/tests/package/user/phases.c" "${flags[@]}" -o user/phases_pc
export LD_LIBRARY_PATH=$PWD/$library/..
if ldd "$LD_LIBRARY_PATH"/libperun.so | grep -vE 'linux-vdso|ld-linux|libc\.so'; then
  echo "libperun needs more than the C library" >&2
  exit 1
fi

PYTHONPATH=$(dirname "$(dirname "$(find "$PWD/perun" -path '*/perun/__init__.py')")")
export PYTHONPATH
printf '#!/bin/sh\nexec /usr/bin/python3 "%s"\n' "$source/tests/package/user/phases.py" >user/phases_py
chmod +x user/phases_py
for program in c static cpp f pc py; do
  user/phases_$program # without perun it does nothing
  perun/bin/perun monitor -q --data_out out --backends sim:const:100W -o $program.json user/phases_$program 2>/dev/null
done
/usr/bin/python3 - <<'PYTHON'
import json
tables = {}
for program in ("c", "static", "cpp", "f", "pc", "py"):
    run = json.load(open(f"{program}.json"))["runs"][0]
    regions = {r["name"]: r for r in run["regions"]["regions"]}
    assert sorted(regions) == ["setup", "solve", "step"], (program, sorted(regions))
    assert [regions[n]["calls"] for n in ("setup", "step", "solve")] == [1, 3, 3], program
    for name, least_s in (("setup", 0.1), ("step", 0.45), ("solve", 0.3)):
        r = regions[name]
        assert least_s <= r["time_s"], (program, name, r["time_s"])
        assert abs(r["energy_J"] - 100 * r["time_s"]) <= r["uncertainty_J"] + 1e-6, (program, r)
    step, solve = regions["step"], regions["solve"]
    assert abs(step["exclusive_s"] - (step["time_s"] - solve["time_s"])) < 1e-6
    work = run["regions"]["work"]
    assert [w["name"] for w in work] == ["cells"] and work[0]["amount"] == 3000, work
    assert run["regions"]["marks"]["moments"] == 1
    whole = sum(r["exclusive_energy_J"] for r in regions.values()) + run["regions"]["unmarked"]["energy_J"]
    assert abs(whole - run["energy_J"]) < 1e-6 * run["energy_J"], (whole, run["energy_J"])
print("one table in C, C++, Fortran and Python")
PYTHON
