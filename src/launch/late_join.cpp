// SPDX-License-Identifier: BSD-3-Clause
#include "launch/late_join.hpp"

#include <utility>

namespace perun {

void LateJoin::take(Sampler& sampler, RegionWatch& regions, journal::Writer& writer) {
  if (late_ == nullptr) return;
  while (auto joined = late_->next(sensors_, proved_)) {
    if (joined->nothing()) continue;
    const std::size_t first = sensors_.size();
    sensors_ = joined->sensors;
    writer.joined(sensors_, first, joined->blocked, joined->attributes);
    if (!joined->backend) continue;
    regions.join(sensors_);
    sampler.join(std::move(joined->backend), first);
  }
}

void LateJoin::give_up(journal::Writer& writer) {
  if (late_ == nullptr) return;
  late_->give_up();
  std::vector<BlockedSource> missed;
  for (const std::string& name : late_->awaited())
    missed.push_back({name, "had not started when the program ended; what it measures is not in the figures", ""});
  if (!missed.empty()) writer.joined(sensors_, sensors_.size(), missed, {});
}

}  // namespace perun
