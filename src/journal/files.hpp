// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include "base/result.hpp"

namespace perun::journal {

/// "cannot DOING PATH: why", by errno.
[[nodiscard]] Error failed(const std::filesystem::path& path, std::string_view doing);

[[nodiscard]] Status write_all(int fd, std::span<const std::byte> bytes, std::uint64_t at);

/// Renames to a name that nobody has.
[[nodiscard]] Status rename_new(const std::filesystem::path& from, const std::filesystem::path& to);

/// The name a journal has until it is locked and holds its header.
[[nodiscard]] std::filesystem::path hidden_name(const std::filesystem::path& journal);

/// Takes away what a journal that came to nothing left: its hidden file, and its folders if they are empty.
void forget(const std::filesystem::path& journal) noexcept;

/// Makes names in the folders above a journal durable, up to DATA_OUT. Some file systems cannot, and then need not.
void sync_folders(const std::filesystem::path& journal) noexcept;

}  // namespace perun::journal
