# SPDX-License-Identifier: BSD-3-Clause
"""The version of the package and of its tool; CMakeLists.txt has it too, and a test holds them together."""

version = "0.1.0"
