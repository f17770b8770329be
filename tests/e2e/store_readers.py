# SPDX-License-Identifier: BSD-3-Clause
"""Other programs read the data file: h5py, xarray, netCDF4, ncdump and h5dump. Usage: store_readers.py MAKE_FILE."""

import pathlib
import subprocess
import sys
import tempfile
import warnings

import h5py
import netCDF4
import numpy as np
import xarray as xr

START = np.datetime64("2026-11-22T18:04:11.123456789")
SECOND = np.timedelta64(1, "s")


def check_h5py(path):
    with h5py.File(path, "r") as f:
        assert f.attrs["Conventions"] == "CF-1.10"
        assert f.attrs["NX_class"] == "NXroot"
        assert f.attrs["default"] == b"app/exp_1", f.attrs["default"]
        assert f.attrs["perun_format"] == 1
        app = f["app"]
        assert app.attrs["run_count"] == 2 and app.attrs["next_run"] == 2
        assert app.attrs["totalExpEnergy_kWh"] == 2.0
        assert app.attrs["totalExpRuntime_s"] == 4.0
        assert abs(app.attrs["totalExpPrice_euro"] - 2 * 0.657122) < 1e-12
        run = app["exp_0"]
        assert run.attrs["command"] == '["python3","train.py","--epochs","5"]'
        assert run.attrs["start_time"] == "2026-11-22T18:04:11.123Z"
        assert run.attrs["totalRunEnergy_kWh"] == 1.0
        assert run.attrs["runAvgPower_kW"] == 1800.0
        assert run.attrs["perun_kind"] == "measured"
        node = run["node"]
        assert sorted(node) == ["clock", "clock_mono_ns", "ipmi_node", "nvml_gpu_0", "rapl_package_0", "rapl_package_1", "sensor",
                                "sensor_1", "t_halfwidth_ns", "t_halfwidth_ns_1", "t_ns", "t_ns_1", "t_offset_ns", "t_offset_ns_1",
                                "total_W"], sorted(node)
        device = node["rapl_package_1"]
        expected = {"id": "rapl:package-1", "units": "J", "unit_name": "Joule", "mag": "micro", "scale_prefix": "u",
                    "long_name": "cpu:1 package", "symbol": "E", "coordinates": "t_ns", "cell_methods": "t_ns: sum",
                    "perun_kind": "measured", "perun_source": "rapl powercap", "quantity": "energy", "behavior": "counter"}
        for name, value in expected.items():
            assert device.attrs[name] == value, (name, device.attrs[name])
        assert device.attrs["scale_factor"] == 1e-6 and device.attrs["scale_factor"].dtype == np.float64
        assert device.attrs["_FillValue"] == np.iinfo(np.int64).max
        assert device.dims[0][0].name == node["t_ns"].name
        assert list(device[:]) == [1_000_000, 12_000_000, 23_000_000, 34_000_000]
        assert all(h5py.h5ds.is_scale(node[name].id) for name in ("t_ns", "sensor", "clock_mono_ns"))
        assert [d[0].name.rsplit("/")[-1] for d in node["t_offset_ns"].dims] == ["sensor", "t_ns"]
        assert node["t_offset_ns"][:].tolist() == [[0] * 4, [700] * 4, [5000] * 4]
        assert [s.decode() for s in node["sensor"][:]] == ["rapl:package-0", "rapl:package-1", "nvml:gpu-0"]


def check_xarray(path, group, ticks, engine):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # phony dimensions, dubious units ...
        with xr.open_dataset(path, group=group, engine=engine) as d:
            assert dict(d.dims)["t_ns"] == ticks
            assert d["t_ns"].values[0] == START, d["t_ns"].values[0]
            assert (np.diff(d["t_ns"].values) == SECOND).all()
            energy = d["rapl_package_0"]
            assert energy.attrs["units"] == "J"
            assert np.allclose(energy.values, 1 + 10 * np.arange(ticks), rtol=1e-12)
            power = d["nvml_gpu_0"].values
            assert power[0] == 0.0 and np.isnan(power[1]) and power[2] == 2.0 and power[-1] == ticks - 1
            assert d["nvml_gpu_0"].attrs["units"] == "W"
            total = d["total_W"].values
            assert np.isnan(total[0]) and np.isnan(total[1]) and np.isclose(total[2], 10 + 11 + 2)
            mean = energy.differentiate("t_ns", datetime_unit="s").values
            assert np.allclose(mean, 10.0)
            assert d["ipmi_node"].dims == ("t_ns_1",) and d["ipmi_node"].values.tolist() == [250.0, 251.0]
            assert d["clock"].values[0] == START
            assert d["t_halfwidth_ns"].dims == ("sensor", "t_ns")
            assert not any(str(name).startswith("phony") for name in d.dims)


def check_netcdf4(path):
    with netCDF4.Dataset(path) as f:
        node = f["app/exp_0/node"]
        assert f.Conventions == "CF-1.10"
        assert node["t_ns"].dimensions == ("t_ns",)
        assert node["rapl_package_0"].dimensions == ("t_ns",)
        power = node["nvml_gpu_0"][:]
        assert power[0] == 0.0 and power.mask.tolist() == [False, True, False, False]
        assert f["app/exp_0"].cwd == "/home/user"


def check_tools(path):
    for command in (["ncdump", "-h", path], ["h5dump", "-H", path]):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0 and done.stderr == "", (command, done.stderr)
        assert "rapl_package_0" in done.stdout
    header = subprocess.run(["ncdump", "-h", path], capture_output=True, text=True).stdout
    assert "phony_dim" not in header
    assert 't_ns:units = "nanoseconds since 1970-01-01 00:00:00"' in header


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = str(pathlib.Path(folder) / "app.hdf5")
        subprocess.run([sys.argv[1], path], check=True)
        check_h5py(path)
        engines = [e for e in ("netcdf4", "h5netcdf") if e in xr.backends.list_engines()]
        assert "netcdf4" in engines
        for engine in engines:
            check_xarray(path, "app/exp_0/node", 4, engine)
            check_xarray(path, "app/exp_1/node", 3000, engine)
        check_netcdf4(path)
        check_tools(path)
        with h5py.File(path, "r+") as f:  # and other programs may write
            f["app"].attrs["remark"] = "mine"
        subprocess.run([sys.argv[1], path], check=True)
        with h5py.File(path, "r") as f:
            assert f["app"].attrs["remark"] == "mine" and f["app"].attrs["run_count"] == 4


if __name__ == "__main__":
    main()
