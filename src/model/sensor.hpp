// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/missing.hpp"

namespace perun {

/// `limit` is a power that may not be exceeded, `events` a number of happenings: neither tells an energy.
enum class Quantity : std::uint8_t { energy, power, utilization, bytes, frequency, temperature, limit, events };
enum class Behavior : std::uint8_t { counter, gauge };
/// What contains what: model/domains.hpp.
enum class Domain : std::uint8_t {
  node,
  platform,
  package,
  cores,
  uncore,
  dram,
  gpu,
  cpu,
  memory,
  disk,
  network,
  supply,     ///< one of the inputs that together feed the node
  superchip,  ///< processor, memory and accelerator in one
  module,     ///< processor and memory in one
  apu,        ///< processor and graphics in one
  rail,       ///< a part that is not known
};
/// Where a figure comes from. `mixed` only for sums, `unavailable` only for figures, never for a sensor.
enum class Kind : std::uint8_t { measured, estimated, unavailable, mixed };

inline constexpr std::array<std::string_view, 8> quantity_names{"energy",    "power",       "utilization", "bytes",
                                                                "frequency", "temperature", "limit",       "events"};
inline constexpr std::array<std::string_view, 2> behavior_names{"counter", "gauge"};
inline constexpr std::array<std::string_view, 16> domain_names{"node",      "platform", "package", "cores", "uncore",  "dram",
                                                               "gpu",       "cpu",      "memory",  "disk",  "network", "supply",
                                                               "superchip", "module",   "apu",     "rail"};
inline constexpr std::array<std::string_view, 4> kind_names{"measured", "estimated", "unavailable", "mixed"};
/// SI symbol of raw * scale, by Quantity.
inline constexpr std::array<std::string_view, 8> unit_symbols{"J", "W", "1", "byte", "Hz", "degC", "W", "1"};

[[nodiscard]] constexpr std::string_view name(Quantity q) noexcept {
  return quantity_names[static_cast<std::size_t>(q)];
}
[[nodiscard]] constexpr std::string_view name(Behavior b) noexcept {
  return behavior_names[static_cast<std::size_t>(b)];
}
[[nodiscard]] constexpr std::string_view name(Domain d) noexcept {
  return domain_names[static_cast<std::size_t>(d)];
}
[[nodiscard]] constexpr std::string_view name(Kind k) noexcept {
  return kind_names[static_cast<std::size_t>(k)];
}
[[nodiscard]] constexpr std::string_view unit(Quantity q) noexcept {
  return unit_symbols[static_cast<std::size_t>(q)];
}

/// What one series of numbers means. Fixed once probed; stored beside the samples, so that a file
/// explains itself. `raw * scale` is in the SI unit of `quantity`.
struct Sensor {
  std::string id;      ///< unique on a node and the same in every run: "rapl:package-0"
  std::string label;   ///< what people read: "cpu:0 package"
  std::string source;  ///< how it was read: "rapl powercap"
  Quantity quantity = Quantity::energy;
  Behavior behavior = Behavior::counter;
  Domain domain = Domain::node;
  Kind kind = Kind::measured;
  std::uint16_t index = 0;      ///< which socket, which GPU
  double scale = 1.0;           ///< SI unit per raw step
  std::int64_t resolution = 1;  ///< smallest step of raw that the hardware makes
  std::int64_t wraps_at = 0;    ///< a counter falls back to 0 after this raw value; 0: it never wraps
  std::int64_t refresh_ns = 0;  ///< how often the hardware renews it; 0: unknown
  /// Gauge: a value is the mean of so long a time up to it; 0: of a moment. Counter: what it adds at a refresh is the power
  /// of so long a time up to that; 0: of all the time.
  std::int64_t averaging_ns = 0;
  std::string part_of = {};       ///< id of the sensor that already includes this one, if any
  bool counted = false;           ///< taken into the node's total (each joule once)
  double max_power_W = 0;         ///< above this mean power a difference is a fault, not a value; 0: unknown
  double systematic_percent = 0;  ///< class accuracy of the source, +- percent of the value
  std::string note = {};          ///< what a reader must know: "assumes 8 W TDP (4 W per core)"

  friend bool operator==(const Sensor&, const Sensor&) = default;
};

/// Whether a sensor looks for a part of the time only, and takes the rest to be alike.
[[nodiscard]] constexpr bool part_time(const Sensor& s) noexcept {
  return s.averaging_ns > 0 && s.averaging_ns < s.refresh_ns;
}

/// One reading: when (CLOCK_MONOTONIC; middle and half width of the bracket around the read) and the
/// untouched number.
struct Reading {
  std::int64_t t_ns;
  std::int64_t raw;
  std::int32_t halfwidth_ns;
};

/// All readings of one sensor, oldest first. The three columns have equal length.
struct Series {
  std::vector<std::int64_t> t_ns;
  std::vector<std::int64_t> raw;
  std::vector<std::int32_t> halfwidth_ns;

  [[nodiscard]] std::size_t size() const noexcept { return t_ns.size(); }
  void push(const Reading& r) {
    t_ns.push_back(r.t_ns);
    raw.push_back(r.raw);
    halfwidth_ns.push_back(r.halfwidth_ns);
  }
  friend bool operator==(const Series&, const Series&) = default;
};

}  // namespace perun
