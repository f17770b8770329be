// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace perun {

/// The metrics that perun has, by the names that Prometheus knows them under.
enum class Metric : std::uint8_t {
  energy,
  domain_energy,
  power,
  power_limit,
  temperature,
  utilization,
  memory,
  emissions,
  region_energy,
  run_duration,
  samples,
  samples_missed,
  backend_up,
  run_info,
  build_info,
  scrape_duration
};

/// Values in Prometheus' text format (version 0.0.4): each metric with its help and type once, its values behind it.
class Exposition {
 public:
  using Labels = std::vector<std::pair<std::string_view, std::string>>;
  /// What is not finite is left out: no value is better than a wrong one.
  void add(Metric metric, const Labels& labels, double value);
  [[nodiscard]] std::string text() const;

 private:
  std::map<Metric, std::string> values_;
};

/// perun_build_info of this perun.
void add_build(Exposition& out, std::string_view version);

}  // namespace perun
