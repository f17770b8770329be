// SPDX-License-Identifier: BSD-3-Clause
#include "live/meter.hpp"

#include <algorithm>

namespace perun::live {

namespace {

constexpr std::int64_t second = 1'000'000'000, spacing = 100'000'000;

double seconds(std::int64_t ns) noexcept {
  return static_cast<double>(ns) * 1e-9;
}

/// Raw steps from a to b of a counter; negative: it was set back.
double steps(const Sensor& s, std::int64_t a, std::int64_t b) noexcept {
  const double d = static_cast<double>(b) - static_cast<double>(a);
  return d < 0 && s.wraps_at > 0 ? d + static_cast<double>(s.wraps_at) : static_cast<double>(b - a);
}

}  // namespace

void Meter::add(const Reading& reading) {
  if (reading.raw == missing) return;
  const Sensor& s = *sensor_;
  const std::int64_t dt = reading.t_ns - t_ns_;
  if (any_ && dt <= 0) return;
  if (any_) {
    const double dt_s = seconds(dt), most_W = s.max_power_W > 0 ? s.max_power_W : 20'000;
    const double joules = s.behavior == Behavior::gauge
                              ? 0.5 * (static_cast<double>(raw_) + static_cast<double>(reading.raw)) * s.scale * dt_s
                              : steps(s, raw_, reading.raw) * s.scale;
    if (joules >= 0 && joules <= most_W * (dt_s + seconds(s.refresh_ns)) + s.scale * static_cast<double>(s.resolution))
      joules_ += joules;
  }
  any_ = true;
  t_ns_ = reading.t_ns;
  raw_ = reading.raw;
  if (!recent_.empty() && t_ns_ - recent_.back().t_ns < spacing) return;
  recent_.push_back({t_ns_, joules_});
  while (recent_.size() > 2 && recent_[1].t_ns <= t_ns_ - second) recent_.pop_front();
}

std::optional<double> Meter::watts(std::int64_t now_ns) const noexcept {
  if (recent_.empty() || recent_.front().t_ns >= t_ns_) return std::nullopt;
  const std::int64_t length = t_ns_ - recent_.front().t_ns;
  if (now_ns - t_ns_ > std::max(5 * second, 5 * length)) return std::nullopt;
  return (joules_ - recent_.front().joules) / seconds(length);
}

void Gauge::add(const Reading& reading) {
  if (reading.raw == missing) return;
  newest_ = reading;
  if (!next_) before_ = next_ = reading;
  if (reading.t_ns - next_->t_ns < second) return;
  before_ = next_;
  next_ = reading;
}

}  // namespace perun::live
