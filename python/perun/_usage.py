# SPDX-License-Identifier: BSD-3-Clause
"""What people see of a measurement."""

import math

KINDS = ("measured", "estimated", "unavailable", "mixed")  # as enum perun_kind of perun.h
NAN = math.nan


def si(value, unit):
    """`value` with four digits and an SI prefix: 1.234 kJ."""
    if math.isnan(value):
        return "n/a"
    size = abs(value)
    for factor, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""), (1e-3, "m"), (1e-6, "u")):
        if size >= factor:
            break
    else:
        factor, prefix = (1e-9, "n") if size > 0 else (1, "")
    digits = f"{value / factor:#.4g}".rstrip(".")
    return f"{digits} {prefix}{unit}"


class Figures:
    """Energy of a stretch of time: a region, a measurement, a run so far.

    A figure that rests on a model says so in `kind`; one that could not be had is nan, never 0.
    """

    __slots__ = ()

    def usage(self):
        """The figures themselves, as a Usage."""
        raise NotImplementedError

    @property
    def energy_J(self):
        """Joules of all devices that count, each joule once; nan if unavailable."""
        return self.usage().energy_J

    @property
    def uncertainty_J(self):
        """Half width of the statistical 95 % interval of energy_J, joules."""
        return self.usage().uncertainty_J

    @property
    def time_s(self):
        """Seconds."""
        return self.usage().time_s

    @property
    def power_W(self):
        """Mean power, watts: energy_J / time_s."""
        usage = self.usage()
        return usage.energy_J / usage.time_s if usage.time_s > 0 else NAN

    @property
    def by_device(self):
        """{device: joules} of the devices that make up energy_J; their sum is energy_J."""
        return self.usage().by_device

    @property
    def kind(self):
        """'measured', 'estimated', 'mixed' (of both) or 'unavailable'."""
        return self.usage().kind

    def __str__(self):
        usage = self.usage()
        if usage.kind == "unavailable":
            return f"n/a in {si(usage.time_s, 's')}"
        spread = f" +- {si(usage.uncertainty_J, 'J')}" if usage.uncertainty_J > 0 else ""
        note = "" if usage.kind == "measured" else f" ({usage.kind})"
        return f"{si(usage.energy_J, 'J')}{spread} in {si(usage.time_s, 's')}, {si(self.power_W, 'W')}{note}"

    def _repr_html_(self):
        usage = self.usage()
        note = "" if usage.kind == "measured" else f" ({usage.kind})"
        rows = "".join(
            f"<tr><td>{_escape(device)}</td><td>{si(joules, 'J')}{note}</td><td>{_percent(joules, usage.energy_J)}</td></tr>"
            for device, joules in sorted(usage.by_device.items(), key=lambda item: -item[1])
        )
        table = f"<table><tr><th>Device</th><th>Energy</th><th>Share</th></tr>{rows}</table>" if rows else ""
        return f"<div><b>{_escape(str(self))}</b>{table}</div>"


def _escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _percent(part, whole):
    return f"{100 * part / whole:.1f} %" if whole > 0 else ""


class Usage(Figures):
    """Figures that stand."""

    __slots__ = ("energy_J", "uncertainty_J", "time_s", "by_device", "kind")

    def __init__(self, energy_J, uncertainty_J, time_s, by_device, kind):
        self.energy_J, self.uncertainty_J, self.time_s = energy_J, uncertainty_J, time_s
        self.by_device, self.kind = by_device, kind

    def usage(self):
        return self

    def __repr__(self):
        return f"<perun.Usage {self}>"


def unavailable(time_s):
    return Usage(NAN, NAN, time_s, {}, "unavailable")


def from_reading(reading, time_s):
    """Of what _perun.read() and _perun.between() give."""
    _, _, energy, uncertainty, kind, devices = reading
    if KINDS[kind] == "unavailable":
        return unavailable(time_s)
    return Usage(energy, uncertainty, time_s, {name: joules for name, joules, _, counted in devices if counted}, KINDS[kind])


def from_report(run):
    """Of a run in a JSON report."""
    if run["kind"] == "unavailable":
        return unavailable(run["duration_s"])
    several = len(run["nodes"]) > 1
    by_device = {
        (f"{node['host']}/" if several else "") + device["id"]: device["energy_J"]
        for node in run["nodes"]
        for device in node["devices"]
        if device["counted"] and device["kind"] != "unavailable"
    }
    return Usage(run["energy_J"], run["uncertainty_J"], run["duration_s"], by_device, run["kind"])
