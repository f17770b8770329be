// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/sensor_caveats.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "base/units.hpp"

namespace perun {

namespace {

/// How long after the start the first reading of a sensor came, where that is more than its rhythm or not filled in; else 0.
double late_s(const Metered& m, Window window) {
  constexpr double worth_telling = 0.02;
  const double late = static_cast<double>(m.first_ns - window.from_ns) * 1e-9;
  const double rhythm = 2 * static_cast<double>(m.sensor->refresh_ns) * 1e-9;
  const bool told = late > worth_telling && (late > rhythm || m.energy.unseen_s > late / 2);
  return m.energy.available && m.readings > 0 && told ? late : 0;
}

void about_sensor(const Metered& m, const std::string& host, Window window, Remarks& remarks) {
  const Energy& e = m.energy;
  const std::string& label = m.sensor->label;
  if (!e.available && e.stuck_s > 0)
    return remarks.add(Caveat::stuck,
                       fmt::format("{} never moved in {} and measured nothing{}", label, units::duration(e.stuck_s),
                                   m.sensor->counted ? "; it is not in the total" : ""),
                       host);
  if (!e.available) {
    if (m.sensor->counted)
      remarks.add(Caveat::read_errors, label + " gave fewer than two readings and is not in the total", host);
    return;
  }
  if (e.missing > 0)
    remarks.add(
        Caveat::read_errors,
        fmt::format("{}: {} {} failed; {}", label, e.missing, e.missing == 1 ? "reading" : "readings",
                    m.sensor->behavior == Behavior::counter ? "the counter's difference across the gap is exact"
                                                            : "the gap is bridged from its neighbours and widens the +-"),
        host);
  if (e.rejected > 0)
    remarks.add(
        Caveat::read_errors,
        fmt::format("{}: {} {} be right, since the counter was back where it belongs soon after; left out, {}", label,
                    e.rejected, e.rejected == 1 ? "reading cannot" : "readings cannot", "the difference across them is exact"),
        host);
  if (e.stuck_s > 0)
    remarks.add(Caveat::stuck,
                fmt::format("{} stood still for {}; {}", label, units::duration(e.stuck_s),
                            m.sensor->behavior == Behavior::counter ? "what was used then is not in the total"
                                                                    : "that time is bridged and widens the +-"),
                host);
  const double unseen_s = e.unseen_s - late_s(m, window);  // of the time before there is a note by itself
  if (unseen_s > 0.001 && unseen_s > 0.001 * window.seconds())
    remarks.add(Caveat::lost_readings,
                fmt::format("{}: no readings for {} of the run; what it used then is not in the total", label,
                            units::duration(unseen_s)),
                host);
  if (e.invalid > 0 && m.sensor->behavior == Behavior::gauge)
    remarks.add(Caveat::invalid_intervals,
                fmt::format("{}: {} absurd {} thrown out and bridged", label, e.invalid, e.invalid == 1 ? "value" : "values"),
                host);
  else if (e.invalid > 0)
    remarks.add(
        Caveat::invalid_intervals,
        fmt::format("{}: {} {} thrown out as a counter reset or an implausible jump; what was used in {} is not in the total, "
                    "which lies below {}",
                    label, e.invalid, e.invalid == 1 ? "difference" : "differences", units::duration(e.invalid_s),
                    units::si(e.upper_J, "J")),
        host);
  if (e.ambiguous > 0)
    remarks.add(
        Caveat::invalid_intervals,
        fmt::format("{}: {} {} so far apart that a whole counter range may hide between them; {} is the least it can be", label,
                    e.ambiguous, e.ambiguous == 1 ? "pair of readings lies" : "pairs of readings lie",
                    units::si(e.joules, "J")),
        host);
}

/// Sources that took so long to answer that they had a lane of their own; told by their readings' brackets.
void about_slow_source(const Metered& m, const std::string& host, Window window, Remarks& remarks) {
  constexpr double long_s = 0.02;
  if (m.typical_bracket_s < long_s) return;
  const double late_s = static_cast<double>(m.first_ns - window.from_ns) * 1e-9;
  remarks.add(Caveat::slow_source,
              fmt::format("{} takes {} to answer; it was read {} {}{}", m.sensor->label, units::si(m.typical_bracket_s, "s", 2),
                          m.readings, m.readings == 1 ? "time" : "times",
                          late_s > 0.001 ? ", first " + units::duration(late_s) + " after the start" : ""),
              host);
}

/// Sources that had to start while the program ran already. What came together is told together.
void about_latecomers(const std::string& host, const NodeFindings& found, Remarks& remarks) {
  constexpr double together_s = 0.5;
  std::vector<std::pair<double, std::vector<std::string>>> groups;
  for (const Metered& m : found.metered) {
    const double late = late_s(m, found.window);
    if (!m.sensor->counted || late <= 0) continue;
    if (groups.empty() || std::abs(groups.back().first - late) > together_s) groups.push_back({late, {}});
    groups.back().first = std::max(groups.back().first, late);
    groups.back().second.push_back(m.sensor->label);
  }
  for (auto& [late, labels] : groups) {
    constexpr std::size_t most = 3;
    const std::size_t all = labels.size();
    if (all > most) {
      labels.resize(most - 1);
      labels.push_back(fmt::format("{} more", all - most + 1));
    }
    remarks.add(Caveat::slow_source,
                fmt::format("{} began to answer {} after the start only; what {} used before is not in the total",
                            joined(labels), units::duration(late), all == 1 ? "it" : "they"),
                host);
  }
}

/// Sensors that look away most of the time; those alike are told together.
void about_part_time(const std::string& host, const NodeFindings& found, Remarks& remarks) {
  std::vector<std::pair<std::string, std::vector<std::string>>> alike;
  for (const Metered& m : found.metered) {
    if (!m.sensor->counted || !m.energy.available || !part_time(*m.sensor)) continue;
    const auto ms = [](std::int64_t ns) { return text::shortest(static_cast<double>(ns) * 1e-6); };
    const std::string rhythm = fmt::format("{} of every {} ms", ms(m.sensor->averaging_ns), ms(m.sensor->refresh_ns));
    auto at = std::find_if(alike.begin(), alike.end(), [&](const auto& a) { return a.first == rhythm; });
    if (at == alike.end()) at = alike.insert(at, {rhythm, {}});
    at->second.push_back(m.sensor->label);
  }
  for (const auto& [rhythm, labels] : alike)
    remarks.add(Caveat::part_time,
                fmt::format("{} {} for {} only; the +- has room for what happened in between, but not for a load that keeps in "
                            "step with it",
                            joined(labels), labels.size() == 1 ? "looks" : "look", rhythm),
                host);
}

}  // namespace

void about_sensors(const std::string& host, const NodeFindings& found, Remarks& remarks) {
  about_part_time(host, found, remarks);
  about_latecomers(host, found, remarks);
  for (const Metered& m : found.metered) {
    about_sensor(m, host, found.window, remarks);
    about_slow_source(m, host, found.window, remarks);
  }
}

}  // namespace perun
