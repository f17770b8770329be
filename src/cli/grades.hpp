// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>

#include "analysis/qualify.hpp"
#include "backends/select.hpp"
#include "base/json.hpp"
#include "base/result.hpp"

namespace perun {

/// Where the grades of this host's sensors are kept: $XDG_STATE_HOME/perun, else ~/.local/state/perun; empty: nowhere.
[[nodiscard]] std::filesystem::path grades_file();

/// "perun-qualify/1".
[[nodiscard]] Json grades_json(std::span<const Qualified> all, std::span<const Sensor> sensors);

/// Replaces the file as a whole.
[[nodiscard]] Status keep_grades(const std::filesystem::path& file, const Json& grades);

/// What is kept of this host's sensors; nothing for a file that is not there, of another host or not understood.
[[nodiscard]] std::map<std::string, Proved, std::less<>> load_grades(const std::filesystem::path& file);

}  // namespace perun
