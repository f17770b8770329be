// SPDX-License-Identifier: BSD-3-Clause
#include "launch/live_energy.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "model/domains.hpp"

namespace perun {

namespace {

constexpr double seconds(std::int64_t ns) noexcept {
  return static_cast<double>(ns) * 1e-9;
}

/// Raw steps from a to b of a counter; negative: it was set back.
std::int64_t steps(const Sensor& s, std::int64_t a, std::int64_t b) noexcept {
  const auto d = static_cast<std::int64_t>(static_cast<std::uint64_t>(b) - static_cast<std::uint64_t>(a));
  return d < 0 && s.wraps_at > 0 ? d + s.wraps_at : d;
}

/// 95 % of the difference of two reading errors that are each anything from 0 to a whole.
constexpr double two_edges = 0.78;

}  // namespace

LiveEnergy::LiveEnergy(std::vector<Sensor> sensors) : sensors_(std::move(sensors)), meters_(sensors_.size()) {}

void LiveEnergy::join(std::vector<Sensor> sensors) {
  sensors_ = std::move(sensors);
  meters_.resize(sensors_.size());
}

void LiveEnergy::add(std::size_t i, const Reading& reading) {
  if (i >= sensors_.size() || reading.raw == missing || !is_meter(sensors_[i])) return;
  const Sensor& s = sensors_[i];
  Meter& m = meters_[i];
  const std::int64_t dt = reading.t_ns - m.t_ns;
  if (m.readings > 0 && dt <= 0) return;
  if (m.readings > 0) {
    const double dt_s = seconds(dt), most_W = s.max_power_W > 0 ? s.max_power_W : 20'000;
    const double joules = s.behavior == Behavior::gauge
                              ? 0.5 * (static_cast<double>(m.raw) + static_cast<double>(reading.raw)) * s.scale * dt_s
                              : static_cast<double>(steps(s, m.raw, reading.raw)) * s.scale;
    if (joules >= 0 && joules <= most_W * (dt_s + seconds(s.refresh_ns)) + s.scale * static_cast<double>(s.resolution)) {
      m.joules += joules;
      m.watts = joules / dt_s;
      m.since_ns = dt;
    }
  }
  m.t_ns = reading.t_ns;
  m.raw = reading.raw;
  ++m.readings;
  m.curve.add(m.t_ns, m.joules);
}

bool LiveEnergy::counts() const noexcept {
  return std::any_of(sensors_.begin(), sensors_.end(),
                     [](const Sensor& s) { return is_meter(s) && s.behavior == Behavior::counter; });
}

/// Adds up what `of` gives for each meter: its joules, and the half width of their 95 % interval.
template <class Of>
perun_energy LiveEnergy::sum_up(Of of) const noexcept {
  perun_energy e{};
  double variance = 0;
  bool measured = false, estimated = false;
  for (std::size_t i = 0; i < sensors_.size(); ++i) {
    const Sensor& s = sensors_[i];
    const Meter& m = meters_[i];
    if (m.readings == 0) continue;
    const EnergyCurve::Value value = of(s, m);
    if (s.counted) {
      e.energy_J += value.joules;
      const double step_J = s.behavior == Behavior::counter ? static_cast<double>(s.resolution) * s.scale : 0;
      variance += std::pow(value.doubt_J, 2) + std::pow(two_edges * step_J, 2);
      (s.kind == Kind::estimated ? estimated : measured) = true;
    }
    if (e.devices == PERUN_MOST_DEVICES) continue;
    perun_device& d = e.device[e.devices++];
    std::strncpy(d.id, s.id.c_str(), sizeof d.id - 1);
    d.energy_J = value.joules;
    d.kind = static_cast<std::uint32_t>(s.kind);
    d.counted = s.counted ? 1 : 0;
  }
  e.uncertainty_J = std::sqrt(variance);
  e.kind = measured && estimated ? PERUN_MIXED : measured ? PERUN_MEASURED : estimated ? PERUN_ESTIMATED : PERUN_UNAVAILABLE;
  return e;
}

perun_energy LiveEnergy::now() const noexcept {
  perun_energy e = sum_up([](const Sensor& s, const Meter& m) -> EnergyCurve::Value {
    const double late_s = s.behavior == Behavior::counter ? seconds(s.refresh_ns) : seconds(m.since_ns);
    return {m.joules, two_edges * late_s * m.watts};
  });
  for (const Meter& m : meters_) e.t_ns = std::max(e.t_ns, m.readings > 0 ? m.t_ns : 0);
  return e;
}

perun_energy LiveEnergy::between(std::int64_t from_ns, std::int64_t to_ns) const noexcept {
  perun_energy e = sum_up([&](const Sensor& s, const Meter& m) -> EnergyCurve::Value {
    const auto from = m.curve.at(from_ns), to = m.curve.at(to_ns);
    const double late_s = s.behavior == Behavior::counter ? seconds(s.refresh_ns) : 0;
    return {to.joules - from.joules, std::hypot(from.doubt_J, to.doubt_J, two_edges * late_s * m.watts)};
  });
  e.begin_ns = from_ns;
  e.t_ns = to_ns;
  return e;
}

}  // namespace perun
