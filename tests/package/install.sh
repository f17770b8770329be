#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Installs into a prefix, moves that somewhere else and uses it there: install.sh BUILD_DIR
set -euo pipefail
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --prefix "$work/first" >/dev/null
mv "$work/first" "$work/moved"
cd "$work"
moved/bin/perun --version | grep -qE '^perun [0-9]+\.[0-9]+\.[0-9]+$'
moved/bin/perun monitor -q --backends sim:const:100W -- sh -c 'exit 7' 2>report || status=$?
[[ ${status:-0} == 7 ]]
grep -q 'results/sh.hdf5#0' report
moved/bin/perun report --format json | python3 -c 'import json, sys; assert json.load(sys.stdin)["schema"] == "perun-report/1"'
mkdir script && echo 'import sys; sys.exit(len(sys.argv))' >script/main.py
PYTHONPATH=moved/lib/python3/dist-packages /usr/bin/python3 -m perun monitor -q --backends sim:const:100W -o results/ script/main.py a b \
  2>report || status=$?
[[ $status == 3 ]]
grep -q 'results/main.hdf5#0' report
[[ -s moved/share/perun/schema/report-1.json ]]
# What doctor's script puts into /etc is what is shipped.
moved/bin/perun doctor --fix-script >fix.sh
for file in udev/60-perun-powercap.rules tmpfiles.d/perun.conf sysctl.d/60-perun.conf; do
  grep -qxF -- "$(tail -n 1 "moved/share/perun/$file")" fix.sh
done
# There is a man page for perun and each command that help lists, and groff has nothing to say against any.
moved/bin/perun --help | sed -n 's/^  \([a-z]\+\)  .*/\1/p' >commands
[[ $(wc -l <commands) -ge 6 ]]
while read -r command; do grep -q -- '--help' <(man --warnings "moved/share/man/man1/perun-$command.1" 2>&1); done <commands
[[ -z $(man --warnings -P cat moved/share/man/man1/*.1 2>&1 >/dev/null) ]]
# Nothing but the C library and its parts is looked for at run time.
if ldd moved/bin/perun | grep -vE 'linux-vdso|ld-linux|lib(c|m|pthread|dl|rt)\.so'; then
  echo "perun needs more than the C library" >&2
  exit 1
fi
echo "installed, moved and used"
