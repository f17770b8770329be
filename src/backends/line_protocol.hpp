// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/missing.hpp"
#include "model/sensor.hpp"

namespace perun {

/// What a sensor of the user's own says, line by line (docs/sensor-protocol.md). Sensors are declared first, and their places
/// stay; from hold() on nothing allocates. To be used by one thread at a time.
class LineTable {
 public:
  /// `prefix` begins the ids ("exec:"), `source` says how the values came.
  LineTable(std::string prefix, std::string source) : prefix_(std::move(prefix)), source_(std::move(source)) {}

  /// One line without its end; `now_ns` is when it came.
  void take(std::string_view line, std::int64_t now_ns);

  /// No more sensors: those there are are all.
  void hold() noexcept { held_ = true; }

  /// All values are `missing` until they come again.
  void forget() noexcept {
    for (Reading& r : latest_) r = {0, missing, 0};
  }

  /// At least one sensor, and each has shown a value.
  [[nodiscard]] bool complete() const noexcept;

  [[nodiscard]] const std::vector<Sensor>& sensors() const noexcept { return sensors_; }
  /// The newest values, `missing` before the first.
  [[nodiscard]] const std::vector<Reading>& latest() const noexcept { return latest_; }
  /// What was wrong with the first line that was not understood; empty: nothing was.
  [[nodiscard]] const std::string& trouble() const noexcept { return trouble_; }

 private:
  void declare(std::string_view rest);
  void value(std::size_t at, std::string_view rest, std::int64_t now_ns) noexcept;
  void complain(std::string_view what, std::string_view line);
  [[nodiscard]] std::size_t find(std::string_view name) const noexcept;

  std::string prefix_, source_, trouble_;
  std::vector<Sensor> sensors_;
  std::vector<std::string> names_;
  std::vector<Reading> latest_;
  bool held_ = false;
};

}  // namespace perun
