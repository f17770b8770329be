# SPDX-License-Identifier: BSD-3-Clause
"""Waiting for accelerators: what a program has only queued is not done, and its energy not used yet.

Only frameworks that the program has imported and started itself are asked; nothing is imported or initialised for this.
"""

import sys


def _torch(torch):
    for name in ("cuda", "xpu"):
        device = getattr(torch, name, None)
        if device is None or not device.is_available() or not device.is_initialized():
            continue
        current = device.current_device()
        for i in range(device.device_count()):
            # Touching a device that the program does not use would take memory there.
            if i == current or device.memory_reserved(i) > 0:
                device.synchronize(i)


def _jax(jax):
    bridge = sys.modules.get("jax._src.xla_bridge")
    started = getattr(bridge, "backends_are_initialized", None)
    if started is None or not started():
        return
    for device in jax.local_devices():
        (jax.device_put(0.0, device) + 0).block_until_ready()  # behind everything that is queued there


def _cupy(cupy):
    cupy.cuda.runtime.deviceSynchronize()


_WAITS = {"torch": _torch, "jax": _jax, "cupy": _cupy}


def wait_for_devices():
    """Returns when the work is done that torch, jax and cupy have queued."""
    for name, wait in _WAITS.items():
        module = sys.modules.get(name)
        if module is None:
            continue
        try:
            wait(module)
        except Exception:  # an error of the program's own work: it meets it again where it waits itself
            pass


def waiter(sync):
    """What to call at the edges of a region: for "auto" wait_for_devices, for a function itself, for False nothing."""
    if sync == "auto" or sync is True:
        return wait_for_devices
    if not sync:
        return None
    if callable(sync):
        return sync
    raise TypeError(f"sync is 'auto', a function or False, not {sync!r}")
