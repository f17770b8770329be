# SPDX-License-Identifier: BSD-3-Clause
"""Where the command line tool is that belongs to this package."""

import os


class PerunError(RuntimeError):
    """perun could not do what it was asked for; the text says why and what helps."""

    __module__ = "perun"


def candidates():
    def above(path, levels):
        for _ in range(levels):
            path = os.path.dirname(path)
        return path

    here = os.path.dirname(os.path.abspath(__file__))
    source = os.path.dirname(os.path.realpath(__file__))
    return (
        os.path.join(above(here, 2), "bin", "perun"),  # BUILD/python/perun
        os.path.join(above(source, 2), "build", "bin", "perun"),  # a clone: python/perun
        os.path.join(above(here, 4), "bin", "perun"),  # PREFIX/lib/python3.x/site-packages/perun
        os.path.join(above(here, 1), "bin", "perun"),  # pip install --target
    )


def find_tool():
    """The perun of the same build or installation, else that of PATH; or None."""
    for tool in candidates():
        if os.path.isfile(tool) and os.access(tool, os.X_OK):
            return tool
    import shutil

    return shutil.which("perun")


def need_tool():
    """find_tool(), or PerunError."""
    tool = find_tool()
    if tool is None:
        raise PerunError("the tool itself is not there; build it (scripts/quickstart.sh) or put it into PATH")
    return tool
