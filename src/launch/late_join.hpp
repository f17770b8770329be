// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "journal/journal.hpp"
#include "launch/region_watch.hpp"
#include "sampling/instruments.hpp"
#include "sampling/sampler.hpp"

namespace perun {

/// Sensors that may join: 32 GPUs with what explains them.
inline constexpr std::size_t room_for_latecomers = 320;

/// Lets sources that are still starting join a run that has begun: the journal, the regions and the sampler learn of them, in
/// this order, so that no reading is written before its sensor. One thread.
class LateJoin {
 public:
  /// `known`: the sensors that the node begins with.
  LateJoin(const Instruments& instruments, std::vector<Sensor> known)
      : late_(instruments.late), proved_(instruments.proved), sensors_(std::move(known)) {}

  /// Readable when one has come; -1: none is awaited.
  [[nodiscard]] int fd() const noexcept { return late_ == nullptr || late_->awaited().empty() ? -1 : late_->fd(); }

  void take(Sampler& sampler, RegionWatch& regions, journal::Writer& writer);

  /// Tells of those that have not come until now.
  void give_up(journal::Writer& writer);

 private:
  std::shared_ptr<Latecomers> late_;
  std::map<std::string, Proved, std::less<>> proved_;
  std::vector<Sensor> sensors_;
};

}  // namespace perun
