// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/energy.hpp"
#include "model/sensor.hpp"

namespace perun {

/// What can be wrong with a sensor.
enum class Defect : std::uint8_t {
  stuck,
  backward,
  reset,
  spike,
  failing,
  zeros,
  slow_update,
  irregular,
  coarse,
  slow_read,
  mismatch,
  exceeds_whole,
};
inline constexpr std::array<std::string_view, 12> defect_names{"stuck",   "backward",  "reset",       "spike",
                                                               "failing", "zeros",     "slow_update", "irregular",
                                                               "coarse",  "slow_read", "mismatch",    "exceeds_whole"};
[[nodiscard]] constexpr std::string_view name(Defect d) noexcept {
  return defect_names[static_cast<std::size_t>(d)];
}

struct Fault {
  Defect defect;
  std::string text;  ///< with numbers, for people
};

/// How good a sensor proved to be. Times in ns, 0: not seen.
struct Qualified {
  std::string id;
  std::int64_t step = 0;                ///< of raw: the greatest that all changes are multiples of
  std::int64_t update_ns = 0;           ///< median time between changes
  std::int64_t jitter_ns = 0;           ///< half of what lies between the 10th and the 90th percentile of it
  std::int64_t read_ns = 0;             ///< median time a reading takes
  double repeated = 0;                  ///< share of readings that showed what the one before them showed
  std::optional<double> lag_s = {};     ///< half of the step of load had come through
  std::optional<double> window_s = {};  ///< from a tenth of it to nine tenths: over so long it takes a mean
  std::vector<Fault> faults = {};

  /// A: nothing wrong; B: only its timing or its step; C: single values are wrong; D: not to be believed.
  [[nodiscard]] char grade() const noexcept;
};

/// A sensor read as often as it goes.
struct Trial {
  const Sensor* sensor;
  std::span<const Reading> readings;
};

/// Judges what one sensor showed. `step_ns`: when the load of the machine went from idle to full.
[[nodiscard]] Qualified qualify(const Trial& trial, std::optional<std::int64_t> step_ns = {});

/// Adds what only several sensors together show: a counter and the power of the same thing that do not agree (mismatch, 20 %),
/// parts that together exceed their whole (10 %). `out` is as long as `trials`.
void cross_check(std::span<const Trial> trials, std::span<Qualified> out);

}  // namespace perun
