# SPDX-License-Identifier: BSD-3-Clause
"""perun measures and reports the energy, power and CO2e of programs. `python -m perun` is the command line tool."""
