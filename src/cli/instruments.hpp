// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "backends/select.hpp"
#include "base/result.hpp"
#include "config/config.hpp"
#include "sampling/instruments.hpp"

namespace perun {

/// The machine as the configuration says to look at it.
[[nodiscard]] Host host_of(const Config& config);

/// What the configuration wants measured.
[[nodiscard]] Selection selection_of(const Config& config);

/// Lets this process open as many files as the hard limit allows: each sensor may need one.
void raise_file_limit() noexcept;

/// Whether a sensor brings measured energy into the total.
[[nodiscard]] bool measures_energy(const Listed& listed);

/// The sources that the configuration asks for, with one line for the user when nothing can be measured. With
/// --strict that is an error, and so is a source asked for by name that is blocked or not there. Errors: unknown backend or
/// sensor names, sources that make no sense.
[[nodiscard]] Result<Instruments> open_instruments(const Config& config);

}  // namespace perun
