// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <filesystem>
#include <string_view>

namespace perun {

/// A file that belongs to perun, by its name: beside perun in the folder it was built in, else where it was installed
/// (../libexec/perun). Empty: it is in neither.
[[nodiscard]] std::filesystem::path installed_file(std::string_view name);

}  // namespace perun
