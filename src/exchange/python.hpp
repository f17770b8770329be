// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <filesystem>

#include "base/json.hpp"
#include "base/result.hpp"
#include "exchange/json.hpp"

namespace perun {

// Files of the Python perun (Helmholtz-AI-Energy/perun), as its documents and its writers define them: the first layout,
// /APP/exp_N/NODE/DEVICE, and that of 0.2 to 0.9, a tree of groups `nodes` below each other, in HDF5 and in JSON.
// Its raw readings become the readings of a Run; its own figures are left aside. Each run's `origin` says what such a file
// cannot tell.

/// Errors: unsupported (an HDF5 file of another kind), format (one of these, but broken).
[[nodiscard]] Result<JsonRuns> read_python_hdf5(const std::filesystem::path& file);

/// The same for JSON.
[[nodiscard]] Result<JsonRuns> read_python_json(const Json& document);

}  // namespace perun
