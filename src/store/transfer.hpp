// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <hdf5.h>

#include <cstddef>
#include <span>

#include "store/hid.hpp"

namespace perun::h5 {

/// How values get into new datasets, which is all that differs when several processes write one file together: perun has
/// store/transfer.cpp, perun-pmerge has pmerge/transfer.cpp. There all processes make the same calls in the same order.

/// How many processes write together.
[[nodiscard]] std::size_t writers() noexcept;

/// Writes numbers to the part of a dataset that `file` selects, or to all of it (H5S_ALL both); the part is a range of its last
/// dimension. Every process has all values in memory.
[[nodiscard]] bool put_numbers(const Dataset& dataset, hid_t type, hid_t memory, hid_t file, const void* values);

/// Writes a whole dataset of texts.
[[nodiscard]] bool put_texts(const Dataset& dataset, hid_t type, hid_t transfer, std::span<const char* const> texts);

/// Until everything that was put is there for all who write.
[[nodiscard]] bool settle(hid_t file_or_object);

}  // namespace perun::h5
