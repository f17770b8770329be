# SPDX-License-Identifier: BSD-3-Clause
# The types of the public names; what they do is told by their docstrings. Joules, watts, seconds.
import os
from typing import Any, Callable, Dict, Iterable, List, Literal, Optional, Sequence, TypeVar, Union, overload

import numpy
import pandas

_F = TypeVar("_F", bound=Callable[..., Any])
_Path = Union[str, "os.PathLike[str]"]
_List = Union[str, Iterable[str]]
_Kind = Literal["measured", "estimated", "mixed", "unavailable"]
_Sync = Union[Literal["auto"], bool, None, Callable[[], object]]

__version__: str

class PerunError(RuntimeError): ...

class _Figures:
    @property
    def energy_J(self) -> float: ...
    @property
    def uncertainty_J(self) -> float: ...
    @property
    def time_s(self) -> float: ...
    @property
    def power_W(self) -> float: ...
    @property
    def by_device(self) -> Dict[str, float]: ...
    @property
    def kind(self) -> _Kind: ...
    def usage(self) -> Usage: ...

class Usage(_Figures):
    def __init__(self, energy_J: float, uncertainty_J: float, time_s: float, by_device: Dict[str, float], kind: _Kind) -> None: ...

class region(_Figures):
    name: str
    def __init__(self, name: str, *, sync: _Sync = "auto") -> None: ...
    def __enter__(self) -> region: ...
    def __exit__(self, type: Any, error: Any, trace: Any) -> None: ...
    def __call__(self, function: _F) -> _F: ...
    def cancel(self) -> None: ...

class measure(_Figures):
    report: Optional[Dict[str, Any]]
    def __init__(
        self,
        *,
        sync: _Sync = "auto",
        frequency: Union[float, str, None] = ...,
        backends: Optional[_List] = ...,
        sensors: Optional[_List] = ...,
        exclude: Optional[_List] = ...,
        count: Optional[_List] = ...,
        no_count: Optional[_List] = ...,
        no_estimate: Optional[bool] = ...,
        strict: Optional[bool] = ...,
        estimate: Optional[str] = ...,
        baseline: Optional[str] = ...,
        **options: Any,
    ) -> None: ...
    def __enter__(self) -> measure: ...
    def __exit__(self, type: Any, error: Any, trace: Any) -> None: ...

class _Live(Usage):
    power_now_W: float

@overload
def monitor(function: _F, /) -> _F: ...
@overload
def monitor(
    *,
    data_out: Optional[_Path] = ...,
    format: Optional[str] = ...,
    output: Union[_Path, Sequence[_Path], None] = ...,
    name: Optional[str] = ...,
    frequency: Union[float, str, None] = ...,
    backends: Optional[_List] = ...,
    sensors: Optional[_List] = ...,
    exclude: Optional[_List] = ...,
    count: Optional[_List] = ...,
    no_count: Optional[_List] = ...,
    rounds: Optional[int] = ...,
    warmup_rounds: Optional[int] = ...,
    max_overhead: Union[float, str, None] = ...,
    no_estimate: Optional[bool] = ...,
    strict: Optional[bool] = ...,
    cpu_tdp: Union[float, str, None] = ...,
    estimate: Optional[str] = ...,
    baseline: Optional[str] = ...,
    pue: Optional[float] = ...,
    emissions_factor: Optional[float] = ...,
    price_factor: Optional[float] = ...,
    configuration: Optional[_Path] = ...,
    log_lvl: Optional[str] = ...,
    color: Optional[str] = ...,
    quiet: bool = ...,
    verbose: bool = ...,
    **options: Any,
) -> Callable[[_F], _F]: ...

def active() -> bool: ...
def begin(name: str, /) -> None: ...
def end(name: str, /) -> None: ...
def cancel(name: str, /) -> None: ...
def mark(text: str, /) -> None: ...
def count(**counters: float) -> None: ...
def read() -> Usage: ...
def register_callback(function: _F, every: float = 1.0) -> _F: ...  # called with a _Live
def unregister_callback(function: Callable[[_Live], object]) -> None: ...

class _Device:
    id: str
    label: str
    units: str
    quantity: str
    kind: str
    counted: bool
    attributes: Dict[str, Any]
    raw: numpy.ndarray  # int64[n]
    values: numpy.ndarray  # float64[n]
    t_ns: numpy.ndarray  # int64[n]
    halfwidth_ns: numpy.ndarray  # int32[n]

class _Node:
    host: str
    attributes: Dict[str, Any]
    devices: Dict[str, _Device]
    t_ns: numpy.ndarray  # int64[n]
    total_W: Optional[numpy.ndarray]  # float64[n]
    def frame(self) -> pandas.DataFrame: ...

class _Run(_Figures):
    attributes: Dict[str, Any]
    number: int
    id: str
    command: List[str]
    begin: str
    finished: bool
    exit_code: int
    @property
    def report(self) -> Dict[str, Any]: ...
    @property
    def nodes(self) -> Dict[str, _Node]: ...

class _Runs(Sequence[_Run]):
    file: str
    app: str
    def frame(self) -> pandas.DataFrame: ...

def load(file: _Path) -> _Runs: ...
def load_ipython_extension(ipython: Any) -> None: ...
