// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "journal/follow.hpp"
#include "launch/energy_curve.hpp"
#include "live/meter.hpp"
#include "live/regions.hpp"
#include "live/view.hpp"

namespace perun::live {

/// One node's part of a run in progress, followed in its journal. Memory does not grow with the run. One thread.
class Node {
 public:
  explicit Node(journal::Follower follower);
  Node(Node&&) = default;

  Status poll();

  [[nodiscard]] const journal::Contents& facts() const noexcept { return follower_.so_far(); }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return follower_.path(); }
  [[nodiscard]] bool over() const noexcept { return follower_.over(); }
  [[nodiscard]] std::int64_t newest_ns() const noexcept { return newest_ns_; }

  /// Counted energy up to a moment of the past, the more coarsely the longer ago.
  [[nodiscard]] double joules_at(std::int64_t t_ns) const noexcept { return curve_.at(t_ns).joules; }

  /// Counted energy of the processors, J; nothing when no counted device is one.
  [[nodiscard]] std::optional<std::pair<double, Kind>> processors() const;

  [[nodiscard]] NodeView view() const;
  [[nodiscard]] std::vector<DeviceView> devices() const;
  [[nodiscard]] std::vector<RegionView> regions() const { return regions_.view(newest_ns_, counted()); }
  [[nodiscard]] std::string region() const { return regions_.innermost(); }

 private:
  [[nodiscard]] const std::vector<Sensor>& sensors() const noexcept { return facts().run.nodes.front().sensors; }
  [[nodiscard]] double counted() const noexcept;
  void take(std::span<const Sample> samples);
  void settle(std::int64_t t_ns);  ///< the marks up to there
  [[nodiscard]] std::optional<double> value(Quantity quantity, Domain domain, std::optional<std::uint16_t> index) const;
  [[nodiscard]] std::optional<double> cpu_utilization() const;

  journal::Follower follower_;
  std::vector<Meter> meters_;  ///< by sensor; those of other sensors stay empty
  std::vector<Gauge> gauges_;
  EnergyCurve curve_;  ///< counted energy of the node
  Regions regions_;
  std::int64_t newest_ns_ = 0;  ///< of the readings, and of the curve's last point
  std::uint64_t samples_ = 0, missed_ = 0;
};

}  // namespace perun::live
