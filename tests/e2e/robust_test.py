# SPDX-License-Identifier: BSD-3-Clause
"""Whatever is killed or cannot be written: nothing is lost, nothing stays behind, the program's status stands."""

import json
import os
import pathlib
import resource
import signal
import subprocess
import time
import unittest

from harness import PERUN, PYTHON, PerunTest

SIM = ("--backends", "sim:const:100W", "-f", "50")


def descendants(pid):
    """{name: pid} of the processes below `pid`, agents included though they lead their own session."""
    found = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            stat = pathlib.Path(f"/proc/{entry}/stat").read_text()
        except OSError:
            continue
        name, rest = stat[stat.index("(") + 1:stat.rindex(")")], stat[stat.rindex(")") + 2:].split()
        if int(rest[1]) == pid:
            found[name] = int(entry)
    return found


def gone(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


class Killed(PerunTest):
    def start(self, *words):
        program = subprocess.Popen([PERUN, "monitor", "-q", *SIM, *words], cwd=self.dir, env=self.env, stderr=subprocess.PIPE)
        self.addCleanup(program.stderr.close)
        end = time.monotonic() + 5
        while time.monotonic() < end:
            parts = descendants(program.pid)
            if "sleep" in parts and "perun-agent" in parts:
                return program, parts
            time.sleep(0.005)
        self.fail(f"did not start: {parts}")

    def only_run(self):
        document = self.report("results/sleep.hdf5", run="all")
        self.assertEqual(len(document["runs"]), 1)
        return document["runs"][0]

    def wait_gone(self, pids, seconds=1.0):
        end = time.monotonic() + seconds
        while time.monotonic() < end and not all(map(gone, pids)):
            time.sleep(0.01)
        self.assertEqual([p for p in pids if not gone(p)], [])

    def test_the_program_is_killed(self):
        program, parts = self.start("sleep", "30")
        time.sleep(0.5)
        os.kill(parts["sleep"], signal.SIGKILL)
        self.assertEqual(program.wait(timeout=5), 137)
        run = self.only_run()
        self.assertTrue(run["outcome"]["finished"])
        self.assertAlmostEqual(run["energy_J"], 100 * run["duration_s"], delta=0.2)
        self.wait_gone(parts.values())

    def test_the_launcher_is_killed(self):
        program, parts = self.start("sleep", "30")
        time.sleep(0.5)
        program.kill()
        program.wait()
        self.wait_gone(parts.values())
        run = self.only_run()
        self.assertFalse(run["outcome"]["finished"])
        self.assertGreater(run["duration_s"], 0.45)
        self.assertAlmostEqual(run["energy_J"], 100 * run["duration_s"], delta=3)

    def test_the_agent_is_killed(self):
        program, parts = self.start("sleep", "1")
        time.sleep(0.5)
        os.kill(parts["perun-agent"], signal.SIGKILL)
        self.assertEqual(program.wait(timeout=5), 0, "the program's own status")
        self.assertIn(b"sampling process was killed", program.stderr.read())
        run = self.only_run()
        self.assertFalse(run["outcome"]["finished"])
        self.assertGreater(run["energy_J"], 30)
        self.wait_gone(parts.values())

    def test_everything_is_killed_and_the_next_command_recovers(self):
        for last in ("report", "monitor"):
            with self.subTest(next=last):
                program, parts = self.start("sleep", "30")
                time.sleep(0.6)
                for pid in (parts["perun-agent"], program.pid, *parts.values()):
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        pass
                program.wait()
                self.wait_gone(parts.values())
                if last == "monitor":
                    done = self.monitor("-q", *SIM, "true")
                    self.assertIn(b"recovered", done.stderr)
                    self.assertEqual(done.returncode, 0)
                else:
                    self.perun("report", "--data_out", "results")
                    self.assertTrue((self.dir / "results" / "sleep.hdf5").exists())
        document = self.report("results/sleep.hdf5", run="all")
        self.assertEqual([r["outcome"]["finished"] for r in document["runs"]], [False, False])
        for run in document["runs"]:
            self.assertGreater(run["energy_J"], 100 * 0.4, "all but the last 0.1 s")
        self.assertFalse((self.dir / "results" / ".perun").exists())

    def test_killed_at_random_moments_nothing_is_ever_lost_twice(self):
        words = ("-q", "--name", "many", *SIM, "sleep", "0.2")
        begin = time.monotonic()
        self.monitor(*words)
        whole = time.monotonic() - begin  # the kills sweep the whole life of a run, its commit too
        for i in range(40):
            program = subprocess.Popen([PERUN, "monitor", *words], cwd=self.dir, env=self.env,
                                       stderr=subprocess.DEVNULL)
            time.sleep(whole * i / 40)
            for pid in (*descendants(program.pid).values(), program.pid):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            program.wait()
        done = self.monitor("-q", "--name", "many", *SIM, "true")
        self.assertEqual(done.returncode, 0, done.stderr)
        runs = self.report("results/many.hdf5", run="all")["runs"]
        ids = [r["id"] for r in runs]
        self.assertEqual(len(ids), len(set(ids)), "a run was stored twice")
        self.assertEqual([r["number"] for r in runs], list(range(len(runs))))
        self.assertLessEqual(len(runs), 42)
        self.assertGreater(len(runs), 10)
        self.assert_nothing_left()


    def cut_off(self):
        """A run whose processes were all killed."""
        program, parts = self.start("sleep", "30")
        time.sleep(0.4)
        for pid in (parts["perun-agent"], program.pid, parts["sleep"]):
            os.kill(pid, signal.SIGKILL)
        program.wait()
        self.wait_gone(parts.values())

    def test_recovered_by_eight_at_once_it_is_there_once(self):
        for _ in range(2):
            self.cut_off()
        several = [subprocess.Popen([PERUN, "recover"], cwd=self.dir, env=self.env, stdout=subprocess.PIPE) for _ in range(8)]
        told = [p.communicate(timeout=60)[0].decode() for p in several]
        self.assertEqual([p.returncode for p in several], [0] * 8, told)
        self.assertEqual("".join(told).count("recovered as run"), 1, told)  # the first by the monitor of the second
        runs = self.report("results/sleep.hdf5", run="all")["runs"]
        self.assertEqual(len({r["id"] for r in runs}), 2)
        self.assertEqual([r["number"] for r in runs], [0, 1])
        self.assertFalse((self.dir / "results" / ".perun").exists())

    def test_recover_says_what_it_did(self):
        self.cut_off()
        document = json.loads(self.perun("recover", "--json").stdout)
        self.assertEqual(document["schema"], "perun-recover/1")
        (run,) = document["runs"]
        self.assertEqual((run["fate"], run["number"], run["reason"]), ("stored", 0, None))
        self.assertTrue(run["file"].endswith("results/sleep.hdf5"))
        self.assertEqual(json.loads(self.perun("recover", "--json", "results").stdout)["runs"], [])
        self.assertIn(b"nothing to recover in ./results", self.perun("recover").stdout)
        done = self.perun("recover", "nowhere")
        self.assertEqual((done.returncode, done.stderr.splitlines()[0]), (1, b"perun: 'nowhere' is no directory"))

    def test_a_run_in_progress_is_shown_and_left_alone(self):
        program, parts = self.start("sleep", "1.5")
        energies = []
        for _ in range(2):
            time.sleep(0.4)
            done = self.perun("report", "--running", "--format", "json")
            self.assertEqual(done.returncode, 0, done.stderr)
            (run,) = json.loads(done.stdout)["runs"]
            self.assertTrue(run["outcome"]["running"])
            self.assertFalse(run["outcome"]["finished"])
            self.assertIsNone(run["number"])
            self.assertAlmostEqual(run["energy_J"], 100 * run["duration_s"], delta=1)
            energies.append(run["energy_J"])
        self.assertGreater(energies[0], 20)
        self.assertGreater(energies[1], energies[0] + 20)
        text = self.perun("report", "--running", "results").stdout.decode()
        self.assertRegex(text, r"^perun: sleep +running\n  sleep 1.5\n")
        self.assertIn("the run is in progress; the figures go up to the last reading", text)
        self.assertEqual(self.perun("report", "--running", "results/sleep.hdf5").returncode, 0)
        done = self.perun("report", "--running", "results/other.hdf5")
        self.assertEqual((done.returncode, done.stderr.splitlines()[0]), (1, b"perun: no run is in progress in results/other.hdf5"))
        self.assertIn(b"still running", self.perun("recover").stdout)
        self.assertEqual(program.wait(timeout=10), 0)
        self.assertTrue(self.only_run()["outcome"]["finished"])
        self.assertEqual(self.perun("report", "--running").returncode, 1)

    def test_a_run_without_its_agent_still_belongs_to_its_launcher(self):
        program, parts = self.start("sleep", "1.2")
        time.sleep(0.3)
        os.kill(parts["perun-agent"], signal.SIGKILL)
        time.sleep(0.3)
        self.assertIn(b"still running", self.perun("recover").stdout)
        self.assertEqual(program.wait(timeout=10), 0)
        self.assertNotIn(b"kept", program.stderr.read().replace(b"what was sampled is kept", b""))
        self.assertFalse(self.only_run()["outcome"]["finished"])


class ManyAtOnce(PerunTest):
    def test_eight_writers_add_ten_runs_each(self):
        words = f"monitor -q --name same --data_out {self.dir}/results {' '.join(SIM)} true"
        script = f"for i in 1 2 3 4 5 6 7 8 9 10; do {PERUN} {words} || exit; done"
        several = [subprocess.Popen(["sh", "-c", script], env=self.env, stderr=subprocess.DEVNULL) for _ in range(8)]
        self.assertEqual([p.wait(timeout=100) for p in several], [0] * 8)
        runs = self.report("results/same.hdf5", run="all")["runs"]
        self.assertEqual([r["number"] for r in runs], list(range(80)))
        self.assertEqual(len({r["id"] for r in runs}), 80)

    def test_eight_runs_at_once_are_eight_runs(self):
        programs = [subprocess.Popen([PERUN, "monitor", "-q", "--name", "same", *SIM, "sleep", "0.2"], cwd=self.dir, env=self.env,
                                     stderr=subprocess.DEVNULL) for _ in range(8)]
        self.assertEqual([p.wait(timeout=60) for p in programs], [0] * 8)
        runs = self.report("results/same.hdf5", run="all")["runs"]
        self.assertEqual([r["number"] for r in runs], list(range(8)))
        self.assertEqual(len({r["id"] for r in runs}), 8)
        self.assertFalse((self.dir / "results" / ".perun").exists())


class Places(PerunTest):
    def test_a_data_folder_that_cannot_be_written_is_told_before_the_program_starts(self):
        self.file("flat", "a file")
        for place in ("flat/below", "/proc/nowhere", "flat"):
            with self.subTest(place=place):
                done = self.monitor("--data_out", place, "sh", "-c", "touch ran")
                self.assertEqual(done.returncode, 125, done.stderr)
                self.assertIn(b"data folder", done.stderr)
                self.assertFalse((self.dir / "ran").exists())

    def test_foreign_files_are_left_alone(self):
        for name, content in (("text", b"not hdf5 at all"), ("empty", b""), ("torn", b"\x89HDF\r\n\x1a\n" + b"\0" * 40)):
            with self.subTest(name=name):
                path = self.file(f"results/{name}.hdf5", content)
                done = self.monitor("--name", name, "sh", "-c", "touch ran")
                self.assertEqual(done.returncode, 125, done.stderr)
                self.assertIn(name.encode(), done.stderr)
                self.assertEqual(path.read_bytes(), content)
                self.assertFalse((self.dir / "ran").exists())
                self.assertEqual(self.perun("report", path).returncode, 1)
        subprocess.run([PYTHON, "-c", "import h5py; h5py.File('results/other.hdf5', 'w')['x'] = 1"], cwd=self.dir, check=True)
        before = (self.dir / "results/other.hdf5").read_bytes()
        done = self.monitor("--name", "other", "true")
        self.assertEqual(done.returncode, 125)
        self.assertEqual((self.dir / "results/other.hdf5").read_bytes(), before)

    def test_a_full_disk_never_changes_the_programs_status(self):
        def small_files():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

        done = self.monitor("-q", "--backends", "sim:const:100W", "-f", "1000", "sh", "-c", "sleep 1; exit 6", preexec_fn=small_files,
                            restore_signals=False)
        self.assertEqual(done.returncode, 6, done.stderr)
        self.assertIn(b"cannot write", done.stderr)

    def test_reports_go_where_they_are_sent(self):
        done = self.monitor("-o", "-", "-o", "a.json", "-o", "b.yaml", *SIM, "echo", "out")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout.startswith(b"out\nperun: "))
        self.assertEqual(done.stderr, b"")
        self.assertIn(b"perun-report/1", (self.dir / "a.json").read_bytes())
        self.assertIn(b"perun-report/1", (self.dir / "b.yaml").read_bytes())
        self.monitor("-o", "elsewhere/", *SIM, "true")
        self.assertTrue((self.dir / "elsewhere" / "true.hdf5").exists())
        done = self.monitor("-o", "/proc/x.json", *SIM, "sh", "-c", "touch ran")
        self.assertEqual(done.returncode, 125)
        self.assertFalse((self.dir / "ran").exists())


if __name__ == "__main__":
    unittest.main()
