// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "store/hid.hpp"

namespace perun::h5 {

/// CRC-32C of the values of a dataset as they are stored, one for each of its rows where it has two dimensions, in its
/// attribute `crc32c`. Datasets in chunks have HDF5's own Fletcher-32 instead, which contiguous ones cannot have.
[[nodiscard]] Status keep_checksums(const Dataset& dataset, std::span<const std::uint32_t> checksums);

/// As they were kept; none where there is no such attribute.
[[nodiscard]] std::vector<std::uint32_t> kept_checksums(const Dataset& dataset);

/// Whether the values are those that were stored. Says yes where no checksum was kept.
[[nodiscard]] Status check(std::span<const std::uint32_t> kept, std::size_t row, std::uint32_t found, const std::string& name);

/// Of values of this machine's byte order, which is that of the file.
template <class T>
[[nodiscard]] std::uint32_t checksum(std::span<const T> values, std::uint32_t before = 0) noexcept;

/// Of texts as HDF5 keeps them, each to its first NUL.
[[nodiscard]] std::uint32_t checksum_of_texts(std::span<const std::string> texts) noexcept;

}  // namespace perun::h5
