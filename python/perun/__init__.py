# SPDX-License-Identifier: BSD-3-Clause
"""perun measures and reports the energy, power and CO2e of programs.

    @perun.monitor(data_out="results/")      every call of a function: a run of its own, or a region of the run around it
    with perun.region("train") as r: ...     a region of the run; then r.energy_J, r.time_s, r.power_W, r.kind ...
    with perun.measure() as m: ...           numbers without files
    perun.begin(NAME), end(NAME), cancel(NAME), mark(TEXT), count(tokens=128), read()
    perun.register_callback(function)        figures while the run goes on
    perun.load("results/train.hdf5")         stored runs, with numpy arrays and pandas frames

`python -m perun` is the command line tool. Energy is in joules, power in watts, time in seconds, everywhere.
"""

from ._decorator import monitor
from ._live import register_callback, unregister_callback
from ._measure import measure
from ._regions import begin, cancel, count, end, mark, read, region
from ._runs import active
from ._tool import PerunError
from ._usage import Usage
from ._version import version as __version__

__all__ = [
    "PerunError",
    "Usage",
    "active",
    "begin",
    "cancel",
    "count",
    "end",
    "load",
    "mark",
    "measure",
    "monitor",
    "read",
    "region",
    "register_callback",
    "unregister_callback",
]


def load(file):
    """The runs stored in a data file, oldest first: see perun._load.Runs."""
    from ._load import load as load_file

    return load_file(file)


def load_ipython_extension(ipython):
    """`%load_ext perun`: the magics %perun and %%perun."""
    from ._magics import register

    register(ipython)
