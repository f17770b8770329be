# SPDX-License-Identifier: BSD-3-Clause
"""Energy of tests: the fixture `energy`, --energy, --energy-json FILE and @pytest.mark.max_energy("50 J").

One process of perun measures all tests of a pytest process, or the perun around it does; PERUN_* variables and .perun.ini
configure it. A test is judged by what was measured, with its uncertainty: an estimate never lets one pass or fail, and is told.
"""

import json
import math
import re
import time

import pytest

UNITS = {"J": 1.0, "Wh": 3600.0, "": 1.0}
PREFIXES = {"u": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}


def parse_energy(text):
    """Joules of "50 J", "1.2 kJ", "3 mWh" or a number of joules. ValueError for anything else."""
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        joules = float(text)
    else:
        match = re.fullmatch(r"\s*([0-9.]+(?:[eE][+-]?[0-9]+)?)\s*([umkMG]?)(J|Wh|)\s*", str(text))
        if match is None or (match.group(2) and not match.group(3)):
            raise ValueError(f"'{text}' is no energy; write '50 J', '1.2 kJ' or '3 mWh'")
        joules = float(match.group(1)) * PREFIXES[match.group(2)] * UNITS[match.group(3)]
    if not math.isfinite(joules) or joules <= 0:
        raise ValueError(f"an energy above 0 is needed, not '{text}'")
    return joules


def judge(usage, limit_J):
    """("passed" | "failed" | "not judged", why) of a measurement against a limit."""
    from perun._usage import si

    limit = si(limit_J, "J")
    if usage["kind"] != "measured":
        return "not judged", f"max_energy {limit} is not judged: the energy is {usage['kind']}"
    if usage["energy_J"] - usage["uncertainty_J"] > limit_J:
        return "failed", f"used {usage['text']}, more than max_energy {limit}"
    if usage["energy_J"] > limit_J:
        return "passed", f"above max_energy {limit}, but within the uncertainty"
    return "passed", ""


def pytest_addoption(parser):
    group = parser.getgroup("perun", "energy of tests")
    group.addoption("--energy", action="store_true", help="measure the energy of every test and list it")
    group.addoption("--energy-json", metavar="FILE", help="write the energy of every test to FILE (implies --energy)")


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "max_energy(energy): the test fails when it is measured to use more, e.g. max_energy('50 J')"
    )
    config.pluginmanager.register(_Plugin(config), "perun-energy")


class Energy:
    """The fixture `energy`: `energy(function, *args)` calls and measures it; then energy.energy_J, .power_W, .kind ...

    Each call adds to `measurements`; the figures are those of the last.
    """

    def __init__(self):
        self.measurements = []

    def __call__(self, function, /, *args, **kwargs):
        import perun

        with perun.measure() as measurement:
            value = function(*args, **kwargs)
        self.measurements.append(measurement)
        return value

    def __getattr__(self, name):
        if name.startswith("_") or not self.measurements:
            raise AttributeError(f"'{name}' of energy: nothing was measured yet; call energy(function)")
        return getattr(self.measurements[-1], name)


@pytest.fixture
def energy(request):
    """Measures the energy of calls: `energy(function, *args, **kwargs)`."""
    request.config.pluginmanager.get_plugin("perun-energy").start()
    return Energy()


class _Plugin:
    def __init__(self, config):
        self._all = config.getoption("energy") or config.getoption("energy_json") is not None
        self._file = config.getoption("energy_json")
        self._run = self._trouble = None

    def start(self):
        """Begins to measure, if nobody does. What every test would repeat is done once."""
        if self._run is not None or self._trouble is not None:
            return
        import perun

        try:
            self._run = perun.measure()
            self._run.__enter__()
        except (perun.PerunError, ImportError) as error:
            self._run, self._trouble = None, str(error)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_call(self, item):
        marker = item.get_closest_marker("max_energy")
        if not self._all and marker is None:
            yield
            return
        import perun

        self.start()
        record = {"limit_J": None} if marker is None else {"limit_J": parse_energy(*marker.args)}
        if self._trouble is not None:
            begin = time.monotonic()
            yield
            usage = perun.Usage(math.nan, math.nan, time.monotonic() - begin, {}, "unavailable")
        else:
            measurement = perun.measure()
            with measurement, perun.region(item.nodeid):
                yield
            usage = measurement.usage()
        record.update(energy_J=usage.energy_J, uncertainty_J=usage.uncertainty_J, time_s=usage.time_s)
        record.update(kind=usage.kind, text=str(usage))
        item.user_properties.append(("perun", record))

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item, call):
        report = (yield).get_result()
        record = dict(item.user_properties).get("perun")
        if report.when != "call" or not report.passed or record is None or record["limit_J"] is None:
            return
        record["verdict"], record["why"] = judge(record, record["limit_J"])
        if record["verdict"] == "failed":
            report.outcome, report.longrepr = "failed", f"{item.nodeid} {record['why']}"

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self):
        if self._run is not None:
            self._run.__exit__(None, None, None)
            self._run = None

    def pytest_terminal_summary(self, terminalreporter):
        tests = []
        for reports in terminalreporter.stats.values():
            for report in reports:
                record = dict(getattr(report, "user_properties", ())).get("perun")
                if record is not None and report.when == "call":
                    tests.append({"test": report.nodeid, "outcome": report.outcome, **record})
        if self._file is not None:
            self._write(tests, terminalreporter)
        if not tests:
            return
        terminalreporter.section("energy")
        if self._trouble is not None:
            terminalreporter.line(f"not measured: {self._trouble}")
        for test in sorted(tests, key=lambda t: -t["energy_J"] if t["energy_J"] == t["energy_J"] else 0):
            if self._all or test.get("why"):
                terminalreporter.line(f"{test['text']}  {test['test']}" + (f": {test['why']}" if test.get("why") else ""))

    def _write(self, tests, terminalreporter):
        rows = [{k: _number(v) for k, v in test.items() if k != "text"} for test in tests]
        try:
            with open(self._file, "w", encoding="utf-8") as file:
                json.dump({"schema": "perun-pytest/1", "tests": rows}, file, indent=2, allow_nan=False)
                file.write("\n")
        except OSError as error:
            terminalreporter.line(f"perun: cannot write {self._file}: {error.strerror}", red=True)


def _number(value):
    return None if isinstance(value, float) and not math.isfinite(value) else value
