// SPDX-License-Identifier: BSD-3-Clause
#include "cli/run_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "base/text.hpp"
#include "cli/archive.hpp"

namespace perun {

namespace fs = std::filesystem;

namespace {

/// A file, and which of its runs; none: the newest with its rounds.
struct Meant {
  fs::path file;
  std::string which;
};

bool is_file(const fs::path& path) {
  std::error_code none;
  return !path.empty() && fs::exists(path, none) && !fs::is_directory(path, none);
}

Result<Meant> meant_by(std::string_view word, const fs::path& data_out) {
  if (is_file(word)) return Meant{word, ""};
  if (const auto colon = word.rfind(':'); colon != std::string_view::npos && is_file(word.substr(0, colon)))
    return Meant{word.substr(0, colon), std::string(word.substr(colon + 1))};
  const auto shown = text::to_utf8(word);
  if (word.find('/') != std::string_view::npos || word.ends_with(".hdf5") || word.ends_with(".json"))
    return Error{Errc::not_found, fmt::format("there is no file '{}'", shown), "write FILE, FILE:RUN, or a RUN of data_out"};
  auto newest = newest_file(data_out);
  if (!newest)
    return Error{newest.error().code, fmt::format("'{}' is no file, and {}", shown, newest.error().what), newest.error().hint};
  return Meant{*std::move(newest), std::string(word)};
}

Result<Summary> read(const fs::path& file, std::string_view which) {
  return summarize_file(file, which, own_factors);
}

/// The newest run, and those before it that are rounds of the same `monitor --rounds`.
Result<Summary> newest_rounds(const fs::path& file) {
  auto newest = read(file, "last");
  if (!newest || newest->runs.front().round_id.empty()) return newest;
  const std::string round_id = newest->runs.front().round_id;
  for (int back = 1; back < newest->runs_in_file; ++back) {
    auto before = read(file, fmt::format("last~{}", back));
    if (!before) return before.error();
    if (before->runs.front().round_id != round_id) break;
    newest->runs.insert(newest->runs.begin(), std::move(before->runs.front()));
  }
  return newest;
}

}  // namespace

Result<fs::path> file_of(std::string_view word, const fs::path& data_out) {
  auto meant = meant_by(word, data_out);
  if (!meant) return meant.error();
  return std::move(meant->file);
}

Result<Side> side_of(std::string_view word, const fs::path& data_out) {
  const auto meant = meant_by(word, data_out);
  if (!meant) return meant.error();
  auto summary = meant->which.empty() ? newest_rounds(meant->file) : read(meant->file, meant->which);
  if (!summary) return summary.error();
  return Side{std::string(word), meant->file.string(), std::move(summary->runs)};
}

}  // namespace perun
