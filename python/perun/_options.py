# SPDX-License-Identifier: BSD-3-Clause
"""Options of `perun monitor` as keywords."""

import functools
import os

from ._tool import need_tool

# Those of the command line alone. All others are settings, and the tool knows them.
FLAGS = ("output", "configuration", "quiet", "verbose")
# Known without asking the tool; it may have more.
SETTINGS = frozenset(
    "format pue emissions_factor price_factor frequency data_out name backends sensors exclude count no_count rounds "
    "warmup_rounds max_overhead no_estimate strict cpu_tdp estimate baseline log_lvl color".split()
)


@functools.lru_cache(maxsize=None)
def settings_of_tool():
    """The names of all settings that the tool has."""
    import configparser
    import subprocess

    ini = subprocess.run([need_tool(), "showconf", "--default"], stdout=subprocess.PIPE, check=True).stdout.decode()
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(ini)
    return frozenset(key.replace("-", "_") for section in parser.sections() for key in parser[section])


def check_names(options, without=()):
    """TypeError, naming the nearest, unless all names are options."""
    unknown = [name for name in options if (name not in SETTINGS and name not in FLAGS) or name in without]
    if not unknown:
        return
    import difflib

    known = sorted((settings_of_tool() | set(FLAGS)) - set(without))
    for name in unknown:
        if name in known:
            continue
        near = difflib.get_close_matches(name, known, 1)
        raise TypeError(f"unknown option '{name}'" + (f"; did you mean '{near[0]}'?" if near else ""))


def words(options):
    """The words that say the same on the command line. Values: True, False, numbers, texts, paths, lists of them."""
    out = []
    for name, value in options.items():
        if value is None:
            continue
        if name == "output" and not isinstance(value, (str, os.PathLike)):
            out += [f"--output={os.fspath(file)}" for file in value]
            continue
        if name in ("quiet", "verbose"):
            out += [f"--{name}"] if value else []
            continue
        if isinstance(value, bool):
            text = "true" if value else "false"
        elif isinstance(value, (list, tuple, set, frozenset)):
            text = ",".join(str(item) for item in value)
        else:
            text = os.fspath(value) if isinstance(value, os.PathLike) else str(value)
        out.append(f"--{name}={text}")
    return out
