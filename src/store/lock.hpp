// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <sys/file.h>

#include <cstdint>
#include <filesystem>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace perun {

enum class Share : int { readers = LOCK_SH, nobody = LOCK_EX };

/// Opens a regular file with `flags` and takes its lock (flock), waiting until `deadline_ns` (CLOCK_MONOTONIC) for
/// whoever has it. On return the path still names the locked file. Errors: not_found, denied, busy, format (not a
/// regular file), unsupported (no locks on this file system), io.
[[nodiscard]] Result<Fd> open_locked(const std::filesystem::path& path, int flags, Share share, std::int64_t deadline_ns);

/// An Error with errno's code and text: "cannot open 'x': Permission denied".
[[nodiscard]] Error system_error(const char* action, const std::filesystem::path& path);

}  // namespace perun
