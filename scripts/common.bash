# SPDX-License-Identifier: BSD-3-Clause
# Shared by the scripts of this folder, which source it: goes to the project's root, knows how to be quiet.
cd "$(dirname "$(readlink -f "$0")")/.."

log=$(mktemp)
trap 'rm -f "$log"' EXIT
# quietly WHAT COMMAND...: shows what the command said only if it fails.
quietly() {
  local what=$1
  shift
  echo "$what ..."
  if ! "$@" >"$log" 2>&1; then
    cat "$log" >&2
    echo "$(basename "$0" .sh): $what failed (above)" >&2
    exit 1
  fi
}
