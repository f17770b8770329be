// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "base/result.hpp"
#include "store/commit_file.hpp"
#include "store/hid.hpp"

namespace perun::h5 {

/// HDF5 over a CommitFile: nothing reaches the disk's old contents before CommitFile::commit(). HDF5's own file locks
/// are off; who opened the CommitFile holds the lock. `file` must outlive the returned handle.

/// A new, empty HDF5 file in the oldest format that HDF5 can write.
[[nodiscard]] Result<File> create(CommitFile& file);

/// What a session does to the names in old groups. It decides in which order a commit replaces old parts, so that
/// readers between two of them find whole objects: a name is there before its entry, and goes after it.
enum class Names : unsigned char { added, removed };

/// Opens for appending. Whatever lies behind the end that the file states for itself is given up.
[[nodiscard]] Result<File> open_to_append(CommitFile& file, Names names = Names::added);

[[nodiscard]] Result<File> open_to_read(CommitFile& file);

}  // namespace perun::h5
