// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "store/hid.hpp"
#include "store/store.hpp"
#include "store/stored_readings.hpp"

namespace perun::h5 {

/// Numbers of all runs below the application's group, ascending.
[[nodiscard]] Result<std::vector<int>> run_numbers(hid_t application);

/// Errors: not_found, format.
[[nodiscard]] Result<Group> open_run(hid_t application, int number);

[[nodiscard]] Result<StoredRun> read_stored_run(hid_t application, int number);
[[nodiscard]] Result<Run> read_run(hid_t application, int number);
[[nodiscard]] Result<OpenRun> open_run_to_read(hid_t application, int number);
/// Nothing where there is none that this perun can read.
[[nodiscard]] std::optional<RunSummary> read_summary(hid_t application, int number);
[[nodiscard]] Factors read_factors(hid_t run_group);
/// A node without its series, which are read from the file when they are looked at.
struct StoredNode {
  NodeRecord record;
  std::unique_ptr<StoredReadings> readings;
};
[[nodiscard]] Result<StoredNode> open_node(hid_t run_group, const std::string& name, Moment run_begin);
[[nodiscard]] Result<NodeRecord> read_node(hid_t run_group, const std::string& name, Moment run_begin);

/// The texts of a JSON array, or a format error that names the attribute.
[[nodiscard]] Result<std::vector<std::string>> texts_of_json(const std::string& json, const char* attribute);

}  // namespace perun::h5
