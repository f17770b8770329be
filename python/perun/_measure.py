# SPDX-License-Identifier: BSD-3-Clause
"""Numbers without files."""

from time import monotonic_ns

from . import _options, _runs
from ._native import native
from ._sync import waiter
from ._tool import PerunError
from ._usage import Figures, from_reading, unavailable

# A measurement has no file and no report, and is one.
_NOT_HERE = ("data_out", "name", "format", "output", "rounds", "warmup_rounds", "quiet", "verbose")


class measure(Figures):
    """`with perun.measure() as m: ...` tells what was used meanwhile: m.energy_J, m.uncertainty_J, m.time_s, m.power_W,
    m.by_device, m.kind. Nothing is stored or printed.

    Outside of a run a process of perun measures, which takes some 20 ms to start and to end; inside of one the run's own
    readings serve. While it lasts the figures are those so far. Measurements nest; regions inside can be asked as well.

    The options are those of `perun monitor` that say how to measure (frequency in Hz, backends, sensors, ...).
    PerunError: nothing can be measured, before the block is entered.
    """

    __slots__ = ("_options", "_sync", "_run", "_from_ns", "_to_ns", "_usage", "report")

    def __init__(self, *, sync="auto", **options):
        _options.check_names(options, without=_NOT_HERE)
        self._options, self._sync = options, waiter(sync)
        self._run = self._usage = self.report = None
        self._from_ns = self._to_ns = 0

    def __enter__(self):
        if self._sync is not None:
            self._sync()
        self._usage = self.report = None
        self._to_ns = 0
        self._run = None if _runs.joined() else _runs.Run.begin(["--forget", "--quiet", *_options.words(self._options)])
        if self._run is not None:
            try:
                self._run.__enter__()
            except BaseException:
                self._run.finish()
                raise
            self._from_ns = monotonic_ns()
        else:
            reading = native.read()  # so that the time does not begin between two readings
            self._from_ns = monotonic_ns() if reading is None else reading[0]
        return self

    def __exit__(self, *error):
        if self._sync is not None:
            self._sync()
        if self._run is None:
            self._to_ns = monotonic_ns()
            self.usage()
            return
        self._run.__exit__(*error)
        self._to_ns = monotonic_ns()
        self.report, self._usage, text = self._run.finish()
        if self._usage is None:
            self._usage = unavailable((self._to_ns - self._from_ns) * 1e-9)
            if error[0] is None:
                raise PerunError(text.strip())

    def usage(self):
        if self._usage is not None:
            return self._usage
        to_ns = self._to_ns or monotonic_ns()
        time_s = (to_ns - self._from_ns) * 1e-9
        reading = native.between(self._from_ns, to_ns) if _runs.active() else None
        usage = unavailable(time_s) if reading is None else from_reading(reading, time_s)
        if self._to_ns != 0:
            self._usage = usage
        return usage

    def __repr__(self):
        return "<perun.measure>" if self._from_ns == 0 else f"<perun.measure {self}>"
