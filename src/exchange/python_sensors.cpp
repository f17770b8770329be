// SPDX-License-Identifier: BSD-3-Clause
// What the sensors of the Python perun are, by the names and units it gave them.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.hpp"
#include "exchange/python_tree.hpp"

namespace perun {

namespace {

/// Numbers that it kept as floats become integers of a millionth: finer than any of its sensors.
constexpr double float_step = 1e-6;

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

Domain domain_of(const std::string& id, const std::string& type) {
  if (has(id, "uncore")) return Domain::uncore;
  if (has(id, "psys")) return Domain::platform;
  if (has(id, "package")) return Domain::package;
  if (has(id, "dram") || has(id, "ram_") || type == "ram") return Domain::dram;
  if (has(id, "core")) return Domain::cores;
  if (type == "gpu" || has(id, "cuda") || has(id, "rocm")) return Domain::gpu;
  if (type == "node" || type == "rack") return Domain::node;
  if (type == "disk") return Domain::disk;
  if (type == "net") return Domain::network;
  return type == "cpu" ? Domain::package : Domain::rail;
}

/// "0_package-0" -> 0, "cpu_1_dram" -> 1, "CUDA:3_POWER" -> 3: the first number in it.
std::uint16_t index_of(std::string_view id) {
  const auto first = id.find_first_of("0123456789");
  if (first == std::string_view::npos) return 0;
  const auto digits = id.substr(first, id.find_first_not_of("0123456789", first) - first);
  return static_cast<std::uint16_t>(std::clamp<std::int64_t>(text::integer(digits).value_or(0), 0, 65'535));
}

struct Known {
  std::string_view name, id;
};
/// Those that perun's own reports know by id.
constexpr Known activities[] = {{"ram_usage", "proc:memory_used"},
                                {"disk_read_bytes", "proc:disk_read"},
                                {"disk_write_bytes", "proc:disk_written"},
                                {"net_read_bytes", "proc:net_received"},
                                {"net_write_bytes", "proc:net_sent"}};

std::int64_t rounded(double value) {
  constexpr double most = 9.2e18;
  return std::isfinite(value) && std::abs(value) < most ? std::llround(value) : missing;
}

}  // namespace

Sensor python_sensor(const std::string& id, const std::string& device_type, const PythonRow& row) {
  const std::string small = text::lower(id);
  Sensor s;
  s.id = "python:" + id;
  s.label = id;
  s.source = "Python perun";
  s.domain = domain_of(small, device_type);
  s.index = index_of(id);
  s.scale = row.mag * (row.whole ? 1 : float_step);
  s.behavior = Behavior::gauge;
  if (row.unit == "J") {
    s.quantity = Quantity::energy;
    s.behavior = Behavior::counter;
    if (row.highest >= 1 && row.highest < 9e18) s.wraps_at = rounded(row.highest / (row.whole ? 1 : float_step));
  } else if (row.unit == "W") {
    s.quantity = Quantity::power;
  } else if (row.unit == "%") {
    s.quantity = Quantity::utilization;
    s.scale /= 100;
  } else if (row.unit == "B") {
    s.quantity = Quantity::bytes;
    if (small.starts_with("net_") || small.starts_with("disk_")) s.behavior = Behavior::counter;
  } else if (row.unit == "Hz") {
    s.quantity = Quantity::frequency;
  } else {
    s.quantity = Quantity::events;
  }
  for (const auto& known : activities)
    if (small == known.name) s.id = known.id;
  return s;
}

Series python_series(const PythonRow& row, const std::vector<std::int64_t>& t_ns) {
  Series series;
  const std::size_t n = std::min(row.size(), t_ns.size());
  for (std::size_t k = 0; k < n; ++k)
    series.push({t_ns[k], row.whole ? row.integers[k] : rounded(row.numbers[k] / float_step), 0});
  return series;
}

}  // namespace perun
