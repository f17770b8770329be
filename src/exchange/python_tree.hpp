// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "exchange/json.hpp"

namespace perun {

/// One row of numbers of the Python perun, with what it says of them.
struct PythonRow {
  std::string unit;                    ///< "J", "W", "B", "s", "%", "", "Hz"
  double mag = 1;                      ///< of one step, in `unit`
  bool whole = true;                   ///< of an integer type
  double highest = 0;                  ///< valid_max; of an energy counter the value it wraps at. 0: not told
  std::vector<std::int64_t> integers;  ///< when whole
  std::vector<double> numbers;         ///< else
  [[nodiscard]] std::size_t size() const noexcept { return whole ? integers.size() : numbers.size(); }
};

/// What was decorated in a run: by name and rank the seconds, since the run's begin, at which calls began and ended in turn.
using PythonRegions = std::map<std::string, std::map<int, std::vector<double>>>;

/// Its data model since 0.2, whatever file it comes from: application > run of rounds > round > node > kind of device >
/// sensor.
struct PythonNode {
  enum class Type : int { app = 1, rounds, run, node, device_group, sensor };
  std::string id;
  Type type = Type::app;
  std::map<std::string, std::string> metadata;
  std::string device_type;  ///< "cpu", "gpu", "ram", "disk", "net" ...; empty above the devices
  PythonRow timesteps, values;
  PythonRegions regions;  ///< of a run
  std::vector<PythonNode> nodes;
};

/// The runs of such a tree.
[[nodiscard]] Result<JsonRuns> runs_of(const PythonNode& app);

/// The sensor that a row of readings of the Python perun comes from, by the id it had there. `device_type` may be empty.
[[nodiscard]] Sensor python_sensor(const std::string& id, const std::string& device_type, const PythonRow& row);

/// The row as readings of that sensor; `t_ns` is on the clock of the run.
[[nodiscard]] Series python_series(const PythonRow& row, const std::vector<std::int64_t>& t_ns);

/// The rank that a name of a group or key is, if it is one.
[[nodiscard]] std::optional<int> python_rank(std::string_view name);

/// What those ranks marked, on the clock of the run. It tells calls of one region in one rank apart by their order alone.
[[nodiscard]] Marks python_marks(const PythonRegions& regions, const std::vector<int>& ranks, std::int64_t begin_ns);

/// Nanoseconds of a date as Python prints it: "2024-05-06T07:08:09.123456" or with a blank; without a zone it is taken for
/// UTC. 0 when it is none.
[[nodiscard]] std::int64_t python_date_ns(const std::string& text);

}  // namespace perun
