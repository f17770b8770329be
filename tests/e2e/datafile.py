# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of durability look at: a data file as plain h5py sees it, and perun with faults below it."""

import hashlib
import os
import pathlib

import h5py
import numpy

FAULTS = os.environ["PERUN_FAULTS"]


def runs_of(file):
    """{"exp_0": digest of every dataset and attribute of the run}; reads all of the file, so that damage shows."""
    found = {}
    with h5py.File(file, "r") as data:
        (app,) = data.keys()
        for name in sorted(data[app]):
            digest = hashlib.sha256()

            def take(path, thing, digest=digest):
                digest.update(path.encode())
                for key in sorted(thing.attrs):
                    value = thing.attrs[key]
                    # References between datasets are addresses in the file.
                    if key not in ("DIMENSION_LIST", "REFERENCE_LIST"):
                        digest.update(repr((key, value.tolist() if isinstance(value, numpy.ndarray) else value)).encode())
                if isinstance(thing, h5py.Dataset):
                    value = thing[()]
                    raw = repr(value.tolist()).encode() if value.dtype.kind == "O" else value.tobytes()
                    digest.update(repr((thing.shape, thing.dtype)).encode() + raw)

            take("", data[app][name])
            data[app][name].visititems(take)
            found[name] = digest.hexdigest()
    return found


def attributes(file):
    """{run id: attributes of the run}"""
    with h5py.File(file, "r") as data:
        (app,) = data.keys()
        return {run.attrs["run_id"]: dict(run.attrs) for run in data[app].values()}


def with_faults(env, below, count, faults="", **more):
    """An environment in which calls below the folders `below` meet `faults` (tests/support/faults.cpp)."""
    pathlib.Path(count).unlink(missing_ok=True)
    return {**env, "LD_PRELOAD": FAULTS, "FAULTS_BELOW": ":".join(map(str, below)), "FAULTS_COUNT": str(count), "FAULTS": faults,
            **{key: str(value) for key, value in more.items()}}


def calls(count):
    """How many calls the processes of a run made."""
    return int.from_bytes(pathlib.Path(count).read_bytes(), "little")
