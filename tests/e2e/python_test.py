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

from harness import PERUN, PYTHON, PerunTest

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
                           warmup_rounds=1, no_estimate=True, sensors=["sim:*"], quiet=False, max_overhead=5)
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

    def test_the_types_are_those_of_the_package_and_the_tool(self):
        out, _ = self.python(
            """
            import ast, inspect, os, perun
            from perun import _options
            tree = ast.parse(open(os.path.join(os.path.dirname(perun.__file__), "__init__.pyi")).read())
            names = {node.name for node in tree.body if hasattr(node, "name")}
            print(sorted(set(perun.__all__) - names))
            monitor = [node for node in tree.body if getattr(node, "name", "") == "monitor"][-1]
            keywords = {argument.arg for argument in monitor.args.kwonlyargs}
            print(sorted(keywords - _options.settings_of_tool() - set(_options.FLAGS)))
            print([name for name in perun.__all__ if not getattr(perun, name).__doc__])
            """
        )
        self.assertEqual(out.splitlines(), ["[]", "[]", "[]"])

    def test_the_package_tells_the_version_of_the_tool(self):
        out, _ = self.python("import perun; print('perun', perun.__version__)")
        self.assertEqual(out, subprocess.run([PERUN, "--version"], capture_output=True, check=True).stdout.decode())

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
        return {r["name"]: r for r in self.runs(app)[0]["regions"]["regions"]}

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
        self.assertEqual([{r["name"]: r["calls"] for r in run[0]["regions"]["regions"]}], [{"inner": 3}])

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


class Processes(PythonTest):
    """Whatever ends a process or a thread in a region."""

    def test_threads_forks_pools_and_tasks_are_all_in_the_run(self):
        out, err = self.python(
            """
            import asyncio, multiprocessing, os, threading, time, perun

            def work(i):
                with perun.region("pool"):
                    time.sleep(0.01)
                return decorated(i)

            @perun.monitor
            def decorated(i): return i * i

            async def task(name):
                with perun.region(name) as r:
                    await asyncio.sleep(0.05)
                return r

            async def tasks():
                return await asyncio.gather(*(task(name) for name in "abab"))

            @perun.monitor(name="all", quiet=True)
            def main():
                try: os.waitpid(-1, os.WNOHANG)
                except ChildProcessError: print("no child that was not started here")
                threads = [threading.Thread(target=decorated, args=(i,)) for i in range(4)]
                for t in threads: t.start()
                for t in threads: t.join()
                pid = os.fork()
                if pid == 0:
                    perun.begin("forked")
                    os._exit(0)
                os.waitpid(pid, 0)
                with multiprocessing.get_context("fork").Pool(2) as pool: print(pool.map(work, range(4)))
                with multiprocessing.get_context("spawn").Pool(1) as pool: print(pool.map(work, range(2)))
                done = asyncio.run(tasks())
                print([r.kind for r in done], all(0.05 <= r.time_s < 5 and 3 < r.energy_J for r in done))

            if __name__ == "__main__":
                main()
            """,
            timeout=120,
        )
        self.assertEqual(
            out.splitlines(),
            ["no child that was not started here", "[0, 1, 4, 9]", "[0, 1]", str(["measured"] * 4) + " True"],
        )
        (run,) = self.runs("all")
        calls = {r["name"]: r["calls"] for r in run["regions"]["regions"]}
        self.assertEqual(calls, {"decorated": 10, "forked": 1, "pool": 6, "a": 2, "b": 2})
        self.assert_nothing_left()

    def test_an_exit_inside_is_stored_as_interrupted(self):
        for how, status in (("os._exit(5)", 5), ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL)):
            with self.subTest(how=how):
                self.python(
                    f"""
                    import os, signal, time, perun

                    @perun.monitor(name="cut", quiet=True)
                    def f():
                        if os.fork() == 0:  # holds every file of ours open
                            time.sleep(1)
                            os._exit(0)
                        with perun.region("r"):
                            time.sleep(0.2)
                            {how}
                    f()
                    """,
                    status=status,
                )
                run = self.eventually("cut")
                self.assertFalse(run["outcome"]["finished"])
                self.assertIn("ended before what was measured in it", run["outcome"]["interrupted_by"])
                self.assertGreater(run["energy_J"], 15)
                (self.dir / "results" / "cut.hdf5").unlink()

    def eventually(self, name):
        for _ in range(200):
            if (self.dir / "results" / f"{name}.hdf5").exists():
                return self.runs(name)[-1]
            time.sleep(0.05)
        self.fail(f"{name} was never stored")

    def test_a_killed_perun_changes_nothing_in_the_program(self):
        out, err = self.python(
            """
            import os, pathlib, signal, time, perun

            @perun.monitor(name="killed")
            def f():
                for pid in filter(str.isdigit, os.listdir("/proc")):
                    try:
                        words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
                        here = os.readlink(f"/proc/{pid}/cwd") == os.getcwd()
                    except OSError: continue
                    if here and b"session" in words.split(bytes(1)): os.kill(int(pid), signal.SIGKILL)
                time.sleep(0.1)
                with perun.region("r") as r: pass
                return r.kind
            print(f())
            print(perun.active())
            """
        )
        self.assertEqual(out, "unavailable\nFalse\n")
        self.assertIn("perun: the measuring process was killed", err)
        done = self.perun("report", "--format", "json")  # the run, however little of it there was, however busy the disk is
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse(self.runs("killed")[0]["outcome"]["finished"])

    def test_two_threads_that_call_at_once_share_one_run(self):
        out, _ = self.python(
            """
            import threading, time, perun
            @perun.monitor(quiet=True)
            def slow(): time.sleep(0.3)
            @perun.monitor(quiet=True)
            def quick(): time.sleep(0.1)
            one = threading.Thread(target=slow)
            one.start()
            while not perun.active(): time.sleep(0.001)
            quick()
            one.join()
            """
        )
        self.assertFalse((self.dir / "results" / "quick.hdf5").exists())
        self.assertEqual([r["name"] for r in self.runs("slow")[0]["regions"]["regions"]], ["quick"])


class Numbers(PythonTest):
    def test_a_measurement_needs_and_leaves_no_files(self):
        out, err = self.python(
            """
            import os, time, perun
            with perun.measure(frequency=20) as m:
                time.sleep(0.1)
                so_far = m.energy_J
                with perun.measure() as inner: time.sleep(0.2)
                with perun.region("r") as r: time.sleep(0.1)
            print(abs(m.energy_J - 100 * m.time_s) <= m.uncertainty_J + 0.01, 8 < so_far < m.energy_J, m.kind, m.by_device.keys())
            print(abs(inner.power_W - 100) < 10, 15 < inner.energy_J < m.energy_J, abs(r.power_W - 100) < 10, m.report["runs"][0]["frequency_Hz"])
            print(perun.active(), os.listdir("."))
            """
        )
        self.assertEqual(
            out.splitlines(),
            ["True True measured dict_keys(['sim:const'])", "True True True 20.0", "False ['program.py']"],
        )
        self.assertEqual(err, "")

    def test_an_estimate_says_so_and_nothing_to_measure_is_nan(self):
        out, _ = self.python(
            """
            import math, time, perun
            with perun.measure(backends="estimate") as m: time.sleep(0.1)
            print(m.kind, m.energy_J > 0, str(m).endswith("(estimated)"))
            with perun.measure(backends="proc") as m: time.sleep(0.1)
            print(m.kind, math.isnan(m.energy_J), m.by_device, str(m)[:6])
            try:
                with perun.measure(backends="rpal"): print("ran")
            except perun.PerunError as error: print(error)
            try: perun.measure(data_out="x")
            except TypeError as error: print(error)
            """
        )
        lines = out.splitlines()
        self.assertEqual(lines[:2], ["estimated True True", "unavailable True {} n/a in"])
        self.assertIn("did you mean 'rapl'", lines[2])
        self.assertIn("unknown option 'data_out'", lines[-1])

    def test_callbacks_see_the_run_grow_and_cannot_hurt_it(self):
        out, err = self.python(
            """
            import threading, time, perun
            seen = []
            perun.register_callback(lambda live: seen.append((live.energy_J, live.power_now_W, threading.current_thread().name)), every=0.1)

            @perun.register_callback
            def fails(live): raise ValueError("mine")

            @perun.monitor(quiet=True)
            def f(): time.sleep(0.55)
            f()
            n = len(seen)
            time.sleep(0.25)
            print(n >= 3, len(seen) == n, all(a[0] <= b[0] for a, b in zip(seen, seen[1:])), abs(seen[1][1] - 100) < 20, seen[0][2])
            """
        )
        self.assertEqual(out, "True True True True perun-live\n")
        self.assertIn("ValueError: mine", err)

    def test_devices_are_waited_for_only_where_they_are_used(self):
        out, _ = self.python(
            """
            import sys, types, perun
            calls = []
            with perun.region("none"): pass
            assert not {"torch", "jax", "cupy"} & set(sys.modules)
            cuda = types.SimpleNamespace(is_available=lambda: True, is_initialized=lambda: True, current_device=lambda: 0,
                                         device_count=lambda: 3, memory_reserved=lambda i: i == 2, synchronize=lambda i: calls.append(i))
            sys.modules["torch"] = types.SimpleNamespace(cuda=cuda)
            with perun.region("r"): calls.append("work")
            with perun.region("r", sync=False): calls.append("alone")
            with perun.region("r", sync=lambda: calls.append("own")): pass
            print(calls)
            try:
                with perun.region("r", sync="sometimes"): pass
            except TypeError as error: print(error)
            """
        )
        self.assertEqual(out.splitlines()[0], str([0, 2, "work", 0, 2, "alone", "own", "own"]))

    def test_modules_of_the_frameworks_are_waited_for(self):
        """Stand-ins with the calls that the real ones have; those are not in Debian, so nothing here has met them."""
        record = "import __main__\ndef note(what): __main__.calls.append(what)\n"
        self.file("torch.py", record + textwrap.dedent(
            """
            class cuda:
                is_available = is_initialized = staticmethod(lambda: True)
                current_device = staticmethod(lambda: 0)
                device_count = staticmethod(lambda: 2)
                memory_reserved = staticmethod(lambda i: 0)
                synchronize = staticmethod(lambda i: note(f"torch {i}"))
            class xpu:
                is_available = staticmethod(lambda: False)
            """))
        (self.dir / "jax" / "_src").mkdir(parents=True)
        self.file("jax/_src/__init__.py", "")
        self.file("jax/_src/xla_bridge.py", "started = False\ndef backends_are_initialized(): return started\n")
        self.file("jax/__init__.py", record + textwrap.dedent(
            """
            import jax._src.xla_bridge
            class Array:
                def __add__(self, other): return self
                def block_until_ready(self): note("jax")
            def local_devices(): return ["cpu:0"]
            def device_put(value, device): return Array()
            """))
        self.file("cupy.py", record + textwrap.dedent(
            """
            class cuda:
                class runtime:
                    deviceSynchronize = staticmethod(lambda: note("cupy"))
            """))
        out, _ = self.python(
            """
            import sys, perun
            calls = []
            with perun.region("none"): pass
            import torch, jax, cupy
            with perun.region("jax is idle"): calls.append("work")
            print(calls)
            calls.clear()
            jax._src.xla_bridge.started = True
            with perun.region("all"): calls.append("work")
            print(calls)
            """
        )
        edge = ["torch 0", "cupy"]
        self.assertEqual(out.splitlines()[0], str([*edge, "work", *edge]))
        edge = ["torch 0", "jax", "cupy"]
        self.assertEqual(out.splitlines()[1], str([*edge, "work", *edge]))

    def test_odd_names_hurt_nobody(self):
        out, _ = self.python(
            """
            import perun
            @perun.monitor(quiet=True)
            def f():
                for name in ("", "x" * 10_000, "two\\nlines", "\\udcff", "nul\\0byte", "\u00e4"):
                    with perun.region(name): pass
                perun.end("never begun")
                try: perun.begin(3)
                except TypeError as error: print(error)
            f()
            """
        )
        self.assertEqual(out, "the name of a region must be a str, not int\n")
        self.assertEqual(len(self.runs("f")[0]["regions"]["regions"]), 6)


class Stored(PythonTest):
    def test_stored_runs_as_arrays_and_frames(self):
        self.monitor("-q", "-f", "50", "--backends", "sim:square:20W:200W:0.2s,proc", "--name", "a", "sleep", "0.5")
        self.monitor("-q", "--name", "a", "sleep", "0.1")
        out, _ = self.python(
            """
            import numpy, perun
            runs = perun.load("results/a.hdf5")
            run = runs[0]
            print(len(runs), runs.app, run.number, run.kind, run.exit_code, run.command)
            (node,) = run.nodes.values()
            device = node.devices["sim:square"]
            joules = device.values[-1] - device.values[0]
            print(device.units, len(device.t_ns) == len(device.raw) >= 20, abs(joules - run.energy_J) < 0.1 * run.energy_J)
            print((numpy.diff(device.t_ns) > 0).all(), abs(sum(run.by_device.values()) - run.energy_J) < 1e-6)
            frame = node.frame()
            print(frame["sim:square"].dropna().iloc[-1] == device.values[-1], str(frame.index.tz), "proc:cpu_busy" in frame)
            table = runs.frame()
            print(list(table.index), table["kind"].tolist(), (table["energy_J"] > 0).all())
            open("not.hdf5", "w").write("x")
            for wrong in ("not.hdf5", "none.hdf5"):
                try: perun.load(wrong)
                except (perun.PerunError, FileNotFoundError) as error: print(type(error).__name__)
            """
        )
        self.assertEqual(
            out.splitlines(),
            [
                "2 a 0 measured 0 ['sleep', '0.5']",
                "J True True",
                "True True",
                "True UTC True",
                "[0, 1] ['measured', 'measured'] True",
                "PerunError",
                "FileNotFoundError",
            ],
        )


if __name__ == "__main__":
    unittest.main()
