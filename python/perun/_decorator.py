# SPDX-License-Identifier: BSD-3-Clause
"""@perun.monitor, and what it has in common with @perun.region."""

import functools
import sys

from . import _options, _runs
from ._regions import region


def monitor(function=None, /, **options):
    """Measures every call of a function.

        @perun.monitor(data_out="results/", format="txt")
        def training_loop(args, model): ...

    Outside of `perun monitor` the outermost decorated call is a run of its own: measured by a process of perun, added to
    DATA_OUT/NAME.hdf5 (NAME is the function's, or `name`) and reported on stderr. Inside of `perun monitor`, or of another
    decorated call, it is a region of that run. Starting and storing a run take some 50 ms.

    Functions, methods, async functions, generators and async generators; for the latter three a call lasts from the first
    step to the end, what others do meanwhile included. Arguments, return value and exceptions are the function's own.

    The options are those of `perun monitor`, with '_' for '-': data_out, format, frequency (Hz), output (a file or several),
    name, backends, sensors, pue, emissions_factor (kgCO2e/kWh), price_factor (cent/kWh), rounds, quiet ... An unknown one is
    a TypeError. `rounds=N` calls the function N times, as N runs, and returns the last value.
    """
    if function is not None and not callable(function) and not isinstance(function, (classmethod, staticmethod)):
        raise TypeError(f"perun.monitor takes options by name; {function!r} is no function")
    _options.check_names(options)
    if function is None:
        return lambda f: monitor(f, **options)
    repeated = any(options.get(name) not in (None, default) for name, default in (("rounds", 1), ("warmup_rounds", 0)))
    return _decorate(function, functools.partial(_Call, _label(function), options), repeated)


def as_region(function, name, sync):
    """`function` with every call a region of that name."""
    return _decorate(function, lambda: _RegionCall(name, sync))


def _label(function):
    """`Trainer.fit`, without the functions around it."""
    function = getattr(function, "__func__", function)
    while isinstance(function, functools.partial):
        function = function.func
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    return name.rpartition("<locals>.")[2]


class _RegionCall:
    """A call that is a region, wherever it happens."""

    def __init__(self, name, sync):
        self._region = region(name, sync=sync)

    def __enter__(self):
        return (self._region,)

    def __exit__(self, *_):
        pass


class _Call:
    """One call of a function decorated with @perun.monitor. Iterating gives a context for each time it is to be run."""

    def __init__(self, label, options):
        self._label, self._options = label, options
        self._run = None

    def __enter__(self):
        return self

    def __iter__(self):
        if _runs.is_unmeasured():
            yield _runs.unmeasured()
            return
        name = self._options.get("name") or self._label
        if not _runs.joined():
            for _ in range(int(self._options.get("warmup_rounds") or 0)):
                yield _runs.unmeasured()
            rounds = int(self._options.get("rounds") or 1)
            self._run = _runs.Run.begin(_options.words({**self._options, "name": name, "rounds": rounds, "warmup_rounds": 0}))
        if self._run is None:
            yield region(name)
            return
        for _ in range(rounds):
            yield self._run

    def __exit__(self, *_):
        if self._run is None:
            return
        text = self._run.finish()[2]
        if text and sys.stderr is not None:
            sys.stderr.write(text)
            sys.stderr.flush()


def _decorate(function, call, repeated=False):
    """`function` with `call()` around every call of it, of the same kind as it is."""
    import inspect

    if isinstance(function, (classmethod, staticmethod)):
        return type(function)(_decorate(function.__func__, call, repeated))
    if inspect.iscoroutinefunction(function):
        wrapper = _coroutine(function, call)
    elif inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        if repeated:
            raise TypeError("a generator cannot be repeated: rounds and warmup_rounds are for functions")
        wrapper = _generator(function, call) if inspect.isgeneratorfunction(function) else _async_generator(function, call)
    else:
        wrapper = _plain(function, call)
    return functools.update_wrapper(wrapper, function)


def _plain(function, call):
    def wrapper(*args, **kwargs):
        with call() as turns:
            for turn in turns:
                with turn:
                    value = function(*args, **kwargs)
        return value

    return wrapper


def _coroutine(function, call):
    async def wrapper(*args, **kwargs):
        with call() as turns:
            for turn in turns:
                with turn:
                    value = await function(*args, **kwargs)
        return value

    return wrapper


def _generator(function, call):
    def wrapper(*args, **kwargs):
        with call() as turns:
            for turn in turns:
                with turn:
                    return (yield from function(*args, **kwargs))

    return wrapper


def _async_generator(function, call):
    async def wrapper(*args, **kwargs):
        with call() as turns:
            for turn in turns:
                with turn:
                    inner = function(*args, **kwargs)
                    step = inner.__anext__()
                    while True:
                        try:
                            value = await step
                        except StopAsyncIteration:
                            return
                        try:
                            step = inner.asend((yield value))
                        except GeneratorExit:
                            await inner.aclose()
                            raise
                        except BaseException as error:  # what was thrown in is the inner one's to handle
                            step = inner.athrow(error)

    return wrapper
