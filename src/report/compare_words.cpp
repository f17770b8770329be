// SPDX-License-Identifier: BSD-3-Clause
#include "report/compare_words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <vector>

#include "base/text.hpp"
#include "base/units.hpp"
#include "report/layout.hpp"
#include "report/wording.hpp"

namespace perun::compare_words {

using layout::printable;

namespace {

constexpr std::array<std::string_view, 4> titles{"Energy", "Time", "Power", "EDP"};

/// "0 to 9", "3", "0, 2, 5", "12 runs".
std::string numbers(const Side& side) {
  constexpr std::size_t most = 5;
  std::vector<int> all;
  for (const auto& run : side.runs) all.push_back(run.number);
  if (all.front() < 0) return "";
  const bool row = all.back() - all.front() == static_cast<int>(all.size()) - 1 && std::ranges::is_sorted(all);
  if (row && all.size() > 1) return fmt::format(" runs {} to {}", all.front(), all.back());
  if (all.size() > most) return fmt::format(" {} runs", all.size());
  return fmt::format(" {} {}", all.size() == 1 ? "run" : "runs", fmt::join(all, ", "));
}

}  // namespace

std::string_view title(Metric metric) noexcept {
  return titles[static_cast<std::size_t>(metric)];
}

std::string percent(double confidence) {
  return text::shortest(std::round(confidence * 1e6) / 1e4) + " %";
}

std::string letter(std::size_t side) {
  constexpr std::size_t letters = 26;
  std::string out(1, static_cast<char>('A' + side % letters));
  return side < letters ? out : out + std::to_string(side / letters);
}

std::string value_cell(Metric metric, const Figure& f) {
  if (f.kind == Kind::unavailable) return "n/a";
  if (metric == Metric::time && f.mean >= 999.95) return units::significant(f.mean) + " s";
  if (metric == Metric::power) return wording::watts(f.mean);
  return units::si(f.mean, metric_units[static_cast<std::size_t>(metric)]);
}

std::string ratio_cell(double ratio) {
  return ratio < 9.99995 && ratio >= 0.01 ? fmt::format("{:.4f}", ratio) : units::significant(ratio);
}

std::string interval_cell(const Change& c) {
  return c.kind == Kind::unavailable ? "" : ratio_cell(c.interval.lower) + ".." + ratio_cell(c.interval.upper);
}

std::string verdict_cell(const Change& c) {
  const auto by = [&] { return units::significant(std::abs(c.ratio - 1) * 100, 3); };
  switch (c.verdict) {
    case Verdict::not_known:
      return "n/a";
    case Verdict::no_difference:
      return "no detectable difference" + std::string(wording::tag(c.kind));
    case Verdict::lower:
      return fmt::format("{} % lower{}", by(), wording::tag(c.kind));
    case Verdict::higher:
      return fmt::format("{} % higher{}", by(), wording::tag(c.kind));
  }
  return "";
}

std::string about(const Side& side, const Figure& energy, const Figure& time) {
  std::set<std::string> hosts;
  for (const auto& run : side.runs)
    for (const auto& node : run.nodes) hosts.insert(printable(node.host));
  std::string out =
      printable(side.file.empty() ? side.name : side.file) + numbers(side) + ": " + printable(side.runs.front().app);
  if (hosts.size() == 1) out += " on " + *hosts.begin();
  if (hosts.size() > 1) out += fmt::format(" on {} nodes", hosts.size());
  if (side.runs.size() < 2) return out;
  out += "; from run to run";
  if (energy.kind != Kind::unavailable) out += fmt::format(" energy +- {} %,", units::significant(energy.spread * 100, 2));
  return out + fmt::format(" time +- {} %", units::significant(time.spread * 100, 2));
}

std::string bootstrapped(const Changes& changes) {
  std::string out;
  for (const Change& c : changes)
    if (c.bootstrapped)
      out += fmt::format("{}{} {}..{}", out.empty() ? "" : ", ", name(c.metric), ratio_cell(c.bootstrapped->lower),
                         ratio_cell(c.bootstrapped->upper));
  return out;
}

}  // namespace perun::compare_words
