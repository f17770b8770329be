// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "backends/cpu_ticks.hpp"

namespace perun {

/// Power of a processor as a fraction of its TDP at the busy fraction u of its CPUs: straight lines between the knots
/// measured by Teads (2021) and used by Boavizta. Against ten recorded sweeps its mean error is 12 % of the greatest
/// power; with the unknown TDP +-30 % is what a reader should expect.
[[nodiscard]] constexpr double load_power(double u) noexcept {
  struct Knot {
    double u, power;
  };
  constexpr std::array<Knot, 4> knots{{{0, 0.12}, {0.1, 0.32}, {0.5, 0.75}, {1, 1.02}}};
  u = std::clamp(u, 0.0, 1.0);
  std::size_t i = 1;
  while (i + 1 < knots.size() && u > knots[i].u) ++i;
  const Knot &a = knots[i - 1], &b = knots[i];
  return a.power + (b.power - a.power) * (u - a.u) / (b.u - a.u);
}

/// Adds up load_power() over time from ticks. The load is taken over windows of at least 200 ms: a tick is 10 ms, and
/// on the bent curve the mean of single ticks' powers would be too low. The open window counts with the load it has
/// shown so far, so the sum is current at every reading; it never falls.
class LoadIntegral {
 public:
  /// `first_load` stands in while no tick has passed yet.
  LoadIntegral(std::int64_t begin_ns, CpuTicks ticks, double first_load) noexcept
      : window_ns_(begin_ns), window_(ticks), load_(first_load) {}

  /// TDP-seconds since the beginning.
  double advance(std::int64_t now_ns, CpuTicks ticks) noexcept {
    const std::int64_t passed = ticks.total - window_.total;
    if (passed > 0) load_ = static_cast<double>(ticks.busy - window_.busy) / static_cast<double>(passed);
    const double open = load_power(load_) * static_cast<double>(now_ns - window_ns_) * 1e-9;
    highest_ = std::max(highest_, closed_ + open);
    // Ticks that fell back belong to no window: the next one begins with them.
    if (passed < 0 || (now_ns - window_ns_ >= window_length_ns && passed > 0)) {
      closed_ += open;
      window_ns_ = now_ns;
      window_ = ticks;
    }
    return highest_;
  }

  static constexpr std::int64_t window_length_ns = 200'000'000;

 private:
  std::int64_t window_ns_;
  CpuTicks window_;
  double load_;
  double closed_ = 0, highest_ = 0;
};

}  // namespace perun
