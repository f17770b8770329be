// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/fd.hpp"

namespace perun::sysfs {

/// Opens for reading; an empty Fd and errno on failure.
[[nodiscard]] Fd open(const std::filesystem::path& path) noexcept;

/// Rereads an open file that holds one non-negative integer and nothing else (white space at the ends is
/// allowed). `missing` for errors, empty files, other text, negative numbers and what exceeds 63 bits.
/// Neither allocates nor throws.
[[nodiscard]] std::int64_t reread(const Fd& file) noexcept;

/// Up to `limit` bytes of a file, or nothing when it cannot be read.
[[nodiscard]] std::optional<std::string> text(const std::filesystem::path& path, std::size_t limit = 1 << 20);

/// The first line of a file, trimmed, or nothing.
[[nodiscard]] std::optional<std::string> line(const std::filesystem::path& path);

/// A file holding one integer, or nothing.
[[nodiscard]] std::optional<std::int64_t> integer(const std::filesystem::path& path);

}  // namespace perun::sysfs
