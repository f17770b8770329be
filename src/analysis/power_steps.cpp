// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/power_steps.hpp"

#include <algorithm>
#include <cmath>
#include <unordered_set>

namespace perun {

namespace {

constexpr double us = 1e-6;

double seconds(std::int64_t from_us, std::int64_t to_us) noexcept {
  return static_cast<double>(to_us - from_us) * us;
}

/// The energy of a track up to each of its times.
std::vector<double> energies(const PowerTrack& track) {
  std::vector<double> joules(track.value.size(), 0);
  const bool points = track.gauge && track.least.empty();
  for (std::size_t i = 1; i < joules.size(); ++i)
    joules[i] = points ? joules[i - 1] + static_cast<double>(track.value[i - 1] + track.value[i]) / 2 * track.unit *
                                             seconds(track.t_us[i - 1], track.t_us[i])
                       : static_cast<double>(track.value[i] - track.value[0]) * track.unit;
  return joules;
}

/// Keeps the times that are at least `shortest_us` apart, those of `cuts`, the first and the last.
void coarsen(PowerSteps& steps, std::int64_t shortest_us, const std::unordered_set<std::int64_t>& cuts) {
  const std::size_t last = steps.t_us.size() - 1;
  std::size_t kept = 0;
  const auto keep = [&](std::size_t i) {
    steps.t_us[kept] = steps.t_us[i];
    steps.joules[kept++] = steps.joules[i];
  };
  for (std::size_t i = 0; i <= last; ++i)
    if (i == 0 || i == last || steps.t_us[i] - steps.t_us[kept - 1] >= shortest_us || cuts.contains(steps.t_us[i])) keep(i);
  // A short rest joins the stretch before it.
  if (kept > 2 && steps.t_us[kept - 1] - steps.t_us[kept - 2] < shortest_us && !cuts.contains(steps.t_us[kept - 2])) {
    steps.t_us[kept - 2] = steps.t_us[kept - 1];
    steps.joules[kept - 2] = steps.joules[kept - 1];
    --kept;
  }
  steps.t_us.resize(kept);
  steps.joules.resize(kept);
}

/// Leaves one of so many times that `most` stretches are left.
void thin(PowerSteps& steps, std::size_t most) {
  const std::size_t stride = (steps.stretches() + most - 1) / most;
  if (stride <= 1) return;
  std::size_t kept = 0;
  const std::size_t last = steps.t_us.size() - 1;
  for (std::size_t i = 0; i <= last; ++i)
    if (i % stride == 0 || i == last) {
      steps.t_us[kept] = steps.t_us[i];
      steps.joules[kept++] = steps.joules[i];
    }
  steps.t_us.resize(kept);
  steps.joules.resize(kept);
}

/// Ends the steps at the run's begin and end; a reading that is missing there is made up for by half a stretch of its
/// neighbour's power, as the run's own figures do.
PowerSteps cut(const PowerSteps& all, std::int64_t length_us) {
  const std::size_t last = all.t_us.size() - 1;
  const auto beyond = [&](std::int64_t t_us) {
    if (t_us < all.t_us.front())
      return std::max(seconds(all.t_us.front(), t_us), -seconds(all.t_us[0], all.t_us[1]) / 2) * all.watts(0);
    if (t_us > all.t_us.back())
      return all.joules.back() +
             std::min(seconds(all.t_us.back(), t_us), seconds(all.t_us[last - 1], all.t_us[last]) / 2) * all.watts(last - 1);
    return all.up_to(t_us);
  };
  const auto nearest = [&](std::int64_t t_us) {
    return std::clamp(t_us, all.t_us.front() - (all.t_us[1] - all.t_us[0]) / 2,
                      all.t_us.back() + (all.t_us[last] - all.t_us[last - 1]) / 2);
  };
  PowerSteps out;
  const std::int64_t from_us = nearest(0), to_us = std::max(nearest(length_us), from_us);
  const double before = beyond(from_us);
  const auto put = [&](std::int64_t t_us, double joules) {
    if (!out.t_us.empty() && t_us <= out.t_us.back()) return;
    out.t_us.push_back(t_us);
    out.joules.push_back(joules - before);
  };
  put(from_us, before);
  for (std::size_t i = 0; i <= last; ++i)
    if (all.t_us[i] > from_us && all.t_us[i] < to_us) put(all.t_us[i], all.joules[i]);
  put(to_us, beyond(to_us));
  out.shortest_us = all.shortest_us;
  for (const auto& [gap_from, gap_to] : all.unread)
    if (gap_to > from_us && gap_from < to_us) out.unread.emplace_back(std::max(gap_from, from_us), std::min(gap_to, to_us));
  return out;
}

}  // namespace

double PowerSteps::watts(std::size_t stretch) const noexcept {
  return (joules[stretch + 1] - joules[stretch]) / seconds(t_us[stretch], t_us[stretch + 1]);
}

double PowerSteps::up_to(std::int64_t t) const noexcept {
  if (t_us.empty() || t <= t_us.front()) return 0;
  if (t >= t_us.back()) return joules.back();
  const auto i = static_cast<std::size_t>(std::ranges::upper_bound(t_us, t) - t_us.begin()) - 1;
  return joules[i] + watts(i) * seconds(t_us[i], t);
}

PowerSteps steps_of(const PowerTrack& track, std::int64_t length_us, std::size_t most) {
  if (track.t_us.size() < 2) return {};
  PowerSteps all{.t_us = track.t_us, .joules = energies(track), .unread = {}, .shortest_us = 0};
  std::unordered_set<std::int64_t> cuts;
  for (const auto& [at, known] : track.gaps) {
    if (known || at + 1 >= track.t_us.size()) continue;
    all.unread.emplace_back(track.t_us[at], track.t_us[at + 1]);
    cuts.insert({track.t_us[at], track.t_us[at + 1]});
    // What the drawing of a gauge would have there is no reading.
    const double inside = all.joules[at + 1] - all.joules[at];
    if (inside != 0)
      for (std::size_t i = at + 1; i < all.joules.size(); ++i) all.joules[i] -= inside;
  }
  all.shortest_us = std::llround(std::max(track.shortest_s, track.refresh_s) / us);
  if (!track.gauge && track.least.empty()) coarsen(all, std::llround(track.shortest_s / us), cuts);
  PowerSteps out = cut(all, length_us);
  thin(out, std::max<std::size_t>(most, 1));
  return out;
}

PowerSteps sum_of(std::span<const PowerSteps> parts, std::size_t most) {
  PowerSteps out;
  for (const auto& part : parts) {
    out.t_us.insert(out.t_us.end(), part.t_us.begin(), part.t_us.end());
    out.unread.insert(out.unread.end(), part.unread.begin(), part.unread.end());
    out.shortest_us = std::max(out.shortest_us, part.shortest_us);
  }
  std::ranges::sort(out.t_us);
  const auto twice = std::ranges::unique(out.t_us);
  out.t_us.erase(twice.begin(), twice.end());
  // Meters that are read one after the other do not make a stretch of their own.
  PowerSteps all{.t_us = out.t_us, .joules = std::vector<double>(out.t_us.size(), 0), .unread = {}, .shortest_us = 0};
  for (const auto& part : parts)
    for (std::size_t i = 0; i < all.t_us.size(); ++i) all.joules[i] += part.up_to(all.t_us[i]);
  if (all.t_us.size() > 1) {
    const auto finest = std::ranges::max_element(parts, {}, &PowerSteps::stretches);
    const auto mean_us =
        (all.t_us.back() - all.t_us.front()) / static_cast<std::int64_t>(std::max<std::size_t>(finest->stretches(), 1));
    coarsen(all, mean_us / 2, {});
    thin(all, std::max<std::size_t>(most, 1));
  }
  out.t_us = std::move(all.t_us);
  out.joules = std::move(all.joules);
  return out;
}

}  // namespace perun
