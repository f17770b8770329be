# SPDX-License-Identifier: BSD-3-Clause
"""The package where people meet it: installed from its wheel into a venv, in pytest, in IPython, and around the example."""

import json
import os
import pathlib
import subprocess
import sys
import tarfile
import unittest

from harness import PYTHON, PerunTest

SOURCE = pathlib.Path(os.environ["PERUN_SOURCE_DIR"])
PACKAGE = os.environ["PERUN_PYTHON_PACKAGE"]
HEAT = SOURCE / "examples" / "heat.py"
SMALL = ("--size", "40", "--steps", "2")


class Tools(PerunTest):
    def setUp(self):
        super().setUp()
        self.env.update(PYTHONPATH=PACKAGE, PERUN_BACKENDS="sim:const:100W", PYTHONDONTWRITEBYTECODE="1", COLUMNS="120")


class Wheel(Tools):
    def setUp(self):
        super().setUp()
        del self.env["PYTHONPATH"]
        self.env["PIP_CONFIG_FILE"] = os.devnull
        self.build = f"build-dir={pathlib.Path(PACKAGE).parent}"

    def venv(self):
        self.assertEqual(self.bare(PYTHON, "-m", "venv", "venv").returncode, 0)
        return self.dir / "venv" / "bin"

    def pip(self, python, *words):
        done = self.bare(python, "-m", "pip", *words, "--no-index", "--quiet", timeout=500)
        self.assertEqual(done.returncode, 0, done.stderr.decode())

    def test_editable_it_is_the_clone(self):
        python = self.venv() / "python"
        self.pip(python, "install", "--no-build-isolation", "--config-settings", self.build, "-e", SOURCE)
        done = self.bare(python, "-c", "import perun; print(perun.__file__)")
        self.assertEqual(done.stdout.decode().strip(), str(pathlib.Path(PACKAGE) / "perun" / "__init__.py"), done.stderr)
        self.assertEqual(self.bare(python, "-m", "pip", "uninstall", "--yes", "--quiet", "perun").returncode, 0)
        self.assertNotEqual(self.bare(python, "-c", "import perun").returncode, 0)

    def test_a_source_archive_builds(self):
        backend = f"import sys; sys.path.insert(0, {str(SOURCE / 'python/backend')!r}); import perun_build; "
        done = self.bare(PYTHON, "-c", backend + f"print(perun_build.build_sdist({str(self.dir)!r}))")
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        archive = self.dir / done.stdout.decode().strip()
        with tarfile.open(archive) as tar:
            names = tar.getnames()
        top = names[0].partition("/")[0]
        for wanted in ("PKG-INFO", "pyproject.toml", "CMakeLists.txt", "LICENSE", "python/backend/perun_build.py"):
            self.assertIn(f"{top}/{wanted}", names)
        self.assertEqual([n for n in names if n.split("/")[1:2] and n.split("/")[1].startswith((".git/", "build"))], [])
        self.pip(PYTHON, "wheel", "--no-deps", "--no-build-isolation", "--config-settings", self.build, "-w", "wheels", archive)
        self.assertEqual(len(list((self.dir / "wheels").glob("perun-*.whl"))), 1)

    def test_it_installs_into_a_venv_without_downloads_and_works_there(self):
        self.pip(PYTHON, "wheel", "--no-deps", "--config-settings", self.build, "-w", "wheels", SOURCE)
        (wheel,) = (self.dir / "wheels").iterdir()
        venv = self.venv()
        self.env["PATH"] = f"{venv}:{self.env['PATH']}"  # as its activate does
        self.pip(venv / "python", "install", wheel)
        program = self.file("p.py", "import perun, sys\n@perun.monitor\ndef f(): print(perun.__file__, sys.prefix)\nf()\n")
        done = self.bare(venv / "python", program)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.assertIn(str(self.dir / "venv" / "lib").encode(), done.stdout)
        for words in ((venv / "perun",), (venv / "python", "-m", "perun")):
            done = self.bare(*words, "monitor", "-q", "--name", "same", program)
            self.assertEqual(done.returncode, 0, done.stderr.decode())
        # `python -m` runs scripts under that very interpreter.
        self.assertIn(str(self.dir / "venv").encode(), done.stdout.split()[-1])
        self.assertEqual([r["name"] for r in self.report("results/same.hdf5")["runs"][0]["regions"]["regions"]], ["f"])
        self.assertEqual(self.bare(venv / "python", "-m", "pip", "check").returncode, 0)
        done = self.bare(venv / "python", "-m", "pip", "uninstall", "--yes", "--quiet", "perun")
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.assertEqual([p for p in (self.dir / "venv").rglob("*perun*")], [])


class Example(Tools):
    def regions(self, app):
        (run,) = self.report(f"results/{app}.hdf5")["runs"]
        return {r["name"]: r["calls"] for r in run["regions"]["regions"]}

    def test_a_program_of_several_phases_everywhere(self):
        phases = {"assemble": 1, "solve": 1, "step": 2, "verify": 1}
        bare = self.bare(PYTHON, HEAT, *SMALL, env={**self.env, "PYTHONPATH": ""})
        self.assertEqual(bare.returncode, 0, bare.stderr)
        with self.subTest("perun monitor"):
            done = self.monitor("-q", "--name", "one", PYTHON, HEAT, *SMALL)
            self.assertEqual((done.returncode, done.stdout), (0, bare.stdout))
            self.assertEqual(self.regions("one"), phases)
        with self.subTest("python -m perun"):
            done = self.bare(PYTHON, "-m", "perun", "monitor", "-q", "--name", "two", HEAT, *SMALL)
            self.assertEqual((done.returncode, done.stdout), (0, bare.stdout))
            self.assertEqual(self.regions("two"), phases)
        with self.subTest("decorator"):
            code = "import perun, heat; raise SystemExit(perun.monitor(name='three')(heat.main)())"
            done = self.bare(PYTHON, "-c", code, *SMALL, env={**self.env, "PYTHONPATH": f"{PACKAGE}:{HEAT.parent}"})
            self.assertEqual((done.returncode, done.stdout), (0, bare.stdout), done.stderr)
            self.assertIn(b"perun: three  run 0", done.stderr)
            self.assertEqual(self.regions("three"), phases)


class Notebook(Tools):
    def ipython(self, *lines):
        script = self.file("cell.ipy", "\n".join(("%load_ext perun",) + lines) + "\n")
        words = (PYTHON, "-m", "IPython", "--no-banner", "--colors=NoColor", "--quick", "--HistoryManager.enabled=False", script)
        done = self.bare(*words, env={**self.env, "PYTHONPATH": f"{PACKAGE}:{HEAT.parent}"})
        self.assertEqual(done.returncode, 0, done.stderr.decode() + done.stdout.decode())
        return done.stdout.decode()

    def test_line_and_cell_magic(self):
        out = self.ipython("import time", "%perun time.sleep(0.1)", "%perun -r 3 time.sleep(0.05)", "%perun -r 0 1", "%perun")
        self.assertRegex(out, r"10\.\d+ J \+- .* in 10\d\.\d ms, 100\.\d W|1\d\.\d+ J")
        self.assertRegex(out, r"J in .* ms \+- .* per run, 3 runs \(mean \+- s\)")
        self.assertIn("-r takes a number above 0", out)
        self.assertIn("nothing to measure", out)
        self.assertFalse((self.dir / "results").exists())

    def test_the_example_in_a_cell(self):
        out = self.ipython(
            "import sys, heat",
            "sys.argv = ['heat', '--size', '40', '--steps', '2']",
            "get_ipython().run_cell_magic('perun', '-r 2', 'kept = heat.main()\\n')",
            "print('status', kept)",
        )
        self.assertEqual(out.count("verify    relative error below 1e-7: correct"), 2)
        self.assertIn("per run, 2 runs", out)
        self.assertIn("status 0", out)

    def test_rich_output(self):
        code = (
            "import perun; from perun._magics import Measurements as M; u = perun.Usage(2.0, 0.1, 1.0, {'a<b': 2.0}, 'estimated')\n"
            "print(M([u])._repr_html_()); print(M([u, u])._repr_html_())"
        )
        done = self.bare(PYTHON, "-c", code)
        self.assertIn(b"<td>a&lt;b</td><td>2.000 J (estimated)</td><td>100.0 %</td>", done.stdout)
        self.assertIn(b"2 runs (mean +- s) (estimated)", done.stdout)


class Pytest(Tools):
    TESTS = """
        import sys, time, pytest, heat

        @pytest.mark.max_energy("50 J")
        def test_small(): time.sleep(0.05)

        @pytest.mark.max_energy("1 J")
        def test_large(): time.sleep(0.3)

        @pytest.mark.max_energy("1 J")
        def test_fails_anyway(): assert False

        def test_example(energy, monkeypatch):
            monkeypatch.setattr(sys, "argv", ["heat", "--size", "40", "--steps", "2"])
            assert energy(heat.main) == 0
            assert energy.kind in ("measured", "estimated") and energy.energy_J > 0 and len(energy.measurements) == 1

        def test_nothing_measured(energy):
            with pytest.raises(AttributeError): energy.energy_J
    """

    def pytest(self, *words, env=(), tests=TESTS):
        import textwrap

        self.file("test_it.py", textwrap.dedent(tests))
        words = (PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "perun.pytest_plugin", *words, "test_it.py")
        return self.bare(*words, env={**self.env, "PYTHONPATH": f"{PACKAGE}:{HEAT.parent}", **dict(env)})

    def test_the_gate_fails_what_was_measured_to_use_more(self):
        done = self.pytest()
        out = done.stdout.decode()
        self.assertEqual(done.returncode, 1, out + done.stderr.decode())
        self.assertIn("2 failed, 3 passed", out)
        self.assertRegex(out, r"test_it.py::test_large used .* J \+- .*, more than max_energy 1\.000 J")
        self.assertNotIn("test_small", out)
        self.assertFalse((self.dir / "results").exists())

    def test_an_estimate_never_fails_or_passes_a_gate(self):
        done = self.pytest(env={"PERUN_BACKENDS": "estimate"})
        out = done.stdout.decode()
        self.assertIn("1 failed, 4 passed", out)
        self.assertIn("max_energy 1.000 J is not judged: the energy is estimated", out)

    def test_every_test_is_listed_and_written(self):
        done = self.pytest("--energy-json", "energy.json", "-k", "not fails")
        self.assertRegex(done.stdout.decode(), r"J in .*  test_it.py::test_small")
        document = json.loads((self.dir / "energy.json").read_text())
        self.assertEqual(document["schema"], "perun-pytest/1")
        tests = {t["test"].partition("::")[2]: t for t in document["tests"]}
        self.assertEqual(set(tests), {"test_small", "test_large", "test_example", "test_nothing_measured"})
        self.assertEqual((tests["test_large"]["outcome"], tests["test_large"]["verdict"]), ("failed", "failed"))
        self.assertAlmostEqual(tests["test_large"]["energy_J"], 100 * tests["test_large"]["time_s"], delta=tests["test_large"]["uncertainty_J"] + 0.5)

    def test_where_perun_cannot_measure_the_tests_run_all_the_same(self):
        done = self.pytest("--energy", "-k", "small", env={"PERUN_BACKENDS": "rpal"})
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn(b"not measured: there is no backend 'rpal'; did you mean 'rapl'?", done.stdout)
        self.assertIn(b"is not judged: the energy is unavailable", done.stdout)

    def test_under_perun_monitor_tests_are_regions(self):
        self.file("test_it.py", "def test_a(): pass\ndef test_b(): pass\n")
        done = self.monitor("-q", "--name", "tests", PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "perun.pytest_plugin", "--energy", "test_it.py")
        self.assertEqual(done.returncode, 0, done.stdout)
        names = {r["name"] for r in self.report("results/tests.hdf5")["runs"][0]["regions"]["regions"]}
        self.assertEqual(names, {"test_it.py::test_a", "test_it.py::test_b"})

    def test_wrong_limits_are_told(self):
        code = """
            from perun.pytest_plugin import parse_energy as p
            print([p(x) for x in ("50 J", "1.2kJ", "3 mWh", 7, "2e3 J", "5")])
            for wrong in ("50 W", "J", "", "-1 J", "0 J", "nan J", "5 k", True, None):
                try: print("taken", p(wrong))
                except ValueError: pass
        """
        import textwrap

        done = self.bare(PYTHON, "-c", textwrap.dedent(code))
        self.assertEqual(done.stdout.decode(), "[50.0, 1200.0, 10.8, 7.0, 2000.0, 5.0]\n", done.stderr)


if __name__ == "__main__":
    unittest.main()
