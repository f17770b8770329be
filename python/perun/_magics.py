# SPDX-License-Identifier: BSD-3-Clause
"""%perun and %%perun for IPython and notebooks."""

import math
import statistics

from IPython.core.magic import Magics, line_cell_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring
from IPython.display import display

from ._measure import measure
from ._usage import _escape, si


class Measurements:
    """What the repetitions of a cell used."""

    def __init__(self, usages):
        self.usages = usages

    @property
    def kind(self):
        kinds = {usage.kind for usage in self.usages}
        return kinds.pop() if len(kinds) == 1 else "mixed"

    def __repr__(self):
        if len(self.usages) == 1:
            return str(self.usages[0])
        note = "" if self.kind == "measured" else f" ({self.kind})"
        energy, time_s = [u.energy_J for u in self.usages], [u.time_s for u in self.usages]
        if any(map(math.isnan, energy)):
            return f"n/a in {_spread(time_s, 's')} per run, {len(energy)} runs"
        return f"{_spread(energy, 'J')} in {_spread(time_s, 's')} per run, {len(energy)} runs (mean +- s){note}"

    def _repr_html_(self):
        if len(self.usages) == 1:
            return self.usages[0]._repr_html_()
        rows = "".join(f"<tr><td>{i}</td><td>{_escape(str(usage))}</td></tr>" for i, usage in enumerate(self.usages, 1))
        return f"<div><b>{_escape(repr(self))}</b><table><tr><th>Run</th><th>Energy</th></tr>{rows}</table></div>"


def _spread(values, unit):
    return f"{si(statistics.mean(values), unit)} +- {si(statistics.stdev(values), unit)}"


@magics_class
class EnergyMagics(Magics):
    @magic_arguments()
    @argument("-r", "--repeat", type=int, default=1, metavar="N", help="run N times, and tell mean and spread")
    @argument("code", nargs="*", help="a statement; in a cell magic the cell is measured")
    @line_cell_magic
    def perun(self, line, cell=None):
        """Measures a statement or a cell: energy, time and power. Nothing is stored.

        %perun f(x)
        %%perun -r 5
        ...
        """
        if cell is None:
            # Only the options are words; the statement is what it is.
            options, cell = _split(line)
        else:
            options = line
        arguments = parse_argstring(self.perun, options)
        if arguments.repeat < 1:
            print("%perun: -r takes a number above 0")
            return
        if not cell.strip():
            print("%perun: nothing to measure; write %perun STATEMENT, or %%perun and a cell below it")
            return
        usages = []
        with measure():  # one process of perun for all repetitions
            for _ in range(arguments.repeat):
                with measure() as measurement:
                    result = self.shell.run_cell(cell)
                if not result.success:
                    return  # IPython has shown why
                usages.append(measurement.usage())
        display(Measurements(usages))


def _split(line):
    """`-r 5 f(x)` as ("-r 5", "f(x)")."""
    options, rest = [], line.strip()
    while rest.startswith("-"):
        word, _, rest = rest.partition(" ")
        options.append(word)
        rest = rest.lstrip()
        if word in ("-r", "--repeat"):
            word, _, rest = rest.partition(" ")
            options.append(word)
            rest = rest.lstrip()
    return " ".join(options), rest


def register(ipython):
    ipython.register_magics(EnergyMagics)
