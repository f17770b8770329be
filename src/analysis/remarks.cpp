// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/remarks.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace perun {

void Remarks::add(Caveat caveat, std::string text, const std::string& host) {
  for (auto& r : remarks_)
    if (r.caveat == caveat && r.text == text) {
      r.hosts.push_back(host);
      return;
    }
  remarks_.push_back({caveat, std::move(text), {host}});
}

std::vector<Note> Remarks::notes(std::size_t nodes) const {
  constexpr std::array order{Caveat::no_sensor,    Caveat::estimated_part,    Caveat::interrupted,    Caveat::simulated,
                             Caveat::too_short,    Caveat::shared_node,       Caveat::net_below_zero, Caveat::baseline_not_idle,
                             Caveat::stuck,        Caveat::invalid_intervals, Caveat::read_errors,    Caveat::lost_readings,
                             Caveat::clocks_apart, Caveat::clock_jump,        Caveat::slow_source,    Caveat::slowed_down,
                             Caveat::blocked,      Caveat::overlapping,       Caveat::late_ticks,     Caveat::part_time,
                             Caveat::not_measured, Caveat::foreign_data};
  std::vector<Note> out;
  for (const Caveat caveat : order) {
    std::size_t told = 0, left = 0;
    for (const auto& r : remarks_) {
      if (r.caveat != caveat) continue;
      if (told < 4) {
        out.push_back({caveat, r.text + where(r.hosts, nodes)});
        ++told;
      } else {
        ++left;
      }
    }
    if (left > 0) out.push_back({caveat, fmt::format("{} more of the same kind on other nodes or sensors", left)});
  }
  return out;
}

std::string Remarks::where(const std::vector<std::string>& hosts, std::size_t nodes) {
  if (nodes < 2 || hosts.front().empty()) return "";
  if (hosts.size() == nodes) return fmt::format(" (on all {} nodes)", nodes);
  std::string out = " (on " + hosts.front();
  for (std::size_t i = 1; i < hosts.size() && i < 3; ++i) out += ", " + hosts[i];
  if (hosts.size() > 3) out += fmt::format(" and {} more", hosts.size() - 3);
  return out + ")";
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) out += (i == 0 ? "" : i + 1 == words.size() ? " and " : ", ") + words[i];
  return out;
}

}  // namespace perun
