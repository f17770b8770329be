# SPDX-License-Identifier: BSD-3-Clause
"""PEP 517 backend: builds the tool and the Python module with CMake and packs both into a wheel, with the standard library.

Config settings: build-dir=DIR takes a build tree of CMake that is there already, instead of making one.
"""

import base64
import hashlib
import io
import os
import pathlib
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
VERSION = re.search(r"project\(perun VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text()).group(1)
DIST_INFO = f"perun-{VERSION}.dist-info"
SUMMARY = "Measures and reports the energy, power and CO2e of programs"
ENTRY_POINTS = "[pytest11]\nperun = perun.pytest_plugin\n"
NOT_IN_SDIST = {".git", "results", "__pycache__", "dist"}
EPOCH = (1980, 1, 1, 0, 0, 0)  # the same input gives the same wheel


def get_requires_for_build_wheel(config_settings=None):
    return []


get_requires_for_build_sdist = get_requires_for_build_editable = get_requires_for_build_wheel


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    folder = pathlib.Path(metadata_directory) / DIST_INFO
    folder.mkdir()
    for name, text in _metadata().items():
        (folder / name).write_text(text)
    return DIST_INFO


prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    with tempfile.TemporaryDirectory(prefix="perun-wheel-") as scratch:
        stage = pathlib.Path(scratch) / "stage"
        build = _built(config_settings, pathlib.Path(scratch) / "build")
        for component in ("python", "tool"):
            _run("cmake", "--install", build, "--component", component, "--prefix", stage, "--strip")
        module = stage / "lib/python3/dist-packages"
        _check_module(module / "perun")
        files = {path.relative_to(module).as_posix(): path for path in module.rglob("*") if path.is_file()}
        files[f"perun-{VERSION}.data/scripts/perun"] = stage / "bin" / "perun"
        for helper in (stage / "libexec").rglob("*"):
            if helper.is_file():
                files[f"perun-{VERSION}.data/data/{helper.relative_to(stage).as_posix()}"] = helper
        return _pack(wheel_directory, {name: (path.read_bytes(), _mode(path)) for name, path in files.items()})


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    """The package stays here: sources are used as they are, the module and the tool as they were built last."""
    build = _built({"build-dir": str(ROOT / "build"), **(config_settings or {})}, None)
    return _pack(wheel_directory, {"perun.pth": (f"{build / 'python'}\n".encode(), 0o644)})


def build_sdist(sdist_directory, config_settings=None):
    top = f"perun-{VERSION}"
    name = f"{top}.tar.gz"

    def wanted(info):
        parts = pathlib.PurePath(info.name).parts[1:]
        skip = parts and (parts[0] in NOT_IN_SDIST or parts[0].startswith("build") or parts[-1] == "__pycache__")
        return None if skip else info

    with tarfile.open(pathlib.Path(sdist_directory) / name, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        archive.add(ROOT, top, filter=wanted)
        text = _metadata()["METADATA"].encode()
        info = tarfile.TarInfo(f"{top}/PKG-INFO")
        info.size = len(text)
        archive.addfile(info, io.BytesIO(text))
    return name


def _built(config_settings, scratch):
    """A build tree with the tool and the module for this interpreter in it."""
    given = (config_settings or {}).get("build-dir")
    build = pathlib.Path(given).resolve() if given else scratch
    if not (build / "CMakeCache.txt").exists():
        _run(
            *("cmake", *(("-G", "Ninja") if shutil.which("ninja") else ()), "-S", ROOT, "-B", build, "-DCMAKE_BUILD_TYPE=Release", "-DPERUN_TESTS=OFF", "-DPERUN_BENCH=OFF"),
            *(f"-DPython_EXECUTABLE={sys.executable}", f"-DPython_INCLUDE_DIR={sysconfig.get_path('include')}"),
        )
    _run("cmake", "--build", build, "--target", "perun_python", "--parallel", len(os.sched_getaffinity(0)))
    return build


def _check_module(package):
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    if not (package / f"_perun{suffix}").exists():
        there = ", ".join(path.name for path in package.glob("_perun*")) or "nothing"
        sys.exit(f"perun: the build tree has {there}, but this interpreter wants _perun{suffix}: give it another build-dir")


def _run(*command):
    command = [str(word) for word in command]
    try:
        # The output belongs to pip, which shows it when something fails.
        subprocess.run(command, check=True)
    except FileNotFoundError:
        sys.exit(f"perun: {command[0]} is not there; on Debian: {_packages()}")
    except subprocess.CalledProcessError:
        sys.exit(f"perun: '{' '.join(command[:4])} ...' failed (above). What it needs on Debian: {_packages()}")


def _packages():
    """The line that installs what a build needs, from the script that knows."""
    script = (ROOT / "scripts" / "install-deps.sh").read_text()
    words = re.search(r"^build=\((.*?)\)", script, re.S | re.M).group(1).split()
    return "apt-get install " + " ".join(word.partition(":")[0] for word in words)


def _mode(path):
    return 0o755 if os.access(path, os.X_OK) and path.suffix != ".so" else 0o644


def _tag():
    python = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    return f"{python}-{python}-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"


def _metadata():
    return {
        "METADATA": f"Metadata-Version: 2.1\nName: perun\nVersion: {VERSION}\nSummary: {SUMMARY}\n"
        "License: BSD-3-Clause\nRequires-Python: >=3.9\nProvides-Extra: load\nRequires-Dist: h5py; extra == 'load'\n"
        "Requires-Dist: numpy; extra == 'load'\nDescription-Content-Type: text/markdown\n\n"
        + (ROOT / "README.md").read_text(),
        "WHEEL": f"Wheel-Version: 1.0\nGenerator: perun_build\nRoot-Is-Purelib: false\nTag: {_tag()}\n",
        "entry_points.txt": ENTRY_POINTS,
        "LICENSE": (ROOT / "LICENSE").read_text(),
    }


def _pack(wheel_directory, files):
    """Writes the wheel: `files` is {name: (bytes, mode)}; its name."""
    name = f"perun-{VERSION}-{_tag()}.whl"
    files = dict(files)
    for entry, text in _metadata().items():
        files[f"{DIST_INFO}/{entry}"] = (text.encode(), 0o644)
    record = []
    with zipfile.ZipFile(pathlib.Path(wheel_directory) / name, "w", zipfile.ZIP_DEFLATED) as wheel:
        for entry, (data, mode) in sorted(files.items()):
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append(f"{entry},sha256={digest},{len(data)}\n")
            _add(wheel, entry, data, mode)
        _add(wheel, f"{DIST_INFO}/RECORD", ("".join(record) + f"{DIST_INFO}/RECORD,,\n").encode(), 0o644)
    return name


def _add(wheel, name, data, mode):
    info = zipfile.ZipInfo(name, EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = (0o100000 | mode) << 16
    wheel.writestr(info, data)
