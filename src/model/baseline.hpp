// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "host/cpu_scope.hpp"
#include "model/sensor.hpp"

namespace perun {

/// What a node draws when it does nothing: the mean power of its counted sensors together.
struct Baseline {
  double power_W = 0;
  double spread_W = 0;                  ///< standard deviation of the power over `blocks` stretches of equal length
  double reading_W = 0;                 ///< half width of the 95 % interval of power_W as the readings alone give it
  std::optional<double> cpu_W = {};     ///< of it the processors' own domains; absent: not told apart
  int blocks = 0;                       ///< 0: stated by the user, without a spread
  double seconds = 0;                   ///< how long was measured
  std::optional<double> cpu_busy = {};  ///< utilisation of all processors meanwhile, 0..1
  std::int64_t real_ns = 0;             ///< CLOCK_REALTIME when the measuring ended; 0: stated
  Kind kind = Kind::measured;           ///< of the sensors; meaningless when stated
  std::string host = {};
  std::string origin = {};                ///< for people: "measured before the run", "stated", "stored in FILE"
  std::vector<std::string> sensors = {};  ///< ids of those it was measured with; empty: stated

  [[nodiscard]] bool stated() const noexcept { return blocks == 0; }
  friend bool operator==(const Baseline&, const Baseline&) = default;
};

/// One JSON object, as it stands in journals, data files and the files of stored baselines.
[[nodiscard]] std::string encode(const Baseline& baseline);
[[nodiscard]] Result<Baseline> decode_baseline(std::string_view text);

/// The same for a scope.
[[nodiscard]] std::string encode(const CpuScope& scope);
[[nodiscard]] Result<CpuScope> decode_scope(std::string_view text);

}  // namespace perun
