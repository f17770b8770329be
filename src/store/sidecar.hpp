// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace perun {

/// New contents of one stretch of a data file that was there before.
struct Patch {
  std::uint64_t address = 0;
  std::vector<std::byte> bytes;
  friend bool operator==(const Patch&, const Patch&) = default;
};

/// What must still be written over old parts of a data file to finish a commit. Kept in a file beside it, until
/// that is done. The byte format is docs/format.md, "Adding a run".
struct Sidecar {
  std::uint64_t file_size = 0;  ///< of the data file once the new parts were appended
  std::uint32_t tail_crc = 0;   ///< of the last bytes of that file: says that the sidecar belongs to it
  std::vector<Patch> patches;   ///< in the order of writing
};

/// `DIR/.NAME.commit` for the data file `DIR/NAME`.
[[nodiscard]] std::filesystem::path sidecar_path(const std::filesystem::path& data_file);

[[nodiscard]] std::vector<std::byte> encode(const Sidecar& sidecar);

/// Nothing when the bytes are not one whole sidecar.
[[nodiscard]] std::optional<Sidecar> decode(std::span<const std::byte> bytes);

/// The whole sidecar that belongs to this data file as it is now, or nothing.
[[nodiscard]] std::optional<Sidecar> read_sidecar(const std::filesystem::path& data_file, const Fd& data);

/// CRC-32C of the last 4 KiB (or less) of the first `size` bytes.
[[nodiscard]] std::uint32_t tail_crc(const Fd& data, std::uint64_t size);

/// Writes all bytes at `address`; resumes short writes.
[[nodiscard]] Status write_all(const Fd& fd, std::span<const std::byte> bytes, std::uint64_t address,
                               const std::filesystem::path& path);

/// Reads up to the whole of `bytes`; what lies behind the end of the file reads as 0. False on an I/O error.
[[nodiscard]] bool read_all(const Fd& fd, std::span<std::byte> bytes, std::uint64_t address) noexcept;

/// Finishes a commit that was cut off, or drops one that never got so far. `data` is open for writing and locked
/// against everybody.
[[nodiscard]] Status recover(const std::filesystem::path& data_file, const Fd& data);

/// What a data file is written as beside itself, until it is whole and takes the place.
enum class Draft : unsigned char { fresh, revised, renamed };
[[nodiscard]] std::filesystem::path draft_path(const std::filesystem::path& data_file, Draft draft);

}  // namespace perun
