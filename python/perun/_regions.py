# SPDX-License-Identifier: BSD-3-Clause
"""Regions of a program: what part of a run's energy went where."""

import sys
from time import monotonic_ns

from . import _runs
from ._native import native
from ._sync import wait_for_devices, waiter
from ._usage import Figures, from_reading, unavailable

_begin, _end, _cancel = native.begin, native.end, native.cancel
_modules = sys.modules


class region(Figures):
    """`with perun.region("train") as r: ...` marks a region, and tells afterwards what it used.

    Under `perun monitor` and inside of decorated calls the region is in the report, with its calls, time and energy. The
    figures of `r` (energy_J, uncertainty_J, time_s, power_W, by_device, kind) are asked for when they are looked at: during
    the region for the time so far, afterwards for all of it. Without perun around it `kind` is 'unavailable' and joules
    are nan; time_s is always there.

    Regions nest, recur and may overlap. An exception closes the region and passes. `@perun.region("load")` makes every call
    of a function a region.

    name -- best the same few: each is a row of the report
    sync -- "auto" waits at both ends for devices of torch, jax and cupy if the program uses them; False does not; or a
            function to call
    """

    __slots__ = ("name", "_sync", "_from_ns", "_to_ns", "_usage", "__weakref__")

    def __init__(self, name, *, sync="auto"):
        self.name = name
        self._sync = sync
        self._to_ns = 0

    def __enter__(self):
        if self._sync == "auto":
            if "torch" in _modules or "jax" in _modules or "cupy" in _modules:
                wait_for_devices()
        else:
            self._wait()
        self._usage = None
        self._to_ns = 0
        self._from_ns = monotonic_ns()
        _begin(self.name)
        return self

    def __exit__(self, _type, _error, _trace):
        if self._sync == "auto":
            if "torch" in _modules or "jax" in _modules or "cupy" in _modules:
                wait_for_devices()
        else:
            self._wait()
        if self._to_ns == 0:
            _end(self.name)
            self._to_ns = monotonic_ns()
        if _runs._own is not None:
            _runs.remember(self)

    def _wait(self):
        wait = waiter(self._sync)
        if wait is not None:
            wait()

    def cancel(self):
        """Forgets this call: it is not counted in the report. The figures are those up to here."""
        if self._to_ns == 0:
            _cancel(self.name)
            self._to_ns = monotonic_ns()

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

    def __call__(self, function):
        from ._decorator import as_region

        return as_region(function, self.name, self._sync)

    def __repr__(self):
        return f"<perun.region {self.name!r}>"


begin, end, cancel, mark = native.begin, native.end, native.cancel, native.mark


def count(**counters):
    """Adds to counters: perun.count(tokens=128) lets the report tell joules per token."""
    for name, n in counters.items():
        native.add(name, n)


def read():
    """Figures of the run so far on this node, by a reading made now; `kind` is 'unavailable' without perun."""
    reading = native.read() if _runs.active() else None
    if reading is None:
        return unavailable(0.0)
    return from_reading(reading, (reading[0] - reading[1]) * 1e-9)
