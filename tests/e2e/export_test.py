# SPDX-License-Identifier: BSD-3-Clause
"""`perun export`: what other programs make of it, the way back, and files of the Python perun."""

import io
import json
import pathlib
import unittest

import h5py
import numpy as np
import pandas as pd

from harness import PerunTest

WRAP = 262143328850
SEED_T0 = 1_662_026_400_000_000_000


def seed_file(path, runs=2):
    """The first layout of the Python perun: /APP/exp_N/NODE/{t_ns, ID_UNIT}."""
    with h5py.File(path, "w") as f:
        app = f.create_group("train")
        app.attrs["creation_date"] = "2022-09-01 10:00:00.000001"
        app.attrs["totalExpEnergy_kWh"] = 1.0
        for n in range(runs):
            run = app.create_group(f"exp_{n}")
            run.attrs["experiment_date"] = "2022-09-01 10:00:00.500000"
            for host in ("hk01", "hk02"):
                node = run.create_group(host)
                t = node.create_dataset("t_ns", data=np.uint64(SEED_T0) + np.arange(11, dtype="uint64") * np.uint64(10**9))
                for key, value in {"long_name": "time", "units": "seconds", "mag": "nano", "standard_name": "time"}.items():
                    t.attrs[key] = value
                counter = (WRAP - 250_000_000 + np.arange(11, dtype="uint64") * np.uint64(100_000_000)) % np.uint64(WRAP)
                seed_device(node, "0_package-0_\u00b5J", counter, "Joule", "micro", 1e-6, WRAP, "Xeon:0_package-0")
                seed_device(node, "0_core_\u00b5J", np.arange(11, dtype="uint64") * np.uint64(50_000_000), "Joule", "micro", 1e-6, WRAP,
                            "Xeon:0_core")
                seed_device(node, "CUDA:GPU-77_mW", np.full(11, 50_000, "uint32"), "Watt", "mili", 1e-3, 400_000, "A100")


def seed_device(node, name, values, unit, prefix, factor, highest, long_name):
    d = node.create_dataset(name, data=values)
    d.attrs.update({"long_name": long_name, "units": unit, "symbol": unit[0], "scale_prefix": prefix})
    d.attrs.create("coordinates", data=["t_ns"])
    for key, value in {"valid_min": 0, "valid_max": highest, "_FillValue": 0, "add_offset": 0}.items():
        d.attrs.create(key, data=value, dtype=values.dtype)
    d.attrs.create("scale_factor", data=factor, dtype="f")


def tree_node(group, name, kind, metadata=None, device=None):
    """One node of the layout since 0.2, with its empty groups `metrics` and `nodes`."""
    node = group.create_group(name)
    node.attrs["type"] = kind
    for key, value in (metadata or {}).items():
        node.attrs[key] = str(value)
    if device:
        node.attrs["device_type"] = device
    node.create_group("metrics")
    return node, node.create_group("nodes")


def tree_values(group, name, values, unit, mag, highest):
    d = group.create_dataset(name, data=values)
    d.attrs.update({"unit": unit, "mag": float(mag), "dtype": values.dtype.name})
    for key, value in {"valid_min": 0, "valid_max": highest, "fill": 0}.items():
        d.attrs.create(key, data=value, dtype=values.dtype)


def tree_sensor(group, name, device, values, unit, mag, highest, alt=None):
    node, _ = tree_node(group, name, 6, {"source": "test"}, device)
    raw = node.create_group("raw_data")
    tree_values(raw, "timesteps", np.arange(len(values), dtype="float32"), "s", 1, 1e9)
    tree_values(raw, "values", values, unit, mag, highest)
    if alt is not None:
        tree_values(raw, "alt_values", alt, "J", 1e-6, WRAP)


def tree_file(path):
    """The layout of 0.2 to 0.9: groups `nodes` below each other; application, rounds, run, node, devices, sensors."""
    meta = {"app_name": "train", "perun_version": "0.9.1", "execution_dt": "2024-05-06T07:08:09.250000",
            "monitor.sampling_period": "1", "post-processing.pue": "1.2", "post-processing.emissions_factor": "230.0",
            "post-processing.price_factor": "0.2678", "post-processing.power_overhead": "0"}
    with h5py.File(path, "w") as f:
        _, rounds = tree_node(f, "train", 1, {"creation_dt": "2024-05-06T07:08:09"})
        _, runs = tree_node(rounds, "20240506", 2, meta)
        for n in range(11):
            _, nodes = tree_node(runs, str(n), 3)
            host, groups = tree_node(nodes, "hk01", 4)
            host.attrs["mpi_ranks"] = [0, 2]
            regions = runs[str(n)].create_group("regions")
            # Seconds since the begin, begins and ends in turn; rank 1 is of a host that is not in the file.
            for name, ranks in {"train": {0: [0, 2], 1: [0, 3]}, "io/load": {0: [0.5, 1, 1.5, 2], 2: [1, 3]}}.items():
                region = regions.create_group(name)
                region.attrs["id"] = name
                region.create_group("metrics")
                for rank, seconds in ranks.items():
                    region.require_group("raw_data").create_dataset(str(rank), data=np.array(seconds, "float32"))
            _, cpu = tree_node(groups, "cpu", 5, device="cpu")
            counter = (WRAP - 20_000_000 + np.arange(4, dtype="uint64") * np.uint64(50_000_000)) % np.uint64(WRAP)
            tree_sensor(cpu, "cpu_0_package-0", "cpu", np.full(4, 50, "float32"), "W", 1, 1e9, counter)
            tree_sensor(cpu, "CPU_USAGE_0", "cpu", np.array([0, 12.5, 100, 50], "float32"), "%", 1, 100)
            _, gpu = tree_node(groups, "gpu", 5, device="gpu")
            tree_sensor(gpu, "CUDA:3_POWER", "gpu", np.full(4, 70_000, "uint32"), "W", 1e-3, 400_000)
            _, net = tree_node(groups, "net", 5, device="net")
            tree_sensor(net, "NET_READ_BYTES", "net", np.array([5, 5, 7, 9], "uint64") * np.uint64(1000), "B", 1, 2**63)


def everything(path):
    """All that a data file holds, but for addresses: dataset bytes and attributes by path."""
    found = {}

    def take(name, thing):
        if name.endswith("/summary"):  # what a report says, which knows the run's number only afterwards
            return
        if isinstance(thing, h5py.Dataset):
            found[name] = thing[()].tolist() if thing.dtype.kind == "O" else (thing.dtype.str, thing[()].tobytes())
        for key, value in thing.attrs.items():
            if key not in ("DIMENSION_LIST", "REFERENCE_LIST", "creation_date", "history", "creator"):
                found[name, key] = repr(value)

    with h5py.File(path) as f:
        f.visititems(take)
    return found


class Export(PerunTest):
    def measure(self):
        words = ("--backends", "sim:square:20W:200W:100ms,proc", "-f", "50", "--name", "heat", "--tag", "a")
        done = self.monitor("-q", *words, "sleep", "0.3")
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return self.dir / "results/heat.hdf5"

    def export(self, *words, status=0):
        done = self.perun("export", *words)
        self.assertEqual(done.returncode, status, done.stderr.decode())
        return done.stdout.decode() if status == 0 else done.stderr.decode()

    def test_the_way_through_json_and_back_loses_nothing(self):
        file = self.measure()
        self.measure()
        self.export(file, "-o", "x.json")
        self.export("x.json", "-o", "back.hdf5")
        self.assertEqual(everything(self.dir / "back.hdf5"), everything(file))
        self.export("back.hdf5", "-o", "again.json")
        self.assertEqual((self.dir / "again.json").read_bytes(), (self.dir / "x.json").read_bytes())
        self.assertEqual(self.report("x.json")["runs"], self.report(file)["runs"])
        self.assertFalse(list(self.dir.glob("*.part")))

    def test_pandas_reads_both_tables(self):
        file = self.measure()
        long = pd.read_csv(io.StringIO(self.export(file, "--format", "csv")), float_precision="round_trip")
        with h5py.File(file) as f:
            node = next(g for g in f["heat/exp_0"].values() if isinstance(g, h5py.Group))
            raw, t = node["sim_square"][()], node["t_ns"][()]
        mine = long[long.sensor == "sim:square"]
        self.assertEqual(mine.raw.tolist(), raw.tolist())
        self.assertEqual(mine.value.tolist(), (raw * 1e-6).tolist())
        self.assertEqual(mine.time_ns.tolist(), t.tolist())
        self.assertEqual(set(mine.unit), {"J"})
        self.assertEqual(set(mine.kind), {"measured"})
        times = pd.to_datetime(mine.time_ns)
        self.assertLess(abs((times.max() - times.min()).total_seconds() - 0.3), 0.25)
        wide = pd.read_csv(io.StringIO(self.export(file, "--format", "csv", "--wide")))
        self.assertEqual(wide["sim:square raw"].dropna().astype("int64").tolist(), raw.tolist())
        self.assertIn("proc:memory_used [byte]", wide.columns)

    def test_json_lines(self):
        lines = [json.loads(line) for line in self.export(self.measure(), "--format", "jsonl").splitlines()]
        self.assertEqual(lines[0]["schema"], "perun-data/1")
        self.assertEqual({line["type"] for line in lines}, {"file", "run", "node", "sensor", "reading"})

    def test_a_part_of_the_runs_as_a_new_file(self):
        for _ in range(4):
            file = self.measure()
        self.export(file, "--run", "1,last", "-o", "part.hdf5")
        self.assertEqual([r["number"] for r in self.report("part.hdf5", "all")["runs"]], [1, 3])
        whole, part = everything(file), everything(self.dir / "part.hdf5")
        for key, value in part.items():
            name = key if isinstance(key, str) else key[0]
            if "exp_" in name:
                self.assertEqual(value, whole[key])
        self.assertIn("is there already", self.export(file, "-o", "part.hdf5", status=1))

    def test_mistakes(self):
        file = self.measure()
        self.assertIn("which format", self.export(file, status=2))
        self.assertIn("not a format to export", self.export(file, "-o", "x.xml", status=2))
        self.assertIn("cannot be written to stdout", self.export(file, "--format", "hdf5", status=2))
        self.assertIn("cannot write", self.export(file, "-o", "none/x.csv", status=1))
        self.measure()
        self.assertIn("is of one run", self.export(file, "--format", "firefox", "--run", "all", status=2))
        self.file("cut.json", self.export(file, "--format", "json")[:-40])
        self.assertIn("is not JSON", self.export("cut.json", "--format", "csv", status=1))
        self.assertIn("has no readings", self.export(self.file("r.json", json.dumps(self.report(file))), "--format", "csv", status=1))


class PythonPerun(PerunTest):
    """R41: figures by the closed form of the raw readings, and a note of what the file cannot tell."""

    def check(self, file, joules, note):
        run = self.report(file)["runs"][0]
        self.assertAlmostEqual(run["energy_J"], joules, places=6)
        self.assertEqual(run["kind"], "measured")
        self.assertIsNone(run["outcome"]["exit_code"])
        self.assertIsNone(run["outcome"]["user_s"])
        told = [n["text"] for n in run["notes"] if n["caveat"] == "foreign_data"]
        self.assertEqual(len(told), 1)
        self.assertIn(note, told[0])
        return run

    def test_first_layout(self):
        path = self.dir / "seed.hdf5"
        seed_file(path)
        before = path.read_bytes()
        # Each node: 100 W by a counter that wraps, 50 W by a gauge, 10 s; the cores are in the package.
        run = self.check(path, 2 * 1500, "first file layout")
        self.assertEqual((run["number"], run["begin"], run["duration_s"]), (1, "2022-09-01T10:00:00.000Z", 10))
        self.assertEqual([n["host"] for n in run["nodes"]], ["hk01", "hk02"])
        self.assertEqual(self.report(path)["runs_in_file"], 2)
        self.perun("export", path, "-o", "new.hdf5")
        self.check("new.hdf5", 3000, "first file layout")
        table = pd.read_csv(io.StringIO(self.perun("export", path, "--format", "csv", "--run", "0").stdout.decode()))
        self.assertEqual(len(table), 2 * 3 * 11)
        self.assertEqual(table.time_ns.min(), SEED_T0)
        listed = json.loads(self.perun("runs", path, "--json").stdout)["files"][0]
        self.assertEqual([r["number"] for r in listed["runs"]], [0, 1])
        for words in (("runs", "tag", path, "0", "x"), ("runs", "delete", path, "0"), ("postprocess", path, "--pue", "2")):
            done = self.perun(*words)
            self.assertEqual(done.returncode, 1, words)
        self.assertEqual(path.read_bytes(), before)

    def test_layout_of_0_9(self):
        path = self.dir / "perun_results/train.hdf5"
        path.parent.mkdir()
        tree_file(path)
        run = self.check(path, 150 + 210, "Python perun 0.9.1")
        self.assertEqual((run["number"], run["round"], run["begin"]), (10, 10, "2024-05-06T07:08:09.250Z"))
        self.assertEqual(run["duration_s"], 3)
        self.assertAlmostEqual(run["footprint"]["co2e_kg"], 360 / 3.6e6 * 1.2 * 0.23, places=12)
        self.assertAlmostEqual(run["footprint"]["cost_cent"], 360 / 3.6e6 * 1.2 * 26.78, places=12)
        self.assertEqual(run["nodes"][0]["activity"]["network_received_bytes"], 4000)
        # 120 W, of which rank 0 alone has all up to 1 s, and half where rank 2 is open too.
        regions = {r["name"]: r for r in run["regions"]["regions"]}
        self.assertEqual({n: (r["calls"], r["time_s"]) for n, r in regions.items()}, {"train": (1, 2), "io/load": (3, 3)})
        for name, inclusive, exclusive in (("train", 180, 90), ("io/load", 270, 270)):
            self.assertAlmostEqual(regions[name]["energy_J"], inclusive, delta=0.05)
            self.assertAlmostEqual(regions[name]["exclusive_energy_J"], exclusive, delta=0.05)
        self.perun("export", path, "-o", "train.json", "--run", "3")
        again = self.check("train.json", 360, "Python perun 0.9.1")
        self.assertEqual(again["regions"], run["regions"])

    def test_broken_files_are_told(self):
        path = self.dir / "x.hdf5"
        tree_file(path)
        with h5py.File(path, "r+") as f:
            raw = f["train/nodes/20240506/nodes/4/nodes/hk01/nodes/cpu/nodes/cpu_0_package-0/raw_data"]
            del raw["timesteps"]
        done = self.perun("report", path)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"cpu_0_package-0", done.stderr)
        with h5py.File(self.dir / "foreign.hdf5", "w") as f:
            f.create_group("something")
        done = self.perun("report", "foreign.hdf5")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"not one of perun's", done.stderr)
        seed_file(self.dir / "cut.hdf5")
        whole = (self.dir / "cut.hdf5").read_bytes()
        for size in (100, 1000, len(whole) // 2, len(whole) - 100):
            pathlib.Path(self.dir / "cut.hdf5").write_bytes(whole[:size])
            self.assertEqual(self.perun("report", "cut.hdf5").returncode, 1)


if __name__ == "__main__":
    unittest.main()
