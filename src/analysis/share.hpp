// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <optional>
#include <string_view>

#include "analysis/energy.hpp"
#include "model/readings.hpp"
#include "model/run.hpp"
#include "model/summary.hpp"

namespace perun {

/// Domains whose energy is shared out by CPU time.
[[nodiscard]] constexpr bool follows_cpu_time(Domain d) noexcept {
  return d == Domain::package || d == Domain::cores || d == Domain::cpu;
}

/// Processor time of a node in a window, summed over its processors, s.
struct CpuTimes {
  double run_s = 0;    ///< the run's processes
  double busy_s = 0;   ///< everybody's, the run's included
  double total_s = 0;  ///< busy and idle
  double error_s = 0;  ///< of busy_s, 95 %, half width: it is counted in ticks
};

/// What the never-wrapping counter of that id grew by in a window, SI units; nothing with fewer than two good readings.
[[nodiscard]] std::optional<double> increase_of(const NodeRecord& node, Readings& readings, std::string_view id, Window window);

/// From /proc/stat's readings, without the run's; nothing where there are none.
[[nodiscard]] std::optional<CpuTimes> node_cpu_times(const NodeRecord& node, Readings& readings, Window window);

/// What is to be shared out, J.
struct Shareable {
  double cpu_J = 0;              ///< of the domains that follow CPU time
  double cpu_uncertainty_J = 0;  ///< 95 %, half width
  double other_J = 0;            ///< of all other counted domains
  std::optional<double> idle_J;  ///< the processors' idle energy, where a baseline tells it
  double idle_uncertainty_J = 0;
};

/// The shares; they add up to cpu_J + other_J whatever the times. The formulas: docs/accuracy.md.
[[nodiscard]] Attribution share_out(const Shareable& energy, CpuTimes times) noexcept;

/// A node's energy shared out between a run of `run_cpu_s` and the rest, as its devices and its baseline tell. Nothing when
/// no counted device follows CPU time.
[[nodiscard]] std::optional<Attribution> attribution_of(const NodeSummary& node, const CpuTimes& times);

/// Two nodes together.
Attribution& operator+=(Attribution& sum, const Attribution& other) noexcept;

}  // namespace perun
