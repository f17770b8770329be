// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/sensor.hpp"

namespace perun {

// What contains what, and so which sensors make up the total of a node. Each joule is taken once:
//
//   node        everything          the first one counts, alone
//   supply      everything          all of one backend together count, where there is no node meter
//   superchip   module, package, dram of its number; GPUs
//   module      package, dram of its number: a processor with its memory
//   cpu         all packages; memory: all dram
//   apu         package of its number: a processor with its graphics
//   package     cores, uncore
//   platform    packages, dram and more, as the board is wired: counts only where no processor is measured
//   rail        unknown: never counts by itself
//
// What a sensor says itself (part_of) goes before these rules. Two backends that show one package, dram or superchip are one
// meter: the counter goes before the gauge, else the first. All functions are pure; threads may share them.

/// True for what measures energy or power.
[[nodiscard]] constexpr bool is_meter(const Sensor& s) noexcept {
  return s.quantity == Quantity::energy || s.quantity == Quantity::power;
}

/// What the user says of a sensor: `count` takes it for what it contains, `leave_out` never takes it.
enum class Wish : unsigned char { none, count, leave_out };

/// Whether a sensor's joules go into the node's total.
struct InTotal {
  bool counted = false;
  std::string why_not = {};  ///< "part of cpu:0 package"; empty when counted
};

/// One verdict per sensor. `wishes` is empty or as long as `sensors`.
[[nodiscard]] std::vector<InTotal> judge_total(std::span<const Sensor> sensors, std::span<const Wish> wishes = {});

/// Two sensors that the wishes would both count although they share joules.
struct CountedTwice {
  const Sensor* wished;
  const Sensor* other;
  bool both_wished;  ///< else `other` contains `wished` and counts by the rules
};
[[nodiscard]] std::optional<CountedTwice> counted_twice(std::span<const Sensor> sensors, std::span<const Wish> wishes);

/// The domains that no sensor covers and an estimate may fill.
struct Gaps {
  bool cpu = false, dram = false;
};
[[nodiscard]] Gaps find_gaps(std::span<const Sensor> sensors, std::span<const Wish> wishes = {});

/// What a node uses that none of the counted domains covers, for people: "memory", "fans".
[[nodiscard]] std::vector<std::string_view> without_sensor(std::span<const Domain> counted);

}  // namespace perun
