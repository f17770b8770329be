# SPDX-License-Identifier: BSD-3-Clause
"""libperun's module; where it was not built for this interpreter, something that says so as soon as it is used."""

import platform


class _Missing:
    """`python -m perun` needs nothing of it, and a program may import perun without using it."""

    def __init__(self, error):
        self._why = (
            f"perun's module _perun is not there for Python {platform.python_version()} ({error}); install the package with "
            "this interpreter (pip install), or build it: cmake --build build --target perun_python, PYTHONPATH=build/python"
        )

    def __getattr__(self, name):
        def fail(*_args):
            raise ImportError(self._why)

        return fail


try:
    from . import _perun as native
except ImportError as error:
    native = _Missing(error)
