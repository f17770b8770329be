# SPDX-License-Identifier: BSD-3-Clause
"""The Python package in real programs: the decorator as a run and as a region, regions, numbers without files, and what ends a
process in between. The machine is simulated: 100 W, so that joules are seconds times 100."""

import json
import os
import signal
import subprocess
import textwrap
import time
import unittest

from harness import PYTHON, PerunTest

PACKAGE = os.environ["PERUN_PYTHON_PACKAGE"]
EXAMPLES = os.path.join(os.environ["PERUN_SOURCE_DIR"], "examples")


class PythonTest(PerunTest):
    def setUp(self):
        super().setUp()
        self.env.update(PYTHONPATH=PACKAGE, PERUN_BACKENDS="sim:const:100W", PYTHONDONTWRITEBYTECODE="1")

    def script(self, text, name="program.py"):
        return self.file(name, textwrap.dedent(text))

    def python(self, text, *words, status=0, **kw):
        """Runs a program; (stdout, stderr) as text."""
        done = self.bare(PYTHON, self.script(text), *words, **kw)
        self.assertEqual(done.returncode, status, done.stderr.decode())
        return done.stdout.decode(), done.stderr.decode()

    def runs(self, name):
        return self.report(f"results/{name}.hdf5", "all")["runs"]


class Decorator(PythonTest):
    def test_as_documented_it_is_a_run_that_is_stored_and_reported(self):
        out, err = self.python(
            """
            import time, perun

            @perun.monitor(data_out="results/", format="txt")
            def training_loop(args, model, *, scale=1):
                "What it does."
                time.sleep(0.3)
                return args, model, scale

            value = ([1], {"a": 2})
            got = training_loop(value[0], value[1], scale=3)
            print(got[0] is value[0], got[1] is value[1], got[2], training_loop.__name__, training_loop.__doc__)
            """
        )
        self.assertEqual(out, "True True 3 training_loop What it does.\n")
        self.assertIn("perun: training_loop  run 0 in results/training_loop.hdf5", err)
        (run,) = self.runs("training_loop")
        self.assertAlmostEqual(run["energy_J"], 100 * run["duration_s"], delta=run["uncertainty_J"] + 0.01)
        self.assertGreaterEqual(run["duration_s"], 0.3)
        self.assertTrue(run["outcome"]["finished"])
        self.assertIn("program.py", " ".join(run["command"]))
        self.assert_nothing_left()

    def test_every_kind_of_function(self):
        out, _ = self.python(
            """
            import asyncio, functools, inspect, perun

            @perun.monitor
            def plain(x): return x

            @perun.monitor()
            async def later(x):
                await asyncio.sleep(0)
                return x

            @perun.monitor(quiet=True)
            def steps(n):
                got = []
                for i in range(n):
                    got.append((yield i))
                return got

            @perun.monitor(quiet=True)
            async def waves(n):
                try:
                    for i in range(n):
                        yield i
                except KeyError:
                    yield "caught"

            class Thing:
                @perun.monitor(quiet=True)
                def method(self): return self
                @perun.monitor(quiet=True)
                @classmethod
                def of_class(cls): return cls
                @staticmethod
                @perun.monitor(quiet=True)
                def static(x): return x

            async def main():
                one = [x async for x in waves(3)]
                two = waves(2)
                first = await two.__anext__()
                caught = await two.athrow(KeyError)
                await two.aclose()
                return one, first, caught

            thing = Thing()
            generator = steps(2)
            sent = [next(generator), generator.send("a")]
            try: generator.send("b")
            except StopIteration as end: sent.append(end.value)
            print(plain(1), asyncio.run(later(2)), sent, asyncio.run(main()))
            print(thing.method() is thing, Thing.of_class() is Thing, Thing.static(4))
            print(inspect.iscoroutinefunction(later), inspect.isgeneratorfunction(steps), inspect.isasyncgenfunction(waves))
            """
        )
        self.assertEqual(
            out.splitlines(),
            ["1 2 [0, 1, ['a', 'b']] ([0, 1, 2], 0, 'caught')", "True True 4", "True True True"],
        )
        for name, count in (("plain", 1), ("later", 1), ("steps", 1), ("waves", 2), ("Thing.method", 1), ("Thing.of_class", 1)):
            self.assertEqual(len(self.runs(name)), count, name)

    def test_exceptions_pass_and_are_the_runs_exit_status(self):
        out, err = self.python(
            """
            import sys, traceback, perun

            @perun.monitor(quiet=True)
            def fails(): raise KeyError("mine")

            @perun.monitor(quiet=True)
            def leaves(): sys.exit(7)

            try: fails()
            except KeyError as error: print(error, traceback.extract_tb(error.__traceback__)[-1].name)
            leaves()
            """,
            status=7,
        )
        self.assertEqual(out, "'mine' fails\n")
        self.assertEqual(self.runs("fails")[0]["outcome"]["exit_code"], 1)
        self.assertEqual(self.runs("leaves")[0]["outcome"]["exit_code"], 7)

    def test_options_are_those_of_monitor_and_a_wrong_one_is_told(self):
        out, err = self.python(
            """
            import pathlib, perun

            @perun.monitor(name="mine", data_out=pathlib.Path("d"), frequency=50, pue=1.25, output=["a.json", "b.yaml"], rounds=3,
                           warmup_rounds=1, no_estimate=True, exclude=["proc:*", "state:*"], quiet=False, max_overhead=5)
            def f(seen=[]):
                seen.append(perun.active())
                return list(seen)

            print(f())
            for wrong in ({"frequncy": 3}, {"dataout": "x"}, {"sysfs": "/sys", "zzz": 1}):
                try: perun.monitor(**wrong)
                except TypeError as error: print(error)
            try: perun.monitor("results/")
            except TypeError as error: print(error)

            @perun.monitor(frequency=0)
            def never(): print("ran")
            try: never()
            except perun.PerunError as error: print(error)
            """
        )
        lines = out.splitlines()
        self.assertEqual(lines[0], "[False, True, True, True]")
        self.assertEqual(lines[1:4], ["unknown option 'frequncy'; did you mean 'frequency'?", "unknown option 'dataout'; did you mean 'data_out'?", "unknown option 'zzz'"])
        self.assertIn("takes options by name", lines[4])
        self.assertIn("frequency", lines[5])
        self.assertNotIn("ran", lines)
        runs = self.report("d/mine.hdf5", "all")["runs"]
        self.assertEqual([r["round"] for r in runs], [0, 1, 2])
        self.assertEqual(runs[0]["frequency_Hz"], 50)
        self.assertEqual(runs[0]["factors"]["pue"], 1.25)
        self.assertEqual(json.loads((self.dir / "a.json").read_text())["app"], "mine")
        self.assertTrue((self.dir / "b.yaml").read_text().startswith("schema:"))

    def test_every_option_of_the_tool_is_taken(self):
        out, _ = self.python(
            """
            import perun
            from perun import _options
            names = _options.settings_of_tool()
            print(sorted(_options.SETTINGS - names))
            perun.monitor(**dict.fromkeys(names))
            """
        )
        self.assertEqual(out, "[]\n")

    def test_what_perun_cannot_do_is_told_before_the_function_runs(self):
        self.file("occupied", "")
        out, _ = self.python(
            """
            import perun

            @perun.monitor(data_out="occupied")
            def f(): print("ran")
            try: f()
            except perun.PerunError as error: print(error)
            """
        )
        self.assertIn("cannot write to the data folder occupied", out)
        self.assertNotIn("ran", out)


class Inside(PythonTest):
    PROGRAM = """
        import time, perun

        @perun.monitor(data_out="elsewhere/")
        def outer():
            time.sleep(0.1)
            return inner(3)

        @perun.monitor
        def inner(depth):
            time.sleep(0.05)
            return inner(depth - 1) if depth > 1 else "done"

        print(outer())
        with perun.region("last") as r:
            time.sleep(0.1)
            print(r.kind, 90 < r.power_W < 110)
        perun.mark("a moment"); perun.count(tokens=3)
        print(r.kind, 90 < r.power_W < 110, abs(sum(r.by_device.values()) - r.energy_J) < 1e-9, r.time_s >= 0.1)
        """

    def regions(self, app):
        return {r["name"]: r for r in self.runs(app)[0]["regions"]}

    def test_inside_of_monitor_calls_are_regions(self):
        done = self.monitor("-q", PYTHON, self.script(self.PROGRAM))
        self.assertEqual((done.returncode, done.stdout), (0, b"done\nmeasured True\nmeasured True True True\n"), done.stderr)
        self.assertFalse((self.dir / "elsewhere").exists())
        regions = self.regions("program")
        self.assertEqual({name: r["calls"] for name, r in regions.items()}, {"outer": 1, "inner": 3, "last": 1})

    def test_under_python_m_perun_too(self):
        done = self.bare(PYTHON, "-m", "perun", "monitor", "-q", self.script(self.PROGRAM))
        self.assertEqual((done.returncode, done.stdout), (0, b"done\nmeasured True\nmeasured True True True\n"), done.stderr)

    def test_the_decorator_alone_makes_one_run_with_regions_of_the_rest(self):
        out, err = self.python(self.PROGRAM)
        self.assertEqual(out, "done\nunavailable False\nunavailable False False True\n")
        run = self.report("elsewhere/outer.hdf5", "all")["runs"]
        self.assertEqual([{r["name"]: r["calls"] for r in run[0]["regions"]}], [{"inner": 3}])

    def test_without_perun_regions_cost_little_and_say_so(self):
        out, err = self.python(
            """
            import math, perun
            with perun.region("x") as r: pass
            perun.begin("a"); perun.end("a"); perun.cancel("b"); perun.mark("m"); perun.count(n=1)
            print(perun.active(), r.kind, math.isnan(r.energy_J), math.isnan(r.power_W), r.by_device, r.time_s > 0, perun.read().kind, r)
            """
        )
        self.assertRegex(out, r"False unavailable True True \{\} True unavailable n/a in ")
        self.assertEqual(err, "")


if __name__ == "__main__":
    unittest.main()
