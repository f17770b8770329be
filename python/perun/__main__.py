# SPDX-License-Identifier: BSD-3-Clause
"""`python -m perun ...`: becomes the tool. Scripts then run under this very interpreter unless PERUN_PYTHON says otherwise."""

import os
import pathlib
import shutil
import sys


def find_tool():
    """The perun that belongs to this package: of the same installation, of the same clone, else that of PATH; or None."""
    here = pathlib.Path(__file__).resolve().parent
    installed = here.parents[3] / "bin" / "perun"  # PREFIX/lib/python3/dist-packages/perun
    built = here.parents[1] / "build" / "bin" / "perun"
    for tool in (installed, built):
        if os.access(tool, os.X_OK) and tool.is_file():
            return str(tool)
    return shutil.which("perun")


def main():
    tool = find_tool()
    if tool is None:
        sys.exit("perun: the tool itself is not there; build it (scripts/quickstart.sh) or put it into PATH")
    if sys.executable:
        os.environ.setdefault("PERUN_PYTHON", sys.executable)
    os.execv(tool, ["perun", *sys.argv[1:]])


if __name__ == "__main__":
    main()
