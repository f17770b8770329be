// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <filesystem>
#include <string>

#include "base/fd.hpp"
#include "model/summary.hpp"
#include "store/attributes.hpp"
#include "store/hid.hpp"
#include "store/store.hpp"

namespace perun {

/// Where the file really is, so that its lock and sidecar are the same whatever symbolic link leads to it.
[[nodiscard]] std::filesystem::path real_path(const std::filesystem::path& file);

/// Error of HDF5 about a file, told so that a user understands it. `data` is open.
[[nodiscard]] Error about_file(const std::filesystem::path& file, const Fd& data, const Error& error);

namespace h5 {

/// The group of the one application that a file holds the runs of, and its name in the file.
struct Application {
  Group group;
  std::string link;
};

/// The group's name of an application.
[[nodiscard]] std::string application_link(std::string_view app);

/// Size of the root's field that names the newest run, whatever its number.
[[nodiscard]] std::size_t default_size(const std::string& link);

/// Errors: format (not perun's, or of a newer perun).
[[nodiscard]] Result<Application> open_application(const File& file);

/// Root attributes and the empty group in a new file.
[[nodiscard]] Result<Application> create_application(const Types& types, const File& file, const Run& run);

/// The number for the next run. Touches nothing but numbers: reading texts would make HDF5 fill the gaps between them
/// with new ones, in old parts of the file.
[[nodiscard]] Result<int> next_number(const Application& application);

[[nodiscard]] StoredTotals read_totals(const Application& application);
[[nodiscard]] StoredTotals with(StoredTotals totals, const RunSummary& run);
[[nodiscard]] Status write_totals(const Types& types, const Application& application, const StoredTotals& totals);

/// Counts run `number` in: totals, next number, default.
[[nodiscard]] Status count_run(const Types& types, const File& file, const Application& application, const RunSummary& run,
                               int number);

}  // namespace h5
}  // namespace perun
