#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Holds every #include of src/ to the layers of docs/design.md: includes go one way.

Usage: layers.py SOURCE_DIR          checks src/ and fails on a forbidden include
       layers.py --self-test         shows that a forbidden include is found
"""

import pathlib
import re
import sys
import tempfile

PASSIVE = {"base", "host", "model"}
ALLOWED = {
    "base": set(),
    "host": {"base"},
    "model": {"base", "host"},
    "backends": PASSIVE,
    "sampling": PASSIVE | {"backends"},
    "journal": PASSIVE,
    "stream": PASSIVE | {"journal"},
    "regions": PASSIVE,
    "launch": PASSIVE | {"sampling", "journal", "stream", "regions"},
    "store": PASSIVE | {"journal"},
    "exchange": PASSIVE | {"store"},
    "analysis": PASSIVE,
    "report": PASSIVE | {"analysis"},
    "config": PASSIVE,
    "live": PASSIVE | {"journal", "launch", "analysis", "report"},
    "serve": {"base", "host"},
    "redfish": {"base"},
    "otlp": {"base"},
    "pmerge": PASSIVE | {"journal", "launch", "store", "analysis"},
    "cli": PASSIVE | {"backends", "sampling", "journal", "stream", "launch", "regions", "store", "exchange", "analysis", "report", "config", "live", "serve"},
}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def violations(source):
    """Lines "FILE includes HEADER" for everything that runs against the layers."""
    found = []
    src = pathlib.Path(source) / "src"
    files = sorted(p for p in src.rglob("*") if p.suffix in (".hpp", ".cpp", ".h"))
    if not files:
        found.append(f"no sources below {src}")
    for path in files:
        layer = path.relative_to(src).parts[0]
        for header in INCLUDE.findall(path.read_text()):
            if "/" not in header:
                if layer in ("cli", "pmerge") and header == "version.hpp":
                    continue
                found.append(f"{path}: '{header}' must be included by its path below src/")
                continue
            target = header.split("/")[0]
            if layer not in ALLOWED:
                found.append(f"{path}: the folder '{layer}' is no layer")
            elif target != layer and target not in ALLOWED[layer]:
                found.append(f"{path} includes {header}: {layer} may not use {target}")
    return found


def self_test():
    with tempfile.TemporaryDirectory() as root:
        bad = pathlib.Path(root) / "src" / "analysis" / "bad.cpp"
        bad.parent.mkdir(parents=True)
        bad.write_text('#include "store/store.hpp"\n#include "analysis/energy.hpp"\n#include "base/fd.hpp"\n')
        found = violations(root)
        assert len(found) == 1 and "analysis may not use store" in found[0], found
        bad.write_text('#include "energy.hpp"\n')
        assert len(violations(root)) == 1
        bad.write_text('#include "base/fd.hpp"\n')
        assert violations(root) == []


if __name__ == "__main__":
    self_test()
    if sys.argv[1] != "--self-test":
        problems = violations(sys.argv[1])
        print("\n".join(problems) or "includes go one way")
        sys.exit(1 if problems else 0)
