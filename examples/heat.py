#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Cooling of a square plate: u_t = u_xx + u_yy, edges held at 0, by finite elements and backward Euler.

A real computation to measure, with the standard library alone and on one core:

  assemble  adds up the stiffness matrix of linear triangles on a grid
  solve     marches in time; each step solves a linear system with conjugate gradients
  verify    compares with the closed form of the discrete problem

Prints one line per phase, the same on every machine; fails when the result is wrong.
"""
import argparse
import math
import sys

try:
    from perun import region  # the phases then stand in the report, each with its energy
except ImportError:
    from contextlib import nullcontext as region  # runs as well without

# The plate starts as a sum of sine waves, (waves in x, waves in y, height): each decays by its own known factor.
MODES = [(1, 1, 1.0), (2, 1, 0.5), (1, 3, 0.4), (3, 3, 0.3), (4, 2, 0.3), (5, 1, 0.2), (5, 4, 0.2), (7, 6, 0.1)]
DT = 1e-3


def assemble(size):
    """Stiffness matrix (pointers, columns, values) of the inner grid points, size in each direction."""
    entries = {}
    total = size * size
    # Of each half cell: the corner at the right angle and its neighbours in x and y.
    for j in range(-1, size):
        for i in range(-1, size):
            for right, x, y in (((i, j), (i + 1, j), (i, j + 1)), ((i + 1, j + 1), (i, j + 1), (i + 1, j))):
                local = ((right, right, 1.0), (x, x, 0.5), (y, y, 0.5),
                         (right, x, -0.5), (x, right, -0.5), (right, y, -0.5), (y, right, -0.5))
                for (ai, aj), (bi, bj), value in local:
                    if 0 <= ai < size and 0 <= aj < size and 0 <= bi < size and 0 <= bj < size:
                        key = (aj * size + ai) * total + bj * size + bi
                        entries[key] = entries.get(key, 0.0) + value
    pointers, columns, values = [0] * (total + 1), [], []
    for key in sorted(entries):
        pointers[key // total + 1] += 1
        columns.append(key % total)
        values.append(entries[key])
    for row in range(total):
        pointers[row + 1] += pointers[row]
    return pointers, columns, values


def multiply(matrix, factor, x):
    """x + factor * matrix @ x"""
    pointers, columns, values = matrix
    out = []
    for row, own in enumerate(x):
        total = 0.0
        for k in range(pointers[row], pointers[row + 1]):
            total += values[k] * x[columns[k]]
        out.append(own + factor * total)
    return out


def dot(a, b):
    return sum(p * q for p, q in zip(a, b))


def conjugate_gradients(matrix, factor, b):
    """Solves (1 + factor * matrix) x = b"""
    x, residual, direction = [0.0] * len(b), b[:], b[:]
    norm = start = dot(b, b)
    while norm > 1e-20 * start:
        image = multiply(matrix, factor, direction)
        step = norm / dot(direction, image)
        x = [p + step * q for p, q in zip(x, direction)]
        residual = [p - step * q for p, q in zip(residual, image)]
        norm, before = dot(residual, residual), norm
        direction = [p + norm / before * q for p, q in zip(residual, direction)]
    return x


def wave(size, waves):
    return [math.sin(math.pi * waves * (k + 1) / (size + 1)) for k in range(size)]


def superpose(size, heights):
    """The sum of the modes, each with its height, at every grid point."""
    field = [0.0] * (size * size)
    for (mx, my, _), height in zip(MODES, heights):
        sx, sy = wave(size, mx), wave(size, my)
        field = [old + height * p for old, p in zip(field, (a * b for b in sy for a in sx))]
    return field


def decay(size, mx, my):
    """What one time step leaves of a mode, exactly."""
    h = 1 / (size + 1)
    eigenvalue = 4 / h**2 * (math.sin(math.pi * mx * h / 2) ** 2 + math.sin(math.pi * my * h / 2) ** 2)
    return 1 / (1 + DT * eigenvalue)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=280, help="inner grid points in each direction (default %(default)s)")
    parser.add_argument("--steps", type=int, default=4, help="time steps (default %(default)s)")
    arguments = parser.parse_args()
    size, steps = arguments.size, arguments.steps
    if size < 8 or steps < 1:
        parser.error("--size must be at least 8 and --steps at least 1")

    with region("assemble"):
        matrix = assemble(size)
    print(f"assemble  {size * size} unknowns, {len(matrix[2])} non-zeros", flush=True)

    field = superpose(size, [height for _, _, height in MODES])
    hottest = max(field)
    with region("solve"):
        for _ in range(steps):
            with region("step"):
                field = conjugate_gradients(matrix, DT * (size + 1) ** 2, field)
    print(f"solve     {steps} steps, hottest point {hottest:.4f} -> {max(field):.4f}", flush=True)

    with region("verify"):
        exact = superpose(size, [height * decay(size, mx, my) ** steps for mx, my, height in MODES])
        error = max(abs(a - b) for a, b in zip(field, exact)) / max(exact)
    good = error < 1e-7
    print(f"verify    relative error {'below 1e-7: correct' if good else f'{error:.1e}: WRONG'}", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
