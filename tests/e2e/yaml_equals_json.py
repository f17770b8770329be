#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""yaml_equals_json.py FOLDER: every NAME.yaml and NAME.yml in it reads back, by PyYAML, as what NAME.json holds:
the same keys in the same order, the same values, and the same types."""
import json
import pathlib
import sys

import yaml


def same(a, b, place):
    if type(a) is not type(b):
        raise AssertionError(f"{place}: {a!r} is {type(a).__name__}, {b!r} is {type(b).__name__}")
    if isinstance(a, dict):
        if list(a) != list(b):
            raise AssertionError(f"{place}: keys {list(a)} and {list(b)}")
        for key in a:
            same(a[key], b[key], f"{place}.{key}")
    elif isinstance(a, list):
        if len(a) != len(b):
            raise AssertionError(f"{place}: {len(a)} and {len(b)} items")
        for i, (x, y) in enumerate(zip(a, b)):
            same(x, y, f"{place}[{i}]")
    elif a != b:
        raise AssertionError(f"{place}: {a!r} and {b!r}")


compared = 0
for file in sorted(pathlib.Path(sys.argv[1]).glob("*.json")):
    expected = json.loads(file.read_text(encoding="utf-8"))
    for suffix in (".yaml", ".yml"):
        other = file.with_suffix(suffix)
        same(yaml.safe_load(other.read_text(encoding="utf-8")), expected, other.name)
        compared += 1
print(f"{compared} YAML files equal their JSON")
sys.exit(0 if compared else 1)
