# SPDX-License-Identifier: BSD-3-Clause
"""`python -m perun ...`: becomes the tool. Scripts then run under this very interpreter unless PERUN_PYTHON says otherwise."""

import os
import sys

from ._tool import PerunError, need_tool


def main():
    try:
        tool = need_tool()
    except PerunError as error:
        sys.exit(f"perun: {error}")
    if sys.executable:
        os.environ.setdefault("PERUN_PYTHON", sys.executable)
    os.execv(tool, ["perun", *sys.argv[1:]])


if __name__ == "__main__":
    main()
