// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <filesystem>

#include "base/result.hpp"
#include "store/hid.hpp"
#include "store/transfer.hpp"

namespace perun::h5 {

/// Opens a data file for all processes of MPI_COMM_WORLD together. Collective, as everything that changes it is.
[[nodiscard]] File open_together(const std::filesystem::path& path);

/// Texts wait until the file is written by one process again: parallel HDF5 1.10 cannot write values of variable length. That
/// process calls this with the file open.
[[nodiscard]] bool put_waiting_texts(const File& file);

}  // namespace perun::h5
