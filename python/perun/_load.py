# SPDX-License-Identifier: BSD-3-Clause
"""Stored runs as numpy arrays and pandas frames (docs/format.md has every name in the file)."""

import collections.abc
import functools
import json
import subprocess

from ._tool import PerunError, need_tool
from ._usage import NAN, Figures, Usage, from_report, unavailable


def _need(module, package, what):
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError:
        raise ImportError(f"{what} needs {module}: apt-get install {package}, or pip install {module}") from None


def load(file):
    """The runs of a data file, oldest first.

    Needs h5py (and numpy); frame() also pandas. Runs that were cut off and are not in the file yet are added first.
    """
    h5py = _need("h5py", "python3-h5py", "perun.load")
    try:
        with h5py.File(file, "r") as h5:
            if "perun_format" not in h5.attrs:
                raise PerunError(f"{file} is not a data file of perun")
            if int(h5.attrs["perun_format"]) > 1:
                raise PerunError(f"{file} has format {int(h5.attrs['perun_format'])}; this perun reads 1")
            (app,) = h5.keys()
            names = sorted((n for n in h5[app] if n.startswith("exp_")), key=lambda n: int(n[4:]))
            return Runs(str(file), h5[app].attrs["app"], [Run(str(file), app, n, dict(h5[app][n].attrs)) for n in names])
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise PerunError(f"{file} cannot be read: {error}") from error


class Runs(collections.abc.Sequence):
    """Runs of one application. runs[0] is the oldest, runs[-1] the newest."""

    def __init__(self, file, app, runs):
        self.file, self.app, self._runs = file, app, runs

    def __len__(self):
        return len(self._runs)

    def __getitem__(self, i):
        return self._runs[i]

    def __repr__(self):
        return f"<perun.Runs of {self.app}: {len(self)} in {self.file}>"

    def frame(self):
        """A pandas frame with a row per run, index its number: begin (UTC), time_s, energy_J, uncertainty_J, power_W,
        kind, exit_code."""
        pandas = _need("pandas", "python3-pandas", "frame()")
        rows = [
            (r.begin, r.time_s, r.energy_J, r.uncertainty_J, r.power_W, r.kind, r.exit_code)
            for r in self._runs
        ]
        columns = ["begin", "time_s", "energy_J", "uncertainty_J", "power_W", "kind", "exit_code"]
        frame = pandas.DataFrame(rows, columns=columns, index=pandas.Index([r.number for r in self._runs], name="run"))
        frame["begin"] = pandas.to_datetime(frame["begin"], utc=True)
        return frame


class Run(Figures):
    """One stored run: energy_J, uncertainty_J, time_s, power_W, by_device, kind, and the readings in `nodes`."""

    def __init__(self, file, app, group, attributes):
        self._file, self._app, self._group = file, app, group
        self.attributes = attributes  #: everything that the file has on the run
        self.number = int(attributes["number"])
        self.id = attributes["run_id"]
        self.command = json.loads(attributes["command"])
        self.begin = attributes["start_time"]  #: ISO 8601, UTC
        self.finished = bool(attributes["finished"])
        self.exit_code = int(attributes["exit_code"])

    def __repr__(self):
        return f"<perun.Run {self.number}: {self}>"

    def usage(self):
        a = self.attributes
        kind, time_s = _text(a["perun_kind"]), float(a["totalRunRuntime_s"])
        if kind == "unavailable":
            return unavailable(time_s)
        return Usage(float(a["energy_J"]), float(a["uncertainty_J"]), time_s, {}, kind)

    @property
    def by_device(self):
        """{device: joules} of the devices that make up energy_J."""
        return from_report(self.report).by_device

    @functools.cached_property
    def report(self):
        """The JSON report of this run (perun-report/1) as a dict: all figures, by the analysis of `perun report`."""
        command = [need_tool(), "report", "--format", "json", "--run", str(self.number), self._file]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode != 0:
            raise PerunError(done.stderr.decode(errors="replace").strip())
        return json.loads(done.stdout)["runs"][0]

    @functools.cached_property
    def nodes(self):
        """{host: Node} with all readings, in memory."""
        h5py = _need("h5py", "python3-h5py", "nodes")
        with h5py.File(self._file, "r") as h5:
            group = h5[self._app][self._group]
            found = [Node(group[name]) for name in json.loads(self.attributes["nodes"])]
        return {node.host: node for node in found}


class Node:
    """What one machine saw."""

    def __init__(self, group):
        self.host = group.attrs["host"]
        self.attributes = dict(group.attrs)
        axes = {}
        self.devices = {}  #: {id: Device}
        for name in json.loads(group.attrs["devices"]):
            device = Device(group, group[name], axes)
            self.devices[device.id] = device
        self.t_ns = group["t_ns"][()]  #: int64[n], UTC nanoseconds of each tick
        self.total_W = group["total_W"][()] if "total_W" in group else None  #: float64[n], of all counted devices

    def __repr__(self):
        return f"<perun.Node {self.host}: {len(self.devices)} devices>"

    def frame(self):
        """A pandas frame: a column per device in SI units (J, W, 1, B, Hz, degC), index the time of reading, UTC."""
        pandas = _need("pandas", "python3-pandas", "frame()")
        columns = {
            name: pandas.Series(device.values, index=pandas.to_datetime(device.t_ns, utc=True)) for name, device in self.devices.items()
        }
        return pandas.DataFrame({name: series[~series.index.duplicated()] for name, series in columns.items()})


class Device:
    """Readings of one sensor.

    raw    -- int64[n] as they were read; 9223372036854775807: the reading failed
    values -- float64[n] in `units`; nan: the reading failed
    t_ns   -- int64[n], UTC nanoseconds of each reading; halfwidth_ns: give or take
    """

    def __init__(self, group, dataset, axes):
        attributes = dataset.attrs
        self.id, self.label = attributes["id"], attributes["long_name"]
        self.units, self.quantity = attributes["units"], attributes["quantity"]
        self.kind, self.counted = _text(attributes["perun_kind"]), bool(attributes["perun_counted"])
        self.attributes = dict(attributes)
        self.raw = dataset[()]
        scale, failed = float(attributes["scale_factor"]), int(attributes["_FillValue"])
        self.values = self.raw * scale
        self.values[self.raw == failed] = NAN
        axis = attributes["coordinates"]
        if axis not in axes:
            suffix = axis[len("t_ns") :]
            axes[axis] = (group[axis][()], list(group["sensor" + suffix].asstr()), group["t_offset_ns" + suffix], group["t_halfwidth_ns" + suffix])
        times, ids, offsets, halfwidths = axes[axis]
        row = ids.index(self.id)
        self.t_ns, self.halfwidth_ns = times + offsets[row], halfwidths[row]

    def __repr__(self):
        return f"<perun.Device {self.id}: {len(self.raw)} readings, {self.units}, {self.kind}>"


def _text(value):
    return value.decode() if isinstance(value, bytes) else str(value)
